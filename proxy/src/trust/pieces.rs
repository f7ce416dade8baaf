//! From the bytes of a sibling to pieces of evidence.

use hallmark_config::{Sibling, UnixMs};
use hallmark_signer::dsse::IN_TOTO;
use hallmark_signer::evidence::{
    AttestationError, Bundle, BundleError, CertificateBundle, DetachedError, InTotoStatement, Moments,
    NotationEnvelope, NotationError, NotationParseError, SigstoreError, StatementError, parse_attestations,
    parse_detached,
};
use hallmark_signer::{Envelope, PublisherSignatures, PublisherSignaturesError, Sha256Digest, Signature};

use super::TrustPolicy;
use super::evidence::{Piece, Said, Signed, Stated, StatementSubject};
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
    /// What it should be.
    pub kind: Sibling,
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
}

impl TrustPolicy {
    /// Reads a sibling of an artifact. Signatures by keys are found to be somebody's later; those by certificates are
    /// checked here, for each identity of the rule.
    ///
    /// # Errors
    /// It is not a file of its kind as a whole, or it has a certificate and none of the identities signed with it.
    pub fn pieces(&self, about: &About<'_>, file: &SiblingFile<'_>) -> Result<Vec<Piece>, Unusable> {
        let signed = match file.kind {
            Sibling::Sig => vec![by_key(parse_detached(file.bytes)?)?],
            Sibling::Sigstore => match Bundle::parse(file.bytes)? {
                Bundle::Signature(signature) => vec![by_key(signature)?],
                Bundle::Envelope(envelope) => vec![statement(envelope)?],
                Bundle::Certificate(bundle) => self.by_sigstore(&bundle, about)?,
            },
            Sibling::InToto => {
                let envelopes = parse_attestations(file.bytes)?;
                envelopes.into_iter().map(statement).collect::<Result<_, _>>()?
            }
            Sibling::Notation => self.by_notation(&NotationEnvelope::parse(file.bytes)?, about, file)?,
        };
        Ok(signed.into_iter().map(|signed| Piece { from: file.kind, at: file.at, signed }).collect())
    }

    fn by_sigstore(&self, bundle: &CertificateBundle, about: &About<'_>) -> Result<Vec<Signed>, Unusable> {
        let identities =
            self.identities.sigstore.iter().filter(|(name, _)| self.asks_for(about.object, name));
        some(identities.map(|(signer, trust)| {
            let proof = bundle.verify(trust, about.sha256)?;
            let said = match proof.statement() {
                Some(statement) => Said::Statement(stated(statement)),
                None => Said::Bytes(*proof.artifact()),
            };
            let signed_at = proof.times().iter().map(|time| UnixMs(*time)).collect();
            Ok(Signed::ByIdentity { signer: signer.clone(), said, signed_at })
        }))
    }

    fn by_notation(
        &self,
        envelope: &NotationEnvelope,
        about: &About<'_>,
        file: &SiblingFile<'_>,
    ) -> Result<Vec<Signed>, Unusable> {
        let moments = Moments { seen_at: file.at.0, now: file.now };
        let identities =
            self.identities.notation.iter().filter(|(name, _)| self.asks_for(about.object, name));
        some(identities.map(|(signer, trust)| {
            let proof = envelope.verify(trust, about.sha256, about.size, moments)?;
            let signed_at = vec![UnixMs(proof.signed_at())];
            Ok(Signed::ByIdentity { signer: signer.clone(), said: Said::Bytes(*proof.artifact()), signed_at })
        }))
    }
}

/// What holds of it; if nothing does, why the first does not.
fn some(all: impl Iterator<Item = Result<Signed, Unusable>>) -> Result<Vec<Signed>, Unusable> {
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

fn statement(envelope: Envelope) -> Result<Signed, Unusable> {
    if envelope.payload_type != IN_TOTO {
        return Err(Unusable::PayloadType(envelope.payload_type));
    }
    let stated = stated(&InTotoStatement::parse(&envelope.payload)?);
    Ok(Signed::Statement { envelope, stated })
}

fn stated(statement: &InTotoStatement) -> Stated {
    let subjects = statement.subjects().iter();
    let provenance = statement.provenance();
    // More than one repository is none that a rule can ask for.
    let source = provenance.and_then(|provenance| match provenance.sources() {
        [source] => Some(source.clone()),
        _ => None,
    });
    Stated {
        subjects: subjects
            .map(|subject| StatementSubject { name: subject.name.clone(), sha256: subject.sha256 })
            .collect(),
        predicate_type: statement.predicate_type().to_owned(),
        role: statement.approved_role().map(str::to_owned),
        builder_id: provenance.map(|provenance| provenance.builder_id().to_owned()),
        build_type: provenance.map(|provenance| provenance.build_type().to_owned()),
        source,
    }
}
