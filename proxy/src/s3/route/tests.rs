//! The routing table: what each request means, or exactly how it is refused.

use http::Uri;
use proptest::prelude::*;

use super::*;
use crate::s3::range::Resolved;

const DOMAINS: [&str; 3] = ["s3.example.com", "example.com", "localhost"];

fn run(method: &str, host: &str, target: &str, headers: &[(&str, &str)]) -> Result<Operation, S3Error> {
    let uri: Uri = target.parse().unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let head = Head {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        host,
        path: &RawPath::parse(&uri)?,
        query: &Query::parse(&uri)?,
        headers: &map,
    };
    route(&head, &DOMAINS.map(str::to_owned))
}

/// What a request means, as `Name bucket/key`, or its refusal.
fn check(method: &str, host: &str, target: &str, headers: &[(&str, &str)], expected: Result<&str, Code>) {
    let seen = run(method, host, target, headers).map_err(|error| error.code).map(|operation| {
        match (operation.object(), operation.bucket()) {
            (Some(object), _) => format!("{} {object}", operation.name()),
            (None, Some(bucket)) => format!("{} {bucket}", operation.name()),
            (None, None) => operation.name().to_owned(),
        }
    });
    assert_eq!(seen, expected.map(str::to_owned), "{method} {host} {target} {headers:?}");
}

/// Path style, without headers.
fn path_style(method: &str, target: &str, expected: Result<&str, Code>) {
    check(method, "127.0.0.1:9000", target, &[], expected);
}

#[test]
fn requests_mean_what_they_mean_in_s3() {
    for (method, target, expected) in [
        ("GET", "/", "ListBuckets"),
        ("GET", "/?x-id=ListBuckets&max-buckets=1000&prefix=b", "ListBuckets"),
        ("PUT", "/builds", "CreateBucket builds"),
        ("PUT", "/builds/", "CreateBucket builds"),
        ("HEAD", "/builds", "HeadBucket builds"),
        ("DELETE", "/builds/", "DeleteBucket builds"),
        ("GET", "/builds?location", "GetBucketLocation builds"),
        ("GET", "/builds/?location=", "GetBucketLocation builds"),
        ("GET", "/builds", "ListObjects builds"),
        ("GET", "/builds/?prefix=a/&delimiter=/&marker=b&max-keys=3&encoding-type=url", "ListObjects builds"),
        (
            "GET",
            "/builds?list-type=2&prefix=&start-after=a&fetch-owner=true&continuation-token=",
            "ListObjectsV2 builds",
        ),
        ("PUT", "/builds/a/b.tar", "PutObject builds/a/b.tar"),
        ("PUT", "/builds/a?x-id=PutObject", "PutObject builds/a"),
        ("GET", "/builds/a", "GetObject builds/a"),
        ("GET", "/builds/a?response-content-type=a/b&x-id=GetObject", "GetObject builds/a"),
        ("GET", "/builds/a?x-amz-checksum-mode=ENABLED", "GetObject builds/a"),
        ("HEAD", "/builds/a", "HeadObject builds/a"),
        ("DELETE", "/builds/a?x-id=DeleteObject", "DeleteObject builds/a"),
        ("GET", "/builds/a?hallmark=seal", "GetSeal builds/a"),
        ("GET", "/builds/a?hallmark=sha256", "GetSha256 builds/a"),
        (
            "GET",
            "/builds/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=60\
             &X-Amz-SignedHeaders=host&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Signature=s",
            "GetObject builds/a",
        ),
    ] {
        path_style(method, target, Ok(expected));
    }
}

#[test]
fn keys_are_decoded_once_and_kept() {
    for (target, expected) in [
        ("/builds/a%2Fb", Ok("GetObject builds/a/b")),
        ("/builds%2Fa", Ok("GetObject builds/a")),
        ("/builds/a%252Fb", Ok("GetObject builds/a%2Fb")),
        ("/builds/%252e%252e/k", Ok("GetObject builds/%2e%2e/k")),
        ("/builds//a", Ok("GetObject builds//a")),
        ("/builds//", Ok("GetObject builds//")),
        ("/builds/a/", Ok("GetObject builds/a/")),
        ("/builds/a//b", Ok("GetObject builds/a//b")),
        ("/builds/a+b%20c", Ok("GetObject builds/a+b c")),
        ("/builds/%D0%BA%D0%BB%D1%8E%D1%87", Ok("GetObject builds/ключ")),
        ("/builds/...", Ok("GetObject builds/...")),
        ("/builds/a%3Facl", Ok("GetObject builds/a?acl")),
        ("/builds/a%26acl", Ok("GetObject builds/a&acl")),
        // What something on the way might normalise into another key or bucket.
        ("/builds/public/../private", Err(Code::InvalidURI)),
        ("/builds/public/%2e%2e/private", Err(Code::InvalidURI)),
        ("/builds/public/%2E./private", Err(Code::InvalidURI)),
        ("/builds/public%2F..%2Fprivate", Err(Code::InvalidURI)),
        ("/builds/..", Err(Code::InvalidURI)),
        ("/builds/.", Err(Code::InvalidURI)),
        ("/builds/./a", Err(Code::InvalidURI)),
        ("/builds/../secrets/a", Err(Code::InvalidURI)),
        ("/./builds/a", Err(Code::InvalidBucketName)),
        ("/../builds/a", Err(Code::InvalidBucketName)),
        ("//a", Err(Code::InvalidBucketName)),
        ("//", Err(Code::InvalidBucketName)),
        ("/%2Fbuilds/a", Err(Code::InvalidBucketName)),
        ("/builds/a%00b", Err(Code::InvalidURI)),
        ("/builds/%ff", Err(Code::InvalidURI)),
        ("/builds/%c0%ae%c0%ae/a", Err(Code::InvalidURI)),
        ("/builds/%2", Err(Code::InvalidURI)),
        ("/builds/%zz", Err(Code::InvalidURI)),
        ("/Builds/a", Err(Code::InvalidBucketName)),
        ("/bu/a", Err(Code::InvalidBucketName)),
        ("/127.0.0.1/a", Err(Code::InvalidBucketName)),
        ("/favicon.ico_", Err(Code::InvalidBucketName)),
    ] {
        path_style("GET", target, expected);
    }
    path_style(
        "GET",
        &format!("/builds/{}", "k".repeat(1024)),
        Ok(&format!("GetObject builds/{}", "k".repeat(1024))),
    );
    path_style("GET", &format!("/builds/{}", "k".repeat(1025)), Err(Code::KeyTooLongError));
}

#[test]
fn a_host_below_a_domain_names_the_bucket() {
    for (host, target, expected) in [
        ("builds.s3.example.com", "/", Ok("ListObjects builds")),
        ("builds.s3.example.com", "/a/b", Ok("GetObject builds/a/b")),
        ("builds.s3.example.com", "//a", Ok("GetObject builds//a")),
        ("builds.s3.example.com", "/other/../a", Err(Code::InvalidURI)),
        ("Builds.S3.Example.COM:9000", "/a", Ok("GetObject builds/a")),
        ("a.b-c.s3.example.com", "/k", Ok("GetObject a.b-c/k")),
        ("builds.localhost:9000", "/k", Ok("GetObject builds/k")),
        ("builds.example.com", "/k", Ok("GetObject builds/k")),
        // Path style: a domain itself, unknown hosts, addresses.
        ("s3.example.com", "/builds/a", Ok("GetObject builds/a")),
        ("localhost:9000", "/builds/a", Ok("GetObject builds/a")),
        ("notexample.com", "/builds/a", Ok("GetObject builds/a")),
        ("builds.s3.example.com.evil", "/other/a", Ok("GetObject other/a")),
        ("10.0.0.1:80", "/builds/a", Ok("GetObject builds/a")),
        ("[::1]:9000", "/builds/a", Ok("GetObject builds/a")),
        ("[::1]", "/builds/a", Ok("GetObject builds/a")),
        ("", "/builds/a", Ok("GetObject builds/a")),
        // Below a domain, but no bucket.
        (".s3.example.com", "/a", Err(Code::InvalidBucketName)),
        ("bu.s3.example.com", "/a", Err(Code::InvalidBucketName)),
        ("a..b.s3.example.com", "/a", Err(Code::InvalidBucketName)),
        ("a_b.s3.example.com", "/a", Err(Code::InvalidBucketName)),
    ] {
        check("GET", host, target, &[], expected);
    }
}

#[test]
fn what_is_not_known_is_refused_on_every_method() {
    let parameters = [
        "accelerate",
        "acl",
        "allow-unordered=true",
        "analytics",
        "append",
        "attributes",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "metadata=true",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber=1",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select&select-type=2",
        "session",
        "tagging",
        "torrent",
        "uploadId=x",
        "uploads",
        "versionId=null",
        "versioning",
        "versions",
        "website",
        "x",
        "Location",
        "LIST-TYPE=2",
        "x-amz-algorithm=x",
        "X-Amz-Security-Token=x",
        "x-amz-acl=public-read",
        "x-amz-meta-a=b",
        "x-amz-checksum-crc32=AAAAAA==",
        "%61cl",
        "a%63l=",
    ];
    for parameter in parameters {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "COPY"] {
            for resource in ["/", "/builds", "/builds/a"] {
                path_style(method, &format!("{resource}?{parameter}"), Err(Code::NotImplemented));
            }
        }
    }
    // Known parameters where they mean nothing.
    for (method, target) in [
        ("PUT", "/builds?location"),
        ("GET", "/builds/a?location"),
        ("GET", "/builds/a?prefix=x"),
        ("PUT", "/builds/a?delete"),
        ("DELETE", "/builds?delete"),
        ("GET", "/builds?location&prefix=a"),
        ("GET", "/builds?marker=a&list-type=2"),
        ("GET", "/builds?start-after=a"),
        ("GET", "/builds?response-content-type=a"),
        ("PUT", "/builds/a?response-content-type=a"),
        ("HEAD", "/builds/a?hallmark=seal"),
        ("PUT", "/builds/a?hallmark=seal"),
        ("GET", "/builds/a?hallmark=other"),
        ("GET", "/builds/a?hallmark=seal&response-content-type=text/html"),
        ("GET", "/builds?hallmark=seal"),
        ("POST", "/builds"),
        ("GET", "/builds/a?x-amz-checksum-mode=x"),
    ] {
        path_style(method, target, Err(Code::NotImplemented));
    }
}

#[test]
fn other_methods_are_not_allowed() {
    for (method, target) in [
        ("PUT", "/"),
        ("HEAD", "/"),
        ("POST", "/"),
        ("DELETE", "/"),
        ("OPTIONS", "/builds"),
        ("PATCH", "/builds"),
        ("POST", "/builds/a"),
        ("OPTIONS", "/builds/a"),
        ("get", "/builds/a"),
    ] {
        path_style(method, target, Err(Code::MethodNotAllowed));
    }
}

#[test]
fn values_and_repetitions_are_checked() {
    for target in [
        "/builds?location=x",
        "/builds?location&location",
        "/builds?max-keys=blah",
        "/builds?list-type=1",
        "/builds/a?x-id=a&x-id=b",
        "/builds/a?hallmark=seal&hallmark=sha256",
        "/builds/a?response-content-type=a&response-content-type=b",
        "/builds/a?response-content-type=a%0D%0Ab",
        "/builds/a?response-content-type=%C3%BC",
        "/builds/a?response-content-type=%20a",
        "/builds/a?response-content-type=",
        "/?max-buckets=0",
    ] {
        path_style("GET", target, Err(Code::InvalidArgument));
    }
}

#[test]
fn headers_that_ask_for_more_are_refused() {
    let refused = [
        ("x-amz-copy-source", "/builds/a"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "x"),
        ("x-amz-acl", "public-read"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-grant-read", "id=x"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-bucket-object-lock-enabled", "true"),
        ("x-amz-object-ownership", "ObjectWriter"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-website-redirect-location", "/x"),
        ("x-amz-write-offset-bytes", "3"),
        ("x-amz-mfa", "x"),
        ("x-amz-security-token", "x"),
        ("x-amz-expected-bucket-owner", "123456789012"),
        ("x-amz-if-match-size", "3"),
        ("x-amz-object-attributes", "ETag"),
        ("x-amz-checksum-sha512", "x"),
        ("x-amz-checksum-mode", "OFF"),
        ("x-amz-request-payer", "x"),
        ("x-amz-unheard-of", "x"),
        ("x-amz-meta", "x"),
        ("content-range", "bytes 0-1/2"),
    ];
    for header in refused {
        for (method, target) in [
            ("PUT", "/builds/a"),
            ("GET", "/builds/a"),
            ("DELETE", "/builds/a"),
            ("PUT", "/builds"),
            ("GET", "/"),
        ] {
            check(method, "h", target, &[header], Err(Code::NotImplemented));
        }
        let error = run("PUT", "h", "/builds/a", &[header]).unwrap_err();
        // Copies are refused in words of their own.
        let named = if header.0 == "x-amz-copy-source" { "Copies" } else { header.0 };
        assert!(error.message.contains(named), "{error}");
    }
    let harmless = [
        ("x-amz-date", "x"),
        ("x-amz-content-sha256", "x"),
        ("x-amz-decoded-content-length", "3"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-checksum-crc64nvme", "x"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("x-amz-checksum-mode", "ENABLED"),
        ("x-amz-meta-a", "x"),
        ("x-amz-user-agent", "x"),
        ("x-amz-acl", "private"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-bypass-governance-retention", "true"),
        ("x-amzn-trace-id", "x"),
        ("amz-sdk-request", "attempt=1"),
    ];
    check("PUT", "h", "/builds/a", &harmless, Ok("PutObject builds/a"));
    // Every value counts, not the first.
    let twice = [("x-amz-acl", "private"), ("x-amz-acl", "public-read")];
    check("PUT", "h", "/builds/a", &twice, Err(Code::NotImplemented));
}

#[test]
fn conditions_bind_or_are_refused() {
    for (method, target, header, expected) in [
        ("PUT", "/builds/a", ("if-none-match", "*"), Ok("PutObject builds/a")),
        ("PUT", "/builds/a", ("if-match", "\"x\""), Ok("PutObject builds/a")),
        ("PUT", "/builds/a", ("if-match", "*"), Ok("PutObject builds/a")),
        ("PUT", "/builds/a", ("if-none-match", "\"x\""), Ok("PutObject builds/a")),
        ("PUT", "/builds/a", ("if-match", "\"x\", \"y\""), Err(Code::NotImplemented)),
        ("PUT", "/builds/a", ("if-unmodified-since", "x"), Err(Code::NotImplemented)),
        ("DELETE", "/builds/a", ("if-match", "\"x\""), Ok("DeleteObject builds/a")),
        ("DELETE", "/builds/a", ("if-none-match", "*"), Err(Code::NotImplemented)),
        ("PUT", "/builds", ("if-none-match", "*"), Err(Code::NotImplemented)),
        ("DELETE", "/builds", ("if-match", "x"), Err(Code::NotImplemented)),
        ("POST", "/builds?delete", ("if-match", "x"), Err(Code::NotImplemented)),
        ("GET", "/builds/a", ("if-match", "*"), Ok("GetObject builds/a")),
    ] {
        check(method, "h", target, &[header], expected);
    }
}

#[test]
fn a_deletion_of_many_objects_needs_a_checksum() {
    let delete = |headers: &[(&str, &str)], expected| check("POST", "h", "/builds?delete", headers, expected);
    for header in [
        ("content-md5", "x"),
        ("x-amz-checksum-crc32", "x"),
        ("x-amz-checksum-sha256", "x"),
        ("x-amz-trailer", "x-amz-checksum-crc64nvme"),
        ("x-amz-trailer", "a, X-Amz-Checksum-CRC32C"),
    ] {
        delete(&[header], Ok("DeleteObjects builds"));
    }
    delete(&[], Err(Code::InvalidRequest));
    delete(&[("x-amz-sdk-checksum-algorithm", "CRC32")], Err(Code::InvalidRequest));
    delete(&[("x-amz-trailer", "x-amz-checksum")], Err(Code::InvalidRequest));
    check(
        "POST",
        "h",
        "/builds/?delete=&x-id=DeleteObjects",
        &[("content-md5", "x")],
        Ok("DeleteObjects builds"),
    );
}

fn content_range(resolved: Resolved) -> Option<String> {
    match resolved {
        Resolved::Whole => None,
        Resolved::Part(part) => Some(part.content_range()),
    }
}

#[test]
fn reads_carry_what_was_asked() {
    let target = "/builds/a?response-expires=123&response-content-type=foo/bar";
    let headers = [("range", "bytes=0-1"), ("x-amz-checksum-mode", "ENABLED")];
    let operation = run("GET", "h", target, &headers).unwrap();
    assert_eq!(operation.permitted_unsigned().unwrap_err().code, Code::InvalidRequest);
    let Operation::GetObject { read, .. } = operation else { panic!("{operation:?}") };
    assert_eq!(read.checksum, ChecksumMode::Enabled);
    assert_eq!(read.resolve("x", 9).map(content_range), Ok(Some("bytes 0-1/9".to_owned())));
    assert_eq!(read.resolve("x", 0).unwrap_err().code, Code::InvalidRange);
    let overrides: Vec<_> =
        read.overrides.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(overrides, [("content-type", "foo/bar"), ("expires", "123")]);
    assert_eq!(run("GET", "h", "/builds/a", &[]).unwrap().permitted_unsigned(), Ok(()));

    // The range is for another version, so it does not count, not even where it could not be satisfied.
    let headers = [("range", "bytes=9-"), ("if-range", "\"x\"")];
    let Ok(Operation::HeadObject { read, .. }) = run("HEAD", "h", "/builds/a", &headers) else {
        panic!("a look at an object")
    };
    assert_eq!(read.resolve("y", 9), Ok(Resolved::Whole));
    assert_eq!(read.resolve("x", 9).unwrap_err().code, Code::InvalidRange);
}

#[test]
fn an_upload_carries_its_headers() {
    let headers = [("content-type", "a/b"), ("x-amz-meta-a", "1"), ("if-none-match", "*")];
    let Ok(Operation::PutObject { put, .. }) = run("PUT", "h", "/builds/a", &headers) else {
        panic!("an upload")
    };
    let PutRequest { headers, condition, .. } = *put;
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("content-type", "a/b"), ("x-amz-meta-a", "1")]);
    assert_eq!(condition, PutCondition::Absent);
    let large = [("x-amz-meta-a", "x".repeat(3000))];
    let large = large.each_ref().map(|(name, value)| (*name, value.as_str()));
    check("PUT", "h", "/builds/a", &large, Err(Code::MetadataTooLarge));
}

proptest! {
    #[test]
    fn routing_never_panics_and_no_key_escapes(
        method in "GET|HEAD|PUT|POST|DELETE|[A-Z]{1,5}",
        host in "([a-z.]{0,4}\\.)?(s3\\.example\\.com|localhost|[a-z0-9.:]{0,9})",
        path in "/(builds)?(/|%2[fFeE]|\\.|%25|%[0-9a-f]{2}|[a-z+&=;]){0,9}",
        query in "((list-type|prefix|acl|location|delete|hallmark|x-id|max-keys)?(=(2|seal|%2e|[a-z]))?&?){0,4}",
    ) {
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        if let Ok(operation) = run(&method, &host, &target, &[("content-md5", "x")])
            && let Some(object) = operation.object()
        {
            prop_assert!(object.key.as_str().split('/').all(|segment| segment != "." && segment != ".."));
        }
    }
}
