//! Tags as clients send them, within S3's limits.

use http::HeaderMap;

use super::auth::single;
use super::error::{Code, S3Error};
use super::uri::decode;
use crate::store::{MAX_BUCKET_TAGS, MAX_OBJECT_TAGS, Tags};

/// Characters of a tag's name at most.
const MAX_NAME: usize = 128;
/// Characters of a tag's value at most.
const MAX_VALUE: usize = 256;
/// Names that begin so are S3's own.
const RESERVED: &str = "aws:";

/// What tags are put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagged {
    /// An object.
    Object,
    /// A bucket.
    Bucket,
}

impl Tagged {
    /// How many tags it can have.
    pub fn most(self) -> usize {
        match self {
            Self::Object => MAX_OBJECT_TAGS,
            Self::Bucket => MAX_BUCKET_TAGS,
        }
    }
}

/// Checks tags for a bucket or an object. Those of S3 itself (`aws:`) are refused.
///
/// # Errors
/// `InvalidTag`: too many or too long, without a name, with control characters, or one name twice.
pub fn checked(tagged: Tagged, tags: Vec<(String, String)>) -> Result<Tags, S3Error> {
    let most = tagged.most();
    if tags.len() > most {
        let what = match tagged {
            Tagged::Object => "Object",
            Tagged::Bucket => "Bucket",
        };
        return Err(invalid(format!("{what} tags cannot be greater than {most}")));
    }
    for (name, value) in &tags {
        if name.is_empty() || name.chars().count() > MAX_NAME || has_control(name) {
            return Err(invalid("The TagKey you have provided is invalid").with("TagKey", shorten(name)));
        }
        if name.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED)) {
            let message = "System tags cannot be added/updated by requester";
            return Err(invalid(message).with("TagKey", shorten(name)));
        }
        if value.chars().count() > MAX_VALUE || has_control(value) {
            return Err(invalid("The TagValue you have provided is invalid").with("TagKey", shorten(name)));
        }
    }
    Tags::new(tags).ok_or_else(|| invalid("Cannot provide multiple Tags with the same key"))
}

/// Reads `x-amz-tagging`: the names and values of an object's tags in the form of an HTML form's query, where a `+` is
/// a space. No header: no tags.
///
/// # Errors
/// `InvalidArgument`: it is not of that form. `InvalidTag`.
pub fn of_headers(headers: &HeaderMap) -> Result<Tags, S3Error> {
    let Some(text) = single(headers, HEADER)? else { return Ok(Tags::default()) };
    let decode = |text: &str| decode(&text.replace('+', " ")).map_err(|_| malformed());
    let mut tags = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if tags.len() > MAX_OBJECT_TAGS {
            break;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        tags.push((decode(name)?, decode(value)?));
    }
    checked(Tagged::Object, tags)
}

/// Where uploads name the tags of their object.
const HEADER: &str = "x-amz-tagging";

fn malformed() -> S3Error {
    let message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without \
                   tag name duplicates.";
    S3Error::new(Code::InvalidArgument, message).with("ArgumentName", HEADER)
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new(Code::InvalidTag, message)
}

fn shorten(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn check(header: &str, expected: Result<&[(&str, &str)], Code>) {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(HEADER),
            HeaderValue::from_str(header).unwrap(),
        )]);
        let seen = of_headers(&headers).map_err(|error| error.code);
        let seen = seen.as_ref().map(|tags| tags.iter().collect::<Vec<_>>()).map_err(|code| *code);
        assert_eq!(seen, expected.map(<[_]>::to_vec), "{header}");
    }

    #[test]
    fn the_header_is_a_query() {
        check("", Ok(&[]));
        check("foo=bar&bar", Ok(&[("bar", ""), ("foo", "bar")]));
        check("a=1%262&b%3D=x+y%2B&&", Ok(&[("a", "1&2"), ("b=", "x y+")]));
        check("%C3%A9=a=b", Ok(&[("é", "a=b")]));
        check("a=%zz", Err(Code::InvalidArgument));
        check("a=%ff", Err(Code::InvalidArgument));
        check("a=1&a=2", Err(Code::InvalidTag));
        check("=1", Err(Code::InvalidTag));
        check("a=%00", Err(Code::InvalidTag));
        check("aws:a=1", Err(Code::InvalidTag));
        check("AWS%3Aa=1", Err(Code::InvalidTag));
        assert_eq!(of_headers(&HeaderMap::new()), Ok(Tags::default()));
    }

    #[test]
    fn tags_are_bounded() {
        let tags = |count: usize| (0..count).map(|i| (format!("k{i}"), String::new())).collect::<Vec<_>>();
        for (tagged, most) in [(Tagged::Object, 10), (Tagged::Bucket, 50)] {
            assert_eq!(checked(tagged, tags(most)).unwrap().len(), most);
            assert_eq!(checked(tagged, tags(most + 1)).unwrap_err().code, Code::InvalidTag);
        }
        let one = |name: usize, value: usize| vec![("é".repeat(name), "é".repeat(value))];
        assert!(checked(Tagged::Object, one(128, 256)).is_ok());
        for refused in [one(129, 0), one(1, 257), one(0, 1)] {
            assert_eq!(checked(Tagged::Object, refused).unwrap_err().code, Code::InvalidTag);
        }
        let many = (0..5000).map(|i| format!("k{i}")).collect::<Vec<_>>().join("&");
        check(&many, Err(Code::InvalidTag));
    }

    proptest! {
        #[test]
        fn reading_never_panics(header in "[a=&%+0-9é]{0,30}") {
            if let Ok(value) = HeaderValue::from_str(&header) {
                let _ = of_headers(&HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), value)]));
            }
        }
    }
}
