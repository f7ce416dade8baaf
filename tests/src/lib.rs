//! What the scenarios stand on: proxies to test, clients to test them with, and a store that lies on demand.
//!
//! - [`proxy`] runs the real program; [`inprocess`] runs the same server over a store of the test's choice, and
//!   [`instances`] several of them over one.
//! - [`raw`] speaks HTTP byte by byte, [`sigv4`] signs, [`s3`] is the two together.
//! - [`command`] runs other people's clients; [`data`] makes what they carry.
//! - [`aws_signer`] is what publishers sign with; the real one has no twin to run here.
//! - [`memory`] is a store whose contents a test can edit behind the proxy's back; [`stores`] are real ones, and
//!   [`fault`] stands between the proxy and one of those and has things go wrong.
//!
//! Nothing here returns errors: a harness that cannot do its work fails the test, and says why.

#![allow(clippy::print_stderr, reason = "what a test says is shown when it fails")]

pub mod aws_signer;
pub mod command;
pub mod data;
pub mod fault;
pub mod form;
pub mod inprocess;
pub mod instances;
pub mod memory;
pub mod proxy;
pub mod raw;
pub mod s3;
pub mod sigv4;
pub mod site;
pub mod stores;
