//! Hallmark's configuration: TOML in, validated and typed settings out. Knows nothing of the rest of Hallmark.
//!
//! [`Config::load`] is the way in. What a file may say stands in `sections/`, one file per table; how a TOML tree is
//! read without stopping at the first error, in `reader/`; what comes out, in `types.rs`, and in `trust.rs` as far as it
//! says who must have signed what. The commented example for operators is `deploy/hallmark.example.toml`; a test holds
//! it to the keys that `sections/` asks for.

mod advice;
mod error;
mod files;
mod fixed;
mod load;
mod moment;
mod name;
mod nearest;
mod pem;
mod reader;
mod secret;
mod sections;
mod state_secret;
mod trust;
mod types;
mod units;

#[cfg(test)]
mod tests;

pub use advice::Advice;
pub use error::{ConfigError, ConfigErrors, Position, Sources};
pub use files::{read_key_file, read_text};
pub use load::Loaded;
pub use moment::UnixMs;
pub use name::{
    AttestationName, BucketName, ClientName, NameError, Prefix, Realm, RoleName, SealIdText, SignerName,
    StoreBucket, StorePrefix,
};
pub use secret::Secret;
pub use state_secret::StateSecret;
pub use trust::*;
pub use types::*;
