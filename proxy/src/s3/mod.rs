//! The S3 front end: what clients say, and what they are told.

pub mod condition;
pub mod error;
pub mod headers;
pub mod range;
pub mod uri;
