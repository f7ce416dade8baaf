//! What happens to the SDK's requests and answers on their way.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
    BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, BodyStream, Limited, StreamBody};
use md5::{Digest as _, Md5};

use super::bound::Entries;
use super::order::{Kind, kinds};

/// For calls that must not be sent again: a second attempt would find what the first one did.
pub(super) fn once() -> Builder {
    aws_sdk_s3::Config::builder().retry_config(RetryConfig::disabled())
}

/// Breaks off answers that are longer than what was asked for can be: the SDK holds them in memory. For every client of the
/// SDK.
#[derive(Debug)]
pub(in crate::store::s3) struct BoundedAnswers;

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let asked = Entries::asked(context.request().uri());
        bag.interceptor_state().store_put(asked);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let asked = bag.load::<Entries>().copied().unwrap_or_default();
        let body = context.response_mut().body_mut();
        let endless = std::mem::replace(body, SdkBody::taken());
        let limited = Limited::new(endless, asked.bytes());
        let mut elements = asked.elements();
        let counted = BodyStream::new(limited).map(move |frame| {
            let frame = frame?;
            frame.data_ref().map_or(Ok(()), |piece| elements.count(piece))?;
            Ok::<_, BoxError>(frame)
        });
        *body = SdkBody::from_body_1_x(StreamBody::new(counted));
        Ok(())
    }
}

/// Sends `Content-MD5` in place of newer checksums: calls that change several things at once need one or the other, and
/// Ceph's gateway of version 16 knows only this one.
#[derive(Debug)]
pub(super) struct ContentMd5;

impl Intercept for ContentMd5 {
    fn name(&self) -> &'static str {
        "ContentMd5"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let body = request.body().bytes().ok_or("the body is not in memory")?;
        let digest = STANDARD.encode(Md5::digest(body));
        let headers = request.headers_mut();
        let newer: Vec<String> = headers
            .iter()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with("x-amz-checksum-") || *name == "x-amz-sdk-checksum-algorithm")
            .map(str::to_owned)
            .collect();
        for name in newer {
            headers.remove(name);
        }
        headers.try_insert("content-md5", digest)?;
        Ok(())
    }
}

/// Puts question marks in place of characters that XML does not have, which make the SDK refuse the whole answer: Ceph's
/// gateway says what it was asked for as it was asked for. Only for calls whose answers encode what matters.
#[derive(Debug)]
pub(in crate::store::s3) struct Legible;

impl Intercept for Legible {
    fn name(&self) -> &'static str {
        "Legible"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let raw = std::mem::replace(body, SdkBody::taken());
        let mut held = Vec::new();
        *body = SdkBody::from_body_1_x(
            raw.map_frame(move |frame| frame.map_data(|data| legible(&mut held, data))),
        );
        Ok(())
    }
}

/// A piece of an answer, with as many bytes changed as need be. `held`: the beginning of a character that may be one of
/// those, from the piece before; no document ends with it.
fn legible(held: &mut Vec<u8>, data: Bytes) -> Bytes {
    let suspicious = |b: &u8| *b == 0xEF || (*b < b' ' && !b"\t\n\r".contains(b));
    if held.is_empty() && !data.iter().any(suspicious) {
        return data;
    }
    let mut clean = Vec::with_capacity(held.len() + data.len());
    for byte in data {
        match (held.as_slice(), byte) {
            ([], 0xEF) | ([0xEF], 0xBF) => held.push(byte),
            // U+FFFE and U+FFFF.
            ([0xEF, 0xBF], 0xBE | 0xBF) => {
                held.clear();
                clean.extend_from_slice(b"???");
            }
            (_, byte) => {
                clean.append(held);
                if byte == 0xEF {
                    held.push(byte);
                } else {
                    clean.push(if suspicious(&byte) { b'?' } else { byte });
                }
            }
        }
    }
    clean.into()
}

/// Takes down in which order versions and delete markers came: the SDK hands them over apart.
#[derive(Debug, Clone, Default)]
pub(super) struct EntryOrder(Arc<Mutex<Option<Vec<Kind>>>>);

impl EntryOrder {
    /// What the last answer said; `None`: it is not well-formed.
    pub(super) fn taken(self) -> Option<Vec<Kind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for EntryOrder {
    fn name(&self) -> &'static str {
        "EntryOrder"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let found = context.response().body().bytes().and_then(kinds);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_lacks_are_replaced_wherever_a_piece_ends() {
        let text = "a\u{1}\t\n\r\u{FFFE}b\u{FFFF}\u{FFFD}\u{F000}\u{FEFF}ä\u{10FFFF}\0</a>";
        let expected = "a?\t\n\r???b???\u{FFFD}\u{F000}\u{FEFF}ä\u{10FFFF}?</a>";
        for size in 1..=text.len() {
            let mut held = Vec::new();
            let pieces = text.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            let clean: Vec<u8> = pieces.flat_map(|piece| legible(&mut held, piece)).collect();
            assert_eq!(std::str::from_utf8(&clean), Ok(expected), "pieces of {size}");
        }
    }
}
