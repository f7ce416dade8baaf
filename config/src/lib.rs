//! Hallmark's configuration: TOML in, validated and typed settings out. Knows nothing of the rest of Hallmark.

mod name;
mod secret;
mod types;

pub use name::{BucketName, ClientName, KeyName, NameError, Prefix, Realm};
pub use secret::Secret;
pub use types::*;
