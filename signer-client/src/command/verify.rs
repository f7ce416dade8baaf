//! `hallmark verify`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::Signature;
use hallmark_signer::evidence::{Bundle, MAX_FILE};
use serde_json::json;

use crate::command::args::VerifyArgs;
use crate::command::failure::Failure;
use crate::command::output::Output;
use crate::command::{hash, keygen, keys, verify_list};

/// The longest file with nothing but a signature, bytes: base64 with line breaks.
const MAX_BARE: usize = 1024;

pub(crate) fn run(args: &VerifyArgs, output: &Output) -> Result<(), Failure> {
    match (&args.checksums, &args.file, &args.key) {
        (Some(list), _, _) => verify_list::run(args, list, output),
        (None, Some(file), Some(key)) => run_on(args, file, key, output),
        // The command line does not allow it.
        (None, _, _) => Err(Failure::usage("a file and the key of who should have signed it are needed")),
    }
}

fn run_on(args: &VerifyArgs, signed: &Path, key_file: &Path, output: &Output) -> Result<(), Failure> {
    let key = keys::public(key_file)?;
    let path = args.signature.clone().unwrap_or_else(|| keygen::with_suffix(signed, "sig"));
    let signature = read(&path)?;
    let (blob, size) = hash::blob(signed, output)?;
    key.verify(blob.sha256(), &signature).map_err(|_| {
        let (file, key) = (signed.display(), key_file.display());
        Failure::refused("BadSignature", format!("{}: no signature over {file} by {key}", path.display()))
    })?;
    let [file, sha256, key_id] = [signed.display().to_string(), blob.sha256().to_hex(), key.id().to_hex()];
    output.result(
        &json!({ "file": file, "size": size, "sha256": sha256, "key_id": key_id, "verified": true }),
        &[("verified", file.clone()), ("sha256", sha256.clone()), ("key id", key_id.clone())],
    )
}

/// Reads a signature: DER, base64 of it with or without line breaks, or a Sigstore bundle with one.
pub(crate) fn read(path: &Path) -> Result<Signature, Failure> {
    let failed = |error| Failure::io("read", path, error);
    let mut bytes = Vec::new();
    // A bundle that is too long is for its reader to refuse.
    File::open(path).map_err(failed)?.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.first() == Some(&b'{') {
        return in_bundle(path, &bytes);
    }
    let der = Signature::from_der(&bytes).ok();
    let signature = der.or_else(|| {
        let text: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        Signature::from_der(&STANDARD.decode(text).ok()?).ok()
    });
    signature.filter(|_| bytes.len() <= MAX_BARE).ok_or_else(|| {
        Failure::refused("BadSignature", format!("{} is no ECDSA P-256 signature", path.display())).hint(
            "expected DER or its base64, as `hallmark sign` and `openssl dgst -sha256 -sign` make it, or a Sigstore bundle",
        )
    })
}

/// The signature by a key over the file, in a bundle.
fn in_bundle(path: &Path, bytes: &[u8]) -> Result<Signature, Failure> {
    let refused = |why: String| Failure::refused("BadSignature", format!("{}: {why}", path.display()));
    match Bundle::parse(bytes).map_err(|error| refused(error.to_string()))? {
        Bundle::Signature(signature) => Ok(signature),
        Bundle::Envelope(_) => {
            Err(refused("the bundle holds a signed statement, not a signature over a file".to_owned()))
        }
        Bundle::Certificate(_) => Err(refused(
            "who signed is known by a certificate; only the proxy verifies such bundles".to_owned(),
        )),
    }
}
