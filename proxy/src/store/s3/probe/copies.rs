//! What CopyObject does with attributes, and how it is bound to its source.

use bytes::Bytes;

use super::findings::SourcePin;
use super::lab::{Lab, Said};
use super::uploads::Upload;
use crate::store::StoreError;

/// An ETag that nothing here has.
const NO_ETAG: &str = "\"00000000000000000000000000000000\"";

/// Finds out whether a copy has the attributes that it is given, and how it is bound to its source.
pub(super) async fn ask(lab: &Lab) -> Result<(bool, SourcePin), StoreError> {
    let source = lab.key("copies-source");
    let old = [("content-type", "text/old"), ("x-amz-meta-old", "1")];
    let body = Bytes::from_static(b"the source of a copy");
    let etag = lab.put(&source, &body, &old).await?.needed("to write an object")?;
    let copy = Copy::Object { lab, source: &source };
    tokio::try_join!(replaces(lab, &source, &body), copy.pin(&etag))
}

/// Whether a copy has the attributes that it is given, all of them, and no others.
async fn replaces(lab: &Lab, source: &str, body: &Bytes) -> Result<bool, StoreError> {
    let target = lab.key("copies-replaced");
    let new = [
        ("x-amz-metadata-directive", "REPLACE"),
        ("content-type", "text/new"),
        ("cache-control", "no-store"),
        ("x-amz-meta-new", "2"),
    ];
    if lab.copy(source, &target, &new).await?.done().is_none() {
        return Ok(false);
    }
    let Some((head, read)) = lab.get(&target).await? else { return Ok(false) };
    let metadata = head.metadata().map(|metadata| metadata.iter().collect::<Vec<_>>()).unwrap_or_default();
    Ok(read == body
        && head.content_type() == Some("text/new")
        && head.cache_control() == Some("no-store")
        && matches!(metadata.as_slice(), [(name, value)] if *name == "new" && *value == "2"))
}

/// A way to copy, whose source is to be bound.
pub(super) enum Copy<'a> {
    /// CopyObject.
    Object { lab: &'a Lab, source: &'a str },
    /// UploadPartCopy.
    Part { upload: &'a Upload<'a>, source: &'a str },
}

impl Copy<'_> {
    /// Which header binds a copy to the ETag of its source.
    ///
    /// It stops copies of other versions, and does not stop those of this one: what else stops them, such as a source that is
    /// too short for it, says nothing of the header.
    pub(super) async fn pin(&self, etag: &str) -> Result<SourcePin, StoreError> {
        let [standard, ceph] = [SourcePin::Standard, SourcePin::Ceph];
        let (by_standard, by_ceph) =
            tokio::try_join!(self.binds(1, standard, etag), self.binds(3, ceph, etag))?;
        Ok(match (by_standard, by_ceph) {
            (true, _) => standard,
            (false, true) => ceph,
            (false, false) => SourcePin::Ignored,
        })
    }

    async fn binds(&self, number: i32, pin: SourcePin, etag: &str) -> Result<bool, StoreError> {
        let Some(name) = pin.header() else { return Ok(false) };
        let right = format!("\"{etag}\"");
        let (wrong, right) =
            tokio::try_join!(self.copy(number, (name, NO_ETAG)), self.copy(number + 1, (name, &right)))?;
        Ok(wrong.guard_failed() && !right.guard_failed())
    }

    async fn copy(&self, number: i32, pin: (&'static str, &str)) -> Result<Said<()>, StoreError> {
        match self {
            Self::Object { lab, source } => {
                let target = lab.key(&format!("copies-{number}"));
                Ok(match lab.copy(source, &target, &[pin]).await? {
                    Said::Done(_) => Said::Done(()),
                    Said::Refused(reason) => Said::Refused(reason),
                })
            }
            Self::Part { upload, source } => upload.part_copy(number, source, &[pin]).await,
        }
    }
}
