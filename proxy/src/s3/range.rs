//! The `Range` header: RFC 9110, section 14, as far as S3 goes.

use std::ops::Range;

use http::HeaderMap;
use http::header::RANGE;

use super::error::{Code, S3Error};

/// One span of bytes, as a client asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeHeader {
    spec: Spec,
    /// As it came, for the error document.
    text: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    /// `a-b` and `a-`: `last` is inclusive, `u64::MAX` where there is none.
    From { first: u64, last: u64 },
    /// `-n`.
    Suffix(u64),
}

/// What a range comes to for an object of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// All of it, as if no range had been asked for: 200.
    Whole,
    /// A part: 206.
    Part(Part),
}

/// A non-empty span of an object's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    first: u64,
    last: u64,
    length: u64,
}

impl RangeHeader {
    /// The range of a request. `None` also for what a server has to ignore, or may: several ranges, other units than
    /// bytes, bad syntax, `5-2`. S3 answers those with the whole object, too.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(RANGE).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        Some(Self { spec: parse(value)?, text: value.into() })
    }

    /// The range that asks for `part`.
    pub fn of(part: &Part) -> Self {
        let (first, last) = (part.first, part.last);
        Self { spec: Spec::From { first, last }, text: format!("bytes={first}-{last}").into() }
    }

    /// The bytes that are meant whatever the object's length, cut at its end; `None` where they count from the end.
    pub fn from_start(&self) -> Option<Range<u64>> {
        match self.spec {
            Spec::From { first, last } => Some(first..last.saturating_add(1)),
            Spec::Suffix(_) => None,
        }
    }

    /// What is meant of an object of `length` bytes.
    ///
    /// A suffix of an empty object is the whole empty object, and any other range of it cannot be satisfied: that is
    /// what S3 answers (readers of file trailers rely on it), and RFC 9110 counts a suffix of non-zero length as
    /// satisfiable always, though it has no `Content-Range` for it.
    ///
    /// # Errors
    /// `InvalidRange`: no byte of the object is in the range.
    pub fn resolve(&self, length: u64) -> Result<Resolved, S3Error> {
        match self.spec {
            Spec::Suffix(wanted) if wanted > 0 && length == 0 => Ok(Resolved::Whole),
            Spec::Suffix(wanted) if wanted > 0 => {
                Ok(Resolved::Part(Part { first: length.saturating_sub(wanted), last: length - 1, length }))
            }
            Spec::From { first, last } if first < length => {
                Ok(Resolved::Part(Part { first, last: last.min(length - 1), length }))
            }
            Spec::Suffix(_) | Spec::From { .. } => {
                Err(S3Error::new(Code::InvalidRange, "The requested range is not satisfiable")
                    .with("RangeRequested", &*self.text)
                    .with("ActualObjectSize", length.to_string()))
            }
        }
    }
}

impl Part {
    /// The bytes `span` of an object of `length` bytes; `None`: there are none, or not so many.
    pub fn of(span: &Range<u64>, length: u64) -> Option<Self> {
        let last = span.end.checked_sub(1)?;
        (span.start <= last && last < length).then_some(Self { first: span.start, last, length })
    }

    /// The bytes: `start..end`, within the object, not empty.
    pub fn span(&self) -> Range<u64> {
        self.first..self.last + 1
    }

    /// How many bytes.
    pub fn size(&self) -> u64 {
        self.last - self.first + 1
    }

    /// `Content-Range`.
    pub fn content_range(&self) -> String {
        format!("bytes {}-{}/{}", self.first, self.last, self.length)
    }
}

fn parse(value: &str) -> Option<Spec> {
    let (unit, range) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    match range.split_once('-')? {
        ("", suffix) => Some(Spec::Suffix(decimal(suffix)?)),
        (first, "") => Some(Spec::From { first: decimal(first)?, last: u64::MAX }),
        (first, last) => {
            let (first, last) = (decimal(first)?, decimal(last)?);
            (first <= last).then_some(Spec::From { first, last })
        }
    }
}

/// Digits alone; what exceeds 64 bits exceeds every object.
fn decimal(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// `range`, asked of `length` bytes: `Ok(None)` the whole object, `Ok(Some)` the `Content-Range`.
    fn check(range: &str, length: u64, expected: Result<Option<&str>, Code>) {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(range).unwrap());
        let resolved =
            RangeHeader::from_headers(&headers).map_or(Ok(Resolved::Whole), |range| range.resolve(length));
        let seen = resolved
            .map(|resolved| match resolved {
                Resolved::Whole => None,
                Resolved::Part(part) => {
                    assert!(part.span().end <= length && part.size() == part.span().end - part.span().start);
                    Some(part.content_range())
                }
            })
            .map_err(|error| error.code);
        assert_eq!(seen, expected.map(|text| text.map(str::to_owned)), "{range} of {length}");
    }

    #[test]
    fn ranges_are_resolved_as_s3_does() {
        for (range, length, expected) in [
            ("bytes=4-7", 11, Ok(Some("bytes 4-7/11"))),
            ("bytes=4-", 11, Ok(Some("bytes 4-10/11"))),
            ("bytes=-7", 11, Ok(Some("bytes 4-10/11"))),
            ("Bytes=0-0", 11, Ok(Some("bytes 0-0/11"))),
            ("bytes=0-99", 11, Ok(Some("bytes 0-10/11"))),
            ("bytes=-99", 11, Ok(Some("bytes 0-10/11"))),
            ("bytes=10-10", 11, Ok(Some("bytes 10-10/11"))),
            ("bytes=0-99999999999999999999999", 11, Ok(Some("bytes 0-10/11"))),
            ("bytes=-99999999999999999999999", 11, Ok(Some("bytes 0-10/11"))),
            ("bytes=0-", u64::MAX, Ok(Some("bytes 0-18446744073709551614/18446744073709551615"))),
            // Not satisfiable.
            ("bytes=11-", 11, Err(Code::InvalidRange)),
            ("bytes=40-50", 11, Err(Code::InvalidRange)),
            ("bytes=99999999999999999999999-", 11, Err(Code::InvalidRange)),
            ("bytes=-0", 11, Err(Code::InvalidRange)),
            ("bytes=-0", 0, Err(Code::InvalidRange)),
            ("bytes=0-", 0, Err(Code::InvalidRange)),
            ("bytes=0-0", 0, Err(Code::InvalidRange)),
            ("bytes=40-50", 0, Err(Code::InvalidRange)),
            ("bytes=-5", 0, Ok(None)),
            // Ignored: the whole object.
            ("bytes=5-2", 11, Ok(None)),
            ("bytes=0-1,3-4", 11, Ok(None)),
            ("bytes=0-1,", 11, Ok(None)),
            ("bytes=", 11, Ok(None)),
            ("bytes=-", 11, Ok(None)),
            ("bytes=a-b", 11, Ok(None)),
            ("bytes=+1-2", 11, Ok(None)),
            ("bytes=1-2-3", 11, Ok(None)),
            ("bytes=--1", 11, Ok(None)),
            ("bytes 0-1", 11, Ok(None)),
            ("bytes= 0-1", 11, Ok(None)),
            ("0-1", 11, Ok(None)),
            ("items=0-1", 11, Ok(None)),
            ("", 11, Ok(None)),
        ] {
            check(range, length, expected);
        }
    }

    #[test]
    fn the_refusal_says_what_was_asked_and_what_there_is() {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=11-"))]);
        let error = RangeHeader::from_headers(&headers).unwrap().resolve(11).unwrap_err();
        let details = [("RangeRequested", "bytes=11-".to_owned()), ("ActualObjectSize", "11".to_owned())];
        assert_eq!(error.details, details);
    }

    #[test]
    fn two_range_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(RangeHeader::from_headers(&headers), None);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_object(text in "(bytes=)?[0-9-]{0,22}", length: u64) {
            if let Some(spec) = parse(&text) {
                let range = RangeHeader { spec, text: text.into() };
                if let Ok(Resolved::Part(part)) = range.resolve(length) {
                    prop_assert!(part.span().start < part.span().end && part.span().end <= length);
                    prop_assert_eq!(part.size(), part.span().end - part.span().start);
                }
            }
        }
    }
}
