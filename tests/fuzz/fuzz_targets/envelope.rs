//! DSSE envelopes: what is read survives being written.
#![no_main]

use hallmark_signer::Envelope;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(envelope) = Envelope::parse(file) {
        let json = envelope.to_json();
        if json.len() <= hallmark_signer::dsse::MAX_ENVELOPE {
            assert_eq!(Envelope::parse(json.as_bytes()), Ok(envelope));
        }
    }
});
