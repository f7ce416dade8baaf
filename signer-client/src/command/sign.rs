//! `hallmark sign`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::command::args::SignArgs;
use crate::command::failure::Failure;
use crate::command::output::{Form, Output};
use crate::command::place::Pending;
use crate::command::{hash, keygen, keys};

pub(crate) fn run(args: &SignArgs, output: &Output) -> Result<(), Failure> {
    let stdout = args.output.as_deref() == Some(Path::new("-"));
    if stdout && output.form() == Form::Json {
        return Err(Failure::usage("--json and --output - would both write to standard output")
            .hint("the object has the signature, in base64"));
    }
    let key = keys::secret(&args.key)?;
    let (blob, size) = hash::blob(&args.file, output)?;
    let der = key.sign(&blob).to_der();
    let base64 = STANDARD.encode(&der);
    let signature = if args.base64 { format!("{base64}\n").into_bytes() } else { der };
    if stdout {
        return output.bytes(&signature);
    }

    let target = args.output.clone().unwrap_or_else(|| keygen::with_suffix(&args.file, "sig"));
    let mut pending = Pending::beside(target)?;
    pending.write(&signature)?;
    let written = pending.target().display().to_string();
    pending.place()?;
    let [sha256, key_id] = [blob.sha256().to_hex(), key.public_key().id().to_hex()];
    output.result(
        &json!({
            "file": args.file.display().to_string(),
            "size": size,
            "sha256": sha256,
            "key_id": key_id,
            "signature": base64,
            "signature_file": written,
        }),
        &[("signature", written.clone()), ("sha256", sha256.clone()), ("key id", key_id.clone())],
    )
}
