//! A store in memory that keeps the contract of [`Store`], until a test tells it not to: everything in it can be
//! edited behind the proxy's back, and single calls can be made to fail.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::proof::{Unverified, UnverifiedHead, UnverifiedState};
use hallmark_proxy::store::{
    Attributes, Body, BucketInfo, Capabilities, Committed, DeletedBucket, GetError, Guard, ListEntry,
    ListPage, ListRequest, Piece, Pin, PutError, Span, StateArea, StateName, Store, StoreError, StoreFault,
};
use hallmark_signer::SealedHeaders;

/// How many bytes come at once from a download, as from a socket.
const PIECE: usize = 64 * 1024;

/// The store. All of it is behind one lock, which no call holds while it waits.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    buckets: BTreeMap<String, SystemTime>,
    objects: BTreeMap<(String, String), Slot>,
    state: HashMap<StateName, Bytes>,
    versions: u64,
    keeps_no_bytes: bool,
    calls: Vec<Call>,
    mishaps: Vec<(Call, Mishap)>,
}

/// What stands under a name: one version or, from a store that lies, several that take turns.
#[derive(Debug)]
struct Slot {
    versions: Vec<StoredObject>,
    turn: usize,
}

/// An object as it is stored; a test may change any of it.
#[derive(Debug, Clone)]
pub struct StoredObject {
    /// What is kept beside the bytes.
    pub attributes: Attributes,
    /// The bytes.
    pub bytes: Bytes,
    /// The ETag for listings.
    pub etag: String,
    /// When it was written, for listings.
    pub modified: SystemTime,
    /// The length that the store speaks of; `None`: the true one.
    pub claimed_length: Option<u64>,
    /// Instead of `bytes` there are zeros, `claimed_length` of them.
    zeros: bool,
    pin: Pin,
}

/// Calls of the trait that can be counted, and made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named after the calls")]
pub enum Call {
    Put,
    Get,
    Head,
    Delete,
    List,
    StatePut,
    StateGet,
    StateList,
    StateDelete,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It fails and does nothing.
    Fails(StoreFault),
    /// It does its work, and then says that it does not know. For writes.
    PersistsAndFails(StoreFault),
    /// The body breaks off with an error after so many bytes. For `Get`.
    BreaksAfter(usize),
    /// The body arrives with a bit of the object's byte at this offset flipped; what is stored stays. For `Get`.
    Garbles(usize),
    /// It says that the span lies outside of the object. For `Get`.
    DeniesSpan,
    /// Empty pieces without end come first. For `Get`.
    DripsNothing,
    /// The body arrives byte by byte. For `Get`.
    Drips,
}

impl StoredObject {
    /// Flips a bit of the byte at `offset`.
    pub fn flip(&mut self, offset: usize) {
        let mut bytes = self.bytes.to_vec();
        bytes[offset] ^= 0x10;
        self.bytes = bytes.into();
    }

    /// Sets a header that the seal covers, or with `None` removes it.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        let mut headers = SealedHeaders::default();
        for (known, old) in self.attributes.headers.iter().filter(|(known, _)| *known != name) {
            headers.insert(known, old).expect("it was accepted before");
        }
        if let Some(value) = value {
            headers.insert(name, value).expect("the test gives a header that can be stored");
        }
        self.attributes.headers = headers;
    }

    /// The value of the metadata `hallmark`.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn hallmark(&self) -> &str {
        self.attributes.hallmark.as_deref().expect("the object has a seal")
    }

    fn length(&self) -> u64 {
        self.claimed_length.unwrap_or(self.bytes.len() as u64)
    }
}

/// What tests do behind the proxy's back.
impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
        self.contents().objects.get(&(bucket.to_owned(), key.to_owned())).map(|slot| slot.versions[0].clone())
    }

    /// Changes an object in place: what names its version stays the same.
    #[track_caller]
    pub fn edit(&self, bucket: &str, key: &str, edit: impl FnOnce(&mut StoredObject)) {
        let mut object = self.object(bucket, key);
        edit(&mut object);
        self.place(bucket, key, object);
    }

    /// Puts an object under a name, whatever is there.
    pub fn place(&self, bucket: &str, key: &str, object: StoredObject) {
        self.alternate(bucket, key, vec![object]);
    }

    /// Puts several versions under a name: each call gets the next of them, whatever version it asks for.
    pub fn alternate(&self, bucket: &str, key: &str, versions: Vec<StoredObject>) {
        assert!(!versions.is_empty(), "at least one version");
        self.contents().objects.insert((bucket.to_owned(), key.to_owned()), Slot { versions, turn: 0 });
    }

    /// From now on the bytes of what is uploaded are not kept, and zeros come back in their place: for artifacts that
    /// are too large to keep.
    pub fn keep_no_bytes(&self) {
        self.contents().keeps_no_bytes = true;
    }

    /// Names of state objects, sorted.
    pub fn state_names(&self, area: StateArea) -> Vec<StateName> {
        let mut names: Vec<_> =
            self.contents().state.keys().filter(|name| name.area() == area).cloned().collect();
        names.sort_by(|a, b| a.name().cmp(b.name()));
        names
    }

    /// The bytes of a state object.
    ///
    /// # Panics
    /// It is not there.
    #[track_caller]
    pub fn state(&self, name: &StateName) -> Bytes {
        self.contents().state.get(name).cloned().unwrap_or_else(|| panic!("{} is not stored", name.name()))
    }

    /// Sets the bytes of a state object, or with `None` removes it.
    pub fn set_state(&self, name: &StateName, bytes: Option<Bytes>) {
        match bytes {
            Some(bytes) => self.contents().state.insert(name.clone(), bytes),
            None => self.contents().state.remove(name),
        };
    }

    /// Makes the next `call` go wrong. Several for the same call: in this order.
    pub fn go_wrong(&self, call: Call, mishap: Mishap) {
        self.contents().mishaps.push((call, mishap));
    }

    /// From now on nothing goes wrong that was to.
    pub fn forget_mishaps(&self) {
        self.contents().mishaps.clear();
    }

    /// The calls since this was asked last.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.contents().calls)
    }
}

impl Contents {
    /// Notes a call, and tells what is to go wrong with it.
    fn call(&mut self, call: Call) -> Option<Mishap> {
        self.calls.push(call);
        let at = self.mishaps.iter().position(|(planned, _)| *planned == call)?;
        Some(self.mishaps.remove(at).1)
    }

    /// The same for calls that can only fail.
    fn reading(&mut self, call: Call) -> Result<(), StoreError> {
        match self.call(call) {
            Some(Mishap::Fails(fault) | Mishap::PersistsAndFails(fault)) => Err(planned(fault)),
            Some(_) | None => Ok(()),
        }
    }

    /// The version whose turn it is.
    fn version(&mut self, object: &ObjectName, pin: Option<&Pin>) -> Result<StoredObject, GetError> {
        if !self.buckets.contains_key(object.bucket.as_str()) {
            return Err(GetError::NoSuchBucket);
        }
        let slot = self.objects.get_mut(&name(object)).ok_or(GetError::NoSuchKey)?;
        let version = slot.versions[slot.turn % slot.versions.len()].clone();
        slot.turn += 1;
        let honest = slot.versions.len() == 1;
        if honest && pin.is_some_and(|pin| *pin != version.pin) {
            Err(GetError::Changed)
        } else {
            Ok(version)
        }
    }

    fn guard(&self, object: &ObjectName, guard: &Guard) -> Result<(), PutError> {
        let current = self.objects.get(&name(object)).map(|slot| &slot.versions[0].pin);
        let holds = match guard {
            Guard::Any => true,
            Guard::Absent => current.is_none(),
            Guard::Matches(pin) => current == Some(pin),
        };
        if holds { Ok(()) } else { Err(PutError::GuardFailed) }
    }

    fn bucket(&self, bucket: &BucketName) -> Result<(), PutError> {
        if self.buckets.contains_key(bucket.as_str()) { Ok(()) } else { Err(PutError::NoSuchBucket) }
    }

    fn info(&self, bucket: &str) -> Option<BucketInfo> {
        let created = *self.buckets.get(bucket)?;
        Some(BucketInfo { name: BucketName::parse(bucket).expect("it was one when it was made"), created })
    }
}

fn name(object: &ObjectName) -> (String, String) {
    (object.bucket.as_str().to_owned(), object.key.as_str().to_owned())
}

fn planned(fault: StoreFault) -> StoreError {
    StoreError::new(fault, "planned by the test")
}

/// Turns a mishap of a write into what the call says, before (`Err` at once) and after its work.
fn writing(mishap: Option<Mishap>) -> Result<Option<PutError>, PutError> {
    match mishap {
        Some(Mishap::Fails(fault)) => Err(PutError::NotStored(planned(fault))),
        Some(Mishap::PersistsAndFails(fault)) => Ok(Some(PutError::Unknown(planned(fault)))),
        Some(_) | None => Ok(None),
    }
}

/// Takes a body to its commit; keeps its bytes or not.
async fn receive(mut body: Body, length: u64, keep: bool) -> Result<(Bytes, String), PutError> {
    let mut bytes = Vec::new();
    let mut received = 0;
    loop {
        match body.next().await {
            Some(Piece::Data(data)) => {
                received += data.len() as u64;
                if keep {
                    bytes.extend_from_slice(&data);
                }
            }
            Some(Piece::Commit { etag }) if received == length => {
                return Ok((bytes.into(), etag.into()));
            }
            Some(Piece::Commit { .. }) | None => return Err(PutError::Incomplete),
        }
        if received > length {
            return Err(PutError::Incomplete);
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        Ok(Capabilities { guards: true, max_key_bytes: 1024 })
    }

    async fn put(
        &self,
        object: &ObjectName,
        attributes: Attributes,
        length: u64,
        body: Body,
        guard: Guard,
    ) -> Result<Committed, PutError> {
        let (then, zeros) = {
            let mut contents = self.contents();
            let then = writing(contents.call(Call::Put))?;
            contents.bucket(&object.bucket)?;
            contents.guard(object, &guard)?;
            (then, contents.keeps_no_bytes)
        };
        let (bytes, etag) = receive(body, length, !zeros).await?;
        let mut contents = self.contents();
        contents.bucket(&object.bucket)?;
        contents.guard(object, &guard)?;
        contents.versions += 1;
        let pin = Pin(format!("version-{}", contents.versions));
        let stored = StoredObject {
            attributes,
            bytes,
            etag,
            modified: SystemTime::now(),
            claimed_length: zeros.then_some(length),
            zeros,
            pin: pin.clone(),
        };
        contents.objects.insert(name(object), Slot { versions: vec![stored], turn: 0 });
        then.map_or(Ok(Committed { pin }), Err)
    }

    async fn get(&self, object: &ObjectName, span: Span, pin: Option<&Pin>) -> Result<Unverified, GetError> {
        let (version, mishap) = {
            let mut contents = self.contents();
            let mishap = contents.call(Call::Get);
            if let Some(Mishap::Fails(fault) | Mishap::PersistsAndFails(fault)) = mishap {
                return Err(planned(fault).into());
            }
            if let Some(Mishap::DeniesSpan) = mishap {
                return Err(GetError::OutOfRange);
            }
            (contents.version(object, pin)?, mishap)
        };
        let span = span.within(version.length()).ok_or(GetError::OutOfRange)?;
        if version.zeros {
            return Ok(zeros(version, span));
        }
        let (begin, end) = (index(span.start), index(span.end));
        let there = version.bytes.len();
        let mut bytes = version.bytes.slice(begin.min(there)..end.min(there));
        if let Some(Mishap::Garbles(offset)) = mishap
            && (begin..end).contains(&offset)
        {
            let mut garbled = bytes.to_vec();
            garbled[offset - begin] ^= 0x10;
            bytes = garbled.into();
        }
        let mut pieces = Vec::new();
        if let Some(Mishap::BreaksAfter(length)) = mishap {
            bytes.truncate(length);
        }
        let piece = if let Some(Mishap::Drips) = mishap { 1 } else { PIECE };
        while !bytes.is_empty() {
            pieces.push(Ok(bytes.split_to(piece.min(bytes.len()))));
        }
        if let Some(Mishap::BreaksAfter(_)) = mishap {
            pieces.push(Err(planned(StoreFault::Unavailable)));
        }
        let length = version.length();
        let head = UnverifiedHead::new(version.attributes, length, version.pin);
        if let Some(Mishap::DripsNothing) = mishap {
            return Ok(Unverified::new(head, span, Box::pin(stream::repeat_with(|| Ok(Bytes::new())))));
        }
        Ok(Unverified::new(head, span, Box::pin(stream::iter(pieces))))
    }

    async fn head(&self, object: &ObjectName) -> Result<UnverifiedHead, GetError> {
        let mut contents = self.contents();
        contents.reading(Call::Head)?;
        let version = contents.version(object, None)?;
        let length = version.length();
        Ok(UnverifiedHead::new(version.attributes, length, version.pin))
    }

    async fn delete(&self, object: &ObjectName, guard: Guard) -> Result<(), PutError> {
        if guard == Guard::Absent {
            return Err(PutError::Unsupported("deleting what is absent"));
        }
        let mut contents = self.contents();
        let then = writing(contents.call(Call::Delete))?;
        contents.bucket(&object.bucket)?;
        if contents.objects.contains_key(&name(object)) {
            contents.guard(object, &guard)?;
            contents.objects.remove(&name(object));
        }
        then.map_or(Ok(()), Err)
    }

    async fn delete_many(&self, objects: &[ObjectName]) -> Vec<Result<(), PutError>> {
        let mut results = Vec::new();
        for object in objects {
            results.push(self.delete(object, Guard::Any).await);
        }
        results
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError> {
        let mut contents = self.contents();
        contents.reading(Call::List)?;
        contents.bucket(&request.bucket).map_err(|_| GetError::NoSuchBucket)?;
        let bucket = request.bucket.as_str();
        let mut page = ListPage::default();
        let mut last = request.after.clone();
        for ((_, key), slot) in contents.objects.iter().filter(|((of, _), _)| of == bucket) {
            let Some(rest) = key.strip_prefix(&request.prefix) else { continue };
            let rolled = request.delimiter.as_deref().and_then(|delimiter| {
                let end = rest.find(delimiter)? + delimiter.len();
                Some(&key[..request.prefix.len() + end])
            });
            let text = rolled.unwrap_or(key);
            if last.as_deref().is_some_and(|last| text <= last) {
                continue;
            }
            if page.entries.len() == request.limit {
                page.more = true;
                break;
            }
            last = Some(text.to_owned());
            page.entries.push(match rolled {
                Some(prefix) => ListEntry::Prefix(prefix.to_owned()),
                None => entry(key, &slot.versions[0]),
            });
        }
        Ok(page)
    }

    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        let contents = self.contents();
        Ok(contents.buckets.keys().filter_map(|bucket| contents.info(bucket)).collect())
    }

    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        Ok(self.contents().info(bucket.as_str()))
    }

    async fn create_bucket(&self, bucket: &BucketName) -> Result<bool, StoreError> {
        let mut contents = self.contents();
        if contents.buckets.contains_key(bucket.as_str()) {
            return Ok(false);
        }
        contents.buckets.insert(bucket.as_str().to_owned(), SystemTime::now());
        Ok(true)
    }

    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        let mut contents = self.contents();
        if contents.objects.keys().any(|(of, _)| of == bucket.as_str()) {
            return Ok(DeletedBucket::NotEmpty);
        }
        Ok(match contents.buckets.remove(bucket.as_str()) {
            Some(_) => DeletedBucket::Deleted,
            None => DeletedBucket::NoSuchBucket,
        })
    }

    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError> {
        let mut contents = self.contents();
        let then = writing(contents.call(Call::StatePut))?;
        match guard {
            Guard::Any => {}
            Guard::Absent if contents.state.contains_key(name) => return Err(PutError::GuardFailed),
            Guard::Absent => {}
            Guard::Matches(_) => return Err(PutError::Unsupported("versions of state objects")),
        }
        contents.state.insert(name.clone(), value);
        then.map_or(Ok(()), Err)
    }

    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError> {
        let mut contents = self.contents();
        contents.reading(Call::StateGet)?;
        Ok(contents.state.get(name).map(|bytes| {
            let range = span.within(bytes.len() as u64).unwrap_or(0..0);
            UnverifiedState::new(bytes.slice(index(range.start)..index(range.end)))
        }))
    }

    async fn state_list(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.contents().reading(Call::StateList)?;
        let names = self.state_names(area);
        let names = names.iter().map(StateName::name).filter(|name| name.starts_with(prefix));
        Ok(names
            .filter(|name| after.is_none_or(|after| *name > after))
            .take(limit)
            .map(str::to_owned)
            .collect())
    }

    async fn state_delete(&self, name: &StateName) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.reading(Call::StateDelete)?;
        contents.state.remove(name);
        Ok(())
    }
}

/// A span of zeros.
fn zeros(version: StoredObject, span: Range<u64>) -> Unverified {
    static ZEROS: [u8; PIECE] = [0; PIECE];
    let pieces = stream::unfold(span.end - span.start, |left| async move {
        let here = left.min(PIECE as u64);
        (here > 0).then(|| (Ok(Bytes::from_static(&ZEROS[..index(here)])), left - here))
    });
    let length = version.length();
    Unverified::new(UnverifiedHead::new(version.attributes, length, version.pin), span, Box::pin(pieces))
}

fn entry(key: &str, object: &StoredObject) -> ListEntry {
    ListEntry::Object {
        key: ObjectKey::parse(key).expect("it was one when it was stored"),
        size: object.length(),
        modified: object.modified,
        etag: object.etag.clone(),
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("objects here fit in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(key: &str) -> ObjectName {
        ObjectName { bucket: BucketName::parse("bucket").unwrap(), key: ObjectKey::parse(key).unwrap() }
    }

    fn plain() -> Attributes {
        Attributes { headers: SealedHeaders::default(), hallmark: None }
    }

    async fn with_keys(keys: &[&str]) -> MemoryStore {
        let store = MemoryStore::new();
        store.create_bucket(&BucketName::parse("bucket").unwrap()).await.unwrap();
        for key in keys {
            let body = Body::whole(Bytes::from_static(b"x"), "etag");
            store.put(&named(key), plain(), 1, body, Guard::Any).await.unwrap();
        }
        store
    }

    #[tokio::test]
    async fn listings_roll_up_and_continue() {
        let store = with_keys(&["a", "b/1", "b/2", "c/1", "d"]).await;
        let page = async |after: Option<&str>, limit| {
            let request = ListRequest {
                bucket: BucketName::parse("bucket").unwrap(),
                prefix: String::new(),
                delimiter: Some("/".to_owned()),
                after: after.map(str::to_owned),
                limit,
            };
            let page = store.list(request).await.unwrap();
            let text = |entry: &ListEntry| match entry {
                ListEntry::Object { key, .. } => key.to_string(),
                ListEntry::Prefix(prefix) => prefix.clone(),
            };
            (page.entries.iter().map(text).collect::<Vec<_>>().join(" "), page.more)
        };
        assert_eq!(page(None, 10).await, ("a b/ c/ d".to_owned(), false));
        assert_eq!(page(None, 2).await, ("a b/".to_owned(), true));
        assert_eq!(page(Some("b/"), 2).await, ("c/ d".to_owned(), false));
    }

    #[tokio::test]
    async fn a_body_that_is_not_completed_stores_nothing() {
        let store = with_keys(&["key"]).await;
        let (writer, body) = Body::channel(1);
        drop(writer);
        let put = store.put(&named("key"), plain(), 1, body, Guard::Any).await;
        assert!(matches!(put, Err(PutError::Incomplete)), "{put:?}");
        let short = Body::whole(Bytes::from_static(b"xy"), "new");
        let put = store.put(&named("key"), plain(), 3, short, Guard::Any).await;
        assert!(matches!(put, Err(PutError::Incomplete)), "{put:?}");
        assert_eq!(store.object("bucket", "key").etag, "etag");
    }

    #[tokio::test]
    async fn what_is_planned_goes_wrong_once() {
        let store = with_keys(&[]).await;
        store.go_wrong(Call::Put, Mishap::PersistsAndFails(StoreFault::Timeout));
        store.go_wrong(Call::Put, Mishap::Fails(StoreFault::Timeout));
        for (key, stored) in [("first", true), ("second", false), ("third", true)] {
            let put =
                store.put(&named(key), plain(), 0, Body::whole(Bytes::new(), "etag"), Guard::Absent).await;
            assert_eq!(store.find("bucket", key).is_some(), stored, "{put:?}");
        }
        assert_eq!(store.take_calls(), [Call::Put; 3]);
    }

    #[tokio::test]
    async fn a_lying_store_ignores_pins() {
        let store = with_keys(&["key"]).await;
        let pin = Pin("version-1".to_owned());
        assert!(store.get(&named("key"), Span::All, Some(&Pin("other".to_owned()))).await.is_err());
        let (first, mut second) = (store.object("bucket", "key"), store.object("bucket", "key"));
        second.pin = Pin("version-2".to_owned());
        store.alternate("bucket", "key", vec![first, second]);
        for _ in 0..4 {
            assert!(store.get(&named("key"), Span::All, Some(&pin)).await.is_ok());
        }
    }
}
