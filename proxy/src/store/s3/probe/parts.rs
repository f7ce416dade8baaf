//! What completes a multipart upload, and what becomes of it when it is copied.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::copies::Copy;
use super::findings::{AWS_MIN_PART_BYTES, Parts, SourcePin};
use super::lab::{Lab, Said, unquoted};
use super::uploads::Upload;
use crate::store::s3::cold::reason::Reason;
use crate::store::{StoreError, StoreFault};

/// What is found out by uploads.
pub(super) struct Found {
    pub(super) parts: Parts,
    pub(super) part_copy: Option<SourcePin>,
    pub(super) copy_keeps_etag: bool,
}

/// Finds out what completes an upload.
pub(super) async fn ask(lab: &Lab) -> Result<Found, StoreError> {
    let (
        one,
        min_bytes,
        left_out,
        empty,
        (etags_compared, aborted_for_good),
        (part_copy, copied_min_bytes, uploads_listed),
    ) = tokio::try_join!(
        one_part(lab),
        min_bytes(lab),
        left_out(lab),
        empty(lab),
        wrong_and_aborted(lab),
        part_copy(lab)
    )?;
    let (composed, copy_keeps_etag) = one;
    let parts = Parts {
        min_bytes,
        copied_min_bytes,
        left_out,
        etags_compared,
        aborted_for_good,
        uploads_listed,
        composed,
        empty,
    };
    Ok(Found { parts, part_copy, copy_keeps_etag })
}

/// An upload of one part, and a copy of what comes of it: whether its ETag is the usual one, and the copy's, too.
async fn one_part(lab: &Lab) -> Result<(bool, bool), StoreError> {
    let (key, body) = (lab.key("parts-one"), Bytes::from_static(b"the only part"));
    let upload = Upload::open(lab, &key).await?;
    let part = upload.part(1, &body).await?;
    let digest = Md5::digest(&body);
    let usual_part = part.1 == hex::encode(digest);
    upload.complete(&[part], &[]).await?.needed("to complete a multipart upload")?;
    let Some((head, read)) = lab.get(&key).await? else { return Err(lost("is not there")) };
    if read != body {
        return Err(lost("is not what was uploaded"));
    }
    let etag = unquoted(head.e_tag);
    let usual = usual_part && etag == format!("{}-1", hex::encode(Md5::digest(digest)));
    let copy = lab.key("parts-one-copy");
    if lab.copy(&key, &copy, &[]).await?.done().is_none() {
        return Ok((usual, false));
    }
    let copied = unquoted(lab.head(&copy).await?.and_then(|head| head.e_tag));
    Ok((usual, !etag.is_empty() && etag == copied))
}

/// The shortest part but the last.
async fn min_bytes(lab: &Lab) -> Result<u64, StoreError> {
    let upload = Upload::open(lab, &lab.key("parts-short")).await?;
    let parts = two_parts(&upload).await?;
    match upload.complete(&parts, &[]).await? {
        Said::Done(_) => Ok(1),
        Said::Refused(_) => Ok(AWS_MIN_PART_BYTES),
    }
}

/// Whether a part that was uploaded can be left out.
async fn left_out(lab: &Lab) -> Result<bool, StoreError> {
    let upload = Upload::open(lab, &lab.key("parts-fewer")).await?;
    let [first, _] = two_parts(&upload).await?;
    Ok(upload.complete(&[first], &[]).await?.done().is_some())
}

async fn two_parts(upload: &Upload<'_>) -> Result<[(i32, String); 2], StoreError> {
    let bodies = [b"a".as_slice(), b"b"].map(Bytes::from_static);
    let (first, second) = tokio::try_join!(upload.part(1, &bodies[0]), upload.part(2, &bodies[1]))?;
    Ok([first, second])
}

/// Whether a part can be empty.
async fn empty(lab: &Lab) -> Result<bool, StoreError> {
    let upload = Upload::open(lab, &lab.key("parts-empty")).await?;
    let Some(part) = upload.try_part(1, &Bytes::new()).await?.done() else { return Ok(false) };
    Ok(upload.complete(&[part], &[]).await?.done().is_some())
}

/// Whether a wrong ETag of a part is found out, and whether an upload that was aborted stays so.
async fn wrong_and_aborted(lab: &Lab) -> Result<(bool, bool), StoreError> {
    let key = lab.key("parts-wrong");
    let upload = Upload::open(lab, &key).await?;
    let part = upload.part(1, &Bytes::from_static(b"a")).await?;
    let wrong = (1, "0".repeat(32));
    let compared = match upload.complete(&[wrong], &[]).await? {
        Said::Done(_) => return Ok((false, aborted(lab).await?)),
        Said::Refused(_) => true,
    };
    Ok((compared, stays_aborted(lab, &key, &upload, part).await?))
}

async fn aborted(lab: &Lab) -> Result<bool, StoreError> {
    let key = lab.key("parts-aborted");
    let upload = Upload::open(lab, &key).await?;
    let part = upload.part(1, &Bytes::from_static(b"a")).await?;
    stays_aborted(lab, &key, &upload, part).await
}

async fn stays_aborted(
    lab: &Lab,
    key: &str,
    upload: &Upload<'_>,
    part: (i32, String),
) -> Result<bool, StoreError> {
    upload.abort().await?.needed("to abort a multipart upload")?;
    // Whatever it answers: what counts is what is there.
    let _ = upload.dare_complete(&[part], &[]).await;
    Ok(lab.head(key).await?.is_none())
}

/// How a copied part is bound to its source (`None`: parts are not copied), the shortest source, and whether the upload is
/// listed.
async fn part_copy(lab: &Lab) -> Result<(Option<SourcePin>, u64, bool), StoreError> {
    let (key, source) = (lab.key("parts-copied"), lab.key("parts-source"));
    let body = Bytes::from_static(b"the source of a part");
    let put = async { lab.put(&source, &body, &[]).await?.needed("to write an object") };
    let (upload, etag) = tokio::try_join!(Upload::open(lab, &key), put)?;
    let (copied, listed) = tokio::try_join!(upload.part_copy(1, &source, &[]), upload.is_listed())?;
    let min_bytes = match copied {
        Said::Done(()) => 1,
        // As for parts that are uploaded. No store is known that bounds the one and not the other, but in this way.
        Said::Refused(Reason::PartTooSmall | Reason::Refused) => AWS_MIN_PART_BYTES,
        Said::Refused(_) => return Ok((None, AWS_MIN_PART_BYTES, listed)),
    };
    let copy = Copy::Part { upload: &upload, source: &source };
    Ok((Some(copy.pin(&etag).await?), min_bytes, listed))
}

fn lost(what: &str) -> StoreError {
    StoreError::new(StoreFault::Protocol, format!("an object that was uploaded in parts {what}"))
}
