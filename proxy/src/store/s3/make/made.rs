//! What was made.

use http::{HeaderName, Method};

use super::super::S3Store;
use super::super::cold::error::Failure;
use super::super::etag;
use super::super::hot::{Call, optional, pin, version};
use super::super::places::Place;
use crate::store::{Committed, Pin, PutError, StoreError, StoreFault, VersionId, Write};

const HALLMARK: HeaderName = HeaderName::from_static("x-amz-meta-hallmark");

impl S3Store {
    /// What the store says it made at a place, with what else it takes to say so. Ceph's gateway tells no ETag when it has
    /// joined parts, and no version when it has made a copy; a look tells, if nobody else has written there meanwhile.
    pub(super) async fn made(
        &self,
        place: &Place,
        write: &Write,
        etag: Option<&str>,
        named: Option<&str>,
    ) -> Result<Committed, PutError> {
        let told = etag.and_then(etag::bare).map(|etag| Pin(etag.to_owned()));
        let named = named
            .filter(|_| self.findings().versions)
            .and_then(VersionId::parse)
            .filter(|version| !version.is_null());
        match (told, named) {
            (Some(pin), named) if named.is_some() || !self.findings().versions => {
                Ok(Committed { pin, version: named })
            }
            (told, _) => match (self.seen(place, write).await, told) {
                (Some(committed), _) => Ok(committed),
                (None, Some(pin)) => Ok(Committed { pin, version: None }),
                (None, None) => Err(PutError::Unknown(StoreError::new(
                    StoreFault::Protocol,
                    "an object was made, and the store does not say which",
                ))),
            },
        }
    }

    /// What stands there in spite of a refusal. It may have been done all the same: Ceph's gateway says that it failed of an
    /// upload that is over, and what stands before a store may send a request again that was done, and hand on what is said
    /// of the second.
    pub(super) async fn done_all_the_same(
        &self,
        place: &Place,
        write: &Write,
        failure: &Failure,
    ) -> Option<Committed> {
        match failure.reason() {
            Some(_) => self.seen(place, write).await,
            None => None,
        }
    }

    /// What stands there, if it is what was written.
    async fn seen(&self, place: &Place, write: &Write) -> Option<Committed> {
        let head = self.hot.call(&Call::new(Method::HEAD, place), &Default::default()).await.ok()?;
        let ours = optional(&head.headers, &HALLMARK).ok()? == write.attributes.hallmark.as_deref();
        let pin = pin(&head.headers).ok().filter(|_| ours)?;
        let version = version(&head.headers, self.findings()).ok()?;
        Some(Committed { pin, version: version.filter(|version| !version.is_null()) })
    }
}
