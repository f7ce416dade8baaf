//! What completes a multipart upload, and what becomes of it when it is copied.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::copies::Copy;
use super::findings::{AWS_MIN_PART_BYTES, Parts, SourcePin};
use super::lab::{Lab, Said, unquoted};
use super::uploads::Upload;
use crate::store::{StoreError, StoreFault};

/// What is found out by uploads.
pub(super) struct Found {
    pub(super) parts: Parts,
    pub(super) part_copy: Option<SourcePin>,
    pub(super) copy_keeps_etag: bool,
}

/// Finds out what completes an upload.
pub(super) async fn ask(lab: &Lab) -> Result<Found, StoreError> {
    let (copy_keeps_etag, min_bytes, left_out, (etags_compared, aborted_for_good), (part_copy, listed)) = tokio::try_join!(
        one_part(lab),
        min_bytes(lab),
        left_out(lab),
        wrong_and_aborted(lab),
        part_copy(lab)
    )?;
    let parts = Parts { min_bytes, left_out, etags_compared, aborted_for_good, uploads_listed: listed };
    Ok(Found { parts, part_copy, copy_keeps_etag })
}

/// An upload of one part, and a copy of what comes of it. Whether the copy has its ETag.
async fn one_part(lab: &Lab) -> Result<bool, StoreError> {
    let (key, body) = (lab.key("parts-one"), Bytes::from_static(b"the only part"));
    let upload = Upload::open(lab, &key).await?;
    let part = upload.part(1, &body).await?;
    upload.complete(&[part], &[]).await?.needed("to complete a multipart upload")?;
    let Some((head, read)) = lab.get(&key).await? else { return Err(lost("is not there")) };
    if read != body {
        return Err(lost("is not what was uploaded"));
    }
    let etag = unquoted(head.e_tag);
    let copy = lab.key("parts-one-copy");
    if lab.copy(&key, &copy, &[]).await?.done().is_none() {
        return Ok(false);
    }
    let copied = unquoted(lab.head(&copy).await?.and_then(|head| head.e_tag));
    Ok(!etag.is_empty() && etag == copied && etag == expected_etag(&body))
}

/// Of an upload of one part, as AWS computes it.
fn expected_etag(body: &[u8]) -> String {
    format!("{}-1", hex::encode(Md5::digest(Md5::digest(body))))
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

/// How a copied part is bound to its source, and whether the upload is listed.
async fn part_copy(lab: &Lab) -> Result<(Option<SourcePin>, bool), StoreError> {
    let (key, source) = (lab.key("parts-copied"), lab.key("parts-source"));
    let body = Bytes::from_static(b"the source of a part");
    let put = async { lab.put(&source, &body, &[]).await?.needed("to write an object") };
    let (upload, etag) = tokio::try_join!(Upload::open(lab, &key), put)?;
    let (copied, listed) = tokio::try_join!(upload.part_copy(1, &source, &[]), upload.is_listed())?;
    if copied.done().is_none() {
        return Ok((None, listed));
    }
    let copy = Copy::Part { upload: &upload, source: &source };
    Ok((Some(copy.pin(&etag).await?), listed))
}

fn lost(what: &str) -> StoreError {
    StoreError::new(StoreFault::Protocol, format!("an object that was uploaded in parts {what}"))
}
