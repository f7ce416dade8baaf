//! What conditions come to.

use http::HeaderValue;
use proptest::prelude::*;

use super::Verdict::{NotModified, PreconditionFailed, Proceed};
use super::*;
use crate::s3::error::Code;

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
        assert_eq!(DeleteCondition::from_headers(&map).map_err(|error| error.code), delete, "{headers:?}");
    };
    let no = Code::NotImplemented;
    check(&[], Ok(PutCondition::None), Ok(DeleteCondition::None));
    check(&[("if-none-match", "*")], Ok(PutCondition::Absent), Err(no));
    for same in [SAME, ETAG] {
        check(&[("if-match", same)], Ok(PutCondition::Matches(tag())), Ok(DeleteCondition::Matches(tag())));
    }
    check(&[("if-match", "*")], Ok(PutCondition::Exists), Ok(DeleteCondition::Exists));
    check(&[("if-none-match", SAME)], Ok(PutCondition::Differs(tag())), Err(no));
    for refused in [
        &[("if-none-match", "")][..],
        &[("if-none-match", WEAK)],
        &[("if-none-match", "\"a\", \"b\"")],
        &[("if-match", "*, \"a\"")],
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
