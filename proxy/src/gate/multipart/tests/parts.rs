//! Parts: what is recorded of them is what the stage holds.

use bytes::Bytes;
use hallmark_signer::{LeavesHasher, Md5Digest, TreeRoot};

use super::super::testing::{Site, code, new_upload, number, object, payload, sending, unannounced};
use super::super::{Marker, PartContent, PartRecord, names};
use crate::proof::dissect;
use crate::s3::error::Code;
use crate::s3::operation::{ChecksumKind, ChecksumPlan};
use crate::s3::payload::{ChecksumAlgorithm, DeclaredChecksum};
use crate::store::{Guard, Pin, Span, StagedPart};

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8 ^ seed).collect()
}

/// Closes the stage as completing the upload will, and reads what it holds.
async fn close(site: &Site, marker: &Marker) -> Vec<u8> {
    let staged = |record: PartRecord| match record.content {
        PartContent::Staged { pin, .. } => StagedPart { number: record.number, length: record.length, pin },
        PartContent::Referenced { .. } => panic!("nothing was copied"),
    };
    let parts: Vec<_> = site.records(marker).await.into_values().map(staged).collect();
    site.store.stage_close(&marker.stage, &parts).await.unwrap();
    let body = site.store.stage_read(&marker.stage, &parts, Span::All).await.unwrap();
    dissect::bytes(body).await.unwrap().to_vec()
}

fn tree(record: &PartRecord) -> TreeRoot {
    match &record.content {
        PartContent::Staged { tree, .. } => *tree,
        PartContent::Referenced { .. } => panic!("nothing was copied"),
    }
}

fn tree_of(bytes: &[u8]) -> TreeRoot {
    let mut leaves = LeavesHasher::default();
    leaves.update(bytes);
    leaves.root()
}

fn checksum(record: &PartRecord) -> Option<&DeclaredChecksum> {
    match &record.content {
        PartContent::Staged { checksum, .. } => checksum.as_ref(),
        PartContent::Referenced { .. } => None,
    }
}

#[tokio::test]
async fn parts_of_any_length_in_any_order_are_recorded_as_they_are() {
    let site = Site::new().await;
    let marker = site.create("k").await;
    let parts = [(3, 100_000), (10_000, 0), (1, 524_288), (2, 524_289), (9, 2_500_000), (4, 1)];
    for (n, length) in parts {
        let body = bytes(length, n as u8);
        let record = site.gate.upload_part(&marker, number(n), payload(&body, &[])).await.unwrap();
        assert_eq!((record.number, record.length), (number(n), length as u64));
        assert_eq!((record.etag, tree(&record)), (Md5Digest::of(&body), tree_of(&body)));
    }
    let body = bytes(700_000, 77);
    site.another().upload_part(&marker, number(5), unannounced(&body)).await.unwrap();
    let records = site.records(&marker).await;
    let found: Vec<_> = records.values().map(|part| (part.number.number(), part.length)).collect();
    let expected =
        [(1, 524_288), (2, 524_289), (3, 100_000), (4, 1), (5, 700_000), (9, 2_500_000), (10_000, 0)];
    assert_eq!(found, expected);
    let whole =
        expected.map(|(n, length)| bytes(length as usize, if n == 5 { 77 } else { n as u8 })).concat();
    assert!(close(&site, &marker).await == whole);
}

#[tokio::test]
async fn a_part_that_is_not_what_was_declared_leaves_the_one_before() {
    let site = Site::new().await;
    let marker = site.create("k").await;
    let good = site.gate.upload_part(&marker, number(1), payload(&bytes(600_000, 1), &[])).await.unwrap();
    let md5 = "1B2M2Y8AsgTpgAmY7PhCfg==";
    for length in [10, 600_001] {
        let bad = bytes(length, 2);
        let wrong = [("content-md5", md5), ("x-amz-checksum-crc32", "AAAAAA==")];
        for header in wrong {
            let refused = site.gate.upload_part(&marker, number(1), payload(&bad, &[header])).await;
            assert_eq!(code(refused), Code::BadDigest);
        }
        let (pieces, body) = sending(length);
        pieces.send(bad[1..].to_vec()).unwrap();
        drop(pieces);
        assert_eq!(code(site.gate.upload_part(&marker, number(1), body).await), Code::IncompleteBody);
    }
    assert_eq!(site.records(&marker).await.into_values().collect::<Vec<_>>(), [good]);
    assert!(close(&site, &marker).await == bytes(600_000, 1));
}

#[tokio::test]
async fn lengths_have_limits() {
    let site = Site::new().await;
    let marker = site.create("k").await;
    let (_pieces, huge) = sending((5 << 30) + 1);
    assert_eq!(code(site.gate.upload_part(&marker, number(1), huge).await), Code::EntityTooLarge);
    let endless = unannounced(&bytes((8 << 20) + 1, 0));
    assert_eq!(code(site.gate.upload_part(&marker, number(1), endless).await), Code::MissingContentLength);
    assert!(site.records(&marker).await.is_empty());
}

#[tokio::test]
async fn a_part_that_is_sent_again_replaces_the_one_before_whatever_the_clocks_say() {
    let site = Site::new().await;
    let marker = site.create("k").await;
    let first = site.gate.upload_part(&marker, number(1), payload(b"first", &[])).await.unwrap();
    // An instance whose clock is a century ahead.
    let ahead = PartRecord { at: first.at + 100 * 365 * 86_400_000, ..first };
    let name = ahead.name(&site.gate.multipart.keys, &marker.id).unwrap();
    site.store.state_put(&name, Bytes::new(), Guard::Any).await.unwrap();
    let again = site.another().upload_part(&marker, number(1), payload(b"second", &[])).await.unwrap();
    assert!(again.at > ahead.at);
    assert_eq!(site.records(&marker).await.into_values().collect::<Vec<_>>(), [again]);
    let left = site.scratch().await.into_iter().filter(|name| name.starts_with("parts/")).count();
    assert_eq!(left, 1, "the records that were replaced are gone");
    assert_eq!(close(&site, &marker).await, b"second");
}

/// Nobody waits for the other's body, and what counts is what the stage holds.
#[tokio::test]
async fn of_two_sends_at_once_the_last_to_finish_counts() {
    for length in [8, 700_000] {
        let site = Site::new().await;
        let marker = site.create("k").await;
        let (a, b) = (bytes(length, 1), bytes(length, 2));
        let (pieces, body) = sending(length);
        pieces.send(a[..length - 1].to_vec()).unwrap();
        let slow = site.gate.upload_part(&marker, number(1), body);
        let fast = async {
            let record = site.gate.upload_part(&marker, number(1), payload(&b, &[])).await.unwrap();
            assert_eq!(record.etag, Md5Digest::of(&b));
            pieces.send(a[length - 1..].to_vec()).unwrap();
            drop(pieces);
        };
        let (slow, ()) = tokio::join!(slow, fast);
        assert_eq!(slow.unwrap().etag, Md5Digest::of(&a));
        let counts: Vec<_> = site.records(&marker).await.into_values().map(|record| record.etag).collect();
        assert_eq!(counts, [Md5Digest::of(&a)]);
        assert!(close(&site, &marker).await == a);
    }
}

#[tokio::test]
async fn many_sends_of_one_part_at_once_leave_one_that_the_stage_holds() {
    let site = Site::new().await;
    for round in 0..4 {
        let marker = site.create("k").await;
        let gate = &site.gate;
        let marker = &marker;
        let sends = (0..16u8).map(|seed| async move {
            let body = bytes(1000 + usize::from(seed), seed ^ round);
            gate.upload_part(marker, number(7), payload(&body, &[])).await.unwrap()
        });
        futures_util::future::join_all(sends).await;
        let records: Vec<_> = site.records(marker).await.into_values().collect();
        assert_eq!(records.len(), 1);
        assert_eq!(tree_of(&close(&site, marker).await), tree(&records[0]));
    }
}

#[tokio::test]
async fn the_checksum_of_each_part_is_by_the_algorithm_of_the_upload() {
    let site = Site::new().await;
    let value = |algorithm| match algorithm {
        ChecksumAlgorithm::Crc32 => "y/Q5Jg==",
        ChecksumAlgorithm::Crc32c => "4waSgw==",
        ChecksumAlgorithm::Crc64Nvme => "rosUhgp5mIg=",
        ChecksumAlgorithm::Sha1 => "98O8HYCOBHMq32eZZczDTKeuNEE=",
        ChecksumAlgorithm::Sha256 => "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
    };
    let data = b"123456789";
    for planned in ChecksumAlgorithm::ALL.into_iter().map(Some).chain([None]) {
        let mut new = new_upload("k");
        new.checksum =
            planned.map(|algorithm| ChecksumPlan { algorithm, kind: ChecksumKind::default_of(algorithm) });
        let marker = site.gate.create_upload(new, "ci").await.unwrap();
        let bare = site.gate.upload_part(&marker, number(1), payload(data, &[])).await.unwrap();
        assert_eq!(checksum(&bare).map(DeclaredChecksum::algorithm), planned);
        assert_eq!(checksum(&bare).map(DeclaredChecksum::value), planned.map(value));
        for declared in ChecksumAlgorithm::ALL {
            let header = [(declared.header(), value(declared))];
            let sent = site.gate.upload_part(&marker, number(2), payload(data, &header)).await;
            if planned.is_none_or(|planned| planned == declared) {
                let record = sent.unwrap();
                assert_eq!(checksum(&record).map(DeclaredChecksum::value), Some(value(declared)));
                assert_eq!(site.records(&marker).await[&number(2)], record);
            } else {
                assert_eq!(code(sent), Code::InvalidRequest, "{planned:?} {declared:?}");
            }
        }
    }
}

#[tokio::test]
async fn records_that_were_not_written_here_are_none() {
    let site = Site::new().await;
    let (marker, other) = (site.create("k").await, site.create("k").await);
    let ours = site.gate.upload_part(&marker, number(1), payload(b"ours", &[])).await.unwrap();
    let theirs = site.gate.upload_part(&other, number(2), payload(b"theirs", &[])).await.unwrap();
    let keys = &site.gate.multipart.keys;
    let forged = theirs.name(keys, &other.id).unwrap().name().to_owned();
    let own = ours.name(keys, &marker.id).unwrap().name().to_owned();
    for name in [
        forged.replace(&other.id.short(), &marker.id.short()),
        own.replace("/00001/", "/00002/"),
        own.replace(&format!(".{}.", ours.length), ".5."),
        format!("{own}."),
        format!("{}00001/s.1.2.3", names::parts(&marker.id)),
        format!("{}~~~~", names::parts(&marker.id)),
        names::parts(&marker.id) + "x",
    ] {
        site.store.state_put(&names::scratch(name), Bytes::new(), Guard::Any).await.unwrap();
    }
    let found: Vec<_> = site.records(&marker).await.into_values().collect();
    assert!(found.iter().eq([&ours]));
    assert_eq!(site.gate.list_parts(&marker, None, 1000).await.unwrap().parts, [ours]);
    site.gate.upload_part(&marker, number(1), payload(b"again", &[])).await.unwrap();
    site.gate.abort_upload(&marker).await.unwrap();
    let left = site.scratch().await;
    assert!(!left.iter().any(|name| name.starts_with(&names::parts(&marker.id))), "{left:?}");
}

#[tokio::test]
async fn a_part_that_was_copied_by_reference_is_recorded_and_can_be_replaced() {
    let site = Site::new().await;
    let marker = site.create("k").await;
    let source = super::super::CopiedSource {
        object: object("ccc", "source"),
        version: None,
        seal: hallmark_signer::SealId::new([1; 16]),
        pin: Pin("pin".to_owned()),
        size: 100,
    };
    let id = site.gate.put_source(&marker.id, &source).await.unwrap();
    assert_eq!(site.another().source(&marker.id, id).await.unwrap(), Some(source));
    let replacing = site.gate.replacing(&marker, number(1)).await.unwrap();
    let content = PartContent::Referenced { source: id, range: 10..30 };
    let etag = Md5Digest::of(b"copied");
    let copied = site.gate.record_part(&marker, replacing, 20, etag, content).await.unwrap();
    assert_eq!(site.records(&marker).await.into_values().collect::<Vec<_>>(), [copied]);
    let sent = site.gate.upload_part(&marker, number(1), payload(b"sent", &[])).await.unwrap();
    assert_eq!(site.records(&marker).await.into_values().collect::<Vec<_>>(), [sent]);
    site.gate.abort_upload(&marker).await.unwrap();
    assert!(site.scratch().await.is_empty());
}
