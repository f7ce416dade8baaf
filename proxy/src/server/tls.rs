//! The listener's certificate.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hallmark_config::Tls;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{Error, ServerConfig};

/// Even long chains stay far below.
const MAX_FILE: u64 = 1 << 20;

const CERTIFICATE: &str = "server.tls.certificate_file";
const KEY: &str = "server.tls.key_file";

/// A certificate or key that cannot be used: each key of the configuration with what is wrong.
#[derive(Debug)]
pub struct TlsError(Vec<(&'static str, String)>);

/// The certificate and key that connections are accepted with from now on. Clones are the same ones.
#[derive(Clone)]
pub struct Certificates(Arc<ArcSwap<ServerConfig>>);

/// A certificate and key that were read and go together.
pub struct Usable(Arc<ServerConfig>);

impl Certificates {
    /// Begins with these.
    pub(super) fn new(Usable(config): Usable) -> Self {
        Self(Arc::new(ArcSwap::new(config)))
    }

    /// Connections that come from now on are accepted with these; those that are open stay as they are.
    pub fn replace(&self, Usable(config): Usable) {
        self.0.store(config);
    }

    /// What the next connection is accepted with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

/// Whether [`Server::bind`](super::Server::bind) could use the files.
///
/// # Errors
/// It could not.
pub fn check_tls(tls: &Tls) -> Result<(), TlsError> {
    read_tls(tls).map(drop)
}

/// Reads the files for TLS 1.2 and 1.3, HTTP/1.1 only.
///
/// # Errors
/// They cannot be used.
pub fn read_tls(tls: &Tls) -> Result<Usable, TlsError> {
    let (certificates, key) = match (certificates(&tls.certificate_file), private_key(&tls.key_file)) {
        (Ok(certificates), Ok(key)) => (certificates, key),
        (certificates, key) => {
            let problems = [certificates.err().map(|e| (CERTIFICATE, e)), key.err().map(|e| (KEY, e))];
            return Err(TlsError(problems.into_iter().flatten().collect()));
        }
    };
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| TlsError(vec![rejected(&error)]))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Usable(Arc::new(config)))
}

impl TlsError {
    /// Dotted keys of the configuration, and what is wrong with the file that each names.
    pub fn problems(&self) -> &[(&'static str, String)] {
        &self.0
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, message)) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{key}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TlsError {}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = hallmark_config::read_text(path, MAX_FILE)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("the file holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(DAMAGED.to_owned()),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = hallmark_config::read_text(path, MAX_FILE)?;
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            "the file holds no private key in PEM (PKCS#8, SEC1 or PKCS#1, not encrypted)".to_owned()
        }
        _ => DAMAGED.to_owned(),
    })
}

const DAMAGED: &str = "the PEM in the file is damaged";

/// Which of the two files is to blame.
fn rejected(error: &Error) -> (&'static str, String) {
    match error {
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => {
            (CERTIFICATE, format!("the first certificate cannot be used: {error}"))
        }
        Error::InconsistentKeys(_) => {
            (KEY, "the key does not belong to the first certificate in `certificate_file`".to_owned())
        }
        _ => (KEY, format!("the key cannot be used: {error}")),
    }
}
