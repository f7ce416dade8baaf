//! Hallmark's server.

pub mod name;
pub mod proof;
pub mod s3;
pub mod store;
