//! Certificates for a store, right and wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// A certificate by an authority of its own.
#[derive(Debug)]
pub struct Certificate {
    directory: TempDir,
}

impl Certificate {
    /// A new one, by a new authority, for these names (as `subjectAltName` has them: `IP:127.0.0.1`).
    ///
    /// # Panics
    /// openssl fails.
    pub fn of(names: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let at = |name: &str| directory.path().join(name);
        fs::write(at("leaf.ext"), format!("basicConstraints=CA:FALSE\nsubjectAltName={names}\n"))
            .expect("a file can be written");
        let run = |line: &str| {
            let command =
                Command::new("openssl").args(line.split(' ')).current_dir(directory.path()).output();
            let out = command.expect("openssl is installed (tests/run sees to it)");
            assert!(out.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&out.stderr));
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        run(&format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=authority"));
        run(&format!("req -new {key} -keyout leaf.key -out leaf.csr -subj /CN=store"));
        run(
            "x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.crt",
        );
        Self { directory }
    }

    /// The authority, in PEM.
    pub fn authority(&self) -> PathBuf {
        self.path("ca.crt")
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let certificate =
            CertificateDer::from_pem_file(self.path("leaf.crt")).expect("a certificate was made");
        let key = PrivateKeyDer::from_pem_file(self.path("leaf.key")).expect("a key was made");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
        TlsAcceptor::from(Arc::new(config.expect("certificate and key belong together")))
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.directory.path()).join(name)
    }
}
