//! JSON that means one thing: a key that stands twice in an object is refused, since readers differ in which of the two
//! they believe, and so is nesting that is deeper than any of these formats needs.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The longest file of evidence that is read, bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// How deep objects and arrays may be nested.
pub const MAX_DEPTH: usize = 32;

/// Bytes that are no JSON, or JSON that could be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Over [`MAX_FILE`].
    #[error("longer than 65536 bytes")]
    TooLong,
    /// Not JSON, something after it, too deep, a key twice, or not the fields of the format.
    #[error("{0}")]
    Syntax(String),
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self::Syntax(error.to_string())
    }
}

/// Checks that `bytes` are one JSON value within the limits, in which no object holds a key twice.
pub(crate) fn check(bytes: &[u8]) -> Result<(), JsonError> {
    if bytes.len() > MAX_FILE {
        return Err(JsonError::TooLong);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Unambiguous { deeper: MAX_DEPTH }.deserialize(&mut reader)?;
    Ok(reader.end()?)
}

/// Reads a value of which [`check`] holds.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    check(bytes)?;
    Ok(serde_json::from_slice(bytes)?)
}

/// Walks through a value and keeps nothing of it but the keys of the objects that are open.
#[derive(Clone, Copy)]
struct Unambiguous {
    /// How many levels may follow.
    deeper: usize,
}

impl Unambiguous {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let deeper = self.deeper.checked_sub(1).ok_or_else(|| E::custom("nested deeper than 32 levels"))?;
        Ok(Self { deeper })
    }
}

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while array.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut keys = HashSet::new();
        while let Some(key) = object.next_key::<String>()? {
            object.next_value_seed(inner)?;
            if let Some(twice) = keys.replace(key) {
                return Err(serde::de::Error::custom(format_args!("duplicate field `{twice}`")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_refused_wherever_it_stands() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":[{"a":null,"b":{},"a":[]}]}]"#,
            r#"{"":0,"x":{},"":0}"#,
        ] {
            assert!(check(bad.as_bytes()).unwrap_err().to_string().contains("duplicate field"), "{bad}");
        }
        for good in [r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#, r#"{"a":1,"A":1}"#, " 1.5e3 ", "null"] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert!(check(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().to_string().contains("32 levels"));
        let long = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
        assert_eq!(check(long(MAX_FILE).as_bytes()), Ok(()));
        assert_eq!(check(long(MAX_FILE + 1).as_bytes()), Err(JsonError::TooLong));
    }

    #[test]
    fn there_is_one_value_and_nothing_after_it() {
        for bad in ["", " ", "{}{}", "1 2", "{} x", "{\"a\"}", "\u{feff}{}", "{\"a\":1,}", "NaN", "\"\n\""] {
            assert!(check(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(check(b"\"\xff\"").is_err());
        assert!(check(b"\"\\ud800\"").is_err());
    }
}
