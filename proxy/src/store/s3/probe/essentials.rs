//! What nothing works without: what is put is what is read, listed at once, and gone when it is deleted.

use bytes::Bytes;

use super::lab::Lab;
use crate::store::{StoreError, StoreFault};

/// As long as the longest seal.
const SEAL: usize = 1024;

/// Content headers, with values that clients give.
const CONTENT: [(&str, &str); 6] = [
    ("cache-control", "no-cache,  max-age=0"),
    ("content-disposition", "attachment; filename=\"a b.txt\""),
    ("content-encoding", "x-probe"),
    ("content-language", "de, en"),
    ("content-type", "text/x-probe; a=\"b,c\""),
    ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
];

/// User metadata with names that every store takes, and values of which some make something else.
const METADATA: [(&str, &str); 3] = [
    ("x-amz-meta-probe-percent", "100% %41 a+b"),
    ("x-amz-meta-probe-quoted", "\"q\" \\ 's' ; , = <&>"),
    ("x-amz-meta-probe-word", "=?UTF-8?B?w6Q=?="),
];

/// Fails if the store lacks any of it.
pub(super) async fn ask(lab: &Lab) -> Result<(), StoreError> {
    let key = lab.key("round");
    let seal = "s".repeat(SEAL);
    let body = Bytes::from((0..=u8::MAX).cycle().take(1 << 10).collect::<Vec<_>>());
    let headers: Vec<_> =
        CONTENT.into_iter().chain(METADATA).chain([("x-amz-meta-hallmark", seal.as_str())]).collect();
    lab.put(&key, &body, &headers).await?.needed("to write an object")?;

    let Some((head, read)) = lab.get(&key).await? else {
        return Err(unusable("an object that was just written is not there"));
    };
    if read != body {
        return Err(unusable("what is read is not what was written"));
    }
    let content = [
        head.cache_control(),
        head.content_disposition(),
        head.content_encoding(),
        head.content_language(),
        head.content_type(),
        head.expires_string(),
    ];
    let metadata = head.metadata();
    let kept = |name: &str| metadata.and_then(|metadata| metadata.get(name.strip_prefix("x-amz-meta-")?));
    let content = CONTENT.iter().zip(content).map(|((name, value), kept)| (*name, *value, kept));
    let stored = headers.iter().skip(CONTENT.len());
    let metadata = stored.map(|(name, value)| (*name, *value, kept(name).map(String::as_str)));
    for (name, value, kept) in content.chain(metadata) {
        if kept != Some(value) {
            return Err(unusable(&format!("the header `{name}` does not come back as it went")));
        }
    }

    // Who may write the one could write the other, whatever is said about it.
    if lab.head(&lab.key("ROUND")).await?.is_some() {
        return Err(unusable("it takes keys that differ in case alone for one"));
    }
    let listed = lab.list(&key).await?;
    if listed.is_none_or(|keys| keys != [key.as_str()]) {
        return Err(unusable("an object that was just written is not listed"));
    }
    lab.delete(&key, &[]).await?.needed("to delete an object")?;
    if lab.head(&key).await?.is_some() {
        return Err(unusable("an object that was deleted is still there"));
    }
    Ok(())
}

fn unusable(what: &str) -> StoreError {
    StoreError::new(StoreFault::Protocol, format!("the store cannot be used: {what}"))
}
