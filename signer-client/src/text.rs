//! Strict text forms of fixed-size values: one text for each value, everything else refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A text that is not the one text form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct TextError {
    /// What a well-formed text looks like.
    pub expected: &'static str,
}

/// Unpadded base64url (RFC 4648, section 5).
pub(crate) fn to_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The `N` bytes of an unpadded base64url text whose spare bits are zero.
pub(crate) fn from_base64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    // The engine refuses padding and spare bits that are not zero.
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The `N` bytes of a lower-case hexadecimal text.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// A decimal number up to `max` without sign or leading zeros.
pub(crate) fn from_decimal(text: &str, max: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten().filter(|number| *number <= max)
}

/// Declares a value of `$size` bytes with its two text forms.
macro_rules! bytes_newtype {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $size]);

        impl $name {
            /// The value with these bytes.
            pub const fn new(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }

            /// Its lower-case hexadecimal form.
            pub fn to_hex(&self) -> String {
                hex::encode(self.0)
            }

            /// Its base64url form (RFC 4648, section 5) without padding.
            pub fn to_base64url(&self) -> String {
                $crate::text::to_base64url(&self.0)
            }

            /// Reads the hexadecimal form.
            ///
            /// # Errors
            /// Another length, upper case, or other characters.
            pub fn from_hex(text: &str) -> Result<Self, $crate::text::TextError> {
                const EXPECTED: &str = concat!(stringify!($size), " bytes in lower-case hexadecimal");
                $crate::text::from_hex(text).map(Self).ok_or($crate::text::TextError { expected: EXPECTED })
            }

            /// Reads the base64url form.
            ///
            /// # Errors
            /// Another length, padding, spare bits that are not zero, or other characters.
            pub fn from_base64url(text: &str) -> Result<Self, $crate::text::TextError> {
                const EXPECTED: &str = concat!(stringify!($size), " bytes in base64url without padding");
                $crate::text::from_base64url(text)
                    .map(Self)
                    .ok_or($crate::text::TextError { expected: EXPECTED })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use bytes_newtype;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_text() {
        for (text, expected) in [("0", Some(0)), ("10", Some(10)), ("99", Some(99)), ("100", None)] {
            assert_eq!(from_decimal(text, 99), expected, "{text}");
        }
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "1e1", "18446744073709551616", "\u{661}"] {
            assert_eq!(from_decimal(text, u64::MAX), None, "{text}");
        }
        assert_eq!(from_decimal("18446744073709551615", u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn bytes_have_one_text_of_each_form() {
        assert_eq!(from_hex::<2>("00ff"), Some([0, 255]));
        for text in ["00FF", "00f", "00fff", "00ff00", " 0ff", "0x00"] {
            assert_eq!(from_hex::<2>(text), None, "{text}");
        }
        assert_eq!(from_base64url::<2>("-_8"), Some([0xfb, 0xff]));
        for text in ["-_9", "-_8=", "+/8", "-_", "-_8A", "-_8 ", " -_8"] {
            assert_eq!(from_base64url::<2>(text), None, "{text}");
        }
    }
}
