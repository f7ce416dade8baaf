//! Looks into what stores return **without checking anything**: for tests of stores, which have nothing to check
//! against.
//!
//! It exists only in tests and under the feature `testing`, with which the server refuses to be built in release
//! (see `main.rs`). Nothing it returns can be made into something that the server would send.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;

use super::{ByteStream, Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};
use crate::store::{Attributes, Pin, Standing, StoreError};

/// An object as a store told it, or the span of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissected {
    /// Its headers and its seal.
    pub attributes: Attributes,
    /// Its whole length, bytes.
    pub length: u64,
    /// Which version it is.
    pub pin: Pin,
    /// Which of its bytes follow.
    pub span: Range<u64>,
    /// Those bytes.
    pub bytes: Bytes,
}

/// Reads a body to its end.
///
/// # Errors
/// What the stream says.
pub async fn object(object: Unverified) -> Result<Dissected, StoreError> {
    let (attributes, length, pin) = head(object.head);
    let span = object.body.span;
    let bytes: BytesMut = object
        .body
        .stream
        .try_fold(BytesMut::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await?;
    Ok(Dissected { attributes, length, pin, span, bytes: bytes.freeze() })
}

/// The attributes, the length and the version.
pub fn head(head: UnverifiedHead) -> (Attributes, u64, Pin) {
    (head.attributes, head.length, head.pin)
}

/// What else the store says of the version.
pub fn standing(head: &UnverifiedHead) -> &Standing {
    &head.standing
}

/// Reads the bytes of a part of a stage, or of a span of it.
///
/// # Errors
/// What the stream says.
pub async fn bytes(body: UnverifiedBody) -> Result<Bytes, StoreError> {
    let all = body.stream.try_fold(BytesMut::new(), |mut all, chunk| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    });
    Ok(all.await?.freeze())
}

/// The body as it streams.
pub fn body(object: Unverified) -> ByteStream {
    object.body.stream
}

/// The bytes of a state object.
pub fn state(state: UnverifiedState) -> Bytes {
    state.0
}
