//! Listings of objects.
//!
//! By the first version of the call: its markers are keys, so that whether a page leads on can be seen, and all stores that
//! are known have it. The second version's tokens are opaque.

use aws_sdk_s3::types::EncodingType;
use hallmark_config::StoreBucket;

use super::super::S3Store;
use super::error::Failure;
use super::frame::{Frame, Line, merge};
use super::text::{self, Encoding, Odd};
use super::walk::{Found, Page, Pages, Walked, What, walk};
use super::wire::Legible;
use crate::store::{GetError, ListEntry, ListPage, ListRequest, VersionMarker};

const CALL: &str = "ListObjects";

impl S3Store {
    pub(in crate::store::s3) async fn list_objects(
        &self,
        request: ListRequest,
    ) -> Result<ListPage, GetError> {
        let kept = self.places.bucket(&request.bucket).ok_or(GetError::NoSuchBucket)?;
        let frame = Frame::new(kept.prefix, request.prefix, request.delimiter);
        if !frame.is_possible() {
            self.require_store_bucket(&kept.bucket).await?;
            return Ok(ListPage::default());
        }
        let after = request.after.map(|key| VersionMarker { key, version: None });
        let pages = ObjectPages { store: self, bucket: kept.bucket, frame };
        let Walked { entries, unreachable, more } = walk(&pages, after, request.limit).await?;
        Ok(ListPage { entries, unreachable, more })
    }
}

/// A bucket's objects.
struct ObjectPages<'a> {
    store: &'a S3Store,
    bucket: StoreBucket,
    frame: Frame,
}

impl Pages for ObjectPages<'_> {
    type Entry = ListEntry;

    const CALL: &'static str = CALL;

    fn longest_marker(&self) -> usize {
        self.frame.longest_key()
    }

    async fn page(&self, at: Option<&VersionMarker>, count: usize) -> Result<Page<ListEntry>, GetError> {
        let answer = self
            .store
            .sdk
            .list_objects()
            .bucket(self.bucket.as_str())
            .prefix(self.frame.store_prefix())
            .set_delimiter(self.frame.delimiter().map(str::to_owned))
            .set_marker(at.and_then(|at| self.frame.store_marker(&at.key)))
            .max_keys(i32::try_from(count).unwrap_or(i32::MAX))
            .encoding_type(EncodingType::Url)
            .customize()
            .interceptor(Legible)
            .send()
            .await
            .map_err(|e| Failure::of(CALL, &e).of_bucket())?;
        let lines = self.lines(&answer).map_err(|odd| Failure::malformed(CALL, odd.0))?;
        let encoding = Encoding::of(answer.encoding_type()).unwrap_or(Encoding::Plain);
        let next = self.frame.markers(answer.next_marker(), encoding);
        Ok(Page {
            lines,
            truncated: answer.is_truncated() == Some(true),
            next: next.into_iter().map(|key| VersionMarker { key, version: None }).collect(),
        })
    }
}

impl ObjectPages<'_> {
    fn lines(
        &self,
        answer: &aws_sdk_s3::operation::list_objects::ListObjectsOutput,
    ) -> Result<Vec<Found<ListEntry>>, Odd> {
        let encoding = Encoding::of(answer.encoding_type())?;
        let objects = answer.contents().iter().map(|object| {
            let name = self.frame.key(object.key(), encoding)?;
            let (size, etag) = (text::size(object.size())?, text::etag(object.e_tag())?);
            Ok((name, (size, text::time(object.last_modified())?, etag)))
        });
        let objects = objects.collect::<Result<Vec<_>, Odd>>()?;
        if !objects.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(Odd("a key is listed twice, or out of order"));
        }
        let rolled = answer.common_prefixes().iter().map(|up| self.frame.rolled(up.prefix(), encoding));
        let lines = merge(objects, rolled.collect::<Result<_, _>>()?)?;
        let found = lines.into_iter().map(|line| match line {
            Line::Entry(name, (size, modified, etag)) => {
                let entry = name.object_key().map(|key| ListEntry::Object { key, size, modified, etag });
                Found { name, what: What::Object, entry }
            }
            Line::Rolled(name) => {
                Found { entry: name.key_prefix().map(ListEntry::Prefix), what: What::Rolled, name }
            }
        });
        Ok(found.collect())
    }
}
