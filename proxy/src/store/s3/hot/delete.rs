//! DELETE of an object, or of one version of it.

use http::header::IF_MATCH;
use http::{HeaderName, HeaderValue, Method};

use super::attributes::{is_delete_marker, version as version_of};
use super::call::Call;
use super::headers::Malformed;
use super::send::{Failed, Whole};
use crate::name::ObjectName;
use crate::store::s3::S3Store;
use crate::store::s3::cold::reason::{ILL_FORMED, Reason};
use crate::store::s3::kept::NoPlace;
use crate::store::{Deleted, Deletion, GetError, Guard, PutError, Retentions, VersionId};

const BYPASS: HeaderName = HeaderName::from_static("x-amz-bypass-governance-retention");

impl S3Store {
    pub(in crate::store::s3) async fn delete_object(
        &self,
        object: &ObjectName,
        deletion: Deletion,
    ) -> Result<Deleted, PutError> {
        let Deletion { version, guard, retentions } = deletion;
        let place = match self.place(object) {
            Ok(place) => place,
            Err(NoPlace::NoSuchBucket) => return Err(PutError::NoSuchBucket),
            // Nothing can be there.
            Err(NoPlace::Key) => return Ok(Deleted::default()),
        };
        let mut call = Call::new(Method::DELETE, &place);
        let version = match self.named(version.as_ref()) {
            Ok(version) => version,
            // A version that nobody can have made is deleted already.
            Err(GetError::NoSuchVersion) => return Ok(Deleted::default()),
            Err(_) => return Err(PutError::NoSuchVersion),
        };
        if let Some(version) = version {
            call = call.query("versionId", version.as_str());
        }
        match &guard {
            Guard::Any => {}
            Guard::Absent => return Err(PutError::Unsupported("deleting what is absent")),
            Guard::Matches(pin) => {
                let value = self.findings().delete_if_match.value(&pin.0);
                let value = value.ok_or(PutError::Unsupported("deleting only a certain version"))?;
                call.headers
                    .insert(IF_MATCH, HeaderValue::try_from(value).map_err(|_| PutError::GuardFailed)?);
            }
        }
        match retentions {
            Retentions::Respect => {}
            Retentions::BypassGovernance => {
                call.headers.insert(BYPASS, HeaderValue::from_static("true"));
            }
        }
        let answer = match self.hot.call(&call, &Whole::default()).await {
            Ok(answer) => answer,
            Err(failed) => return undeleted(version, &guard, failed),
        };
        let deleted = || {
            // Not every store repeats what it was asked to delete.
            let asked = || version.filter(|version| !version.is_null()).cloned();
            let version = version_of(&answer.headers, self.findings())?.or_else(asked);
            Ok(Deleted { version, delete_marker: is_delete_marker(&answer.headers)? })
        };
        deleted().map_err(|malformed: Malformed| PutError::Unknown(malformed.into()))
    }
}

/// What is not there is deleted already, and does not match anything.
fn undeleted(version: Option<&VersionId>, guard: &Guard, failed: Failed) -> Result<Deleted, PutError> {
    match (failed.failure.reason(), guard) {
        (Some(Reason::NoSuchKey | Reason::NoSuchVersion | Reason::Missing), Guard::Matches(_)) => {
            Err(PutError::GuardFailed)
        }
        // Also if an attempt before was perhaps done.
        _ if *guard == Guard::Any
            && matches!(failed.last, Some(Reason::NoSuchKey | Reason::NoSuchVersion)) =>
        {
            Ok(Deleted::default())
        }
        // It is not of the form that this store gives its versions: there is none. Other refusals, of expired credentials
        // for one, say nothing of that.
        (Some(Reason::Refused), Guard::Any) if version.is_some() && failed.failure.is(ILL_FORMED) => {
            Ok(Deleted::default())
        }
        // Some stores say of a lock only that access is denied.
        (Some(Reason::Denied), _) if version.is_some() => Err(failed.failure.of_lockable().into()),
        _ => Err(failed.into()),
    }
}
