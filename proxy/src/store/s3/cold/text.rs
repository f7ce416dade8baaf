//! Text of listings, as it came.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::EncodingType;
use aws_smithy_types::DateTime;

use crate::store::VersionId;

/// The longest ETag, bytes. None that is known has more than 70.
const MAX_ETAG_BYTES: usize = 256;

/// The end of the year 9999, seconds since 1970: what comes later cannot be written as a date.
const LAST_SECOND: u64 = 253_402_300_799;

/// How the keys of an answer are written. A store that does not know how to encode them says so by saying nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::s3) enum Encoding {
    /// As they are.
    Plain,
    /// With `%` and two digits for most bytes, and `+` for a space.
    Url,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::store::s3) struct Odd(pub(in crate::store::s3) &'static str);

impl Encoding {
    /// What an answer says of itself.
    pub(in crate::store::s3) fn of(said: Option<&EncodingType>) -> Result<Self, Odd> {
        match said {
            None => Ok(Self::Plain),
            Some(EncodingType::Url) => Ok(Self::Url),
            Some(_) => Err(Odd("keys are encoded in an unknown way")),
        }
    }

    /// The text meant.
    pub(in crate::store::s3) fn text(self, text: &str) -> Result<String, Odd> {
        String::from_utf8(self.decode(text)?).map_err(|_| Odd("a key is no text"))
    }

    /// The bytes meant.
    pub(in crate::store::s3) fn decode(self, text: &str) -> Result<Vec<u8>, Odd> {
        if self == Self::Plain {
            return Ok(text.as_bytes().to_vec());
        }
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                    let (Some(high), Some(low)) = (digit(), digit()) else {
                        return Err(Odd("a key is badly encoded"));
                    };
                    // Two hexadecimal digits fit.
                    u8::try_from(high * 16 + low).unwrap_or_default()
                }
                other => other,
            });
        }
        Ok(bytes)
    }
}

/// An ETag without its quotes. Empty where the store has lost it, as Ceph's gateway does in lists
/// when tags are deleted.
pub(super) fn etag(said: Option<&str>) -> Result<String, Odd> {
    let said = said.unwrap_or_default();
    let etag = said.strip_prefix('"').and_then(|said| said.strip_suffix('"')).unwrap_or(said);
    let fits = etag.len() <= MAX_ETAG_BYTES && etag.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if fits { Ok(etag.to_owned()) } else { Err(Odd("an ETag is not one")) }
}

/// A length.
pub(super) fn size(said: Option<i64>) -> Result<u64, Odd> {
    said.and_then(|size| u64::try_from(size).ok()).ok_or(Odd("an object has no length"))
}

/// A time from 1970 to 9999.
pub(super) fn time(said: Option<&DateTime>) -> Result<SystemTime, Odd> {
    let said = said.ok_or(Odd("a time is missing"))?;
    let seconds = u64::try_from(said.secs()).ok().filter(|seconds| *seconds <= LAST_SECOND);
    let seconds = seconds.ok_or(Odd("a time is out of range"))?;
    Ok(SystemTime::UNIX_EPOCH + Duration::new(seconds, said.subsec_nanos()))
}

/// The name of a version.
pub(super) fn version(said: Option<&str>) -> Result<VersionId, Odd> {
    said.and_then(VersionId::parse).ok_or(Odd("a version has no name"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_keys_are_decoded_once() {
        let decode = |text| Encoding::Url.decode(text);
        assert_eq!(decode("a%2Fb+c%20d%252B%2b"), Ok(b"a/b c d%2B+".to_vec()));
        assert_eq!(decode("%C3%A4ä"), Ok("ää".as_bytes().to_vec()));
        assert_eq!(decode("%ff"), Ok(vec![0xff]));
        for bad in ["%", "a%2", "%zz", "%+1", "%é"] {
            assert_eq!(decode(bad), Err(Odd("a key is badly encoded")), "{bad}");
        }
        assert_eq!(Encoding::Plain.decode("a%2F+"), Ok(b"a%2F+".to_vec()));
    }

    #[test]
    fn etags_lose_their_quotes_and_nothing_else() {
        assert_eq!(etag(Some("\"abc-2\"")), Ok("abc-2".to_owned()));
        assert_eq!(etag(Some("abc")), Ok("abc".to_owned()));
        for lost in [None, Some(""), Some("\"\"")] {
            assert_eq!(etag(lost), Ok(String::new()));
        }
        for bad in ["\"abc", "a b", "a\"b", "ä", &"a".repeat(257)] {
            assert!(etag(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_lie_where_dates_can_be_written() {
        let at = |seconds| time(Some(&DateTime::from_secs(seconds)));
        assert_eq!(at(0), Ok(SystemTime::UNIX_EPOCH));
        assert!(at(253_402_300_799).is_ok());
        for bad in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_decoded(bytes: Vec<u8>) {
            let text: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(Encoding::Url.decode(&text), Ok(bytes));
        }
    }
}
