//! Hallmark's server.
//!
//! The path of a request: [`server`] accepts the connection; [`service`] authenticates the request
//! ([`s3::auth`]), finds out what it means ([`s3::route`]) and whether the client may do it ([`access`]), and hands it
//! to the [`gate`]. The gate seals what comes in and proves what goes out ([`proof`]); behind it is a [`store`],
//! which nobody trusts.

pub mod access;
pub mod admin;
pub mod adopt;
mod app;
pub mod bootstrap;
pub mod cache;
pub mod explain;
pub mod gate;
pub mod metrics;
pub mod name;
pub mod pace;
pub mod proof;
pub mod reload;
pub mod s3;
pub mod seal_keys;
mod seal_signer;
mod sealing;
pub mod server;
pub mod service;
mod sizes;
mod state_file;
pub mod store;
pub mod supervisor;
pub mod trust;

pub use app::{App, NotRenewed, OpenKeys, StartError, check, check_capabilities};
#[cfg(any(test, feature = "testing"))]
pub use app::{gate_before, gate_keeping};
pub use seal_signer::public_key as seal_public_key;
