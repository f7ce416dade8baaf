//! The S3 front end: what clients say, and what they are told.

pub mod auth;
pub mod error;
pub mod payload;
pub mod uri;
