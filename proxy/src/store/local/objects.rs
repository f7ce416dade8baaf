//! Objects: put, get, head, delete.

use std::io;
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use redb::ReadableTable as _;

use super::LocalStore;
use super::committer::{Tables, standing};
use super::id::{Id, unix_ms};
use super::index::{View, index_error, object_key};
use super::read;
use super::receive::{Content, receive};
use super::row::{Row, Stub};
use crate::name::ObjectName;
use crate::proof::{Unverified, UnverifiedHead};
use crate::store::{Body, Committed, GetError, Guard, Pin, PutError, Span, StoreError, StoreFault, Write};

impl LocalStore {
    pub(super) async fn put_object(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        // What is refused anyway is refused before the body is taken. It is judged again in the transaction.
        let early = {
            let (object, guard) = (object.clone(), write.guard.clone());
            self.index.look(move |view| Ok(welcome(view, &object, &guard))).await
        };
        early.map_err(PutError::NotStored)??;
        self.index.room.for_upload(length).map_err(PutError::NotStored)?;

        let id = Id::new().map_err(PutError::NotStored)?;
        let (content, etag) = receive(&self.bodies, id, length, body).await?;
        let new = NewVersion { id, size: length, modified: unix_ms(SystemTime::now()), etag, write };
        let object = object.clone();
        self.committer.submit(move |tables| place(tables, &object, new, content)).await?
    }

    pub(super) async fn head_object(&self, object: &ObjectName) -> Result<UnverifiedHead, GetError> {
        let object = object.clone();
        let row = self.index.look(move |view| Ok(row(view, &object))).await??;
        Ok(head(row))
    }

    pub(super) async fn get_object(
        &self,
        object: &ObjectName,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        let mut missing = None;
        for _ in 0..read::ATTEMPTS {
            let (row, span, inline) = {
                let (object, span, pin) = (object.clone(), span.clone(), pin.cloned());
                self.index.look(move |view| Ok(find(view, &object, &span, pin.as_ref()))).await??
            };
            if let Some(bytes) = inline {
                return Ok(Unverified::new(head(row), span, read::whole(bytes)));
            }
            let id = row.stub.id;
            match self.open_body(row.stub, span.clone()).await? {
                Ok((first, rest)) => return Ok(Unverified::new(head(row), span, read::chunks(first, rest))),
                // Replaced between looking up and opening, unless the row still says the same.
                Err(e) if e.kind() == io::ErrorKind::NotFound && missing != Some(id) => missing = Some(id),
                Err(e) => return Err(read::unread(&e).into()),
            }
        }
        Err(StoreError::new(StoreFault::Unavailable, "the object was replaced again and again").into())
    }

    pub(super) async fn delete_object(&self, object: &ObjectName, guard: Guard) -> Result<(), PutError> {
        if guard == Guard::Absent {
            return Err(PutError::Unsupported("deleting what is absent"));
        }
        let object = object.clone();
        self.committer.submit(move |tables| delete(tables, &object, &guard)).await?
    }

    pub(super) async fn delete_objects(&self, objects: &[ObjectName]) -> Vec<Result<(), PutError>> {
        let owned = objects.to_vec();
        let change = move |tables: &mut Tables<'_>| {
            owned.iter().map(|object| delete(tables, object, &Guard::Any)).collect::<Result<Vec<_>, _>>()
        };
        match self.committer.submit(change).await {
            Ok(results) => results,
            Err(error) => objects.iter().map(|_| Err(error.clone().into())).collect(),
        }
    }
}

/// An object that is about to be.
pub(super) struct NewVersion {
    /// Names its body, and never named anything before.
    pub(super) id: Id,
    pub(super) size: u64,
    /// Unix milliseconds.
    pub(super) modified: u64,
    pub(super) etag: Box<str>,
    pub(super) write: Write,
}

/// Makes a version the current one of its key, if its guard holds. Every object comes to be here.
pub(super) fn place(
    tables: &mut Tables<'_>,
    object: &ObjectName,
    new: NewVersion,
    content: Content,
) -> Result<Result<Committed, PutError>, redb::Error> {
    let NewVersion { id, size, modified, etag, write } = new;
    if tables.buckets.get(object.bucket.as_str())?.is_none() {
        return Ok(Err(PutError::NoSuchBucket));
    }
    let key = object_key(object);
    let old = standing(&tables.objects, &key)?;
    if !holds(&write.guard, old.as_ref()) {
        return Ok(Err(PutError::GuardFailed));
    }
    let stub = Stub { id, place: content.place(), size, modified };
    let Some(row) = (Row { stub, etag, attributes: write.attributes }).encode() else {
        return Ok(Err(PutError::Unsupported("headers over 4 GiB")));
    };
    tables.changed();
    tables.keep_body(id, content)?;
    tables.objects.insert(key.as_slice(), row.as_slice())?;
    old.map_or(Ok(()), |old| tables.drop_body(&old))?;
    Ok(Ok(Committed { pin: id.pin(), version: None }))
}

fn delete(
    tables: &mut Tables<'_>,
    object: &ObjectName,
    guard: &Guard,
) -> Result<Result<(), PutError>, redb::Error> {
    if tables.buckets.get(object.bucket.as_str())?.is_none() {
        return Ok(Err(PutError::NoSuchBucket));
    }
    let key = object_key(object);
    let old = standing(&tables.objects, &key)?;
    if !holds(guard, old.as_ref()) {
        return Ok(Err(PutError::GuardFailed));
    }
    // By the key and not by `old`: a row that does not decode goes as well.
    if tables.objects.remove(key.as_slice())?.is_some() {
        tables.changed();
    }
    old.map_or(Ok(()), |old| tables.drop_body(&old))?;
    Ok(Ok(()))
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
pub(super) fn welcome(view: &View, object: &ObjectName, guard: &Guard) -> Result<(), PutError> {
    if !view.has_bucket(object.bucket.as_str()).map_err(PutError::NotStored)? {
        return Err(PutError::NoSuchBucket);
    }
    if *guard != Guard::Any {
        let objects = view.objects().map_err(PutError::NotStored)?;
        let row =
            objects.get(object_key(object).as_slice()).map_err(|e| PutError::NotStored(index_error(e)))?;
        let old = row.and_then(|row| Stub::decode_first(row.value()).ok());
        if !holds(guard, old.as_ref()) {
            return Err(PutError::GuardFailed);
        }
    }
    Ok(())
}

pub(super) fn row(view: &View, object: &ObjectName) -> Result<Row, GetError> {
    match view.objects()?.get(object_key(object).as_slice()).map_err(index_error)? {
        Some(row) => Ok(Row::decode(row.value())?),
        None if view.has_bucket(object.bucket.as_str())? => Err(GetError::NoSuchKey),
        None => Err(GetError::NoSuchBucket),
    }
}

type Found = (Row, Range<u64>, Option<Bytes>);

/// The row, the bytes meant, and those bytes if they are in the index: all of one snapshot.
fn find(view: &View, object: &ObjectName, span: &Span, pin: Option<&Pin>) -> Result<Found, GetError> {
    let row = row(view, object)?;
    if pin.is_some_and(|pin| row.stub.id.pin() != *pin) {
        return Err(GetError::Changed);
    }
    let span = span.within(row.stub.size).ok_or(GetError::OutOfRange)?;
    let inline = view.inline(&row.stub, &span)?;
    Ok((row, span, inline))
}

fn head(row: Row) -> UnverifiedHead {
    UnverifiedHead::new(row.attributes, row.stub.size, row.stub.id.pin())
}
