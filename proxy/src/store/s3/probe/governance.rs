//! Versions, locks and tags, and conditional deletion.

use aws_sdk_s3::types::{BucketVersioningStatus, Tag, Tagging};
use bytes::Bytes;

use super::findings::IfMatch;
use super::lab::{Lab, Said, said};
use crate::store::StoreError;
use crate::store::s3::cold::reason::Reason;

/// What is found out of it.
pub(super) struct Found {
    pub(super) versions: bool,
    pub(super) state_versioned: bool,
    pub(super) object_lock: bool,
    pub(super) tags: bool,
    pub(super) delete_if_match: IfMatch,
}

/// Finds out what there is of it.
pub(super) async fn ask(lab: &Lab) -> Result<Found, StoreError> {
    let ((versions, state_versioned), object_lock, tags, delete_if_match) =
        tokio::try_join!(versions(lab), object_lock(lab), tags(lab), delete_if_match(lab))?;
    Ok(Found { versions, state_versioned, object_lock, tags, delete_if_match })
}

/// Whether buckets can keep versions, and whether this one does. Some say of any bucket that it keeps none and know nothing of
/// versions, but nobody lists versions who does not have them.
async fn versions(lab: &Lab) -> Result<(bool, bool), StoreError> {
    let list = lab.sdk.list_object_versions().bucket(&lab.bucket).prefix(lab.folder()).max_keys(1);
    let asked = lab.sdk.get_bucket_versioning().bucket(&lab.bucket);
    let (listed, asked) =
        tokio::join!(lab.ask("list versions", list.send()), lab.ask("get versioning", asked.send()));
    let listed = said(listed)?.done().is_some();
    let status = said(asked)?.done().map(|found| found.status().cloned());
    let kept = status == Some(Some(BucketVersioningStatus::Enabled));
    Ok((listed && status.is_some(), kept))
}

async fn object_lock(lab: &Lab) -> Result<bool, StoreError> {
    let ask = lab.sdk.get_object_lock_configuration().bucket(&lab.bucket);
    Ok(match said(lab.ask("get object lock", ask.send()).await)? {
        // This bucket has none, but the store knows of it.
        Said::Done(_) | Said::Refused(Reason::NoLock | Reason::BucketState) => true,
        Said::Refused(_) => false,
    })
}

async fn tags(lab: &Lab) -> Result<bool, StoreError> {
    let key = lab.key("tags");
    lab.put(&key, &Bytes::from_static(b"t"), &[]).await?.needed("to write an object")?;
    let Ok(tag) = Tag::builder().key("probe").value("1").build() else { return Ok(false) };
    let Ok(tags) = Tagging::builder().tag_set(tag).build() else { return Ok(false) };
    let put = lab.sdk.put_object_tagging().bucket(&lab.bucket).key(&key).tagging(tags);
    let put = said(lab.ask("put tags", put.send()).await)?;
    Ok(put.done().is_some() && lab.tags(&key).await? == ["probe"])
}

/// How a deletion takes a condition: it must stop what it should, and let through the rest.
async fn delete_if_match(lab: &Lab) -> Result<IfMatch, StoreError> {
    const NO_ETAG: &str = "00000000000000000000000000000000";
    for (name, form) in [("delete-quoted", IfMatch::Quoted), ("delete-bare", IfMatch::Bare)] {
        let key = lab.key(name);
        let etag = lab.put(&key, &Bytes::from_static(b"d"), &[]).await?.needed("to write an object")?;
        let (Some(wrong), Some(right)) = (form.value(NO_ETAG), form.value(&etag)) else { continue };
        let stops = lab.delete(&key, &[("if-match", &wrong)]).await?.guard_failed();
        if !stops || lab.head(&key).await?.is_none() {
            continue;
        }
        let deletes = lab.delete(&key, &[("if-match", &right)]).await?.done().is_some();
        if deletes && lab.head(&key).await?.is_none() {
            return Ok(form);
        }
    }
    Ok(IfMatch::Ignored)
}
