//! The parts that lie in an open stage.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::list_parts::ListPartsOutput;

use super::super::cold::error::Failure;
use super::super::places::Place;
use super::super::{S3Store, etag};
use super::{Stage, is_missing};
use crate::store::MAX_PARTS;

const WHAT: &str = "ListParts";

/// Pages at most, for ten thousand parts: a page has a thousand of them, on some stores less.
const MAX_PAGES: usize = 64;

/// A part as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) length: u64,
    /// Where the store tells: it compares them itself, or not at all.
    pub(super) etag: Option<String>,
}

impl S3Store {
    /// The parts of an open stage by their numbers; `None`: it is not open.
    pub(super) async fn listed(&self, stage: &Stage) -> Result<Option<BTreeMap<u16, Listed>>, Failure> {
        let malformed = |why| Failure::malformed(WHAT, why);
        let (mut parts, mut after) = (BTreeMap::new(), 0);
        for _ in 0..MAX_PAGES {
            let page = self.parts_of(&stage.place, &stage.upload, after, None).await?;
            let Some(page) = page else { return Ok(None) };
            for part in page.parts() {
                let number = part.part_number().and_then(|number| u16::try_from(number).ok());
                let number = number.filter(|number| (after + 1..=MAX_PARTS).contains(number));
                let number = number.ok_or_else(|| malformed("numbers out of order"))?;
                let length = part.size().and_then(|size| u64::try_from(size).ok());
                let etag = part.e_tag().and_then(etag::bare).map(str::to_owned);
                let length = length.ok_or_else(|| malformed("a part without a length"))?;
                parts.insert(number, Listed { length, etag });
                after = number;
            }
            if page.is_truncated() != Some(true) {
                return Ok(Some(parts));
            }
            if page.parts().is_empty() {
                return Err(malformed("an empty page, and more to come"));
            }
        }
        Err(malformed("too many pages"))
    }

    /// Whether parts can be put into a stage.
    pub(in crate::store::s3) async fn is_open(&self, stage: &Stage) -> Result<bool, Failure> {
        self.is_upload(&stage.place, &stage.upload).await
    }

    /// Whether an upload is under way.
    pub(in crate::store::s3) async fn is_upload(&self, place: &Place, upload: &str) -> Result<bool, Failure> {
        Ok(self.parts_of(place, upload, 0, Some(1)).await?.is_some())
    }

    async fn parts_of(
        &self,
        place: &Place,
        upload: &str,
        after: u16,
        limit: Option<i32>,
    ) -> Result<Option<ListPartsOutput>, Failure> {
        let call = self.sdk.list_parts().bucket(place.bucket.as_str()).key(&place.key).upload_id(upload);
        let call = call.set_max_parts(limit).set_part_number_marker((after > 0).then(|| after.to_string()));
        match call.send().await.map_err(|error| Failure::of(WHAT, &error)) {
            Ok(page) => Ok(Some(page)),
            Err(failure) if is_missing(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
