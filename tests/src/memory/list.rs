//! Listings.

use std::collections::btree_map::Range;
use std::ops::Bound;

use hallmark_proxy::name::ObjectKey;
use hallmark_proxy::store::{
    GetError, ListEntry, ListPage, ListRequest, ListVersionsRequest, VersionEntry, VersionId, VersionPage,
};

use super::Contents;
use super::objects::{Slot, Version, What};
use super::stored::StoredObject;

impl Contents {
    pub(super) fn list(&self, request: &ListRequest) -> Result<ListPage, GetError> {
        self.bucket(&request.bucket).map_err(|_| GetError::NoSuchBucket)?;
        let mut page = ListPage::default();
        let mut last = request.after.clone();
        for ((_, key), slot) in self.keys(request.bucket.as_str(), &request.prefix) {
            let Some(object) = slot.current() else { continue };
            let rolled = rolled_up(key, &request.prefix, request.delimiter.as_deref());
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
                None => entry(key, object),
            });
        }
        Ok(page)
    }

    pub(super) fn list_versions(&self, request: &ListVersionsRequest) -> Result<VersionPage, GetError> {
        self.bucket(&request.bucket).map_err(|_| GetError::NoSuchBucket)?;
        let mut page = VersionPage::default();
        let mut entries = Vec::new();
        let mut last_prefix = None;
        let after = request.after.as_ref();
        for ((_, key), slot) in self.keys(request.bucket.as_str(), &request.prefix) {
            let rolled = rolled_up(key, &request.prefix, request.delimiter.as_deref());
            if let Some(prefix) = rolled {
                let listed = after.is_some_and(|after| prefix <= after.key.as_str());
                if !listed && last_prefix != Some(prefix) {
                    last_prefix = Some(prefix);
                    entries.push(VersionEntry::Prefix(prefix.to_owned()));
                }
            } else {
                let rest = match after {
                    Some(after) if key.as_str() < after.key.as_str() => &[],
                    Some(after) if *key == after.key => slot.after(after.version.as_ref()),
                    Some(_) | None => slot.versions.as_slice(),
                };
                let latest = slot.versions.first().map(|version| &version.id);
                entries.extend(rest.iter().map(|one| version(key, one, latest == Some(&one.id))));
            }
            // One more than fits says that there is more.
            if entries.len() > request.limit {
                entries.truncate(request.limit);
                page.more = true;
                break;
            }
        }
        page.entries = entries;
        Ok(page)
    }

    /// The keys of a bucket that begin with `prefix`, in order.
    fn keys<'a>(
        &'a self,
        bucket: &str,
        prefix: &str,
    ) -> impl Iterator<Item = (&'a (String, String), &'a Slot)> + use<'a> {
        let first = (bucket.to_owned(), prefix.to_owned());
        let range: Range<'a, _, _> = self.objects.range((Bound::Included(first.clone()), Bound::Unbounded));
        range.take_while(move |((of, key), _)| *of == first.0 && key.starts_with(&first.1))
    }
}

impl Slot {
    /// The versions after one of them; after `None` there are none. One that is no longer there: those that are older.
    fn after(&self, version: Option<&VersionId>) -> &[Version] {
        let Some(version) = version else { return &[] };
        let older = |other: &Version| match (number(&other.id), number(version)) {
            (Some(one), Some(other)) => one < other,
            // `null` says nothing of its age.
            (None, _) | (_, None) => true,
        };
        let at = match self.versions.iter().position(|known| known.id == *version) {
            Some(at) => at + 1,
            None => self.versions.iter().position(older).unwrap_or(self.versions.len()),
        };
        &self.versions[at..]
    }
}

fn number(version: &VersionId) -> Option<u64> {
    version.as_str().strip_prefix("version-")?.parse().ok()
}

/// The beginning of `key` under which it is rolled up.
fn rolled_up<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter?;
    let end = key[prefix.len()..].find(delimiter)? + delimiter.len();
    Some(&key[..prefix.len() + end])
}

fn entry(key: &str, object: &StoredObject) -> ListEntry {
    let (size, modified, etag) = (object.length(), object.modified, object.etag.clone());
    ListEntry::Object { key: parsed(key), size, modified, etag }
}

fn version(key: &str, version: &Version, latest: bool) -> VersionEntry {
    let (key, id) = (parsed(key), version.id.clone());
    match &version.what {
        What::Object(object) => VersionEntry::Object {
            key,
            version: id,
            latest,
            size: object.length(),
            modified: object.modified,
            etag: object.etag.clone(),
        },
        What::Marker(modified) => {
            VersionEntry::DeleteMarker { key, version: id, latest, modified: *modified }
        }
    }
}

fn parsed(key: &str) -> ObjectKey {
    ObjectKey::parse(key).expect("it was one when it was stored")
}
