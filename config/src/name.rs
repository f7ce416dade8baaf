//! Names that decide security: each is checked once, when it is made, and carries no string-like traits.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $parse:ident, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            #[doc = concat!("Checks `text`: ", $rule, ".")]
            ///
            /// # Errors
            /// [`NameError`] says what the rule is.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if $parse(text) { Ok(Self(text.into())) } else { Err(NameError { rule: $rule }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

/// A name that is not well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct NameError {
    /// What a well-formed name looks like.
    pub rule: &'static str,
}

name! {
    /// The deployment's name.
    Realm, realm, "1 to 64 of A-Z a-z 0-9 . _ -"
}
name! {
    /// A client's name, as it stands in seals (`by=`).
    ClientName, client, "1 to 48 of A-Z a-z 0-9 . _ @ + - (not `-` alone)"
}
name! {
    /// The name of a publisher's key or an identity in the configuration.
    SignerName, realm, "1 to 64 of A-Z a-z 0-9 . _ -"
}
name! {
    /// The name of a role in the configuration.
    RoleName, realm, "1 to 64 of A-Z a-z 0-9 . _ -"
}
name! {
    /// The name of a kind of statements in the configuration.
    AttestationName, realm, "1 to 64 of A-Z a-z 0-9 . _ -"
}
name! {
    /// The id of a seal, as it stands there.
    SealIdText, seal_id, "the `id` of a seal: 22 of A-Z a-z 0-9 - _, the last of them A, Q, g or w"
}
name! {
    /// A bucket as clients name it.
    BucketName, bucket, "3 to 63 of a-z 0-9 . -, each label between dots begins and ends with a letter or digit, not an IP address"
}
name! {
    /// The beginning of a key; may be empty.
    Prefix, prefix, "at most 1024 bytes"
}
name! {
    /// A bucket as the store names it, which need not be what clients call it.
    StoreBucket, bucket, "3 to 63 of a-z 0-9 . -, each label between dots begins and ends with a letter or digit, not an IP address"
}
name! {
    /// What stands before each key of a bucket in the store; may be empty.
    StorePrefix, store_prefix, "empty, or at most 256 of A-Z a-z 0-9 . _ - / that end in `/`, with no empty, `.` or `..` segment"
}

impl StorePrefix {
    /// The empty prefix.
    pub fn none() -> Self {
        Self("".into())
    }
}

impl Prefix {
    /// The empty prefix: every key.
    pub fn all() -> Self {
        Self("".into())
    }
}

fn realm(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn client(text: &str) -> bool {
    (1..=48).contains(&text.len())
        && text != "-"
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@+-".contains(&b))
}

/// 16 bytes in base64url: four bits of the last character are over, and zero.
fn seal_id(text: &str) -> bool {
    text.len() == 22
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        && text.ends_with(['A', 'Q', 'g', 'w'])
}

fn bucket(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && !["..", ".-", "-."].iter().any(|pair| text.contains(pair))
        && text.parse::<std::net::Ipv4Addr>().is_err()
}

fn prefix(text: &str) -> bool {
    text.len() <= 1024
}

fn store_prefix(text: &str) -> bool {
    let segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    text.is_empty()
        || (text.len() <= 256 && text.strip_suffix('/').is_some_and(|path| path.split('/').all(segment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_the_rules_of_s3() {
        for good in ["abc", "a.b-c", "0123", "a".repeat(63).as_str()] {
            assert!(BucketName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "Abc",
            "-abc",
            "abc.",
            "a..b",
            "a.-b",
            "a-.b",
            "192.168.1.1",
            "a_b",
            "a/b",
            "a".repeat(64).as_str(),
        ] {
            assert!(BucketName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prefix_in_the_store_is_a_plain_folder() {
        for good in ["", "a/", "a.b/c_d/E-1/"] {
            assert!(StorePrefix::parse(good).is_ok(), "{good}");
        }
        for bad in ["a", "/", "/a/", "a//", "./", "a/../", "a b/", "\u{e4}/"] {
            assert!(StorePrefix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_client_cannot_be_called_like_the_anonymous_one() {
        assert!(ClientName::parse("-").is_err());
        assert!(ClientName::parse("ci~url").is_err());
        assert!(ClientName::parse("ci@example.org").is_ok());
    }
}
