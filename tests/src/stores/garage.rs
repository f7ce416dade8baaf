//! Garage. An account is a key, and buckets that a key makes have names of its own.
//!
//! Source: Garage's administration API, version 2.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::raw::Response;
use crate::s3::Client;
use crate::sigv4::Request;

use super::place::place;
use super::{Account, Kind};

/// Where the nodes of a cluster are: what the script prints.
struct Places {
    administrator: SocketAddr,
    token: String,
    /// Of the nodes' S3 interfaces.
    nodes: Vec<SocketAddr>,
}

impl Places {
    fn parse(line: &str) -> Self {
        let mut urls = line.split_whitespace();
        let (token, administrator) = place(urls.next().unwrap_or_default());
        let nodes: Vec<_> = urls.map(|url| place(url).1).collect();
        assert!(
            !nodes.is_empty(),
            "{line} does not say where the S3 interface is, after the administrator's"
        );
        Self { administrator, token, nodes }
    }

    /// An account, at the first node.
    #[track_caller]
    fn account(&self) -> Account {
        let wanted = json!({ "name": "test", "neverExpires": true, "allow": { "createBucket": true } });
        let made = self.administrate("/v2/CreateKey", &wanted);
        assert_eq!(made.status, 200, "no key can be made: {}", made.text());
        let key: Value = serde_json::from_slice(&made.body).expect("the answer is JSON");
        let text = |name: &str| key[name].as_str().expect("a key has both").to_owned();
        let access_key = text("accessKeyId");
        Account {
            kind: Kind::Garage,
            address: self.nodes[0],
            user: access_key.clone(),
            access_key,
            secret: text("secretAccessKey"),
        }
    }

    fn administrate(&self, path: &str, body: &Value) -> Response {
        let body = body.to_string().into_bytes();
        let mut request = Request::new("POST", path)
            .header("Host", self.administrator.to_string())
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json")
            .header("Content-Length", body.len().to_string());
        request.body = body;
        let nobody = Client { address: self.administrator, access_key: String::new(), secret: String::new() };
        nobody.send_as_is(&request)
    }
}

#[track_caller]
pub(super) fn account(line: &str) -> Account {
    Places::parse(line).account()
}

/// A cluster of a test's own, whose nodes it can stop. All of it goes when this is dropped.
pub struct Nodes {
    places: Places,
    directory: TempDir,
}

impl Nodes {
    /// Starts so many (1 to 9), each of which keeps all that is stored.
    ///
    /// # Panics
    /// They do not come up, or there is no Garage on this machine.
    #[track_caller]
    pub fn start(number: usize) -> Self {
        // Where the tests have no Garage they must not be run: the same word for one's own as for the common one.
        let _ = Kind::Garage.place();
        let directory = tempfile::tempdir().expect("a directory can be made");
        let places = Places::parse(&script(&["start", &at(&directory), &number.to_string()]));
        Self { places, directory }
    }

    /// An account of it, reached through the first node.
    #[track_caller]
    pub fn account(&self) -> Account {
        self.places.account()
    }

    /// Where node `number` (from 1) is reached.
    pub fn address(&self, number: usize) -> SocketAddr {
        self.places.nodes[number - 1]
    }

    /// Kills node `number` (from 1).
    pub fn kill(&self, number: usize) {
        script(&["kill", &at(&self.directory), &number.to_string()]);
    }

    /// Starts node `number` (from 1) again, and waits until it is of use, if a majority runs.
    pub fn resume(&self, number: usize) {
        script(&["resume", &at(&self.directory), &number.to_string()]);
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        // The directory goes next, so there is nothing more that could be done about a failure.
        let _ = command(&["stop", &at(&self.directory)]).status();
    }
}

fn at(directory: &TempDir) -> String {
    directory.path().join("garage").to_string_lossy().into_owned()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("stores/garage"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What the script prints.
#[track_caller]
fn script(arguments: &[&str]) -> String {
    let out = command(arguments).output().expect("the script can be run");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "tests/stores/garage {arguments:?}: {errors}");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}
