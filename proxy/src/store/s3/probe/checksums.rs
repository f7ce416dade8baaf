//! Which digests of a body are compared with what arrives.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use bytes::Bytes;

use super::findings::Checksums;
use super::lab::{Headers, Lab};
use crate::store::StoreError;
use crate::store::s3::cold::error::{Cause, Failure};

/// Of nothing, and so not of the body below.
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const MD5: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";
const CRC32: &str = "AAAAAA==";

/// Finds out which wrong digests are refused.
pub(super) async fn ask(lab: &Lab) -> Result<Checksums, StoreError> {
    let (content_sha256, content_md5, crc32) = tokio::try_join!(
        content_sha256(lab),
        header(lab, "checksum-md5", &[("content-md5", MD5)]),
        header(lab, "checksum-crc32", &[("x-amz-checksum-crc32", CRC32)]),
    )?;
    Ok(Checksums { content_sha256, content_md5, crc32 })
}

async fn header(lab: &Lab, name: &str, headers: Headers<'_>) -> Result<bool, StoreError> {
    refused(lab.dare_put(&lab.key(name), &body(), headers).await)
}

async fn content_sha256(lab: &Lab) -> Result<bool, StoreError> {
    let key = lab.key("checksum-sha256");
    lab.will_make(&key);
    let put = lab.sdk.put_object().bucket(&lab.bucket).key(key).body(ByteStream::from(body()));
    refused(lab.ask("put", put.customize().interceptor(Digested).send()).await)
}

fn refused<T>(told: Result<T, Failure>) -> Result<bool, StoreError> {
    match told {
        Ok(_) => Ok(false),
        Err(failure) => match failure.cause {
            // Some hang up.
            Cause::Refused(_) | Cause::Lost => Ok(true),
            Cause::Shed | Cause::Unsent | Cause::Late | Cause::Malformed => Err(failure.into()),
        },
    }
}

fn body() -> Bytes {
    Bytes::from_static(b"not the body of that digest")
}

/// Has the signature cover a digest of another body.
#[derive(Debug)]
struct Digested;

impl Intercept for Digested {
    fn name(&self) -> &'static str {
        "Digested"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(SHA256.to_owned()));
        Ok(())
    }
}
