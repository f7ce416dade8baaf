//! Starting without a configuration: what is needed is made on the first start and kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hallmark_signer::PrivateKey;

/// Where everything is kept when no configuration is given.
pub const DEFAULT_DIR: &str = "hallmark-data";

/// The bucket that is there from the start.
pub const BUCKET: &str = "artifacts";

/// The configuration in that directory.
const CONFIG: &str = "hallmark.toml";

/// Makes what is missing in `dir` (a configuration, a seal key, one client with all permissions) and returns the
/// configuration's path. Files that hold secrets are readable by their owner alone. What is there stays as it is.
///
/// # Errors
/// A file cannot be written.
pub fn prepare(dir: &Path) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    ours(dir)?;
    let config = dir.join(CONFIG);
    if config.exists() {
        return Ok(config);
    }
    // The configuration comes last: while it is not there, the next start does all of this again. Keys that are
    // there already are never replaced.
    if !dir.join("seal.key").exists() {
        let key = PrivateKey::generate().map_err(io::Error::other)?;
        let pem = key.to_pem().map_err(io::Error::other)?;
        let key = key.into_seal_key();
        let public = key.public_key();
        create(&dir.join("seal.pub"), 0o644, public.to_pem().as_bytes())?;
        create(&dir.join("seal.key"), 0o600, pem.as_bytes())?;
    }
    let (access_key, secret) = (format!("HM{}", random(9)?.to_uppercase()), random(20)?);
    create(&dir.join("client.secret"), 0o600, format!("{secret}\n").as_bytes())?;
    let credentials =
        format!("[default]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret}\n");
    create(&dir.join("credentials"), 0o600, credentials.as_bytes())?;
    create(&config, 0o600, config_text(&access_key).as_bytes())?;
    Ok(config)
}

/// Refuses a directory that somebody else made or can write to: its keys and its policy would be theirs.
fn ours(dir: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(dir)?;
    let owner = rustix::process::geteuid().as_raw();
    if found.is_dir() && found.uid() == owner && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let message = format!("{} is not a directory that belongs to this user alone", dir.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

fn config_text(access_key: &str) -> String {
    format!(
        r#"# Made on the first start without a configuration. Change it as you like: it is only read from now on, and changes take
# effect within seconds.
# Every key is explained in deploy/hallmark.example.toml.
realm = "local"

[server]
listen = "127.0.0.1:9000"

[seal]
key_file = "seal.key"

[store]
kind = "local"
path = "store"

[[clients]]
name = "local"
access_key = "{access_key}"
secret_file = "client.secret"
grants = [
    {{ bucket = "*", permissions = ["read", "write", "write_signatures", "delete", "delete_version", "list", "admin"] }},
]
"#
    )
}

/// Writes a new file in one step: a reader sees all of it or nothing.
fn create(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// `bytes` random bytes in hexadecimal.
fn random(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(hex::encode(random))
}
