//! What operators configure: identities, roots of chains, trusted roots of Sigstore.
#![no_main]

use hallmark_signer::evidence::{NotationIdentity, NotationTrust, SigstoreTrust};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = SigstoreTrust::new(file, "identity", "issuer");
    let identity = std::str::from_utf8(file).ok().and_then(|text| NotationIdentity::parse(text).ok());
    let other = || NotationIdentity::parse("x509.subject: CN=a").expect("an identity");
    let _ = NotationTrust::new(file, identity.unwrap_or_else(other));
});
