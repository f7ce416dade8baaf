//! Sigstore's clients: they take the bundles that we make. npm's verifies them (see `js::sigstore`); PyPI's reads them, and
//! verifies nobody's that are signed by a key.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use hallmark_tests::command::{Sandbox, script};
use hallmark_tests::proxy::program;

/// A key, and what it signed.
pub(super) struct Signed {
    pub(super) sandbox: Sandbox,
}

impl Signed {
    pub(super) fn new() -> Self {
        // It asks no server.
        let sandbox = Sandbox::new(SocketAddr::from(([127, 0, 0, 1], 1)));
        let signed = Self { sandbox };
        signed.write("app.tar", b"an artifact\n");
        signed.hallmark(&["keygen", "ci"]);
        signed.hallmark(&["sign", "--key", "ci.key", "--bundle", "app.tar"]);
        signed
    }

    pub(super) fn hallmark(&self, arguments: &[&str]) {
        self.sandbox.run(program("hallmark"), arguments).good();
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.sandbox.path(name), content).unwrap();
    }

    /// What a script for verifying is given.
    pub(super) fn arguments(&self, script_name: &str) -> [PathBuf; 4] {
        let [key, bundle, artifact] =
            ["ci.pub", "app.tar.sigstore.json", "app.tar"].map(|name| self.sandbox.path(name));
        [script(script_name), key, bundle, artifact]
    }
}

#[test]
fn p8_sigstore_of_pypi_reads_our_bundles() {
    let signed = Signed::new();
    let read = || signed.sandbox.run_installed("python", &signed.arguments("sigstore_read.py"));
    // When it begins to take them, there is more to test.
    assert_eq!(read().good(), "sigstore: expected certificate in bundle\n");
    signed.write("app.tar", b"another artifact\n");
    read().bad();
}
