//! How large artifacts may be, against the memory that there is.

use hallmark_config::Limits;

use crate::gate::largest_artifact;

/// What S3 clients are made for, and the default: as much of it as the memory permits.
const MOST: u64 = 5 << 40;

const MIB: u64 = 1 << 20;

/// The largest budget that the configuration takes, MiB.
const MOST_MEMORY: u64 = 1 << 20;

/// What is wrong with these limits, for who set them: uploads that are permitted and that could never be completed.
///
/// # Errors
/// The size that was asked for is more than the memory permits.
pub(crate) fn check(limits: &Limits) -> Result<(), String> {
    let (asked, memory) = (limits.max_object_size, limits.memory_budget);
    let largest = largest_artifact(memory);
    if asked <= largest || asked == MOST {
        return Ok(());
    }
    Err(format!(
        "an artifact of {} MiB cannot be made of parts with `memory_budget = \"{} MiB\"`: a client may hold a quarter of \
         that, which is enough for {} MiB. Set this to at most that, or leave it out for as much as there is memory for, or \
         set the budget to at least {} MiB",
        asked / MIB,
        memory / MIB,
        largest / MIB,
        memory_for(asked) / MIB,
    ))
}

/// The least budget with which an artifact of `size` bytes can be made, a multiple of 1 MiB.
fn memory_for(size: u64) -> u64 {
    let (mut less, mut enough) = (0, MOST_MEMORY);
    while enough - less > 1 {
        let between = less + (enough - less) / 2;
        if largest_artifact(between * MIB) >= size {
            enough = between;
        } else {
            less = between;
        }
    }
    enough * MIB
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(max_object_size: u64, memory_budget: u64) -> Limits {
        Limits {
            max_connections: 1,
            max_object_size,
            memory_budget,
            header_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            min_rate: None,
            drain_timeout: Duration::ZERO,
        }
    }

    #[test]
    fn what_is_permitted_can_be_made() {
        for (size, memory) in [(1, 33 * MIB), (300 << 30, 384 * MIB), (4 << 40, 8 << 30), (MOST, 33 * MIB)] {
            assert_eq!(check(&limits(size, memory)), Ok(()), "{size} {memory}");
        }
        for (size, memory) in [(100 << 30, 33 * MIB), (1 << 40, 384 * MIB)] {
            let told = check(&limits(size, memory)).unwrap_err();
            assert!(told.contains(&format!("{} MiB", memory / MIB)), "{told}");
            let enough = memory_for(size);
            assert_eq!(check(&limits(size, enough)), Ok(()), "what is advised helps");
            assert!(check(&limits(size, enough - MIB)).is_err());
        }
    }
}
