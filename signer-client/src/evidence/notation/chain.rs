//! Chains of certificates, as Notation asks for them: complete, in order, nothing else in them, up to a root that is
//! trusted. Signatures, names, validity and constraints are checked by webpki, which rustls uses, too; what it leaves to
//! others (key usages, the root, that the chain is just that) is checked here.

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage as ExtendedUsage, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::name::Name;

use super::key::LeafKey;

/// The longest chain that is read.
pub const MAX_CHAIN: usize = 8;

/// At most so many roots for one identity.
const MAX_ANCHORS: usize = 32;

/// id-kp-codeSigning (RFC 5280, section 4.2.1.12), as webpki wants it.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// What a signer's certificate must not be for: anything, serverAuth, clientAuth, emailProtection, timeStamping.
const OTHER_USAGES: [ObjectIdentifier; 5] = [
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
];

/// Roots that are trusted: 1 to 32 certificates, DER.
#[derive(Debug, Clone)]
pub(super) struct TrustAnchors(Vec<Vec<u8>>);

/// A text that is not the roots of chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnchorsError {
    /// Not PEM, or a block in it that is no certificate.
    #[error("not certificates in PEM")]
    Pem,
    /// None, or more than 32.
    #[error("{0} certificates; 1 to 32 are accepted")]
    Count(usize),
}

/// Why a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Not a certificate.
    #[error("certificate {0} of the chain is malformed")]
    Malformed(usize),
    /// It does not end in a root that is trusted.
    #[error("the chain does not end in a trusted root")]
    Untrusted,
    /// Not in order, or with something that does not belong to it.
    #[error("certificate {0} of the chain is not issued by the one after it")]
    Order(usize),
    /// A certificate that was not valid then.
    #[error("certificate {0} of the chain was not valid when the signature was made")]
    Validity(usize),
    /// An authority's certificate that is not made to issue others, or not so many below it.
    #[error("certificate {0} of the chain is not one of an authority that may issue the one before it")]
    Authority(usize),
    /// The signer's certificate is for something else.
    #[error("the signer's certificate is not one for signing code")]
    Usage,
    /// The signer's key is of another kind.
    #[error("the signer's key is not on P-256 or P-384")]
    Key,
    /// A signature in it is bad, or something else that webpki found.
    #[error("the chain does not hold: {0}")]
    Path(String),
}

impl TrustAnchors {
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, AnchorsError> {
        let certificates = Certificate::load_pem_chain(pem).map_err(|_| AnchorsError::Pem)?;
        if !(1..=MAX_ANCHORS).contains(&certificates.len()) {
            return Err(AnchorsError::Count(certificates.len()));
        }
        let anchor = |certificate: &Certificate| {
            let der = certificate.to_der().map_err(|_| AnchorsError::Pem)?;
            anchor_from_trusted_cert(&CertificateDer::from_slice(&der)).map_err(|_| AnchorsError::Pem)?;
            Ok(der)
        };
        certificates.iter().map(anchor).collect::<Result<_, _>>().map(Self)
    }
}

/// Who signed, by a chain that holds.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) key: LeafKey,
    pub(super) subject: Name,
    /// All of the chain, the signer's first. Each is encoded in one way only.
    pub(super) chain: Vec<Certificate>,
}

/// Checks a chain at a time, Unix milliseconds. Certificates in errors are counted from 1, the signer's.
pub(super) fn verify(chain: &[Vec<u8>], anchors: &TrustAnchors, at: u64) -> Result<Leaf, ChainError> {
    let certificates = chain.iter().enumerate().map(|(index, der)| {
        let certificate = Certificate::from_der(der).map_err(|_| ChainError::Malformed(index + 1))?;
        // What is compared and hashed are these bytes: there must be no others for the same certificate.
        let again = certificate.to_der().map_err(|_| ChainError::Malformed(index + 1))?;
        if again == *der { Ok(certificate) } else { Err(ChainError::Malformed(index + 1)) }
    });
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>()?;
    let (Some(leaf), Some(root_der)) = (certificates.first(), chain.last()) else {
        return Err(ChainError::Untrusted);
    };
    if !anchors.0.contains(root_der) {
        return Err(ChainError::Untrusted);
    }
    in_order(&certificates)?;
    for (index, certificate) in certificates.iter().enumerate() {
        valid_at(certificate, at).ok_or(ChainError::Validity(index + 1))?;
        if index > 0 {
            may_issue(certificate, index - 1).ok_or(ChainError::Authority(index + 1))?;
        }
    }
    signs_code(leaf).ok_or(ChainError::Usage)?;
    path(chain, at)?;
    let tbs = leaf.tbs_certificate();
    let spki = tbs.subject_public_key_info().to_der().map_err(|_| ChainError::Key)?;
    let key = LeafKey::from_spki(&spki).ok_or(ChainError::Key)?;
    let subject = tbs.subject().clone();
    Ok(Leaf { key, subject, chain: certificates })
}

/// Each is issued in the name of the next one, and the last one in its own.
fn in_order(certificates: &[Certificate]) -> Result<(), ChainError> {
    let issuers = certificates.iter().skip(1).chain(certificates.last());
    for (index, (certificate, issuer)) in certificates.iter().zip(issuers).enumerate() {
        if certificate.tbs_certificate().issuer() != issuer.tbs_certificate().subject() {
            return Err(ChainError::Order(index + 1));
        }
    }
    Ok(())
}

fn valid_at(certificate: &Certificate, at: u64) -> Option<()> {
    let validity = certificate.tbs_certificate().validity();
    let seconds = at / 1000;
    let valid = validity.not_before.to_unix_duration().as_secs() <= seconds
        && seconds <= validity.not_after.to_unix_duration().as_secs();
    valid.then_some(())
}

/// Whether an authority may issue certificates with `below` authorities between it and the signer.
fn may_issue(certificate: &Certificate, below: usize) -> Option<()> {
    let tbs = certificate.tbs_certificate();
    let (critical, constraints) = tbs.get_extension::<BasicConstraints>().ok()??;
    let deep = constraints.path_len_constraint.is_none_or(|most| below <= usize::from(most));
    let (usage_critical, usage) = tbs.get_extension::<KeyUsage>().ok()??;
    (critical && constraints.ca && deep && usage_critical && usage.key_cert_sign()).then_some(())
}

/// Whether a signer's certificate is one for signing, and for nothing that does not go with it.
fn signs_code(certificate: &Certificate) -> Option<()> {
    let tbs = certificate.tbs_certificate();
    let constraints = tbs.get_extension::<BasicConstraints>().ok()?;
    let (critical, usage) = tbs.get_extension::<KeyUsage>().ok()??;
    let more = usage.key_encipherment()
        || usage.data_encipherment()
        || usage.key_agreement()
        || usage.key_cert_sign()
        || usage.encipher_only()
        || usage.decipher_only()
        || usage.crl_sign();
    let extended = tbs.get_extension::<ExtendedKeyUsage>().ok()?;
    let other = extended.is_some_and(|(_, usages)| usages.0.iter().any(|usage| OTHER_USAGES.contains(usage)));
    let authority = constraints.is_some_and(|(_, constraints)| constraints.ca);
    (critical && usage.digital_signature() && !more && !other && !authority).then_some(())
}

/// webpki's verdict: there is a path from the first certificate over each of the others to the last one.
fn path(chain: &[Vec<u8>], at: u64) -> Result<(), ChainError> {
    let failed = |error: webpki::Error| ChainError::Path(error.to_string());
    let ders: Vec<_> = chain.iter().map(|der| CertificateDer::from_slice(der)).collect();
    let (Some((leaf, issuers)), Some(root)) = (ders.split_first(), ders.last()) else {
        return Err(ChainError::Untrusted);
    };
    let between = issuers.split_last().map_or(issuers, |(_, between)| between);
    let anchor = [anchor_from_trusted_cert(root).map_err(failed)?];
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_millis(at));
    let leaf = EndEntityCert::try_from(leaf).map_err(failed)?;
    let usage = ExtendedUsage::required_if_present(CODE_SIGNING);
    let path = leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchor, between, time, usage, None, None);
    let path = path.map_err(failed)?;
    let used = path.intermediate_certificates().map(webpki::Cert::der);
    if used.eq(between.iter().cloned()) { Ok(()) } else { Err(ChainError::Order(1)) }
}
