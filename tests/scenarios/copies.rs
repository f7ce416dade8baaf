//! Copies through the front door: who may make them, of what, and under which names.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, Completed, completed, md5_hex, object};
use hallmark_tests::site::{Further, READER, SIGNED, Site};

const OPEN: &str = "open";
const SECRET: &str = "secret";
const HEADER: &str = "x-amz-meta-hallmark-signature";
/// May read and write in `open`, see what is in it, and nothing else.
const GUEST: (&str, &str) = ("AKIAGUEST", "secret-of-the-client-that-may-little");
/// May write in `open` and `secret`, and read nothing.
const DROP: (&str, &str) = ("AKIADROP", "secret-of-the-client-that-may-drop-things");

struct Lab {
    proxy: Proxy,
    client: Client,
    guest: Client,
}

fn lab() -> Lab {
    let site = Site::with_clients(
        &Options::default(),
        &[
            Further { name: "guest", credentials: GUEST, grants: &[(OPEN, "read, write, list")] },
            Further { name: "drop", credentials: DROP, grants: &[(OPEN, "write"), (SECRET, "write")] },
        ],
    );
    let proxy = Proxy::start_at(site);
    let (client, guest) = (proxy.client(), proxy.client_of(GUEST));
    for bucket in [OPEN, SECRET, SIGNED] {
        client.create_bucket(bucket);
    }
    assert_eq!(client.put(SECRET, "key", b"the secret").status, 200);
    assert_eq!(client.put(OPEN, "key", b"the artifact").status, 200);
    Lab { proxy, client, guest }
}

#[track_caller]
fn refused(what: &str, response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{what}: {}", response.text());
    assert!(!response.text().contains("the secret"), "{what}");
}

/// A copy with `source` as the header has it.
fn copy_of(client: &Client, source: &str, key: &str) -> Response {
    client.ask("PUT", &object(OPEN, key), &[("x-amz-copy-source", source)], &[])
}

/// What one may not read one cannot copy, nor to where one may not write: not whole, and not in parts.
#[test]
fn p2_copies_for_whom_they_are_not() {
    let Lab { proxy, client, guest } = lab();
    let (reader, drop) = (proxy.client_of(READER), proxy.client_of(DROP));
    for (what, who, source, bucket) in [
        ("out of a bucket that is closed", &guest, (SECRET, "key"), OPEN),
        ("out of a bucket that one may write alone", &drop, (SECRET, "key"), OPEN),
        ("out of a bucket that is not there", &guest, ("nowhere", "key"), OPEN),
        ("of a key that is not there, in a bucket that is closed", &guest, (SECRET, "absent"), OPEN),
        ("into a bucket that is closed", &guest, (OPEN, "key"), SECRET),
        ("into a bucket that one may read alone", &reader, (OPEN, "key"), SECRET),
        ("over itself, where one may read alone", &reader, (OPEN, "key"), OPEN),
    ] {
        let source = (source.0, source.1, None);
        refused(what, &who.copy(source, bucket, "copy", &[]), 403, "AccessDenied");
        let replace = [("x-amz-metadata-directive", "REPLACE")];
        refused(what, &who.copy(source, bucket, "copy", &replace), 403, "AccessDenied");
        let begun = client.create_upload(bucket, "copy", &[]);
        for upload in [who.ask_for_upload(bucket, "copy", &[]), begun.through(who).copy_part(1, source, &[])]
        {
            // An upload of one's own where one may write; of somebody else's there is none.
            match upload.status {
                200 => {
                    let own = hallmark_tests::s3::Upload {
                        client: who.clone(),
                        id: upload.element("UploadId"),
                        ..begun.clone()
                    };
                    refused(what, &own.copy_part(1, source, &[]), 403, "AccessDenied");
                    assert_eq!(own.parts("").elements("PartNumber"), Vec::<String>::new(), "{what}");
                }
                404 => refused(what, &upload, 404, "NoSuchUpload"),
                _ => refused(what, &upload, 403, "AccessDenied"),
            }
        }
        assert_eq!(client.get(bucket, "copy").status, 404, "{what}");
    }
    assert_eq!(guest.copy((OPEN, "key", None), OPEN, "copy", &[]).status, 200);
    assert_eq!(guest.get(OPEN, "copy").body, b"the artifact");
}

/// A header that decides what is copied must be signed, as every `x-amz-*`.
#[test]
fn p2_sources_that_nobody_signed() {
    let Lab { proxy: _proxy, client, .. } = lab();
    let mut request = client.request("PUT", &object(OPEN, "copy")).header("Content-Length", "0");
    client.signer().sign_body(&mut request);
    let response = client.send_as_is(&request.header("x-amz-copy-source", "/secret/key"));
    refused("added on the way", &response, 403, "AccessDenied");

    let mut request = client.request("PUT", &object(OPEN, "copy")).header("Content-Length", "0");
    request = request.header("x-amz-copy-source", "/open/key");
    client.signer().sign_body(&mut request);
    request.set_header("x-amz-copy-source", "/secret/key");
    refused("changed on the way", &client.send_as_is(&request), 403, "SignatureDoesNotMatch");

    // Whoever holds the URL of an upload cannot make a copy of it.
    let mut request = client.request("PUT", &object(OPEN, "copy"));
    client.signer().presign(&mut request, 60);
    let request = request.header("Content-Length", "0").header("x-amz-copy-source", "/secret/key");
    refused("with a presigned URL", &client.send_as_is(&request), 403, "AccessDenied");
    let mut request = client.request("PUT", &object(OPEN, "copy")).header("x-amz-copy-source", "/open/key");
    client.signer().presign(&mut request, 60);
    let mut other = request.clone().header("Content-Length", "0");
    other.set_header("x-amz-copy-source", "/secret/key");
    refused("with another source", &client.send_as_is(&other), 403, "SignatureDoesNotMatch");
    assert_eq!(client.get(OPEN, "copy").status, 404);
    assert_eq!(client.send_as_is(&request.header("Content-Length", "0")).status, 200, "as it was presigned");
}

/// Names are decoded once and never normalised: there is one source that a name is for, and it is the one that is judged.
#[test]
fn p2_names_of_sources() {
    let Lab { proxy: _proxy, client, guest } = lab();
    for name in [
        "/open/../secret/key",
        "open/../secret/key",
        "/open/%2e%2e/secret/key",
        "/open/..%2fsecret/key",
        "/open/a/../../secret/key",
        "/open/./key",
        "/./open/key",
        "/../secret/key",
        "//secret/key",
        "/open%2F..%2Fsecret%2Fkey",
        "/open/%ff",
        "/open/%zz",
        "/open/key%00",
        "/open/",
        "/open",
        "open",
        "",
        "/",
        "/open/key?versionId=",
        "/open/key?versionId=null&versionId=null",
        "/open/key?versionId=null&x=y",
        "/open/key?x=y",
        "/open/key?",
        "/open/key?VersionId=null",
        "/open/key#fragment?versionId=null?",
        "http://127.0.0.1/open/key",
        "arn:aws:s3:us-east-1:1:accesspoint/open/object/key",
        "/OPEN/key",
    ] {
        let response = copy_of(&guest, name, "copy");
        assert!(
            matches!(response.status, 400 | 403 | 404),
            "{name}: {} {}",
            response.status,
            response.text()
        );
        assert_eq!(client.get(OPEN, "copy").status, 404, "{name}: something was copied");
    }
    // Each of these is there, and each name is for one of them.
    let keys = ["a b", "a+b", "a%20b", "a/b", "a%2Fb", "k?versionId=null", "k", "ü", "a//b", "\"<&>"];
    for key in keys {
        assert_eq!(client.put(OPEN, key, key.as_bytes()).status, 200, "{key}");
    }
    for (name, key) in [
        ("/open/a%20b", "a b"),
        ("/open/a+b", "a b"),
        ("/open/a%2Bb", "a+b"),
        ("/open/a%2520b", "a%20b"),
        ("/open/a/b", "a/b"),
        ("/open/a%2Fb", "a/b"),
        ("open/a%2fb", "a/b"),
        ("/open/a%252Fb", "a%2Fb"),
        ("/open/a//b", "a//b"),
        ("/open/k%3FversionId=null", "k?versionId=null"),
        ("/open/k%3fversionId%3Dnull", "k?versionId=null"),
        ("/open/k?versionId=null", "k"),
        ("/open/k?versionId=n%75ll", "k"),
        ("%2Fopen%2Fk", "k"),
        ("/open/%C3%BC", "ü"),
        ("/open/%22%3C%26%3E", "\"<&>"),
    ] {
        let response = copy_of(&guest, name, "copy");
        assert_eq!(response.status, 200, "{name}: {}", response.text());
        assert_eq!(client.get(OPEN, "copy").text(), key, "{name}");
        client.delete(OPEN, "copy");
    }
    refused("decoded twice", &copy_of(&guest, "/open/%252e%252e", "copy"), 404, "NoSuchKey");
    let two = [("x-amz-copy-source", "/open/k"), ("x-amz-copy-source", "/secret/key")];
    let response = guest.ask("PUT", &object(OPEN, "copy"), &two, &[]);
    assert!(matches!(response.status, 400 | 403), "two sources: {}", response.text());
    assert_eq!(client.get(OPEN, "copy").status, 404);
}

/// The publisher's signature is metadata: it travels, unless the client says that it does not.
#[test]
fn p2_promotions_to_where_signatures_are_asked_for() {
    let Lab { proxy, client, .. } = lab();
    for length in [70_000, 3 * MIB, 9 * MIB] {
        let body = content(length, length);
        let (good, other) = (proxy.site.signature("ci", &body), proxy.site.signature("other", &body));
        for (key, headers) in [
            ("signed", &[(HEADER, good.as_str()), ("x-amz-meta-commit", "4f2a")][..]),
            ("unsigned", &[]),
            ("by-another", &[(HEADER, other.as_str())]),
        ] {
            assert_eq!(client.put_with(OPEN, key, &body, headers).status, 200);
        }
        let replace = ("x-amz-metadata-directive", "REPLACE");
        let sign = (HEADER, good.as_str());
        for (key, headers, code) in [
            ("unsigned", &[][..], "ArtifactSignatureMissing"),
            // Not without the directive: as in S3, what stands beside it is ignored.
            ("unsigned", &[sign], "ArtifactSignatureMissing"),
            ("by-another", &[], "ArtifactSignerUntrusted"),
            ("signed", &[replace], "ArtifactSignatureMissing"),
            ("signed", &[replace, (HEADER, other.as_str())], "ArtifactSignerUntrusted"),
        ] {
            let response = client.copy((OPEN, key, None), SIGNED, "app", headers);
            refused(key, &response, 403, code);
            assert_eq!(client.get(SIGNED, "app").status, 404, "{key}");
        }
        for (key, headers) in [("signed", &[][..]), ("unsigned", &[replace, sign])] {
            let response = client.copy((OPEN, key, None), SIGNED, "app", headers);
            assert_eq!(response.status, 200, "{key}: {}", response.text());
            let got = client.get(SIGNED, "app");
            assert_same(&got.body, &body, key);
            assert_eq!(got.header("x-hallmark-verified"), Some("seal,ci"), "{key}");
            assert_eq!(got.header("x-amz-meta-commit"), (key == "signed").then_some("4f2a"));
            assert_eq!(client.delete(SIGNED, "app").status, 204);
        }
    }
}

/// What a copy says of its source, it says of what is sealed.
#[test]
fn copies_judge_conditions_on_their_source() {
    let Lab { proxy: _proxy, client, .. } = lab();
    let (past, future) = ("Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    let same = format!("\"{}\"", md5_hex(b"the artifact"));
    let (m, n) = ("x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match");
    let (s, u) = ("x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since");
    let other = "\"other\"";
    let cases: [(&[(&str, &str)], bool); 14] = [
        (&[(m, &same)], true),
        (&[(m, "*")], true),
        (&[(m, other)], false),
        (&[(n, &same)], false),
        (&[(n, "*")], false),
        (&[(n, other)], true),
        (&[(s, past)], true),
        (&[(s, future)], false),
        (&[(u, past)], false),
        (&[(u, future)], true),
        (&[(m, &same), (u, past)], true),
        (&[(n, &same), (s, past)], false),
        (&[(m, other), (u, future)], false),
        (&[(m, &same), (n, &same)], false),
    ];
    for (headers, holds) in cases {
        let whole = client.copy((OPEN, "key", None), OPEN, "copy", headers);
        let upload = client.create_upload(OPEN, "parts", &[]);
        let part = upload.copy_part(1, (OPEN, "key", None), headers);
        for response in [&whole, &part] {
            if holds {
                assert_eq!(response.status, 200, "{headers:?}: {}", response.text());
            } else {
                refused(&format!("{headers:?}"), response, 412, "PreconditionFailed");
            }
        }
        assert_eq!(client.get(OPEN, "copy").status, if holds { 200 } else { 404 }, "{headers:?}");
        client.delete(OPEN, "copy");
    }
}

/// Over itself a copy is made for new metadata alone; the bytes and their ETag stay.
#[test]
fn copies_to_themselves() {
    let Lab { proxy: _proxy, client, .. } = lab();
    for length in [70_000, 9 * MIB] {
        let body = content(length, length);
        let before = [("x-amz-meta-commit", "4f2a"), ("Content-Type", "text/plain")];
        let put = client.put_with(OPEN, "self", &body, &before);
        let source = (OPEN, "self", None);
        refused("as it is", &client.copy(source, OPEN, "self", &[]), 400, "InvalidRequest");
        let after = [
            ("x-amz-metadata-directive", "REPLACE"),
            ("x-amz-meta-commit", "77aa"),
            ("Content-Type", "application/x-tar"),
        ];
        let copied = client.copy(source, OPEN, "self", &after);
        assert_eq!(copied.status, 200, "{}", copied.text());
        let got = client.get(OPEN, "self");
        assert_same(&got.body, &body, "the same bytes");
        assert_eq!(got.header("etag"), put.header("etag"));
        assert_eq!(got.header("x-amz-meta-commit"), Some("77aa"));
        assert_eq!(got.header("content-type"), Some("application/x-tar"));
        assert!(got.header("x-amz-meta-hallmark").unwrap().contains(" op=copy "));
        let wrong = client.copy(source, OPEN, "self", &[("x-amz-metadata-directive", "replace")]);
        refused("no directive", &wrong, 501, "NotImplemented");
    }
}

/// An older version is copied as what it is, and named; deleted ones are none.
#[test]
fn copies_of_versions() {
    let Lab { proxy: _proxy, client, .. } = lab();
    assert_eq!(client.set_versioning(OPEN, "Enabled").status, 200);
    let put = |body: &[u8], commit: &str| {
        let put = client.put_with(OPEN, "app", body, &[("x-amz-meta-commit", commit)]);
        put.header("x-amz-version-id").unwrap().to_owned()
    };
    let old = put(b"old", "1");
    let new = put(b"new", "2");
    for (version, body, commit) in
        [(Some(old.as_str()), "old", "1"), (Some(&new), "new", "2"), (None, "new", "2")]
    {
        let copied = client.copy((OPEN, "app", version), SECRET, "copy", &[]);
        assert_eq!(copied.status, 200, "{}", copied.text());
        let expected = version.unwrap_or(&new);
        assert_eq!(copied.header("x-amz-copy-source-version-id"), Some(expected));
        let got = client.get(SECRET, "copy");
        assert_eq!((got.text().as_str(), got.header("x-amz-meta-commit")), (body, Some(commit)));
        let upload = client.create_upload(SECRET, "parts", &[]);
        let part = upload.copy_part(1, (OPEN, "app", version), &[]);
        assert_eq!(part.header("x-amz-copy-source-version-id"), Some(expected), "{}", part.text());
        completed(&upload.complete(&[Completed::new(1, &part.element("ETag"))])).unwrap();
        assert_eq!(client.get(SECRET, "parts").text(), body);
    }
    // An older version of it, over itself, is the newest again.
    let copied = client.copy((OPEN, "app", Some(&old)), OPEN, "app", &[]);
    assert_eq!(copied.status, 200, "{}", copied.text());
    assert_eq!(client.get(OPEN, "app").text(), "old");
    assert!(![&old, &new].iter().any(|known| copied.header("x-amz-version-id") == Some(known.as_str())));

    let marker = client.delete(OPEN, "app").header("x-amz-version-id").unwrap().to_owned();
    refused("deleted", &client.copy((OPEN, "app", None), SECRET, "no", &[]), 404, "NoSuchKey");
    let of_marker = client.copy((OPEN, "app", Some(&marker)), SECRET, "no", &[]);
    refused("a delete marker", &of_marker, 405, "MethodNotAllowed");
    refused(
        "of another key",
        &client.copy((OPEN, "key", Some(&old)), SECRET, "no", &[]),
        404,
        "NoSuchVersion",
    );
    assert_eq!(client.get(SECRET, "no").status, 404);
    assert_eq!(client.copy((OPEN, "app", Some(&new)), SECRET, "yes", &[]).status, 200);
}

/// Ranges are of the source as it is, and of one form.
#[test]
fn ranges_of_sources() {
    let Lab { proxy: _proxy, client, .. } = lab();
    let body = content(1, 70_000);
    assert_eq!(client.put(OPEN, "app", &body).status, 200);
    let upload = client.create_upload(OPEN, "copy", &[]);
    for (range, status, code) in [
        ("bytes=0-70000", 416, "InvalidRange"),
        ("bytes=70000-70001", 416, "InvalidRange"),
        ("bytes=5-4", 400, "InvalidArgument"),
        ("bytes=-5", 400, "InvalidArgument"),
        ("bytes=5-", 400, "InvalidArgument"),
        ("bytes=0-1,3-4", 400, "InvalidArgument"),
        ("0-1", 400, "InvalidArgument"),
        ("bytes=0-18446744073709551615", 400, "InvalidArgument"),
    ] {
        let response = upload.copy_part(1, (OPEN, "app", None), &[("x-amz-copy-source-range", range)]);
        refused(range, &response, status, code);
    }
    for (number, range, part) in [(1, "bytes=0-0", &body[..1]), (2, "bytes=5-69999", &body[5..])] {
        let response = upload.copy_part(number, (OPEN, "app", None), &[("x-amz-copy-source-range", range)]);
        assert_eq!(response.status, 200, "{range}: {}", response.text());
        let listed = upload.parts("");
        assert_eq!(listed.elements("Size").last(), Some(&part.len().to_string()));
    }
}
