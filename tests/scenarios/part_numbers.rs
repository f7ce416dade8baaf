//! Reading by parts: `partNumber`, and what GetObjectAttributes says of them; of good artifacts and of tampered ones.

use std::sync::Arc;

use hallmark_proxy::store::{StateArea, Store};
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::raw::{End, Response};
use hallmark_tests::s3::{Client, checksum, completed, composite, md5_hex};
use hallmark_tests::site::Options;

const BUCKET: &str = "artifacts";
const KEY: &str = "app.tar";
/// Of at most 8 MiB: seal and part table stand on the object.
const SMALL: [u64; 2] = [5 * MIB, 70_005];
/// Larger: they stand in a record. Parts begin and end within leaves.
const LARGE: [u64; 4] = [5 * MIB + 7, 5 * MIB + 500_000, 5 * MIB, 3];

struct Lab {
    _proxy: InProcess,
    store: Arc<MemoryStore>,
    client: Client,
}

fn lab() -> Lab {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start_with(&Options::nothing_kept(), Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    Lab { _proxy: proxy, store, client }
}

/// Uploads in parts; gives them.
fn upload(lab: &Lab, lengths: &[u64], headers: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let parts: Vec<_> = (1..).zip(lengths).map(|(seed, length)| content(seed, *length)).collect();
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    completed(&lab.client.put_parts(BUCKET, KEY, &slices, headers)).unwrap();
    parts
}

fn part(lab: &Lab, number: u64) -> Response {
    lab.client.get_query(BUCKET, KEY, &format!("partNumber={number}"))
}

#[track_caller]
fn refused(what: &str, response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{what}: {}", response.text());
    assert!(response.body.is_empty() || response.body.starts_with(b"<?xml"), "{what}");
    assert_eq!((response.header("etag"), response.header("content-range")), (None, None), "{what}");
}

#[test]
fn parts_are_read_by_their_numbers() {
    for lengths in [&SMALL[..], &LARGE, &[3], &[5 * MIB, 5 * MIB, 5 * MIB]] {
        let lab = lab();
        let parts = upload(&lab, lengths, &[]);
        let (whole, count) = (parts.concat(), parts.len().to_string());
        let mut start = 0;
        for (number, bytes) in (1..).zip(&parts) {
            let query = format!("partNumber={number}");
            let (got, head) = (part(&lab, number), lab.client.head_with(BUCKET, KEY, &query, &[]));
            assert_same(&got.body, bytes, &query);
            let range = format!("bytes {start}-{}/{}", start + bytes.len() - 1, whole.len());
            for response in [&got, &head] {
                assert_eq!(response.status, 206, "{query}: {}", response.code());
                assert_eq!(response.header("content-range"), Some(range.as_str()));
                assert_eq!(response.header("content-length"), Some(bytes.len().to_string().as_str()));
                assert_eq!(response.header("x-amz-mp-parts-count"), Some(count.as_str()));
                assert_eq!(response.header("x-hallmark-verified"), Some("seal"));
            }
            start += bytes.len();
        }
        let next = parts.len() as u64 + 1;
        for number in [next, 10_000] {
            refused("out of range", &part(&lab, number), 400, "InvalidPart");
            let head = lab.client.head_with(BUCKET, KEY, &format!("partNumber={number}"), &[]);
            assert_eq!((head.status, head.body.len()), (400, 0));
        }
        for number in ["0", "10001", "-1", "x", ""] {
            let response = lab.client.get_query(BUCKET, KEY, &format!("partNumber={number}"));
            refused(number, &response, 400, "InvalidArgument");
        }
        let both = lab.client.get_with(BUCKET, KEY, "partNumber=1", &[("Range", "bytes=0-1")]);
        refused("a part and a range", &both, 400, "InvalidRequest");
        // Without a number nothing is said of parts.
        assert_eq!(lab.client.get(BUCKET, KEY).header("x-amz-mp-parts-count"), None);
    }
}

/// What came in one piece is its own first part.
#[test]
fn what_has_no_parts_is_its_own_first() {
    let lab = lab();
    for length in [0, 1, 3 * MIB, 9 * MIB] {
        let body = content(length, length);
        assert_eq!(lab.client.put(BUCKET, KEY, &body).status, 200);
        let got = part(&lab, 1);
        assert_eq!(got.status, if length == 0 { 200 } else { 206 }, "{}", got.text());
        assert_same(&got.body, &body, "the first part");
        assert_eq!(got.header("x-amz-mp-parts-count"), None);
        refused("the second", &part(&lab, 2), 400, "InvalidPart");
    }
}

/// A condition goes before the part.
#[test]
fn parts_on_conditions() {
    let lab = lab();
    upload(&lab, &SMALL, &[]);
    let etag = lab.client.head(BUCKET, KEY).header("etag").unwrap().to_owned();
    for (header, value, status) in [
        ("If-Match", etag.as_str(), 206),
        ("If-Match", "\"other\"", 412),
        ("If-None-Match", &etag, 304),
        ("If-None-Match", "\"other\"", 206),
    ] {
        let got = lab.client.get_with(BUCKET, KEY, "partNumber=2", &[(header, value)]);
        assert_eq!(got.status, status, "{header}: {value}");
    }
}

/// A part that lies in a bad leaf is refused; one that runs into a bad leaf ends where the good one does; others are
/// served.
#[test]
fn p1_parts_in_bad_leaves() {
    let leaf = usize::try_from(MIB).unwrap();
    for lengths in [&SMALL[..], &LARGE] {
        let lab = lab();
        let parts = upload(&lab, lengths, &[]);
        let whole = parts.concat();
        let mut begins = vec![0];
        for bytes in &parts {
            begins.push(begins.last().unwrap() + bytes.len());
        }
        for bad in [0, 5 * leaf, 5 * leaf + 6, whole.len() - 1, whole.len() / 2] {
            if bad >= whole.len() {
                continue;
            }
            lab.store.edit(BUCKET, KEY, |object| object.flip(bad));
            let bad_leaf = bad / leaf * leaf..(bad / leaf + 1) * leaf;
            for (number, bytes) in (1..).zip(&parts) {
                let begin = begins[usize::try_from(number).unwrap() - 1];
                let span = begin..begin + bytes.len();
                let got = part(&lab, number);
                let what = format!("byte {bad}, part {number}: {} {}", got.status, got.code());
                let touched = span.start < bad_leaf.end && bad_leaf.start < span.end;
                let head = lab.client.head_with(BUCKET, KEY, &format!("partNumber={number}"), &[]);
                assert_eq!(head.status, 206, "{what}: the seal is good");
                if !touched {
                    assert_eq!(got.status, 206, "{what}");
                    assert_same(&got.body, bytes, &what);
                } else if span.start >= bad_leaf.start || got.status == 403 {
                    // Or the leaf was found bad a moment ago.
                    refused(&what, &got, 403, "ArtifactDigestMismatch");
                } else {
                    assert!(matches!(got.status, 0 | 206) && got.end == End::Reset, "{what}");
                    let good = bad_leaf.start - span.start;
                    assert!(got.body.len() <= good && bytes.starts_with(&got.body), "{what}");
                }
            }
            lab.store.edit(BUCKET, KEY, |object| object.flip(bad));
            assert_same(&part(&lab, 1).body, &parts[0], "mended");
        }
    }
}

/// The table of parts is sealed: another one is refused, and no byte goes out under it.
#[test]
fn p3_tables_of_parts() {
    let lab = lab();
    upload(&lab, &SMALL, &[]);
    let table = "x-amz-meta-hallmark-parts";
    let sealed = lab.store.object(BUCKET, KEY);
    let value = sealed.attributes.headers.get(table).expect("a small artifact bears its table").to_owned();
    let other = value.replacen("5242880", "5242881", 1);
    for (name, forged) in [("removed", None), ("another", Some(other.as_str())), ("of one part", Some("1"))] {
        assert_ne!(forged, Some(value.as_str()), "{value}");
        let mut object = sealed.clone();
        object.set_header(table, forged);
        lab.store.place(BUCKET, KEY, object);
        for number in [1, 2] {
            refused(name, &part(&lab, number), 403, "ArtifactSealInvalid");
        }
        refused(name, &lab.client.get(BUCKET, KEY), 403, "ArtifactSealInvalid");
        refused(name, &attributes(&lab.client, "ObjectParts", &[]), 403, "ArtifactSealInvalid");
    }

    let lab = self::lab();
    let parts = upload(&lab, &LARGE, &[]);
    let record = lab.store.state_names(StateArea::Records).pop().unwrap();
    let good = lab.store.state(&record);
    let text = String::from_utf8_lossy(&good[..2000.min(good.len())]).into_owned();
    let at = text.find("5242880").expect("the record has the lengths of the parts");
    let mut forged = good.to_vec();
    forged[at..at + 7].copy_from_slice(b"5242881");
    lab.store.set_state(&record, Some(forged.into()));
    for number in 1..=4 {
        refused("another length", &part(&lab, number), 403, "ArtifactSealInvalid");
    }
    lab.store.set_state(&record, Some(good));
    assert_same(&part(&lab, 3).body, &parts[2], "as it was sealed");
}

/// A store that answers with two artifacts in turn, whose parts begin elsewhere: no answer mixes them.
#[test]
fn p3_parts_of_versions_that_take_turns() {
    let lab = lab();
    let mut versions = Vec::new();
    for lengths in [[5 * MIB + 7, 5 * MIB, 9], [5 * MIB, 5 * MIB + 7, 9]] {
        let parts = upload(&lab, &lengths, &[]);
        versions.push((lab.client.head(BUCKET, KEY).header("etag").unwrap().to_owned(), parts));
    }
    let stored = versions.iter().map(|(_, parts)| {
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        completed(&lab.client.put_parts(BUCKET, KEY, &slices, &[])).unwrap();
        lab.store.object(BUCKET, KEY)
    });
    let stored = stored.collect();
    lab.store.alternate(BUCKET, KEY, stored);
    for round in 0..9 {
        let number = round % 3;
        let got = part(&lab, number + 1);
        if got.status == 206 {
            let etag = got.header("etag").unwrap();
            let (_, parts) = versions.iter().find(|(known, _)| known == etag).unwrap();
            let true_part = &parts[usize::try_from(number).unwrap()];
            assert!(true_part.starts_with(&got.body), "round {round}: a mixture");
            assert!(got.end == End::Reset || got.body.len() == true_part.len(), "round {round}");
        } else {
            assert!(matches!(got.status, 0 | 403 | 503), "round {round}: {}", got.text());
        }
    }
}

fn attributes(client: &Client, wanted: &str, headers: &[(&str, &str)]) -> Response {
    let headers = [&[("x-amz-object-attributes", wanted)], headers].concat();
    client.get_with(BUCKET, KEY, "attributes", &headers)
}

const ALL: &str = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize";

/// GetObjectAttributes says of an artifact what is sealed of it.
#[test]
fn attributes_are_those_of_what_is_sealed() {
    for lengths in [&SMALL[..], &LARGE] {
        let lab = lab();
        let upload = lab.client.create_upload(BUCKET, KEY, &[("x-amz-checksum-algorithm", "CRC32C")]);
        let parts: Vec<_> = (1..).zip(lengths).map(|(seed, length)| content(seed, *length)).collect();
        let listed = (1..).zip(&parts).map(|(number, bytes)| {
            upload.send_part(number, bytes).with_checksum("CRC32C", &checksum("crc32c", bytes))
        });
        completed(&upload.complete(&listed.collect::<Vec<_>>())).unwrap();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let got = attributes(&lab.client, ALL, &[]);
        assert_eq!(got.status, 200, "{}", got.text());
        let etag = lab.client.head(BUCKET, KEY).header("etag").unwrap().trim_matches('"').to_owned();
        assert_eq!(got.element("ETag"), etag);
        assert_eq!(got.element("ObjectSize"), parts.concat().len().to_string());
        assert_eq!(got.element("StorageClass"), "STANDARD");
        assert_eq!(got.element("PartsCount"), parts.len().to_string());
        let sizes: Vec<_> = lengths.iter().map(u64::to_string).collect();
        assert_eq!(got.elements("Size"), sizes);
        let mut sums: Vec<_> = vec![composite("crc32c", &slices)];
        sums.extend(slices.iter().map(|part| checksum("crc32c", part)));
        let shown = got.elements("ChecksumCRC32C");
        assert_eq!(shown[1..], sums[1..]);
        assert!(shown[0] == sums[0] || sums[0].starts_with(&shown[0]), "{} is not {}", shown[0], sums[0]);
        // A page of them.
        let page = attributes(
            &lab.client,
            "ObjectParts",
            &[("x-amz-max-parts", "1"), ("x-amz-part-number-marker", "1")],
        );
        assert_eq!(page.elements("PartNumber"), ["2"]);
        assert_eq!(page.element("IsTruncated"), (parts.len() > 2).to_string());
        assert_eq!(page.element("ObjectSize"), "", "nobody asked for it");
    }
    let lab = lab();
    let body = content(1, 70_000);
    let sum = checksum("sha256", &body);
    assert_eq!(lab.client.put_with(BUCKET, KEY, &body, &[("x-amz-checksum-sha256", &sum)]).status, 200);
    let got = attributes(&lab.client, ALL, &[]);
    assert_eq!((got.element("ETag"), got.element("ChecksumSHA256")), (md5_hex(&body), sum));
    assert_eq!(got.element("ObjectParts"), "", "it did not come in parts");
    for (wanted, code) in [("", "InvalidArgument"), ("Everything", "InvalidArgument")] {
        refused(wanted, &attributes(&lab.client, wanted, &[]), 400, code);
    }
}

/// What must not be served is not described either.
#[test]
fn p4_attributes_of_what_is_not_served() {
    let lab = lab();
    upload(&lab, &SMALL, &[]);
    let sealed = lab.store.object(BUCKET, KEY);
    for (name, code) in [("unsealed", "ArtifactUnsealed"), ("relabelled", "ArtifactSealInvalid")] {
        let mut object = sealed.clone();
        match name {
            "unsealed" => object.attributes.hallmark = None,
            _ => object.set_header("content-type", Some("text/html")),
        }
        lab.store.place(BUCKET, KEY, object);
        refused(name, &attributes(&lab.client, ALL, &[]), 403, code);
        for number in [1, 2, 3] {
            refused(name, &part(&lab, number), 403, code);
        }
    }
}
