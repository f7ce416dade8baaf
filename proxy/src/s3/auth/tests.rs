use http::Request;
use proptest::prelude::*;

use super::test_signer::encode;
use super::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const HOST: &str = "examplebucket.s3.amazonaws.com";
const STREAMING: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

fn authenticator() -> Authenticator {
    Authenticator::new([TestSigner::example().client()], "us-east-1".into())
}

fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    request.body(()).unwrap().into_parts().0
}

/// A request being made: signed by `signature` and `send`, or tampered with in between.
#[derive(Clone)]
struct Draft {
    signer: TestSigner,
    method: &'static str,
    target: String,
    path: String,
    query: Vec<(String, String)>,
    signed: Vec<(String, String)>,
    payload: String,
    /// Sent beside the signed headers.
    extra: Vec<(String, String)>,
    /// Instead of the right one.
    authorization: Option<String>,
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

impl Draft {
    /// A plain download.
    fn get() -> Self {
        Self {
            signer: TestSigner::example(),
            method: "GET",
            target: "/test.txt".into(),
            path: "/test.txt".into(),
            query: Vec::new(),
            signed: owned(&[
                ("host", HOST),
                ("x-amz-content-sha256", EMPTY),
                ("x-amz-date", "20130524T000000Z"),
            ]),
            payload: EMPTY.into(),
            extra: Vec::new(),
            authorization: None,
        }
    }

    fn target(mut self, target: &str, path: &str, query: &[(&str, &str)]) -> Self {
        (self.target, self.path, self.query) = (target.into(), path.into(), owned(query));
        self
    }

    /// Signs a further header, or another value of one; an empty value takes it away.
    fn sign(mut self, name: &str, value: &str) -> Self {
        self.signed.retain(|(signed, _)| signed != name);
        if name == "x-amz-content-sha256" {
            self.payload = value.into();
        }
        if !value.is_empty() {
            self.signed.push((name.into(), value.into()));
        }
        self.signed.sort();
        self
    }

    fn send(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }

    fn time(mut self, time: &str) -> Self {
        self.signer.time = time.into();
        self.sign("x-amz-date", time)
    }

    fn scope(mut self, scope: &str) -> Self {
        self.signer.scope = scope.into();
        self
    }

    fn signature(&self) -> String {
        let (query, signed) = (borrowed(&self.query), borrowed(&self.signed));
        self.signer.sign(self.method, &self.path, &query, &signed, &self.payload)
    }

    fn authorization(&self) -> String {
        self.signer.authorization(&borrowed(&self.signed), &self.signature())
    }

    /// Replaces something in the right `Authorization` header.
    fn edit(mut self, from: &str, to: &str) -> Self {
        let right = self.authorization();
        assert!(right.contains(from), "{right}");
        self.authorization = Some(right.replacen(from, to, 1));
        self
    }

    fn parts(&self) -> Parts {
        let authorization = self.authorization.clone().unwrap_or_else(|| self.authorization());
        let mut headers = borrowed(&self.signed);
        headers.extend(borrowed(&self.extra));
        headers.push(("authorization", &authorization));
        parts(self.method, &self.target, &headers)
    }

    fn verdict(&self) -> Result<Authenticated, S3Error> {
        authenticator().authenticate(&self.parts(), TestSigner::now(0))
    }
}

/// The presigned URL of AWS's example, its parameters and what is signed of them.
#[derive(Clone)]
struct Url {
    signer: TestSigner,
    params: Vec<(String, String)>,
    signed: Vec<(String, String)>,
    payload: &'static str,
}

impl Url {
    fn get() -> Self {
        Self {
            signer: TestSigner::example(),
            params: owned(&[
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"),
                ("X-Amz-Date", "20130524T000000Z"),
                ("X-Amz-Expires", "86400"),
                ("X-Amz-SignedHeaders", "host"),
            ]),
            signed: owned(&[("host", HOST)]),
            payload: "UNSIGNED-PAYLOAD",
        }
    }

    /// Another value of a parameter, or a further one; an empty value takes it away.
    fn param(mut self, name: &str, value: &str) -> Self {
        self.params.retain(|(param, _)| param != name);
        if !value.is_empty() {
            self.params.push((name.into(), value.into()));
        }
        self
    }

    fn sign(mut self, name: &str, value: &str) -> Self {
        self.signed.push((name.into(), value.into()));
        self.signed.sort();
        let names: Vec<_> = self.signed.iter().map(|(name, _)| name.clone()).collect();
        self.param("X-Amz-SignedHeaders", &names.join(";"))
    }

    fn signature(&self) -> String {
        self.signer.sign("GET", "/test.txt", &borrowed(&self.params), &borrowed(&self.signed), self.payload)
    }

    /// The request target; `unsigned` is appended to the query.
    fn target(&self, unsigned: &str) -> String {
        let query: Vec<_> = self
            .params
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name, ""), encode(value, "")))
            .collect();
        format!("/test.txt?{}&X-Amz-Signature={}{unsigned}", query.join("&"), self.signature())
    }

    fn verdict(&self, unsigned: &str, extra: &[(&str, &str)], now: i64) -> Result<Authenticated, S3Error> {
        let mut headers = borrowed(&self.signed);
        headers.extend(extra);
        let parts = parts("GET", &self.target(unsigned), &headers);
        authenticator().authenticate(&parts, TestSigner::now(now))
    }
}

/// The examples of AWS's documentation, with the signatures printed there.
#[test]
fn the_published_examples_verify() {
    let put = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    for (draft, signature) in [
        (
            Draft::get().sign("range", "bytes=0-9"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Draft { method: "PUT", ..Draft::get() }
                .target("/test$file.text", "/test$file.text", &[])
                .sign("date", "Fri, 24 May 2013 00:00:00 GMT")
                .sign("x-amz-storage-class", "REDUCED_REDUNDANCY")
                .sign("x-amz-content-sha256", put),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Draft::get().target("/?lifecycle", "/", &[("lifecycle", "")]),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Draft::get().target("/?max-keys=2&prefix=J", "/", &[("max-keys", "2"), ("prefix", "J")]),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            Draft { method: "PUT", ..Draft::get() }
                .target("/examplebucket/chunkObject.txt", "/examplebucket/chunkObject.txt", &[])
                .sign("host", "s3.amazonaws.com")
                .sign("content-encoding", "aws-chunked")
                .sign("content-length", "66824")
                .sign("x-amz-storage-class", "REDUCED_REDUNDANCY")
                .sign("x-amz-decoded-content-length", "66560")
                .sign("x-amz-content-sha256", STREAMING),
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
        (
            Draft { method: "PUT", ..Draft::get() }
                .target("/examplebucket/chunkObject.txt", "/examplebucket/chunkObject.txt", &[])
                .sign("host", "s3.amazonaws.com")
                .sign("content-encoding", "aws-chunked")
                .sign("x-amz-storage-class", "REDUCED_REDUNDANCY")
                .sign("x-amz-decoded-content-length", "66560")
                .sign("x-amz-trailer", "x-amz-checksum-crc32c")
                .sign("x-amz-content-sha256", &format!("{STREAMING}-TRAILER")),
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        ),
    ] {
        assert_eq!(draft.signature(), signature);
        assert_eq!(draft.verdict().unwrap().identity().by(), "ci@example.org");
    }
    let url = Url::get();
    assert_eq!(url.signature(), "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    let verdict = url.verdict("", &[], 0).unwrap();
    assert_eq!(verdict.identity().by(), "ci@example.org~url");
    assert!(matches!(verdict.payload(), PayloadClaim::Unsigned));
}

#[test]
fn what_is_harmless_is_taken() {
    let date_only = Draft::get().sign("x-amz-date", "").sign("date", "Fri, 24 May 2013 00:00:00 GMT");
    let mut slash = Draft::get();
    slash.signer.access_key = "team/key".into();
    for draft in [
        Draft::get(),
        // Spaces after the commas, and fields in another order.
        Draft::get().edit(",SignedHeaders", ",  SignedHeaders"),
        date_only,
        Draft::get().time("20130524T001500Z"),
        Draft::get().time("20130523T234500Z").scope("20130523/us-east-1/s3/aws4_request"),
        Draft::get().send("range", "bytes=0-1").send("content-type", "text/html"),
        Draft::get().sign("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        Draft::get().target("/a%2fb//../%e2%82%ac+", "/a/b//../€+", &[]),
        Draft::get().target("/?prefix=a+b&a&A=%41", "/", &[("prefix", "a+b"), ("a", ""), ("A", "A")]),
    ] {
        let _ = draft.verdict().unwrap();
    }
    let with_slash = Authenticator::new([slash.signer.client()], "us-east-1".into());
    let _ = with_slash.authenticate(&slash.parts(), TestSigner::now(0)).unwrap();

    // Signed with single spaces and one value, sent with many and in two headers.
    let sent = Draft::get().sign("x-amz-meta-a", "b c,d");
    let authorization = sent.authorization();
    let mut headers = borrowed(&sent.signed);
    headers.retain(|(name, _)| *name != "x-amz-meta-a");
    headers.extend([("x-amz-meta-a", " b   c "), ("x-amz-meta-a", "d"), ("authorization", &authorization)]);
    let sent = parts("GET", "/test.txt", &headers);
    let _ = authenticator().authenticate(&sent, TestSigner::now(0)).unwrap();
}

#[test]
fn every_rule_for_the_header_refuses_with_its_code() {
    use Code::*;
    let unknown = {
        let mut draft = Draft::get();
        draft.signer.access_key = "AKIAUNKNOWN".into();
        draft
    };
    let wrong_secret = {
        let mut draft = Draft::get();
        draft.signer.secret = "wrong".into();
        draft
    };
    let nobody = {
        let mut draft = unknown.clone();
        draft.signer.secret = "nobody".into();
        draft
    };
    let signature = Draft::get().signature();
    let mangled = |authorization: &str| Draft { authorization: Some(authorization.into()), ..Draft::get() };
    for (what, draft, code) in [
        ("unknown key", unknown, InvalidAccessKeyId),
        ("the stand-in's secret", nobody, InvalidAccessKeyId),
        ("wrong secret", wrong_secret, SignatureDoesNotMatch),
        ("other method", Draft { method: "PUT", ..Draft::get().edit("AWS4", "AWS4") }, SignatureDoesNotMatch),
        ("other path", Draft { target: "/test.tx".into(), ..Draft::get() }, SignatureDoesNotMatch),
        ("normalised path", Draft::get().target("/b/k", "/b/./k", &[]), SignatureDoesNotMatch),
        ("encoded twice", Draft::get().target("/a%2520b", "/a b", &[]), SignatureDoesNotMatch),
        ("added parameter", Draft { target: "/test.txt?acl".into(), ..Draft::get() }, SignatureDoesNotMatch),
        ("plus as space", Draft::get().target("/?a=b+c", "/", &[("a", "b c")]), SignatureDoesNotMatch),
        ("Version 2", mangled("AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="), InvalidRequest),
        ("ECDSA", Draft::get().edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), InvalidRequest),
        ("lower-case algorithm", Draft::get().edit("AWS4-HMAC-SHA256", "aws4-hmac-sha256"), InvalidArgument),
        ("Bearer", mangled("Bearer abc"), InvalidArgument),
        ("empty", mangled(""), InvalidArgument),
        ("algorithm alone", mangled("AWS4-HMAC-SHA256"), AuthorizationHeaderMalformed),
        ("two Authorization headers", Draft::get().send("authorization", "Bearer x"), InvalidArgument),
        ("two hosts", Draft::get().send("host", HOST), InvalidRequest),
        ("two dates", Draft::get().send("x-amz-date", "20130524T000000Z"), InvalidArgument),
        ("two digests", Draft::get().send("x-amz-content-sha256", EMPTY), InvalidArgument),
        (
            "a presigned parameter as well",
            Draft { target: "/test.txt?x-amz-date=20130524T000000Z".into(), ..Draft::get() },
            InvalidArgument,
        ),
        (
            "a Version 2 parameter as well",
            Draft { target: "/test.txt?Signature=x".into(), ..Draft::get() },
            InvalidArgument,
        ),
        (
            "other region",
            Draft::get().scope("20130524/eu-west-1/s3/aws4_request"),
            AuthorizationHeaderMalformed,
        ),
        (
            "other service",
            Draft::get().scope("20130524/us-east-1/sts/aws4_request"),
            AuthorizationHeaderMalformed,
        ),
        ("other end", Draft::get().scope("20130524/us-east-1/s3/aws5_request"), AuthorizationHeaderMalformed),
        ("other day", Draft::get().scope("20130523/us-east-1/s3/aws4_request"), AuthorizationHeaderMalformed),
        ("no day", Draft::get().scope("2013052/us-east-1/s3/aws4_request"), AuthorizationHeaderMalformed),
        ("short scope", Draft::get().scope("us-east-1/s3/aws4_request"), AuthorizationHeaderMalformed),
        ("empty region", Draft::get().scope("20130524//s3/aws4_request"), AuthorizationHeaderMalformed),
        ("no host signed", Draft::get().edit("=host;", "="), AccessDenied),
        ("unsigned x-amz-*", Draft::get().send("x-amz-copy-source", "/b/k"), AccessDenied),
        ("unsigned x-amz-date", Draft::get().edit(";x-amz-date", ""), AccessDenied),
        ("signed but absent", Draft::get().edit("=host;", "=host;range;"), AuthorizationHeaderMalformed),
        (
            "not sorted",
            Draft::get().edit("host;x-amz-content-sha256", "x-amz-content-sha256;host"),
            AuthorizationHeaderMalformed,
        ),
        ("named twice", Draft::get().edit("=host;", "=host;host;"), AuthorizationHeaderMalformed),
        ("upper case", Draft::get().edit("=host;", "=Host;"), AuthorizationHeaderMalformed),
        ("an empty name", Draft::get().edit("=host;", "=;host;"), AuthorizationHeaderMalformed),
        (
            "no signed headers",
            Draft::get().edit("SignedHeaders=host;x-amz-content-sha256;x-amz-date,", ""),
            AuthorizationHeaderMalformed,
        ),
        (
            "a field twice",
            Draft::get().edit("Signature=", "Signature=0,Signature="),
            AuthorizationHeaderMalformed,
        ),
        ("a field of no name", Draft::get().edit(",Signature", ",,Signature"), AuthorizationHeaderMalformed),
        (
            "a further field",
            Draft::get().edit(",Signature", ",Token=1,Signature"),
            AuthorizationHeaderMalformed,
        ),
        ("short signature", Draft::get().edit(&signature, &signature[1..]), AuthorizationHeaderMalformed),
        (
            "upper-case signature",
            Draft::get().edit(&signature, &signature.to_uppercase()),
            AuthorizationHeaderMalformed,
        ),
        (
            "long signature",
            Draft::get().edit(&signature, &format!("{signature}0")),
            AuthorizationHeaderMalformed,
        ),
        ("zero signature", Draft::get().edit(&signature, &"0".repeat(64)), SignatureDoesNotMatch),
        (
            "too late",
            Draft::get().time("20130523T234459Z").scope("20130523/us-east-1/s3/aws4_request"),
            RequestTimeTooSkewed,
        ),
        ("too early", Draft::get().time("20130524T001501Z"), RequestTimeTooSkewed),
        ("no date", Draft::get().sign("x-amz-date", ""), AccessDenied),
        ("a date that is none", Draft::get().sign("x-amz-date", "20130524"), AccessDenied),
        ("no digest", Draft::get().sign("x-amz-content-sha256", ""), InvalidRequest),
        (
            "upper-case digest",
            Draft::get().sign("x-amz-content-sha256", &EMPTY.to_uppercase()),
            InvalidArgument,
        ),
        ("short digest", Draft::get().sign("x-amz-content-sha256", &EMPTY[1..]), InvalidArgument),
        (
            "other streaming",
            Draft::get().sign("x-amz-content-sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
            InvalidArgument,
        ),
        ("session token", Draft::get().sign("x-amz-security-token", "t"), InvalidToken),
        ("unsigned session token", Draft::get().send("x-amz-security-token", "t"), InvalidToken),
        ("bad escape", Draft { target: "/%zz".into(), ..Draft::get() }, InvalidURI),
    ] {
        assert_eq!(draft.verdict().expect_err(what).code, code, "{what}");
    }
}

#[test]
fn every_rule_for_presigned_urls_refuses_with_its_code() {
    use Code::*;
    let credential = |scope: &str| format!("AKIAIOSFODNN7EXAMPLE/{scope}");
    let mut rows = vec![
        (
            "algorithm",
            Url::get().param("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256"),
            AuthorizationQueryParametersError,
        ),
        ("zero", Url::get().param("X-Amz-Expires", "0"), AccessDenied),
        ("negative", Url::get().param("X-Amz-Expires", "-1"), AccessDenied),
        ("no number", Url::get().param("X-Amz-Expires", "1e3"), AuthorizationQueryParametersError),
        ("plus", Url::get().param("X-Amz-Expires", "+60"), AuthorizationQueryParametersError),
        ("over a week", Url::get().param("X-Amz-Expires", "604801"), AccessDenied),
        ("huge", Url::get().param("X-Amz-Expires", "99999999999999999999"), AccessDenied),
        ("date", Url::get().param("X-Amz-Date", "20130524T000000"), AuthorizationQueryParametersError),
        ("other day", Url::get().param("X-Amz-Date", "20130523T000000Z"), AuthorizationQueryParametersError),
        (
            "region",
            Url::get().param("X-Amz-Credential", &credential("20130524/eu-west-1/s3/aws4_request")),
            AuthorizationQueryParametersError,
        ),
        (
            "credential",
            Url::get().param("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE"),
            AuthorizationQueryParametersError,
        ),
        (
            "unknown key",
            Url::get().param("X-Amz-Credential", "A/20130524/us-east-1/s3/aws4_request"),
            InvalidAccessKeyId,
        ),
        ("no host", Url::get().param("X-Amz-SignedHeaders", "range"), AuthorizationQueryParametersError),
        ("token", Url::get().param("X-Amz-Security-Token", "t"), InvalidToken),
        (
            "streaming",
            Url { payload: STREAMING, ..Url::get() }.param("X-Amz-Content-Sha256", STREAMING),
            InvalidRequest,
        ),
        ("digest", Url { payload: "x", ..Url::get() }.param("X-Amz-Content-Sha256", "x"), InvalidArgument),
        ("payload", Url { payload: EMPTY, ..Url::get() }, SignatureDoesNotMatch),
        ("digest not signed as such", Url::get().param("X-Amz-Content-Sha256", EMPTY), SignatureDoesNotMatch),
        (
            "spelling",
            Url::get().param("X-Amz-Date", "").param("X-AMZ-Date", "20130524T000000Z"),
            AuthorizationQueryParametersError,
        ),
    ];
    for name in ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"]
    {
        rows.push((name, Url::get().param(name, ""), AuthorizationQueryParametersError));
    }
    for (what, url, code) in rows {
        assert_eq!(url.verdict("", &[], 0).expect_err(what).code, code, "{what}");
    }

    let token = [("x-amz-security-token", "t")];
    let copy = [("x-amz-copy-source", "/b/k")];
    let digest = [("x-amz-content-sha256", EMPTY)];
    let authorization = [("authorization", "Bearer x")];
    for (what, unsigned, extra, now, code) in [
        ("expired", "", &[][..], 86401, AccessDenied),
        ("not yet", "", &[], -901, AccessDenied),
        ("both", "", &authorization, 0, InvalidArgument),
        ("both versions", "&AWSAccessKeyId=A", &[], 0, InvalidArgument),
        ("unsigned parameter", "&acl", &[], 0, SignatureDoesNotMatch),
        ("a second signature", "&X-Amz-Signature=0", &[], 0, AuthorizationQueryParametersError),
        ("a second spelling", "&x-amz-signature=0", &[], 0, AuthorizationQueryParametersError),
        ("unsigned x-amz-*", "", &copy, 0, AccessDenied),
        ("unsigned digest", "", &digest, 0, AccessDenied),
        ("token header", "", &token, 0, InvalidToken),
    ] {
        let error = Url::get().verdict(unsigned, extra, now).expect_err(what);
        assert_eq!(error.code, code, "{what}");
    }
    let expired = Url::get().verdict("", &[], 86401).unwrap_err();
    assert_eq!(expired.message, "Request has expired");
    assert!(expired.details.contains(&("Expires", "2013-05-25T00:00:00Z".into())));
    assert!(expired.details.contains(&("ServerTime", "2013-05-25T00:00:01Z".into())));
    for now in [-900, 86400] {
        let _ = Url::get().verdict("", &[], now).unwrap();
    }
    let _ = Url::get().param("X-Amz-Expires", "604800").verdict("", &[], 604_800).unwrap();
}

#[test]
fn a_presigned_url_may_bind_the_body() {
    let in_query = Url { payload: EMPTY, ..Url::get() }.param("X-Amz-Content-Sha256", EMPTY);
    let in_header = Url { payload: EMPTY, ..Url::get() }.sign("x-amz-content-sha256", EMPTY);
    for url in [&in_query, &in_header] {
        let verdict = url.verdict("", &[], 0).unwrap();
        assert!(matches!(verdict.payload(), PayloadClaim::Digest(_)) && !verdict.payload().is_unsigned());
    }
    // To say of an unsigned body that it is unsigned changes nothing; of a bound one it does.
    let unsigned = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
    assert!(Url::get().verdict("", &unsigned, 0).unwrap().payload().is_unsigned());
    assert_eq!(in_query.verdict("", &unsigned, 0).unwrap_err().code, Code::InvalidRequest);
}

#[test]
fn version_2_in_the_query_is_refused() {
    for target in
        ["/k?AWSAccessKeyId=A&Expires=9999999999&Signature=s", "/k?Signature=s", "/k?AWSAccessKeyId=A"]
    {
        let parts = parts("GET", target, &[("host", HOST)]);
        let error = authenticator().authenticate(&parts, TestSigner::now(0)).unwrap_err();
        assert_eq!(error.code, Code::InvalidRequest, "{target}");
        assert!(error.message.contains("Please use AWS4-HMAC-SHA256"));
    }
}

#[test]
fn a_request_that_says_nothing_is_anonymous() {
    let verdict = |headers: &[(&str, &str)]| {
        let parts = parts("GET", "/k?list-type=2&Expires=1", headers);
        authenticator().authenticate(&parts, TestSigner::now(0)).map_err(|error| error.code)
    };
    let anonymous = verdict(&[("host", HOST), ("x-amz-request-payer", "requester")]).unwrap();
    assert!(matches!(anonymous.identity(), Identity::Anonymous));
    assert_eq!(anonymous.identity().by(), "-");
    assert!(anonymous.payload().is_unsigned());
    let bound = verdict(&[("host", HOST), ("x-amz-content-sha256", EMPTY)]).unwrap();
    assert!(matches!(bound.payload(), PayloadClaim::Digest(_)));
    let streaming = [("host", HOST), ("x-amz-content-sha256", STREAMING)];
    assert_eq!(verdict(&streaming).unwrap_err(), Code::InvalidRequest);
    let nonsense = [("host", HOST), ("x-amz-content-sha256", "nonsense")];
    assert_eq!(verdict(&nonsense).unwrap_err(), Code::InvalidArgument);
    assert_eq!(verdict(&[]).unwrap_err(), Code::InvalidRequest);
}

#[test]
fn a_refusal_helps_and_tells_no_secret() {
    let error = Draft::get().scope("20130524/eu-west-1/s3/aws4_request").verdict().unwrap_err();
    assert!(error.message.ends_with("the region 'eu-west-1' is wrong; expecting 'us-east-1'"));
    assert_eq!(error.details, [("Region", "us-east-1".to_owned())]);

    let error = Draft { target: "/other".into(), ..Draft::get() }.verdict().unwrap_err();
    let details: Vec<_> = error.details.iter().map(|(name, _)| *name).collect();
    assert_eq!(details, ["AWSAccessKeyId", "StringToSign", "SignatureProvided", "CanonicalRequest"]);
    assert!(error.details[3].1.starts_with("GET\n/other\n\nhost:examplebucket"));

    let error = Draft::get().time("20130524T010000Z").verdict().unwrap_err();
    let details: Vec<_> = error.details.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(details, ["20130524T010000Z", "2013-05-24T00:00:00Z", "900000"]);

    let shown =
        format!("{:?} {:?}", authenticator(), Draft::get().sign("x-amz-content-sha256", STREAMING).verdict());
    assert!(!shown.contains("wJalr"), "{shown}");
}

#[test]
fn days_before_the_newest_keep_working() {
    let authenticator = authenticator();
    let draft = |day: &str| {
        Draft::get()
            .time(&format!("{day}T000000Z"))
            .scope(&format!("{day}/us-east-1/s3/aws4_request"))
            .parts()
    };
    for (day, seconds) in [("20130524", 0), ("20130525", 86_400), ("20130524", 0), ("20130525", 86_400)] {
        let _ = authenticator.authenticate(&draft(day), TestSigner::now(seconds)).unwrap();
    }
}

proptest! {
    /// What our signer, which knows the decoded names only, signs is what is verified, however the client escapes it.
    #[test]
    fn an_independent_signer_agrees(
        path in "/\\PC{0,20}",
        query in prop::collection::vec(("[a-zA-Z+ é/%=&-]{1,6}", "\\PC{0,6}"), 0..5),
        escape_all in any::<bool>(),
    ) {
        prop_assume!(query.iter().all(|(name, _)| name != "Signature"));
        let escape = |text: &str, keep: &str| if escape_all {
            text.bytes().map(|byte| format!("%{byte:02x}")).collect()
        } else {
            encode(text, keep)
        };
        let pairs: Vec<_> = query.iter().map(|(n, v)| format!("{}={}", escape(n, ""), escape(v, "!*'()"))).collect();
        let target = format!("/{}?{}", escape(&path[1..], "/!*'()$"), pairs.join("&"));
        let draft = Draft::get().target(&target, &path, &borrowed(&query));
        prop_assert!(draft.verdict().is_ok(), "{:?}", draft.verdict());
    }

    /// Nothing that stands in the header makes it panic, and no change of one character passes.
    #[test]
    fn no_change_of_the_header_passes(at in any::<prop::sample::Index>(), to in "[ -~]") {
        let right = Draft::get().authorization();
        let at = at.index(right.len());
        prop_assume!(right[at..=at] != to);
        let mut changed = right.clone();
        changed.replace_range(at..=at, &to);
        let verdict = Draft { authorization: Some(changed.clone()), ..Draft::get() }.verdict();
        prop_assert!(verdict.is_err(), "{}", changed);
    }

    #[test]
    fn nothing_panics(text in "(AWS4-HMAC-SHA256 )?[ -~]{0,60}", query in "(X-Amz-(Algorithm|Date|Expires)=)?[!-~&&[^#]]{0,40}") {
        for (target, header) in [("/k".to_owned(), Some(&text)), (format!("/k?{query}"), None)] {
            let mut headers = vec![("host", HOST)];
            headers.extend(header.map(|text| ("authorization", text.as_str())));
            if target.parse::<http::Uri>().is_ok() {
                let _ = authenticator().authenticate(&parts("GET", &target, &headers), TestSigner::now(0));
            }
        }
    }
}
