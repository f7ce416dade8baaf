//! The listener's certificate.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

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

/// Whether [`Server::bind`](super::Server::bind) could use the files.
///
/// # Errors
/// It could not.
pub fn check_tls(tls: &Tls) -> Result<(), TlsError> {
    acceptor(tls).map(drop)
}

/// Reads the files and makes what accepts connections: TLS 1.2 and 1.3, HTTP/1.1 only.
pub(super) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, TlsError> {
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
    Ok(TlsAcceptor::from(Arc::new(config)))
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
