//! A file as the body of an upload.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use hallmark_signer::Sha256Digest;
use http_body::{Body, Frame, SizeHint};
use indicatif::ProgressBar;

/// Bytes read at once.
const CHUNK: u64 = 256 << 10;

/// The first `size` bytes of a file. Each attempt reads it again from its beginning; whether it is still what was hashed
/// is for the endpoint to say, which is told the digest.
pub(crate) fn of_file(path: &Path, size: u64, bar: &ProgressBar) -> ByteStream {
    let (path, bar): (PathBuf, _) = (path.to_owned(), bar.clone());
    ByteStream::new(SdkBody::retryable(move || {
        bar.set_position(0);
        SdkBody::from_body_1_x(FileBody { file: Some(File::open(&path)), left: size, bar: bar.clone() })
    }))
}

struct FileBody {
    /// `None`: it failed, and that was told.
    file: Option<Result<File, Error>>,
    left: u64,
    bar: ProgressBar,
}

impl FileBody {
    fn next(&mut self) -> Option<Result<Bytes, Error>> {
        if self.left == 0 {
            return None;
        }
        let mut chunk = Vec::new();
        // Reads from a disk do not block for long, and nothing else waits for this thread but the connection.
        let read = self.file.take()?.and_then(|file| {
            (&file).take(self.left.min(CHUNK)).read_to_end(&mut chunk)?;
            Ok(file)
        });
        Some(match read {
            Ok(_) if chunk.is_empty() => Err(Error::new(ErrorKind::UnexpectedEof, "the file became shorter")),
            Ok(file) => {
                self.file = Some(Ok(file));
                self.left -= chunk.len() as u64;
                self.bar.inc(chunk.len() as u64);
                Ok(chunk.into())
            }
            Err(error) => Err(error),
        })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(self.next().map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Has the request's signature cover the body: the SDK signs `UNSIGNED-PAYLOAD` for bodies that it does not hold, which
/// the endpoint takes over TLS or loopback only.
#[derive(Debug)]
pub(crate) struct SignedPayload(pub(crate) Sha256Digest);

impl Intercept for SignedPayload {
    fn name(&self) -> &'static str {
        "SignedPayload"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(self.0.to_hex()));
        Ok(())
    }
}
