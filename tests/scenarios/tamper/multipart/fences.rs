//! Completes that come late, twice, or wake up when all is over; and streams that break off.

use hallmark_proxy::store::StoreFault;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::memory::{Call, Mishap};
use hallmark_tests::raw::{Asked, Connection};
use hallmark_tests::s3::{checksum, completed, object};
use hallmark_tests::sigv4::{UNSIGNED, UNSIGNED_TRAILER, unsigned_chunk, unsigned_trailers};
use hallmark_tests::site::SIGNED;

use super::super::{BUCKET, KEY, Lab};
use super::{LARGE, SMALL};

/// A repeated Complete is answered as the first was, and does nothing: what came after it stays, or stays gone.
#[test]
fn p6_completes_repeated_after_a_newer_upload() {
    for lengths in [&SMALL[..], &LARGE] {
        let lab = Lab::new();
        let other = lab.another();
        let begun = lab.begin(BUCKET, KEY, lengths, &[]);
        let first = begun.complete(&lab);
        let etag = completed(&first).unwrap();
        let newer = lab.begin_with(BUCKET, KEY, &[b"newer".to_vec()], &[]);
        newer.succeed(&other);
        for through in [&lab, &other] {
            assert_eq!(completed(&begun.complete(through)).as_ref(), Ok(&etag));
            assert_eq!(lab.client.get(BUCKET, KEY).body, b"newer");
        }
        assert_eq!(lab.client.delete(BUCKET, KEY).status, 204);
        for through in [&lab, &other] {
            assert_eq!(completed(&begun.complete(through)).as_ref(), Ok(&etag));
            assert_eq!(lab.client.get(BUCKET, KEY).status, 404);
        }
        assert_eq!(lab.store.stage_names(), Vec::<String>::new());
    }
}

/// A Complete that died before its last step, and is repeated when the key holds something newer: that stays.
#[test]
fn p6_completes_repeated_after_they_died() {
    for (name, mishap) in [
        ("made, but nobody heard of it", Mishap::PersistsAndFails(StoreFault::Timeout)),
        ("not made", Mishap::Fails(StoreFault::Timeout)),
    ] {
        let lab = Lab::new();
        let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
        lab.store.go_wrong(Call::Promote, mishap);
        lab.store.go_wrong(Call::Head.naming(KEY).after(1), Mishap::Fails(StoreFault::Timeout));
        let died = begun.complete(&lab);
        assert!(died.status >= 500, "{name}: {}", died.text());
        lab.store.forget_mishaps();
        lab.upload(BUCKET, KEY, b"newer", &[]);
        for through in [&lab.another(), &lab] {
            completed(&begun.complete(through)).unwrap_or_else(|code| panic!("{name}: {code}"));
            assert_eq!(lab.client.get(BUCKET, KEY).body, b"newer", "{name}");
        }
    }
}

/// A Complete that stands still right before its last step, is finished through another instance, and wakes up when all
/// is over: it finds nothing that it could make an artifact of.
#[test]
fn p6_completes_that_wake_up_when_all_is_over() {
    for after in ["overwritten", "deleted"] {
        let lab = Lab::new();
        let other = lab.another();
        let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
        let gate = lab.store.hold(Call::Promote);
        std::thread::scope(|scope| {
            let asleep = scope.spawn(|| begun.complete(&lab));
            gate.wait();
            begun.succeed(&other);
            if after == "overwritten" {
                lab.upload(BUCKET, KEY, b"newer", &[]);
            } else {
                assert_eq!(other.client.delete(BUCKET, KEY).status, 204);
            }
            gate.release();
            // It is answered as the other was.
            assert_eq!(completed(&asleep.join().unwrap()), completed(&begun.complete(&other)), "{after}");
        });
        let got = lab.client.get(BUCKET, KEY);
        if after == "overwritten" {
            assert_eq!(got.body, b"newer");
        } else {
            assert_eq!(got.status, 404, "what was deleted has come back");
        }
    }
}

/// A stream whose length nobody said becomes nothing if it breaks off, does not end as it must, or is not what it says.
#[test]
fn p2_streams_that_break_off() {
    let lab = Lab::new();
    lab.upload(BUCKET, KEY, b"what was there before", &[]);
    let body = content(1, 17 * MIB);
    let (crc, wrong) = (checksum("crc32", &body), checksum("crc32", b"other"));
    for (name, sent, end, whole) in [
        ("cut in the first part", 7 * MIB, None, false),
        ("cut in the second part", 12 * MIB, None, false),
        ("cut before the last chunk", 17 * MIB, None, false),
        ("another checksum", 17 * MIB, Some(wrong), true),
        ("as it is", 17 * MIB, Some(crc), true),
    ] {
        let mut request = lab
            .client
            .request("PUT", &object(BUCKET, KEY))
            .header("Transfer-Encoding", "chunked")
            .header("Content-Encoding", "aws-chunked")
            .header("x-amz-trailer", "x-amz-checksum-crc32");
        lab.client.signer().sign(&mut request, UNSIGNED_TRAILER);
        let mut framed = Vec::new();
        for part in body[..usize::try_from(sent).unwrap()].chunks(1 << 20) {
            framed.extend(http_chunk(&unsigned_chunk(part)));
        }
        if let Some(value) = &end {
            framed.extend(http_chunk(&unsigned_trailers(&[("x-amz-checksum-crc32", value)])));
            framed.extend(b"0\r\n\r\n");
        }
        let mut connection = Connection::open(lab.client.address);
        connection.send(&request.head());
        connection.send(&framed);
        if !whole {
            connection.finish();
        }
        let response = connection.response(Asked::Other);
        if name == "as it is" {
            assert_eq!(response.status, 200, "{}", response.text());
            assert_same(&lab.client.get(BUCKET, KEY).body, &body, name);
        } else {
            assert!(response.status != 200, "{name}");
            assert_eq!(lab.client.get(BUCKET, KEY).body, b"what was there before", "{name}");
        }
    }
}

/// What holds for every upload holds for a stream: its rule, its condition, and what it must not look like.
#[test]
fn p2_streams_are_judged_like_every_upload() {
    let lab = Lab::new();
    let (body, header) = (content(1, 9 * MIB), "x-amz-meta-hallmark-signature");
    let mut statement = body.clone();
    statement[..7].copy_from_slice(b"DSSEv1 ");
    let (good, other) = (lab.proxy.site.signature("ci", &body), lab.proxy.site.signature("other", &body));
    lab.upload(BUCKET, KEY, b"what was there before", &[]);
    let stream = |bucket: &str, body: &[u8], headers: &[(&str, &str)]| {
        let mut request =
            lab.client.request("PUT", &object(bucket, KEY)).header("Transfer-Encoding", "chunked");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        lab.client.signer().sign(&mut request, UNSIGNED);
        let framed = [http_chunk(body), b"0\r\n\r\n".to_vec()].concat();
        Connection::open(lab.client.address).exchange(&[&request.head(), &framed], Asked::Other)
    };
    for (bucket, body, headers, status, code) in [
        (SIGNED, &body, &[][..], 403, "ArtifactSignatureMissing"),
        (SIGNED, &body, &[(header, other.as_str())], 403, "ArtifactSignerUntrusted"),
        (BUCKET, &statement, &[], 400, "InvalidRequest"),
        (BUCKET, &body, &[("If-None-Match", "*")], 412, "PreconditionFailed"),
        (BUCKET, &body, &[("If-Match", "\"other\"")], 412, "PreconditionFailed"),
        (BUCKET, &body, &[("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")], 400, "BadDigest"),
    ] {
        let response = stream(bucket, body, headers);
        assert_eq!((response.status, response.code().as_str()), (status, code), "{}", response.text());
        assert!(lab.store.find(SIGNED, KEY).is_none());
        assert_eq!(lab.client.get(BUCKET, KEY).body, b"what was there before");
    }
    let response = stream(SIGNED, &body, &[(header, &good)]);
    assert_eq!(response.status, 200, "{}", response.text());
    let got = lab.client.get(SIGNED, KEY);
    assert_same(&got.body, &body, "signed");
    assert_eq!(got.header("x-hallmark-verified"), Some("seal,ci"));
}

/// A chunk of `Transfer-Encoding: chunked`.
fn http_chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}
