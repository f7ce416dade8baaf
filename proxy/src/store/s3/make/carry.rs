//! Through here: the bytes are read, and sent back as one upload that the store takes with all that is said of it.
//!
//! Nobody but us sees what passes here, and what is made of it is checked when it is downloaded like anything else.

use futures_util::StreamExt as _;

use super::super::S3Store;
use super::super::hot::Lasting;
use super::source::{Bytes, Unmade, unread};
use crate::name::ObjectName;
use crate::proof::ByteStream;
use crate::store::{Body, BodyWriter, Committed, PutError, Span, Write, aside, step};

impl S3Store {
    /// Reads `bytes` and puts them under `object`. They become visible only if `still` holds when all of them are on their
    /// way but the last.
    pub(in crate::store::s3) async fn carry(
        &self,
        bytes: &Bytes<'_>,
        object: &ObjectName,
        write: Write,
        still: impl Future<Output = Result<(), Unmade>> + Send,
    ) -> Result<Committed, Unmade> {
        let read = self.read(bytes.place, bytes.version, &Span::All, Some(bytes.pin), Lasting::Read).await;
        let (answer, extent) = read.map_err(unread)?;
        if extent.whole != bytes.length {
            return Err(Unmade::Source);
        }
        let (writer, body) = Body::channel(1);
        let put = aside(self.put_object(object, write, bytes.length, body));
        let feed = feed(Box::pin(answer.stream(bytes.length)), writer, still);
        let (put, fed) = tokio::join!(put, feed);
        match (put, fed) {
            (Ok(committed), _) => Ok(committed),
            // The store did not take all of it, and says why.
            (Err(error), Ok(())) => Err(error.into()),
            // It took nothing because it was not given all of it.
            (Err(PutError::Incomplete), Err(unfed)) => Err(unfed),
            (Err(error), Err(_)) => Err(error.into()),
        }
    }
}

/// Hands on what is read, the last piece only if `still` holds. A store that stops listening says why itself.
async fn feed(
    mut bytes: ByteStream,
    writer: BodyWriter,
    still: impl Future<Output = Result<(), Unmade>> + Send,
) -> Result<(), Unmade> {
    let mut held = None;
    while let Some(piece) = bytes.next().await {
        let piece = piece.map_err(|error| Unmade::Error(PutError::NotStored(error)))?;
        if let Some(held) = held.replace(piece)
            && writer.data(held).await.is_err()
        {
            return Ok(());
        }
        step();
    }
    still.await?;
    if let Some(held) = held
        && writer.data(held).await.is_err()
    {
        return Ok(());
    }
    let _ = writer.commit("").await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::super::source::unavailable;
    use super::*;
    use crate::store::{Piece, StoreError, StoreFault};

    async fn pieces(
        stream: Vec<Result<Bytes, StoreError>>,
        still: Result<(), Unmade>,
    ) -> (Vec<Bytes>, bool, Result<(), Unmade>) {
        let (writer, mut body) = Body::channel(8);
        let fed = feed(Box::pin(stream::iter(stream)), writer, async { still }).await;
        let (mut got, mut committed) = (Vec::new(), false);
        while let Some(piece) = body.next().await {
            match piece {
                Piece::Data(bytes) => got.push(bytes),
                Piece::Commit { .. } => committed = true,
            }
        }
        (got, committed, fed)
    }

    #[tokio::test]
    async fn all_pieces_are_handed_on_in_order() {
        for count in 0..4u8 {
            let all: Vec<Bytes> = (0..count).map(|n| Bytes::from(vec![n])).collect();
            let (got, committed, fed) = pieces(all.iter().cloned().map(Ok).collect(), Ok(())).await;
            assert_eq!((got, committed, fed.is_ok()), (all, true, true));
        }
    }

    #[tokio::test]
    async fn the_last_piece_is_held_back_for_the_last_question() {
        let two = || vec![Ok(Bytes::from_static(b"1")), Ok(Bytes::from_static(b"2"))];
        let (got, committed, fed) = pieces(two(), Err(Unmade::Source)).await;
        assert_eq!((got.len(), committed), (1, false));
        assert!(matches!(fed, Err(Unmade::Source)));
        let broken = two().into_iter().chain([Err(unavailable("cut"))]).collect();
        let (_, committed, fed) = pieces(broken, Ok(())).await;
        assert!(!committed);
        assert!(matches!(
            fed,
            Err(Unmade::Error(PutError::NotStored(StoreError { fault: StoreFault::Unavailable, .. })))
        ));
    }
}
