//! From the bytes of a sibling to pieces of evidence.

use std::sync::Arc;

use hallmark_config::{Sibling, UnixMs};
use hallmark_signer::dsse::IN_TOTO;
use hallmark_signer::evidence::{
    AttestationError, Bundle, BundleError, CertificateBundle, DetachedError, InTotoStatement, Moments,
    NotationEnvelope, NotationError, NotationParseError, SigstoreError, StatementError, parse_attestations,
    parse_detached,
};
use hallmark_signer::{Envelope, PublisherSignatures, PublisherSignaturesError, Sha256Digest, Signature};

use super::TrustPolicy;
use super::evidence::{Piece, Said, Signed};
use super::findings::Standing;
use super::identities::Notation;
use super::revocation::StatusUnknown;
use super::sibling::SiblingName;
use crate::name::ObjectName;

/// The artifact that evidence is looked for.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Under which name it stands.
    pub object: &'a ObjectName,
    /// Its digest.
    pub sha256: &'a Sha256Digest,
    /// Its length, bytes.
    pub size: u64,
}

/// A sibling that was read, and when.
#[derive(Debug, Clone, Copy)]
pub struct SiblingFile<'f> {
    /// What it should be, and whose.
    pub sibling: &'f SiblingName,
    /// All of it.
    pub bytes: &'f [u8],
    /// When it was sealed.
    pub at: UnixMs,
    /// Now, Unix milliseconds.
    pub now: u64,
}

/// Why a sibling says nothing about an artifact. Texts are shown to clients.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unusable {
    /// No detached signature.
    #[error("it is {0}")]
    Detached(#[from] DetachedError),
    /// No list of signatures can be made of it.
    #[error(transparent)]
    Signatures(#[from] PublisherSignaturesError),
    /// No bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// No envelopes.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// An envelope with something else than a statement.
    #[error("an envelope in it holds `{0}`, not an in-toto statement")]
    PayloadType(String),
    /// An envelope with a statement that cannot be read.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A bundle that proves nothing.
    #[error(transparent)]
    Sigstore(#[from] SigstoreError),
    /// No Notation envelope.
    #[error(transparent)]
    NotationFile(#[from] NotationParseError),
    /// A Notation envelope that proves nothing.
    #[error(transparent)]
    Notation(#[from] NotationError),
    /// There is a certificate in it, and the rule names nobody who has one.
    #[error("it was signed with a certificate, and the rule for this key names no such signer")]
    NoIdentity,
    /// It proved nothing a moment ago.
    #[error("{0}")]
    Again(Arc<str>),
    /// It is good, and whether it has been revoked since cannot be asked.
    #[error("it names no signing job, so AWS Signer cannot be asked whether it has revoked it")]
    NoSigningJob,
    /// No rule looks for signatures there.
    #[error("nothing is looked for under this name")]
    NoSibling,
}

/// What a sibling holds, read whole; by nobody knows whom.
enum Contents {
    Signature(Signature),
    Statements(Vec<(Envelope, Box<InTotoStatement>)>),
    Certificate(CertificateBundle),
    Notation(Box<NotationEnvelope>),
}

impl Contents {
    fn read(kind: Sibling, bytes: &[u8]) -> Result<Self, Unusable> {
        Ok(match kind {
            Sibling::Sig => Self::Signature(parse_detached(bytes)?),
            Sibling::Sigstore => match Bundle::parse(bytes)? {
                Bundle::Signature(signature) => Self::Signature(signature),
                Bundle::Envelope(envelope) => Self::Statements(vec![statement(envelope)?]),
                Bundle::Certificate(bundle) => Self::Certificate(bundle),
            },
            Sibling::InToto => {
                let envelopes = parse_attestations(bytes)?;
                Self::Statements(envelopes.into_iter().map(statement).collect::<Result<_, _>>()?)
            }
            Sibling::Notation => Self::Notation(Box::new(NotationEnvelope::parse(bytes)?)),
        })
    }
}

/// Whether `bytes` as a whole are a sibling of this kind.
pub(super) fn check(kind: Sibling, bytes: &[u8]) -> Result<(), Unusable> {
    Contents::read(kind, bytes).map(drop)
}

/// What a sibling holds that may count.
#[derive(Debug)]
pub struct Pieces {
    /// As far as it is known.
    pub known: Vec<Piece>,
    /// There may be more, or it may be worth less: nobody knows now.
    pub unknown: Option<StatusUnknown>,
}

impl TrustPolicy {
    /// Reads a sibling of an artifact. Signatures by keys are found to be somebody's later; those by certificates are
    /// checked here, for each identity of the rule; that may wait for AWS Signer, so it is to be done on a thread for what takes
    /// long.
    ///
    /// # Errors
    /// It is not a file of its kind as a whole, or it has a certificate and none of the identities signed with it.
    pub fn pieces(&self, about: &About<'_>, file: &SiblingFile<'_>) -> Result<Pieces, Unusable> {
        let SiblingName { kind, of, name: _ } = file.sibling;
        let mut unknown = None;
        let signed = match Contents::read(*kind, file.bytes)? {
            Contents::Signature(signature) => vec![by_key(signature)?],
            Contents::Statements(statements) => {
                let signed = |(envelope, statement)| Signed::Statement { envelope, statement };
                statements.into_iter().map(signed).collect()
            }
            Contents::Certificate(bundle) => self.by_sigstore(&bundle, about, file)?,
            Contents::Notation(envelope) => {
                let found = self.by_notation(&envelope, about, file)?;
                unknown = found.iter().find_map(|one| one.as_ref().err().cloned());
                found.into_iter().flatten().collect()
            }
        };
        let piece = |signed| Piece { from: *kind, of: of.clone(), at: file.at, signed };
        Ok(Pieces { known: signed.into_iter().map(piece).collect(), unknown })
    }

    fn by_sigstore(
        &self,
        bundle: &CertificateBundle,
        about: &About<'_>,
        file: &SiblingFile<'_>,
    ) -> Result<Vec<Signed>, Unusable> {
        let identities =
            self.identities.sigstore.iter().filter(|(name, _)| self.asks_for(about.object, name));
        some(identities.map(|(signer, trust)| {
            self.refusals.unless_refused(signer, about, file, || {
                let proof = bundle.verify(trust, about.sha256)?;
                let said = match proof.statement() {
                    Some(statement) => Said::Statement(Box::new(statement.clone())),
                    None => Said::Bytes(*proof.artifact()),
                };
                let signed_at = proof.times().iter().map(|time| UnixMs(*time)).collect();
                Ok(Signed::ByIdentity { signer: signer.clone(), said, signed_at, revoked: None })
            })
        }))
    }

    /// Of those by whom it is, some may not be known to count now.
    fn by_notation(
        &self,
        envelope: &NotationEnvelope,
        about: &About<'_>,
        file: &SiblingFile<'_>,
    ) -> Result<Vec<Result<Signed, StatusUnknown>>, Unusable> {
        let moments = Moments { seen_at: file.at.0, now: file.now };
        let identities =
            self.identities.notation.iter().filter(|known| self.asks_for(about.object, &known.signer));
        some(identities.map(|Notation { signer, trust, revocations }| {
            let proof = self.refusals.unless_refused(signer, about, file, || {
                Ok(envelope.verify(trust, about.sha256, about.size, moments)?)
            })?;
            let said = Said::Bytes(*proof.artifact());
            let signed_at = vec![UnixMs(proof.signed_at())];
            // What does not count anyhow is not asked about.
            let counts = self.signers.get(signer).is_some_and(|known| {
                known.standing(&[file.at, UnixMs(proof.signed_at())]) == Standing::Counts
            });
            let revoked = match revocations.as_ref().filter(|_| counts) {
                Some(revocations) => revocations.look_up(proof.revocable().ok_or(Unusable::NoSigningJob)?),
                None => Ok(None),
            };
            Ok(revoked.map(|revoked| Signed::ByIdentity { signer: signer.clone(), said, signed_at, revoked }))
        }))
    }
}

/// What holds of it; if nothing does, why the first does not.
fn some<T>(all: impl Iterator<Item = Result<T, Unusable>>) -> Result<Vec<T>, Unusable> {
    let mut found = Vec::new();
    let mut first = None;
    for one in all {
        match one {
            Ok(signed) => found.push(signed),
            Err(error) => first = first.or(Some(error)),
        }
    }
    if found.is_empty() { Err(first.unwrap_or(Unusable::NoIdentity)) } else { Ok(found) }
}

fn by_key(signature: Signature) -> Result<Signed, Unusable> {
    Ok(Signed::Bytes(PublisherSignatures::new(vec![signature])?))
}

fn statement(envelope: Envelope) -> Result<(Envelope, Box<InTotoStatement>), Unusable> {
    if envelope.payload_type != IN_TOTO {
        return Err(Unusable::PayloadType(envelope.payload_type));
    }
    let statement = Box::new(InTotoStatement::parse(&envelope.payload)?);
    Ok((envelope, statement))
}
