//! The files that a configuration names, as far as they are read here.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::pem;
use crate::units::show_size;

/// A key in PEM has a few hundred bytes; text may stand around it.
const MAX_KEY_FILE: u64 = 16 << 10;

/// Reads a text file, such as a key in PEM, of at most `limit` bytes. Wiped when dropped: it may hold a secret.
///
/// # Errors
/// What is wrong with the file, without its name: secrets get pasted where their file's name should stand.
pub fn read_text(path: &Path, limit: u64) -> Result<Zeroizing<String>, String> {
    read_open(&open(path)?, limit)
}

/// As [`read_text`], for a file that only its owner may read.
pub(crate) fn read_private_text(path: &Path, limit: u64) -> Result<Zeroizing<String>, String> {
    let file = open(path)?;
    // Asked of the open file: asked by name, it could be another one's mode.
    check_private(&file.metadata().map_err(|error| reason(&error))?)?;
    read_open(&file, limit)
}

/// Fails if the file at `path` holds a public key in the place of a private one, or is open to others than its owner. A
/// file that cannot be looked at passes: whoever opens it will find out why.
pub(crate) fn check_private_key_if_present(path: &Path) -> Result<(), String> {
    let Ok(metadata) = path.metadata() else { return Ok(()) };
    // First: what is no secret need not be closed, and closing it helps nobody.
    if metadata.is_file() && read_key_file(path).is_ok_and(|text| pem::is_public_key(&text)) {
        return Err("this is a public key; the private key, of which it is a half, belongs here".to_owned());
    }
    check_private(&metadata)
}

/// Reads a key in PEM. Wiped when dropped: it may be a secret.
///
/// # Errors
/// As those of [`read_text`].
pub fn read_key_file(path: &Path) -> Result<Zeroizing<String>, String> {
    read_text(path, MAX_KEY_FILE)
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| reason(&error))
}

fn read_open(file: &File, limit: u64) -> Result<Zeroizing<String>, String> {
    // All the room at once: a buffer that grows leaves copies behind which nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(limit + 1).unwrap_or_default()));
    file.take(limit + 1).read_to_string(&mut text).map_err(|error| reason(&error))?;
    if text.len() as u64 > limit {
        return Err(format!("the file is longer than {}", show_size(limit)));
    }
    Ok(text)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file; a relative name begins at this file's folder".to_owned()
        }
        io::ErrorKind::PermissionDenied => "the file may not be read by this user".to_owned(),
        io::ErrorKind::InvalidData => "the file is not a text in UTF-8".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    }
}

#[cfg(unix)]
fn check_private(metadata: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("the file is open to others than its owner (mode {mode:04o}); run `chmod 600` on it"))
}

#[cfg(not(unix))]
fn check_private(_: &Metadata) -> Result<(), String> {
    Ok(())
}
