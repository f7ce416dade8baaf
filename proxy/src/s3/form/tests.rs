//! Forms from end to end: fields, policy, file.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use hallmark_signer::Sha256Digest;
use http::HeaderValue;
use http_body::Frame;
use http_body_util::BodyExt;
use md5::Md5;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::s3::auth::{PayloadClaim, TestSigner};
use crate::s3::headers::sealed_headers;
use crate::s3::payload::{Payload, Step};

type BoxError = Box<dyn Error + Send + Sync>;

/// A body of the given frames.
#[derive(Debug)]
struct Frames(VecDeque<Result<Frame<Bytes>, BoxError>>);

impl Frames {
    fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(pieces.into_iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect())
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// A form to be sent, good unless changed: `foo.txt` into `builds`, an hour before the policy expires.
#[derive(Clone)]
struct Sent {
    expiration: Value,
    conditions: Vec<Value>,
    fields: Vec<(String, String)>,
    disposition: String,
    file: Vec<u8>,
    after: String,
}

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxk";

impl Sent {
    fn new() -> Self {
        let signer = TestSigner::example();
        let mut sent = Self {
            expiration: json!("2013-05-24T01:00:00Z"),
            conditions: vec![
                json!({"bucket": "builds"}),
                json!(["starts-with", "$key", "foo"]),
                json!(["content-length-range", 0, 1024]),
            ],
            fields: vec![("key".into(), "foo.txt".into())],
            disposition: "form-data; name=\"file\"; filename=\"foo.bin\"".into(),
            file: b"bar".to_vec(),
            after: String::new(),
        };
        for (name, value) in [
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", &format!("{}/{}", signer.access_key, signer.scope)),
            ("x-amz-date", &signer.time),
        ] {
            sent = sent.field(name, value).condition(json!({ name: value }));
        }
        sent
    }

    /// Adds a field.
    fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Sets the value of a field that is there, or takes it away.
    fn set(mut self, name: &str, value: Option<&str>) -> Self {
        self.fields.retain_mut(|(known, text)| {
            if known == name
                && let Some(value) = value
            {
                *text = value.into();
            }
            known != name || value.is_some()
        });
        self
    }

    fn condition(mut self, condition: Value) -> Self {
        self.conditions.push(condition);
        self
    }

    /// With a field and the condition that it is as it is.
    fn allowed(self, name: &str, value: &str) -> Self {
        self.field(name, value).condition(json!(["eq", format!("${name}"), value]))
    }

    fn without_condition(mut self, index: usize) -> Self {
        self.conditions.remove(index);
        self
    }

    fn policy(&self) -> String {
        json!({"expiration": self.expiration, "conditions": self.conditions}).to_string()
    }

    fn body(&self) -> Vec<u8> {
        self.body_with_policy(&self.policy())
    }

    /// Signed, and in the form of python-requests, which gives every field a file name.
    fn body_with_policy(&self, policy: &str) -> Vec<u8> {
        let policy = STANDARD.encode(policy);
        let signature = TestSigner::example().sign_policy(&policy);
        let signed = self.clone().field("policy", &policy).field("x-amz-signature", &signature);
        signed.unsigned_body()
    }

    fn unsigned_body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let disposition = &self.disposition;
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(&self.file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}{}--\r\n", self.after).as_bytes());
        body
    }
}

/// What became of a form: what it asked for, and its file with the checks of a payload.
#[derive(Debug, PartialEq)]
struct Stored {
    key: String,
    headers: Vec<(String, String)>,
    success: Success,
    tagging: Option<String>,
    file: Vec<u8>,
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    headers.insert("content-type", HeaderValue::try_from(content_type).unwrap());
    headers
}

async fn store(body: Frames) -> Result<Stored, S3Error> {
    let authenticator = Authenticator::new([TestSigner::example().client()], "us-east-1".into());
    let bucket = BucketName::parse("builds").unwrap();
    let form = Form::read(&headers(), body).await?;
    let (upload, file) = form.authorize(&authenticator, TestSigner::now(0), &bucket)?;
    assert_eq!(upload.identity().by(), "ci@example.org~url");
    assert_eq!(upload.object().bucket, bucket);
    let sealed = sealed_headers(upload.headers())?;
    let mut payload = Payload::new(file, PayloadClaim::Unsigned, upload.headers())?;
    let mut whole = Vec::new();
    loop {
        match payload.next().await? {
            Step::Data(data) => whole.extend_from_slice(&data),
            Step::End(end) => {
                let sha256 = Sha256Digest::new(Sha256::digest(&whole).into());
                let _ = end.check(&sha256, &Md5::digest(&whole).into())?;
                break;
            }
        }
    }
    assert!(upload.length().contains(&(whole.len() as u64)));
    Ok(Stored {
        key: upload.object().key.to_string(),
        headers: sealed.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        success: upload.success().clone(),
        tagging: upload.tagging().map(str::to_owned),
        file: whole,
    })
}

/// Stores a body that arrives at once.
fn stored(body: &[u8]) -> Result<Stored, S3Error> {
    store(Frames::of([body])).now_or_never().expect("the body is always ready")
}

fn code(body: &[u8]) -> Result<String, Code> {
    stored(body).map(|stored| stored.key).map_err(|error| error.code)
}

fn check(sent: &Sent, expected: Result<&str, Code>) {
    assert_eq!(code(&sent.body()).as_deref(), expected.as_deref(), "{}\n{:?}", sent.policy(), sent.fields);
}

#[test]
fn a_form_that_keeps_its_policy_is_stored() {
    let sent = Sent::new()
        .field("Content-Type", "text/plain")
        .condition(json!(["starts-with", "$Content-Type", "text/"]))
        .allowed("acl", "private")
        .allowed("x-amz-storage-class", "STANDARD")
        .allowed("x-amz-meta-Name", "Grüße")
        .allowed("Content-Disposition", "attachment")
        .allowed("success_action_status", "201")
        .allowed("tagging", "<Tagging/>")
        .allowed("bucket", "builds")
        .allowed("submit", "Upload")
        .field("x-ignore-me", "anything")
        .field("x-amz-checksum-crc32", "dv8h5Q==");
    let sent = Sent { file: b"bar\r\n--\r\n".to_vec(), ..sent };
    let sent = sent.set("x-amz-checksum-crc32", Some(&crc32(b"bar\r\n--\r\n")));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = Stored {
        key: "foo.txt".into(),
        headers: vec![
            pair("content-disposition", "attachment"),
            pair("content-type", "text/plain"),
            pair("x-amz-meta-name", "=?UTF-8?B?R3LDvMOfZQ==?="),
        ],
        success: Success::Created,
        tagging: Some("<Tagging/>".into()),
        file: sent.file.clone(),
    };
    assert_eq!(stored(&sent.body()).unwrap(), expected);
}

fn crc32(data: &[u8]) -> String {
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, data);
    STANDARD.encode(u32::try_from(sum).unwrap().to_be_bytes())
}

#[test]
fn the_key_may_take_the_file_s_name() {
    let sent = Sent::new().set("key", Some("${filename}"));
    check(&sent, Ok("foo.bin"));
    // The condition is about what will be stored, not about what was written.
    let named = |name: &str| Sent {
        disposition: format!("form-data; name=file; filename=\"{name}\""),
        ..sent.clone()
    };
    check(&named("C:\\dir\\foo"), Ok("foo"));
    check(&named("foo/bar"), Err(Code::AccessDenied));
    check(&named("foo/.."), Err(Code::InvalidURI));
    check(&named(""), Err(Code::InvalidArgument));
    let escaped = Sent::new().set("key", Some("\\$foo.txt")).condition(json!(["eq", "$key", "\\$foo.txt"]));
    check(&escaped.without_condition(1), Ok("\\$foo.txt"));
}

#[test]
fn names_do_not_differ_by_case_and_values_do() {
    let sent = Sent::new().set("key", None).field("kEY", "foo.txt");
    check(&sent, Ok("foo.txt"));
    check(&sent.clone().condition(json!(["EQ", "$KeY", "foo.txt"])), Ok("foo.txt"));
    check(&sent.clone().condition(json!({"KEY": "foo.txt"})), Ok("foo.txt"));
    check(&sent.clone().condition(json!({"key": "foo.TXT"})), Err(Code::AccessDenied));
    check(&sent.clone().condition(json!(["StArTs-WiTh", "$key", "Foo"])), Err(Code::AccessDenied));
    check(&sent.clone().condition(json!({"bUcKeT": "Builds"})), Err(Code::AccessDenied));
    check(&sent.field("Key", "foo.txt"), Err(Code::InvalidArgument));
}

#[test]
fn a_policy_that_is_not_kept_stores_nothing() {
    let sent = Sent::new();
    for (name, sent) in [
        ("another key", sent.clone().set("key", Some("bar"))),
        ("a prefix and less", sent.clone().set("key", Some("fo"))),
        ("not equal to a prefix", sent.clone().condition(json!(["eq", "$key", "foo"]))),
        ("another bucket", sent.clone().condition(json!({"bucket": "other"}))),
        ("no bucket", sent.clone().without_condition(0)),
        ("another bucket in the form", sent.clone().field("bucket", "other")),
        ("no condition for the key", sent.clone().without_condition(1)),
        ("no condition for the date", sent.clone().without_condition(5)),
        ("a field too many", sent.clone().field("Content-Type", "text/html")),
        ("metadata too many", sent.clone().allowed("x-amz-meta-a", "").field("x-amz-meta-ab", "")),
        ("a name that begins like one ignored", sent.clone().field("x-ignor", "")),
        ("a field missing", sent.clone().condition(json!(["starts-with", "$x-amz-meta-a", "b"]))),
        ("a field missing that may be anything", sent.clone().condition(json!(["starts-with", "$b", ""]))),
        ("a field missing that is to be empty", sent.clone().condition(json!({"b": ""}))),
        ("a field not empty", sent.clone().field("b", "c").condition(json!({"b": ""}))),
        ("a dollar too many", sent.clone().field("b", "c").condition(json!(["eq", "$$b", "c"]))),
        ("a dollar in a simple one", sent.clone().field("b", "c").condition(json!({"$b": "c"}))),
        ("a dollar in the name", sent.clone().field("$b", "c").condition(json!(["eq", "$b", "c"]))),
        (
            "a type among others",
            sent.clone().field("content-type", "image/png,text/html").condition(json!([
                "starts-with",
                "$content-type",
                "image/"
            ])),
        ),
        ("expired", Sent { expiration: json!("2013-05-23T23:59:59.999Z"), ..sent.clone() }),
    ] {
        assert_eq!(code(&sent.body()), Err(Code::AccessDenied), "{name}");
    }
    let at_the_end = Sent { expiration: json!("2013-05-24T00:00:00.000Z"), ..sent.clone() };
    check(&at_the_end, Ok("foo.txt"));
    let types = sent.field("content-type", "image/png, image/gif").condition(json!([
        "starts-with",
        "$content-type",
        "image/"
    ]));
    check(&types, Ok("foo.txt"));
}

#[test]
fn a_policy_is_read_strictly() {
    let sent = Sent::new();
    for condition in [
        json!({}),
        json!({"a": "b", "c": "d"}),
        json!({"key": 1}),
        json!({"key": ["foo.txt"]}),
        json!([]),
        json!(["eq", "$key"]),
        json!(["eq", "$key", "foo.txt", "x"]),
        json!(["eq", "$key", "foo.txt", [[["x"]]]]),
        json!(["eq", "key", "foo.txt"]),
        json!(["eq", "$", "foo.txt"]),
        json!(["eq", "$key", 1]),
        json!(["ends-with", "$key", "t"]),
        json!(["content-length-range", 0]),
        json!(["content-length-range", 0, 1, 2]),
        json!(["content-length-range", -1, 0]),
        json!(["content-length-range", 0.5, 1]),
        json!(["content-length-range", "0", "1"]),
        json!(["content-length-range", 2, 1]),
        json!("key"),
        json!(null),
        json!([["eq"], "$key", "foo.txt"]),
    ] {
        check(&sent.clone().condition(condition), Err(Code::InvalidPolicyDocument));
    }
    for expiration in [
        json!(null),
        json!(1_369_400_000),
        json!(""),
        json!("2013-05-24 01:00:00+00:00"),
        json!("2013-05-24T01:00:00"),
        json!("2013-05-24T01:00:00+00:00"),
        json!("2013-05-24T01:00:00z"),
        json!("2013-05-24T01:00:00.Z"),
        json!("2013-13-24T01:00:00Z"),
        json!("+2013-05-24T01:00:00Z"),
    ] {
        check(&Sent { expiration, ..sent.clone() }, Err(Code::InvalidPolicyDocument));
    }
    let good = sent.policy();
    let conditions = json!(sent.conditions);
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for policy in [
        String::new(),
        "{".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        format!("[\"2013-05-24T01:00:00Z\",{conditions}]"),
        "{\"expiration\":\"2013-05-24T01:00:00Z\"}".to_owned(),
        format!("{{\"conditions\":{conditions}}}"),
        good.replace("expiration", "EXPIRATION"),
        good.replace("conditions", "CONDITIONS"),
        good.replacen('{', "{\"extra\":1,", 1),
        good.replacen('{', "{\"expiration\":\"2099-01-01T00:00:00Z\",", 1),
        good.replacen('{', "{\"conditions\":[],", 1),
        good.replacen("{\"bucket\":", "{\"bucket\":\"other\",\"bucket\":", 1),
        good.replacen("{\"bucket\"", "{\"bucket\\u0000\":\"builds\",\"bucket\"", 1),
        good.replacen('[', "[// comment\n", 1),
        deep.clone(),
        format!("{{\"expiration\":\"2013-05-24T01:00:00Z\",\"conditions\":{deep}}}"),
        format!("{{\"expiration\":{deep}}}"),
    ] {
        let shown: String = policy.chars().take(200).collect();
        assert_eq!(code(&sent.body_with_policy(&policy)), Err(Code::InvalidPolicyDocument), "{shown}");
    }
    let mut many = sent.clone();
    many.conditions.extend((0..300).map(|_| json!({"key": "foo.txt"})));
    check(&many, Err(Code::InvalidPolicyDocument));
}

#[test]
fn nobody_uploads_without_a_signature() {
    let sent = Sent::new();
    let plain = Sent { fields: vec![("key".into(), "foo.txt".into())], ..sent.clone() };
    assert_eq!(code(&plain.unsigned_body()), Err(Code::AccessDenied));
    for field in ["awsaccesskeyid", "AWSAccessKeyId", "Signature"] {
        assert_eq!(code(&plain.clone().field(field, "x").unsigned_body()), Err(Code::InvalidRequest));
        check(&sent.clone().field(field, "x"), Err(Code::InvalidRequest));
    }
    let policy = STANDARD.encode(sent.policy());
    let signature = TestSigner::example().sign_policy(&policy);
    let signed = sent.clone().field("policy", &policy).field("x-amz-signature", &signature);
    assert!(stored(&signed.unsigned_body()).is_ok());
    for name in ["policy", "x-amz-signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date"] {
        assert_eq!(
            code(&signed.clone().set(name, None).unsigned_body()),
            Err(Code::InvalidArgument),
            "{name}"
        );
    }
    let reversed: String = signature.chars().rev().collect();
    let other = STANDARD.encode(sent.policy().replace("foo", ""));
    for (name, value) in [("x-amz-signature", &reversed), ("policy", &other)] {
        let forged = signed.clone().set(name, Some(value));
        assert_eq!(code(&forged.unsigned_body()), Err(Code::SignatureDoesNotMatch), "{name}");
    }
    check(&sent.clone().allowed("x-amz-security-token", "t"), Err(Code::InvalidToken));
    // Base64 that is signed, but no base64.
    let bad =
        sent.clone().field("policy", "{}").field("x-amz-signature", &TestSigner::example().sign_policy("{}"));
    assert_eq!(code(&bad.unsigned_body()), Err(Code::InvalidPolicyDocument));
}

#[test]
fn fields_ask_for_what_headers_may_ask_for() {
    let sent = Sent::new();
    for (name, value, expected) in [
        ("acl", "public-read", Code::NotImplemented),
        ("x-amz-acl", "public-read", Code::NotImplemented),
        ("x-amz-storage-class", "GLACIER", Code::NotImplemented),
        ("x-amz-website-redirect-location", "/", Code::NotImplemented),
        ("x-amz-server-side-encryption", "AES256", Code::NotImplemented),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD", Code::NotImplemented),
        ("x-amz-trailer", "x-amz-checksum-crc32", Code::NotImplemented),
        ("x-amz-checksum-md4", "AAAA", Code::NotImplemented),
        ("x-amz-new", "", Code::NotImplemented),
        ("If-None-Match", "*", Code::NotImplemented),
        ("x-amz-meta-a", "b\r\nx-amz-meta-c: d", Code::InvalidArgument),
        ("x-amz-meta-a", "b\nc", Code::InvalidArgument),
        ("x-amz-meta-a", "b\0", Code::InvalidArgument),
        ("x-amz-meta-a b", "c", Code::InvalidArgument),
        ("x-amz-meta-a:b", "c", Code::InvalidArgument),
        ("Content-Type", "text/html\r\nSet-Cookie: a=b", Code::InvalidArgument),
        ("Content-Disposition", "attachment; filename=ü", Code::InvalidArgument),
        ("x-amz-checksum-crc32", "sailorjerry", Code::InvalidRequest),
        ("x-amz-checksum-crc32", "AAAAAA==", Code::BadDigest),
        ("x-amz-sdk-checksum-algorithm", "CRC32", Code::InvalidRequest),
        ("content-md5", "x", Code::InvalidDigest),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", Code::BadDigest),
        ("Content-Encoding", "aws-chunked", Code::InvalidRequest),
    ] {
        check(&sent.clone().allowed(name, value), Err(expected));
    }
    for (key, expected) in [
        (None, Code::InvalidArgument),
        (Some(""), Code::InvalidArgument),
        (Some("foo/../bar"), Code::InvalidURI),
        (Some("foo\0"), Code::InvalidURI),
        (Some(&*"foo".repeat(342)), Code::KeyTooLongError),
    ] {
        check(&sent.clone().set("key", key), Err(expected));
    }
    // Two checksums contradict each other sooner or later.
    let two = sent.field("x-amz-checksum-crc32", &crc32(b"bar")).field("x-amz-checksum-sha1", "AAAA");
    check(&two, Err(Code::InvalidRequest));
}

#[test]
fn the_file_is_as_long_as_the_policy_lets_it() {
    for (range, expected) in [
        ((0, 3), Ok("foo.txt")),
        ((3, 3), Ok("foo.txt")),
        ((0, 2), Err(Code::EntityTooLarge)),
        ((0, 0), Err(Code::EntityTooLarge)),
        ((4, 10), Err(Code::EntityTooSmall)),
    ] {
        let (min, max) = range;
        check(&Sent::new().condition(json!(["content-length-range", min, max])), expected);
    }
    // Each holds for itself, together none does.
    let contradictory = Sent::new().condition(json!(["content-length-range", 1025, 2000]));
    assert!(stored(&contradictory.body()).is_err());
    let empty = Sent { file: Vec::new(), ..Sent::new() };
    check(&empty, Ok("foo.txt"));
    let endless = Sent { file: vec![b'x'; 5000], ..Sent::new().without_condition(2) };
    check(&endless, Ok("foo.txt"));
}

#[test]
fn what_follows_the_file_is_ignored_but_not_a_second_of_anything() {
    let after = |name: &str, value: &str| {
        let after =
            format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--{BOUNDARY}");
        Sent { after, ..Sent::new() }
    };
    check(&after("submit", "Upload"), Ok("foo.txt"));
    check(&after("acl", "public-read"), Ok("foo.txt"));
    check(&after("KEY", "foo.other"), Err(Code::InvalidArgument));
    check(&after("policy", ""), Err(Code::InvalidArgument));
    check(&after("File", "other"), Err(Code::IncorrectNumberOfFilesInPostRequest));
    check(&after("submit", &"x".repeat(MAX_TRAILING_BYTES)), Err(Code::MalformedPOSTRequest));
    check(&Sent { after: "\r\n\r\n".into(), ..Sent::new() }, Err(Code::MalformedPOSTRequest));
    let many: String = (0..MAX_FIELDS)
        .map(|index| format!("\r\nContent-Disposition: form-data; name={index}\r\n\r\n\r\n--{BOUNDARY}"))
        .collect();
    check(&Sent { after: many, ..Sent::new() }, Err(Code::MaxPostPreDataLengthExceededError));
}

#[test]
fn fields_before_the_file_are_few_and_small() {
    let over = Err(Code::MaxPostPreDataLengthExceededError);
    let sent = Sent::new();
    check(&sent.clone().allowed("b", &"x".repeat(9000)), Ok("foo.txt"));
    check(&sent.clone().field("b", &"x".repeat(MAX_FIELD_BYTES + 1)), over);
    let full = "x".repeat(MAX_FIELD_BYTES);
    check(&sent.clone().field("b", &full).field("c", &full).field("d", &full).field("e", &full), over);
    let many = (0..MAX_FIELDS).fold(sent.clone(), |sent, index| sent.field(&format!("x-ignore-{index}"), ""));
    check(&many, over);
    for name in ["key", "policy", "x-amz-signature"] {
        check(
            &sent.clone().field(name, "foo.txt").field("X", "").field(name, ""),
            Err(Code::InvalidArgument),
        );
    }
    let no_file = Sent { disposition: "form-data; name=\"files\"".into(), ..sent };
    check(&no_file, Err(Code::IncorrectNumberOfFilesInPostRequest));
}

/// The fields never end, and memory does not grow: a body of this kind is refused after the limits' worth of bytes.
#[test]
fn a_refusal_does_not_wait_for_the_rest() {
    #[derive(Debug)]
    struct Endless(usize);
    impl Body for Endless {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            self.0 += 1;
            assert!(self.0 < 100, "reads on and on");
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=key\r\n\r\n");
            let data = if self.0 == 1 { head.into() } else { Bytes::from(vec![b'k'; 1024]) };
            Poll::Ready(Some(Ok(Frame::data(data))))
        }
    }
    let error = Form::read(&headers(), Endless(0)).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.code, Code::MaxPostPreDataLengthExceededError);
}

/// Nothing of the file is read before the policy was checked, and then only as it is asked for.
#[test]
fn the_file_is_streamed() {
    let body = Sent::new().without_condition(2).body();
    let marker = b"foo.bin\"\r\n\r\n";
    let start = body.windows(marker.len()).position(|window| window == marker).unwrap() + marker.len();
    let mut frames = Frames::of([&body[..start]]);
    frames.0.extend((0..3).map(|_| Ok(Frame::data(Bytes::from(vec![b'x'; 1 << 20])))));
    frames.0.push_back(Err("gone".into()));
    let form = Form::read(&headers(), frames).now_or_never().unwrap().unwrap();
    assert_eq!(form.reader.upper(), None);
    let authenticator = Authenticator::new([TestSigner::example().client()], "us-east-1".into());
    let bucket = BucketName::parse("builds").unwrap();
    let (_, mut file) = form.authorize(&authenticator, TestSigner::now(0), &bucket).unwrap();
    for _ in 0..3 {
        let data = file.frame().now_or_never().unwrap().unwrap().unwrap().into_data().unwrap();
        assert!(data.len() > 1 << 19 && data.iter().all(|byte| *byte == b'x'));
    }
    for _ in 0..2 {
        let error = file.frame().now_or_never().unwrap().unwrap().unwrap_err();
        assert_eq!(error.downcast::<S3Error>().unwrap().code, Code::IncompleteBody);
    }
}

#[test]
fn errors_of_the_body_are_passed_on() {
    let body = Sent::new().body();
    for cut in [10, body.len() - 50, body.len()] {
        let mut frames = Frames::of([&body[..cut]]);
        let slow = S3Error::new(Code::RequestTimeout, "too slow");
        frames.0.push_back(Err(slow.clone().into()));
        assert_eq!(store(frames).now_or_never().unwrap(), Err(slow), "{cut}");
    }
    let mut frames = Frames::of([&body[..]]);
    frames.0.push_back(Ok(Frame::trailers(HeaderMap::new())));
    let error = store(frames).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.code, Code::MalformedPOSTRequest);
}

#[test]
fn a_form_that_is_cut_stores_nothing() {
    let body = Sent::new().body();
    // The line end after the last boundary is the first byte that nobody needs.
    let whole = body.len() - 2;
    for cut in 0..whole {
        assert_eq!(code(&body[..cut]), Err(Code::IncompleteBody), "{cut} of {}", body.len());
    }
    assert!(stored(&body[..whole]).is_ok());
}

#[test]
fn the_request_s_own_headers_ask_for_nothing() {
    let body = Sent::new().body();
    let read = |name: &'static str, value: &'static str| {
        let mut headers = headers();
        headers.append(name, HeaderValue::from_static(value));
        let read = Form::read(&headers, Frames::of([&body[..]])).now_or_never().unwrap();
        read.map(|form| form.fields.get("key").unwrap().to_owned()).map_err(|error| error.code)
    };
    assert_eq!(read("x-amz-user-agent", "aws-sdk-js"), Ok("foo.txt".to_owned()));
    assert_eq!(read("authorization", "AWS4-HMAC-SHA256 x"), Err(Code::InvalidArgument));
    assert_eq!(read("content-type", "multipart/form-data; boundary=other"), Err(Code::InvalidArgument));
    for name in ["x-amz-acl", "x-amz-meta-a", "content-md5", "content-encoding", "if-none-match"] {
        assert_eq!(read(name, "x"), Err(Code::NotImplemented), "{name}");
    }
    let none = Form::read(&HeaderMap::new(), Frames::of([&body[..]])).now_or_never().unwrap();
    assert_eq!(none.unwrap_err().code, Code::PreconditionFailed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_chunking_gives_the_same(
        file in prop::collection::vec(
            prop::sample::select(vec!["\r\n--", BOUNDARY, "\r", "\n", "-", "\r\n", "x"]),
            0..8,
        ),
        flaw in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        size in 1_usize..200,
    ) {
        let sent = Sent { file: file.concat().into_bytes(), ..Sent::new() };
        let mut body = sent.body();
        if let Some((at, byte)) = flaw {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let pieces = store(Frames::of(body.chunks(size))).now_or_never().unwrap();
        prop_assert_eq!(pieces, stored(&body));
    }

    /// Whatever is changed in a form, it never stores under a key that its policy does not allow, nor a file that is
    /// longer than it allows.
    #[test]
    fn no_flaw_gets_past_the_policy(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = Sent::new().body();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(stored) = stored(&body) {
            prop_assert!(stored.key.starts_with("foo"), "{}", stored.key);
            prop_assert!(stored.file.len() <= 1024);
        }
    }
}
