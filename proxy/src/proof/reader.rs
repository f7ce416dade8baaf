//! Reading leaf by leaf: a leaf is released when it matched its sealed digest, and not before.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use hallmark_signer::{CheckId, ExpectedLeaf, LEAF_SIZE, Seal, SealId};

use super::admitted::Admitted;
use super::at_hand::AtHand;
use super::cursor::Cursor;
use super::fault::ProofError;
use super::flight::Flight;
use super::kept::Kept;
use super::leaf::Leaf;
use super::leaves::{Leaves, leaves_of, widen};
use super::released::Released;
use super::suspects::Suspects;
use super::unverified::UnverifiedBody;
use crate::gate::Reservation;
use crate::name::ObjectName;
use crate::store::{GetError, Pin, Span, Store, VersionId};

/// The most that reading holds: one leaf, and what the store sent beyond it.
pub(crate) const READING: u64 = LEAF_SIZE + 256 * 1024;

/// How long a reader waits for a leaf that another one has read. No longer than its client would wait in any case.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many flights a reader puts its hopes in for one leaf.
const MAX_FLIGHTS: usize = 2;

/// What a reader of an artifact works with.
pub(crate) struct Reading {
    /// Where the artifact is.
    pub(crate) store: Arc<dyn Store>,
    /// Is told of leaves that are bad.
    pub(crate) suspects: Arc<Suspects>,
    /// Where leaves are kept.
    pub(crate) kept: Arc<Kept>,
    /// For what is held, [`READING`] bytes at most; returned when the last byte is out.
    pub(crate) memory: Option<Reservation>,
}

/// Where the bytes of an artifact come from.
pub(crate) enum Origin {
    /// From the store, which has been asked.
    Stored(UnverifiedBody),
    /// From memory, or from where others are reading them just now.
    AtHand(AtHand),
}

/// Reads a span of an admitted artifact leaf by leaf. Holds one leaf and what the store sent beyond it.
pub struct LeafReader {
    with: Reading,
    seal: Option<SealId>,
    name: ObjectName,
    version: Option<VersionId>,
    pin: Pin,
    length: u64,
    leaves: Leaves,
    /// What the client gets.
    wanted: Range<u64>,
    /// The leaf that is read next.
    next: u64,
    done: bool,
    /// Under which seal leaves are kept, and looked for; `None`: they are not.
    keep: Option<CheckId>,
    /// The leaf that is read next, if it is there already.
    first: Option<Leaf>,
    /// A body that nobody else reads.
    own: Option<Cursor>,
    /// A body that others read too.
    flight: Option<(Arc<Flight>, Part)>,
    /// A flight from which nothing is hoped for any more.
    given_up: Weak<Flight>,
}

/// What a reader has to do with a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It began it, for itself: what goes wrong there went wrong for this reader.
    Began,
    /// It follows another reader's.
    Follows,
}

/// How others find a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// Unless there is one.
    AmongFirst,
    /// In the place of one that is of no use.
    InPlace,
}

impl Admitted {
    /// Reads `wanted` (within the artifact) from `origin`, which must begin at the first leaf of it.
    ///
    /// # Errors
    /// [`GetError::Changed`]: `origin` is of another version than was admitted, or of another span.
    pub(crate) fn read(
        &self,
        with: Reading,
        wanted: Range<u64>,
        origin: Origin,
    ) -> Result<LeafReader, GetError> {
        let span = leaves_of(&wanted);
        let check = self.seal().map(|seal| *seal.check_id());
        let mut reader = LeafReader {
            seal: self.seal().map(Seal::id),
            name: self.name().clone(),
            version: self.version().cloned(),
            pin: self.pin().clone(),
            length: self.length(),
            leaves: self.leaves(),
            next: span.start,
            done: false,
            keep: check.filter(|_| with.kept.keeps(&span)),
            wanted,
            with,
            first: None,
            own: None,
            flight: None,
            given_up: Weak::new(),
        };
        match origin {
            Origin::Stored(body) => {
                reader.begin(body, span.start)?;
                reader.share(Listed::AmongFirst);
            }
            Origin::AtHand(AtHand { first, flight }) => {
                reader.first = first;
                reader.flight = flight.map(|flight| (flight, Part::Follows));
            }
        }
        Ok(reader)
    }
}

impl LeafReader {
    /// Bytes that the client will get.
    pub fn remaining(&self) -> u64 {
        self.wanted.end - self.wanted.start
    }

    /// The next leaf, checked and cut to what is wanted; `None` after the last.
    ///
    /// # Errors
    /// The leaf is not what was sealed, also after it was read a second time.
    pub async fn next(&mut self) -> Result<Option<VecDeque<Released>>, ProofError> {
        if self.done {
            return Ok(None);
        }
        let index = self.next;
        let start = index * LEAF_SIZE;
        let end = start.saturating_add(LEAF_SIZE).min(self.length);
        let expected = self.leaves.expected(&*self.with.store, index).await?;
        let pieces = match self.leaf(index, expected.clone()).await {
            Ok(pieces) => pieces,
            Err(first) => {
                // A transient fault of the store looks like this too, so it gets one more chance.
                tracing::warn!(object = %self.name, leaf = index, error = %first, "leaf is read once more");
                self.reopen(index).await.map_err(|_| first)?;
                self.take(expected).await.inspect_err(|error| self.suspect(index, error))?
            }
        };
        self.next += 1;
        self.done = end >= self.wanted.end;
        Ok(Some(cut(pieces, start, &self.wanted)))
    }

    /// Leaf `index`, from wherever it is to be had.
    async fn leaf(&mut self, index: u64, expected: Option<ExpectedLeaf>) -> Result<Vec<Bytes>, ProofError> {
        if let Some(leaf) = self.first.take() {
            return Ok(vec![leaf.bytes().clone()]);
        }
        // Twice: what is asked of the store then may be shared with those who wait in vain as this reader did.
        for _ in 0..2 {
            if self.own.as_ref().is_some_and(|own| own.next() == index) {
                return self.take(expected).await;
            }
            if let Some(leaf) = self.shared(index, expected.as_ref()).await? {
                return Ok(vec![leaf.bytes().clone()]);
            }
            self.reopen(index).await?;
            self.share(Listed::InPlace);
        }
        Err(GetError::Changed.into())
    }

    /// Leaf `index` from memory, or from where others read it; `None`: it is in neither.
    async fn shared(
        &mut self,
        index: u64,
        expected: Option<&ExpectedLeaf>,
    ) -> Result<Option<Leaf>, ProofError> {
        let (Some(check), Some(expected)) = (self.keep, expected) else { return Ok(None) };
        for _ in 0..MAX_FLIGHTS {
            // A flight is flown on also over leaves that are kept: so it is where its readers are.
            let landing = self.flight.as_ref().and_then(|(flight, _)| flight.join(index, expected));
            let landing = match landing {
                Some(landing) => landing,
                None => {
                    if let Some(leaf) = self.with.kept.leaf(check, index) {
                        return Ok(Some(leaf));
                    }
                    let other = self.with.kept.flights().find(&check);
                    let other =
                        other.filter(|other| !std::ptr::eq(Arc::as_ptr(other), self.given_up.as_ptr()));
                    let Some((other, landing)) =
                        other.and_then(|other| other.join(index, expected).map(|landing| (other, landing)))
                    else {
                        return Ok(None);
                    };
                    self.flight = Some((other, Part::Follows));
                    landing
                }
            };
            match tokio::time::timeout(PATIENCE, landing.wait()).await {
                Ok(Some(Ok(leaf))) => return Ok(Some(leaf)),
                failed => {
                    let Some((flight, part)) = self.flight.take() else { return Ok(None) };
                    self.given_up = Arc::downgrade(&flight);
                    if let (Ok(Some(Err(error))), Part::Began) = (failed, part) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Lets others follow the body that this reader has, if there is more than a leaf to come and memory for it.
    fn share(&mut self, listed: Listed) {
        let end = leaves_of(&self.wanted).end;
        let Some(check) = self.keep.filter(|_| end - self.next > 1) else { return };
        let Some(memory) = self.with.memory.as_ref().and_then(|memory| memory.spare(READING)) else {
            return;
        };
        let Some(own) = self.own.take() else { return };
        let flight = Flight::new(Arc::clone(&self.with.kept), check, own, end, memory);
        match listed {
            Listed::AmongFirst => self.with.kept.flights().offer(&flight),
            Listed::InPlace => self.with.kept.flights().replace(&flight),
        }
        self.flight = Some((flight, Part::Began));
    }

    /// Takes the next leaf from the body that is this reader's own.
    async fn take(&mut self, expected: Option<ExpectedLeaf>) -> Result<Vec<Bytes>, ProofError> {
        let Some(own) = &mut self.own else { return Err(GetError::Changed.into()) };
        match (self.keep, expected) {
            (Some(check), Some(expected)) => {
                let index = own.next();
                let leaf = own.take_to_keep(expected).await?;
                self.with.kept.keep_leaf(check, index, &leaf);
                Ok(vec![leaf.bytes().clone()])
            }
            (_, expected) => own.take(expected).await,
        }
    }

    /// Remembers for a while that leaf `index` is bad, unless the store only failed to give it.
    fn suspect(&self, index: u64, error: &ProofError) {
        if let (Some(seal), ProofError::Artifact(_)) = (self.seal, error) {
            self.with.suspects.add(seal, index);
        }
    }

    /// Asks the store for what is wanted, from leaf `index` on.
    async fn reopen(&mut self, index: u64) -> Result<(), GetError> {
        // Let go of first: who waits for one place at the store must not hold another.
        (self.own, self.flight) = (None, None);
        let start = index * LEAF_SIZE;
        let span = if self.length == 0 { Span::All } else { Span::Bytes(start..widen(&self.wanted).end) };
        let found = self.with.store.get(&self.name, self.version.as_ref(), span, Some(&self.pin)).await?;
        self.begin(found.body, index)
    }

    /// Takes a body that must begin at leaf `index`.
    fn begin(&mut self, found: UnverifiedBody, index: u64) -> Result<(), GetError> {
        if found.pin != self.pin || found.span.start != index * LEAF_SIZE {
            return Err(GetError::Changed);
        }
        self.own = Some(Cursor::new(index, self.length, found.stream));
        Ok(())
    }
}

/// Cuts the checked pieces of a leaf, which begins at `start` of the object, to `wanted`.
fn cut(pieces: Vec<Bytes>, mut start: u64, wanted: &Range<u64>) -> VecDeque<Released> {
    let mut released = VecDeque::with_capacity(pieces.len());
    for piece in pieces {
        let end = start + piece.len() as u64;
        let (from, to) = (wanted.start.max(start), wanted.end.min(end));
        if from < to {
            // Both lie within the piece, whose length is a usize.
            released.push_back(Released(piece.slice((from - start) as usize..(to - start) as usize)));
        }
        start = end;
    }
    released
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_cut_to_what_is_wanted() {
        let pieces = || vec![Bytes::from_static(b"abc"), Bytes::from_static(b"def")];
        let text = |wanted: Range<u64>| {
            cut(pieces(), 10, &wanted).iter().flat_map(|piece| piece.0.to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(text(0..99), b"abcdef");
        assert_eq!(text(12..14), b"cd");
        assert_eq!(text(13..13), b"");
        assert_eq!(text(15..99), b"f");
    }
}
