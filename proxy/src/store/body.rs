//! The body of an upload on its way into a store.

use bytes::Bytes;
use hallmark_signer::Sha256Digest;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use super::ANSWER;

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
pub struct Body {
    pieces: mpsc::Receiver<Piece>,
    sha256: Option<Sha256Digest>,
}

/// The sending end. Dropping it without [`commit`](BodyWriter::commit) tells the store to keep nothing.
#[derive(Debug)]
pub struct BodyWriter(mpsc::Sender<Piece>);

/// The store stopped taking the body; its `put` says why, if it says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store stopped taking the body")]
pub struct StoreStopped;

impl Body {
    /// A body and the end to feed it by; at most `pieces` wait in between.
    pub fn channel(pieces: usize) -> (BodyWriter, Self) {
        let (sender, receiver) = mpsc::channel(pieces);
        (BodyWriter(sender), Self::of(receiver))
    }

    /// A body that is all here and was checked.
    pub fn whole(bytes: Bytes, etag: impl Into<Box<str>>) -> Self {
        let (sender, receiver) = mpsc::channel(2);
        // The channel was made with room for both pieces, so neither send can fail.
        if !bytes.is_empty() {
            let _ = sender.try_send(Piece::Data(bytes));
        }
        let _ = sender.try_send(Piece::Commit { etag: etag.into() });
        Self::of(receiver)
    }

    /// The same body, of which `digest` was computed already: stores that can have it compared with what arrives do.
    #[must_use]
    pub fn digested(self, digest: Sha256Digest) -> Self {
        Self { sha256: Some(digest), ..self }
    }

    /// The SHA-256 of all of it, where that is known beforehand.
    pub fn sha256(&self) -> Option<&Sha256Digest> {
        self.sha256.as_ref()
    }

    fn of(pieces: mpsc::Receiver<Piece>) -> Self {
        Self { pieces, sha256: None }
    }

    /// The next piece; `None`: the sender is gone.
    pub async fn next(&mut self) -> Option<Piece> {
        self.pieces.recv().await
    }
}

impl BodyWriter {
    /// Hands over bytes, waiting while the store is busy, but not for ever.
    ///
    /// # Errors
    /// [`StoreStopped`] when the store no longer listens, or took nothing for 30 seconds.
    pub async fn data(&self, bytes: Bytes) -> Result<(), StoreStopped> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.send(Piece::Data(bytes)).await
    }

    /// Says that the object is complete and checked.
    ///
    /// # Errors
    /// [`StoreStopped`] when the store no longer listens, or took nothing for 30 seconds.
    pub async fn commit(self, etag: impl Into<Box<str>>) -> Result<(), StoreStopped> {
        self.send(Piece::Commit { etag: etag.into() }).await
    }

    async fn send(&self, piece: Piece) -> Result<(), StoreStopped> {
        match self.0.try_send(piece) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(StoreStopped),
            Err(TrySendError::Full(piece)) => {
                let sent = timeout(ANSWER, self.0.send(piece)).await;
                sent.ok().and_then(Result::ok).ok_or(StoreStopped)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_for_a_store_that_takes_nothing() {
        let (writer, mut body) = Body::channel(1);
        writer.data(Bytes::from_static(b"first")).await.unwrap();
        assert_eq!(writer.data(Bytes::from_static(b"second")).await, Err(StoreStopped));
        assert!(matches!(body.next().await, Some(Piece::Data(_))));
        writer.data(Bytes::from_static(b"third")).await.unwrap();
        drop(body);
        assert_eq!(writer.commit("etag").await, Err(StoreStopped));
    }
}
