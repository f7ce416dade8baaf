//! Key files: made once, for their owner alone, and never replaced.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hallmark_signer::{PrivateKey, PublicKey};

use super::public_path;

/// When a key was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Now,
    Before,
}

/// The public half of the key in `path`, which is made if nothing is there.
pub(super) fn made_or_read(path: &Path) -> anyhow::Result<(PublicKey, Made)> {
    // Asked of the name, not of what it leads to: a link to nowhere is somebody's mistake.
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = PrivateKey::generate().context("cannot make a key")?;
            let pem = key.to_pem()?;
            create(path, 0o600, pem.as_bytes())?;
            Ok((key.into_seal_key().public_key().clone(), Made::Now))
        }
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
        Ok(_) => Ok((public_half(path)?, Made::Before)),
    }
}

/// The public half of the private key in `path`.
fn public_half(path: &Path) -> anyhow::Result<PublicKey> {
    let metadata = path.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
    if metadata.mode() & 0o077 != 0 {
        bail!("{} is open to others than its owner; run `chmod 600` on it", path.display());
    }
    let pem = read(path)?;
    let key = PrivateKey::from_pem(&pem).with_context(|| path.display().to_string())?;
    Ok(key.into_seal_key().public_key().clone())
}

/// The public key in `path`.
pub(super) fn public(path: &Path) -> anyhow::Result<PublicKey> {
    PublicKey::from_pem(&read(path)?).with_context(|| path.display().to_string())
}

/// Sees to it that the public half of the key in `path` lies beside it. Says where.
pub(super) fn publish(path: &Path, key: &PublicKey) -> anyhow::Result<PathBuf> {
    let file = public_path(path);
    match fs::symlink_metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(&file, 0o644, key.to_pem().as_bytes())?;
        }
        _ if public(&file)? != *key => {
            bail!("{} is not the public half of {}; it is left as it is", file.display(), path.display());
        }
        _ => {}
    }
    Ok(file)
}

fn read(path: &Path) -> anyhow::Result<zeroize::Zeroizing<String>> {
    hallmark_config::read_key_file(path).map_err(|message| anyhow::anyhow!("{}: {message}", path.display()))
}

/// Makes a file that must not be there, durably, and leaves none behind if that fails.
fn create(path: &Path, mode: u32, content: &[u8]) -> anyhow::Result<()> {
    let shown = || format!("cannot make {}", path.display());
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).with_context(shown)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // Made a moment ago, by this process, and nobody has it.
        let _ = fs::remove_file(path);
    }
    written.with_context(shown)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).with_context(shown)
}
