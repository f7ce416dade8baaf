//! Which keys are kept as they are, and how long they can be.
//!
//! A key that the store makes another one of would let clients name an object by two keys, past what is said about either.

use bytes::Bytes;
use futures_util::future::join_all;

use super::findings::Keys;
use super::lab::Lab;
use crate::name::MAX_KEY_BYTES;
use crate::store::StoreError;
use crate::store::s3::cold::error::{Cause, Failure};

/// What a key of the unusual kind has; all of these are one key for whoever takes `+` or `%` for something else.
const UNUSUAL: &str = " +%20%2B%2f?#&=;:@$,!*'()[]{}<>\"\\^`|~\u{e4}e\u{301}\u{2028}\u{fffd}\u{10fffd}.";
/// What XML cannot hold, or makes something else of.
const CONTROLS: &str = "\u{1}\t\r\n\u{7f}.";

/// What long keys begin with: always the same, so that those that cannot be deleted do not become more.
const LONG: &str = "scratch/probe/longest/";

/// Lengths that are tried at once, in each round.
const LENGTHS: usize = 8;
/// 8 tries in a round leave a ninth: three rounds tell lengths up to 1024 apart, one more does no harm.
const ROUNDS: usize = 4;

/// Finds out which keys are kept as they are.
pub(super) async fn ask(lab: &Lab) -> Result<(usize, Keys), StoreError> {
    let inner = |key: &str| lab.key(&format!("keys/{key}"));
    let (longest, leading_slash, double_slash, trailing_slash, unusual, controls) = tokio::try_join!(
        longest(lab),
        kept(lab, format!("/{}", lab.key("lead")), lab.key("lead")),
        kept(lab, inner("a//b"), inner("a/b")),
        kept(lab, inner("c/"), inner("c")),
        kept(lab, inner(UNUSUAL), inner(&UNUSUAL.replace("e\u{301}", "\u{e9}"))),
        kept(lab, inner(CONTROLS), inner("--")),
    )?;
    Ok((longest, Keys { leading_slash, double_slash, trailing_slash, unusual, controls }))
}

/// Whether an object put under `key` stands there, is listed so, and does not stand under `alias`, too.
async fn kept(lab: &Lab, key: String, alias: String) -> Result<bool, StoreError> {
    // Removed under the other name, where that is what it got.
    lab.will_make(&alias);
    if !takes(lab, &key).await? {
        return Ok(false);
    }
    // A store that chokes on the key does not keep it.
    let (here, listed, there) = tokio::join!(lab.head(&key), lab.list(&key), lab.head(&alias));
    let listed = listed.ok().flatten().is_some_and(|keys| keys == [key.as_str()]);
    Ok(matches!(here, Ok(Some(_))) && listed && there?.is_none())
}

/// The length of the longest key, bytes.
async fn longest(lab: &Lab) -> Result<usize, StoreError> {
    if keeps(lab, &long(MAX_KEY_BYTES)).await? {
        return Ok(MAX_KEY_BYTES);
    }
    let (mut fits, mut exceeds) = (LONG.len(), MAX_KEY_BYTES);
    for _ in 0..ROUNDS {
        let step = (exceeds - fits).div_ceil(LENGTHS + 1);
        let lengths: Vec<_> =
            (1..=LENGTHS).map(|n| fits + n * step).filter(|length| *length < exceeds).collect();
        let tried = join_all(lengths.iter().map(async |length| keeps(lab, &long(*length)).await)).await;
        for (length, takes) in lengths.into_iter().zip(tried) {
            if takes? {
                fits = fits.max(length);
            } else {
                exceeds = exceeds.min(length);
            }
        }
        // Else it takes longer ones than it refuses; the shorter bound is the safe one.
        fits = fits.min(exceeds - 1);
    }
    Ok(fits)
}

fn long(length: usize) -> String {
    LONG.to_owned() + &"l".repeat(length.saturating_sub(LONG.len()))
}

/// Whether an object can be put under a key, and got rid of: Garage has keys for which only the first is true.
async fn keeps(lab: &Lab, key: &str) -> Result<bool, StoreError> {
    if !takes(lab, key).await? {
        return Ok(false);
    }
    match lab.dare_delete(key).await {
        Ok(()) => Ok(true),
        Err(failure) => refused(failure).map(|()| false),
    }
}

async fn takes(lab: &Lab, key: &str) -> Result<bool, StoreError> {
    match lab.dare_put(key, &Bytes::from_static(b"k"), &[]).await {
        Ok(_) => Ok(true),
        Err(failure) => refused(failure).map(|()| false),
    }
}

/// A store that chokes on a key says so in many ways; only silence says nothing.
fn refused(failure: Failure) -> Result<(), StoreError> {
    match failure.cause {
        Cause::Refused(_) | Cause::Malformed | Cause::Lost => Ok(()),
        Cause::Shed | Cause::Unsent | Cause::Late => Err(failure.into()),
    }
}
