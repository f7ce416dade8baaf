//! The read-back: what the in-order window did not take in is read from the closed stage and hashed.
//!
//! At the same time each part is hashed by itself, leaf by leaf: it must be what its record says, which is what its client
//! sent. A part that is not was changed in the store, and the upload is refused. Where all parts begin with a leaf, as they
//! nearly always do, these leaves are those of the whole. The bytes go into hashers and nowhere else.

use std::collections::VecDeque;
use std::ops::Range;

use hallmark_signer::{ContentHasher, LEAF_SIZE, LeavesHasher, TreeRoot};
use tokio::task::{JoinHandle, spawn_blocking};

use super::window::Prefix;
use crate::gate::GateError;
use crate::proof::{ArtifactFault, HashOnly, Staged};
use crate::s3::error::S3Error;
use crate::store::{GetError, Span, StageId, StagedPart, Store, StoreError};

/// Bytes are hashed in batches of about this size, while the next one is read.
const BATCH: u64 = 1 << 20;

/// What a read-back holds at most: two batches, each with a piece more than that.
pub(super) const MEMORY: u64 = 5 * BATCH;

/// How often one read-back begins again where the store broke off. Twice at one place is too often.
const MAX_RESUMED: usize = 8;

/// A part of the list: where it lies, and the root over its leaves by its record.
#[derive(Debug, Clone)]
pub(super) struct ListedPart {
    pub(super) staged: StagedPart,
    pub(super) tree: TreeRoot,
}

/// Hashes the parts of `list` that are not in `prefix`; gives the hash of all of them.
///
/// # Errors
/// A part is not what its record says, or the store failed.
pub(super) async fn read_back(
    store: &dyn Store,
    stage: &StageId,
    list: &[ListedPart],
    prefix: Prefix,
) -> Result<ContentHasher, GateError> {
    let staged: Vec<_> = list.iter().map(|part| part.staged.clone()).collect();
    let (done, rest) = list.split_at_checked(prefix.parts).ok_or_else(S3Error::internal)?;
    let length = |parts: &[ListedPart]| parts.iter().map(|part| part.staged.length).sum::<u64>();
    let mut wanted = length(done)..length(list);
    let leaves = leaves_of_whole(&prefix, rest);
    let mut hashers = Hashers { content: prefix.hasher, parts: PartHasher::new(rest, leaves) };
    let mut resumed = Vec::new();
    while !wanted.is_empty() {
        match read_on(store, stage, &staged, &mut wanted, hashers).await? {
            (hashed, Ok(())) => hashers = hashed,
            (hashed, Err(error)) => {
                hashers = hashed;
                if resumed.len() >= MAX_RESUMED || resumed.contains(&wanted.start) {
                    return Err(error.into());
                }
                tracing::warn!(
                    at = wanted.start,
                    error = error.to_string(),
                    "reading the stage again from here"
                );
                resumed.push(wanted.start);
            }
        }
    }
    hashers.finish()
}

/// Reads and hashes what is `wanted` of the stage, and takes that off `wanted`, as far as it gets.
async fn read_on(
    store: &dyn Store,
    stage: &StageId,
    staged: &[StagedPart],
    wanted: &mut Range<u64>,
    hashers: Hashers,
) -> Result<(Hashers, Result<(), StoreError>), GateError> {
    let mut body = match open(store, stage, staged, wanted).await {
        Ok(body) => body,
        Err(GetError::Store(error)) => return Ok((hashers, Err(error))),
        Err(error) => return Err(error.into()),
    };
    let mut hashing = Hashing::Idle(Box::new(hashers));
    loop {
        let (batch, outcome) = batch(&mut body).await;
        wanted.start += batch.iter().map(HashOnly::len).sum::<u64>();
        let hashers = hashing.idle().await?;
        let ended = !matches!(outcome, Ok(Progress::More));
        hashing = hashers.start(batch);
        if ended {
            return Ok((hashing.idle().await?, outcome.map(|_| ())));
        }
    }
}

async fn open(
    store: &dyn Store,
    stage: &StageId,
    staged: &[StagedPart],
    wanted: &Range<u64>,
) -> Result<Staged, GetError> {
    let body = store.stage_read(stage, staged, Span::Bytes(wanted.clone())).await?;
    Ok(body.hash_only(wanted)?)
}

enum Progress {
    More,
    Ended,
}

/// What arrives until it is enough to hash.
async fn batch(body: &mut Staged) -> (Vec<HashOnly>, Result<Progress, StoreError>) {
    let (mut batch, mut length) = (Vec::new(), 0);
    while length < BATCH {
        match body.next().await {
            Ok(Some(piece)) => {
                length += piece.len();
                batch.push(piece);
            }
            Ok(None) => return (batch, Ok(Progress::Ended)),
            Err(error) => return (batch, Err(error)),
        }
    }
    (batch, Ok(Progress::More))
}

struct Hashers {
    content: ContentHasher,
    parts: PartHasher,
}

/// Hashers, or the threads that have them.
enum Hashing {
    Idle(Box<Hashers>),
    Busy(JoinHandle<ContentHasher>, JoinHandle<PartHasher>),
}

/// Whose leaves the whole has from here on.
#[derive(Clone, Copy)]
enum Leaves {
    /// Those of its parts, each of which begins with one.
    OfParts,
    /// Others, for which its bytes are hashed once more.
    Apart,
}

fn leaves_of_whole(prefix: &Prefix, rest: &[ListedPart]) -> Leaves {
    let whole = |part: &ListedPart| part.staged.length.is_multiple_of(LEAF_SIZE);
    match rest.split_last() {
        Some((_, others)) if prefix.hasher.is_at_leaf() && others.iter().all(whole) => Leaves::OfParts,
        _ => Leaves::Apart,
    }
}

impl Hashers {
    /// Has the whole and the parts hashed on a thread each.
    fn start(self, batch: Vec<HashOnly>) -> Hashing {
        let Self { mut content, mut parts } = self;
        let leaves = parts.leaves;
        let shared: Vec<_> = batch.iter().map(HashOnly::share).collect();
        let content = spawn_blocking(move || {
            batch.into_iter().for_each(|piece| match leaves {
                Leaves::OfParts => piece.into_content_without_leaves(&mut content),
                Leaves::Apart => piece.into_content(&mut content),
            });
            content
        });
        let parts = spawn_blocking(move || {
            shared.into_iter().for_each(|piece| parts.update(piece));
            parts
        });
        Hashing::Busy(content, parts)
    }

    fn finish(mut self) -> Result<ContentHasher, GateError> {
        self.parts.end_parts();
        self.parts.verdict()?;
        // As many bytes were read as the parts have.
        if !self.parts.left.is_empty() {
            return Err(S3Error::internal().into());
        }
        for leaves in self.parts.done {
            self.content.append(leaves).map_err(|_| S3Error::internal())?;
        }
        Ok(self.content)
    }
}

impl Hashing {
    /// The hashers, once they are free.
    ///
    /// # Errors
    /// A part turned out to be another than its record says.
    async fn idle(self) -> Result<Hashers, GateError> {
        let hashers = match self {
            Self::Idle(hashers) => *hashers,
            Self::Busy(content, parts) => {
                // The runtime is going down, or hashing panicked.
                let (content, parts) = tokio::try_join!(content, parts).map_err(|_| S3Error::internal())?;
                Hashers { content, parts }
            }
        };
        hashers.parts.verdict()?;
        Ok(hashers)
    }
}

/// Hashes part by part, and compares.
struct PartHasher {
    /// Those that have not come to their end, with the bytes that are still to come.
    left: VecDeque<(ListedPart, u64)>,
    hasher: LeavesHasher,
    leaves: Leaves,
    /// The leaves of those that have, if the whole has the same.
    done: Vec<LeavesHasher>,
    bad: Option<u16>,
}

impl PartHasher {
    fn new(parts: &[ListedPart], leaves: Leaves) -> Self {
        let left = parts.iter().map(|part| (part.clone(), part.staged.length)).collect();
        Self { left, hasher: LeavesHasher::default(), leaves, done: Vec::new(), bad: None }
    }

    fn update(&mut self, mut piece: HashOnly) {
        while piece.len() > 0 {
            self.end_parts();
            let Some((_, left)) = self.left.front_mut() else { return };
            let now = piece.split_to(*left);
            *left -= now.len();
            now.into_leaves(&mut self.hasher);
        }
        self.end_parts();
    }

    /// Compares the parts that have come to their end.
    fn end_parts(&mut self) {
        while let Some((part, _)) = self.left.pop_front_if(|(_, left)| *left == 0) {
            let leaves = std::mem::take(&mut self.hasher);
            if leaves.root() != part.tree {
                self.bad = self.bad.or(Some(part.staged.number.number()));
            }
            match self.leaves {
                Leaves::OfParts => self.done.push(leaves),
                Leaves::Apart => {}
            }
        }
    }

    fn verdict(&self) -> Result<(), ArtifactFault> {
        self.bad.map_or(Ok(()), |number| Err(ArtifactFault::Part(number)))
    }
}
