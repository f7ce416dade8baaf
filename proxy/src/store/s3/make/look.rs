//! A look at a source.

use http::header::IF_MATCH;
use http::{HeaderValue, Method};

use super::super::S3Store;
use super::super::cold::reason::Reason;
use super::super::etag;
use super::super::hot::{Answer, Call, pin};
use super::super::places::Place;
use super::super::stage::is_missing;
use super::source::Unmade;
use crate::store::{Pin, PutError, StoreError, VersionId};

impl S3Store {
    /// The head of an object, if it is what `meant` names.
    pub(in crate::store::s3) async fn look_at(
        &self,
        place: &Place,
        version: Option<&VersionId>,
        meant: &Pin,
    ) -> Result<Answer, Unmade> {
        // What no header can say is no ETag of what stands there.
        let condition = HeaderValue::try_from(etag::quoted(&meant.0)).map_err(|_| Unmade::Source)?;
        let mut call = Call::new(Method::HEAD, place).header(IF_MATCH, condition);
        if let Some(version) = version {
            call = call.query("versionId", version.as_str());
        }
        let head = match self.hot.call(&call, &Default::default()).await {
            Ok(head) => head,
            Err(failed) => {
                return Err(match failed.failure.reason() {
                    Some(Reason::GuardFailed | Reason::MethodNotAllowed) => Unmade::Source,
                    // The name of a version that is not of the form that this store gives its versions.
                    Some(Reason::Refused) if version.is_some() => Unmade::Source,
                    Some(_) if is_missing(&failed.failure) => Unmade::Source,
                    Some(_) | None => PutError::NotStored(failed.into()).into(),
                });
            }
        };
        let found =
            pin(&head.headers).map_err(|malformed| PutError::NotStored(StoreError::from(malformed)))?;
        if found == *meant { Ok(head) } else { Err(Unmade::Source) }
    }
}
