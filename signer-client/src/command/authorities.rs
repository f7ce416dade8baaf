//! Whose certificates are trusted for the endpoint, and what is said when one is not.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::command::args::RemoteArgs;
use crate::command::failure::Failure;

/// A client that trusts the authorities of `--ca-bundle` or AWS_CA_BUNDLE and no others, as the aws CLI does; `None` if
/// neither is given, and the system's are to be trusted.
pub(crate) fn http_client(args: &RemoteArgs) -> Result<Option<SharedHttpClient>, Failure> {
    let named = || std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = args.ca_bundle.clone().or_else(named) else { return Ok(None) };
    let pem = std::fs::read(&path).map_err(|error| Failure::io("read", &path, error))?;
    let unusable = || {
        Failure::usage(format!("{} has no usable certificates", path.display()))
            .hint("give the certificates of authorities, PEM, by --ca-bundle or AWS_CA_BUNDLE")
    };
    // The client panics on certificates that it cannot read.
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.map_err(|_| unusable())?).map_err(|_| unusable())?;
    }
    if roots.is_empty() {
        return Err(unusable());
    }
    let store = TrustStore::empty().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(store).build().map_err(|_| unusable())?;
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context);
    Ok(Some(builder.build_https()))
}

/// Whether a connection failed because of the endpoint's certificate.
pub(crate) fn distrusted(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        // An I/O error names as its source what is below the error that it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = error.downcast_ref().or_else(|| wrapped.and_then(|error| error.downcast_ref()));
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_is_found_at_fault_wherever_the_error_is() {
        let fault = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(distrusted(&fault()));
        assert!(distrusted(&io::Error::other(fault())));
        assert!(distrusted(&io::Error::other(io::Error::other(fault()))));
        assert!(!distrusted(&rustls::Error::HandshakeNotComplete));
        assert!(!distrusted(&io::Error::other("refused")));
    }
}
