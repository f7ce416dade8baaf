//! What a Complete takes, and so how large an artifact can be made with the memory there is.

use std::collections::BTreeMap;

use hallmark_signer::tree;

use super::part::{PartContent, PartRecord};
use super::part_copy::CARRYING;
use super::readback;
use super::selection::Completion;
use crate::store::{MAX_PARTS, PartNumber};

/// For each leaf: its hash, in vectors that double and are copied once, and the same again in the record.
const LEAF: u64 = 160;

/// What a part of a list takes, in its several forms.
pub(super) const PART: u64 = 1024;

/// What a record of a part takes.
pub(super) const RECORD: u64 = 400;

/// The shortest part but the last.
const MIN_PART: u64 = 5 << 20;

/// The largest object there is, bytes.
const LARGEST: u64 = 5 << 40;

/// What making an artifact of the listed parts takes beside the list and the records: at once, since who holds some and
/// waits for more waits for others that do the same. `most`: no artifact is larger.
pub(super) fn of_making(
    records: &BTreeMap<PartNumber, PartRecord>,
    completion: &Completion,
    most: u64,
) -> u64 {
    let listed = || completion.parts.iter().filter_map(|part| records.get(&part.number));
    let size = listed().fold(0u64, |sum, record| sum.saturating_add(record.length));
    let carries = listed().any(|record| matches!(record.content, PartContent::Referenced { .. }));
    // What is carried is carried before anything is read back.
    let moving = if carries { CARRYING.max(readback::MEMORY) } else { readback::MEMORY };
    of_size(size.min(most)) + moving
}

/// The largest artifact that can be made with so much memory.
pub(in crate::gate) fn largest(memory: u64) -> u64 {
    let fits = |size: u64| {
        let parts = size.div_ceil(MIN_PART).min(u64::from(MAX_PARTS));
        of_size(size) + parts * (PART + RECORD) + CARRYING.max(readback::MEMORY) <= memory
    };
    let (mut fitting, mut too_large) = (0, LARGEST + 1);
    while too_large - fitting > 1 {
        let between = fitting + (too_large - fitting) / 2;
        if fits(between) {
            fitting = between;
        } else {
            too_large = between;
        }
    }
    fitting
}

fn of_size(size: u64) -> u64 {
    tree::leaf_count(size) * LEAF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_more_memory_larger_artifacts_can_be_made() {
        const GIB: u64 = 1 << 30;
        for (memory, least, most) in [
            // A quarter of the least budget, and of the usual one.
            (8 << 20, 5 * GIB, 10 * GIB),
            (72 << 20, 300 * GIB, 400 * GIB),
            (900 << 20, LARGEST, LARGEST),
            (0, 0, 0),
        ] {
            let largest = largest(memory);
            assert!((least..=most).contains(&largest), "{memory}: {largest}");
        }
    }
}
