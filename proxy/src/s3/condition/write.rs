//! The conditions of writes and deletions.

use http::header::{IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName};

use super::{EntityTag, Strength, Tags, joined, tags};
use crate::s3::error::{Code, S3Error};

/// On what a PUT depends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PutCondition {
    /// Nothing.
    #[default]
    None,
    /// `If-None-Match: *`: nothing stands under that name.
    Absent,
    /// `If-Match: *`: something stands there.
    Exists,
    /// `If-Match: "tag"`: an artifact with that ETag stands there.
    Matches(EntityTag),
    /// `If-None-Match: "tag"`: no artifact with that ETag stands there.
    Differs(EntityTag),
}

impl PutCondition {
    /// The condition of a PUT.
    ///
    /// # Errors
    /// `NotImplemented`: any condition but those that can be evaluated together with the write.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, S3Error> {
        let condition = match (joined(headers, &IF_MATCH), joined(headers, &IF_NONE_MATCH)) {
            (None, None) => Self::None,
            (None, Some(tag)) if tag == "*" => Self::Absent,
            (None, Some(text)) => Self::Differs(sole_strong(&IF_NONE_MATCH, &text)?),
            (Some(tag), None) if tag == "*" => Self::Exists,
            (Some(text), None) => Self::Matches(sole_strong(&IF_MATCH, &text)?),
            (Some(_), Some(_)) => {
                return Err(unsupported(&IF_MATCH, "together with If-None-Match it is not"));
            }
        };
        refuse(headers, &[IF_UNMODIFIED_SINCE])?;
        Ok(condition)
    }
}

/// On what a DELETE depends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DeleteCondition {
    /// Nothing.
    #[default]
    None,
    /// `If-Match: *`: something stands there.
    Exists,
    /// `If-Match: "tag"`: an artifact with that ETag stands there.
    Matches(EntityTag),
}

impl DeleteCondition {
    /// The condition of a DELETE.
    ///
    /// # Errors
    /// `NotImplemented`: any condition but those that can be evaluated together with the deletion.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, S3Error> {
        refuse(headers, &[IF_NONE_MATCH, IF_UNMODIFIED_SINCE])?;
        match joined(headers, &IF_MATCH) {
            None => Ok(Self::None),
            Some(tag) if tag == "*" => Ok(Self::Exists),
            Some(text) => Ok(Self::Matches(sole_strong(&IF_MATCH, &text)?)),
        }
    }
}

/// Refuses every condition that would bind a write.
///
/// # Errors
/// `NotImplemented`.
pub fn refuse_conditions(headers: &HeaderMap) -> Result<(), S3Error> {
    refuse(headers, &[IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE])
}

const ONE_STRONG: &str = "only one strong entity tag, or `*`, is";

fn refuse(headers: &HeaderMap, names: &[HeaderName]) -> Result<(), S3Error> {
    match names.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => Err(unsupported(name, "here it is not")),
        None => Ok(()),
    }
}

/// The one strong tag that `text` is.
fn sole_strong(header: &HeaderName, text: &str) -> Result<EntityTag, S3Error> {
    if let Tags::OneOf(list) = tags(text)
        && let Ok([tag]) = <[EntityTag; 1]>::try_from(list)
        && tag.strength == Strength::Strong
    {
        return Ok(tag);
    }
    Err(unsupported(header, ONE_STRONG))
}

fn unsupported(header: &HeaderName, what_is: &str) -> S3Error {
    let message = format!("The condition `{header}` is not supported in this form: {what_is}.");
    S3Error::new(Code::NotImplemented, message).with("Header", header.as_str())
}
