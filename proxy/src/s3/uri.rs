//! The target of a request, decoded once: what a signature is checked over is what the request does.
//!
//! Routing and authentication both read a request's path, query and host through this module and nothing else, so
//! there is no second decoder that could see another key, another parameter or another bucket.

use http::Uri;
use http::header::HOST;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::{Code, S3Error};

/// All but the unreserved characters of RFC 3986.
pub(super) const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same, with `/` kept.
const PATH: &AsciiSet = &NAME.remove(b'/');

/// A path or a part of one, percent-encoded once; `/` is kept.
pub fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// A request's path, percent-decoded exactly once and never normalised: `//`, `.` and `..` stay as they came.
///
/// It begins with `/` and is UTF-8. `%2F` decodes to a `/` like any other, as in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPath(String);

impl RawPath {
    /// Decodes the path of `uri`.
    ///
    /// # Errors
    /// `InvalidURI`: a `%` without two hexadecimal digits, bytes that are not UTF-8, or no path (`*`).
    pub fn parse(uri: &Uri) -> Result<Self, S3Error> {
        if !uri.path().starts_with('/') {
            return Err(invalid("the path does not begin with /", uri.path()));
        }
        decode(uri.path()).map(Self)
    }

    /// The decoded path, from its first `/` on.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical URI of SigV4 for S3: encoded once, `/` kept.
    pub fn canonical(&self) -> String {
        encode_path(&self.0)
    }
}

/// A request's query: names and values in the order of the request, each percent-decoded exactly once.
///
/// A `+` is a plus sign, as in RFC 3986, for the signature and for the request alike; clients of S3 write a space as
/// `%20`. A name without `=` has the empty value. Names may repeat; [`Query::get`] refuses that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes the query of `uri`; none is the same as an empty one.
    ///
    /// # Errors
    /// `InvalidURI`: a `%` without two hexadecimal digits, or bytes that are not UTF-8.
    pub fn parse(uri: &Uri) -> Result<Self, S3Error> {
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The value of `name` (compared exactly), if it is there.
    ///
    /// # Errors
    /// `InvalidArgument` when it is there more than once: which of the values counts would be anybody's guess.
    pub fn get(&self, name: &str) -> Result<Option<&str>, S3Error> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() {
            return Err(S3Error::new(Code::InvalidArgument, "A query parameter is given more than once.")
                .with("ArgumentName", name));
        }
        Ok(value)
    }

    /// Whether `name` (compared exactly) is there.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Every name and value, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The canonical query of SigV4: encoded, then sorted by name and value, without the parameter called `omit`.
    pub fn canonical(&self, omit: Option<&str>) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NAME).to_string();
        let kept = self.iter().filter(|(name, _)| omit != Some(*name));
        let mut pairs: Vec<_> = kept.map(|(name, value)| (encode(name), encode(value))).collect();
        pairs.sort_unstable();
        let mut text = String::new();
        for (name, value) in pairs {
            if !text.is_empty() {
                text.push('&');
            }
            text.extend([name.as_str(), "=", value.as_str()]);
        }
        text
    }
}

/// The host that a request is for, as the client wrote it (port included): the one `Host` header.
///
/// # Errors
/// `InvalidRequest` when it is missing, repeated, not visible ASCII, or differs from the host of an absolute request
/// target: a proxy in front may have looked at the other one.
pub fn host(parts: &Parts) -> Result<&str, S3Error> {
    let refuse = |message: &'static str| S3Error::new(Code::InvalidRequest, message);
    let mut headers = parts.headers.get_all(HOST).iter();
    let header = headers.next().map(|value| value.to_str()).transpose();
    let header = header.map_err(|_| refuse("The Host header is not visible ASCII."))?;
    if headers.next().is_some() {
        return Err(refuse("There is more than one Host header."));
    }
    match (header, parts.uri.authority()) {
        (Some(header), Some(target)) if !header.eq_ignore_ascii_case(target.as_str()) => {
            Err(refuse("The Host header and the request target name different hosts."))
        }
        (Some(header), _) => Ok(header),
        (None, Some(target)) => Ok(target.as_str()),
        (None, None) => Err(refuse("The Host header is missing.")),
    }
}

/// Percent-decodes `text` once, strictly.
///
/// # Errors
/// `InvalidURI`: a `%` without two hexadecimal digits, or bytes that are not UTF-8.
pub fn decode(text: &str) -> Result<String, S3Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = tail;
            continue;
        }
        let escaped = tail.split_at_checked(2).and_then(|(digits, tail)| {
            let [high, low] = [nibble(digits[0])?, nibble(digits[1])?];
            Some((high << 4 | low, tail))
        });
        let Some((byte, tail)) = escaped else {
            return Err(invalid("a % is not followed by two hexadecimal digits", text));
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8 when percent-decoded", text))
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn invalid(why: &str, text: &str) -> S3Error {
    S3Error::new(Code::InvalidURI, format!("Couldn't parse the specified URI: {why}.")).with("URI", text)
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_is_decoded_once_and_never_normalised() {
        for (sent, decoded, canonical) in [
            ("/", "/", "/"),
            ("/a//b/../c/.", "/a//b/../c/.", "/a//b/../c/."),
            ("/b/a%2Fb", "/b/a/b", "/b/a/b"),
            ("/b/a%252Fb", "/b/a%2Fb", "/b/a%252Fb"),
            ("/b/a+b%20c", "/b/a+b c", "/b/a%2Bb%20c"),
            ("/b/%e2%82%ac~(1)", "/b/€~(1)", "/b/%E2%82%AC~%281%29"),
            ("/b/%2e%2e/k?x", "/b/../k", "/b/../k"),
            ("http://h.example", "/", "/"),
        ] {
            let path = RawPath::parse(&uri(sent)).unwrap();
            assert_eq!((path.as_str(), path.canonical().as_str()), (decoded, canonical), "{sent}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        for bad in ["/%", "/%4", "/%4g", "/%zz", "/%+1", "/%ff", "/%c3%28", "/%ed%a0%80", "*"] {
            assert_eq!(RawPath::parse(&uri(bad)).unwrap_err().code, Code::InvalidURI, "{bad}");
        }
        for bad in ["/?a=%", "/?%4=1", "/?a=%ff", "/?a=%g0"] {
            assert_eq!(Query::parse(&uri(bad)).unwrap_err().code, Code::InvalidURI, "{bad}");
        }
    }

    #[test]
    fn a_query_is_decoded_once_and_sorted_by_its_encoded_form() {
        for (sent, canonical) in [
            ("/", ""),
            ("/?", ""),
            ("/?&&", ""),
            ("/?uploads", "uploads="),
            ("/?b=2&a=1", "a=1&b=2"),
            ("/?a=2&a=1&a", "a=&a=1&a=2"),
            ("/?a=b=c", "a=b%3Dc"),
            ("/?prefix=a+b%20c%2F", "prefix=a%2Bb%20c%2F"),
            ("/?X-Amz-Signature=0&Z=1&%61=2", "Z=1&a=2"),
            // By encoded name: `%C3…` stands before `a`, though its first byte is larger.
            ("/?a=1&%C3%A9=2", "%C3%A9=2&a=1"),
            // By name first: `a-` is a name of its own, not `a` and a value that sorts after `-`.
            ("/?a-=1&a=2", "a=2&a-=1"),
        ] {
            assert_eq!(
                Query::parse(&uri(sent)).unwrap().canonical(Some("X-Amz-Signature")),
                canonical,
                "{sent}"
            );
        }
    }

    #[test]
    fn a_repeated_parameter_has_no_value() {
        let query = Query::parse(&uri("/?a=1&b=2&%61=3&c")).unwrap();
        assert_eq!(query.get("a").unwrap_err().code, Code::InvalidArgument);
        assert_eq!(query.get("b"), Ok(Some("2")));
        assert_eq!(query.get("c"), Ok(Some("")));
        assert_eq!(query.get("C"), Ok(None));
        assert!(query.contains("a") && !query.contains("A"));
    }

    #[test]
    fn there_is_one_host() {
        let of = |target: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(target);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            host(&request.body(()).unwrap().into_parts().0).map(str::to_owned).map_err(|error| error.code)
        };
        assert_eq!(of("/", &["a.example:8080"]), Ok("a.example:8080".to_owned()));
        assert_eq!(of("http://A.example/", &["a.example"]), Ok("a.example".to_owned()));
        assert_eq!(of("http://a.example/", &[]), Ok("a.example".to_owned()));
        for (target, hosts) in [
            ("/", &[][..]),
            ("/", &["a.example", "a.example"]),
            ("http://a.example/", &["b.example"]),
            ("/", &["caf\u{e9}"]),
        ] {
            assert_eq!(of(target, hosts), Err(Code::InvalidRequest), "{target} {hosts:?}");
        }
    }

    proptest! {
        #[test]
        fn canonical_text_decodes_to_what_it_was_made_from(path in "/\\PC{0,40}", pairs in prop::collection::vec(("\\PC{1,9}", "\\PC{0,9}"), 0..6)) {
            let encoded = RawPath(path.clone()).canonical();
            prop_assert_eq!(decode(&encoded).unwrap(), path);
            let mut query = Query(pairs);
            let again = Query::parse(&uri(&format!("/?{}", query.canonical(None)))).unwrap();
            prop_assert_eq!(again.canonical(None), query.canonical(None));
            let mut again = again.0;
            again.sort();
            query.0.sort();
            prop_assert_eq!(again, query.0);
        }

        #[test]
        fn decoding_never_panics(text in "[%0-9a-fgé+]{0,12}") {
            let _ = decode(&text);
        }
    }
}
