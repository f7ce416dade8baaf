//! Signs requests: SigV4 as S3 wants it, with paths as they are, encoded once.
//!
//! `aws-sigv4` derives the key, once a day, and makes the signature. What it is made over is put together here: our paths and
//! queries are in their canonical form already, and of a small request the library's own way, which takes any, is a good
//! part of the cost.
//! (AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk".)

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::identity::Identity;
use hallmark_signer::Sha256Digest;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use zeroize::Zeroizing;

use super::keyring::Keyring;
use crate::s3::auth::collapse;
use crate::store::{StoreError, StoreFault};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";
const BASIC: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
/// So many characters of a time are its day.
const DAY: usize = 8;

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

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
pub(super) struct Signer {
    region: Box<str>,
    /// The key that was derived last. Locked for moments.
    newest: RwLock<Option<Derived>>,
    pub(super) keyring: Arc<Keyring>,
}

/// A signing key, good for one secret and day.
struct Derived {
    day: [u8; DAY],
    secret: Zeroizing<String>,
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(region: &str, keyring: Arc<Keyring>) -> Self {
        Self { region: region.into(), newest: RwLock::new(None), keyring }
    }

    /// Adds to `headers` what makes them a signed request of now.
    ///
    /// # Errors
    /// A header or the URL is not such as can be signed.
    pub(super) fn sign(
        &self,
        identity: &Identity,
        method: &Method,
        url: &Uri,
        headers: &mut HeaderMap,
        payload: Payload<'_>,
    ) -> Result<(), StoreError> {
        self.sign_at(SystemTime::now(), identity, method, url, headers, payload)
    }

    fn sign_at(
        &self,
        now: SystemTime,
        identity: &Identity,
        method: &Method,
        url: &Uri,
        headers: &mut HeaderMap,
        payload: Payload<'_>,
    ) -> Result<(), StoreError> {
        let credentials =
            identity.data::<Credentials>().ok_or_else(|| unsigned("the identity holds no access key"))?;
        let time = OffsetDateTime::from(now).format(BASIC).map_err(unsigned)?;
        let payload = match payload {
            Payload::Empty => EMPTY_SHA256.to_owned(),
            Payload::Digest(digest) => digest.to_string(),
            Payload::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
        };
        headers.insert(HOST, host(url)?);
        headers.insert(CONTENT_SHA256, HeaderValue::try_from(&payload).map_err(unsigned)?);
        headers.insert(DATE, HeaderValue::try_from(&time).map_err(unsigned)?);
        if let Some(token) = credentials.session_token() {
            let mut token = HeaderValue::try_from(token).map_err(unsigned)?;
            token.set_sensitive(true);
            headers.insert(TOKEN, token);
        }
        let (canonical, names) = canonical(method, url, headers, &payload);
        let day = time.get(..DAY).unwrap_or_default();
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", self.region);
        let digest = hex::encode(Sha256::digest(&canonical));
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{digest}");
        let signature = calculate_signature(*self.key(credentials, day, now), to_sign.as_bytes());
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            credentials.access_key_id()
        );
        let mut authorization = HeaderValue::try_from(authorization).map_err(unsigned)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }

    /// The key for a day.
    fn key(&self, credentials: &Credentials, day: &str, now: SystemTime) -> Zeroizing<[u8; 32]> {
        let secret = credentials.secret_access_key();
        // A poisoned lock is harmless: what it guards is replaced as a whole or not at all.
        if let Some(derived) = &*self.newest.read().unwrap_or_else(PoisonError::into_inner)
            && derived.day == day.as_bytes()
            && derived.secret.as_str() == secret
        {
            return derived.key.clone();
        }
        let derived = generate_signing_key(secret, now, &self.region, SERVICE);
        let mut key = Zeroizing::new([0; 32]);
        for (to, from) in key.iter_mut().zip(derived.as_ref()) {
            *to = *from;
        }
        if let Ok(day) = day.as_bytes().try_into() {
            let newest = Derived { day, secret: secret.to_owned().into(), key: key.clone() };
            *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some(newest);
        }
        key
    }
}

/// The canonical request, and the names of the headers that are in it: all.
fn canonical(method: &Method, url: &Uri, headers: &HeaderMap, payload: &str) -> (Vec<u8>, String) {
    let mut out = Vec::with_capacity(1024);
    for line in [method.as_str(), url.path(), &canonical_query(url.query().unwrap_or_default())] {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    for name in &names {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        for (index, value) in headers.get_all(*name).iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            collapse(value.as_bytes(), &mut out);
        }
        out.push(b'\n');
    }
    let names = names.join(";");
    out.push(b'\n');
    out.extend_from_slice(names.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    (out, names)
}

/// The query in the order of its names, with `=` after each. It is encoded already, as it is signed.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    let mut canonical = String::with_capacity(query.len() + pairs.len());
    for (name, value) in pairs {
        if !canonical.is_empty() {
            canonical.push('&');
        }
        canonical.push_str(name);
        canonical.push('=');
        canonical.push_str(value);
    }
    canonical
}

/// The host as it is sent: without the port that its scheme has anyway.
fn host(url: &Uri) -> Result<HeaderValue, StoreError> {
    let host = url.host().ok_or_else(|| unsigned("the URL names no host"))?;
    let port = url.port_u16().filter(|port| {
        let usual = match url.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            Some(_) | None => 0,
        };
        *port != usual
    });
    let host = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    HeaderValue::try_from(host).map_err(unsigned)
}

fn unsigned(error: impl std::fmt::Display) -> StoreError {
    StoreError::new(StoreFault::Unavailable, format!("a request was not signed: {error}"))
}

#[cfg(test)]
mod tests {
    use aws_sigv4::http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams,
        SigningSettings, UriPathNormalizationMode, sign,
    };
    use aws_sigv4::sign::v4;
    use hallmark_config::{Addressing, StoreBucket};
    use proptest::prelude::*;

    use super::*;
    use crate::store::s3::hot::{Endpoint, KeySource};

    /// What the library makes of the same request.
    fn expected(
        now: SystemTime,
        identity: &Identity,
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        body: SignableBody<'_>,
    ) -> HeaderMap {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.excluded_headers = None;
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region("garage")
            .name("s3")
            .time(now)
            .settings(settings)
            .build()
            .unwrap();
        let plain = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let request = SignableRequest::new(method.as_str(), url, plain, body).unwrap();
        let (added, _) = sign(request, &SigningParams::V4(params)).unwrap().into_parts();
        let mut all = headers.clone();
        for header in added.into_parts().0 {
            all.insert(HeaderName::from_static(header.name()), header.value().parse().unwrap());
        }
        all
    }

    fn signer() -> Signer {
        let source = KeySource::File { path: "nowhere".into(), profile: "default".into() };
        Signer::new("garage", Arc::new(Keyring::new(source)))
    }

    proptest! {
        #[test]
        fn requests_are_signed_as_the_library_signs_them(
            key in "[ -~\u{e9}\u{65e5}]{0,12}",
            upload in "[ -~]{0,6}",
            values in proptest::collection::vec("[!-~]{1,3}( {1,3}[!-~]{1,3}){0,2}", 0..4),
            token in proptest::option::of("[A-Za-z0-9/+=]{1,9}"),
            endpoint in proptest::sample::select(vec!["http://127.0.0.1:3900", "http://s3.test:80", "https://s3.test"]),
            digest: Option<[u8; 32]>,
            days in 0u64..40_000,
        ) {
            let signer = signer();
            let bucket = StoreBucket::parse("bucket").unwrap();
            let url = Endpoint::parse(endpoint, Addressing::Path).unwrap().url(
                &bucket, Some(&key), &[("uploadId", &upload), ("partNumber", "7"), ("acl", "")],
            );
            let mut headers = HeaderMap::new();
            for (index, value) in values.iter().enumerate() {
                let name: HeaderName = ["x-amz-meta-b", "content-type", "x-amz-meta-a", "if-match"][index]
                    .parse().unwrap();
                headers.insert(name, value.parse().unwrap());
            }
            let credentials = Credentials::new("AKIA", "secret", token, None, "test");
            let identity: Identity = credentials.into();
            let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(days * 86_400 + 3_661);
            let digest = digest.map(|bytes| Sha256Digest::of(&bytes));
            let (payload, body) = match &digest {
                Some(digest) => (Payload::Digest(digest), SignableBody::Precomputed(digest.to_string())),
                None => (Payload::Unsigned, SignableBody::UnsignedPayload),
            };
            let expected = expected(now, &identity, &Method::PUT, &url, &headers, body);
            let uri: Uri = url.parse().unwrap();
            // Twice: with a key that is derived, and with one that is kept.
            for _ in 0..2 {
                let mut signed = headers.clone();
                signer.sign_at(now, &identity, &Method::PUT, &uri, &mut signed, payload).unwrap();
                signed.remove(HOST);
                prop_assert_eq!(&signed, &expected);
            }
        }
    }

    #[test]
    fn a_key_is_good_for_its_secret_and_day() {
        let signer = signer();
        let at = |days: u64| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(days * 86_400);
        let of = |secret: &str, day: &str, days| {
            signer.key(&Credentials::new("AKIA", secret, None, None, "test"), day, at(days))
        };
        let first = of("one", "19700102", 1);
        assert_eq!(of("one", "19700102", 1), first);
        assert_ne!(of("two", "19700102", 1), first);
        assert_ne!(of("one", "19700103", 2), first);
        assert_eq!(of("one", "19700102", 1), first);
    }
}
