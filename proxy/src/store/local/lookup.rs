//! Finds the row of a version in a snapshot of the index.

use std::ops::Range;

use bytes::Bytes;

use super::history::{Seat, newest, seat};
use super::index::{View, index_error, object_key};
use super::row::{Head, Past, Row};
use super::version::{Name, Naming, version_key};
use crate::name::ObjectName;
use crate::proof::UnverifiedHead;
use crate::store::{GetError, Pin, Span, Standing, VersionId, Versioning};

/// A version's row, and what clients call the version, where its bucket keeps any.
pub(super) struct Version {
    pub(super) row: Row,
    pub(super) name: Option<VersionId>,
}

/// A version and some of its bytes.
pub(super) struct Found {
    pub(super) version: Version,
    pub(super) span: Range<u64>,
    /// Those bytes, if they are in the index.
    pub(super) inline: Option<Bytes>,
}

impl Version {
    pub(super) fn head(self) -> UnverifiedHead {
        let Row { head, attributes, tags, .. } = self.row;
        let standing = Standing { version: self.name, lock: head.lock, tags: tags.len() };
        UnverifiedHead::new(attributes, head.stub.size, head.stub.id.pin()).standing(standing)
    }
}

/// The version of an object that is called `name`, or the current one.
pub(super) fn version(
    view: &View,
    object: &ObjectName,
    name: Option<&VersionId>,
) -> Result<Version, GetError> {
    let key = object_key(object);
    let row = match name {
        None => current(view, object, &key)?,
        Some(name) => named(view, object, &key, name)?,
    };
    let name = match row.head.rank.naming {
        Naming::Own => Some(row.head.name()),
        // Its bucket may keep versions by now.
        Naming::Null => keeps(view, object)?.then(VersionId::null),
    };
    Ok(Version { row, name })
}

/// A version, the bytes meant of it, and those bytes if they are in the index: all of one snapshot.
pub(super) fn find(
    view: &View,
    object: &ObjectName,
    name: Option<&VersionId>,
    span: &Span,
    pin: Option<&Pin>,
) -> Result<Found, GetError> {
    let version = version(view, object, name)?;
    let stub = &version.row.head.stub;
    if pin.is_some_and(|pin| stub.id.pin() != *pin) {
        return Err(GetError::Changed);
    }
    let span = span.within(stub.size).ok_or(GetError::OutOfRange)?;
    let inline = view.inline(stub, &span)?;
    Ok(Found { version, span, inline })
}

/// Whether the bucket keeps versions, or did.
fn keeps(view: &View, object: &ObjectName) -> Result<bool, GetError> {
    match view.rules(&object.bucket)? {
        Some(rules) => Ok(rules.versioning != Versioning::Never),
        None => Err(GetError::NoSuchBucket),
    }
}

fn current(view: &View, object: &ObjectName, key: &[u8]) -> Result<Row, GetError> {
    if let Some(row) = view.objects()?.get(key).map_err(index_error)? {
        return Ok(Row::decode(row.value())?);
    }
    if !keeps(view, object)? {
        return Err(GetError::NoSuchKey);
    }
    match newest(&view.versions()?, key).map_err(index_error)? {
        None => Err(GetError::NoSuchKey),
        Some((_, row)) => match Past::decode(row.value(), Row::decode)? {
            Past::Marker(marker) => Err(GetError::DeleteMarker(marker.name())),
            // It should be among the objects; it is what it is all the same.
            Past::Object(row) => Ok(row),
        },
    }
}

fn named(view: &View, object: &ObjectName, key: &[u8], version: &VersionId) -> Result<Row, GetError> {
    let missing = || match view.has_bucket(object.bucket.as_str()) {
        Ok(true) => GetError::NoSuchVersion,
        Ok(false) => GetError::NoSuchBucket,
        Err(error) => error.into(),
    };
    let Some(name) = Name::parse(version) else { return Err(missing()) };
    let row = view.objects()?.get(key).map_err(index_error)?;
    let head = row.as_ref().map(|row| Head::decode_first(row.value()));
    let current = head.as_ref().and_then(|head| head.as_ref().ok());
    let past = match (seat(current, &view.nulls()?, key, name).map_err(index_error)?, &row) {
        (Some(Seat::Current), Some(row)) => return Ok(Row::decode(row.value())?),
        (Some(Seat::Past(seq)), _) => {
            view.versions()?.get(version_key(key, seq).as_slice()).map_err(index_error)?
        }
        (Some(Seat::Current) | None, _) => None,
    };
    let Some(past) = past else {
        // A row that does not decode may be the one, but does not hide those behind it.
        head.transpose()?;
        return Err(missing());
    };
    match Past::decode(past.value(), Row::decode)? {
        Past::Object(row) if row.head.rank.is_called(name, row.head.stub.id) => Ok(row),
        Past::Marker(marker) if marker.rank.is_called(name, marker.id) => {
            Err(GetError::DeleteMarker(marker.name()))
        }
        Past::Object(_) | Past::Marker(_) => Err(missing()),
    }
}
