//! Listings of versions, and what they tell of an object that cannot be read.

use std::collections::{BTreeSet, VecDeque};

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::EncodingType;
use hallmark_config::{StoreBucket, StorePrefix};

use super::super::S3Store;
use super::super::places::Place;
use super::error::Failure;
use super::frame::{Frame, Line, merge};
use super::order::Kind;
use super::reason::Reason;
use super::text::{self, Encoding, Odd};
use super::walk::{Found, MAX_PAGE, Page, Pages, Walked, What, walk};
use super::wire::{EntryOrder, Legible};
use crate::store::{
    GetError, ListEntry, ListPage, ListRequest, ListVersionsRequest, VersionEntry, VersionId, VersionMarker,
    VersionPage,
};

const CALL: &str = "ListObjectVersions";

impl S3Store {
    pub(in crate::store::s3) async fn list_object_versions(
        &self,
        request: ListVersionsRequest,
    ) -> Result<VersionPage, GetError> {
        if !self.findings().versions {
            return self.list_null_versions(request).await;
        }
        let kept = self.places.bucket(&request.bucket).ok_or(GetError::NoSuchBucket)?;
        let frame = Frame::new(kept.prefix, request.prefix, request.delimiter);
        if !frame.is_possible() {
            self.require_store_bucket(&kept.bucket).await?;
            return Ok(VersionPage::default());
        }
        let pages = VersionPages { store: self, bucket: kept.bucket, frame };
        let Walked { entries, unreachable: _, more } = walk(&pages, request.after, request.limit).await?;
        Ok(VersionPage { entries, more })
    }

    /// Of a store without versions.
    async fn list_null_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        let ListVersionsRequest { bucket, prefix, delimiter, after, limit } = request;
        let after = after.map(|after| after.key);
        let request = ListRequest { bucket, prefix, delimiter, after, limit };
        let ListPage { entries, unreachable: _, more } = self.list_objects(request).await?;
        let entries = entries.into_iter().map(|entry| match entry {
            ListEntry::Object { key, size, modified, etag } => {
                VersionEntry::Object { key, version: VersionId::null(), latest: true, size, modified, etag }
            }
            ListEntry::Prefix(prefix) => VersionEntry::Prefix(prefix),
        });
        Ok(VersionPage { entries: entries.collect(), more })
    }

    /// Why there is nothing to read of an object, or of `version` of it, where the store only says that there is not:
    /// stores differ in what they tell of delete markers, and a HEAD has no body to tell it in. Looks at the newest
    /// thousand versions at most.
    pub(in crate::store::s3) async fn missing(&self, place: &Place, version: Option<&VersionId>) -> GetError {
        let Place { bucket, key } = place;
        let nothing = if version.is_some() { GetError::NoSuchVersion } else { GetError::NoSuchKey };
        if !self.findings().versions {
            return self.require_store_bucket(bucket).await.err().unwrap_or(nothing);
        }
        let frame = Frame::new(StorePrefix::none(), key.clone(), None);
        let pages = VersionPages { store: self, bucket: bucket.clone(), frame };
        let history = match pages.history(key).await {
            Ok(history) => history,
            Err(error) => return error,
        };
        let wanted = history.into_iter().filter_map(|line| line.entry).find(|entry| match entry {
            VersionEntry::Object { version: found, latest, .. }
            | VersionEntry::DeleteMarker { version: found, latest, .. } => {
                version.map_or(*latest, |version| version == found)
            }
            VersionEntry::Prefix(_) => false,
        });
        match wanted {
            Some(VersionEntry::DeleteMarker { version, .. }) => GetError::DeleteMarker(version),
            // It came to be meanwhile; then it did not exist when it was asked for.
            Some(VersionEntry::Object { .. } | VersionEntry::Prefix(_)) | None => nothing,
        }
    }
}

/// A bucket's versions.
struct VersionPages<'a> {
    store: &'a S3Store,
    bucket: StoreBucket,
    frame: Frame,
}

impl Pages for VersionPages<'_> {
    type Entry = VersionEntry;

    const CALL: &'static str = CALL;

    fn longest_marker(&self) -> usize {
        self.frame.longest_key()
    }

    async fn page(&self, at: Option<&VersionMarker>, count: usize) -> Result<Page<VersionEntry>, GetError> {
        let Some((VersionMarker { key, version: Some(version) }, true)) =
            at.map(|at| (at, self.frame.shows(&at.key)))
        else {
            return self.ask(&self.frame, at, count).await.map_err(Failure::of_bucket);
        };
        let asked = self.ask(&self.frame, at, count).await;
        let passed = match &asked {
            Ok(page) => !page.lines.iter().any(|line| line.name.is(key)),
            // AWS refuses names of versions that it never gave.
            Err(failure) => failure.reason() == Some(Reason::Refused),
        };
        if !passed {
            return asked.map_err(Failure::of_bucket);
        }
        // No more versions of that key: they have all been listed, or the one that the page before ended with is gone, and
        // the store goes on behind the key (Ceph's gateway does). Then what is left of the key is listed from the start.
        let mut rest = self.history(key).await?;
        if rest.is_empty() || rest.iter().any(|line| line.what == What::Version(version.clone())) {
            return asked.map_err(Failure::of_bucket);
        }
        rest.truncate(count);
        Ok(Page { lines: rest, truncated: true, next: Vec::new() })
    }
}

impl VersionPages<'_> {
    /// The versions of a key, newest first, a thousand at most.
    async fn history(&self, key: &str) -> Result<Vec<Found<VersionEntry>>, GetError> {
        let frame = self.frame.narrowed(key);
        let mut lines = self.ask(&frame, None, MAX_PAGE).await.map_err(Failure::of_bucket)?.lines;
        lines.retain(|line| line.name.is(key));
        Ok(lines)
    }

    async fn ask(
        &self,
        frame: &Frame,
        at: Option<&VersionMarker>,
        count: usize,
    ) -> Result<Page<VersionEntry>, Failure> {
        let order = EntryOrder::default();
        let marker = at.and_then(|at| frame.store_marker(&at.key));
        let version = at.filter(|_| marker.is_some()).and_then(|at| at.version.as_ref());
        let answer = self
            .store
            .sdk
            .list_object_versions()
            .bucket(self.bucket.as_str())
            .prefix(frame.store_prefix())
            .set_delimiter(frame.delimiter().map(str::to_owned))
            .set_key_marker(marker)
            .set_version_id_marker(version.map(|version| version.as_str().to_owned()))
            .max_keys(i32::try_from(count).unwrap_or(i32::MAX))
            .encoding_type(EncodingType::Url)
            .customize()
            .interceptor(Legible)
            .interceptor(order.clone())
            .send()
            .await
            .map_err(|e| Failure::of(CALL, &e))?;
        let kinds = order.taken().unwrap_or_default();
        let lines = lines(frame, &answer, &kinds).map_err(|odd| Failure::malformed(CALL, odd.0))?;
        let encoding = Encoding::of(answer.encoding_type()).unwrap_or(Encoding::Plain);
        let next = frame.markers(answer.next_key_marker(), encoding);
        let version = answer.next_version_id_marker().and_then(VersionId::parse);
        Ok(Page {
            lines,
            truncated: answer.is_truncated() == Some(true),
            next: next.into_iter().map(|key| VersionMarker { key, version: version.clone() }).collect(),
        })
    }
}

/// The lines of an answer, whose versions and delete markers came in the order of `kinds`.
fn lines(
    frame: &Frame,
    answer: &ListObjectVersionsOutput,
    kinds: &[Kind],
) -> Result<Vec<Found<VersionEntry>>, Odd> {
    let encoding = Encoding::of(answer.encoding_type())?;
    let mut versions: VecDeque<_> = answer.versions().iter().collect();
    let mut markers: VecDeque<_> = answer.delete_markers().iter().collect();
    let mut entries = Vec::with_capacity(kinds.len());
    for kind in kinds {
        const LOST: Odd = Odd("versions and delete markers do not add up");
        entries.push(match kind {
            Kind::Version => {
                let said = versions.pop_front().ok_or(LOST)?;
                let name = frame.key(said.key(), encoding)?;
                let (version, latest) = (text::version(said.version_id())?, said.is_latest() == Some(true));
                let (size, etag) = (text::size(said.size())?, text::etag(said.e_tag())?);
                let modified = text::time(said.last_modified())?;
                let entry = name.object_key().map(|key| VersionEntry::Object {
                    key,
                    version: version.clone(),
                    latest,
                    size,
                    modified,
                    etag,
                });
                (name, (version, entry))
            }
            Kind::DeleteMarker => {
                let said = markers.pop_front().ok_or(LOST)?;
                let name = frame.key(said.key(), encoding)?;
                let (version, latest) = (text::version(said.version_id())?, said.is_latest() == Some(true));
                let modified = text::time(said.last_modified())?;
                let entry = name.object_key().map(|key| VersionEntry::DeleteMarker {
                    key,
                    version: version.clone(),
                    latest,
                    modified,
                });
                (name, (version, entry))
            }
        });
    }
    if !versions.is_empty() || !markers.is_empty() {
        return Err(Odd("versions and delete markers do not add up"));
    }
    let distinct: BTreeSet<_> = entries.iter().map(|(name, (version, _))| (name, version)).collect();
    if distinct.len() < entries.len() {
        return Err(Odd("a version is listed twice"));
    }
    let rolled = answer.common_prefixes().iter().map(|up| frame.rolled(up.prefix(), encoding));
    let lines = merge(entries, rolled.collect::<Result<_, _>>()?)?;
    let found = lines.into_iter().map(|line| match line {
        Line::Entry(name, (version, entry)) => Found { name, what: What::Version(version), entry },
        Line::Rolled(name) => {
            Found { entry: name.key_prefix().map(VersionEntry::Prefix), what: What::Rolled, name }
        }
    });
    Ok(found.collect())
}
