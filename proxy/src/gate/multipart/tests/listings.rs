//! Listings, page by page, against a model of them.

use std::collections::BTreeSet;

use bytes::Bytes;
use hallmark_config::BucketName;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::testing::{Site, any_key, code, new_upload, number, object, payload};
use super::super::{Marker, PartRecord, UploadEntry, UploadId, names};
use crate::gate::Gate;
use crate::s3::error::Code;
use crate::s3::listing::{Encoding, UploadListing};
use crate::store::{Guard, StageId};

fn listing(limit: usize) -> UploadListing {
    UploadListing {
        prefix: String::new(),
        delimiter: None,
        key_marker: String::new(),
        upload_id_marker: None,
        max_uploads: limit,
        encoding: Encoding::Plain,
    }
}

fn bucket() -> BucketName {
    BucketName::parse("bbb").unwrap()
}

/// Key and id of each upload, or the rolled-up prefix.
type Line = (String, Option<String>);

/// All pages, each begun where the one before said.
async fn pages(gate: &Gate, mut listing: UploadListing) -> Vec<Line> {
    let mut lines = Vec::new();
    for _ in 0..1000 {
        let page = gate.list_uploads(&bucket(), "ci", &listing).await.unwrap();
        assert!(page.entries.len() <= listing.max_uploads);
        let full = page.entries.len() == listing.max_uploads;
        lines.extend(page.entries.into_iter().map(|entry| match entry {
            UploadEntry::Upload { key, id } => (key.as_str().to_owned(), Some(id.as_str().to_owned())),
            UploadEntry::Prefix(prefix) => (prefix, None),
        }));
        let Some(next) = page.next else { return lines };
        assert!(full, "a page that is not the last one is full");
        assert_eq!(
            lines.last(),
            Some(&(next.key.clone(), next.id.as_ref().map(|id| id.as_str().to_owned())))
        );
        listing.key_marker = next.key;
        listing.upload_id_marker = next.id.map(|id| id.as_str().to_owned());
    }
    panic!("the pages have no end");
}

/// What a listing of `uploads` should say.
fn expected(uploads: &[(String, u64, String)], listing: &UploadListing) -> Vec<Line> {
    let mut uploads = uploads.to_vec();
    uploads.sort();
    let mut lines: Vec<Line> = Vec::new();
    for (key, _, id) in uploads {
        let Some(rest) = key.strip_prefix(&listing.prefix) else { continue };
        let end = listing.delimiter.as_ref().and_then(|text| Some(rest.find(text.as_str())? + text.len()));
        let line = match end {
            Some(end) => (format!("{}{}", listing.prefix, &rest[..end]), None),
            None => (key, Some(id)),
        };
        if line.1.is_some() || lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

#[test]
fn pages_of_uploads_are_those_of_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let site = runtime.block_on(Site::new());
    let uploads = prop::collection::vec((any_key(), 0u64..4), 0..25);
    let prefix = prop_oneof![Just(String::new()), "[ak]{1,2}", Just("k".repeat(96)), any_key()];
    let cases = (uploads, prefix, prop::option::of("[/~a]{1,2}"), 1usize..8);
    let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
    let check = |(keys, prefix, delimiter, limit): (Vec<(String, u64)>, _, _, _)| {
        runtime.block_on(async {
            let mut uploads = Vec::new();
            let mut markers = Vec::new();
            for (key, created) in keys {
                let marker = marker(&site, &key, created);
                let value = marker.encode(&site.gate.multipart.keys).unwrap();
                site.store.state_put(&marker.name(), value, Guard::Absent).await.unwrap();
                uploads.push((key, created, marker.id.as_str().to_owned()));
                markers.push(marker.name());
            }
            let listing = UploadListing { prefix, delimiter, ..listing(limit) };
            let found = pages(&site.gate, listing.clone()).await;
            for name in markers {
                site.store.state_delete(&name).await.unwrap();
            }
            prop_assert_eq!(found, expected(&uploads, &listing));
            Ok(())
        })
    };
    runner.run(&cases, check).unwrap();
}

fn marker(site: &Site, key: &str, created: u64) -> Marker {
    let new = new_upload(key);
    Marker {
        id: UploadId::new(&site.gate.multipart.keys, &new.object, "ci", created).unwrap(),
        object: new.object,
        client: "ci".to_owned(),
        by: new.by,
        headers: new.headers,
        tags: new.tags,
        lock: new.lock,
        checksum: None,
        stage: StageId::parse("stage").unwrap(),
    }
}

/// More than one listing of names has, so that rolled-up ones are passed over.
#[tokio::test]
async fn thousands_of_uploads_are_paged() {
    let site = Site::new().await;
    for folder in ["a", "b"] {
        for n in 0..1100 {
            let name = marker(&site, &format!("{folder}/{n:04}"), 5).name();
            site.store.state_put(&name, Bytes::new(), Guard::Any).await.unwrap();
        }
    }
    assert_eq!(pages(&site.gate, listing(1000)).await.len(), 2200);
    let folders = UploadListing { delimiter: Some("/".to_owned()), ..listing(1) };
    assert_eq!(pages(&site.gate, folders).await, [("a/".to_owned(), None), ("b/".to_owned(), None)]);
    let behind = UploadListing { key_marker: "a/1099".to_owned(), ..listing(1) };
    let page = site.gate.list_uploads(&bucket(), "ci", &behind).await.unwrap();
    assert!(matches!(&page.entries[..], [UploadEntry::Upload { key, .. }] if key.as_str() == "b/0000"));
    let none = site.gate.list_uploads(&bucket(), "ci", &listing(0)).await.unwrap();
    assert!(none.entries.is_empty() && none.next.is_none());
}

#[tokio::test]
async fn clients_see_their_own_uploads_alone() {
    let site = Site::new().await;
    let own = site.create("k").await;
    site.gate.create_upload(new_upload("k"), "cj").await.unwrap();
    let mut elsewhere = new_upload("k");
    elsewhere.object = object("ccc", "k");
    site.gate.create_upload(elsewhere, "ci").await.unwrap();
    // Names without the upload's own id, or under another key than it is for.
    let base = names::markers(&bucket(), "ci");
    for forged in [
        format!("{base}{}/{}", names::key_part("z"), names::upload_part(&own.id)),
        format!("{base}6B./{}", names::upload_part(&own.id)),
        format!("{base}{}/0000000000000000~{}", names::key_part("k"), own.id),
        format!("{base}{}/{}", names::key_part(&"z".repeat(97)), names::upload_part(&own.id)),
        format!("{base}zz"),
        format!("{base}~~~"),
    ] {
        site.store.state_put(&names::scratch(forged), Bytes::new(), Guard::Any).await.unwrap();
    }
    let id = Some(own.id.as_str().to_owned());
    assert_eq!(pages(&site.gate, listing(1)).await, [("k".to_owned(), id.clone())]);
    let after =
        |key: &str| UploadListing { key_marker: key.to_owned(), upload_id_marker: id.clone(), ..listing(9) };
    assert!(site.gate.list_uploads(&bucket(), "ci", &after("k")).await.unwrap().entries.is_empty());
    for (key, client) in [("l", "ci"), ("k", "cj"), ("..", "ci")] {
        let refused = site.gate.list_uploads(&bucket(), client, &after(key)).await;
        assert_eq!(code(refused), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn parts_are_listed_by_number_page_by_page() {
    let site = Site::new().await;
    let marker = site.create("k").await;
    let numbers = [1, 2, 9, 10, 11, 100, 9_999, 10_000];
    for n in numbers.into_iter().rev() {
        site.gate.upload_part(&marker, number(n), payload(b"x", &[])).await.unwrap();
    }
    // Records that a crash kept from being removed.
    let old = site.records(&marker).await;
    for record in old.values() {
        let older = PartRecord { at: record.at - 1, length: 77, ..record.clone() };
        let name = older.name(&site.gate.multipart.keys, &marker.id).unwrap();
        site.store.state_put(&name, Bytes::new(), Guard::Any).await.unwrap();
    }
    for limit in 1..=9 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = site.another().list_parts(&marker, after, limit).await.unwrap();
            assert!(page.parts.iter().all(|part| part.length == 1), "the latest counts");
            after = page.parts.last().map(|part| part.number);
            found.extend(page.parts.iter().map(|part| u64::from(part.number.number())));
            if !page.more {
                break;
            }
            assert_eq!(page.parts.len(), limit);
        }
        assert_eq!(found, numbers);
    }
    let none = site.gate.list_parts(&marker, None, 0).await.unwrap();
    assert!(none.parts.is_empty() && !none.more);
    let numbers: BTreeSet<_> = site.records(&marker).await.into_keys().collect();
    assert_eq!(numbers.len(), 8);
}

/// The number at which a page of names ends may have another record on the next one.
#[tokio::test]
async fn a_full_page_of_parts_says_that_there_are_more() {
    let site = Site::new().await;
    let marker = site.create("k").await;
    let first = site.gate.upload_part(&marker, number(1), payload(b"x", &[])).await.unwrap();
    let put = |n, at, length| {
        let record = PartRecord { number: number(n), at, length, ..first.clone() };
        let name = record.name(&site.gate.multipart.keys, &marker.id).unwrap();
        let store = &site.store;
        async move { store.state_put(&name, Bytes::new(), Guard::Any).await.unwrap() }
    };
    futures_util::future::join_all((2..=1001).map(|n| put(n, 5, 1))).await;
    let page = site.gate.list_parts(&marker, None, 1000).await.unwrap();
    assert_eq!((page.parts.len(), page.more), (1000, true));
    // The later record of number 1000 is the thousand and first name.
    put(1000, 10, 2).await;
    let page = site.gate.list_parts(&marker, None, 1000).await.unwrap();
    assert_eq!((page.parts.len(), page.more), (1000, true));
    assert_eq!(page.parts.last().map(|part| part.length), Some(2));
    assert_eq!(site.records(&marker).await.len(), 1001);
}
