//! Certificates of seal keys: what is read has no other text.
#![no_main]

use hallmark_signer::{Certificate, MAX_CERTIFICATE};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(certificate) = Certificate::parse(file) {
        assert!(file.len() <= MAX_CERTIFICATE);
        assert_eq!(certificate.to_json().as_bytes(), file);
    }
});
