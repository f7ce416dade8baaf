//! The small fields of a seal.

use std::fmt;

use md5::{Digest as _, Md5};

use crate::digest::Md5Digest;
use crate::text::{TextError, from_base64url, from_decimal, to_base64url};

/// The kind of operation that made an artifact what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// One upload.
    Put,
    /// A multipart upload.
    Mpu,
    /// A copy of another artifact.
    Copy,
    /// An object that was in the store before Hallmark.
    Adopt,
    /// A new seal for an artifact that had one.
    Reseal,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Put, Self::Mpu, Self::Copy, Self::Adopt, Self::Reseal];

    /// The word for it in seals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Mpu => "mpu",
            Self::Copy => "copy",
            Self::Adopt => "adopt",
            Self::Reseal => "reseal",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str() == text)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The system gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct RandomError;

macro_rules! random_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A new one from the system's random numbers.
            ///
            /// # Errors
            /// The system has none.
            pub fn random() -> Result<Self, RandomError> {
                let mut bytes = [0; 16];
                getrandom::fill(&mut bytes).map_err(|_| RandomError)?;
                Ok(Self(bytes))
            }

            /// The one with these bytes.
            pub const fn new(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Reads 22 characters of base64url.
            ///
            /// # Errors
            /// Another length, spare bits that are not zero, or other characters.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                const EXPECTED: &str = "16 bytes in base64url without padding";
                from_base64url(text).map(Self).ok_or(TextError { expected: EXPECTED })
            }
        }

        /// 22 characters of base64url without padding.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_base64url(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

random_name! {
    /// Names a seal: 16 random bytes.
    SealId
}

random_name! {
    /// Names the record of one version of an artifact (`records/<ref>`): 16 random bytes.
    RecordRef
}

impl SealId {
    /// 32 lower-case hexadecimal characters, as in the statement.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

/// Who uploaded: a configured client, directly or by a presigned request, or somebody anonymous.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct By(Box<str>);

impl By {
    /// Somebody anonymous.
    pub fn anonymous() -> Self {
        Self("-".into())
    }

    /// A configured client: 1 to 48 of `A-Z a-z 0-9 . _ @ + -`, but not `-` alone.
    ///
    /// # Errors
    /// Another name.
    pub fn client(name: &str) -> Result<Self, TextError> {
        const EXPECTED: &str = "1 to 48 of A-Z a-z 0-9 . _ @ + - (not `-` alone)";
        let permitted = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
        let fits = (1..=48).contains(&name.len()) && name != "-" && name.bytes().all(permitted);
        if fits { Ok(Self(name.into())) } else { Err(TextError { expected: EXPECTED }) }
    }

    /// Whoever had a request that this client presigned.
    ///
    /// # Errors
    /// Not a client's name; see [`By::client`].
    pub fn presigned(client: &str) -> Result<Self, TextError> {
        Self::client(client).map(|Self(name)| Self(format!("{name}{PRESIGNED}").into()))
    }

    /// Reads what `Display` writes: a client's name, the same with `~url` after it, or `-`.
    ///
    /// # Errors
    /// Another text.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        match text.strip_suffix(PRESIGNED) {
            _ if text == "-" => Ok(Self::anonymous()),
            Some(client) => Self::presigned(client),
            None => Self::client(text),
        }
    }

    /// The client's name; `None`: anonymous.
    pub fn client_name(&self) -> Option<&str> {
        (!self.is_anonymous()).then(|| self.0.strip_suffix(PRESIGNED).unwrap_or(&self.0))
    }

    /// Whether the request was presigned.
    pub fn is_presigned(&self) -> bool {
        self.0.ends_with(PRESIGNED)
    }

    /// Whether nobody is known to have uploaded.
    pub fn is_anonymous(&self) -> bool {
        &*self.0 == "-"
    }
}

const PRESIGNED: &str = "~url";

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ETag that Hallmark serves, without quotes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealedEtag {
    md5: Md5Digest,
    parts: Option<u16>,
}

impl SealedEtag {
    /// At most so many parts (S3's limit).
    pub const MAX_PARTS: u16 = 10_000;

    /// Of one upload: the MD5 of its bytes.
    pub fn single(md5: Md5Digest) -> Self {
        Self { md5, parts: None }
    }

    /// Of a multipart upload: the MD5 of its parts' MD5s, and their number, 1 to 10000.
    ///
    /// # Errors
    /// Another number.
    pub fn multipart(md5: Md5Digest, parts: u16) -> Result<Self, TextError> {
        const EXPECTED: &str = "1 to 10000 parts";
        if (1..=Self::MAX_PARTS).contains(&parts) {
            Ok(Self { md5, parts: Some(parts) })
        } else {
            Err(TextError { expected: EXPECTED })
        }
    }

    /// Of a multipart upload whose parts have these MD5s, in order. Takes no more than 10001 of them.
    ///
    /// # Errors
    /// Not 1 to 10000 parts.
    pub fn of_parts(md5s: impl IntoIterator<Item = Md5Digest>) -> Result<Self, TextError> {
        let (mut hash, mut parts) = (Md5::new(), 0);
        for md5 in md5s.into_iter().take(usize::from(Self::MAX_PARTS) + 1) {
            hash.update(md5.as_bytes());
            parts += 1;
        }
        Self::multipart(Md5Digest::new(hash.finalize().into()), parts)
    }

    /// Reads 32 lower-case hexadecimal characters, and for a multipart upload `-` and the number of parts.
    ///
    /// # Errors
    /// Another text.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        const EXPECTED: &str =
            "32 lower-case hexadecimal characters, or the same with `-` and 1 to 10000 after them";
        let Some((md5, parts)) = text.split_once('-') else {
            return Md5Digest::from_hex(text).map(Self::single);
        };
        let parts = from_decimal(parts, Self::MAX_PARTS.into()).and_then(|parts| u16::try_from(parts).ok());
        Self::multipart(Md5Digest::from_hex(md5)?, parts.ok_or(TextError { expected: EXPECTED })?)
    }

    /// The number of parts; `None`: not a multipart ETag.
    pub fn parts(&self) -> Option<u16> {
        self.parts
    }
}

impl fmt::Display for SealedEtag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts {
            None => write!(f, "{}", self.md5),
            Some(parts) => write!(f, "{}-{parts}", self.md5),
        }
    }
}

impl fmt::Debug for SealedEtag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploaders_have_one_text() {
        for (text, client, presigned) in [
            ("-", None, false),
            ("ci", Some("ci"), false),
            ("ci~url", Some("ci"), true),
            ("a.b_c@d+e-F", Some("a.b_c@d+e-F"), false),
            ("--", Some("--"), false),
        ] {
            let by = By::parse(text).unwrap();
            assert_eq!(
                (by.client_name(), by.is_presigned(), by.to_string().as_str()),
                (client, presigned, text)
            );
        }
        let long = "x".repeat(49);
        for text in ["", "~url", "-~url", "ci~URL", "ci~url~url", "a b", "ключ", long.as_str()] {
            assert!(By::parse(text).is_err(), "{text}");
        }
        assert!(By::presigned("ci~url").is_err());
        assert!(By::client("ci~url").is_err());
        assert!(By::client("-").is_err());
    }

    #[test]
    fn etags_have_one_text() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        for (suffix, parts) in [("", None), ("-1", Some(1)), ("-10000", Some(10_000))] {
            let text = format!("{md5}{suffix}");
            let etag = SealedEtag::parse(&text).unwrap();
            assert_eq!((etag.to_string(), etag.parts()), (text, parts));
        }
        for suffix in ["-", "-0", "-01", "-10001", "-65537", "-1-1", "-x", "0"] {
            assert!(SealedEtag::parse(&format!("{md5}{suffix}")).is_err(), "{suffix}");
        }
        assert!(SealedEtag::parse(&md5.to_uppercase()).is_err());
    }

    /// The ETag that S3 clients compute: for two parts, `md5(md5(a) || md5(b))-2`.
    #[test]
    fn multipart_etags_are_made_of_the_parts() {
        let md5s = ["a", "b"].map(|part| Md5Digest::of(part.as_bytes()));
        let etag = SealedEtag::of_parts(md5s).unwrap();
        // printf 'a' | md5sum and so on, by coreutils and xxd.
        assert_eq!(etag.to_string(), "96e024ba2074fe77e8e965ba43a704be-2");
        assert_ne!(SealedEtag::of_parts([md5s[1], md5s[0]]), Ok(etag));
        let many = |count| SealedEtag::of_parts(std::iter::repeat_n(md5s[0], count)).map(|etag| etag.parts());
        assert_eq!((many(1), many(10_000)), (Ok(Some(1)), Ok(Some(10_000))));
        assert!(many(0).is_err() && many(10_001).is_err() && many(65_537).is_err());
    }

    #[test]
    fn ids_have_one_text() {
        let id = SealId::random().unwrap();
        assert_eq!(SealId::parse(&id.to_string()), Ok(id));
        assert_ne!(SealId::random(), Ok(id));
        assert!(SealId::parse("AAAAAAAAAAAAAAAAAAAAAA").is_ok());
        for text in ["AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA=="] {
            assert!(SealId::parse(text).is_err(), "{text}");
        }
        assert_eq!(SealId::new([0xab; 16]).to_hex(), "ab".repeat(16));
    }
}
