//! PUT of an object.

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::attributes::{pin, version, write_attributes, write_tags};
use super::call::Call;
use super::headers::Malformed;
use super::lock::write_lock;
use crate::name::ObjectName;
use crate::store::s3::S3Store;
use crate::store::s3::probe::Writes;
use crate::store::{Body, BucketLock, Committed, Guard, Lock, PutError, StoreError, Write};

const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");

impl S3Store {
    pub(in crate::store::s3) async fn put_object(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        let place = self.place(object)?;
        let mut call = Call::new(Method::PUT, &place);
        write_headers(&mut call.headers, &write, self.findings().put)?;
        // AWS takes no lock without a digest of the body.
        if write.lock != Lock::default()
            && let Some(digest) = body.sha256()
        {
            let value = HeaderValue::try_from(base64_of(digest.as_bytes()))
                .map_err(|_| refused(Malformed::new("a digest cannot be a header")))?;
            call.headers.insert(CHECKSUM, value);
        }
        let answer = match self.hot.upload(call, length, body).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.unwritten(object, &write, error).await),
        };
        let committed = || {
            let (pin, version) = (pin(&answer.headers)?, version(&answer.headers, self.findings())?);
            Ok(Committed { pin, version })
        };
        // It is stored, but nobody can say as what.
        committed().map_err(|malformed: Malformed| PutError::Unknown(malformed.into()))
    }

    /// What the store's refusal means, where it says it in few words.
    async fn unwritten(&self, object: &ObjectName, write: &Write, error: PutError) -> PutError {
        match (error, &write.guard) {
            // Where nothing stands, nothing matches.
            (PutError::NoSuchKey, Guard::Matches(_)) => PutError::GuardFailed,
            (PutError::NoSuchKey | PutError::NoSuchVersion | PutError::NoSuchStage, _) => {
                refused(Malformed::new("a write was refused because what it makes is missing"))
            }
            (error @ PutError::NotStored(_), _) if write.lock != Lock::default() => {
                match self.bucket_lock(&object.bucket).await {
                    Ok(BucketLock::Off) => PutError::NoObjectLock,
                    Ok(BucketLock::On { .. }) | Err(_) => error,
                }
            }
            (error, _) => error,
        }
    }
}

/// What a write says beside the bytes. `writes`: what the store minds of this way to write.
///
/// # Errors
/// [`PutError::Unsupported`]: the store would ignore some of it.
pub(in crate::store::s3) fn write_headers(
    headers: &mut HeaderMap,
    write: &Write,
    writes: Writes,
) -> Result<(), PutError> {
    let Write { attributes, tags, lock, guard } = write;
    if !writes.labels && !tags.is_empty() {
        return Err(PutError::Unsupported("tags"));
    }
    if !writes.labels && *lock != Lock::default() {
        return Err(PutError::NoObjectLock);
    }
    write_attributes(headers, attributes).map_err(refused)?;
    write_tags(headers, tags).map_err(refused)?;
    write_lock(headers, lock).map_err(refused)?;
    write_guard(headers, guard, writes)
}

/// The condition of a write.
///
/// # Errors
/// [`PutError::Unsupported`]: the store would ignore it.
pub(in crate::store::s3) fn write_guard(
    headers: &mut HeaderMap,
    guard: &Guard,
    writes: Writes,
) -> Result<(), PutError> {
    match guard {
        Guard::Any => Ok(()),
        Guard::Absent if writes.absent => {
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            Ok(())
        }
        Guard::Absent => Err(PutError::Unsupported("writes only if nothing stands there")),
        Guard::Matches(pin) => {
            let value = writes.if_match.value(&pin.0);
            let value = value.ok_or(PutError::Unsupported("writes only in place of a certain version"))?;
            let value = HeaderValue::try_from(value);
            headers.insert(IF_MATCH, value.map_err(|_| PutError::GuardFailed)?);
            Ok(())
        }
    }
}

/// What cannot be said was not sent.
fn refused(malformed: Malformed) -> PutError {
    PutError::NotStored(StoreError::from(malformed))
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
