//! What rules refer to by name.

use std::collections::BTreeMap;

use crate::name::{AttestationName, RoleName, SignerName};
use crate::reader::{Read, Table};
use crate::trust::{Attestation, Identity, IdentityKind, PublisherKey, Role, Signs};

/// The tables that rules refer to. A name that is there but wrong has its own report, so names count for references, not
/// values.
pub(super) struct Declared<'d> {
    /// In `[keys]` and `[identities]`.
    pub(super) signers: Vec<&'d str>,
    pub(super) role_names: Vec<&'d str>,
    pub(super) attestation_names: Vec<&'d str>,
    kinds: Option<BTreeMap<SignerName, SignerKind>>,
    roles: Read<BTreeMap<RoleName, Role>>,
    attestations: Read<BTreeMap<AttestationName, Attestation>>,
}

/// What somebody signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignerKind {
    /// The bytes of artifacts, by a key.
    Blob,
    /// Statements, by a key.
    Statement,
    /// Bytes and statements, with a certificate.
    Sigstore,
    /// Descriptors of bytes, with a certificate.
    Notation,
}

impl<'d> Declared<'d> {
    pub(super) fn new(
        root: &Table<'d>,
        keys: &Read<BTreeMap<SignerName, PublisherKey>>,
        identities: &Read<BTreeMap<SignerName, Identity>>,
        roles: &Read<BTreeMap<RoleName, Role>>,
        attestations: &Read<BTreeMap<AttestationName, Attestation>>,
    ) -> Self {
        let kinds = match (keys, identities) {
            (Ok(keys), Ok(identities)) => {
                let keys = keys.iter().map(|(name, key)| (name.clone(), of_key(key)));
                let identities =
                    identities.iter().map(|(name, identity)| (name.clone(), of_identity(identity)));
                Some(keys.chain(identities).collect())
            }
            (Err(_), _) | (_, Err(_)) => None,
        };
        Self {
            signers: signers(root),
            role_names: root.names("roles"),
            attestation_names: root.names("attestations"),
            kinds,
            roles: roles.clone(),
            attestations: attestations.clone(),
        }
    }

    /// What `signer` signs; `None`: some of the signers could not be read, and that has been reported.
    pub(super) fn kind(&self, signer: &SignerName) -> Option<SignerKind> {
        self.kinds.as_ref()?.get(signer).copied()
    }

    pub(super) fn roles(&self) -> Read<&BTreeMap<RoleName, Role>> {
        self.roles.as_ref().map_err(|reported| *reported)
    }

    pub(super) fn attestations(&self) -> Read<&BTreeMap<AttestationName, Attestation>> {
        self.attestations.as_ref().map_err(|reported| *reported)
    }
}

/// The names in `[keys]` and `[identities]`.
pub(super) fn signers<'d>(root: &Table<'d>) -> Vec<&'d str> {
    let mut names = root.names("keys");
    names.extend(root.names("identities"));
    names
}

fn of_key(key: &PublisherKey) -> SignerKind {
    match key.signs {
        Signs::Blobs => SignerKind::Blob,
        Signs::Statements => SignerKind::Statement,
    }
}

fn of_identity(identity: &Identity) -> SignerKind {
    match identity.kind {
        IdentityKind::Sigstore { .. } => SignerKind::Sigstore,
        IdentityKind::Notation { .. } => SignerKind::Notation,
    }
}
