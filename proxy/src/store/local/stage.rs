//! Stages: files that are no object yet.
//!
//! A stage is a row with the time of its making, and a row for each of its parts. Every part is a file, however small,
//! so that promoting moves names only: the files become the segments of the object.

use std::ops::Range;
use std::time::SystemTime;

use redb::ReadableTable as _;

use super::LocalStore;
use super::committer::Tables;
use super::id::{Id, unix_ms};
use super::index::{View, index_error, off_thread};
use super::leases::Lease;
use super::objects::{NewVersion, place};
use super::parts::{Named, beside, exactly, part_key};
use super::read::{self, Rest};
use super::receive::{Content, receive_file};
use super::segments::{Extent, Segment};
use crate::name::ObjectName;
use crate::proof::UnverifiedBody;
use crate::store::{
    Body, Committed, GetError, PartNumber, Pin, PutError, Span, StageId, StagedPart, StoreError, Write,
};

/// How a stage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It takes parts.
    Open,
    /// Its parts are said; it takes no more.
    Closed,
}

impl Phase {
    fn byte(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Closed => 1,
        }
    }

    /// A byte that was never written counts as no stage: nothing can be done with it but to let it expire.
    fn of(row: (u64, u8)) -> Option<Self> {
        match row.1 {
            0 => Some(Self::Open),
            1 => Some(Self::Closed),
            _ => None,
        }
    }
}

impl LocalStore {
    pub(super) async fn open_stage(&self) -> Result<StageId, PutError> {
        self.index.room.for_upload(0).map_err(PutError::NotStored)?;
        let (id, now) = (Id::new().map_err(PutError::NotStored)?, unix_ms(SystemTime::now()));
        let name =
            StageId::parse(&id.to_string()).ok_or(PutError::Unsupported("the names of its own stages"))?;
        let change = move |tables: &mut Tables<'_>| {
            tables.changed();
            tables.stages.insert(id.as_bytes(), (now, Phase::Open.byte()))?;
            Ok(())
        };
        self.committer.submit(change).await?;
        Ok(name)
    }

    pub(super) async fn put_part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError> {
        let stage = stage_id(stage).ok_or(PutError::NoSuchStage)?;
        // What is refused anyway is refused before the body is taken. It is judged again in the transaction.
        let phase = self.index.look(move |view| view.phase(stage)).await.map_err(PutError::NotStored)?;
        if phase != Some(Phase::Open) {
            return Err(PutError::NoSuchStage);
        }
        self.index.room.for_upload(length).map_err(PutError::NotStored)?;
        let id = Id::new().map_err(PutError::NotStored)?;
        let file = receive_file(&self.bodies, id, length, body).await?;
        let change = move |tables: &mut Tables<'_>| {
            if tables.phase(stage)? != Some(Phase::Open) {
                return Ok(Err(PutError::NoSuchStage));
            }
            tables.changed();
            tables.name_file(file)?;
            let part = Segment { file: id, length }.encode();
            let key = part_key(stage, number.number());
            let old = tables.parts.insert(&key, &part)?.map(|old| Segment::decode(old.value()).file);
            old.map_or(Ok(()), |old| tables.unname_files(old, vec![old]))?;
            Ok(Ok(id.pin()))
        };
        self.committer.submit(change).await?
    }

    pub(super) async fn close_stage(&self, stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError> {
        let stage = stage_id(stage).ok_or(PutError::NoSuchStage)?;
        let named = Named::parse(parts)?;
        let change = move |tables: &mut Tables<'_>| match tables.phase(stage)? {
            None => Ok(Err(PutError::NoSuchStage)),
            Some(Phase::Closed) => exactly(&tables.parts, stage, &named),
            Some(Phase::Open) => tables.close_stage(stage, &named),
        };
        self.committer.submit(change).await?
    }

    pub(super) async fn read_stage(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        span: &Span,
    ) -> Result<UnverifiedBody, GetError> {
        let pin = Pin(stage.as_str().to_owned());
        let stage = stage_id(stage).ok_or(GetError::NoSuchStage)?;
        let named = Named::parse(parts).map_err(|_| GetError::Changed)?;
        let span = span.within(named.length()).ok_or(GetError::OutOfRange)?;
        let lease = Lease::take(&self.bodies, stage);
        let wanted = span.clone();
        let find = move |view: &View| Ok(find(view, stage, &named, &wanted));
        let extents = self.index.look_at_leisure(find).await??;
        let opened = off_thread(move || Rest::open_extents(extents, lease)).await?;
        let (first, rest) = opened.map_err(|e| read::unread(&e))?;
        Ok(UnverifiedBody::new(pin, span, read::chunks(first, rest)))
    }

    pub(super) async fn promote_stage(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        let stage = stage_id(stage).ok_or(PutError::NoSuchStage)?;
        let named = Named::parse(parts)?;
        self.index.room.for_upload(0).map_err(PutError::NotStored)?;
        let id = Id::new().map_err(PutError::NotStored)?;
        let modified = unix_ms(SystemTime::now());
        let new = NewVersion { id, size: named.length(), modified, etag: etag.into(), write };
        let object = object.clone();
        let change = move |tables: &mut Tables<'_>| {
            if tables.phase(stage)? != Some(Phase::Closed) {
                return Ok(Err(PutError::NoSuchStage));
            }
            if let Err(refusal) = exactly(&tables.parts, stage, &named)? {
                return Ok(Err(refusal));
            }
            let (list, empty): (Vec<_>, Vec<_>) =
                named.iter().map(|(_, part)| part).partition(|part| part.length > 0);
            let content = Content::Segments { list, new: Vec::new() };
            let placed = place(tables, &object, new, content)?;
            if placed.is_ok() {
                tables.remove_stage(stage)?;
                tables.unname_files(stage, empty.iter().map(|part| part.file).collect())?;
            }
            Ok(placed)
        };
        self.committer.submit(change).await?
    }

    pub(super) async fn drop_stage(&self, stage: &StageId) -> Result<(), StoreError> {
        let Some(stage) = stage_id(stage) else { return Ok(()) };
        Ok(self.committer.submit(move |tables: &mut Tables<'_>| tables.drop_stage(stage)).await?)
    }
}

/// `None`: this store gives no such names.
fn stage_id(stage: &StageId) -> Option<Id> {
    Id::parse(stage.as_str())
}

/// What `span` wants of which parts.
fn find(view: &View, stage: Id, named: &Named, span: &Range<u64>) -> Result<Vec<Extent>, GetError> {
    if view.phase(stage)? != Some(Phase::Closed) {
        return Err(GetError::NoSuchStage);
    }
    exactly(&view.parts()?, stage, named).map_err(index_error)?.map_err(|_| GetError::Changed)?;
    let mut start = 0_u64;
    let extents = named.iter().filter_map(|(_, part)| {
        let extent = Extent::of(part, start, span);
        // Cannot overflow: the sum of all was made before.
        start = start.saturating_add(part.length);
        extent
    });
    Ok(extents.collect())
}

impl View {
    fn phase(&self, stage: Id) -> Result<Option<Phase>, StoreError> {
        let row = self.stages()?.get(stage.as_bytes()).map_err(index_error)?;
        Ok(row.and_then(|row| Phase::of(row.value())))
    }
}

impl Tables<'_> {
    fn phase(&self, stage: Id) -> Result<Option<Phase>, redb::Error> {
        Ok(self.stages.get(stage.as_bytes())?.and_then(|row| Phase::of(row.value())))
    }

    /// Whether there is such a stage, open or closed.
    pub(super) fn has_stage(&self, stage: &StageId) -> Result<bool, redb::Error> {
        match Id::parse(stage.as_str()) {
            Some(stage) => Ok(self.phase(stage)?.is_some()),
            None => Ok(false),
        }
    }

    /// Closes an open stage: what is not named is not needed any more.
    fn close_stage(&mut self, stage: Id, named: &Named) -> Result<Result<(), PutError>, redb::Error> {
        let unnamed = match beside(&self.parts, stage, named)? {
            Ok(unnamed) => unnamed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.changed();
        let made = self.stages.get(stage.as_bytes())?.map_or(0, |row| row.value().0);
        self.stages.insert(stage.as_bytes(), (made, Phase::Closed.byte()))?;
        for (number, _) in &unnamed {
            self.parts.remove(&part_key(stage, *number))?;
        }
        self.unname_files(stage, unnamed.into_iter().map(|(_, file)| file).collect())?;
        Ok(Ok(()))
    }

    /// Removes a stage and all its parts, if there is one.
    pub(super) fn drop_stage(&mut self, stage: Id) -> Result<(), redb::Error> {
        if self.stages.get(stage.as_bytes())?.is_some() {
            self.changed();
            let files = self.remove_stage(stage)?;
            self.unname_files(stage, files)?;
        }
        Ok(())
    }
}
