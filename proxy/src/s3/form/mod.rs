//! Uploads by a form (`POST /bucket` with `multipart/form-data`): a signed policy says what may be sent, and whoever
//! has it sends.
//!
//! [`Form::read`] takes the fields before the file, within bounds, and stops at the file's first byte.
//! [`Form::authorize`] checks the policy's signature, then that the policy holds for these fields and this bucket. It
//! alone gives the [`Upload`], which is all that the form asks for, and the [`FileBody`]: no byte of the file is read
//! before. On the way from bytes to fields are `splitter` (where parts end), `part` and `parameters` (their headers) and
//! `fields`; `policy` and `condition` judge them.
//!
//! The fields are the request: its headers are neither signed nor conditions of the policy, so those that would mean
//! something for an upload are refused. There are no unsigned forms and none of Signature Version 2.

mod condition;
mod fields;
mod file;
mod parameters;
mod part;
mod policy;
mod reader;
mod splitter;
mod success;
mod upload;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::poll_fn;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;

use super::auth::{Authenticator, PolicySignature, single};
use super::error::{Code, S3Error};
use crate::name::BucketName;
use fields::{FILE, Fields, Incoming, Names};
use part::Part;
use policy::Policy;
use reader::Reader;
use splitter::Piece;

pub use fields::{MAX_FIELD_BYTES, MAX_FIELDS, MAX_FIELDS_BYTES};
pub use file::{FileBody, MAX_TRAILING_BYTES};
pub use success::{Redirect, Success};
pub use upload::Upload;

/// A form up to its file, checked by nobody. See the [module](self).
#[derive(Debug)]
#[must_use]
pub struct Form<B> {
    fields: Fields,
    names: Names,
    reader: Reader<B>,
}

/// A body that is no form, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed(&'static str);

impl From<Malformed> for S3Error {
    fn from(Malformed(why): Malformed) -> Self {
        let message = format!("The body of your POST request is not well-formed multipart/form-data: {why}.");
        Self::new(Code::MalformedPOSTRequest, message)
    }
}

impl<B> Form<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Reads the fields of a request with these `headers` up to its file.
    ///
    /// # Errors
    /// `PreconditionFailed`: the body is said to be something else. `MalformedPOSTRequest`,
    /// `MaxPostPreDataLengthExceededError`, `IncorrectNumberOfFilesInPostRequest`, `IncompleteBody`; `InvalidArgument`
    /// for fields that are there twice or are no text, and for two ways of authentication; `NotImplemented` for headers
    /// that would be ignored. An [`S3Error`] that the body itself fails with is passed on.
    pub async fn read(headers: &HeaderMap, body: B) -> Result<Self, S3Error> {
        let boundary = boundary(headers)?;
        let mut reader = Reader::new(body, &boundary);
        let mut incoming = Incoming::default();
        loop {
            match poll_fn(|cx| reader.poll(cx)).await? {
                Some(Piece::Head(head)) => {
                    incoming.head(head.len())?;
                    let part = Part::parse(&head)?;
                    if part.name == FILE {
                        let (fields, names) = incoming.finish(&part)?;
                        return Ok(Self { fields, names, reader });
                    }
                    incoming.begin(&part)?;
                }
                Some(Piece::Data(data)) => incoming.data(&data)?,
                None => {
                    let message = "POST requires exactly one file upload per request.";
                    return Err(S3Error::new(Code::IncorrectNumberOfFilesInPostRequest, message));
                }
            }
        }
    }

    /// Checks that a client of `authenticator` signed a policy that lets this form be sent to `bucket` at `now`, and
    /// gives what the form asks for.
    ///
    /// # Errors
    /// `AccessDenied`: no policy, an expired one, or one that the form does not keep. As
    /// [`Authenticator::authenticate_policy`] for signatures. `InvalidPolicyDocument`. `InvalidArgument`,
    /// `InvalidURI` and `KeyTooLongError` for fields whose values cannot be, `NotImplemented` for those that ask for
    /// something that is not done.
    pub fn authorize(
        self,
        authenticator: &Authenticator,
        now: SystemTime,
        bucket: &BucketName,
    ) -> Result<(Upload, FileBody<B>), S3Error> {
        let signature = signature(&self.fields)?;
        let identity = authenticator.authenticate_policy(&signature, now)?;
        let policy = Policy::parse(signature.policy)?;
        // A form without a key keeps no policy, but a clearer answer than that is S3's.
        upload::key(&self.fields)?;
        let length = policy.check(&self.fields, bucket, now)?;
        let upload = Upload::new(&self.fields, identity, bucket, length.clone())?;
        Ok((upload, FileBody::new(self.reader, self.names, length)))
    }
}

/// The boundary, of a request whose headers leave the rest to the form.
fn boundary(headers: &HeaderMap) -> Result<String, S3Error> {
    if headers.contains_key("authorization") {
        let message = "Only one auth mechanism allowed: a form is authorized by the policy in it.";
        return Err(S3Error::new(Code::InvalidArgument, message).with("ArgumentName", "Authorization"));
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        let harmless = matches!(name, "x-amz-cf-id" | "x-amz-user-agent" | "x-amz-request-payer");
        let conditional =
            matches!(name, "if-match" | "if-none-match" | "if-modified-since" | "if-unmodified-since");
        let of_the_body = matches!(name, "content-md5" | "content-encoding" | "content-range");
        if conditional || of_the_body || (name.starts_with("x-amz-") && !harmless) {
            let name = fields::shorten(name);
            let message = format!("The header `{name}` is not supported with a form: use its fields.");
            return Err(S3Error::new(Code::NotImplemented, message).with("Header", name));
        }
    }
    // Without one, the body is something else.
    let none = http::HeaderValue::from_static("");
    single(headers, "content-type")?;
    part::boundary(headers.get("content-type").unwrap_or(&none))
}

/// The fields of a form's signature.
fn signature(fields: &Fields) -> Result<PolicySignature<'_>, S3Error> {
    if fields.get("awsaccesskeyid").is_some() || fields.get("signature").is_some() {
        let message =
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    let names = ["policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"];
    if names.iter().all(|name| fields.get(name).is_none()) {
        let message = "Access Denied: a form needs a signed policy.";
        return Err(S3Error::new(Code::AccessDenied, message));
    }
    let required = |name: &'static str| fields.get(name).ok_or_else(|| missing(name));
    Ok(PolicySignature {
        policy: required("policy")?,
        algorithm: required("x-amz-algorithm")?,
        credential: required("x-amz-credential")?,
        date: required("x-amz-date")?,
        signature: required("x-amz-signature")?,
        session_token: fields.get("x-amz-security-token"),
    })
}

fn missing(name: &'static str) -> S3Error {
    let message = format!(
        "Bucket POST must contain a field named '{name}'. If it is specified, please check the order of the fields."
    );
    S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name)
}
