//! `hallmark keygen`.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use hallmark_signer::PrivateKey;
use serde_json::json;

use crate::command::args::KeygenArgs;
use crate::command::failure::Failure;
use crate::command::output::Output;
use crate::command::{place, signing};

pub(crate) fn run(args: &KeygenArgs, output: &Output) -> Result<(), Failure> {
    if args.name.file_name().is_none() {
        return Err(Failure::usage("the key needs a name").hint("for example: hallmark keygen ci"));
    }
    let [secret_path, public_path] = ["key", "pub"].map(|kind| with_suffix(&args.name, kind));
    let failed = |error| Failure::failed(format!("cannot make a key: {error}"));
    let secret = PrivateKey::generate().map_err(failed)?;
    let pem = match args.encrypt {
        true => secret.to_encrypted_pem(&signing::new_passphrase(args.passphrase_file.as_deref())?),
        false => secret.to_pem(),
    }
    .map_err(failed)?;
    let blob_key = secret.into_blob_key();
    let public = blob_key.public_key();

    write_new(&secret_path, pem.as_bytes(), Readers::Owner)?;
    if let Err(failure) = write_new(&public_path, public.to_pem().as_bytes(), Readers::Everyone) {
        // It was made a moment ago, by this process, and nobody has it.
        let _ = std::fs::remove_file(&secret_path);
        return Err(failure);
    }
    if let Some(directory) = secret_path.parent() {
        place::sync_directory(if directory == Path::new("") { Path::new(".") } else { directory });
    }

    let [secret_path, public_path] = [secret_path, public_path].map(|path| path.display().to_string());
    let id = public.id().to_hex();
    output.result(
        &json!({ "key": secret_path, "public_key": public_path, "key_id": id }),
        &[("secret key", secret_path.clone()), ("public key", public_path.clone()), ("key id", id.clone())],
    )
}

/// Who may read a file.
#[derive(Clone, Copy)]
enum Readers {
    Owner,
    Everyone,
}

/// Writes a file that must not exist, and leaves none behind if that fails.
fn write_new(path: &Path, content: &[u8], readers: Readers) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(match readers {
            Readers::Owner => 0o600,
            Readers::Everyone => 0o644,
        });
    }
    #[cfg(not(unix))]
    let _ = readers;
    let write = |mut file: File| file.write_all(content).and_then(|()| file.sync_all());
    match options.open(path) {
        Ok(file) => write(file).map_err(|error| {
            let _ = std::fs::remove_file(path);
            Failure::io("write", path, error)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::failed(format!("{} exists already, and is left as it is", path.display()))
                .hint("take another name, or move it away"))
        }
        Err(error) => Err(Failure::io("write", path, error)),
    }
}

/// `NAME` and `key`: `NAME.key`, whatever dots are in the name.
pub(crate) fn with_suffix(name: &Path, suffix: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
