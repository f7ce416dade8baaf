//! Conditional requests: RFC 9110, section 13.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName};

use super::error::{Code, S3Error};

/// An entity tag as a client sends it. Tags without quotes, which S3 takes, are taken as strong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag {
    opaque: Box<str>,
    strength: Strength,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
}

impl EntityTag {
    /// Strong comparison with an artifact's ETag (unquoted; ours are always strong).
    pub fn is(&self, etag: &str) -> bool {
        self.strength == Strength::Strong && self.resembles(etag)
    }

    /// Weak comparison.
    fn resembles(&self, etag: &str) -> bool {
        &*self.opaque == etag
    }
}

/// The conditions of a GET or HEAD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
    if_modified_since: Option<Seconds>,
    if_unmodified_since: Option<Seconds>,
    if_range: Option<EntityTag>,
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    OneOf(Vec<EntityTag>),
}

/// Whole seconds since 1970: the precision of HTTP dates.
type Seconds = u64;

/// What comes of the conditions of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412.
    PreconditionFailed,
}

impl Conditions {
    /// The conditions of a request. Dates that are none are ignored, as RFC 9110 wants it; a tag that is none matches
    /// nothing.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            if_match: joined(headers, &IF_MATCH).as_deref().map(tags),
            if_none_match: joined(headers, &IF_NONE_MATCH).as_deref().map(tags),
            if_modified_since: date(headers, &IF_MODIFIED_SINCE),
            if_unmodified_since: date(headers, &IF_UNMODIFIED_SINCE),
            if_range: joined(headers, &IF_RANGE).as_deref().map(tag),
        }
    }

    /// What they come to for an artifact with this ETag (unquoted), sealed `at`; in the order of RFC 9110,
    /// section 13.2.2. For values that a seal covers only: the answer to a condition is an answer about the artifact.
    pub fn evaluate(&self, etag: &str, at: SystemTime) -> Verdict {
        let at = seconds(at);
        let may_proceed = match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => tags.any(|tag| tag.is(etag)),
            (None, Some(since)) => at <= since,
            (None, None) => true,
        };
        let is_current = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => tags.any(|tag| tag.resembles(etag)),
            (None, Some(since)) => at <= since,
            (None, None) => false,
        };
        match (may_proceed, is_current) {
            (false, _) => Verdict::PreconditionFailed,
            (true, true) => Verdict::NotModified,
            (true, false) => Verdict::Proceed,
        }
    }

    /// Whether the request's `Range` counts for an artifact with this ETag; if not, the whole artifact is sent.
    ///
    /// A date in `If-Range` never suffices: two versions may share a second, and a client would join parts of both.
    /// RFC 9110, section 13.1.5, asks for a strong validator and allows a server to take none but tags for it.
    pub fn range_applies(&self, etag: &str) -> bool {
        self.if_range.as_ref().is_none_or(|tag| tag.is(etag))
    }
}

impl Tags {
    fn any(&self, test: impl Fn(&EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(test),
        }
    }
}

/// On what a PUT depends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PutCondition {
    /// Nothing.
    #[default]
    None,
    /// `If-None-Match: *`: nothing stands under that name.
    Absent,
    /// `If-Match: "tag"`: an artifact with that ETag stands there.
    Matches(EntityTag),
}

impl PutCondition {
    /// The condition of a PUT.
    ///
    /// # Errors
    /// `NotImplemented`: any condition but the two that a store evaluates together with the write.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, S3Error> {
        let condition = match (joined(headers, &IF_MATCH), joined(headers, &IF_NONE_MATCH)) {
            (None, None) => Self::None,
            (None, Some(tag)) if tag == "*" => Self::Absent,
            (None, Some(_)) => return Err(unsupported(&IF_NONE_MATCH, "only `If-None-Match: *` is")),
            (Some(text), None) => match tags(&text) {
                Tags::OneOf(list) => Self::Matches(sole_strong(list)?),
                Tags::Any => return Err(unsupported(&IF_MATCH, ONE_STRONG)),
            },
            (Some(_), Some(_)) => {
                return Err(unsupported(&IF_MATCH, "together with If-None-Match it is not"));
            }
        };
        refuse(headers, &[IF_UNMODIFIED_SINCE])?;
        Ok(condition)
    }
}

/// On what a DELETE depends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DeleteCondition {
    /// Nothing.
    #[default]
    None,
    /// `If-Match: "tag"`: an artifact with that ETag stands there.
    Matches(EntityTag),
}

impl DeleteCondition {
    /// The condition of a DELETE.
    ///
    /// # Errors
    /// `NotImplemented`: any condition but the one that a store evaluates together with the deletion.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, S3Error> {
        refuse(headers, &[IF_NONE_MATCH, IF_UNMODIFIED_SINCE])?;
        match joined(headers, &IF_MATCH).as_deref().map(tags) {
            None => Ok(Self::None),
            Some(Tags::OneOf(list)) => Ok(Self::Matches(sole_strong(list)?)),
            Some(Tags::Any) => Err(unsupported(&IF_MATCH, ONE_STRONG)),
        }
    }
}

/// Refuses every condition that would bind a write.
///
/// # Errors
/// `NotImplemented`.
pub fn refuse_conditions(headers: &HeaderMap) -> Result<(), S3Error> {
    refuse(headers, &[IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE])
}

const ONE_STRONG: &str = "only one strong entity tag is";

fn refuse(headers: &HeaderMap, names: &[HeaderName]) -> Result<(), S3Error> {
    match names.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => Err(unsupported(name, "here it is not")),
        None => Ok(()),
    }
}

fn sole_strong(list: Vec<EntityTag>) -> Result<EntityTag, S3Error> {
    match <[EntityTag; 1]>::try_from(list) {
        Ok([tag]) if tag.strength == Strength::Strong => Ok(tag),
        _ => Err(unsupported(&IF_MATCH, ONE_STRONG)),
    }
}

fn unsupported(header: &HeaderName, what_is: &str) -> S3Error {
    let message = format!("The condition `{header}` is not supported in this form: {what_is}.");
    S3Error::new(Code::NotImplemented, message).with("Header", header.as_str())
}

/// All values of a header, as the one list that they stand for.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(",").trim_matches([' ', '\t']).to_owned())
}

/// The members of a list of entity tags. Lenient, since every reading of nonsense is a tag that no artifact has.
fn tags(list: &str) -> Tags {
    if list == "*" {
        return Tags::Any;
    }
    let mut found = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Tags::OneOf(found);
        }
        let opening = if rest.starts_with("W/\"") { 3 } else { usize::from(rest.starts_with('"')) };
        let end = match opening {
            0 => rest.find(','),
            _ => rest[opening..].find('"').map(|quote| opening + quote + 1),
        };
        let (member, after) = rest.split_at(end.unwrap_or(rest.len()));
        found.push(tag(member));
        rest = after;
    }
}

fn tag(text: &str) -> EntityTag {
    let text = text.trim_matches([' ', '\t']);
    let (text, strength) = match text.strip_prefix("W/") {
        Some(text) => (text, Strength::Weak),
        None => (text, Strength::Strong),
    };
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    EntityTag { opaque: quoted.unwrap_or(text).into(), strength }
}

/// The one date of a header; `None` where there is none, several, or something else.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Seconds> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    httpdate::parse_http_date(value.trim()).ok().map(seconds)
}

fn seconds(at: SystemTime) -> Seconds {
    at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::Verdict::{NotModified, PreconditionFailed, Proceed};
    use super::*;

    const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SAME: &str = "\"d41d8cd98f00b204e9800998ecf8427e\"";
    const WEAK: &str = "W/\"d41d8cd98f00b204e9800998ecf8427e\"";
    /// When the artifact was sealed (and 700 ms), a second before, a second after.
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn check(headers: &[(&str, &str)], expected: Verdict) {
        let at = httpdate::parse_http_date(AT).unwrap() + Duration::from_millis(700);
        assert_eq!(Conditions::from_headers(&map(headers)).evaluate(ETAG, at), expected, "{headers:?}");
    }

    #[test]
    fn conditions_of_reads_follow_rfc_9110() {
        let (m, n, s, u) = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since");
        for (headers, expected) in [
            (&[][..], Proceed),
            (&[(m, SAME)], Proceed),
            (&[(m, ETAG)], Proceed),
            (&[(m, "*")], Proceed),
            (&[(m, "\"x\", \"d41d8cd98f00b204e9800998ecf8427e\"")], Proceed),
            (&[(m, "\"a,b\",d41d8cd98f00b204e9800998ecf8427e ,x")], Proceed),
            (&[(m, "\"x\""), (m, SAME)], Proceed),
            (&[(m, WEAK)], PreconditionFailed),
            (&[(m, "\"ABCORZ\"")], PreconditionFailed),
            (&[(m, "")], PreconditionFailed),
            (&[(m, "*, \"x\"")], PreconditionFailed),
            (&[(m, "\"d41d8cd98f00b204e9800998ecf8427e")], PreconditionFailed),
            (&[(n, SAME)], NotModified),
            (&[(n, ETAG)], NotModified),
            (&[(n, WEAK)], NotModified),
            (&[(n, "*")], NotModified),
            (&[(n, "\"x\""), (n, WEAK)], NotModified),
            (&[(n, "\"x\"")], Proceed),
            (&[(n, "")], Proceed),
            (&[(s, BEFORE)], Proceed),
            (&[(s, AT)], NotModified),
            (&[(s, AFTER)], NotModified),
            (&[(s, "Sunday, 06-Nov-94 08:49:38 GMT")], NotModified),
            (&[(s, "Sun Nov  6 08:49:38 1994")], NotModified),
            (&[(s, "yesterday")], Proceed),
            (&[(s, AFTER), (s, AFTER)], Proceed),
            (&[(u, BEFORE)], PreconditionFailed),
            (&[(u, AT)], Proceed),
            (&[(u, AFTER)], Proceed),
            (&[(u, "tomorrow")], Proceed),
            // Precedence: tags before dates, If-Match before If-None-Match.
            (&[(m, SAME), (u, BEFORE)], Proceed),
            (&[(m, "\"x\""), (u, AFTER)], PreconditionFailed),
            (&[(n, SAME), (s, BEFORE)], NotModified),
            (&[(n, "\"x\""), (s, AFTER)], Proceed),
            (&[(m, "\"x\""), (n, SAME)], PreconditionFailed),
            (&[(m, SAME), (n, SAME)], NotModified),
            (&[(u, BEFORE), (s, AFTER)], PreconditionFailed),
            (&[(u, AFTER), (n, SAME)], NotModified),
            (&[(m, SAME), (s, AT)], NotModified),
        ] {
            check(headers, expected);
        }
    }

    #[test]
    fn a_range_counts_for_the_same_version_alone() {
        let applies = |headers: &[(&str, &str)]| Conditions::from_headers(&map(headers)).range_applies(ETAG);
        assert!(applies(&[]));
        assert!(applies(&[("if-range", SAME)]));
        for other in [WEAK, "\"x\"", AT, AFTER, "", "*"] {
            assert!(!applies(&[("if-range", other)]), "{other}");
        }
        assert!(!applies(&[("if-range", SAME), ("if-range", SAME)]));
    }

    #[test]
    fn conditions_of_writes_are_kept_or_refused() {
        let tag = || EntityTag { opaque: ETAG.into(), strength: Strength::Strong };
        let check = |headers: &[(&str, &str)], put, delete| {
            let map = map(headers);
            assert_eq!(PutCondition::from_headers(&map).map_err(|error| error.code), put, "{headers:?}");
            assert_eq!(
                DeleteCondition::from_headers(&map).map_err(|error| error.code),
                delete,
                "{headers:?}"
            );
        };
        let no = Code::NotImplemented;
        check(&[], Ok(PutCondition::None), Ok(DeleteCondition::None));
        check(&[("if-none-match", "*")], Ok(PutCondition::Absent), Err(no));
        for same in [SAME, ETAG] {
            check(
                &[("if-match", same)],
                Ok(PutCondition::Matches(tag())),
                Ok(DeleteCondition::Matches(tag())),
            );
        }
        for refused in [
            &[("if-none-match", SAME)][..],
            &[("if-none-match", "")],
            &[("if-none-match", "*"), ("if-none-match", "*")],
            &[("if-match", "*")],
            &[("if-match", WEAK)],
            &[("if-match", "\"a\", \"b\"")],
            &[("if-match", "")],
            &[("if-match", SAME), ("if-none-match", "*")],
            &[("if-match", SAME), ("if-unmodified-since", AT)],
            &[("if-unmodified-since", "nonsense")],
        ] {
            check(refused, Err(no), Err(no));
        }
        // RFC 9110, section 13.1.3: to be ignored but on GET and HEAD.
        check(&[("if-modified-since", AT)], Ok(PutCondition::None), Ok(DeleteCondition::None));
    }

    proptest! {
        #[test]
        fn lists_of_tags_never_panic(text in "[ -~é,\"W/*]{0,30}") {
            let list = tags(&text);
            prop_assert!(text == "*" || list != Tags::Any);
        }
    }
}
