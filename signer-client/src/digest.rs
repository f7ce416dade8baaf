//! Digests: fixed-size values with their two text forms.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::text::bytes_newtype;

bytes_newtype! {
    /// A SHA-256 digest (FIPS 180-4).
    ///
    /// It has two text forms, each exact: 64 lower-case hexadecimal characters, and 43 of base64url without padding.
    /// It does not compare with texts or bytes, so that a digest is never mistaken for something else of 32 bytes.
    ///
    /// ```
    /// use hallmark_signer::Sha256Digest;
    /// let digest = Sha256Digest::of(b"abc");
    /// assert!(digest.to_hex().starts_with("ba7816bf8f01cfea"));
    /// assert_eq!(Sha256Digest::from_hex(&digest.to_hex()), Ok(digest));
    /// assert_eq!(Sha256Digest::from_base64url(&digest.to_base64url()), Ok(digest));
    /// assert!(Sha256Digest::from_hex(&digest.to_hex().to_uppercase()).is_err());
    /// ```
    Sha256Digest, 32
}

bytes_newtype! {
    /// An MD5 digest (RFC 1321): the ETag of S3's single uploads. No promise rests on it.
    Md5Digest, 16
}

impl Sha256Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(Sha256::digest(bytes).into())
    }
}

impl Md5Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(Md5::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256Digest::of(b"").to_string(), empty);
        assert_eq!(Md5Digest::of(b"").to_string(), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn base64url_is_43_characters_with_zero_spare_bits() {
        let text = Sha256Digest::of(b"").to_base64url();
        assert_eq!(text, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        // The last character holds four bits of the digest: the next one differs in a spare bit only.
        assert!(Sha256Digest::from_base64url(&text.replace("SuFU", "SuFV")).is_err());
    }
}
