//! Notation envelopes, which are judged, too.
#![no_main]

use std::sync::LazyLock;

use hallmark_signer::Sha256Digest;
use hallmark_signer::evidence::{Moments, NotationEnvelope, NotationIdentity, NotationTrust};

static TRUST: LazyLock<[NotationTrust; 2]> = LazyLock::new(|| {
    let trust = |roots: &[u8], identity| {
        NotationTrust::new(roots, NotationIdentity::parse(identity).expect("an identity")).expect("roots")
    };
    [
        trust(include_bytes!("../../vectors/notation-roots.pem"), "x509.subject: CN=build"),
        trust(
            include_bytes!("../../vectors/authority-roots.pem"),
            "arn:aws:signer:us-east-1:111122223333:/signing-profiles/Build",
        ),
    ]
});

/// In the middle of 2026, when the certificates of the vectors are valid.
const MOMENTS: Moments = Moments { seen_at: 1_772_323_200_000, now: 1_772_323_200_000 };

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(envelope) = NotationEnvelope::parse(file) {
        for trust in &*TRUST {
            let _ = envelope.verify(trust, &Sha256Digest::of(b"an artifact\n"), 12, MOMENTS);
            assert!(envelope.verify(trust, &Sha256Digest::of(b"nobody signed this"), 12, MOMENTS).is_err());
        }
    }
});
