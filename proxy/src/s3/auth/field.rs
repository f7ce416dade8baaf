//! Headers that count once.

use http::HeaderMap;

use crate::s3::error::{Code, S3Error};

/// The value of the header `name` (lower case), if it is there.
///
/// # Errors
/// `InvalidArgument` when it is there more than once, since nobody could tell which one counts, or when it is not
/// visible ASCII.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, S3Error> {
    let refuse =
        |message: &'static str| S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name);
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refuse("A header that may be given once is given more than once."));
    }
    value.to_str().map(Some).map_err(|_| refuse("The value of a header is not visible ASCII."))
}
