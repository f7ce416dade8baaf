//! Objects and their versions, as the contract has them.

use std::time::SystemTime;

use hallmark_proxy::name::ObjectName;
use hallmark_proxy::store::{
    Committed, Deleted, Deletion, GetError, Guard, Lock, Pin, PutError, Standing, VersionId, Versioning,
    Write,
};

use super::Contents;
use super::content::Content;
use super::stored::StoredObject;

/// What stands under a key.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Newest first. A slot without versions is taken away.
    pub(super) versions: Vec<Version>,
    /// What a store that lies hands out instead, in turns.
    pub(super) lies: Vec<StoredObject>,
    pub(super) turn: usize,
}

/// A version of an object.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) id: VersionId,
    pub(super) what: What,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are objects")]
pub(super) enum What {
    Object(StoredObject),
    /// A delete marker, made at this time.
    Marker(SystemTime),
}

impl Version {
    pub(super) fn object(&self) -> Option<&StoredObject> {
        match &self.what {
            What::Object(object) => Some(object),
            What::Marker(_) => None,
        }
    }
}

impl Slot {
    /// The object that the current version is.
    pub(super) fn current(&self) -> Option<&StoredObject> {
        self.versions.first()?.object()
    }

    pub(super) fn version(&self, id: &VersionId) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == *id)
    }

    /// Puts a version in front; it takes the place of the one of that name.
    fn push(&mut self, version: Version) {
        self.versions.retain(|old| old.id != version.id);
        self.versions.insert(0, version);
        self.lies.clear();
    }
}

impl Contents {
    /// What an honest store hands out of this version, or else the lie whose turn it is.
    pub(super) fn find(
        &mut self,
        object: &ObjectName,
        id: Option<&VersionId>,
        pin: Option<&Pin>,
    ) -> Result<(StoredObject, Standing), GetError> {
        let bucket = self.buckets.get(object.bucket.as_str()).ok_or(GetError::NoSuchBucket)?;
        let keeps = bucket.versioning != Versioning::Never;
        let missing = if id.is_some() { GetError::NoSuchVersion } else { GetError::NoSuchKey };
        let slot = self.objects.get_mut(&name(object)).ok_or_else(|| missing.clone())?;
        let version = match id {
            Some(id) => slot.version(id),
            None => slot.versions.first(),
        };
        let version = version.ok_or(missing)?;
        let standing =
            |id: &VersionId| Standing { version: keeps.then(|| id.clone()), lock: Lock::default(), tags: 0 };
        if !slot.lies.is_empty() {
            let standing = standing(&version.id);
            let lie = slot.lies[slot.turn % slot.lies.len()].clone();
            slot.turn += 1;
            return Ok((lie, standing));
        }
        let found = version.object().ok_or_else(|| GetError::DeleteMarker(version.id.clone()))?;
        if pin.is_some_and(|pin| *pin != found.pin) {
            return Err(GetError::Changed);
        }
        Ok((found.clone(), standing(&version.id)))
    }

    /// Whether a write may be done.
    pub(super) fn welcome(&self, object: &ObjectName, write: &Write) -> Result<(), PutError> {
        self.bucket(&object.bucket)?;
        if !write.tags.is_empty() {
            return Err(PutError::Unsupported("tags"));
        }
        if write.lock != Lock::default() {
            return Err(PutError::Unsupported("object lock"));
        }
        self.guard(object, &write.guard)
    }

    fn guard(&self, object: &ObjectName, guard: &Guard) -> Result<(), PutError> {
        let current = self.objects.get(&name(object)).and_then(Slot::current);
        let holds = match guard {
            Guard::Any => true,
            Guard::Absent => current.is_none(),
            Guard::Matches(pin) => current.is_some_and(|current| current.pin == *pin),
        };
        if holds { Ok(()) } else { Err(PutError::GuardFailed) }
    }

    /// Makes an object the current version of its key.
    pub(super) fn store(
        &mut self,
        object: &ObjectName,
        write: Write,
        content: Content,
        etag: &str,
    ) -> Result<Committed, PutError> {
        self.welcome(object, &write)?;
        let pin = self.pin();
        let stored = StoredObject::new(write.attributes, content, etag, pin.clone());
        let version = self.push(object, What::Object(stored))?;
        Ok(Committed { pin, version })
    }

    pub(super) fn delete(&mut self, object: &ObjectName, deletion: &Deletion) -> Result<Deleted, PutError> {
        let versioning = self.bucket(&object.bucket)?.versioning;
        self.guard(object, &deletion.guard)?;
        if let Some(id) = &deletion.version {
            let gone = self.take(object, id);
            let delete_marker = gone.is_some_and(|version| version.object().is_none());
            let version = (versioning != Versioning::Never).then(|| id.clone());
            return Ok(Deleted { version, delete_marker });
        }
        if versioning == Versioning::Never {
            self.take(object, &VersionId::null());
            return Ok(Deleted::default());
        }
        let version = self.push(object, What::Marker(SystemTime::now()))?;
        Ok(Deleted { version, delete_marker: true })
    }

    /// Puts a version in front of those of a key. Says what clients call it.
    fn push(&mut self, object: &ObjectName, what: What) -> Result<Option<VersionId>, PutError> {
        let versioning = self.bucket(&object.bucket)?.versioning;
        let id = match versioning {
            Versioning::Never | Versioning::Suspended => VersionId::null(),
            Versioning::Enabled => version_id(self.number()),
        };
        let slot = self.objects.entry(name(object)).or_default();
        slot.push(Version { id: id.clone(), what });
        Ok((versioning != Versioning::Never).then_some(id))
    }

    /// Takes a version out; with the last one the key goes.
    pub(super) fn take(&mut self, object: &ObjectName, id: &VersionId) -> Option<Version> {
        let slot = self.objects.get_mut(&name(object))?;
        let at = slot.versions.iter().position(|version| version.id == *id)?;
        let version = slot.versions.remove(at);
        slot.lies.clear();
        if slot.versions.is_empty() {
            self.objects.remove(&name(object));
        }
        Some(version)
    }
}

pub(super) fn name(object: &ObjectName) -> (String, String) {
    (object.bucket.as_str().to_owned(), object.key.as_str().to_owned())
}

fn version_id(number: u64) -> VersionId {
    VersionId::parse(&format!("version-{number}")).expect("it is visible ASCII")
}
