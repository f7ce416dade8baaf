//! AWS Signer: signs with a key that it manages under a *signing profile*, and returns a signature in Notary Project's form
//! (JWS), with the chain of its certificates, for a file of its own beside the artifact (`.jws.sig`).
//!
//! What is signed is a descriptor that names the artifact by SHA-256, which is what seals cover, though the platform for such
//! signatures is called `Notation-OCI-SHA384-ECDSA`: that is the hash of the signature. `notation blob verify` on its own
//! would want a SHA-384 there.
//!
//! Tried against a server of the tests' own, which speaks the documented API; not with AWS itself.

use aws_sdk_signer::Client;
use aws_sdk_signer::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_signer::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::address::SigningProfile;
use super::aws::{self, Said};
use super::error::SignerError;
use crate::blob::BlobDigest;

/// What is signed, by its media type: all that AWS Signer takes.
const PAYLOAD_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";
/// What the artifact is, as far as its descriptor says.
const MEDIA_TYPE: &str = "application/octet-stream";
/// The longest signature that is taken, bytes: longer ones are not read as siblings either.
const MAX_SIGNATURE: usize = 64 << 10;
const PERMISSIONS: &str = "signing takes the permission signer:SignPayload on the signing profile";

/// A signature that AWS Signer made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSignature {
    /// The JWS, in flattened JSON.
    pub envelope: Vec<u8>,
    /// The job that made it, as AWS Signer's log names it.
    pub job: Option<String>,
}

/// The flattened JSON of RFC 7515, as far as it is looked at here.
#[derive(Deserialize)]
struct Jws {
    payload: String,
}

/// Has AWS Signer sign an artifact of `size` bytes.
///
/// That it is over what was asked for is checked here; whether its chain and the signature hold is for verifiers to say.
///
/// # Errors
/// AWS Signer cannot be reached, refuses, or returned something else.
pub async fn sign(
    profile: &SigningProfile,
    blob: &BlobDigest,
    size: u64,
) -> Result<ProfileSignature, SignerError> {
    let client = Client::new(&aws::load(&profile.place).await?);
    let payload = payload(blob, size);
    let answer = client
        .sign_payload()
        .profile_name(&profile.name)
        .set_profile_owner(profile.owner.clone())
        .payload(Blob::new(payload.as_bytes()))
        .payload_format(PAYLOAD_TYPE)
        .send()
        .await;
    let answer = answer.map_err(|error| failure(&profile.name, &error))?;
    let envelope = answer.signature().map(Blob::as_ref).unwrap_or_default();
    if !is_over(envelope, payload.as_bytes()) {
        return Err(SignerError::WrongSignature);
    }
    Ok(ProfileSignature { envelope: envelope.to_vec(), job: answer.job_id().map(str::to_owned) })
}

/// The descriptor. Nothing in it needs escapes.
fn payload(blob: &BlobDigest, size: u64) -> String {
    let digest = blob.sha256().to_hex();
    format!(r#"{{"targetArtifact":{{"mediaType":"{MEDIA_TYPE}","digest":"sha256:{digest}","size":{size}}}}}"#)
}

fn is_over(envelope: &[u8], payload: &[u8]) -> bool {
    envelope.len() <= MAX_SIGNATURE
        && serde_json::from_slice::<Jws>(envelope)
            .is_ok_and(|jws| URL_SAFE_NO_PAD.decode(jws.payload).is_ok_and(|signed| signed == payload))
}

fn failure<E>(profile: &str, error: &SdkError<E>) -> SignerError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let doing = format!("sign with the signing profile `{profile}` of AWS Signer");
    aws::failure(&doing, PERMISSIONS, &Said { code: error.code(), message: error.message(), error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::BlobHasher;

    #[test]
    fn a_signature_over_something_else_is_seen() {
        let mut hasher = BlobHasher::new();
        hasher.update(b"an artifact");
        let ours = payload(&hasher.finish().unwrap(), 11);
        assert!(serde_json::from_str::<serde_json::Value>(&ours).is_ok());
        let other = ours.replace(":11}", ":12}");
        let jws = |payload: &str| format!("{{\"payload\":\"{}\"}}", URL_SAFE_NO_PAD.encode(payload));
        assert!(is_over(jws(&ours).as_bytes(), ours.as_bytes()));
        for wrong in [jws(&other), String::new(), "{}".to_owned(), jws(&ours) + &" ".repeat(MAX_SIGNATURE)] {
            assert!(!is_over(wrong.as_bytes(), ours.as_bytes()));
        }
    }
}
