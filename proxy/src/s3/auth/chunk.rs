//! Signatures of the chunks of a body, each chained to the one before, the first to the request's.
//! (AWS, "Signature Calculations: Transferring Payload in Multiple Chunks" and "Including Trailing Headers".)

use sha2::{Digest, Sha256};

use super::signature::{Signature, SigningKey};
use crate::s3::error::{Code, S3Error};

/// Checks the signatures of a body's chunks, in their order. Only a verified request has one.
#[derive(Debug)]
pub struct ChunkSigning {
    key: SigningKey,
    timestamp: String,
    scope: String,
    previous: Signature,
}

impl ChunkSigning {
    /// Begins with the `seed`, the verified signature of the request.
    pub(super) fn new(key: SigningKey, timestamp: String, scope: String, seed: Signature) -> Self {
        Self { key, timestamp, scope, previous: seed }
    }

    /// Checks that `given` signs the next chunk, whose data has the digest `sha256`.
    pub(crate) fn check_chunk(&mut self, sha256: &[u8; 32], given: Signature) -> Result<(), S3Error> {
        let empty = hex::encode(Sha256::digest(b""));
        self.check("AWS4-HMAC-SHA256-PAYLOAD", &format!("{empty}\n{}", hex::encode(sha256)), given)
    }

    /// Checks that `given` signs the trailers, each as `name:value\n`.
    pub(crate) fn check_trailers(&mut self, trailers: &[u8], given: Signature) -> Result<(), S3Error> {
        self.check("AWS4-HMAC-SHA256-TRAILER", &hex::encode(Sha256::digest(trailers)), given)
    }

    fn check(&mut self, algorithm: &str, digests: &str, given: Signature) -> Result<(), S3Error> {
        let to_sign =
            format!("{algorithm}\n{}\n{}\n{}\n{digests}", self.timestamp, self.scope, self.previous);
        if !self.key.sign(to_sign.as_bytes()).matches(&given) {
            let message = "The chunk signature we calculated does not match the signature you provided. Check your \
                           key and signing method.";
            return Err(S3Error::new(Code::SignatureDoesNotMatch, message).with("StringToSign", to_sign));
        }
        self.previous = given;
        Ok(())
    }
}
