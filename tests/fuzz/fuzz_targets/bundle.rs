//! Sigstore bundles; those with certificates are judged, too.
#![no_main]

use std::sync::LazyLock;

use hallmark_signer::Sha256Digest;
use hallmark_signer::evidence::{Bundle, SigstoreTrust};

static TRUST: LazyLock<SigstoreTrust> = LazyLock::new(|| {
    let root = include_bytes!("../../vectors/ours-root.json");
    SigstoreTrust::new(root, "https://ci.example/release@main", "https://issuer.example").expect("a trusted root")
});

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(Bundle::Certificate(bundle)) = Bundle::parse(file) {
        let _ = bundle.verify(&TRUST, &Sha256Digest::of(b"an artifact\n"));
        assert!(bundle.verify(&TRUST, &Sha256Digest::of(b"nobody signed this")).is_err());
    }
});
