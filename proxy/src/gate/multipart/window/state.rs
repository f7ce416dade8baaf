//! One upload's window: which parts it took in, which it holds, and what is to be hashed next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use hallmark_signer::{ContentHasher, LeavesHasher, TreeRoot, tree};
use tokio::time::Instant;

use super::Prefix;
use crate::store::PartNumber;

/// At most so many bytes are hashed at a time, and hardly ever less than half of that.
const BATCH: u64 = 1 << 20;

/// What is held for a window, a part of it and a piece of that, beside their bytes.
const OVERHEAD: u64 = 256;

/// For each leaf: its hash among the part's own, in the hash of all, and the same again in the copy of that which the next
/// part goes into; vectors double.
const LEAF: u64 = 192;

/// One attempt to send one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FeedId {
    pub(super) number: u16,
    /// Never used twice.
    pub(super) feed: u64,
}

/// See the [module](super).
pub(super) struct Window {
    /// The parts that are in `hasher`, numbered from 1.
    done: Vec<TreeRoot>,
    hasher: ContentHasher,
    current: Option<Current>,
    held: BTreeMap<FeedId, Part>,
    /// Parts that found no room: none after the first of them is worth holding.
    lost: BTreeSet<u16>,
    /// What `done` and `hasher` take of the pool.
    charged: u64,
    used: Instant,
}

/// The part that is being hashed.
struct Current {
    id: FeedId,
    leaves: Leaves,
    /// After all of `done` and what came of this part; `None` while a job has it.
    hasher: Option<ContentHasher>,
}

struct Part {
    pieces: VecDeque<Bytes>,
    /// What the pieces take of the pool.
    pending: u64,
    /// What it takes beside them, and will have added to the window's `charged` in the end.
    fixed: u64,
    state: PartState,
}

enum PartState {
    Arriving,
    /// With the root over its leaves, and these, counted from its own beginning.
    Committed(TreeRoot, LeavesHasher),
}

/// Whose the leaves of a part are.
#[derive(Clone, Copy)]
enum Leaves {
    /// It begins with a leaf: those that were hashed as it came.
    Its,
    /// It begins within a leaf, so its bytes are hashed for other leaves than its own.
    Others,
}

/// Bytes to hash.
pub(super) struct Job {
    id: FeedId,
    leaves: Leaves,
    hasher: ContentHasher,
    pieces: Vec<Bytes>,
    charged: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            done: Vec::new(),
            hasher: ContentHasher::of_unknown_length(),
            current: None,
            held: BTreeMap::new(),
            lost: BTreeSet::new(),
            charged: 0,
            used: Instant::now(),
        }
    }
}

impl Window {
    pub(super) fn used(&self) -> Instant {
        self.used
    }

    /// What all of it takes of the pool.
    pub(super) fn held(&self) -> u64 {
        self.charged + self.held.values().map(Part::charged).sum::<u64>()
    }

    pub(super) fn begin(&mut self, id: FeedId, length: u64, room: &mut u64) {
        self.used = Instant::now();
        self.lost.remove(&id.number);
        let fixed = OVERHEAD + LEAF * tree::leaf_count(length);
        if id.number < self.next() || self.lost.first().is_some_and(|lost| *lost < id.number) {
            return;
        }
        if self.make_room(id, fixed, room) {
            let part = Part { pieces: VecDeque::new(), pending: 0, fixed, state: PartState::Arriving };
            self.held.insert(id, part);
        } else {
            self.lost.insert(id.number);
        }
    }

    pub(super) fn data(&mut self, id: FeedId, piece: &Bytes, room: &mut u64) {
        self.used = Instant::now();
        if !self.held.contains_key(&id) {
            return;
        }
        let cost = charge(piece);
        if !self.make_room(id, cost, room) {
            self.lose(id, room);
        } else if let Some(part) = self.held.get_mut(&id) {
            part.pending += cost;
            part.pieces.push_back(piece.clone());
        }
    }

    pub(super) fn commit(&mut self, id: FeedId, tree: TreeRoot, leaves: LeavesHasher) {
        self.used = Instant::now();
        if let Some(part) = self.held.get_mut(&id) {
            part.state = PartState::Committed(tree, leaves);
        }
    }

    /// Nothing more comes of this feed: it was committed, or else it was nothing.
    pub(super) fn end(&mut self, id: FeedId, room: &mut u64) {
        if self.held.get(&id).is_some_and(|part| !part.is_committed()) {
            self.remove(id, room);
        }
    }

    /// Whether there are parts that will be taken in without anything more arriving.
    pub(super) fn has_work(&self) -> bool {
        self.of_next().any(|(_, part)| part.is_committed())
    }

    /// Whether a job is under way.
    pub(super) fn is_hashing(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.hasher.is_none())
    }

    pub(super) fn prefix(&self, list: &[(PartNumber, TreeRoot)]) -> Option<Prefix> {
        let first = list.get(..self.done.len())?;
        let numbers = 1u16..;
        let same = numbers
            .zip(&self.done)
            .zip(first)
            .all(|((number, tree), (listed, of_list))| listed.number() == number && tree == of_list);
        same.then(|| Prefix { hasher: self.hasher.clone(), parts: self.done.len() })
    }

    /// What is to be hashed now, unless something is.
    pub(super) fn start(&mut self, room: &mut u64) -> Option<Job> {
        loop {
            let Some(current) = &mut self.current else {
                let id = self.candidate()?;
                let leaves = if self.hasher.is_at_leaf() { Leaves::Its } else { Leaves::Others };
                self.current = Some(Current { id, leaves, hasher: Some(self.hasher.clone()) });
                continue;
            };
            let id = current.id;
            // A job is under way: `resume` comes.
            current.hasher.as_ref()?;
            let Some(part) = self.held.get_mut(&id) else {
                self.current = None;
                continue;
            };
            match &part.state {
                PartState::Committed(..) if !part.pieces.is_empty() => return current.batch(part),
                PartState::Committed(..) => self.take_in(id, room),
                PartState::Arriving if part.pending >= BATCH / 2 => return current.batch(part),
                PartState::Arriving => {
                    // Another attempt at this part may have got there first.
                    let other = self.candidate().filter(|other| *other != id)?;
                    if !self.held.get(&other)?.is_committed() {
                        return None;
                    }
                    self.remove(id, room);
                }
            }
        }
    }

    /// Takes back the hasher of a job that is done, and says what follows.
    pub(super) fn resume(&mut self, job: Job, room: &mut u64) -> Option<Job> {
        if let Some(current) = self.current.as_mut().filter(|current| current.id == job.id) {
            current.hasher = Some(job.hasher);
        }
        self.start(room)
    }

    fn next(&self) -> u16 {
        u16::try_from(self.done.len()).unwrap_or(u16::MAX).saturating_add(1)
    }

    /// The attempts at the part that is next in order.
    fn of_next(&self) -> impl DoubleEndedIterator<Item = (&FeedId, &Part)> {
        let number = self.next();
        self.held.range(FeedId { number, feed: 0 }..=FeedId { number, feed: u64::MAX })
    }

    /// The attempt at the next part that is hashed first: one that is known to have succeeded, if there is one.
    fn candidate(&self) -> Option<FeedId> {
        let committed = self.of_next().rfind(|(_, part)| part.is_committed());
        committed.or_else(|| self.of_next().next()).map(|(id, _)| *id)
    }

    fn take_in(&mut self, id: FeedId, room: &mut u64) {
        let current = self.current.take();
        let part = self.held.remove(&id);
        *room += part.as_ref().map_or(0, Part::charged);
        let others: Vec<_> = self.of_next().map(|(id, _)| *id).collect();
        others.into_iter().for_each(|id| self.remove(id, room));
        let (Some(Current { leaves, hasher: Some(mut hasher), .. }), Some(part)) = (current, part) else {
            return;
        };
        let PartState::Committed(tree, its) = part.state else { return };
        let joined = match leaves {
            Leaves::Its => hasher.append(its),
            Leaves::Others => Ok(()),
        };
        if joined.is_ok() {
            self.hasher = hasher;
            self.done.push(tree);
            self.charged += part.fixed;
            *room = room.saturating_sub(part.fixed);
        }
    }

    /// Finds `cost` in the pool for the part `id`: at the expense of parts after it, if need be.
    fn make_room(&mut self, id: FeedId, cost: u64, room: &mut u64) -> bool {
        while *room < cost {
            match self.held.last_key_value() {
                Some((last, _)) if last.number > id.number => self.lose(*last, room),
                _ => return false,
            }
        }
        *room -= cost;
        true
    }

    fn lose(&mut self, id: FeedId, room: &mut u64) {
        self.remove(id, room);
        self.lost.insert(id.number);
        // What comes after it can no longer be reached, unless it is sent again.
        let after: Vec<_> =
            self.held.keys().rev().take_while(|held| held.number > id.number).copied().collect();
        after.into_iter().for_each(|id| self.remove(id, room));
    }

    fn remove(&mut self, id: FeedId, room: &mut u64) {
        if let Some(part) = self.held.remove(&id) {
            *room += part.charged();
        }
        if self.current.as_ref().is_some_and(|current| current.id == id) {
            self.current = None;
        }
    }
}

impl Current {
    /// Takes some pieces of its part out, to be hashed.
    fn batch(&mut self, part: &mut Part) -> Option<Job> {
        let hasher = self.hasher.take()?;
        let (mut pieces, mut charged) = (Vec::new(), 0);
        while charged < BATCH {
            let Some(piece) = part.pieces.pop_front() else { break };
            charged += charge(&piece);
            pieces.push(piece);
        }
        part.pending -= charged;
        Some(Job { id: self.id, leaves: self.leaves, hasher, pieces, charged })
    }
}

impl Part {
    fn is_committed(&self) -> bool {
        matches!(self.state, PartState::Committed(..))
    }

    fn charged(&self) -> u64 {
        self.fixed + self.pending
    }
}

impl Job {
    /// What its bytes take of the pool, until it is done.
    pub(super) fn charged(&self) -> u64 {
        self.charged
    }

    /// Hashes.
    pub(super) fn run(mut self) -> Self {
        let Self { leaves, hasher, pieces, .. } = &mut self;
        pieces.drain(..).for_each(|piece| match leaves {
            Leaves::Its => hasher.update_without_leaves(&piece),
            Leaves::Others => hasher.update(&piece),
        });
        self
    }
}

fn charge(piece: &Bytes) -> u64 {
    OVERHEAD + piece.len() as u64
}
