//! The certificates of seal keys: where they stand in the store, and which are kept in memory.
//!
//! A certificate is written before its key makes the first seal, and is data like records: it never expires. Nothing is
//! believed of what the store returns, and nothing because it was kept: whether a certifier that is trusted *today* signed
//! it is asked at every proof ([`SealKeys::check_certificate`](hallmark_signer::SealKeys::check_certificate)).
//!
//! Seals name their keys, and whoever can write to the store can make any number of names. So what was found to be of no
//! use is remembered for a moment, apart from what was of use, and who asks for the same at once asks together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use hallmark_signer::{Certificate, KeyHint, MAX_CERTIFICATE};
use tokio::time::{Instant, timeout};

use crate::cache::{Bounded, Keep};
use crate::store::{Guard, PutError, Span, StateArea, StateName, Store, StoreError, StoreFault};

/// Memory for certificates that are by a trusted certifier, bytes: some thousand keys.
const MAX_USEFUL: u64 = 4 << 20;
/// Memory for names of keys without, bytes.
const MAX_USELESS: u64 = 256 << 10;
/// For so long the store is not asked again for what was of no use, and nobody waits longer for another one who asks.
const AGAIN: Duration = Duration::from_secs(5);

/// Where the certificate of a key stands.
pub(crate) fn name(key: KeyHint) -> StateName {
    StateName::new(StateArea::Records, format!("seal-keys/{key}"))
        // A hint is 16 hexadecimal characters.
        .unwrap_or_else(|| unreachable!("hexadecimal is within what state names may hold"))
}

/// What is to be had for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Looked {
    /// What claims to be its certificate.
    Found(Arc<Certificate>),
    /// None.
    Absent,
    /// Something else.
    Damaged,
}

/// See the [module](self).
pub(crate) struct Certificates {
    useful: Bounded<KeyHint, Arc<Certificate>>,
    useless: Bounded<KeyHint, (Instant, Looked)>,
    /// Who asks the store for which at the moment. Locked for moments; no more entries than requests under way.
    asking: Mutex<HashMap<KeyHint, Weak<Asking>>>,
}

/// Held by the one that asks while the others wait for it.
type Asking = tokio::sync::Mutex<()>;

impl Default for Certificates {
    fn default() -> Self {
        Self {
            useful: Bounded::new(MAX_USEFUL, Keep::Popular),
            useless: Bounded::new(MAX_USELESS, Keep::Newest),
            asking: Mutex::default(),
        }
    }
}

impl Certificates {
    /// What there is for `key`; kept for good if `trusted` says so.
    ///
    /// # Errors
    /// The store does not answer.
    pub(super) async fn find(
        &self,
        store: &dyn Store,
        key: KeyHint,
        trusted: impl Fn(&Certificate) -> bool,
    ) -> Result<Looked, StoreError> {
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let asking = self.asking(key);
        // A store that hangs keeps the first, not all who come after it.
        let _turn = timeout(AGAIN, asking.lock()).await.map_err(|_| {
            StoreError::new(
                StoreFault::Busy,
                "the certificate of a seal key is being asked for, in vain so far",
            )
        })?;
        // Whoever had the turn before may have found it.
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let mut looked = look(store, key).await?;
        if looked == Looked::Damaged {
            // On its way, perhaps.
            looked = look(store, key).await?;
        }
        match &looked {
            Looked::Found(certificate) if trusted(certificate) => self.keep(certificate),
            Looked::Found(_) | Looked::Absent | Looked::Damaged => {
                let bytes = if let Looked::Found(certificate) = &looked { certificate.memory() } else { 0 };
                self.useless.put(key, (Instant::now(), looked.clone()), bytes);
            }
        }
        Ok(looked)
    }

    /// Keeps a certificate by a trusted certifier.
    pub(crate) fn keep(&self, certificate: &Arc<Certificate>) {
        self.useful.put(certificate.hint(), Arc::clone(certificate), certificate.memory());
    }

    /// A certificate that was by a trusted certifier when it was kept.
    pub(super) fn useful(&self, key: KeyHint) -> Option<Arc<Certificate>> {
        self.useful.get(&key)
    }

    fn known(&self, key: KeyHint) -> Option<Looked> {
        if let Some(certificate) = self.useful(key) {
            return Some(Looked::Found(certificate));
        }
        let (when, looked) = self.useless.peek(&key)?;
        (when.elapsed() < AGAIN).then_some(looked)
    }

    fn asking(&self, key: KeyHint) -> Arc<Asking> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = asking.get(&key).and_then(Weak::upgrade) {
            return other;
        }
        asking.retain(|_, other| other.strong_count() > 0);
        let own = Arc::<Asking>::default();
        asking.insert(key, Arc::downgrade(&own));
        own
    }
}

/// What stands in the place of the certificate of `key`.
async fn look(store: &dyn Store, key: KeyHint) -> Result<Looked, StoreError> {
    let longest = MAX_CERTIFICATE as u64;
    // One more, so that a longer one is seen to be longer.
    let Some(found) = store.state_get(&name(key), Span::Bytes(0..longest + 1)).await? else {
        return Ok(Looked::Absent);
    };
    let read = Certificate::parse(&found.0).ok().filter(|certificate| certificate.hint() == key);
    Ok(read.map_or(Looked::Damaged, |certificate| Looked::Found(Arc::new(certificate))))
}

/// Writes a certificate where every instance finds it, and looks whether it is there: without it nothing is served that
/// its key seals.
///
/// # Errors
/// It is not there, or nobody knows.
pub(crate) async fn write(store: &dyn Store, certificate: &Certificate) -> Result<(), PutError> {
    let key = certificate.hint();
    let value = Bytes::from(certificate.to_json());
    store.state_put(&name(key), value, Guard::Any).await?;
    match look(store, key).await.map_err(PutError::Unknown)? {
        Looked::Found(found) if *found == *certificate => Ok(()),
        Looked::Found(_) | Looked::Absent | Looked::Damaged => {
            let message = "the store says that it has the certificate of a seal key, and has it not";
            Err(PutError::Unknown(StoreError::new(StoreFault::Protocol, message)))
        }
    }
}
