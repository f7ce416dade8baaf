//! Whom to believe who is known by a certificate: made of the configuration once, at its start.

use hallmark_config::{Config, IdentityKind, SignerName};
use hallmark_signer::evidence::{NotationIdentity, NotationTrust, SigstoreTrust};

/// The identities of a configuration, with their roots of trust.
#[derive(Debug, Default)]
pub struct Identities {
    pub(super) sigstore: Vec<(SignerName, SigstoreTrust)>,
    pub(super) notation: Vec<(SignerName, NotationTrust)>,
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
                IdentityKind::Notation { trust_anchors, identity, .. } => NotationIdentity::parse(identity)
                    .map_err(|error| error.to_string())
                    .and_then(|identity| {
                        NotationTrust::new(trust_anchors.as_bytes(), identity)
                            .map_err(|error| error.to_string())
                    })
                    .map(|trust| all.notation.push((name.clone(), trust))),
            };
            if let Err(message) = read {
                problems.push((configured.config_key.clone(), message));
            }
        }
        if problems.is_empty() { Ok(all) } else { Err(problems) }
    }
}
