//! Real clients, unmodified and with their default settings, through the front door. Each does the same: uploads of all
//! sizes, awkward keys, ranges; then what it is known for. What a client itself cannot express is left out, and said.

mod aborts;
mod aws;
mod boto3;
mod curl;
mod dsse;
mod js;
mod minio;
mod rclone;
mod s3cmd;
mod s5cmd;
mod seen;
mod sigstore;
mod tls;
mod tree;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hallmark_tests::command::{Ran, Sandbox, installed};
use hallmark_tests::data::{self, MIB, assert_same};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{FULL, Site};
use serde_json::Value;

const BUCKET: &str = "artifacts";
/// Where artifacts are copied and moved to.
const RELEASES: &str = "releases";

/// A home for programs, and the proxy that they find there.
struct Session {
    sandbox: Sandbox,
    /// Our own client, for a second opinion.
    client: Client,
}

/// Somebody else's client. `None`: it has no way of doing this.
trait Tool {
    fn put(&self, file: &Path, key: &str) -> Ran;
    fn get(&self, key: &str, to: &Path) -> Ran;
    fn list(&self) -> Vec<String>;
    fn delete(&self, key: &str) -> Ran;

    /// Downloads the bytes `first` to `last`, both included.
    fn range(&self, _key: &str, _first: u64, _last: u64, _to: &Path) -> Option<Ran> {
        None
    }

    /// Why the client cannot name this key.
    fn cannot_name(&self, _key: &str) -> Option<&'static str> {
        None
    }
}

/// Makes the tool of a session.
type Make = for<'a> fn(&'a Session) -> Box<dyn Tool + 'a>;

impl Session {
    fn with(address: SocketAddr) -> Self {
        Self { sandbox: Sandbox::new(address), client: Site::client(address, FULL) }
    }

    /// `http://127.0.0.1:…`
    fn endpoint(&self) -> String {
        format!("http://{}", self.client.address)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.sandbox.path(name)
    }

    /// Runs a line of a shell that finds the programs of the Python environment.
    fn shell(&self, line: &str) -> Ran {
        let programs = installed("python");
        let programs = programs.parent().unwrap().display();
        let line = format!("set -euo pipefail; PATH='{programs}':$PATH; {line}");
        self.sandbox.run("bash", &["-c", &line])
    }
}

fn lab() -> (Proxy, Session) {
    let proxy = Proxy::start();
    let session = Session::with(proxy.address());
    session.client.create_bucket(BUCKET);
    (proxy, session)
}

/// The same with a second bucket, `RELEASES`.
fn two_buckets() -> (Proxy, Session) {
    let (proxy, session) = lab();
    session.client.create_bucket(RELEASES);
    (proxy, session)
}

/// Uploads and downloads of `sizes`, each seen by our own client as well.
fn check_sizes(make: Make, sizes: &[u64]) {
    let (_proxy, session) = lab();
    let tool = make(&session);
    for length in sizes {
        let file = data::file(session.sandbox.home(), *length, *length);
        let want = fs::read(&file).unwrap();
        let key = format!("sizes/{length}");
        tool.put(&file, &key).good();
        session.sealed(BUCKET, &key, &want);
        let back = session.file("back");
        tool.get(&key, &back).good();
        assert_same(&fs::read(&back).unwrap(), &want, &format!("{length} bytes as the client sees them"));
        fs::remove_file(back).unwrap();
        tool.delete(&key).good();
        session.absent(BUCKET, &key);
    }
    session.no_uploads(BUCKET);
}

fn awkward_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain",
        "with space/and two  spaces",
        "plus+sign",
        "literal%2Fescape%",
        "double//slash",
        "unicode/ключ/ü/数据/🦀",
        "cafe\u{301}",
        "quotes'\"`",
        "amp&<tag>]]>",
        "semi;colon:comma,eq=at@dollar$",
        "star*(paren)!~",
        "question?hash#",
        "back\\slash|pipe^{brace}[bracket]",
        ".hidden/..two/...three",
        "trailing/",
    ]
    .map(str::to_owned)
    .into();
    keys.push(format!("long/{}", "k".repeat(1019)));
    keys
}

/// Awkward keys, each with a content of its own: uploaded, listed, downloaded and deleted.
fn check_keys(make: Make) {
    let (_proxy, session) = lab();
    let tool = make(&session);
    let mut keys = Vec::new();
    for key in awkward_keys() {
        match tool.cannot_name(&key) {
            Some(why) => println!("SKIPPED: {key:?}: {why}"),
            None => keys.push(key),
        }
    }
    for (number, key) in keys.iter().enumerate() {
        let file = data::file(session.sandbox.home(), number as u64, 100 + number as u64);
        tool.put(&file, key).good();
        let want = fs::read(&file).unwrap();
        assert_same(&session.client.get(BUCKET, key).body, &want, &format!("{key:?} as we see it"));
        let back = session.file("back");
        tool.get(key, &back).good();
        assert_same(&fs::read(&back).unwrap(), &want, &format!("{key:?} as the client sees it"));
        fs::remove_file(back).unwrap();
    }
    let (mut listed, mut want) = (tool.list(), keys.clone());
    listed.sort_unstable();
    want.sort_unstable();
    assert_eq!(listed, want);
    for key in &keys {
        tool.delete(key).good();
    }
    assert_eq!(session.client.keys(BUCKET, ""), Vec::<String>::new());
}

/// Ranges within a leaf and across leaves, of an artifact with a record and of one without.
fn check_ranges(make: Make) {
    let (_proxy, session) = lab();
    let tool = make(&session);
    for length in [3 * MIB, 9 * MIB + 5] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        tool.put(&file, "ranges").good();
        for (first, last) in [(0, 0), (1000, 1999), (MIB - 1, MIB), (100, length - 1)] {
            let back = session.file("back");
            tool.range("ranges", first, last, &back).expect("the client can ask for ranges").good();
            let (first, last) = (usize::try_from(first).unwrap(), usize::try_from(last).unwrap());
            assert_same(
                &fs::read(&back).unwrap(),
                &want[first..=last],
                &format!("{first} to {last} of {length}"),
            );
            fs::remove_file(back).unwrap();
        }
    }
}

/// The tests that every client has.
macro_rules! client_tests {
    ($make:expr, ranges) => {
        client_tests!($make);

        #[test]
        fn ranges() {
            crate::clients::check_ranges($make);
        }
    };
    ($make:expr) => {
        #[test]
        fn sizes() {
            crate::clients::check_sizes($make, &hallmark_tests::data::SIZES);
        }

        #[test]
        fn keys() {
            crate::clients::check_keys($make);
        }
    };
}
use client_tests;

/// What a program said in JSON; nothing is null.
fn parsed(said: &str) -> Value {
    if said.trim().is_empty() {
        return Value::Null;
    }
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Texts of a JSON array.
fn texts(json: &str) -> Vec<String> {
    if json.trim().is_empty() {
        return Vec::new();
    }
    serde_json::from_str::<Option<Vec<String>>>(json)
        .unwrap_or_else(|error| panic!("{error}: {json}"))
        .unwrap_or_default()
}

/// What a client that takes keys for paths cannot name.
fn as_a_path(key: &str) -> Option<&'static str> {
    if key.ends_with('/') {
        Some("the client takes a trailing slash for a directory")
    } else if key.contains("//") {
        Some("the client cleans paths")
    } else {
        None
    }
}
