//! From a sealed artifact to one that this reader may have.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallmark_config::{SignerName, UnixMs};
use hallmark_signer::{SIGNATURE_HEADER, Seal, SealedHeaders, Verdicts};

use super::artifact::{Artifact, Place, Proven, Unsealed};
use super::fault::ArtifactFault;
use super::leaves::Leaves;
use crate::name::ObjectName;
use crate::store::{Pin, Standing, VersionId};
use crate::trust::{Evidence, Form, Judged, Piece, Signers, TrustFault, TrustPolicy};

/// How a reader may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Only what the trust policy accepts.
    Trusting,
    /// Also what it does not accept (yet): scanners and signers, who must see it before it is trusted.
    Inspecting,
}

/// An artifact that passed seal and policy for one reader, now. Never kept for a later request: the policy may change.
///
/// Made by [`Proven::admit`] alone; what a client is told about an artifact is read from here.
#[derive(Debug)]
pub struct Admitted(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    /// Without signers: for whoever may read it in spite of what the policy found.
    Sealed {
        artifact: Arc<Artifact>,
        signers: Result<Signers, TrustFault>,
        form: Form,
    },
    Unsealed(Unsealed),
}

impl Proven {
    /// Judges what was proven by the trust policy. `form`: what its bytes were found to be, where it is named like a sibling;
    /// `pieces`: what was found in the artifact's siblings.
    ///
    /// # Errors
    /// There is no seal and none is dispensed with, or the policy does not accept the signatures.
    pub fn admit(
        self,
        policy: &TrustPolicy,
        reader: Reader,
        form: Form,
        pieces: &[Piece],
        verdicts: &dyn Verdicts,
    ) -> Result<Admitted, ArtifactFault> {
        let kind = match self {
            Self::Sealed(artifact) => {
                let header = artifact.headers.get(SIGNATURE_HEADER);
                let seal = &artifact.seal;
                let judged = Judged {
                    object: &artifact.place.name,
                    sha256: seal.sha256(),
                    seal: Some(seal.id()),
                    at: UnixMs(seal.at()),
                    op: seal.op(),
                    form,
                };
                let verdict = policy.judge(&judged, &Evidence { header, pieces }, verdicts);
                let signers = match (verdict, reader) {
                    (Err(fault), Reader::Trusting) => return Err(fault.into()),
                    (verdict, _) => verdict,
                };
                Kind::Sealed { artifact, signers, form }
            }
            Self::Unsealed(object) if policy.serves_unsealed(&object.place.name) => Kind::Unsealed(object),
            Self::Unsealed(_) => return Err(ArtifactFault::Unsealed),
        };
        Ok(Admitted(Arc::new(kind)))
    }
}

impl Admitted {
    fn place(&self) -> &Place {
        match &*self.0 {
            Kind::Sealed { artifact, .. } => &artifact.place,
            Kind::Unsealed(object) => &object.place,
        }
    }

    /// The object's name.
    pub fn name(&self) -> &ObjectName {
        &self.place().name
    }

    /// The version that was asked for; `None`: the current one.
    pub fn version(&self) -> Option<&VersionId> {
        self.place().version.as_ref()
    }

    /// What the store says of the object beside its bytes: its version, locks and number of tags. No seal covers it.
    pub fn standing(&self) -> &Standing {
        &self.place().standing
    }

    /// The seal, unless the object has none.
    pub fn seal(&self) -> Option<&Seal> {
        match &*self.0 {
            Kind::Sealed { artifact, .. } => Some(&artifact.seal),
            Kind::Unsealed(_) => None,
        }
    }

    /// Content headers and user metadata.
    pub fn headers(&self) -> &SealedHeaders {
        match &*self.0 {
            Kind::Sealed { artifact, .. } => &artifact.headers,
            Kind::Unsealed(object) => &object.headers,
        }
    }

    /// Length, bytes.
    pub fn length(&self) -> u64 {
        match &*self.0 {
            Kind::Sealed { artifact, .. } => artifact.seal.size(),
            Kind::Unsealed(object) => object.length,
        }
    }

    /// The ETag, unquoted: the sealed one. Without a seal, a digest of the store's name for the version.
    pub fn etag(&self) -> String {
        match &*self.0 {
            Kind::Sealed { artifact, .. } => artifact.seal.etag().to_string(),
            Kind::Unsealed(object) => {
                hallmark_signer::Sha256Digest::of(object.place.pin.0.as_bytes()).to_hex()[..32].to_owned()
            }
        }
    }

    /// When it was sealed.
    pub fn modified(&self) -> Option<SystemTime> {
        self.seal().map(|seal| UNIX_EPOCH + Duration::from_millis(seal.at()))
    }

    /// The value of `x-hallmark-verified`: `seal` and the signers' names where the policy accepted them,
    /// `seal-only` where it did not and the reader may see it all the same, `nothing` without a seal.
    pub fn verified(&self) -> String {
        match &*self.0 {
            Kind::Sealed { signers: Ok(signers), .. } => {
                let names = signers.names().iter().map(SignerName::as_str);
                std::iter::once("seal").chain(names).collect::<Vec<_>>().join(",")
            }
            Kind::Sealed { signers: Err(_), .. } => "seal-only".to_owned(),
            Kind::Unsealed(_) => "nothing".to_owned(),
        }
    }

    /// As what it was judged: as a sibling, or as any artifact.
    pub fn form(&self) -> Form {
        match &*self.0 {
            Kind::Sealed { form, .. } => *form,
            Kind::Unsealed(_) => Form::Any,
        }
    }

    /// Whether the policy accepts it, for whoever reads.
    pub fn is_trusted(&self) -> bool {
        match &*self.0 {
            Kind::Sealed { signers, .. } => signers.is_ok(),
            Kind::Unsealed(_) => false,
        }
    }

    /// Why the policy does not accept it, where the reader may see it all the same.
    pub fn distrust(&self) -> Option<&TrustFault> {
        match &*self.0 {
            Kind::Sealed { signers, .. } => signers.as_ref().err(),
            Kind::Unsealed(_) => None,
        }
    }

    /// Names the version that was looked at, towards the store.
    pub fn pin(&self) -> &Pin {
        &self.place().pin
    }

    pub(super) fn leaves(&self) -> Leaves {
        match &*self.0 {
            Kind::Sealed { artifact, .. } => artifact.leaves.clone(),
            Kind::Unsealed(_) => Leaves::dangerous_unchecked(),
        }
    }
}
