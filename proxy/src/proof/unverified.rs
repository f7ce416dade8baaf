//! What a store says, unchecked. No field can be read outside of [`crate::proof`].

use std::ops::Range;
use std::pin::Pin as Pinned;

use bytes::Bytes;
use futures_util::Stream;
use hallmark_signer::{Hallmark, RecordRef};

use crate::store::{Attributes, Pin, Standing, StoreError};

/// Bytes as they come from a store.
pub type ByteStream = Pinned<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>;

/// An object's attributes, unchecked.
#[must_use]
pub struct UnverifiedHead {
    pub(super) attributes: Attributes,
    pub(super) length: u64,
    pub(super) pin: Pin,
    pub(super) standing: Standing,
}

impl UnverifiedHead {
    /// For stores: the attributes of an object of `length` bytes in the version named by `pin`.
    pub fn new(attributes: Attributes, length: u64, pin: Pin) -> Self {
        Self { attributes, length, pin, standing: Standing::default() }
    }

    /// What the store calls the version: a name for it towards the store, and nothing else.
    pub(crate) fn pin(&self) -> &Pin {
        &self.pin
    }

    /// Whether the store says that this object's seal stands in that record. Its word alone: for what becomes of the
    /// record, not of the object.
    pub(crate) fn refers_to(&self, reference: &RecordRef) -> bool {
        let said = self.attributes.hallmark.as_deref();
        said.is_some_and(|said| said == Hallmark::Record(*reference).to_string())
    }

    /// Whether the store says that other versions may stand behind this one.
    pub(crate) fn has_versions(&self) -> bool {
        self.standing.version.is_some()
    }

    /// For stores: what else is said of that version.
    pub fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }
}

/// An object's attributes and a span of its bytes, unchecked.
#[must_use]
pub struct Unverified {
    pub(super) head: UnverifiedHead,
    pub(super) body: UnverifiedBody,
}

/// A span of an object's bytes, unchecked.
#[must_use]
pub struct UnverifiedBody {
    pub(super) pin: Pin,
    pub(super) span: Range<u64>,
    pub(super) stream: ByteStream,
}

impl UnverifiedBody {
    /// For stores: `stream` yields the bytes of `span`, which lies within what `pin` names.
    pub fn new(pin: Pin, span: Range<u64>, stream: ByteStream) -> Self {
        Self { pin, span, stream }
    }
}

impl Unverified {
    /// For stores: `stream` yields the bytes of `span`, which lies within the object.
    pub fn new(head: UnverifiedHead, span: Range<u64>, stream: ByteStream) -> Self {
        let pin = head.pin.clone();
        Self { head, body: UnverifiedBody { pin, span, stream } }
    }

    /// Attributes and bytes apart, so that the one can be checked before the other is read.
    pub fn split(self) -> (UnverifiedHead, UnverifiedBody) {
        (self.head, self.body)
    }
}

/// A state object's bytes (or a span of them), unchecked.
#[must_use]
pub struct UnverifiedState(pub(super) Bytes);

impl UnverifiedState {
    /// For stores.
    pub fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }
}
