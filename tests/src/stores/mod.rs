//! Real stores that speak S3: Ceph's gateway and Garage, started by `tests/run` or by hand with the scripts in
//! `tests/stores`.
//!
//! A test gets an [`Account`] of one: names of buckets are its own (a tenant in Ceph, a key with local names in Garage), so
//! tests neither see nor disturb each other. A test that needs a store which is not there fails and says so; it is
//! `tests/run` that leaves such tests out, by the names `rgw::` and `garage::` of their modules, and tells.

mod garage;
mod place;
mod rgw;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallmark_config::{Addressing, S3Store, StoreBucket, StoreCredentials};

pub use garage::Nodes;
pub use rgw::OverTls;

use crate::s3::Client;

/// The region that both kinds of stores are given.
pub const REGION: &str = "us-east-1";
/// What deployments over such a store call their bucket of state.
pub const STATE_BUCKET: &str = "hallmark-state";

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ceph's object gateway, at `$HALLMARK_TEST_RGW`.
    Rgw,
    /// Garage, at `$HALLMARK_TEST_GARAGE`.
    Garage,
}

impl Kind {
    /// Where the store is, as the environment has it.
    fn variable(self) -> &'static str {
        match self {
            Self::Rgw => "HALLMARK_TEST_RGW",
            Self::Garage => "HALLMARK_TEST_GARAGE",
        }
    }

    /// The name of the script that starts it.
    fn script(self) -> &'static str {
        match self {
            Self::Rgw => "rgw",
            Self::Garage => "garage",
        }
    }

    /// What the environment says of where the store is.
    ///
    /// # Panics
    /// It says nothing.
    #[track_caller]
    fn place(self) -> String {
        let (variable, script) = (self.variable(), self.script());
        std::env::var(variable).unwrap_or_else(|_| {
            panic!(
                "this test needs a real store, and {variable} does not say where one is: use tests/run, or \
                 export {variable}=\"$(tests/stores/{script} start /tmp/{script})\" (and after the tests \
                 tests/stores/{script} stop /tmp/{script})"
            )
        })
    }
}

/// An account of a store, which nobody else has. What it holds goes when this is dropped, as far as the store lets it.
#[derive(Debug)]
pub struct Account {
    kind: Kind,
    /// Where the store is reached.
    address: SocketAddr,
    access_key: String,
    secret: String,
    /// What the store's administrator calls it.
    user: String,
}

impl Account {
    /// A new one of the store that `tests/run` started.
    ///
    /// # Panics
    /// There is no such store, or it does not make accounts.
    #[track_caller]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Rgw => rgw::account(&kind.place()),
            Kind::Garage => garage::account(&kind.place()),
        }
    }

    /// Of which store.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where that is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The store itself, behind the back of any proxy.
    pub fn client(&self) -> Client {
        Client { address: self.address, access_key: self.access_key.clone(), secret: self.secret.clone() }
    }

    /// A file with the credentials, as AWS tools have them.
    pub fn credentials(&self) -> String {
        format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            self.access_key, self.secret
        )
    }

    /// Settings of a store in this process, which reaches this one at `endpoint` with the credentials in that file.
    pub fn settings(&self, endpoint: String, credentials_file: &Path) -> S3Store {
        settings(endpoint, credentials_file.to_owned())
    }
}

/// Settings for any store that speaks S3.
pub fn settings(endpoint: String, credentials_file: PathBuf) -> S3Store {
    S3Store {
        endpoint: Some(endpoint),
        region: Some(REGION.to_owned()),
        addressing: Addressing::Path,
        credentials: StoreCredentials::File { path: credentials_file, profile: "default".to_owned() },
        ca_file: None,
        state_bucket: StoreBucket::parse(STATE_BUCKET).expect("a good name"),
        connect_timeout: Duration::from_secs(3),
        answer_timeout: Duration::from_secs(30),
        max_requests: 256,
        attempts: 3,
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        match self.kind {
            Kind::Rgw => rgw::remove(self),
            // It has no way of deleting what is not empty; all of it goes with the store.
            Kind::Garage => {}
        }
    }
}

/// Letters and digits that nobody else has.
fn unique() -> String {
    format!("{:016x}", getrandom::u64().expect("random bytes"))
}
