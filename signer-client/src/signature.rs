//! ECDSA signatures on P-256 in their encodings.

use std::fmt;

use crate::text::{from_base64url, to_base64url};

/// The longest DER encoding of a signature on P-256, bytes.
pub(crate) const MAX_DER: usize = 72;

/// An ECDSA signature on P-256: r and s, each from 1 to n - 1.
///
/// Its bytes are no identity: (r, n - s) verifies where (r, s) does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(p256::ecdsa::Signature);

/// Bytes or a text that is no signature in the encoding wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not the encoding.
    #[error("not an ECDSA P-256 signature in this encoding")]
    Encoding,
    /// The higher of the two values of s, in a seal.
    #[error("the signature's s is not the lower one of the two")]
    HighS,
}

impl Signature {
    /// From r || s, 32 bytes each, big endian. High s is accepted.
    ///
    /// # Errors
    /// r or s is 0 or not below the curve's order.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, SignatureError> {
        p256::ecdsa::Signature::from_slice(bytes).map(Self).map_err(|_| SignatureError::Encoding)
    }

    /// As r || s, 32 bytes each, big endian.
    pub fn to_bytes(&self) -> [u8; 64] {
        self.0.to_bytes().into()
    }

    /// From DER (RFC 3279, `Ecdsa-Sig-Value`), exactly as an encoder makes it. High s is accepted: openssl and key
    /// services make such signatures.
    ///
    /// # Errors
    /// Not DER, more or less than one signature, r or s out of range.
    pub fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        let signature = p256::ecdsa::Signature::from_der(der).map_err(|_| SignatureError::Encoding)?;
        if signature.to_der().as_bytes() == der { Ok(Self(signature)) } else { Err(SignatureError::Encoding) }
    }

    /// As DER (RFC 3279, `Ecdsa-Sig-Value`); 8 to 72 bytes.
    pub fn to_der(&self) -> Vec<u8> {
        self.0.to_der().as_bytes().to_vec()
    }

    /// From the form in seals: 86 characters of base64url without padding, r || s, the lower s.
    ///
    /// # Errors
    /// Another text, r or s out of range, or the higher s.
    pub fn from_seal_text(text: &str) -> Result<Self, SignatureError> {
        let signature = Self::from_bytes(&from_base64url(text).ok_or(SignatureError::Encoding)?)?;
        if signature.0.normalize_s() == signature.0 { Ok(signature) } else { Err(SignatureError::HighS) }
    }

    /// The same with the lower of the two values of s.
    pub(crate) fn to_low_s(self) -> Self {
        Self(self.0.normalize_s())
    }

    /// The other signature that verifies where this one does: with n - s.
    #[cfg(test)]
    pub(crate) fn negated(self) -> Self {
        let (r, s) = self.0.split_scalars();
        p256::ecdsa::Signature::from_scalars(r, -s).map_or(self, Self)
    }

    /// As it stands in seals.
    pub fn to_seal_text(&self) -> String {
        to_base64url(&self.to_bytes())
    }

    pub(crate) fn from_ecdsa(signature: p256::ecdsa::Signature) -> Self {
        Self(signature)
    }

    #[cfg(any(test, not(feature = "aws-lc")))]
    pub(crate) fn as_ecdsa(&self) -> &p256::ecdsa::Signature {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode(self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

    fn bytes(r: &str, s: &str) -> [u8; 64] {
        let text = format!("{r:0>64}{s:0>64}");
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn r_and_s_are_in_range() {
        for (r, s, good) in
            [("1", "1", true), ("0", "1", false), ("1", "0", false), (N, "1", false), ("1", N, false)]
        {
            assert_eq!(Signature::from_bytes(&bytes(r, s)).is_ok(), good, "{r} {s}");
        }
    }

    #[test]
    fn seals_take_the_lower_s_only() {
        let half = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
        let above = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9";
        for (s, expected) in [(half, None), (above, Some(SignatureError::HighS))] {
            let signature = Signature::from_bytes(&bytes("1", s)).unwrap();
            assert_eq!(Signature::from_seal_text(&signature.to_seal_text()).err(), expected);
            assert_eq!(Signature::from_der(&signature.to_der()), Ok(signature), "DER takes both");
        }
    }

    #[test]
    fn der_has_one_form() {
        for (der, good) in [
            ("3006020101020101", true),
            ("300602010102010100", false),     // something after it
            ("30060201010201", false),         // cut
            ("30070201010202000100", false),   // leading zero, length not fitting
            ("3007020101020200 01", false),    // a leading zero
            ("308106020101020101", false),     // long form of the length
            ("3006020100020101", false),       // r = 0
            ("30060201810201 01", false),      // negative
            ("30800201010201010000", false),   // indefinite length
            ("3009020101020101020101", false), // three numbers
        ] {
            let der = hex::decode(der.replace(' ', "")).unwrap();
            assert_eq!(Signature::from_der(&der).is_ok(), good, "{der:02x?}");
        }
    }
}
