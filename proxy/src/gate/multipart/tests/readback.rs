//! The read-back gives the hash of the whole, whatever lengths the parts have and however many need not be read.

use hallmark_signer::{Content, ContentHasher, LEAF_SIZE, LeavesHasher};

use super::super::readback::{ListedPart, read_back};
use super::super::testing::{Site, number, payload};
use super::super::window::Prefix;
use super::super::{Marker, PartContent};
use crate::gate::GateError;
use crate::proof::ArtifactFault;
use crate::store::StagedPart;

const LEAF: usize = LEAF_SIZE as usize;

/// Bytes that no other part has.
fn bytes(part: usize, length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8 ^ (part * 31) as u8).collect()
}

async fn send(site: &Site, marker: &Marker, lengths: &[usize]) -> Vec<ListedPart> {
    for (index, length) in lengths.iter().enumerate() {
        let (number, bytes) = (number(index as u64 + 1), bytes(index, *length));
        site.gate.upload_part(marker, number, payload(&bytes, &[])).await.unwrap();
    }
    let list = site.records(marker).await.into_values().map(|record| match record.content {
        PartContent::Staged { tree, pin, .. } => {
            ListedPart { staged: StagedPart { number: record.number, length: record.length, pin }, tree }
        }
        PartContent::Referenced { .. } => panic!("nothing was copied"),
    });
    let list: Vec<_> = list.collect();
    let staged: Vec<_> = list.iter().map(|part| part.staged.clone()).collect();
    site.store.stage_close(&marker.stage, &staged).await.unwrap();
    list
}

/// What the parts with these lengths are, of which the first `parts` have been hashed.
fn prefix(lengths: &[usize], parts: usize) -> Prefix {
    let mut hasher = ContentHasher::of_unknown_length();
    lengths.iter().take(parts).enumerate().for_each(|(index, length)| hasher.update(&bytes(index, *length)));
    Prefix { hasher, parts }
}

fn content(hasher: ContentHasher) -> Content {
    hasher.finish().unwrap()
}

#[tokio::test]
async fn p3_parts_of_any_lengths_are_read_back_as_the_whole() {
    let cases: [&[usize]; 5] = [
        &[2 * LEAF, LEAF, 3 * LEAF, 700_000],
        &[LEAF + 1, LEAF, 2 * LEAF - 1, 5],
        &[LEAF, 0, 2_500_000, LEAF, 0],
        &[700_000],
        &[600_000, 600_000],
    ];
    let site = Site::new().await;
    for lengths in cases {
        let marker = site.create("k").await;
        let list = send(&site, &marker, lengths).await;
        let whole = content(prefix(lengths, lengths.len()).hasher);
        for parts in 0..=lengths.len() {
            let hasher = read_back(&*site.store, &marker.stage, &list, prefix(lengths, parts)).await.unwrap();
            assert_eq!(content(hasher), whole, "{lengths:?} after {parts}");
        }
    }
}

#[tokio::test]
async fn p2_a_part_that_is_not_what_its_record_says_is_named() {
    let site = Site::new().await;
    for lengths in [[LEAF, 2 * LEAF, 9], [LEAF + 1, LEAF, 9]] {
        let marker = site.create("k").await;
        let list = send(&site, &marker, &lengths).await;
        for (index, length) in lengths.into_iter().enumerate() {
            let mut list = list.clone();
            let mut leaves = LeavesHasher::default();
            leaves.update(&bytes(index + 1, length));
            list[index].tree = leaves.root();
            let found = read_back(&*site.store, &marker.stage, &list, prefix(&lengths, 0)).await.err();
            let wrong = u16::try_from(index + 1).unwrap();
            assert!(
                matches!(found, Some(GateError::Artifact(ArtifactFault::Part(number))) if number == wrong),
                "{lengths:?}, part {wrong}: {found:?}"
            );
            // It was hashed as it came, so it need not be read.
            read_back(&*site.store, &marker.stage, &list, prefix(&lengths, index + 1)).await.unwrap();
        }
    }
}
