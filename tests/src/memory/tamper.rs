//! What tests do to objects behind the proxy's back.

use hallmark_proxy::store::VersionId;

use super::objects::{Slot, Version, What};
use super::stored::StoredObject;
use super::{Contents, MemoryStore};

/// Objects: of each key the current version.
impl MemoryStore {
    /// A copy of an object.
    ///
    /// # Panics
    /// It is not there.
    #[track_caller]
    pub fn object(&self, bucket: &str, key: &str) -> StoredObject {
        self.find(bucket, key).unwrap_or_else(|| panic!("{bucket}/{key} is not stored"))
    }

    /// A copy of an object, if it is there.
    pub fn find(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        self.contents().slot(bucket, key)?.current().cloned()
    }

    /// Changes an object in place: what names its version stays the same, unless `edit` changes that too.
    #[track_caller]
    pub fn edit(&self, bucket: &str, key: &str, edit: impl FnOnce(&mut StoredObject)) {
        let mut object = self.object(bucket, key);
        edit(&mut object);
        self.place(bucket, key, object);
    }

    /// Puts an object under a name in the place of the current version, whatever is there.
    pub fn place(&self, bucket: &str, key: &str, object: StoredObject) {
        self.contents().put_in_front(bucket, key, object);
    }

    /// Puts several versions under a name: each call gets the next of them, whatever version it asks for.
    pub fn alternate(&self, bucket: &str, key: &str, versions: Vec<StoredObject>) {
        let first = versions.first().expect("at least one version").clone();
        self.contents().put_in_front(bucket, key, first).lies = versions;
    }

    /// Takes a key away with all its versions.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.contents().objects.remove(&(bucket.to_owned(), key.to_owned()));
    }

    /// From now on the bytes of what is uploaded are not kept, and zeros come back in their place: for artifacts that
    /// are too large to keep.
    pub fn keep_no_bytes(&self) {
        self.contents().keeps_no_bytes = true;
    }
}

/// Versions of objects.
impl MemoryStore {
    /// The versions of a key, newest first, delete markers among them.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<VersionId> {
        let contents = self.contents();
        let slot = contents.slot(bucket, key);
        slot.map(|slot| slot.versions.iter().map(|version| version.id.clone()).collect()).unwrap_or_default()
    }

    /// A copy of a version.
    ///
    /// # Panics
    /// It is not there, or a delete marker.
    #[track_caller]
    pub fn version(&self, bucket: &str, key: &str, id: &VersionId) -> StoredObject {
        let contents = self.contents();
        let version = contents.slot(bucket, key).and_then(|slot| slot.version(id));
        let found = version.and_then(Version::object).cloned();
        drop(contents);
        found.unwrap_or_else(|| panic!("{bucket}/{key} has no object as version {id}"))
    }

    /// Changes a version in place, as [`edit`](Self::edit) does.
    #[track_caller]
    pub fn edit_version(
        &self,
        bucket: &str,
        key: &str,
        id: &VersionId,
        edit: impl FnOnce(&mut StoredObject),
    ) {
        let mut object = self.version(bucket, key, id);
        edit(&mut object);
        let mut contents = self.contents();
        let slot = contents.slot_mut(bucket, key);
        let version = slot.versions.iter_mut().find(|version| version.id == *id);
        version.expect("it was there").what = What::Object(object);
    }

    /// Swaps what two versions are; what names them stays where it is. A version is bucket, key, and which.
    #[track_caller]
    pub fn swap(&self, one: (&str, &str, &VersionId), other: (&str, &str, &VersionId)) {
        let mut first = self.version(one.0, one.1, one.2);
        let mut second = self.version(other.0, other.1, other.2);
        std::mem::swap(&mut first.pin, &mut second.pin);
        self.edit_version(one.0, one.1, one.2, |object| *object = second);
        self.edit_version(other.0, other.1, other.2, |object| *object = first);
    }

    /// Makes an older version the current one: a rollback.
    #[track_caller]
    pub fn make_current(&self, bucket: &str, key: &str, id: &VersionId) {
        let mut contents = self.contents();
        let versions = &mut contents.slot_mut(bucket, key).versions;
        let at = versions.iter().position(|version| version.id == *id).expect("the version is there");
        versions[..=at].rotate_right(1);
    }

    /// Takes a version away, as if it had never been.
    pub fn remove_version(&self, bucket: &str, key: &str, id: &VersionId) {
        let mut contents = self.contents();
        contents.slot_mut(bucket, key).versions.retain(|version| version.id != *id);
        contents.objects.retain(|_, slot| !slot.versions.is_empty());
    }
}

impl Contents {
    fn slot(&self, bucket: &str, key: &str) -> Option<&Slot> {
        self.objects.get(&(bucket.to_owned(), key.to_owned()))
    }

    fn slot_mut(&mut self, bucket: &str, key: &str) -> &mut Slot {
        self.objects.entry((bucket.to_owned(), key.to_owned())).or_default()
    }

    /// In the place of the current version, and of all lies.
    fn put_in_front(&mut self, bucket: &str, key: &str, object: StoredObject) -> &mut Slot {
        let slot = self.slot_mut(bucket, key);
        let id = slot.versions.first().map_or_else(VersionId::null, |version| version.id.clone());
        slot.versions.splice(..slot.versions.len().min(1), [Version { id, what: What::Object(object) }]);
        slot.lies.clear();
        slot.turn = 0;
        slot
    }
}
