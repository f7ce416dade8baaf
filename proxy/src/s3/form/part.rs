//! The headers of a part, and of the form itself: which field it is, and where it ends.

use http::HeaderValue;

use super::Malformed;
use super::parameters::Parameters;
use crate::s3::error::{Code, S3Error};

/// The longest boundary (RFC 2046, section 5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;

/// Header lines of one part: two are usual.
const MAX_LINES: usize = 16;

/// The longest name of a field, bytes: those of S3 are shorter than this, and those of metadata are headers.
const MAX_NAME_BYTES: usize = 256;

/// What the headers of a part say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The field's name in lower case: names of fields do not differ by case.
    pub(super) name: String,
    /// The file's name as the client has it, perhaps a path.
    pub(super) filename: Option<String>,
}

impl Part {
    /// Reads the headers of a part.
    ///
    /// `Content-Disposition` says it all. A transfer encoding that would have to be undone is refused, and all other
    /// headers are ignored, as RFC 7578 (section 4.8) demands: a form's own field sets the content type.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Malformed> {
        let head = str::from_utf8(head).map_err(|_| Malformed("the headers of a part are not UTF-8"))?;
        let mut disposition = None;
        for (count, line) in head.split("\r\n").enumerate() {
            if count >= MAX_LINES {
                return Err(Malformed("a part has too many headers"));
            }
            // A line end alone is one of these, and so is the space that would continue the line before.
            if line.starts_with([' ', '\t']) || line.chars().any(|c| c.is_control() && c != '\t') {
                return Err(Malformed("a header of a part is not one line of text"));
            }
            let (name, value) = line.split_once(':').ok_or(Malformed("a header of a part has no colon"))?;
            let value = value.trim_matches([' ', '\t']);
            if name.eq_ignore_ascii_case("content-disposition") {
                if disposition.replace(value).is_some() {
                    return Err(Malformed("a part has two dispositions"));
                }
            } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
                if !["binary", "8bit", "7bit"].iter().any(|plain| value.eq_ignore_ascii_case(plain)) {
                    return Err(Malformed("a part is encoded for transfer"));
                }
            } else if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                // Else `Content-Disposition :` would be a disposition to some and nothing to others.
                return Err(Malformed("the name of a header of a part is not a word"));
            }
        }
        let mut parameters = Parameters::parse(disposition.ok_or(Malformed("a part has no disposition"))?)?;
        if !parameters.word.eq_ignore_ascii_case("form-data") {
            return Err(Malformed("a part is not form-data"));
        }
        let name = parameters.take("name").filter(|name| !name.is_empty() && name.len() <= MAX_NAME_BYTES);
        let name = name.ok_or(Malformed("a part has no name, or one that is too long"))?;
        Ok(Self { name: name.to_ascii_lowercase(), filename: parameters.take("filename") })
    }
}

/// The boundary in a form's `Content-Type`.
///
/// # Errors
/// `PreconditionFailed`, as S3 answers, if the type is another; `MalformedPOSTRequest` without a usable boundary.
pub(super) fn boundary(content_type: &HeaderValue) -> Result<String, S3Error> {
    let another = || {
        let message = "Bucket POST must be of the enclosure-type multipart/form-data";
        let condition = "Bucket POST must be of the enclosure-type multipart/form-data";
        S3Error::new(Code::PreconditionFailed, message).with("Condition", condition)
    };
    let text = content_type.to_str().map_err(|_| another())?;
    let is_form = |word: &str| word.trim().eq_ignore_ascii_case("multipart/form-data");
    if !text.split(';').next().is_some_and(is_form) {
        return Err(another());
    }
    let boundary = Parameters::parse(text)?.take("boundary").unwrap_or_default();
    // RFC 2046 has these; no line end can be among them, on which finding the boundary relies.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if boundary.is_empty()
        || boundary.len() > MAX_BOUNDARY_BYTES
        || boundary.ends_with(' ')
        || !boundary.bytes().all(allowed)
    {
        return Err(Malformed("its Content-Type has no usable boundary").into());
    }
    Ok(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expected: Option<(&str, Option<&str>)>) {
        let part = Part::parse(head.as_bytes()).ok();
        let seen = part.as_ref().map(|part| (part.name.as_str(), part.filename.as_deref()));
        assert_eq!(seen, expected, "{head:?}");
    }

    #[test]
    fn a_part_is_the_field_that_its_disposition_names() {
        check("Content-Disposition: form-data; name=\"Key\"", Some(("key", None)));
        check("content-disposition:FORM-DATA;name=key;filename=key", Some(("key", Some("key"))));
        check(
            "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\a\\b.txt\"",
            Some(("file", Some("C:\\a\\b.txt"))),
        );
        check(
            "Content-Disposition: form-data; name=\"file\"; filename*=utf-8''x\r\nX: y\r\nContent-Transfer-Encoding: Binary",
            Some(("file", None)),
        );
        for bad in [
            "Content-Type: text/plain",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; name=\"\"",
            "Content-Disposition: attachment; name=\"key\"",
            "Content-Disposition: form-data; filename=\"name=key\"",
            "Content-Disposition: form-data; name=\"key\"; name=\"file\"",
            "Content-Disposition: form-data; name=\"key\"\r\nContent-Disposition: form-data; name=\"file\"",
            "Content-Disposition : form-data; name=\"key\"",
            "Content-Disposition: form-data;\r\n name=\"key\"",
            "Content-Disposition: form-data; name=\"key\"\nX: y",
            "Content-Disposition: form-data; name=\"key\"\rX: y",
            "Content-Disposition: form-data; name=\"k\0ey\"",
            "Content-Disposition: form-data; name=\"key\"\r\nContent-Transfer-Encoding: base64",
            "Content-Disposition: form-data; name=\"key\"\r\nno colon",
            "Content-Disposition: form-data; name=\"key\"\r\n: y",
        ] {
            check(bad, None);
        }
        check(&format!("Content-Disposition: form-data; name={}", "n".repeat(257)), None);
        check(&format!("{}Content-Disposition: form-data; name=k", "X: y\r\n".repeat(16)), None);
        assert!(Part::parse(b"Content-Disposition: form-data; name=\"\xff\"").is_err());
    }

    #[test]
    fn a_form_needs_a_boundary() {
        let of = |text: &str| {
            boundary(&HeaderValue::from_bytes(text.as_bytes()).unwrap()).map_err(|error| error.code)
        };
        for (text, expected) in [
            (
                "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk",
                "----WebKitFormBoundary7MA4YWxk",
            ),
            ("Multipart/Form-Data;charset=utf-8; Boundary=\"a b:c\"", "a b:c"),
        ] {
            assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
        }
        for text in
            ["", "text/plain", "multipart/mixed; boundary=a", "application/x-www-form-urlencoded", "é"]
        {
            assert_eq!(of(text), Err(Code::PreconditionFailed), "{text}");
        }
        for text in [
            "multipart/form-data".to_owned(),
            "multipart/form-data; boundary=".to_owned(),
            "multipart/form-data; boundary=\"\"".to_owned(),
            "multipart/form-data; boundary=\"a \"".to_owned(),
            "multipart/form-data; boundary=\"a*\"".to_owned(),
            "multipart/form-data; boundary=a; boundary=b".to_owned(),
            format!("multipart/form-data; boundary={}", "b".repeat(71)),
        ] {
            assert_eq!(of(&text), Err(Code::MalformedPOSTRequest), "{text}");
        }
    }
}
