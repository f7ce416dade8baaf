//! Stages, as the contract has them.

use std::collections::BTreeMap;

use hallmark_proxy::name::ObjectName;
use hallmark_proxy::store::{Committed, GetError, PartNumber, Pin, PutError, StageId, StagedPart, Write};

use super::Contents;
use super::content::Content;

/// A stage.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub(super) parts: BTreeMap<u16, Part>,
    /// The parts that are the object, once that was said.
    closed: Option<Vec<StagedPart>>,
}

/// A part, and what was said of it when it came: a test changes only the content.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) content: Content,
    length: u64,
    pin: Pin,
}

impl Stage {
    /// Refuses parts that are not those that are here.
    fn check(&self, parts: &[StagedPart]) -> Result<(), PutError> {
        for part in parts {
            let number = part.number.number();
            let known = self.parts.get(&number);
            if known.is_none_or(|known| (known.length, &known.pin) != (part.length, &part.pin)) {
                return Err(PutError::NoSuchPart(number));
            }
        }
        Ok(())
    }

    fn is_closed_with(&self, parts: &[StagedPart]) -> bool {
        self.closed.as_deref() == Some(parts)
    }

    /// The contents of parts, as they are at this moment.
    fn contents(&self, parts: &[StagedPart]) -> Vec<Content> {
        parts.iter().filter_map(|part| Some(self.parts.get(&part.number.number())?.content.clone())).collect()
    }
}

impl Contents {
    pub(super) fn stage_open(&mut self) -> StageId {
        let id = stage_id(self.number());
        self.stages.insert(id.as_str().to_owned(), Stage::default());
        id
    }

    /// A stage that takes parts.
    pub(super) fn open_stage(&mut self, id: &StageId) -> Result<&mut Stage, PutError> {
        let stage = self.stages.get_mut(id.as_str()).ok_or(PutError::NoSuchStage)?;
        if stage.closed.is_some() { Err(PutError::NoSuchStage) } else { Ok(stage) }
    }

    pub(super) fn stage_part(
        &mut self,
        id: &StageId,
        number: PartNumber,
        content: Content,
    ) -> Result<Pin, PutError> {
        let pin = self.pin();
        let part = Part { length: content.length(), content, pin: pin.clone() };
        self.open_stage(id)?.parts.insert(number.number(), part);
        Ok(pin)
    }

    pub(super) fn stage_close(&mut self, id: &StageId, parts: &[StagedPart]) -> Result<(), PutError> {
        let stage = self.stages.get_mut(id.as_str()).ok_or(PutError::NoSuchStage)?;
        if stage.is_closed_with(parts) {
            return Ok(());
        }
        stage.check(parts)?;
        if let Some(closed) = &stage.closed {
            let other = closed.iter().find(|part| !parts.contains(part));
            return Err(PutError::NoSuchPart(other.map_or(0, |part| part.number.number())));
        }
        if parts.is_empty() || !parts.is_sorted_by(|a, b| a.number < b.number) {
            return Err(PutError::Unsupported("parts that do not ascend"));
        }
        // What is not meant is never read, and a late part never gets in.
        stage.parts.retain(|number, _| parts.iter().any(|part| part.number.number() == *number));
        stage.closed = Some(parts.to_vec());
        Ok(())
    }

    /// What a closed stage holds at this moment, part by part.
    pub(super) fn staged(&self, id: &StageId, parts: &[StagedPart]) -> Result<Vec<Content>, GetError> {
        let stage = self.stages.get(id.as_str()).filter(|stage| stage.closed.is_some());
        let stage = stage.ok_or(GetError::NoSuchStage)?;
        if !stage.is_closed_with(parts) {
            return Err(GetError::Changed);
        }
        Ok(stage.contents(parts))
    }

    pub(super) fn promote(
        &mut self,
        id: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        let stage = self.stages.get(id.as_str()).filter(|stage| stage.closed.is_some());
        let stage = stage.ok_or(PutError::NoSuchStage)?;
        stage.check(parts)?;
        if !stage.is_closed_with(parts) {
            return Err(PutError::NoSuchPart(parts.first().map_or(0, |part| part.number.number())));
        }
        let content = Content::concat(&stage.contents(parts));
        let committed = self.store(object, write, content, etag)?;
        self.stages.remove(id.as_str());
        Ok(committed)
    }
}

pub(super) fn stage_id(number: u64) -> StageId {
    StageId::parse(&format!("stage-{number}")).expect("it is visible ASCII")
}
