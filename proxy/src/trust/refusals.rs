//! Certificates that proved nothing a moment ago. To find that out takes milliseconds of work, and whoever may put a file
//! beside an artifact could have it done at every download of it.
//!
//! What proved something is not remembered here: it is found out each time. A refusal is of one policy, and is forgotten
//! after a minute, since what is of a time that lies ahead of ours may hold later.

use std::sync::Arc;
use std::time::Duration;

use hallmark_config::SignerName;
use hallmark_signer::Sha256Digest;
use moka::sync::Cache;

use super::pieces::{About, SiblingFile, Unusable};

/// So many are remembered.
const MAX_REFUSALS: u64 = 1024;

/// For so long.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How much is kept of why, characters.
const MAX_REASON: usize = 200;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Refusals(Cache<[u8; 32], Arc<str>>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_REFUSALS).time_to_live(REMEMBERED).build())
    }
}

impl Refusals {
    /// What comes of verifying that `signer` signed the artifact in `file`, unless it is known that it fails.
    pub(super) fn unless_refused<T>(
        &self,
        signer: &SignerName,
        about: &About<'_>,
        file: &SiblingFile<'_>,
        verify: impl FnOnce() -> Result<T, Unusable>,
    ) -> Result<T, Unusable> {
        let id = id(signer, about, file);
        if let Some(why) = self.0.get(&id) {
            return Err(Unusable::Again(why));
        }
        verify().inspect_err(|error| {
            let why: String = error.to_string().chars().take(MAX_REASON).collect();
            self.0.insert(id, why.into());
        })
    }
}

/// Names such a check: all that it depends on within one policy, but for the present time.
fn id(signer: &SignerName, about: &About<'_>, file: &SiblingFile<'_>) -> [u8; 32] {
    let mut text = Vec::with_capacity(256);
    for part in ["hallmark-refusal-v1", file.sibling.kind.word(), signer.as_str()] {
        // None of them holds a newline.
        text.extend_from_slice(part.as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(about.sha256.as_bytes());
    text.extend_from_slice(&about.size.to_be_bytes());
    text.extend_from_slice(&file.at.0.to_be_bytes());
    text.extend_from_slice(Sha256Digest::of(file.bytes).as_bytes());
    *Sha256Digest::of(&text).as_bytes()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use hallmark_config::{BucketName, Sibling, UnixMs};

    use super::*;
    use crate::name::{ObjectKey, ObjectName};
    use crate::trust::SiblingName;

    #[test]
    fn what_failed_is_not_tried_again_and_what_held_is() {
        let object = |key: &str| ObjectName {
            bucket: BucketName::parse("rel").unwrap(),
            key: ObjectKey::parse(key).unwrap(),
        };
        let artifact = object("a");
        let sibling = SiblingName { kind: Sibling::Notation, of: None, name: object("a.jws.sig") };
        let [one, two] = [b"1", b"2"].map(|bytes| Sha256Digest::of(bytes));
        let signer = |name: &str| SignerName::parse(name).unwrap();
        let (refusals, made) = (Refusals::default(), Cell::new(0));
        let check = |name: &str, sha256: &Sha256Digest, bytes: &[u8], at: u64, holds: bool| {
            let about = About { object: &artifact, sha256, size: 1 };
            let file = SiblingFile { sibling: &sibling, bytes, at: UnixMs(at), now: 0 };
            refusals.unless_refused(&signer(name), &about, &file, || {
                made.set(made.get() + 1);
                if holds { Ok(()) } else { Err(Unusable::NoIdentity) }
            })
        };
        for _ in 0..3 {
            let again = check("aws", &one, b"file", 1, false).unwrap_err().to_string();
            assert_eq!(again, Unusable::NoIdentity.to_string());
        }
        assert_eq!(made.get(), 1);
        for (name, sha256, bytes, at) in [
            ("bot", &one, b"file", 1),
            ("aws", &two, b"file", 1),
            ("aws", &one, b"fole", 1),
            ("aws", &one, b"file", 2),
        ] {
            made.set(0);
            for _ in 0..2 {
                assert!(check(name, sha256, bytes, at, true).is_ok(), "another check, and one that holds");
            }
            assert_eq!(made.get(), 2);
        }
    }
}
