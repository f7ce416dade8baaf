//! Buckets, objects and listings through the front door.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, checksum, md5_hex, object};
use hallmark_tests::sigv4::{CHUNKED, UNSIGNED, encode};
use hallmark_tests::site::{NOBODY, READER};

const BUCKET: &str = "artifacts";

fn lab() -> (Proxy, Client) {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    (proxy, client)
}

#[track_caller]
fn refused(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{}", response.text());
}

#[test]
fn what_is_uploaded_is_downloaded_with_its_headers() {
    let (_proxy, client) = lab();
    for length in [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 7] {
        let body = content(length, length);
        let etag = format!("\"{}\"", md5_hex(&body));
        let headers =
            [("Content-Type", "text/plain"), ("Cache-Control", "no-cache"), ("x-amz-meta-commit", "4f2a")];
        let put = client.put_with(BUCKET, "key", &body, &headers);
        assert_eq!((put.status, put.header("etag")), (200, Some(etag.as_str())), "{}", put.text());
        let (get, head) = (client.get(BUCKET, "key"), client.head(BUCKET, "key"));
        assert_same(&get.body, &body, "the body");
        for response in [&get, &head] {
            assert_eq!(response.status, 200);
            assert_eq!(response.header("content-length"), Some(length.to_string().as_str()));
            assert_eq!(response.header("etag"), Some(etag.as_str()));
            assert_eq!(response.header("x-hallmark-verified"), Some("seal"));
            assert!(response.header("x-amz-meta-hallmark").is_some_and(|seal| seal.starts_with("v=1 id=")));
            for (name, value) in headers {
                assert_eq!(response.header(&name.to_ascii_lowercase()), Some(value));
            }
        }
    }
}

/// Clients send back what they were shown. Of what is Hallmark's own nothing is taken over but a publisher's signature,
/// and the framing of a transfer is no part of the content.
#[test]
fn p3_headers_that_are_not_the_clients_are_not_kept() {
    let (proxy, client) = lab();
    assert_eq!(client.put(BUCKET, "first", b"first").status, 200);
    let seal = client.head(BUCKET, "first").header("x-amz-meta-hallmark").unwrap().to_owned();
    let signature = proxy.site.signature("ci", b"second");
    let sent = [
        ("x-amz-meta-hallmark", seal.as_str()),
        ("x-amz-meta-hallmark-sum", "SHA256:FULL_OBJECT:forged"),
        ("x-amz-meta-hallmark-log", "forged"),
        ("x-amz-meta-hallmark-other", "forged"),
        ("x-amz-meta-hallmark-signature", &signature),
        ("X-Amz-Meta-Commit", "4f2a"),
        ("Content-Encoding", "gzip,aws-chunked"),
    ];
    // In one piece that nobody signed, `aws-chunked` may be a lie about the body.
    let mut lie = client.request("PUT", &object(BUCKET, "second"));
    for (name, value) in sent {
        lie = lie.header(name, value);
    }
    lie.body = b"second".to_vec();
    lie.set_header("Content-Length", "6");
    let _ = client.signer().sign(&mut lie, UNSIGNED);
    refused(&client.send_as_is(&lie), 400, "InvalidRequest");
    let mut request = client.request("PUT", &object(BUCKET, "second"));
    for (name, value) in sent {
        request = request.header(name, value);
    }
    let mut request = request.header("x-amz-decoded-content-length", "6");
    let mut chain = client.signer().sign(&mut request, CHUNKED);
    request.body = [chain.chunk(b"second"), chain.chunk(b"")].concat();
    request.set_header("Content-Length", request.body.len().to_string());
    let put = client.send_as_is(&request);
    assert_eq!(put.status, 200, "{}", put.text());

    let head = client.head(BUCKET, "second");
    assert_ne!(head.header("x-amz-meta-hallmark"), Some(seal.as_str()));
    assert_eq!(head.header("content-encoding"), Some("gzip"));
    let metadata: Vec<_> = head
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with("x-amz-meta-"))
        .collect();
    for name in ["x-amz-meta-hallmark", "x-amz-meta-hallmark-signature", "x-amz-meta-commit"] {
        assert!(metadata.contains(&name), "{metadata:?}");
    }
    assert_eq!(metadata.len(), 3, "{metadata:?}");
}

#[test]
fn ranges_are_cut_to_the_byte() {
    let (_proxy, client) = lab();
    for length in [1, 1000, MIB, 3 * MIB + 5, 9 * MIB + 5] {
        let body = content(length, length);
        assert_eq!(client.put(BUCKET, "key", &body).status, 200);
        let last = length - 1;
        for (range, from, to) in [
            ("bytes=0-0".to_owned(), 0, 0),
            ("bytes=0-".to_owned(), 0, last),
            (format!("bytes={last}-{last}"), last, last),
            (format!("bytes={}-{}", length / 2, u64::MAX), length / 2, last),
            ("bytes=-1".to_owned(), last, last),
            (format!("bytes=-{}", length + 10), 0, last),
            (format!("bytes={}-{}", (MIB - 1).min(last), MIB.min(last)), (MIB - 1).min(last), MIB.min(last)),
        ] {
            let response = client.get_range(BUCKET, "key", &range);
            assert_eq!(response.status, 206, "{length} {range}: {}", response.text());
            assert_eq!(
                response.header("content-range"),
                Some(format!("bytes {from}-{to}/{length}").as_str())
            );
            let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
            assert_same(&response.body, &body[from..=to], &range);
        }
        refused(&client.get_range(BUCKET, "key", &format!("bytes={length}-")), 416, "InvalidRange");
    }
    client.put(BUCKET, "empty", b"");
    refused(&client.get_range(BUCKET, "empty", "bytes=0-0"), 416, "InvalidRange");
}

#[test]
fn conditions_are_judged_by_what_is_sealed() {
    let (_proxy, client) = lab();
    let first = client.put(BUCKET, "key", b"first");
    let etag = first.header("etag").unwrap().to_owned();
    let with = |method: &str, header: &str, value: &str| {
        let mut request = client.request(method, &object(BUCKET, "key")).header(header, value);
        if method == "PUT" {
            request.body = b"second".to_vec();
        }
        client.send(request)
    };
    for (header, value, status) in [
        ("If-Match", etag.as_str(), 200),
        ("If-Match", "\"0123\"", 412),
        ("If-Match", "*", 200),
        ("If-None-Match", etag.as_str(), 304),
        ("If-None-Match", "\"0123\"", 200),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", 304),
        ("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT", 200),
        ("If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT", 412),
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(with(method, header, value).status, status, "{method} {header}: {value}");
        }
    }
    refused(&with("PUT", "If-None-Match", "*"), 412, "PreconditionFailed");
    refused(&with("PUT", "If-Match", "\"0123\""), 412, "PreconditionFailed");
    assert_eq!(client.get(BUCKET, "key").body, b"first");
    assert_eq!(with("PUT", "If-Match", &etag).status, 200);
    assert_eq!(client.get(BUCKET, "key").body, b"second");
}

#[test]
fn every_checksum_is_kept_and_shown() {
    let (_proxy, client) = lab();
    let body = content(1, 70_000);
    for algorithm in ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"] {
        let name = format!("x-amz-checksum-{algorithm}");
        let value = checksum(algorithm, &body);
        let put = client.put_with(BUCKET, algorithm, &body, &[(&name, &value)]);
        assert_eq!((put.status, put.header(&name)), (200, Some(value.as_str())), "{}", put.text());
        let mut asked = client.request("GET", &object(BUCKET, algorithm));
        asked.set_header("x-amz-checksum-mode", "ENABLED");
        assert_eq!(client.send(asked.clone()).header(&name), Some(value.as_str()));
        assert_eq!(client.get(BUCKET, algorithm).header(&name), None, "not asked for");
        asked.set_header("Range", "bytes=0-9");
        assert_eq!(client.send(asked).header(&name), None, "of other bytes than the range");
    }
}

#[test]
fn buckets_are_made_listed_and_deleted() {
    let (proxy, client) = lab();
    client.create_bucket("another");
    let bucket = |method: &str, target: &str| client.send(client.request(method, target));
    assert_eq!(bucket("GET", "/").elements("Name"), ["another", BUCKET]);
    assert_eq!(bucket("HEAD", "/another").status, 200);
    assert_eq!(bucket("HEAD", "/nowhere").status, 404);
    assert_eq!(bucket("GET", "/another?location").status, 200);
    client.put("another", "key", b"x");
    refused(&bucket("DELETE", "/another"), 409, "BucketNotEmpty");
    assert_eq!(client.delete("another", "key").status, 204);
    assert_eq!(bucket("DELETE", "/another").status, 204);
    refused(&bucket("DELETE", "/another"), 404, "NoSuchBucket");
    refused(&client.get("another", "key"), 404, "NoSuchBucket");
    refused(&client.get(BUCKET, "key"), 404, "NoSuchKey");
    let nobody = proxy.client_of(NOBODY);
    refused(&nobody.send(nobody.request("PUT", "/theirs")), 403, "AccessDenied");
}

#[test]
fn who_may_not_is_refused() {
    let (proxy, client) = lab();
    client.put(BUCKET, "key", b"x");
    let (reader, nobody) = (proxy.client_of(READER), proxy.client_of(NOBODY));
    assert_eq!(reader.get(BUCKET, "key").status, 200);
    assert_eq!(reader.keys(BUCKET, ""), ["key"]);
    refused(&reader.put(BUCKET, "key", b"y"), 403, "AccessDenied");
    refused(&reader.delete(BUCKET, "key"), 403, "AccessDenied");
    refused(&nobody.get(BUCKET, "key"), 403, "AccessDenied");
    // Nor does it learn what is there.
    refused(&nobody.get(BUCKET, "absent"), 403, "AccessDenied");
    refused(&nobody.list(BUCKET, "list-type=2"), 403, "AccessDenied");
    let anonymous = client.send_as_is(&client.request("GET", &object(BUCKET, "key")));
    refused(&anonymous, 403, "AccessDenied");
    assert_eq!(client.get(BUCKET, "key").body, b"x");
}

#[test]
fn many_are_deleted_at_once() {
    let (_proxy, client) = lab();
    let keys = ["a", "b/c d", "<&>", "ü"];
    for key in keys {
        client.put(BUCKET, key, b"x");
    }
    let listed: String = ["a", "b/c d", "&lt;&amp;&gt;", "ü", "absent"]
        .iter()
        .map(|key| format!("<Object><Key>{key}</Key></Object>"))
        .collect();
    let mut request = client.request("POST", &format!("/{BUCKET}?delete"));
    request.body = format!("<Delete>{listed}</Delete>").into_bytes();
    let digest = checksum("md5", &request.body);
    let response = client.send(request.header("Content-MD5", digest));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.elements("Key"), ["a", "b/c d", "<&>", "ü", "absent"]);
    assert_eq!(client.keys(BUCKET, ""), Vec::<String>::new());
}

/// Keys in the order of their bytes, page by page, in both versions of the call.
#[test]
fn listings_are_paged() {
    let (_proxy, client) = lab();
    let mut keys: Vec<String> = (0..25).map(|number| format!("dir{}/key {number:02}", number % 3)).collect();
    keys.extend(["a+b", "a b", "z&<>", "ü/ö", "dir1"].map(str::to_owned));
    for key in &keys {
        assert_eq!(client.put(BUCKET, key, b"x").status, 200, "{key}");
    }
    keys.sort_unstable();
    assert_eq!(client.keys(BUCKET, ""), keys);

    let mut listed = (Vec::new(), Vec::new());
    let (mut token, mut marker) = (String::new(), String::new());
    loop {
        let page = client.list(BUCKET, &format!("list-type=2&max-keys=4{token}"));
        assert_eq!(page.element("KeyCount"), page.elements("Key").len().to_string());
        listed.0.extend(page.elements("Key"));
        if page.element("IsTruncated") == "false" {
            break;
        }
        token = format!("&continuation-token={}", encode(&page.element("NextContinuationToken")));
    }
    loop {
        let page = client.list(BUCKET, &format!("max-keys=4{marker}"));
        listed.1.extend(page.elements("Key"));
        if page.element("IsTruncated") == "false" {
            break;
        }
        marker = format!("&marker={}", encode(listed.1.last().unwrap()));
    }
    assert_eq!((&listed.0, &listed.1), (&keys, &keys));
    assert_eq!(client.list(BUCKET, "list-type=2&max-keys=0").elements("Key"), Vec::<String>::new());
    assert_eq!(client.list(BUCKET, "list-type=2&start-after=z").elements("Key"), ["z&<>", "ü/ö"]);
}

/// Keys that share what stands before a delimiter are one line.
#[test]
fn listings_are_rolled_up() {
    let (_proxy, client) = lab();
    for key in ["a", "b/1", "b/2", "b/c/3", "b//4", "d/"] {
        client.put(BUCKET, key, b"x");
    }
    for (query, keys, prefixes) in [
        ("delimiter=/", &["a"][..], &["b/", "d/"][..]),
        ("delimiter=/&prefix=b/", &["b/1", "b/2"], &["b//", "b/c/"]),
        ("delimiter=/&prefix=b", &[], &["b/"]),
        ("delimiter=/&start-after=b/", &[], &["d/"]),
        ("prefix=b/c", &["b/c/3"], &[]),
        ("prefix=nothing", &[], &[]),
    ] {
        let page = client.list(BUCKET, &format!("list-type=2&{query}"));
        assert_eq!(page.elements("Key"), keys, "{query}");
        // The first is the request's own.
        let all = page.text().replacen("<Prefix>", "<Asked>", 1);
        let common: Vec<_> =
            all.split("<Prefix>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(common, prefixes, "{query}");
    }
}
