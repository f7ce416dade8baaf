//! Keys in AWS KMS (`ECC_NIST_P256`). The private key never leaves it; it is sent digests.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::get_public_key::GetPublicKeyOutput;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};

use super::SignDigest;
use super::address::KmsKey;
use super::aws::{self, Said};
use super::error::SignerError;
use crate::digest::Sha256Digest;
use crate::key::PublicKey;
use crate::signature::Signature;

const PERMISSIONS: &str = "signing takes the permissions kms:GetPublicKey and kms:Sign on the key";

/// A private key in KMS.
pub(super) struct KeyInKms {
    client: Client,
    /// What KMS calls it: what an alias stands for must not change between two signatures.
    id: String,
    public: PublicKey,
}

impl KeyInKms {
    /// Asks for the public key, once.
    pub(super) async fn connect(key: &KmsKey) -> Result<Self, SignerError> {
        let client = Client::new(&aws::load(&key.place).await?);
        let place = format!("the key `{}` in AWS KMS", key.id);
        let answer = client.get_public_key().key_id(&key.id).send().await;
        let answer = answer.map_err(|error| failure(&format!("get the public half of {place}"), &error))?;
        let spec = spec(&answer);
        let fits = spec == Some(KeySpec::EccNistP256.as_str())
            && answer.key_usage() == Some(&KeyUsageType::SignVerify)
            && answer.signing_algorithms().contains(&SigningAlgorithmSpec::EcdsaSha256);
        if !fits {
            let is = spec.unwrap_or("of an unknown kind");
            let does = answer.key_usage().map_or("unknown use", KeyUsageType::as_str);
            return Err(SignerError::unusable(format!("{place} is {is} for {does}"))
                .hint("make one with: aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY"));
        }
        let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
        let public = PublicKey::from_der(der).map_err(|error| SignerError::Key { place, error })?;
        let id = answer.key_id().unwrap_or(&key.id).to_owned();
        Ok(Self { client, id, public })
    }
}

#[async_trait]
impl SignDigest for KeyInKms {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    async fn sign_digest(&self, digest: &Sha256Digest) -> Result<Signature, SignerError> {
        let answer = self
            .client
            .sign()
            .key_id(&self.id)
            .message(Blob::new(digest.as_bytes().as_slice()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await;
        let answer = answer
            .map_err(|error| failure(&format!("sign with the key `{}` in AWS KMS", self.id), &error))?;
        let der = answer.signature().map(Blob::as_ref).unwrap_or_default();
        Signature::from_der(der).map_err(|_| SignerError::WrongSignature)
    }
}

/// The kind of a key, under its name of today or its old one, which is all that some say that speak for KMS.
fn spec(answer: &GetPublicKeyOutput) -> Option<&str> {
    #[allow(deprecated, reason = "servers other than AWS's know no other name")]
    let old = answer.customer_master_key_spec().map(aws_sdk_kms::types::CustomerMasterKeySpec::as_str);
    answer.key_spec().map(KeySpec::as_str).or(old)
}

fn failure<E>(doing: &str, error: &SdkError<E>) -> SignerError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    aws::failure(doing, PERMISSIONS, &Said { code: error.code(), message: error.message(), error })
}
