//! The one place where a seal becomes one to be believed.

use std::sync::Arc;

use crate::digest::Sha256Digest;
use crate::key::{KeyHint, PublicKey};
use crate::seal::certificate::{Certificate, CertificateFault};
use crate::seal::claims::{Claims, ContentDigests};
use crate::seal::fields::{By, Op, SealId, SealedEtag};
use crate::seal::keys::SealKeys;
use crate::seal::line::SealLine;
use crate::seal::statement::{BucketError, Observed, Statement};
use crate::verdicts::{CheckId, Signed, Verdicts};

/// A verified seal: signed by a trusted seal key, for this realm, bucket, key, length and headers.
///
/// Private fields, no default, not read from anything: only [`verify`] and [`verify_certified`] make one.
///
/// ```
/// use hallmark_signer::{NoVerdicts, Observed, Seal, SealError, SealKeys, SealLine, verify};
/// fn check(line: &SealLine, observed: &Observed<'_>, keys: &SealKeys) -> Result<Seal, SealError> {
///     verify(line, observed, keys, &NoVerdicts)
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::{Seal, SealLine};
/// fn believe(line: SealLine) -> Seal {
///     line.into()
/// }
/// ```
///
/// ```compile_fail
/// let seal = hallmark_signer::Seal::default();
/// ```
///
/// ```compile_fail
/// fn unverified_digest(line: &hallmark_signer::SealLine) -> &hallmark_signer::Sha256Digest {
///     line.sha256()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    line: SealLine,
    statement: Statement,
    realm: Box<str>,
    bucket: Box<str>,
    key: Box<str>,
    signer: PublicKey,
    /// Of the signer, if it is not trusted by itself.
    certificate: Option<Arc<Certificate>>,
    check: CheckId,
}

/// The step at which the verification of a seal failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A bucket's name that no seal can be about.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The artifact was truncated or extended, or has another's seal.
    #[error("the artifact has {observed} bytes, its seal is for {sealed}")]
    Length {
        /// What the seal says, bytes.
        sealed: u64,
        /// What is there, bytes.
        observed: u64,
    },
    /// Content headers or user metadata were changed, added or removed.
    #[error("content headers or user metadata are not those that were sealed")]
    Headers,
    /// Sealed by a key that is not trusted.
    #[error("no trusted seal key begins with {0}")]
    UnknownKey(KeyHint),
    /// Sealed by a key with a certificate that does not make it a trusted one.
    #[error("the seal key that begins with {key} is not trusted: {fault}")]
    Certificate {
        /// What the seal says of the key.
        key: KeyHint,
        /// What is wrong.
        fault: CertificateFault,
    },
    /// Anything else was changed, or the seal is another artifact's: name, bucket, realm, digests, time, signature.
    #[error("the seal's signature does not match: the seal was altered, or is for another name or realm")]
    Signature,
}

impl SealError {
    /// The failing step, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Bucket(_) => "seal_bucket",
            Self::Length { .. } => "seal_length",
            Self::Headers => "seal_headers",
            Self::UnknownKey(_) => "seal_unknown_key",
            Self::Certificate { .. } => "seal_certificate",
            Self::Signature => "seal_signature",
        }
    }
}

/// Verifies a seal against what is observed, in this order: length, headers, key, signature.
///
/// The signature is checked over a statement that is made anew from the line *and* from `observed`, so a good line on
/// the wrong object fails here.
///
/// # Errors
/// The first step that fails.
pub fn verify(
    line: &SealLine,
    observed: &Observed<'_>,
    keys: &SealKeys,
    verdicts: &dyn Verdicts,
) -> Result<Seal, SealError> {
    fits(line, observed)?;
    for key in keys.with_hint(line.key).ok_or(SealError::UnknownKey(line.key))? {
        if let Some(seal) = signed_by(key, None, line, observed, verdicts)? {
            return Ok(seal);
        }
    }
    Err(SealError::Signature)
}

/// The same for a seal by a key that is trusted for what its certificate says. The time for which it was certified is
/// compared with the seal's own: today does not matter, and neither does the clock of whoever verifies.
///
/// # Errors
/// The first step that fails.
pub fn verify_certified(
    line: &SealLine,
    observed: &Observed<'_>,
    keys: &SealKeys,
    certificate: &Arc<Certificate>,
    verdicts: &dyn Verdicts,
) -> Result<Seal, SealError> {
    fits(line, observed)?;
    let refused = |fault| SealError::Certificate { key: line.key, fault };
    if certificate.hint() != line.key {
        return Err(refused(CertificateFault::Malformed));
    }
    keys.check_certificate(certificate, observed.realm, verdicts).map_err(refused)?;
    let seal = signed_by(certificate.key(), Some(certificate), line, observed, verdicts)?;
    let seal = seal.ok_or(SealError::Signature)?;
    // Signed, so that nobody but the key's owner chose it.
    if certificate.lifetime().covers(seal.at()) { Ok(seal) } else { Err(refused(CertificateFault::Lifetime)) }
}

/// Compares what can be compared without any key.
///
/// # Errors
/// Another length, or other headers.
pub fn fits(line: &SealLine, observed: &Observed<'_>) -> Result<(), SealError> {
    let sealed = line.size();
    if sealed != observed.length {
        return Err(SealError::Length { sealed, observed: observed.length });
    }
    if line.headers != observed.headers {
        return Err(SealError::Headers);
    }
    Ok(())
}

/// The seal, if `key` signed it.
fn signed_by(
    key: &PublicKey,
    certificate: Option<&Arc<Certificate>>,
    line: &SealLine,
    observed: &Observed<'_>,
    verdicts: &dyn Verdicts,
) -> Result<Option<Seal>, SealError> {
    let statement = Statement::new(&line.claims, observed, key.id())?;
    let Ok(check) = Signed::Pae(&statement.pae()).verify(&line.signature, key, verdicts) else {
        return Ok(None);
    };
    let [realm, bucket, name] = [observed.realm, observed.bucket, observed.key].map(Into::into);
    let (line, signer, certificate) = (line.clone(), key.clone(), certificate.map(Arc::clone));
    Ok(Some(Seal { line, statement, realm, bucket, key: name, signer, certificate, check }))
}

impl Seal {
    /// Its name.
    pub fn id(&self) -> SealId {
        self.claims().id
    }

    /// The kind of operation.
    pub fn op(&self) -> Op {
        self.claims().op
    }

    /// When, milliseconds since 1970 (UTC).
    pub fn at(&self) -> u64 {
        self.claims().at
    }

    /// Who uploaded.
    pub fn by(&self) -> &By {
        &self.claims().by
    }

    /// A copy's source.
    pub fn src(&self) -> Option<SealId> {
        self.claims().src
    }

    /// Length and digests; a copy takes them over.
    pub fn content(&self) -> &ContentDigests {
        &self.claims().content
    }

    /// The artifact's length, bytes.
    pub fn size(&self) -> u64 {
        self.content().size()
    }

    /// SHA-256 of the artifact.
    pub fn sha256(&self) -> &Sha256Digest {
        self.content().sha256()
    }

    /// SHA-256 of the table of parts.
    pub fn parts(&self) -> Option<&Sha256Digest> {
        self.claims().parts.as_ref()
    }

    /// The ETag to serve.
    pub fn etag(&self) -> SealedEtag {
        self.claims().etag
    }

    /// The key that signed it.
    pub fn signer(&self) -> &PublicKey {
        &self.signer
    }

    /// The certificate of that key; `None`: it is trusted by itself.
    pub fn certificate(&self) -> Option<&Arc<Certificate>> {
        self.certificate.as_ref()
    }

    /// Names the check that it passed, and with that all of it: see [`CheckId`].
    pub fn check_id(&self) -> &CheckId {
        &self.check
    }

    /// The line it was, to be shown.
    pub fn line(&self) -> &SealLine {
        &self.line
    }

    /// What was signed.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// What it was verified against.
    pub fn observed(&self) -> Observed<'_> {
        let Self { line, realm, bucket, key, .. } = self;
        Observed { realm, bucket, key, length: line.size(), headers: line.headers }
    }

    fn claims(&self) -> &Claims {
        &self.line.claims
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::seal::fixtures::{Sample, claims};
    use crate::tree::LEAF_SIZE;
    use crate::verdicts::NoVerdicts;
    use crate::verdicts::tests::AllVerdicts;

    #[test]
    fn a_seal_says_what_was_claimed_and_observed() {
        let sample = Sample::of_size(LEAF_SIZE + 5);
        let seal = sample.verified();
        assert_eq!(seal.claims(), &sample.claims);
        assert_eq!(seal.observed(), sample.observed());
        assert_eq!(seal.statement(), &sample.statement());
        assert_eq!(seal.signer(), sample.sealer.public_key());
        assert_eq!(seal.line(), &sample.seal());
    }

    /// The same key by its hint only, as a grinder of hints would have it.
    #[test]
    fn all_keys_with_the_hint_are_tried() {
        let [ours, other] = [(); 2].map(|()| Sample::of_size(1));
        let mut line = ours.seal();
        line.key = other.sealer.public_key().id().hint();
        let both = [other.sealer.public_key().clone(), ours.sealer.public_key().clone()];
        let keys = |both: &[PublicKey]| SealKeys {
            keys: BTreeMap::from([(line.key, both.to_vec())]),
            ..SealKeys::default()
        };
        let seal = verify(&line, &ours.observed(), &keys(&both), &NoVerdicts).unwrap();
        assert_eq!(seal.signer(), ours.sealer.public_key());
        let refused = verify(&line, &ours.observed(), &keys(&both[..1]), &NoVerdicts);
        assert_eq!(refused, Err(SealError::Signature));
    }

    #[test]
    fn untrusted_keys_are_refused() {
        let [ours, other] = [(); 2].map(|()| Sample::of_size(1));
        let unknown = || Err(SealError::UnknownKey(ours.sealer.public_key().id().hint()));
        assert_eq!(verify(&ours.seal(), &ours.observed(), &other.keys(), &NoVerdicts), unknown());
        assert_eq!(verify(&ours.seal(), &ours.observed(), &SealKeys::default(), &NoVerdicts), unknown());
    }

    /// Revoking a key works at once, whatever was remembered.
    #[test]
    fn verdicts_do_not_make_a_key_trusted() {
        let sample = Sample::of_size(1);
        let verdicts = AllVerdicts::default();
        let check = |keys: &SealKeys| {
            verify(&sample.seal(), &sample.observed(), keys, &verdicts).map(|seal| seal.id())
        };
        assert_eq!(check(&sample.keys()), Ok(sample.claims.id));
        assert_eq!(check(&sample.keys()), Ok(sample.claims.id));
        assert_eq!(verdicts.0.lock().unwrap().len(), 1);
        assert!(matches!(check(&SealKeys::default()), Err(SealError::UnknownKey(_))));
        assert!(sample.keys().trusts(sample.sealer.public_key()));
        assert!(!SealKeys::default().trusts(sample.sealer.public_key()));
        let elsewhere = Observed { key: "elsewhere", ..sample.observed() };
        assert_eq!(verify(&sample.seal(), &elsewhere, &sample.keys(), &verdicts), Err(SealError::Signature));
    }

    #[test]
    fn every_observation_is_bound() {
        let sample = Sample::of_size(77);
        let observed = sample.observed();
        let headers = Sha256Digest::of(b"");
        let length = |observed| SealError::Length { sealed: 77, observed };
        for (changed, expected) in [
            (Observed { realm: "Prod", ..observed }, SealError::Signature),
            (Observed { realm: "", ..observed }, SealError::Signature),
            (Observed { bucket: "release", ..observed }, SealError::Signature),
            (Observed { bucket: "releases/app", key: "1.2.3/app.tar.gz", ..observed }, BucketError.into()),
            (Observed { bucket: "", ..observed }, BucketError.into()),
            (Observed { key: "app/1.2.4/app.tar.gz", ..observed }, SealError::Signature),
            (Observed { key: "app/1.2.3/app.tar.gz/", ..observed }, SealError::Signature),
            (Observed { key: "app//1.2.3/app.tar.gz", ..observed }, SealError::Signature),
            (Observed { length: 76, ..observed }, length(76)),
            (Observed { length: 78, ..observed }, length(78)),
            (Observed { headers, ..observed }, SealError::Headers),
        ] {
            assert_eq!(
                verify(&sample.seal(), &changed, &sample.keys(), &NoVerdicts),
                Err(expected),
                "{changed:?}"
            );
        }
    }

    /// What is kept under a check's id is never found under another seal, were it of the same id in the line.
    #[test]
    fn no_two_seals_share_a_check() {
        let [ours, other] = [(); 2].map(|()| Sample::of_size(1));
        let id = |sample: &Sample, observed: &Observed<'_>| {
            let line = sample.sealer.seal(ours.claims.clone(), observed).unwrap();
            *verify(&line, observed, &sample.keys(), &NoVerdicts).unwrap().check_id()
        };
        let observed = ours.observed();
        let same = id(&ours, &observed);
        assert_eq!(id(&ours, &observed), same);
        for elsewhere in [
            Observed { realm: "another", ..observed },
            Observed { bucket: "another", ..observed },
            Observed { key: "another", ..observed },
            Observed { headers: Sha256Digest::of(b"another"), ..observed },
        ] {
            assert_ne!(id(&ours, &elsewhere), same, "{elsewhere:?}");
        }
        assert_ne!(id(&other, &observed), same, "another key");
    }

    #[test]
    fn any_one_byte_change_of_the_line_is_refused() {
        for size in [3, LEAF_SIZE + 1, 8 * LEAF_SIZE + 1] {
            let sample = Sample::of_size(size);
            let (line, keys) = (sample.seal().to_string(), sample.keys());
            let check = |text: &[u8]| {
                let line = std::str::from_utf8(text).ok().and_then(|text| SealLine::parse(text).ok());
                line.and_then(|line| verify(&line, &sample.observed(), &keys, &NoVerdicts).ok())
            };
            assert!(check(line.as_bytes()).is_some());
            for index in 0..line.len() {
                let mut text = line.as_bytes().to_vec();
                for other in
                    [text[index] ^ 1, text[index] ^ 4, text[index] ^ 0x20, b'-', b'A', b'0', b' ', 0, 0xff]
                {
                    if other != line.as_bytes()[index] {
                        text[index] = other;
                        assert_eq!(check(&text), None, "{}", String::from_utf8_lossy(&text));
                    }
                }
                text.remove(index);
                assert_eq!(check(&text), None, "without byte {index}");
                text.splice(index..index, [line.as_bytes()[index]; 2]);
                assert_eq!(check(&text), None, "byte {index} twice");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_sealed_verifies_there_and_nowhere_else(
            claims in claims(),
            names in any::<[String; 3]>(),
            headers in any::<[u8; 32]>(),
            other in any::<String>(),
        ) {
            let sample = Sample::of_size(0);
            let [realm, bucket, key] = names;
            let bucket = format!("b{}", bucket.replace('/', ""));
            let length = claims.content.size();
            let observed = Observed { realm: &realm, bucket: &bucket, key: &key, length, headers: Sha256Digest::new(headers) };
            let line = sample.sealer.seal(claims.clone(), &observed).unwrap();
            let check = |observed| verify(&line, &observed, &sample.keys(), &NoVerdicts).map(|seal| seal.claims().clone());
            prop_assert_eq!(check(observed), Ok(claims));
            for (unchanged, elsewhere) in [
                (other == realm, Observed { realm: &other, ..observed }),
                (other == bucket, Observed { bucket: &other, ..observed }),
                (other == key, Observed { key: &other, ..observed }),
                (false, Observed { length: length ^ 1, ..observed }),
                (false, Observed { headers: Sha256Digest::of(&headers), ..observed }),
            ] {
                prop_assert_eq!(check(elsewhere).is_ok(), unchanged);
            }
        }
    }
}
