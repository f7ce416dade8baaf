//! The routing table: what each request means, or exactly how it is refused.

mod copies;
mod uploads;

use http::{HeaderName, HeaderValue, Uri};
use proptest::prelude::*;

use super::*;
use crate::s3::condition::PutCondition;
use crate::s3::operation::{ChecksumMode, CompleteUpload, CopyRequest, PutRequest, WholeChecksum};
use crate::s3::range::Resolved;
use crate::store::PartNumber;

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
            (Some(object), _) => format!("{} {object}", operation.kind().name()),
            (None, Some(bucket)) => format!("{} {bucket}", operation.kind().name()),
            (None, None) => operation.kind().name().to_owned(),
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
        ("GET", "/builds/a?hallmark=seal&versionId=null", "GetSeal builds/a"),
        (
            "GET",
            "/builds?versions&prefix=a&key-marker=b&version-id-marker=c&max-keys=3",
            "ListObjectVersions builds",
        ),
        ("GET", "/builds?uploads&prefix=a&delimiter=/&max-uploads=3", "ListMultipartUploads builds"),
        ("GET", "/builds?versioning", "GetBucketVersioning builds"),
        ("PUT", "/builds?versioning", "PutBucketVersioning builds"),
        ("GET", "/builds?tagging", "GetBucketTagging builds"),
        ("PUT", "/builds?tagging", "PutBucketTagging builds"),
        ("DELETE", "/builds?tagging", "DeleteBucketTagging builds"),
        ("GET", "/builds?object-lock", "GetObjectLockConfiguration builds"),
        ("PUT", "/builds?object-lock=", "PutObjectLockConfiguration builds"),
        ("GET", "/builds?acl", "GetBucketAcl builds"),
        ("PUT", "/builds?acl", "PutBucketAcl builds"),
        ("GET", "/builds?policyStatus", "GetBucketPolicyStatus builds"),
        ("GET", "/builds?cors", "GetBucketCors builds"),
        ("GET", "/builds/a?versionId=3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY", "GetObject builds/a"),
        ("HEAD", "/builds/a?partNumber=10000&versionId=null", "HeadObject builds/a"),
        ("GET", "/builds/a?acl&versionId=x", "GetObjectAcl builds/a"),
        ("PUT", "/builds/a?acl", "PutObjectAcl builds/a"),
        ("GET", "/builds/a?tagging", "GetObjectTagging builds/a"),
        ("PUT", "/builds/a?tagging&versionId=x", "PutObjectTagging builds/a"),
        ("DELETE", "/builds/a?tagging", "DeleteObjectTagging builds/a"),
        ("GET", "/builds/a?retention&versionId=x", "GetObjectRetention builds/a"),
        ("PUT", "/builds/a?retention", "PutObjectRetention builds/a"),
        ("GET", "/builds/a?legal-hold", "GetObjectLegalHold builds/a"),
        ("PUT", "/builds/a?legal-hold", "PutObjectLegalHold builds/a"),
        ("POST", "/builds/a?uploads", "CreateMultipartUpload builds/a"),
        ("POST", "/builds/a?uploads=&x-id=CreateMultipartUpload", "CreateMultipartUpload builds/a"),
        ("PUT", "/builds/a?partNumber=1&uploadId=u", "UploadPart builds/a"),
        ("GET", "/builds/a?uploadId=u&max-parts=2&part-number-marker=7", "ListParts builds/a"),
        ("POST", "/builds/a?uploadId=u", "CompleteMultipartUpload builds/a"),
        ("DELETE", "/builds/a?uploadId=u", "AbortMultipartUpload builds/a"),
        ("DELETE", "/builds/a?versionId=null", "DeleteObject builds/a"),
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

/// Every subresource and the methods on `(bucket, object)` that know it.
const SUBRESOURCES: [(&str, &[&str], &[&str]); 27] = [
    ("accelerate", &["GET"], &[]),
    ("acl", &["GET", "PUT"], &["GET", "PUT"]),
    ("attributes", &[], &["GET"]),
    ("cors", &["GET"], &[]),
    ("delete", &["POST"], &[]),
    ("encryption", &["GET"], &[]),
    ("legal-hold", &[], &["GET", "PUT"]),
    ("lifecycle", &["GET"], &[]),
    ("location", &["GET"], &[]),
    ("logging", &["GET"], &[]),
    ("notification", &["GET"], &[]),
    ("object-lock", &["GET", "PUT"], &[]),
    ("ownershipControls", &["GET"], &[]),
    ("partNumber=1", &[], &["GET", "HEAD"]),
    ("partNumber=1&uploadId=x", &[], &["PUT"]),
    ("policy", &["GET"], &[]),
    ("policyStatus", &["GET"], &[]),
    ("publicAccessBlock", &["GET"], &[]),
    ("replication", &["GET"], &[]),
    ("requestPayment", &["GET"], &[]),
    ("retention", &[], &["GET", "PUT"]),
    ("tagging", &["GET", "PUT", "DELETE"], &["GET", "PUT", "DELETE"]),
    ("uploadId=x", &[], &["GET", "POST", "DELETE"]),
    ("uploads", &["GET"], &["POST"]),
    ("versionId=null", &[], &["GET", "HEAD", "DELETE"]),
    ("versioning", &["GET", "PUT"], &[]),
    ("versions", &["GET"], &[]),
];

const METHODS: [&str; 9] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "COPY"];

#[test]
fn subresources_are_known_to_the_methods_that_have_them_alone() {
    for (parameter, of_bucket, of_object) in SUBRESOURCES {
        for method in METHODS {
            for (target, known) in [("/", &[][..]), ("/builds", of_bucket), ("/builds/a", of_object)] {
                let headers = [("x-amz-object-attributes", "ETag")];
                let checksum = [("content-md5", "x")];
                let headers = match parameter {
                    "attributes" => &headers[..],
                    "delete" => &checksum,
                    _ => &[],
                };
                let seen = run(method, "h", &format!("{target}?{parameter}"), headers);
                let what = format!("{method} {target}?{parameter}: {seen:?}");
                match known.contains(&method) {
                    true => assert!(seen.is_ok(), "{what}"),
                    // Missing where it is needed: a part without an upload is no subresource at all.
                    false => assert!(
                        seen.is_err_and(|error| matches!(
                            error.code,
                            Code::NotImplemented | Code::InvalidRequest
                        )),
                        "{what}"
                    ),
                }
                // Nor does any of them go together with something that is not known.
                path_style(method, &format!("{target}?{parameter}&renameObject"), Err(Code::NotImplemented));
            }
        }
    }
}

#[test]
fn what_is_not_known_is_refused_on_every_method() {
    let parameters = [
        "allow-unordered=true",
        "analytics",
        "append",
        "intelligent-tiering",
        "inventory",
        "metadata=true",
        "metrics",
        "renameObject",
        "restore",
        "select&select-type=2",
        "session",
        "torrent",
        "x",
        "Location",
        "LIST-TYPE=2",
        "x-amz-algorithm=x",
        "X-Amz-Security-Token=x",
        "x-amz-acl=public-read",
        "x-amz-meta-a=b",
        "x-amz-checksum-crc32=AAAAAA==",
        "x-amz-copy-source=builds/a",
        "x-amz-tagging=a=b",
        "%41cl",
        "a%63ls=",
        "versionid=null",
        "uploadID=x",
    ];
    for parameter in parameters {
        for method in METHODS {
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
        ("GET", "/builds/a?x-amz-checksum-mode=x"),
        ("GET", "/builds?acl&versioning"),
        ("GET", "/builds?versions&list-type=2"),
        ("GET", "/builds/a?acl&tagging"),
        ("GET", "/builds/a?uploadId=x&versionId=null"),
        ("PUT", "/builds/a?versionId=null"),
        ("PUT", "/builds/a?uploadId=x&partNumber=1&tagging"),
        ("POST", "/builds/a?uploads&uploadId=x"),
        ("DELETE", "/builds/a?uploadId=x&versionId=null"),
        ("PUT", "/builds?policy"),
        ("DELETE", "/builds?publicAccessBlock"),
        ("POST", "/builds/a?restore"),
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
        "/builds/a?versionId=",
        "/builds/a?versionId=a%20b",
        "/builds/a?versionId=a&versionId=a",
        "/builds/a?partNumber=0",
        "/builds/a?partNumber=10001",
        "/builds/a?partNumber=%2B1",
        "/builds/a?partNumber=",
        "/builds/a?uploadId=x&max-parts=-1",
        "/builds/a?uploadId=x&part-number-marker=x",
        "/builds?versions=x",
        "/builds?versions&version-id-marker=x",
        "/builds?versions&max-keys=x",
        "/builds?uploads&max-uploads=x",
        "/builds?uploads&encoding-type=x",
    ] {
        path_style("GET", target, Err(Code::InvalidArgument));
    }
}

/// Method, target, headers.
type Request = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// A request of every operation that takes headers of its own, and of some that do not.
const REQUESTS: [Request; 18] = [
    ("PUT", "/builds/a", &[]),
    ("PUT", "/builds/a", &[("x-amz-copy-source", "other/a")]),
    ("GET", "/builds/a", &[]),
    ("HEAD", "/builds/a", &[]),
    ("GET", "/builds/a?attributes", &[("x-amz-object-attributes", "ETag")]),
    ("DELETE", "/builds/a", &[]),
    ("POST", "/builds/a?uploads", &[]),
    ("PUT", "/builds/a?partNumber=1&uploadId=x", &[]),
    ("PUT", "/builds/a?partNumber=1&uploadId=x", &[("x-amz-copy-source", "other/a")]),
    ("POST", "/builds/a?uploadId=x", &[]),
    ("DELETE", "/builds/a?uploadId=x", &[]),
    ("PUT", "/builds/a?retention", &[]),
    ("PUT", "/builds/a?tagging", &[]),
    ("PUT", "/builds", &[]),
    ("POST", "/builds?delete", &[("content-md5", "x")]),
    ("POST", "/builds", &[("content-type", "multipart/form-data; boundary=x")]),
    ("GET", "/builds", &[]),
    ("GET", "/", &[]),
];

/// Which of [`REQUESTS`] take `header`; all others refuse it.
fn only(header: (&str, &str), takers: &[usize]) {
    for (index, (method, target, headers)) in REQUESTS.iter().enumerate() {
        let mut sent = headers.to_vec();
        sent.push(header);
        // What is refused is refused by name, before its value is looked at.
        match (run(method, "h", target, &sent), takers.contains(&index)) {
            (Ok(_), true) => {}
            (Err(error), false) if error.code == Code::NotImplemented => {
                assert!(error.message.contains(header.0), "{error}");
            }
            (seen, _) => panic!("{method} {target} {sent:?}: {seen:?}"),
        }
    }
}

#[test]
fn headers_that_nobody_knows_are_refused() {
    for header in [
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "x"),
        ("x-amz-copy-source-server-side-encryption-customer-key", "x"),
        ("x-amz-acl", "public-read"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-grant-read", "id=x"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-object-ownership", "ObjectWriter"),
        ("x-amz-website-redirect-location", "/x"),
        ("x-amz-write-offset-bytes", "3"),
        ("x-amz-mfa", "x"),
        ("x-amz-security-token", "x"),
        ("x-amz-expected-bucket-owner", "123456789012"),
        ("x-amz-source-expected-bucket-owner", "123456789012"),
        ("x-amz-if-match-size", "3"),
        ("x-amz-if-match-last-modified-time", "x"),
        ("x-amz-checksum-sha512", "x"),
        ("x-amz-checksum-mode", "OFF"),
        ("x-amz-metadata-directive", "MERGE"),
        ("x-amz-tagging-directive", "copy"),
        ("x-amz-bucket-object-lock-enabled", "yes"),
        ("x-amz-bypass-governance-retention", "yes"),
        ("x-amz-request-payer", "x"),
        ("x-amz-unheard-of", "x"),
        ("x-amz-meta", "x"),
        ("content-range", "bytes 0-1/2"),
    ] {
        only(header, &[]);
    }
}

#[test]
fn headers_are_taken_by_the_operations_that_heed_them_alone() {
    let all: Vec<_> = (0..REQUESTS.len()).collect();
    for header in [
        ("x-amz-date", "x"),
        ("x-amz-content-sha256", "x"),
        ("x-amz-user-agent", "x"),
        ("x-amz-acl", "private"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amzn-trace-id", "x"),
        ("amz-sdk-request", "attempt=1"),
    ] {
        only(header, &all);
    }
    let bodies = [0, 7, 11, 12, 13, 14];
    only(("x-amz-decoded-content-length", "3"), &[0, 7, 9, 11, 12, 13, 14]);
    only(("x-amz-trailer", "x-amz-checksum-crc32"), &bodies);
    only(("x-amz-sdk-checksum-algorithm", "CRC32"), &bodies);
    only(("x-amz-checksum-crc64nvme", "x"), &[0, 7, 9, 11, 12, 13, 14]);
    only(("x-amz-meta-a", "x"), &[0, 1, 6]);
    only(("x-amz-object-lock-legal-hold", "ON"), &[0, 1, 6]);
    only(("x-amz-metadata-directive", "REPLACE"), &[1]);
    only(("x-amz-tagging-directive", "REPLACE"), &[1]);
    only(("x-amz-copy-source-if-match", "x"), &[1, 8]);
    only(("x-amz-copy-source-range", "bytes=0-1"), &[8]);
    only(("x-amz-checksum-mode", "ENABLED"), &[2, 3]);
    only(("x-amz-object-attributes", "ObjectSize"), &[4]);
    only(("x-amz-max-parts", "1"), &[4]);
    only(("x-amz-part-number-marker", "1"), &[4]);
    only(("x-amz-bypass-governance-retention", "true"), &[5, 11, 14]);
    only(("x-amz-checksum-algorithm", "CRC32"), &[6]);
    only(("x-amz-mp-object-size", "3"), &[9]);
    only(("x-amz-bucket-object-lock-enabled", "true"), &[13]);
    only(("x-amz-object-ownership", "BucketOwnerEnforced"), &[13]);
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
        ("DELETE", "/builds/a", ("if-match", "*"), Ok("DeleteObject builds/a")),
        ("DELETE", "/builds/a", ("if-none-match", "*"), Err(Code::NotImplemented)),
        ("DELETE", "/builds/a?versionId=null", ("if-match", "x"), Err(Code::NotImplemented)),
        ("POST", "/builds/a?uploadId=x", ("if-match", "*"), Ok("CompleteMultipartUpload builds/a")),
        ("POST", "/builds/a?uploads", ("if-match", "*"), Err(Code::NotImplemented)),
        ("PUT", "/builds/a?uploadId=x&partNumber=1", ("if-match", "*"), Err(Code::NotImplemented)),
        ("DELETE", "/builds/a?uploadId=x", ("if-match", "*"), Err(Code::NotImplemented)),
        ("PUT", "/builds/a?tagging", ("if-match", "*"), Err(Code::NotImplemented)),
        ("PUT", "/builds?versioning", ("if-match", "*"), Err(Code::NotImplemented)),
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
