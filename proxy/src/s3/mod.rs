//! The S3 front end: what clients say, and what they are told.

pub mod address;
pub mod auth;
pub mod condition;
pub mod documents;
pub mod error;
pub mod form;
pub mod headers;
pub mod listing;
pub mod lock;
pub mod operation;
pub mod payload;
pub mod range;
mod refuse;
pub mod response;
pub mod route;
pub mod tags;
pub(crate) mod times;
pub mod uri;
