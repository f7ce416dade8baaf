//! Signs requests: SigV4 as S3 wants it, with paths as they are, encoded once.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use hallmark_signer::Sha256Digest;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::keyring::Keyring;
use crate::store::{StoreError, StoreFault};

/// What is said, and signed, of a request's body.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload<'a> {
    /// There is none.
    Empty,
    /// Its SHA-256: the store compares.
    Digest(&'a Sha256Digest),
    /// Nothing.
    Unsigned,
}

/// Signs for one region.
#[derive(Debug)]
pub(super) struct Signer {
    region: Box<str>,
    settings: SigningSettings,
    pub(super) keyring: Arc<Keyring>,
}

impl Signer {
    pub(super) fn new(region: &str, keyring: Arc<Keyring>) -> Self {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        // None of them is sent.
        settings.excluded_headers = None;
        Self { region: region.into(), settings, keyring }
    }

    /// Adds to `headers` what makes them a signed request of now.
    ///
    /// # Errors
    /// A header or the URL is not such as can be signed.
    pub(super) fn sign(
        &self,
        identity: &Identity,
        method: &Method,
        url: &str,
        headers: &mut HeaderMap,
        payload: Payload<'_>,
    ) -> Result<(), StoreError> {
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(self.settings.clone())
            .build()
            .map_err(unsigned)?;
        let body = match payload {
            Payload::Empty => SignableBody::Bytes(&[]),
            Payload::Digest(digest) => SignableBody::Precomputed(digest.to_string()),
            Payload::Unsigned => SignableBody::UnsignedPayload,
        };
        let mut plain = Vec::with_capacity(headers.len());
        for (name, value) in headers.iter() {
            plain.push((name.as_str(), value.to_str().map_err(unsigned)?));
        }
        let request =
            SignableRequest::new(method.as_str(), url, plain.into_iter(), body).map_err(unsigned)?;
        let params = SigningParams::V4(params);
        let (added, _) = sign(request, &params).map_err(unsigned)?.into_parts();
        for header in added.into_parts().0 {
            let mut value = HeaderValue::from_str(header.value()).map_err(unsigned)?;
            value.set_sensitive(header.sensitive());
            headers.insert(HeaderName::from_static(header.name()), value);
        }
        Ok(())
    }
}

fn unsigned(error: impl std::error::Error) -> StoreError {
    StoreError::new(StoreFault::Unavailable, format!("a request was not signed: {error}"))
}
