//! The body of an upload on its way into a store.

use bytes::Bytes;
use tokio::sync::mpsc;

/// What travels from the gate to the store.
#[derive(Debug)]
pub enum Piece {
    /// Bytes of the object, never empty.
    Data(Bytes),
    /// The object is complete and every check on it has passed. Without it nothing may be stored.
    Commit {
        /// The sealed ETag (unquoted), for stores that keep one for listings.
        etag: Box<str>,
    },
}

/// The receiving end: a store takes pieces until [`Piece::Commit`]. `None` before that means that the upload failed.
#[derive(Debug)]
pub struct Body(mpsc::Receiver<Piece>);

/// The sending end. Dropping it without [`commit`](BodyWriter::commit) tells the store to keep nothing.
#[derive(Debug)]
pub struct BodyWriter(mpsc::Sender<Piece>);

/// The store stopped taking the body; its `put` says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store stopped taking the body")]
pub struct StoreStopped;

impl Body {
    /// A body and the end to feed it by; at most `pieces` wait in between.
    pub fn channel(pieces: usize) -> (BodyWriter, Self) {
        let (sender, receiver) = mpsc::channel(pieces);
        (BodyWriter(sender), Self(receiver))
    }

    /// A body that is all here and was checked.
    pub fn whole(bytes: Bytes, etag: impl Into<Box<str>>) -> Self {
        let (sender, receiver) = mpsc::channel(2);
        // The channel was made with room for both pieces, so neither send can fail.
        if !bytes.is_empty() {
            let _ = sender.try_send(Piece::Data(bytes));
        }
        let _ = sender.try_send(Piece::Commit { etag: etag.into() });
        Self(receiver)
    }

    /// The next piece; `None`: the sender is gone.
    pub async fn next(&mut self) -> Option<Piece> {
        self.0.recv().await
    }
}

impl BodyWriter {
    /// Hands over bytes, waiting while the store is busy.
    ///
    /// # Errors
    /// [`StoreStopped`] when the store no longer listens.
    pub async fn data(&self, bytes: Bytes) -> Result<(), StoreStopped> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.0.send(Piece::Data(bytes)).await.map_err(|_| StoreStopped)
    }

    /// Says that the object is complete and checked.
    ///
    /// # Errors
    /// [`StoreStopped`] when the store no longer listens.
    pub async fn commit(self, etag: impl Into<Box<str>>) -> Result<(), StoreStopped> {
        self.0.send(Piece::Commit { etag: etag.into() }).await.map_err(|_| StoreStopped)
    }
}
