//! The head of an answer as it came, which the seal is compared with. What the SDK makes of it has lost too much.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use hallmark_signer::{CONTENT_HEADERS, METADATA_PREFIX, SEAL_HEADER, SealedHeaders};

use crate::command::failure::Failure;

/// Metadata beside the seal that it does not cover: the place reserved for a transparency log's proof.
const LOG_HEADER: &str = "x-amz-meta-hallmark-log";

/// Names, in lower case, and values.
#[derive(Debug, Default)]
pub(crate) struct Head(Vec<(String, Vec<u8>)>);

/// Keeps the head of the last answer to an operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeadKeeper(Arc<Mutex<Head>>);

impl HeadKeeper {
    /// The head of the answer.
    pub(crate) fn take(&self) -> Head {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for HeadKeeper {
    fn name(&self) -> &'static str {
        "HeadKeeper"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let fields = context.response().headers().iter_bytes();
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Head(fields);
        Ok(())
    }
}

impl Head {
    /// The value of a header that may be there once.
    pub(crate) fn once(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut values = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value);
        let (first, second) = (values.next(), values.next());
        if second.is_some() {
            return Err(invalid(&format!("`{name}` comes twice")));
        }
        first.map(|value| text(name, value)).transpose()
    }

    /// The length of the body, bytes.
    pub(crate) fn length(&self) -> Result<u64, Failure> {
        let length = self.once("content-length")?.and_then(|value| value.parse().ok());
        length.ok_or_else(|| Failure::failed("the answer does not say how long the artifact is"))
    }

    /// The ETag, without quotes.
    pub(crate) fn etag(&self) -> Result<Option<&str>, Failure> {
        Ok(self.once("etag")?.map(|etag| etag.trim_matches('"')))
    }

    /// Content headers and user metadata.
    pub(crate) fn sealed_headers(&self) -> Result<SealedHeaders, Failure> {
        let mut sealed = SealedHeaders::default();
        for (name, value) in &self.0 {
            let outside = name == SEAL_HEADER || name == LOG_HEADER;
            if !outside && (name.starts_with(METADATA_PREFIX) || CONTENT_HEADERS.contains(&name.as_str())) {
                sealed.insert(name, text(name, value)?).map_err(|error| invalid(&error.to_string()))?;
            }
        }
        Ok(sealed)
    }
}

fn text<'a>(name: &str, value: &'a [u8]) -> Result<&'a str, Failure> {
    std::str::from_utf8(value).map_err(|_| invalid(&format!("`{name}` is no text")))
}

fn invalid(reason: &str) -> Failure {
    Failure::refused("ArtifactSealInvalid", format!("no seal fits the headers of the answer: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Head {
        Head(fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect())
    }

    #[test]
    fn what_a_seal_covers_is_taken_and_nothing_else() {
        let sealed = head(&[
            ("content-type", "text/plain"),
            ("x-amz-meta-a", ""),
            ("x-amz-meta-hallmark", "v=1"),
            ("x-amz-meta-hallmark-log", "x"),
            ("x-amz-meta-hallmark-signature", "x"),
            ("etag", "\"x\""),
            ("content-length", "3"),
        ]);
        let covered = sealed.sealed_headers().unwrap();
        let names: Vec<_> = covered.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["content-type", "x-amz-meta-a", "x-amz-meta-hallmark-signature"]);
        assert_eq!((sealed.etag().unwrap(), sealed.length().unwrap()), (Some("x"), 3));
    }

    #[test]
    fn a_header_that_comes_twice_is_refused() {
        let twice = head(&[("x-amz-meta-a", "1"), ("x-amz-meta-a", "1"), ("etag", "a"), ("etag", "a")]);
        assert!(twice.sealed_headers().is_err());
        assert!(twice.etag().is_err());
        assert!(head(&[]).length().is_err());
    }
}
