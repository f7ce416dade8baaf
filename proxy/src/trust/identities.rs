//! Whom to believe who is known by a certificate: made of the configuration once, at its start.

use hallmark_config::{Config, IdentityKind, RevocationCheck, SignerName};
use hallmark_signer::evidence::{NotationIdentity, NotationTrust, SigstoreTrust};

use super::revocation::Revocations;

/// The identities of a configuration, with their roots of trust.
#[derive(Debug, Default)]
pub struct Identities {
    pub(super) sigstore: Vec<(SignerName, SigstoreTrust)>,
    pub(super) notation: Vec<Notation>,
}

/// Somebody who signs with a Notation certificate.
#[derive(Debug)]
pub(super) struct Notation {
    pub(super) signer: SignerName,
    pub(super) trust: NotationTrust,
    /// Whether signatures may have been revoked since, where that is to be asked.
    pub(super) revocations: Option<Revocations>,
}

impl Notation {
    fn read(
        signer: &SignerName,
        (anchors, identity): (&str, &str),
        check: Option<&RevocationCheck>,
    ) -> Result<Self, String> {
        let identity = NotationIdentity::parse(identity).map_err(|error| error.to_string())?;
        let revocations = check.map(|check| match &identity {
            NotationIdentity::Profile(profile) => Ok(Revocations::new(check, profile.region())),
            NotationIdentity::Subject(_) => {
                Err("AWS Signer can be asked about its signing profiles only".to_owned())
            }
        });
        let trust = NotationTrust::new(anchors.as_bytes(), identity).map_err(|error| error.to_string())?;
        Ok(Self { signer: signer.clone(), trust, revocations: revocations.transpose()? })
    }
}

impl Identities {
    /// Reads those of `config`.
    ///
    /// # Errors
    /// What is wrong with roots and names: each dotted key with its message.
    pub fn read(config: &Config) -> Result<Self, Vec<(String, String)>> {
        let mut all = Self::default();
        let mut problems = Vec::new();
        for (name, configured) in &config.identities {
            let read = match &configured.kind {
                IdentityKind::Sigstore { trusted_root, identity, issuer, .. } => {
                    SigstoreTrust::new(trusted_root.as_bytes(), identity, issuer)
                        .map(|trust| all.sigstore.push((name.clone(), trust)))
                        .map_err(|error| error.to_string())
                }
                IdentityKind::Notation { trust_anchors, identity, revocation, .. } => {
                    Notation::read(name, (trust_anchors, identity), revocation.as_ref())
                        .map(|notation| all.notation.push(notation))
                }
            };
            if let Err(message) = read {
                problems.push((configured.config_key.clone(), message));
            }
        }
        if problems.is_empty() { Ok(all) } else { Err(problems) }
    }
}
