//! The list of signatures in an artifact's header: what is read has one form, in which it is written again.
#![no_main]

use hallmark_signer::{MAX_SIGNATURES, PublisherSignatures};

libfuzzer_sys::fuzz_target!(|value: &str| {
    if let Ok(signatures) = PublisherSignatures::parse(value) {
        assert!((1..=MAX_SIGNATURES).contains(&signatures.signatures().len()));
        assert_eq!(signatures.to_value(), value);
    }
});
