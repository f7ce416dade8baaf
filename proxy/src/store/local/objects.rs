//! Objects: put, get, head.

use std::io;
use std::time::SystemTime;

use super::LocalStore;
use super::committer::Tables;
use super::fields::time;
use super::history::Newest;
use super::id::{Id, unix_ms};
use super::index::{View, index_error, object_key};
use super::lookup::{find, version};
use super::read;
use super::receive::{Content, receive};
use super::row::{Head, Row, Stub};
use super::{locks, version::Rank};
use crate::name::ObjectName;
use crate::proof::{Unverified, UnverifiedHead};
use crate::store::{
    Body, Committed, GetError, Guard, Lock, Pin, PutError, Span, StoreError, StoreFault, VersionId,
    Versioning, Write,
};

impl LocalStore {
    pub(super) async fn put_object(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        // What is refused anyway is refused before the body is taken. It is judged again in the transaction.
        let (early, write) = {
            let object = object.clone();
            self.index.look(move |view| Ok((welcome(view, &object, &write), write))).await
        }
        .map_err(PutError::NotStored)?;
        early?;
        self.index.room.for_upload(length).map_err(PutError::NotStored)?;

        let id = Id::new().map_err(PutError::NotStored)?;
        let (content, etag) = receive(&self.bodies, id, length, body).await?;
        let new = NewVersion { id, size: length, modified: unix_ms(SystemTime::now()), etag, write };
        let object = object.clone();
        self.committer.submit(move |tables| place(tables, &object, new, content)).await?
    }

    pub(super) async fn head_object(
        &self,
        object: &ObjectName,
        name: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        let (object, name) = (object.clone(), name.cloned());
        let found = self.index.look(move |view| Ok(version(view, &object, name.as_ref()))).await??;
        Ok(found.head())
    }

    pub(super) async fn get_object(
        &self,
        object: &ObjectName,
        name: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        let mut missing = None;
        for _ in 0..read::ATTEMPTS {
            let found = {
                let (object, name, span, pin) = (object.clone(), name.cloned(), span.clone(), pin.cloned());
                let find = move |view: &View| Ok(find(view, &object, name.as_ref(), &span, pin.as_ref()));
                self.index.look(find).await??
            };
            let stub = found.version.row.head.stub;
            if let Some(bytes) = found.inline {
                return Ok(Unverified::new(found.version.head(), found.span, read::whole(bytes)));
            }
            let id = stub.id;
            match self.open_body(stub, found.span.clone()).await? {
                Ok((first, rest)) => {
                    let body = read::chunks(first, rest);
                    return Ok(Unverified::new(found.version.head(), found.span, body));
                }
                // Replaced between looking up and opening, unless the row still says the same.
                Err(e) if e.kind() == io::ErrorKind::NotFound && missing != Some(id) => missing = Some(id),
                Err(e) => return Err(read::unread(&e).into()),
            }
        }
        Err(StoreError::new(StoreFault::Unavailable, "the object was replaced again and again").into())
    }
}

/// An object that is about to be.
pub(super) struct NewVersion {
    /// Names its body, and never named anything before.
    pub(super) id: Id,
    pub(super) size: u64,
    /// Unix milliseconds. Where the bucket has a default retention, it begins now.
    pub(super) modified: u64,
    pub(super) etag: Box<str>,
    pub(super) write: Write,
}

impl NewVersion {
    fn row(self, content: &Content, rank: Rank, lock: Lock) -> Row {
        let stub = Stub { id: self.id, place: content.place(), size: self.size, modified: self.modified };
        let Write { attributes, tags, .. } = self.write;
        Row { head: Head { stub, rank, lock }, etag: self.etag, attributes, tags }
    }
}

/// Makes a version the current one of its key, if its guard holds. Every object comes to be here.
pub(super) fn place(
    tables: &mut Tables<'_>,
    object: &ObjectName,
    new: NewVersion,
    content: Content,
) -> Result<Result<Committed, PutError>, redb::Error> {
    let rules = match tables.rules(&object.bucket)? {
        Ok(rules) => rules,
        Err(refused) => return Ok(Err(refused)),
    };
    let key = object_key(object);
    let front = tables.front(&key, rules.versioning)?;
    if !holds(&new.write.guard, front.object.as_ref().map(|head| &head.stub)) {
        return Ok(Err(PutError::GuardFailed));
    }
    let written = time(new.modified).unwrap_or_else(SystemTime::now);
    let lock = locks::of_new(&new.write.lock, rules, written);
    let (lock, rank) = match lock.and_then(|lock| Ok((lock, front.next(rules.versioning)?))) {
        Ok(both) => both,
        Err(refused) => return Ok(Err(refused)),
    };
    let id = new.id;
    let Some(row) = new.row(&content, rank, lock).encode() else {
        return Ok(Err(PutError::Unsupported("headers over 4 GiB")));
    };
    tables.keep_body(id, content)?;
    tables.advance(&key, &front, rules.versioning, &Newest::Object(&row))?;
    let version = (rules.versioning != Versioning::Never).then(|| rank.name(id));
    Ok(Ok(Committed { pin: id.pin(), version }))
}

/// Whether `guard` holds where `standing` stands.
pub(super) fn holds(guard: &Guard, standing: Option<&Stub>) -> bool {
    match guard {
        Guard::Any => true,
        Guard::Absent => standing.is_none(),
        Guard::Matches(pin) => standing.is_some_and(|stub| stub.id.pin() == *pin),
    }
}

/// Whether a put would be refused as things stand.
pub(super) fn welcome(view: &View, object: &ObjectName, write: &Write) -> Result<(), PutError> {
    let rules = view.rules(&object.bucket).map_err(PutError::NotStored)?.ok_or(PutError::NoSuchBucket)?;
    locks::of_new(&write.lock, rules, SystemTime::now())?;
    if write.guard != Guard::Any {
        let objects = view.objects().map_err(PutError::NotStored)?;
        let row = objects.get(object_key(object).as_slice());
        let row = row.map_err(|e| PutError::NotStored(index_error(e)))?;
        let old = row.and_then(|row| Stub::decode_first(row.value()).ok());
        if !holds(&write.guard, old.as_ref()) {
            return Err(PutError::GuardFailed);
        }
    }
    Ok(())
}
