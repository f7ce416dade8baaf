//! What an answer's head must say before anything of it is believed.

use std::sync::Arc;

use hallmark_signer::{
    Certificate, Content, NoVerdicts, Observed, PublisherSignatures, SEAL_HEADER, SIGNATURE_HEADER, Seal,
    SealLine, SealedHeaders, Sha256Digest, verify, verify_certified,
};

use crate::command::failure::Failure;
use crate::command::head::Head;
use crate::command::keys::SealTrust;
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::standing::Standing;
use crate::command::told::Told;

const DIGEST_MISMATCH: &str = "ArtifactDigestMismatch";
const SEAL_INVALID: &str = "ArtifactSealInvalid";
const UNTRUSTED: &str = "ArtifactUntrusted";

/// A head that agrees with its seal; and if the seal's keys were given, the seal was verified with them.
pub(crate) struct CheckedHead {
    told: Told,
    headers: SealedHeaders,
    signatures: Option<PublisherSignatures>,
    seal: Option<Seal>,
    standing: Standing,
}

impl CheckedHead {
    /// Checks the head of an answer that brings, or would bring, all of an artifact: what the endpoint says of it must agree,
    /// and its check of the seal is relied on.
    pub(crate) fn check(head: &Head, location: &Location) -> Result<Self, Failure> {
        Self::with(head, location, None)
    }

    /// The same, and verifies the seal if there are keys to do that with. `remote` is asked for the certificate of the key
    /// that made it, if a certifier is trusted.
    pub(crate) async fn verify(
        remote: &Remote,
        head: &Head,
        location: &Location,
        seals: Option<&SealTrust>,
    ) -> Result<Self, Failure> {
        let Some(trust) = seals else { return Self::check(head, location) };
        let certificate = trust.certificate(remote, head).await?;
        Self::with(head, location, Some((trust, certificate)))
    }

    fn with(
        head: &Head,
        location: &Location,
        seals: Option<(&SealTrust, Option<Arc<Certificate>>)>,
    ) -> Result<Self, Failure> {
        let (length, headers) = (head.length()?, head.sealed_headers()?);
        let shown = head.once(SEAL_HEADER)?.ok_or_else(|| {
            let hint = if is_made_there(location) {
                "a list of checksums that the endpoint makes has no seal: fetch it with an S3 client, and check files against \
                 it by `hallmark verify --checksums`; `hallmark checksums` makes one of what is sealed"
            } else {
                "is the endpoint Hallmark? it may be configured to serve what has no seal"
            };
            Failure::refused("ArtifactUnsealed", format!("{location} has no seal")).hint(hint)
        })?;
        let line = SealLine::parse(shown).map_err(|error| invalid(&error.to_string()))?;
        let told = Told::by(&line).ok_or_else(|| invalid("its fields cannot be read"))?;

        let seal = seals.map(|(trust, certificate)| {
            let observed = Observed {
                realm: &trust.realm,
                bucket: location.bucket(),
                key: location.key(),
                length,
                headers: headers.digest(),
            };
            let verified = match &certificate {
                Some(certificate) => {
                    verify_certified(&line, &observed, &trust.keys, certificate, &NoVerdicts)
                }
                None => verify(&line, &observed, &trust.keys, &NoVerdicts),
            };
            verified.map_err(|error| {
                invalid(&error.to_string()).hint(format!(
                    "it was checked against {location} in realm `{}`; are --realm and --seal-key those of the endpoint?",
                    trust.realm
                ))
            })
        });
        let seal = seal.transpose()?;
        // Without the keys, at least nothing of the answer may contradict the seal.
        if told.size != length {
            return Err(invalid(&format!("it is for {} bytes, the answer has {length}", told.size)));
        }
        if told.headers != headers.digest() {
            return Err(invalid("content headers or user metadata are not those that were sealed"));
        }
        if head.etag()? != Some(told.etag.to_string().as_str()) {
            return Err(invalid("the ETag is not the one that was sealed"));
        }

        let signatures = headers.get(SIGNATURE_HEADER).map(PublisherSignatures::parse).transpose();
        let signatures = signatures.map_err(|error| {
            Failure::refused("ArtifactSignatureMissing", format!("{SIGNATURE_HEADER}: {error}"))
        })?;
        Ok(Self { told, headers, signatures, seal, standing: Standing::of(head)? })
    }

    /// Why the endpoint does not serve it to those who may only read what is trusted; `None`: it does.
    pub(crate) fn untrusted(&self) -> Option<&str> {
        self.standing.untrusted.as_deref()
    }

    /// Refuses what the endpoint shows to this client, and not to those who may only read what is trusted.
    pub(crate) fn demand_trusted(&self) -> Result<(), Failure> {
        match self.untrusted() {
            None => Ok(()),
            Some(why) => Err(Failure::refused(
                UNTRUSTED,
                format!("it is not served to those who may only read what is trusted: {why}"),
            )),
        }
    }

    /// What the seal says.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Whether the seal's signature was verified here, with the deployment's key.
    pub(crate) fn seal_verified(&self) -> bool {
        self.seal.is_some()
    }

    /// The seal, if its signature was verified here.
    pub(crate) fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref()
    }

    /// Content headers and user metadata, as sealed.
    pub(crate) fn headers(&self) -> &SealedHeaders {
        &self.headers
    }

    /// The publishers' signatures.
    pub(crate) fn signatures(&self) -> Option<&PublisherSignatures> {
        self.signatures.as_ref()
    }

    /// Refuses an artifact that is not the one which was asked for.
    pub(crate) fn demand_digest(&self, wanted: &Sha256Digest) -> Result<(), Failure> {
        if self.told.sha256 == *wanted {
            return Ok(());
        }
        let sealed = self.told.sha256;
        let message = format!("the artifact has SHA-256 {sealed}, not the one that was asked for");
        Err(Failure::refused(DIGEST_MISMATCH, message).hint("it may be another version of the artifact"))
    }

    /// Refuses bytes that are not those which were sealed.
    pub(crate) fn demand_content(&self, content: &Content) -> Result<(), Failure> {
        let Told { size, sha256, tree, .. } = &self.told;
        if (content.size(), content.sha256(), content.tree()) == (*size, sha256, tree.as_ref()) {
            return Ok(());
        }
        let message =
            format!("the bytes that came have SHA-256 {}, not {sha256} as sealed", content.sha256());
        Err(Failure::refused(DIGEST_MISMATCH, message))
    }
}

/// Whether endpoints may make what is called so, without any upload.
fn is_made_there(location: &Location) -> bool {
    location.key().ends_with(".sha256") || location.file_name() == Some("SHA256SUMS")
}

fn invalid(reason: &str) -> Failure {
    Failure::refused(SEAL_INVALID, format!("the seal does not fit the answer: {reason}"))
}
