//! Detached signatures: what is read has one encoding in DER, which reads as the same.
#![no_main]

use hallmark_signer::evidence::parse_detached;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(signature) = parse_detached(file) {
        assert_eq!(parse_detached(&signature.to_der()), Ok(signature));
    }
});
