//! By CopyObject: one request, and no bytes move through here.

use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use http::HeaderMap;

use super::super::S3Store;
use super::super::cold::error::Cause;
use super::super::cold::reason::Reason;
use super::super::hot::write_headers;
use super::super::long::{Tries, failure, lasting};
use super::super::places::Place;
use super::super::stage::is_missing;
use super::source::{Bytes, Unmade};
use super::with_headers;
use crate::store::{Committed, Write};

impl S3Store {
    /// Copies `bytes` to `target`.
    pub(in crate::store::s3) async fn duplicate(
        &self,
        bytes: &Bytes<'_>,
        target: &Place,
        write: &Write,
    ) -> Result<Committed, Unmade> {
        let found = self.findings();
        let mut headers = HeaderMap::new();
        write_headers(&mut headers, write, found.copy)?;
        let condition = bytes.condition(found.copy_source);
        let copy = self
            .sdk
            .copy_object()
            .copy_source(bytes.name())
            .bucket(target.bucket.as_str())
            .key(&target.key)
            .metadata_directive(MetadataDirective::Replace)
            // Else some stores copy those of the source.
            .set_tagging_directive(found.tags.then_some(TaggingDirective::Replace))
            .customize()
            .config_override(lasting(Tries::Once, bytes.length))
            .mutate_request(with_headers(headers))
            .mutate_request(move |request| {
                if let Some((name, value)) = &condition {
                    request.headers_mut().insert(*name, value.clone());
                }
            });
        match copy.send().await.map_err(|error| failure("CopyObject", &error)) {
            Ok(copied) => {
                let etag = copied.copy_object_result().and_then(|result| result.e_tag());
                Ok(self.made(target, write, etag, copied.version_id()).await?)
            }
            Err(failure) => {
                if let Some(committed) = self.done_all_the_same(target, write, &failure).await {
                    return Ok(committed);
                }
                Err(match failure.cause {
                    Cause::Refused(Reason::GuardFailed) => Unmade::Condition,
                    Cause::Refused(_) if is_missing(&failure) => Unmade::Source,
                    // Ceph's gateway says so when the source goes while it is copied, among other things. It has ended
                    // with that, one way or the other.
                    Cause::Refused(Reason::Failed) => Unmade::Failed(failure.into()),
                    Cause::Refused(_)
                    | Cause::Unsent
                    | Cause::Late
                    | Cause::Lost
                    | Cause::Malformed
                    | Cause::Shed => Unmade::Error(failure.into()),
                })
            }
        }
    }
}
