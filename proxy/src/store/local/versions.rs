//! Pages of versions: two tables read as one.
//!
//! For each key its current object comes first, if it has one, then what the table of versions has of it. What is
//! rolled up is stepped over, however many keys it holds.

use std::iter::Peekable;
use std::ops::Bound;

use redb::{AccessGuard, Range, ReadOnlyTable};

use super::LocalStore;
use super::history::{Seat, seat};
use super::index::{View, bucket_prefix, index_error};
use super::list::{LIMIT, corrupt, rolled_up};
use super::row::{Head, Line, Past};
use super::version::{Name, split, version_key};
use crate::name::ObjectKey;
use crate::store::{
    GetError, ListVersionsRequest, StoreError, VersionEntry, VersionId, VersionMarker, VersionPage,
};

impl LocalStore {
    pub(super) async fn list_all_versions(
        &self,
        request: ListVersionsRequest,
    ) -> Result<VersionPage, GetError> {
        self.index.look_at_leisure(move |view| Ok(page(view, &request))).await?
    }
}

fn page(view: &View, request: &ListVersionsRequest) -> Result<VersionPage, GetError> {
    if !view.has_bucket(request.bucket.as_str())? {
        return Err(GetError::NoSuchBucket);
    }
    let limit = request.limit.clamp(1, LIMIT);
    let bucket = bucket_prefix(&request.bucket);
    let within = [bucket.as_slice(), request.prefix.as_bytes()].concat();
    let after = request.after.as_ref().map(|marker| marker.key.as_str());
    let mut rows = Rows::after(view, &bucket, &within, request.after.as_ref())?;
    let mut page = VersionPage::default();
    while let Some(row) = rows.next()? {
        if !row.key.starts_with(&within) {
            break;
        }
        let key = row.key.get(bucket.len()..).and_then(|key| std::str::from_utf8(key).ok());
        let key = key.ok_or_else(|| corrupt("a key is no text"))?;
        let up = rolled_up(key, &request.prefix, request.delimiter.as_deref());
        let listed = up.is_none_or(|up| after.is_none_or(|after| up > after));
        if listed && page.entries.len() == limit {
            page.more = true;
            break;
        }
        match up {
            None => page.entries.push(row.entry(key)?),
            Some(up) => {
                if listed {
                    page.entries.push(VersionEntry::Prefix(up.to_owned()));
                }
                // No byte of UTF-8 is 0xFF, so this is greater than every key that begins with `up`.
                let beyond = [bucket.as_slice(), up.as_bytes(), &[0xFF]].concat();
                rows = Rows::from(view, &beyond)?;
            }
        }
    }
    Ok(page)
}

type Entries = Peekable<Range<'static, &'static [u8], &'static [u8]>>;

/// All versions, by key, the newest first.
struct Rows {
    objects: Entries,
    versions: Entries,
    /// The key of the row before.
    last: Option<Vec<u8>>,
}

/// A row of either table.
struct VersionRow {
    /// The object's.
    key: Vec<u8>,
    row: AccessGuard<'static, &'static [u8]>,
    place: InHistory,
}

/// Of which table a row is.
enum InHistory {
    Current,
    /// Nothing newer of its key is there: so it is a delete marker.
    Front,
    Behind,
}

impl Rows {
    fn between(view: &View, objects: Bound<&[u8]>, versions: Bound<&[u8]>) -> Result<Self, StoreError> {
        let open = |table: ReadOnlyTable<_, _>, from| table.range::<&[u8]>((from, Bound::Unbounded));
        Ok(Self {
            objects: open(view.objects()?, objects).map_err(index_error)?.peekable(),
            versions: open(view.versions()?, versions).map_err(index_error)?.peekable(),
            last: None,
        })
    }

    /// From `key` on.
    fn from(view: &View, key: &[u8]) -> Result<Self, StoreError> {
        Self::between(view, Bound::Included(key), Bound::Included(key))
    }

    /// From the first that begins with `within` and comes after the marker.
    fn after(
        view: &View,
        bucket: &[u8],
        within: &[u8],
        marker: Option<&VersionMarker>,
    ) -> Result<Self, StoreError> {
        let Some(marker) = marker else { return Self::from(view, within) };
        let key = [bucket, marker.key.as_bytes()].concat();
        if key.as_slice() < within {
            return Self::from(view, within);
        }
        let Some(version) = &marker.version else {
            return Self::between(view, Bound::Excluded(&key), Bound::Excluded(&version_key(&key, 0)));
        };
        let current = view.objects()?.get(key.as_slice()).map_err(index_error)?;
        let current = current.map(|row| Head::decode_first(row.value())).transpose()?;
        // Where a version stood that is gone is known by its name; but not where a `null` one stood. What was listed
        // is listed again then, rather than that something is left out.
        let Some(seq) = number(view, &key, current.as_ref(), version)? else { return Self::from(view, &key) };
        let objects = match current {
            // What was newest is gone meanwhile, and this came to the front.
            Some(head) if head.rank.seq < seq => Bound::Included(key.as_slice()),
            Some(_) | None => Bound::Excluded(key.as_slice()),
        };
        let mut rows = Self::between(view, objects, Bound::Excluded(&version_key(&key, seq)))?;
        rows.last = Some(key);
        Ok(rows)
    }

    fn next(&mut self) -> Result<Option<VersionRow>, StoreError> {
        // An error is taken from where it is.
        let current = match (self.objects.peek(), self.versions.peek()) {
            (None, None) => return Ok(None),
            (Some(Ok((object, _))), Some(Ok((version, _)))) => object.value() <= key_of(version.value())?,
            (Some(_), None) | (Some(Err(_)), Some(_)) => true,
            (None, Some(_)) | (Some(Ok(_)), Some(Err(_))) => false,
        };
        let next = if current { self.objects.next() } else { self.versions.next() };
        let Some((key, row)) = next.transpose().map_err(index_error)? else { return Ok(None) };
        let key = if current { key.value() } else { key_of(key.value())? }.to_vec();
        let place = match (current, self.last.as_deref() == Some(key.as_slice())) {
            (true, _) => InHistory::Current,
            (false, false) => InHistory::Front,
            (false, true) => InHistory::Behind,
        };
        self.last = Some(key.clone());
        Ok(Some(VersionRow { key, row, place }))
    }
}

fn key_of(version_key: &[u8]) -> Result<&[u8], StoreError> {
    split(version_key).map(|(key, _)| key).ok_or_else(|| corrupt("a version's key is none"))
}

/// The number of the version of `key` that is called `version`, whether or not it is there.
fn number(
    view: &View,
    key: &[u8],
    current: Option<&Head>,
    version: &VersionId,
) -> Result<Option<u64>, StoreError> {
    Ok(match Name::parse(version) {
        None => None,
        Some(Name::Own(seq, _)) => Some(seq),
        Some(Name::Null) => match seat(current, &view.nulls()?, key, Name::Null).map_err(index_error)? {
            Some(Seat::Current) => current.map(|head| head.rank.seq),
            Some(Seat::Past(seq)) => Some(seq),
            None => None,
        },
    })
}

impl VersionRow {
    fn entry(&self, key: &str) -> Result<VersionEntry, StoreError> {
        let key = ObjectKey::parse(key).map_err(|e| corrupt(&e.to_string()))?;
        let (past, latest) = match self.place {
            InHistory::Current => (Past::Object(Line::decode(self.row.value())?), true),
            InHistory::Front => (Past::decode(self.row.value(), Line::decode)?, true),
            InHistory::Behind => (Past::decode(self.row.value(), Line::decode)?, false),
        };
        Ok(match past {
            Past::Object(Line { head, etag }) => VersionEntry::Object {
                key,
                version: head.name(),
                latest,
                size: head.stub.size,
                modified: head.stub.modified(),
                etag,
            },
            Past::Marker(marker) => VersionEntry::DeleteMarker {
                key,
                version: marker.name(),
                latest,
                modified: marker.modified(),
            },
        })
    }
}
