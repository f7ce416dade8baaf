//! Which objects this store keeps under their own name.
//!
//! Some stores take two keys for one: they drop a slash, or read a `+` for a space. Under such a key nothing is written, and
//! nothing is there: else who may delete the one could delete the other.

use super::S3Store;
use super::places::Place;
use super::probe::{Findings, Keys};
use crate::name::ObjectName;
use crate::store::{GetError, PutError};

/// Why an object has no place in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// There is no such bucket for clients.
    NoSuchBucket,
    /// The store would not keep the key as it is.
    Key,
}

impl From<NoPlace> for GetError {
    fn from(none: NoPlace) -> Self {
        match none {
            NoPlace::NoSuchBucket => Self::NoSuchBucket,
            NoPlace::Key => Self::NoSuchKey,
        }
    }
}

impl From<NoPlace> for PutError {
    fn from(none: NoPlace) -> Self {
        match none {
            NoPlace::NoSuchBucket => Self::NoSuchBucket,
            NoPlace::Key => Self::Unsupported("keys like this one"),
        }
    }
}

impl S3Store {
    /// Where an object stands.
    pub(super) fn place(&self, object: &ObjectName) -> Result<Place, NoPlace> {
        let place = self.places.object(object).ok_or(NoPlace::NoSuchBucket)?;
        if keeps(self.findings(), &place.key) { Ok(place) } else { Err(NoPlace::Key) }
    }
}

fn keeps(findings: &Findings, key: &str) -> bool {
    let Keys { leading_slash, double_slash, trailing_slash, unusual, controls } = findings.keys;
    let usual = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    key.len() <= findings.max_key_bytes
        && (leading_slash || !key.starts_with('/'))
        && (double_slash || !key.contains("//"))
        && (trailing_slash || !key.ends_with('/'))
        && (controls || !key.contains(char::is_control))
        && (unusual || key.chars().all(|c| usual(c) || c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_a_store_takes_for_others_are_not_kept() {
        let none = Findings::CAREFUL;
        let with = |change: fn(&mut Keys)| {
            let mut findings = none.clone();
            change(&mut findings.keys);
            findings
        };
        for (key, found) in [
            ("/a", with(|keys| keys.leading_slash = true)),
            ("a//b", with(|keys| keys.double_slash = true)),
            ("a/", with(|keys| keys.trailing_slash = true)),
            ("a b", with(|keys| keys.unusual = true)),
            ("\u{e9}", with(|keys| keys.unusual = true)),
            ("a+", with(|keys| keys.unusual = true)),
            ("a\tb", with(|keys| keys.controls = true)),
        ] {
            assert!(!keeps(&none, key), "{key:?}");
            assert!(keeps(&found, key), "{key:?}");
        }
        assert!(keeps(&none, "a/b-c_d.e/F0"));
        assert!(keeps(&none, &"k".repeat(none.max_key_bytes)));
        assert!(!keeps(&none, &"k".repeat(none.max_key_bytes + 1)));
    }
}
