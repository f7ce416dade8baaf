//! `[cache]`

use std::ops::RangeInclusive;

use crate::reader::{Read, Table};
use crate::types::Cache;
use crate::units::{MIB, TIB};

const DEFAULTS: Cache = Cache { verdicts: 16 * MIB, heads: 8 * MIB, records: 8 * MIB, leaves: 64 * MIB };

/// From nothing to what a large machine has.
const SIZE: RangeInclusive<u64> = 0..=TIB;

pub(super) fn cache(table: &mut Table<'_>) -> Read<Cache> {
    let verdicts = table.or("verdicts", DEFAULTS.verdicts, |value| value.size(SIZE));
    let heads = table.or("heads", DEFAULTS.heads, |value| value.size(SIZE));
    let records = table.or("records", DEFAULTS.records, |value| value.size(SIZE));
    let leaves = table.or("leaves", DEFAULTS.leaves, |value| value.size(SIZE));
    Ok(Cache { verdicts: verdicts?, heads: heads?, records: records?, leaves: leaves? })
}
