//! What AWS Signer can revoke of a signature after it was made: the job that made it, the profile that it was made for, and
//! the certificates of its chain.

use sha2::{Digest as _, Sha384};
use x509_cert::Certificate;
use x509_cert::der::Encode as _;

use super::authority::AwsSigner;

/// What may be revoked of a signature whose chain and bytes hold, as AWS Signer names it (its API, `GetRevocationStatus`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocable {
    signed_at: u64,
    profile_version: String,
    signing_job: String,
    certificates: Vec<String>,
}

impl Revocable {
    /// `chain`: the signer's certificate first, the root's last. `None`: it names no job.
    pub(super) fn of(signed_at: u64, aws: &AwsSigner, chain: &[Certificate]) -> Option<Self> {
        let hashes: Option<Vec<_>> = chain.iter().map(tbs_hash).collect();
        Self::new(signed_at, aws, &hashes?)
    }

    fn new(signed_at: u64, aws: &AwsSigner, hashes: &[String]) -> Option<Self> {
        let issuers = hashes.iter().skip(1).chain(hashes.last());
        let certificates =
            hashes.iter().zip(issuers).map(|(hash, issuer)| format!("{hash}{issuer}")).collect();
        Some(Self {
            signed_at,
            profile_version: aws.profile_version.clone(),
            signing_job: aws.signing_job.clone()?,
            certificates,
        })
    }

    /// When the authority says that it signed, Unix milliseconds.
    pub fn signed_at(&self) -> u64 {
        self.signed_at
    }

    /// The version of the signing profile: an ARN.
    pub fn profile_version(&self) -> &str {
        &self.profile_version
    }

    /// The job: an ARN.
    pub fn signing_job(&self) -> &str {
        &self.signing_job
    }

    /// Each certificate of the chain, the signer's first: SHA-384 of what is signed of it (the TBS certificate), in hex,
    /// followed by that of its issuer. The root is its own.
    pub fn certificates(&self) -> &[String] {
        &self.certificates
    }
}

/// SHA-384 of what is signed of a certificate, hex.
fn tbs_hash(certificate: &Certificate) -> Option<String> {
    Some(hex::encode(Sha384::digest(certificate.tbs_certificate().to_der().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_certificate_is_named_with_its_issuer() {
        let named = |hashes: &[&str]| {
            let aws = AwsSigner { profile_version: "p".to_owned(), signing_job: Some("j".to_owned()) };
            let hashes: Vec<_> = hashes.iter().map(|hash| (*hash).to_owned()).collect();
            Revocable::new(1, &aws, &hashes).unwrap().certificates
        };
        assert_eq!(named(&["a", "b", "c"]), ["ab", "bc", "cc"]);
        assert_eq!(named(&["a"]), ["aa"]);
    }

    #[test]
    fn without_a_job_nothing_can_be_asked() {
        let aws = AwsSigner { profile_version: "p".to_owned(), signing_job: None };
        assert_eq!(Revocable::new(1, &aws, &["a".to_owned()]), None);
    }
}
