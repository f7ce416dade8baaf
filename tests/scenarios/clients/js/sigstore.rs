//! `@sigstore/verify`, which npm checks provenance with: it verifies the bundles that we make.

use crate::clients::sigstore::Signed;

#[test]
fn p8_sigstore_of_npm_verifies_our_bundles() {
    let signed = Signed::new();
    let verify = || signed.sandbox.run("node", &signed.arguments("js/sigstore_verify.mjs"));
    assert!(verify().good().starts_with("verified by "));

    // Another artifact.
    signed.write("app.tar", b"another artifact\n");
    let said = verify().bad();
    assert!(said.contains("signature verification failed"), "{said}");

    signed.write("app.tar", b"an artifact\n");
    verify().good();
    // Another key, which the bundle does not name.
    signed.hallmark(&["keygen", "other"]);
    std::fs::copy(signed.sandbox.path("other.pub"), signed.sandbox.path("ci.pub")).unwrap();
    let said = verify().bad();
    assert!(said.contains("key not found"), "{said}");
}
