//! Parts of stages, as the index holds them.

use redb::ReadableTable;

use super::committer::Tables;
use super::id::Id;
use super::segments::Segment;
use crate::store::{PartNumber, PutError, StagedPart};

/// Id of the stage, and the number of the part (big-endian, so that parts stand in order).
pub(super) type PartKey = [u8; Id::LEN + 2];

pub(super) fn part_key(stage: Id, number: u16) -> PartKey {
    let mut key = [0; Id::LEN + 2];
    let (id, last) = key.split_at_mut(Id::LEN);
    id.copy_from_slice(stage.as_bytes());
    last.copy_from_slice(&number.to_be_bytes());
    key
}

fn part_number(key: &PartKey) -> u16 {
    key.last_chunk().map_or(0, |number| u16::from_be_bytes(*number))
}

/// The first and the last key that parts of a stage can have.
fn parts_of(stage: Id) -> (PartKey, PartKey) {
    (part_key(stage, 0), part_key(stage, u16::MAX))
}

/// Parts that a caller names: at least one, numbers ascending. Whether a stage has them is another question.
#[derive(Debug, Clone)]
pub(super) struct Named {
    parts: Vec<(PartNumber, Segment)>,
    length: u64,
}

impl Named {
    pub(super) fn parse(parts: &[StagedPart]) -> Result<Self, PutError> {
        let mut named = Self { parts: Vec::with_capacity(parts.len()), length: 0 };
        for StagedPart { number, length, pin } in parts {
            let no_such = || PutError::NoSuchPart(number.number());
            if named.parts.last().is_some_and(|(last, _)| last >= number) {
                return Err(no_such());
            }
            let file = Id::parse(&pin.0).ok_or_else(no_such)?;
            named.length = named.length.checked_add(*length).ok_or_else(no_such)?;
            named.parts.push((*number, Segment { file, length: *length }));
        }
        if named.parts.is_empty() {
            return Err(PutError::Unsupported("objects of no parts"));
        }
        Ok(named)
    }

    /// Bytes of all parts.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Numbers and parts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PartNumber, Segment)> {
        self.parts.iter().copied()
    }
}

/// A table of parts, read or written.
pub(super) trait PartTable: ReadableTable<&'static PartKey, &'static [u8; Segment::LEN]> {}

impl<T: ReadableTable<&'static PartKey, &'static [u8; Segment::LEN]>> PartTable for T {}

/// What a stage has beside parts that were named: numbers and files.
type Beside = Vec<(u16, Id)>;

/// Checks that a stage has the parts that are named, and says what it has beside them.
pub(super) fn beside(
    parts: &impl PartTable,
    stage: Id,
    named: &Named,
) -> Result<Result<Beside, PutError>, redb::Error> {
    let mut beside = Vec::new();
    let mut named = named.iter().peekable();
    let (first, last) = parts_of(stage);
    for entry in parts.range::<&PartKey>(&first..=&last)? {
        let (key, part) = entry?;
        let (number, part) = (part_number(key.value()), Segment::decode(part.value()));
        match named.next_if(|(next, _)| next.number() <= number) {
            None => beside.push((number, part.file)),
            Some((next, segment)) if next.number() == number && segment == part => {}
            Some((next, _)) => return Ok(Err(PutError::NoSuchPart(next.number()))),
        }
    }
    Ok(named.next().map_or(Ok(beside), |(next, _)| Err(PutError::NoSuchPart(next.number()))))
}

/// Checks that the parts that are named are those of a stage, and all of them.
pub(super) fn exactly(
    parts: &impl PartTable,
    stage: Id,
    named: &Named,
) -> Result<Result<(), PutError>, redb::Error> {
    let beside = beside(parts, stage, named)?;
    Ok(beside.and_then(|beside| match beside.first() {
        Some((unnamed, _)) => Err(PutError::NoSuchPart(*unnamed)),
        None => Ok(()),
    }))
}

impl Tables<'_> {
    /// Removes a stage and the names of its parts, and says which files they were.
    pub(super) fn remove_stage(&mut self, stage: Id) -> Result<Vec<Id>, redb::Error> {
        let mut files = Vec::new();
        let (first, last) = parts_of(stage);
        self.parts.retain_in::<&PartKey, _>(&first..=&last, |_, part| {
            files.push(Segment::decode(part).file);
            false
        })?;
        self.stages.remove(stage.as_bytes())?;
        Ok(files)
    }
}
