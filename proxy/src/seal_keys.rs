//! The public halves of the seal keys, as those get them who verify seals themselves.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use hallmark_signer::PublicKey;

/// The content type of a [`SealKeyBundle`].
pub const CONTENT_TYPE: &str = "application/x-pem-file";

/// The keys whose seals are accepted, and those whose certificates of seal keys are, in PEM, each once: first the one that
/// makes seals now, or certifies the keys that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealKeyBundle(Bytes);

/// The bundle that holds now; none before the proxy has one. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct PublishedSealKeys(Arc<ArcSwapOption<SealKeyBundle>>);

impl SealKeyBundle {
    /// The bundle of the key that makes seals, as far as it is known, and those that are trusted beside it.
    pub fn new<'k>(active: Option<&'k PublicKey>, trusted: impl IntoIterator<Item = &'k PublicKey>) -> Self {
        let mut keys = Vec::from_iter(active);
        for key in trusted {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Self(keys.into_iter().map(PublicKey::to_pem).collect::<String>().into())
    }

    /// The text.
    pub fn pem(&self) -> &Bytes {
        &self.0
    }
}

impl PublishedSealKeys {
    /// Publishes another one.
    pub(crate) fn publish(&self, bundle: SealKeyBundle) {
        self.0.store(Some(Arc::new(bundle)));
    }

    /// What is published.
    pub fn current(&self) -> Option<SealKeyBundle> {
        self.0.load().as_deref().cloned()
    }
}
