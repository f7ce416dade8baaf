//! `[limits]`

use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::reader::{Read, Table};
use crate::types::Limits;
use crate::units::{GIB, MIB, TIB};

const DEFAULTS: Limits = Limits {
    max_connections: 1024,
    max_object_size: 5 * TIB,
    memory_budget: 384 * MIB,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(30),
    min_rate: NonZeroU64::new(1 << 10),
    drain_timeout: Duration::from_secs(30),
};

/// Above, the kernel's limit on open files decides.
const CONNECTIONS: RangeInclusive<usize> = 1..=1_000_000;
/// 5 TiB is what S3 clients are made for.
const OBJECT_SIZE: RangeInclusive<u64> = 1..=5 * TIB;
/// A client gets at most a quarter, and an upload of which nobody said how long it is takes 8 MiB and a quarter.
const MEMORY: RangeInclusive<u64> = 33 * MIB..=TIB;
const HEADER_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);
const IDLE_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);
const RATE: RangeInclusive<u64> = 0..=GIB;
const DRAIN_TIMEOUT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);

pub(super) fn limits(table: &mut Table<'_>) -> Read<Limits> {
    let connections =
        table.or("max_connections", DEFAULTS.max_connections, |value| value.integer(CONNECTIONS));
    let object_size = table.or("max_object_size", DEFAULTS.max_object_size, |value| value.size(OBJECT_SIZE));
    let memory = table.or("memory_budget", DEFAULTS.memory_budget, |value| value.size(MEMORY));
    let header = table.or("header_timeout", DEFAULTS.header_timeout, |value| value.duration(HEADER_TIMEOUT));
    let idle = table.or("idle_timeout", DEFAULTS.idle_timeout, |value| value.duration(IDLE_TIMEOUT));
    let rate = table.or("min_rate", DEFAULTS.min_rate, |value| Ok(NonZeroU64::new(value.size(RATE)?)));
    let drain = table.or("drain_timeout", DEFAULTS.drain_timeout, |value| value.duration(DRAIN_TIMEOUT));
    Ok(Limits {
        max_connections: connections?,
        max_object_size: object_size?,
        memory_budget: memory?,
        header_timeout: header?,
        idle_timeout: idle?,
        min_rate: rate?,
        drain_timeout: drain?,
    })
}
