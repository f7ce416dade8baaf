//! Files of envelopes, one to a line.
#![no_main]

use hallmark_signer::evidence::{MAX_ATTESTATIONS, parse_attestations};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(envelopes) = parse_attestations(file) {
        assert!((1..=MAX_ATTESTATIONS).contains(&envelopes.len()));
    }
});
