//! Bytes that may be served, and the streams that are made of them.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

use super::fault::ProofError;
use super::reader::LeafReader;

/// Bytes that may go out: they matched their sealed digest, or are of an object without a seal that the configuration
/// says, with `dangerous_serve_unsealed`, to serve all the same.
///
/// ```compile_fail
/// # use hallmark_proxy::proof::Released;
/// let forged = Released(bytes::Bytes::from_static(b"anything"));
/// ```
#[derive(Debug)]
pub struct Released(pub(super) Bytes);

impl Released {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A download whose first leaf has been checked and whose further leaves will be, each before it goes out.
pub struct Release {
    pub(super) stream: Pin<Box<dyn Stream<Item = Result<Released, ProofError>> + Send>>,
    pub(super) length: u64,
}

impl Release {
    /// Reads and checks the first leaf of what `reader` was opened for.
    ///
    /// # Errors
    /// The first leaf is not what was sealed, or cannot be read.
    pub async fn open(mut reader: LeafReader) -> Result<Self, ProofError> {
        let length = reader.remaining();
        let first = reader.next().await?;
        let stream = futures_util::stream::unfold((reader, first), |(mut reader, mut leaf)| async {
            loop {
                match leaf {
                    None => return None,
                    Some(mut pieces) => {
                        if let Some(piece) = pieces.pop_front() {
                            return Some((Ok(piece), (reader, Some(pieces))));
                        }
                    }
                }
                leaf = match reader.next().await {
                    Ok(next) => next,
                    Err(error) => return Some((Err(error), (reader, None))),
                };
            }
        });
        Ok(Self { stream: Box::pin(stream), length })
    }

    /// Bytes that will come.
    pub fn length(&self) -> u64 {
        self.length
    }
}
