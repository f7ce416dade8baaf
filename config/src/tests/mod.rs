//! Whole files: good ones and what comes out, bad ones and every line that is said about them.

mod advice;
mod bad;
mod example;
mod good;
mod policy;
mod s3;
mod weakening;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::Config;

/// What every file needs. Three lines, so that a test's own text begins in line 4.
const BASE: &str = "realm = \"r\"\nseal.key_file = \"seal.key\"\nstore.path = \"data\"\n";

/// In the files and variables with secrets; must appear nowhere.
const SECRET: &str = "correct-horse-battery-staple";

/// What is in the file with the state secret; must appear nowhere.
const STATE: &str = "aaaaaaaaaaaaaaaa0123456789abcdefaaaaaaaaaaaaaaaa0123456789abcdef";

const KEY_A: &str = "-----BEGIN PUBLIC KEY-----\nQUFB\nQUFB\n-----END PUBLIC KEY-----\n";
const KEY_B: &str = "-----BEGIN PUBLIC KEY-----\nQkJC\n-----END PUBLIC KEY-----\n";
/// The key of [`KEY_A`], wrapped otherwise.
const KEY_A_AGAIN: &str = "-----BEGIN PUBLIC KEY-----\r\nQUFBQUFB\r\n-----END PUBLIC KEY-----";

/// A folder with the files that the tests name, among them the state secret that is the default.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let line = format!("{SECRET}\n");
    for (name, content, mode) in [
        ("ci.secret", line.as_str(), 0o600),
        ("admin.secret", &line, 0o600),
        ("unended.secret", SECRET, 0o400),
        ("dos.secret", &format!("{SECRET}\r\n"), 0o600),
        ("open.secret", &line, 0o644),
        ("group.secret", &line, 0o640),
        ("short.secret", "fifteen-letters\n", 0o600),
        ("empty.secret", "\n", 0o600),
        ("lines.secret", &format!("{SECRET}\n\n"), 0o600),
        ("long.secret", &"x".repeat(1025), 0o600),
        ("huge.secret", &"x".repeat(2000), 0o600),
        ("state.secret", &format!("{STATE}\n"), 0o600),
        ("state-old.secret", &STATE.replace('a', "b"), 0o400),
        ("open-state.secret", STATE, 0o644),
        ("store.credentials", SECRET, 0o600),
        ("open.credentials", SECRET, 0o640),
        ("open.key", "", 0o640),
        ("closed.key", "", 0o600),
        ("seal.passphrase", "open sesame\n", 0o600),
        ("ci.pub", KEY_A, 0o644),
        ("ci-again.pub", KEY_A_AGAIN, 0o644),
        ("other.pub", KEY_B, 0o644),
        ("trusted_root.json", "{}\n", 0o644),
        ("anchors.pem", "-----BEGIN CERTIFICATE-----\n", 0o644),
        ("private.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", 0o600),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
    fs::write(dir.path().join("binary"), [0xff, 0xfe]).unwrap();
    dir
}

fn env(name: &str) -> Option<String> {
    match name {
        "SECRET" | "HALLMARK_DEPLOY_SECRET" => Some(SECRET.to_owned()),
        "SHORT" => Some("short".to_owned()),
        _ => None,
    }
}

/// What the loader says about `text`: its settings, or the lines of its complaint without the file's name.
fn load(text: &str, dir: &Path) -> Result<Config, Vec<String>> {
    Config::parse(text, dir, "hallmark.toml", &env).map_err(|errors| {
        let shown = errors.to_string();
        for text in [&shown, &format!("{errors:?}")] {
            assert!(!text.contains(SECRET) && !text.contains(STATE), "a secret is shown: {text}");
        }
        shown.lines().map(|line| line.strip_prefix("hallmark.toml:").unwrap().to_owned()).collect()
    })
}
