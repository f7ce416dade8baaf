//! The end of a body, and the proof that it was what its sender declared.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::Sha256Digest;

use super::checksum::{ChecksumAlgorithm, DeclaredChecksum};
use super::{End, Wanted};
use crate::s3::error::{Code, S3Error};

/// The end of a body whose length, framing, signatures and cheap checksums are right. What was declared of its SHA-256
/// and MD5 is still to be compared.
#[derive(Debug)]
#[must_use = "what was declared of the digests is not compared before `check`"]
pub struct PayloadEnd {
    length: u64,
    end: End,
}

/// The proof that a body was all that its sender declared. Only [`PayloadEnd::check`] makes it.
///
/// ```
/// # use bytes::Bytes;
/// # use hallmark_proxy::s3::auth::PayloadClaim;
/// # use hallmark_proxy::s3::payload::{CheckedPayload, Payload};
/// # use http::HeaderMap;
/// # use http_body_util::Full;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let body = Full::new(Bytes::from("artifact"));
/// let payload = Payload::new(body, PayloadClaim::Unsigned, &HeaderMap::new()).unwrap();
/// let (bytes, proof): (Bytes, CheckedPayload) = payload.collect(1024).await.unwrap();
/// assert_eq!((bytes.len(), proof.length()), (8, 8));
/// # }
/// ```
///
/// Nothing else does:
///
/// ```compile_fail,E0451
/// # use hallmark_proxy::s3::payload::CheckedPayload;
/// # let sha256 = hallmark_signer::Sha256Digest::new([0; 32]);
/// let proof = CheckedPayload { length: 8, sha256, md5: [0; 16], checksum: None, wanted: None };
/// ```
#[derive(Debug)]
#[must_use]
pub struct CheckedPayload {
    length: u64,
    sha256: Sha256Digest,
    md5: [u8; 16],
    checksum: Option<DeclaredChecksum>,
    wanted: Option<DeclaredChecksum>,
}

/// The proof that the body of a part was all that its sender declared. Only [`PayloadEnd::check_part`] makes it.
#[derive(Debug)]
#[must_use]
pub struct CheckedPart {
    checksum: Option<DeclaredChecksum>,
    wanted: Option<DeclaredChecksum>,
}

impl PayloadEnd {
    pub(super) fn new(length: u64, end: End) -> Self {
        Self { length, end }
    }

    /// Bytes of data that were handed out.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Compares what was declared with the digests of the data that was handed out, which the reader computed.
    ///
    /// # Errors
    /// `XAmzContentSHA256Mismatch`; `BadDigest` for `Content-MD5` or `x-amz-checksum-sha256`.
    pub fn check(self, sha256: &Sha256Digest, md5: &[u8; 16]) -> Result<CheckedPayload, S3Error> {
        let length = self.length;
        let CheckedPart { checksum, wanted } = self.check_part(Some(sha256), md5)?;
        Ok(CheckedPayload { length, sha256: *sha256, md5: *md5, checksum, wanted })
    }

    /// The same for data whose SHA-256 is of no use to the reader: `None` where it was not
    /// [asked for](super::Payload::needs_sha256).
    ///
    /// # Errors
    /// As [`check`](Self::check); `InternalError` without a SHA-256 that was asked for.
    pub fn check_part(self, sha256: Option<&Sha256Digest>, md5: &[u8; 16]) -> Result<CheckedPart, S3Error> {
        let needed = || sha256.ok_or_else(S3Error::internal);
        let End { content_sha256, content_md5, checksum, wanted } = self.end;
        if let Some(declared) = content_sha256 {
            let computed = needed()?;
            if declared != *computed {
                let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                return Err(S3Error::new(Code::XAmzContentSHA256Mismatch, message)
                    .with("ClientComputedContentSHA256", hex::encode(declared.as_bytes()))
                    .with("S3ComputedContentSHA256", hex::encode(computed.as_bytes())));
            }
        }
        if let Some(declared) = content_md5
            && declared != *md5
        {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(S3Error::new(Code::BadDigest, message)
                .with("ExpectedDigest", STANDARD.encode(declared))
                .with("CalculatedDigest", STANDARD.encode(md5)));
        }
        if let Some(declared) = &checksum
            && declared.algorithm() == ChecksumAlgorithm::Sha256
        {
            declared.check(needed()?.as_bytes())?;
        }
        let wanted = match wanted {
            Wanted::Nothing => None,
            Wanted::Computed(computed) => Some(computed),
            Wanted::By(ChecksumAlgorithm::Sha256) => {
                DeclaredChecksum::of_bytes(ChecksumAlgorithm::Sha256, needed()?.as_bytes())
            }
            // There is no hasher of its own for an algorithm by which the sender declared one, which is right.
            Wanted::By(algorithm) => checksum.clone().filter(|declared| declared.algorithm() == algorithm),
        };
        Ok(CheckedPart { checksum, wanted })
    }
}

impl CheckedPart {
    /// As [`CheckedPayload::checksum`].
    pub fn checksum(&self) -> Option<&DeclaredChecksum> {
        self.checksum.as_ref()
    }

    /// As [`CheckedPayload::wanted`].
    pub fn wanted(&self) -> Option<&DeclaredChecksum> {
        self.wanted.as_ref()
    }
}

impl CheckedPayload {
    /// Bytes of data.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of the data.
    pub fn sha256(&self) -> &Sha256Digest {
        &self.sha256
    }

    /// The MD5 of the data.
    pub fn md5(&self) -> &[u8; 16] {
        &self.md5
    }

    /// The `x-amz-checksum-*` that the sender declared, to be stored and returned.
    pub fn checksum(&self) -> Option<&DeclaredChecksum> {
        self.checksum.as_ref()
    }

    /// The checksum that was asked for by [`Payload::wanting`](super::Payload::wanting).
    pub fn wanted(&self) -> Option<&DeclaredChecksum> {
        self.wanted.as_ref()
    }
}
