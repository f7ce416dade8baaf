//! Which user metadata comes back as it went.

use bytes::Bytes;

use super::lab::Lab;
use crate::store::s3::cold::error::Cause;
use crate::store::{Metadata, StoreError};

/// What AWS takes, names and values together, bytes.
pub(super) const AWS_BYTES: usize = 2048;
/// As much as Hallmark ever gives an object: what a client may, a seal, a declared checksum and a table of parts.
pub(super) const ALL_BYTES: usize = 4096;

/// In pieces, since some bound the length of each.
const PIECE: usize = 512;

/// Finds out which user metadata is kept as it is.
pub(super) async fn ask(lab: &Lab) -> Result<Metadata, StoreError> {
    let one = async |name: &'static str, value: &str| comes_back(lab, name, &[(name, value)]).await;
    let (underscores, signs, tabs, empty, aws, all) = tokio::try_join!(
        one("x-amz-meta-probe_a", "1"),
        one("x-amz-meta-probe!#$%&'*+.^`|~", "1"),
        one("x-amz-meta-probe-tab", "a\tb"),
        one("x-amz-meta-probe-empty", ""),
        much(lab, AWS_BYTES),
        much(lab, ALL_BYTES),
    )?;
    let max_bytes = match (all, aws) {
        (true, _) => ALL_BYTES,
        (false, true) => AWS_BYTES,
        (false, false) => 0,
    };
    Ok(Metadata { underscores, signs, tabs, empty, max_bytes })
}

/// Whether so many bytes of metadata come back.
async fn much(lab: &Lab, bytes: usize) -> Result<bool, StoreError> {
    const NAMES: [&str; 8] = [
        "x-amz-meta-probe-0",
        "x-amz-meta-probe-1",
        "x-amz-meta-probe-2",
        "x-amz-meta-probe-3",
        "x-amz-meta-probe-4",
        "x-amz-meta-probe-5",
        "x-amz-meta-probe-6",
        "x-amz-meta-probe-7",
    ];
    let value = "v".repeat(PIECE - "probe-0".len());
    let headers: Vec<_> = NAMES.into_iter().take(bytes / PIECE).map(|name| (name, value.as_str())).collect();
    comes_back(lab, &format!("much-{bytes}"), &headers).await
}

/// Whether an object has just this metadata, once it is written with it.
async fn comes_back(lab: &Lab, what: &str, headers: &[(&'static str, &str)]) -> Result<bool, StoreError> {
    let key = lab.key(&format!("metadata-{}", hex::encode(what)));
    match lab.dare_put(&key, &Bytes::from_static(b"m"), headers).await {
        Ok(_) => {}
        // Whatever it says, it does not take it.
        Err(failure) => {
            return match failure.cause {
                Cause::Refused(_) | Cause::Malformed => Ok(false),
                Cause::Shed | Cause::Unsent | Cause::Late | Cause::Lost => Err(failure.into()),
            };
        }
    }
    let Some(head) = lab.head(&key).await? else { return Ok(false) };
    let Some(metadata) = head.metadata() else { return Ok(false) };
    let same = |(name, value): &(&str, &str)| {
        name.strip_prefix("x-amz-meta-").and_then(|name| metadata.get(name)).is_some_and(|kept| kept == value)
    };
    Ok(metadata.len() == headers.len() && headers.iter().all(same))
}
