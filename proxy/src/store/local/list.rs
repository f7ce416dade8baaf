//! Pages of keys, by seeking: what is rolled up is stepped over, however many keys it holds.

use super::LocalStore;
use super::index::{View, bucket_prefix, index_error};
use super::row::Line;
use crate::name::ObjectKey;
use crate::store::{GetError, ListEntry, ListPage, ListRequest, StoreError, StoreFault};

/// The most entries of a page.
pub(super) const LIMIT: usize = 1000;

impl LocalStore {
    pub(super) async fn list_objects(&self, request: ListRequest) -> Result<ListPage, GetError> {
        self.index.look_at_leisure(move |view| Ok(page(view, &request))).await?
    }
}

fn page(view: &View, request: &ListRequest) -> Result<ListPage, GetError> {
    if !view.has_bucket(request.bucket.as_str())? {
        return Err(GetError::NoSuchBucket);
    }
    let limit = request.limit.clamp(1, LIMIT);
    let bucket = bucket_prefix(&request.bucket);
    let within = [bucket.as_slice(), request.prefix.as_bytes()].concat();
    // The shortest key that is greater than `after`.
    let after = request.after.as_ref().map(|after| [bucket.as_slice(), after.as_bytes(), &[0]].concat());
    let mut from = after.filter(|after| *after > within).unwrap_or_else(|| within.clone());
    let objects = view.objects()?;
    let mut page = ListPage::default();
    'seek: loop {
        for entry in objects.range::<&[u8]>(from.as_slice()..).map_err(index_error)? {
            let (key, row) = entry.map_err(index_error)?;
            if !key.value().starts_with(&within) {
                return Ok(page);
            }
            let key = key.value().get(bucket.len()..).and_then(|key| std::str::from_utf8(key).ok());
            let key = key.ok_or_else(|| corrupt("a key is no text"))?;
            let rolled_up = rolled_up(key, &request.prefix, request.delimiter.as_deref());
            let listed = rolled_up.is_none_or(|up| request.after.as_deref().is_none_or(|after| up > after));
            if listed && page.entries.len() == limit {
                page.more = true;
                return Ok(page);
            }
            let Some(up) = rolled_up else {
                page.entries.push(object(key, row.value())?);
                continue;
            };
            if listed {
                page.entries.push(ListEntry::Prefix(up.to_owned()));
            }
            // No byte of UTF-8 is 0xFF, so this is greater than every key that begins with `up`.
            from = [bucket.as_slice(), up.as_bytes(), &[0xFF]].concat();
            continue 'seek;
        }
        return Ok(page);
    }
}

/// The part of `key`, which begins with `prefix`, that stands for it and all others that begin so.
pub(super) fn rolled_up<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

fn object(key: &str, row: &[u8]) -> Result<ListEntry, StoreError> {
    let line = Line::decode(row)?;
    let key = ObjectKey::parse(key).map_err(|e| corrupt(&e.to_string()))?;
    Ok(ListEntry::Object {
        key,
        size: line.head.stub.size,
        modified: line.head.stub.modified(),
        etag: line.etag,
    })
}

pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError::new(StoreFault::Corrupt, format!("index: {what}"))
}
