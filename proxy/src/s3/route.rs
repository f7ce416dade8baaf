//! From a request's head to what it asks for.

mod bucket;
mod copy;
mod multipart;
mod object;
mod read;

#[cfg(test)]
mod tests;

use http::{HeaderMap, Method};

use super::address::Address;
use super::error::{Code, S3Error};
use super::listing::{BUCKET_PARAMETERS, BucketListing};
use super::operation::Operation;
use super::refuse::{Headers, unknown_headers, unknown_parameters};
use super::uri::{Query, RawPath};
use crate::store::VersionId;

/// The head of a request, its target decoded: the same values that its signature was checked over.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The host, as [`host`](super::uri::host) found it.
    pub host: &'a str,
    /// The decoded path.
    pub path: &'a RawPath,
    /// The decoded query.
    pub query: &'a Query,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// Finds out what a request asks for; `domains` are the host names that allow virtual-host style.
///
/// All of the request is understood or it is refused: parameters and headers are on allow-lists, one for each
/// operation.
///
/// # Errors
/// The refusal. Nothing was looked up for it, so it tells nothing about what is stored.
pub fn route(head: &Head<'_>, domains: &[String]) -> Result<Operation, S3Error> {
    match Address::parse(head.host, domains, head.path)? {
        Address::Service => service(head),
        Address::SealKeys => public(head, Operation::GetSealKeys),
        Address::Certificate(key) => public(head, Operation::GetSealKeyCertificate { key }),
        Address::Bucket(bucket) => bucket::route(head, bucket),
        Address::Object(object) => object::route(head, object),
    }
}

fn service(head: &Head<'_>) -> Result<Operation, S3Error> {
    match *head.method {
        Method::GET => {
            head.only(&[BUCKET_PARAMETERS], &[])?;
            Ok(Operation::ListBuckets(BucketListing::parse(head.query)?))
        }
        _ => not_allowed(head, "SERVICE"),
    }
}

/// What everybody may read who verifies seals.
fn public(head: &Head<'_>, read: Operation) -> Result<Operation, S3Error> {
    match *head.method {
        Method::GET | Method::HEAD => {
            head.only(&[], &[])?;
            Ok(read)
        }
        _ => not_allowed(head, "SERVICE"),
    }
}

impl Head<'_> {
    /// Refuses every parameter and every `x-amz-*` header but these.
    fn only(&self, parameters: &[&[&str]], headers: &[Headers]) -> Result<(), S3Error> {
        unknown_parameters(self.query, parameters)?;
        unknown_headers(self.headers, headers)
    }

    /// The same for a subresource: a parameter without a value.
    fn only_subresource(
        &self,
        name: &'static str,
        parameters: &[&str],
        headers: &[Headers],
    ) -> Result<(), S3Error> {
        self.only(&[&[name], parameters], headers)?;
        match self.query.get(name)? {
            Some(value) if !value.is_empty() => {
                Err(invalid(name, format!("The query parameter `{name}` takes no value.")))
            }
            _ => Ok(()),
        }
    }

    /// `versionId`.
    fn version(&self) -> Result<Option<VersionId>, S3Error> {
        self.query.get(VERSION)?.map(version_id).transpose()
    }
}

const VERSION: &str = "versionId";

fn version_id(text: &str) -> Result<VersionId, S3Error> {
    let message = match text {
        "" => "Version id cannot be the empty string",
        _ => "Invalid version id specified",
    };
    VersionId::parse(text).ok_or_else(|| invalid(VERSION, message))
}

/// No such method; but first no such parameter, so that what is not implemented is called so on every method.
fn not_allowed(head: &Head<'_>, resource: &'static str) -> Result<Operation, S3Error> {
    head.only(&[], &[])?;
    let message = "The specified method is not allowed against this resource.";
    Err(S3Error::new(Code::MethodNotAllowed, message)
        .with("Method", head.method.as_str())
        .with("ResourceType", resource))
}

/// A number of a parameter or header: digits alone, and as large as S3 takes them.
fn number(name: &'static str, text: &str) -> Result<usize, S3Error> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse::<i32>().ok().filter(|_| digits).and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| {
        invalid(name, "Provided value not an integer or within integer range").with("ArgumentValue", text)
    })
}

fn invalid(argument: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new(Code::InvalidArgument, message).with("ArgumentName", argument)
}
