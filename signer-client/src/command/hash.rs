//! Hashing files in one pass.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use hallmark_signer::{BlobDigest, BlobHasher};

use crate::command::failure::Failure;
use crate::command::output::Output;

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// Opens a file, which must be a regular one; and its length, bytes.
pub(crate) fn open(path: &Path) -> Result<(File, u64), Failure> {
    let failed = |error| Failure::io("read", path, error);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Failure::usage(format!("{} is not a file", path.display())));
    }
    Ok((file, metadata.len()))
}

/// Gives every byte of a file to `update`.
pub(crate) fn each_chunk(mut file: File, path: &Path, mut update: impl FnMut(&[u8])) -> Result<(), Failure> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => update(&chunk[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::io("read", path, error)),
        }
    }
}

/// What a blob key signs: a file's digest; and its length, bytes.
pub(crate) fn blob(path: &Path, output: &Output) -> Result<(BlobDigest, u64), Failure> {
    let (file, size) = open(path)?;
    let bar = output.bar("hashing", size);
    let (mut hasher, mut read) = (BlobHasher::new(), 0);
    each_chunk(file, path, |bytes| {
        hasher.update(bytes);
        read += bytes.len() as u64;
        bar.set_position(read);
    })?;
    bar.finish_and_clear();
    let digest = hasher.finish().map_err(|error| looks_like_dsse(path, error))?;
    Ok((digest, read))
}

/// The refusal to sign such a file, or to believe a signature over it.
pub(crate) fn looks_like_dsse(path: &Path, error: hallmark_signer::LooksLikeDsse) -> Failure {
    Failure::refused("LooksLikeDsse", format!("{}: {error}", path.display()))
}
