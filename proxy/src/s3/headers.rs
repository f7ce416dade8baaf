//! The headers of an upload that its seal will cover.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::{CONTENT_HEADERS, HeaderError, METADATA_PREFIX, SealedHeaders};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

use super::error::{Code, S3Error};

/// Names (without `x-amz-meta-`) and values of user metadata together, bytes as they are kept: S3's limit.
pub const MAX_METADATA_BYTES: usize = 2048;

/// What S3 gives an object that was uploaded without a type. Always set, lest a store set its own.
const DEFAULT_TYPE: &str = "binary/octet-stream";

/// Metadata names that begin so are Hallmark's.
const OURS: &str = "x-amz-meta-hallmark";
/// The one among them that uploads bring.
const SIGNATURE: &str = "x-amz-meta-hallmark-signature";

/// Takes content headers and user metadata from the headers of an upload.
///
/// Content headers that are empty count as absent; the type is `binary/octet-stream` then, and `aws-chunked` is no
/// content encoding. Repeated metadata is joined by `,`, as in S3. Metadata that is not ASCII is kept in the form of
/// RFC 2047, as in S3: encoded here, so that the seal covers what is stored and served. Metadata of Hallmark's own is
/// dropped but for publishers' signatures: clients send back what they were shown.
///
/// # Errors
/// `InvalidArgument`: a header that cannot be kept as it is. `MetadataTooLarge`: over [`MAX_METADATA_BYTES`].
pub fn sealed_headers(headers: &HeaderMap) -> Result<SealedHeaders, S3Error> {
    let mut sealed = SealedHeaders::default();
    for name in CONTENT_HEADERS {
        let value = content_header(headers, &HeaderName::from_static(name))?;
        let value =
            if name == CONTENT_TYPE { value.or_else(|| Some(DEFAULT_TYPE.to_owned())) } else { value };
        if let Some(value) = value {
            sealed.insert(name, &value).map_err(|error| refused(&error))?;
        }
    }

    let mut size = 0;
    for name in headers.keys() {
        let Some(short) = name.as_str().strip_prefix(METADATA_PREFIX) else { continue };
        if name.as_str().starts_with(OURS) && name != SIGNATURE {
            continue;
        }
        let value = encode_words(&joined(headers, name)?);
        size += short.len() + value.len();
        if size > MAX_METADATA_BYTES {
            let message = "Your metadata headers exceed the maximum allowed metadata size";
            return Err(S3Error::new(Code::MetadataTooLarge, message)
                .with("MaxSizeAllowed", MAX_METADATA_BYTES.to_string()));
        }
        sealed.insert(name.as_str(), &value).map_err(|error| refused(&error))?;
    }
    Ok(sealed)
}

/// A content header, if it says anything.
fn content_header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, S3Error> {
    let is_list = matches!(name.as_str(), "cache-control" | "content-encoding" | "content-language");
    if !is_list && headers.get_all(name).iter().count() > 1 {
        return Err(refused(&HeaderError::Duplicate(name.to_string())));
    }
    let mut value = joined(headers, name)?;
    if name == CONTENT_ENCODING {
        value = without_aws_chunked(&value);
    }
    if !value.is_ascii() {
        // RFC 2047 does not apply to these: encoded, they would mean something else to whoever reads them.
        let message = format!(
            "The header `{name}` holds characters other than ASCII. Percent-encode them (in Content-Disposition: \
             filename*=UTF-8''…)."
        );
        return Err(S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name.as_str()));
    }
    Ok(Some(value).filter(|value| !value.is_empty()))
}

/// All values of a header, each without the space around it, joined by `,`; empty if there are none.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<String, S3Error> {
    let mut joined = String::new();
    for (index, value) in headers.get_all(name).iter().enumerate() {
        let value = str::from_utf8(value.as_bytes()).map_err(|_| {
            let message = format!("The value of the header `{name}` is not UTF-8.");
            S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name.as_str())
        })?;
        if index > 0 {
            joined.push(',');
        }
        joined.push_str(value.trim_matches([' ', '\t']));
    }
    Ok(joined)
}

/// The codings of a list but `aws-chunked`, which is about the transfer and ends here. A list without it is kept as
/// it was written.
fn without_aws_chunked(list: &str) -> String {
    let is_ours = |coding: &&str| coding.eq_ignore_ascii_case("aws-chunked");
    let codings: Vec<_> = list.split(',').map(str::trim).collect();
    if !codings.iter().any(is_ours) {
        return list.to_owned();
    }
    let kept: Vec<_> = codings.into_iter().filter(|coding| !is_ours(coding) && !coding.is_empty()).collect();
    kept.join(",")
}

/// RFC 2047 for what is not ASCII: one encoded word, however long. The limit of 75 characters is for lines of mail,
/// and the decoders in S3 clients look for one word.
fn encode_words(value: &str) -> String {
    if value.is_ascii() { value.to_owned() } else { format!("=?UTF-8?B?{}?=", STANDARD.encode(value)) }
}

fn refused(error: &HeaderError) -> S3Error {
    let (HeaderError::Name(name) | HeaderError::Duplicate(name) | HeaderError::Value(name)) = error;
    S3Error::new(Code::InvalidArgument, format!("{error}.")).with("ArgumentName", name.as_str())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn map(headers: &[(&str, &[u8])]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    fn check(headers: &[(&str, &[u8])], expected: Result<&[(&str, &str)], Code>) {
        let sealed = sealed_headers(&map(headers)).map_err(|error| error.code);
        let seen = sealed.as_ref().map(|sealed| sealed.iter().collect::<Vec<_>>()).map_err(|code| *code);
        assert_eq!(seen, expected.map(<[_]>::to_vec), "{headers:?}");
    }

    const TYPE: (&str, &str) = ("content-type", "binary/octet-stream");

    #[test]
    fn uploads_keep_their_headers() {
        check(&[], Ok(&[TYPE]));
        check(&[("content-type", b" ")], Ok(&[TYPE]));
        check(
            &[
                ("content-type", b"text/plain "),
                ("content-language", b"en"),
                ("content-language", b"de"),
                ("content-disposition", b"attachment; filename=\"a b\""),
                ("cache-control", b"public, max-age=14400"),
                ("expires", b"123"),
                ("content-length", b"3"),
                ("x-amz-date", b"20260101T000000Z"),
            ],
            Ok(&[
                ("cache-control", "public, max-age=14400"),
                ("content-disposition", "attachment; filename=\"a b\""),
                ("content-language", "en,de"),
                ("content-type", "text/plain"),
                ("expires", "123"),
            ]),
        );
        check(&[("content-type", b"a/b"), ("content-type", b"a/b")], Err(Code::InvalidArgument));
        check(&[("expires", b"1"), ("expires", b"1")], Err(Code::InvalidArgument));
        check(&[("content-disposition", "filename=ü".as_bytes())], Err(Code::InvalidArgument));
        check(&[("content-type", b"text/\xff")], Err(Code::InvalidArgument));
    }

    #[test]
    fn aws_chunked_is_no_content_encoding() {
        for (sent, kept) in [
            (&[&b"aws-chunked"[..]][..], None),
            (&[b"AWS-Chunked,"], None),
            (&[b"aws-chunked,gzip"], Some("gzip")),
            (&[b"gzip, aws-chunked"], Some("gzip")),
            (&[b"aws-chunked", b"gzip"], Some("gzip")),
            (&[b"gzip, br"], Some("gzip, br")),
            (&[b"xaws-chunked"], Some("xaws-chunked")),
            (&[b""], None),
        ] {
            let headers: Vec<_> = sent.iter().map(|value| ("content-encoding", *value)).collect();
            let sealed = sealed_headers(&map(&headers)).unwrap();
            assert_eq!(sealed.get("content-encoding"), kept, "{sent:?}");
        }
    }

    #[test]
    fn metadata_is_kept_as_s3_keeps_it() {
        check(
            &[
                ("X-Amz-Meta-Commit", b" 4f2a\t"),
                ("x-amz-meta-list", b"a"),
                ("x-amz-meta-list", b" b "),
                ("x-amz-meta-empty", b""),
                ("x-amz-meta-name", "Grüße".as_bytes()),
                ("x-amz-meta-encoded", b"=?UTF-8?B?R3LDvMOfZQ==?="),
            ],
            Ok(&[
                TYPE,
                ("x-amz-meta-commit", "4f2a"),
                ("x-amz-meta-empty", ""),
                ("x-amz-meta-encoded", "=?UTF-8?B?R3LDvMOfZQ==?="),
                ("x-amz-meta-list", "a,b"),
                ("x-amz-meta-name", "=?UTF-8?B?R3LDvMOfZQ==?="),
            ]),
        );
        check(&[("x-amz-meta-name", b"caf\xe9")], Err(Code::InvalidArgument));
        check(&[("x-amz-meta-", b"v")], Err(Code::InvalidArgument));
    }

    #[test]
    fn only_signatures_come_in_under_our_name() {
        check(
            &[
                ("x-amz-meta-hallmark", b"v=1 id=forged"),
                ("x-amz-meta-hallmark-log", b"x"),
                ("x-amz-meta-hallmark-sum", &[b'x'; 4000]),
                ("x-amz-meta-hallmark-signatures", b"x"),
                ("x-amz-meta-hallmark-signature", b"MEUC"),
                ("x-amz-meta-hallmark-signature", b"MEQC"),
            ],
            Ok(&[TYPE, ("x-amz-meta-hallmark-signature", "MEUC,MEQC")]),
        );
    }

    #[test]
    fn metadata_is_bounded_over_names_and_values_as_kept() {
        check(&[("x-amz-meta-a", &[b'x'; 2048])], Err(Code::MetadataTooLarge));
        check(&[("x-amz-meta-a", &[b'x'; 2000]), ("x-amz-meta-b", &[b'x'; 47])], Err(Code::MetadataTooLarge));
        assert!(sealed_headers(&map(&[("x-amz-meta-a", &[b'x'; 2047])])).is_ok());
        // 1600 bytes, a third more in base64.
        check(&[("x-amz-meta-a", "é".repeat(800).as_bytes())], Err(Code::MetadataTooLarge));
    }

    proptest! {
        #[test]
        fn what_is_kept_can_be_sealed_and_sent(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..4)) {
            let mut headers = HeaderMap::new();
            for value in values {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.append("x-amz-meta-a", value.clone());
                    headers.append("cache-control", value);
                }
            }
            if let Ok(sealed) = sealed_headers(&headers) {
                for (_, value) in sealed.iter() {
                    prop_assert!(HeaderValue::from_str(value).is_ok());
                }
            }
        }
    }
}
