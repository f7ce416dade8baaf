//! Bodies of uploads on their way from the gate to the store.
//!
//! The piece that makes a body complete is held back until the gate says that all checks on it have passed. Until then the
//! store has less than was announced, and keeps nothing.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::outgoing::Feeder;
use super::send::Failed;
use crate::pace::{Pace, TooSlow, Window};
use crate::store::{Body, Piece, PutError};

/// A body of which some was received.
pub(super) struct Pieces {
    body: Body,
    length: u64,
    /// Bytes to come.
    left: u64,
    first: Option<Bytes>,
    all_handed_over: bool,
}

/// What is known of a body when its first piece is here.
pub(super) enum Begun {
    /// That was all of it, and it passed its checks.
    Whole(Bytes),
    /// There is more to come.
    More(Pieces),
}

/// How far a body came.
pub(super) enum Feed {
    /// The client has all of it.
    All,
    /// It was not completed.
    Incomplete,
    /// The store took nothing, or too little, for too long. The last piece was not handed over.
    Stuck,
    /// The client takes no more.
    Closed,
}

impl Pieces {
    /// Waits for the first piece of a body of `length` bytes. If it is the only one: also for the end.
    ///
    /// # Errors
    /// [`PutError::Incomplete`].
    pub(super) async fn begin(length: u64, mut body: Body) -> Result<Begun, PutError> {
        let first = match body.next().await {
            Some(Piece::Data(bytes)) => bytes,
            Some(Piece::Commit { .. }) if length == 0 => return Ok(Begun::Whole(Bytes::new())),
            Some(Piece::Commit { .. }) | None => return Err(PutError::Incomplete),
        };
        let left = length.checked_sub(first.len() as u64).ok_or(PutError::Incomplete)?;
        if left > 0 {
            return Ok(Begun::More(Self { body, length, left, first: Some(first), all_handed_over: false }));
        }
        match body.next().await {
            Some(Piece::Commit { .. }) => Ok(Begun::Whole(first)),
            Some(Piece::Data(_)) | None => Err(PutError::Incomplete),
        }
    }

    /// The length of the body.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the store may have got the last byte, or may get it yet.
    pub(super) fn all_handed_over(&self) -> bool {
        self.all_handed_over
    }

    /// Hands over all of it. The store may take so long for each piece, the sender as long as it likes.
    pub(super) async fn feed(&mut self, feeder: Feeder, patience: Duration) -> Feed {
        let mut client =
            HandOver { client: feeder.pieces, pace: Pace::of_store(patience), window: Window::default() };
        if let Some(first) = self.first.take()
            && let Err(end) = client.hand_over(first).await
        {
            return end;
        }
        loop {
            let piece = match self.body.next().await {
                Some(Piece::Data(piece)) => piece,
                Some(Piece::Commit { .. }) | None => return Feed::Incomplete,
            };
            let Some(left) = self.left.checked_sub(piece.len() as u64) else { return Feed::Incomplete };
            self.left = left;
            if left > 0 {
                if let Err(end) = client.hand_over(piece).await {
                    return end;
                }
                continue;
            }
            let Some(Piece::Commit { .. }) = self.body.next().await else { return Feed::Incomplete };
            // What is not handed over never gets there; what is may, however slow the store was until then.
            if let Err(end) = client.send(piece).await {
                return end;
            }
            self.all_handed_over = true;
            return Feed::All;
        }
    }
}

/// Hands pieces over, and measures how long that takes.
struct HandOver {
    client: mpsc::Sender<Bytes>,
    pace: Pace,
    window: Window,
}

impl HandOver {
    /// Hands over a piece that is not the last.
    async fn hand_over(&mut self, piece: Bytes) -> Result<(), Feed> {
        let (length, begun) = (piece.len() as u64, Instant::now());
        self.send(piece).await?;
        self.window.moved(&self.pace, begun.elapsed(), length).map_err(|TooSlow| Feed::Stuck)
    }

    /// Hands over a piece, however long the others took. After an error nobody has it, nor will have.
    async fn send(&self, piece: Bytes) -> Result<(), Feed> {
        match timeout(self.pace.idle(), self.client.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Feed::Closed),
            Err(_) => Err(Feed::Stuck),
        }
    }
}

/// Why a streamed body is not stored, or perhaps not.
pub(super) enum NotSent {
    /// It was not completed.
    Incomplete,
    /// The store failed or refused, and did not have all of it.
    Before(Failed),
    /// The same, and it perhaps had all of it.
    After(Failed),
}

impl From<NotSent> for PutError {
    fn from(not_sent: NotSent) -> Self {
        match not_sent {
            NotSent::Incomplete => Self::Incomplete,
            NotSent::After(failed) => failed.into(),
            NotSent::Before(failed) => match failed.into() {
                Self::Unknown(error) => Self::NotStored(error),
                error => error,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::super::outgoing::Outgoing;
    use super::*;

    /// Feeds a store that takes a piece of this length now and then; says how it ended, and after how long.
    async fn fed(piece: usize, now_and_then: Duration) -> (Feed, Duration) {
        const LENGTH: u64 = 32 << 20;
        let (writer, body) = Body::channel(1);
        let sending = tokio::spawn(async move { while writer.data(vec![0; piece].into()).await.is_ok() {} });
        let Ok(Begun::More(mut pieces)) = Pieces::begin(LENGTH, body).await else { panic!("there is more") };
        let (feeder, mut outgoing) = Outgoing::streamed(LENGTH);
        let taking = tokio::spawn(async move {
            while outgoing.frame().await.is_some() {
                tokio::time::sleep(now_and_then).await;
            }
        });
        let begun = Instant::now();
        let end = pieces.feed(feeder, Duration::from_secs(30)).await;
        taking.abort();
        sending.abort();
        (end, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_takes_too_little_is_given_up() {
        let (end, after) = fed(1000, Duration::from_secs(29)).await;
        assert!(matches!(end, Feed::Stuck));
        assert!(after < Duration::from_secs(120), "{after:?}");
        // As slowly, but more at a time: such a store is as it is.
        let (end, _) = fed(256 << 10, Duration::from_secs(29)).await;
        assert!(matches!(end, Feed::Incomplete), "all that was not the last piece was taken");
    }

    /// However slow it was: what has all of a body may keep it, and nobody says that it does not.
    #[tokio::test(start_paused = true)]
    async fn a_store_that_was_too_slow_has_the_last_piece_when_that_was_handed_over() {
        // The window ends with the last piece, and with far too little in it.
        const PIECES: u64 = 4;
        let (writer, body) = Body::channel(1);
        let sending = tokio::spawn(async move {
            for _ in 0..PIECES {
                writer.data(Bytes::from_static(b"x")).await.unwrap();
            }
            writer.commit("etag").await.unwrap();
        });
        let Ok(Begun::More(mut pieces)) = Pieces::begin(PIECES, body).await else { panic!("there is more") };
        let (feeder, mut outgoing) = Outgoing::streamed(PIECES);
        let taken = feeder.taken();
        let taking = tokio::spawn(async move {
            for _ in 0..PIECES {
                tokio::time::sleep(Duration::from_secs(12)).await;
                outgoing.frame().await.unwrap().unwrap();
            }
        });
        let end = pieces.feed(feeder, Duration::from_secs(30)).await;
        assert!(matches!(end, Feed::All));
        assert!(pieces.all_handed_over());
        taking.await.unwrap();
        assert!(taken.load(std::sync::atomic::Ordering::Relaxed));
        sending.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_piece_that_is_not_taken_is_not_on_its_way() {
        let (writer, body) = Body::channel(1);
        let sending = tokio::spawn(async move {
            for _ in 0..2 {
                writer.data(Bytes::from_static(b"x")).await.unwrap();
            }
            writer.commit("etag").await.unwrap();
        });
        let Ok(Begun::More(mut pieces)) = Pieces::begin(2, body).await else { panic!("there is more") };
        let (feeder, mut outgoing) = Outgoing::streamed(2);
        let end = pieces.feed(feeder, Duration::from_secs(30)).await;
        assert!(matches!(end, Feed::Stuck));
        assert!(!pieces.all_handed_over());
        outgoing.frame().await.unwrap().unwrap();
        let rest = outgoing.frame().await;
        assert!(rest.unwrap().is_err(), "the request is abandoned");
        sending.await.unwrap();
    }
}
