//! `hallmark verify --checksums`: the files of a list, as `sha256sum -c` checks them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hallmark_signer::{BlobHasher, ChecksumList, MAX_CHECKSUM_LIST, PublicKey, Sha256Digest};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::command::args::VerifyArgs;
use crate::command::failure::Failure;
use crate::command::output::Output;
use crate::command::{hash, keygen, keys, verify};

pub(crate) fn run(args: &VerifyArgs, list: &Path, output: &Output) -> Result<(), Failure> {
    let key = args.key.as_deref().map(keys::public).transpose()?;
    // Read once: what was signed is what is checked.
    let bytes = read(list)?;
    let signature = args.signature.clone().unwrap_or_else(|| keygen::with_suffix(list, "sig"));
    match &key {
        Some(key) => check_signature(list, &bytes, &signature, key)?,
        None if args.signature.is_some() => {
            return Err(Failure::usage("--signature is given, but not by whom it has to be")
                .hint("give --signer FILE.pub"));
        }
        None if signature.exists() => {
            output.note(&format!("{} was not looked at: --signer FILE.pub checks it", signature.display()));
        }
        None => {}
    }
    let entries = ChecksumList::parse(&bytes)
        .map_err(|error| Failure::refused("BadChecksumList", format!("{}: {error}", list.display())))?;
    if entries.is_empty() {
        return Err(Failure::refused("BadChecksumList", format!("{}: no file is listed", list.display())));
    }

    let directory = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let mut problems = 0;
    for (name, wanted) in entries.iter() {
        let name = name.as_str();
        let checked = check(&directory.join(name), wanted);
        let Err(Failure { code, message, .. }) = checked else { continue };
        problems += 1;
        let json = json!({ "problem": { "file": name, "code": code, "message": message } });
        output.entry(&json, &format!("{name}: {message}"))?;
    }
    let (files, verified) = (entries.len(), problems == 0);
    let (shown, key_id) = (list.display().to_string(), key.as_ref().map(|key| key.id().to_hex()));
    let json = json!({ "summary": {
        "checksums": shown,
        "directory": directory.display().to_string(),
        "files": files,
        "problems": problems,
        "key_id": key_id,
        "verified": verified,
    } });
    let mut lines = vec![
        (if verified { "verified" } else { "checked" }, shown.clone()),
        ("files", files.to_string()),
        ("problems", problems.to_string()),
    ];
    lines.extend(key_id.map(|id| ("key id", id)));
    output.result(&json, &lines)?;
    if verified {
        return Ok(());
    }
    Err(Failure::refused("DigestMismatch", format!("{problems} of {files} files are not as {shown} says")))
}

/// All of the list.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::io("read", path, error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_CHECKSUM_LIST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_CHECKSUM_LIST {
        let message = format!("{}: longer than {MAX_CHECKSUM_LIST} bytes", path.display());
        return Err(Failure::refused("BadChecksumList", message));
    }
    Ok(bytes)
}

fn check_signature(list: &Path, bytes: &[u8], signature: &Path, key: &PublicKey) -> Result<(), Failure> {
    let mut hasher = BlobHasher::new();
    hasher.update(bytes);
    let blob = hasher.finish().map_err(|error| hash::looks_like_dsse(list, error))?;
    key.verify(blob.sha256(), &verify::read(signature)?).map_err(|_| {
        let (list, signature, id) = (list.display(), signature.display(), key.id().hint());
        Failure::refused("BadSignature", format!("{signature}: no signature over {list} by the key {id}"))
    })
}

/// Checks one file, which may be larger than memory.
fn check(path: &Path, wanted: &Sha256Digest) -> Result<(), Failure> {
    let (file, _) = hash::open(path)?;
    let mut hasher = Sha256::new();
    hash::each_chunk(file, path, |bytes| hasher.update(bytes))?;
    let found = Sha256Digest::new(hasher.finalize().into());
    if found == *wanted {
        return Ok(());
    }
    Err(Failure::refused("DigestMismatch", format!("its SHA-256 is {found}, not {wanted}")))
}
