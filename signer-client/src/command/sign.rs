//! `hallmark sign`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::evidence::new_bundle;
use hallmark_signer::signer::{SignerAddress, SigningProfile};
use serde_json::{Value, json};

use crate::command::args::SignArgs;
use crate::command::failure::Failure;
use crate::command::output::{Form, Output};
use crate::command::place::Pending;
use crate::command::{hash, keygen, signing};

/// A signature, and what is said of it beside what the file is.
struct Signed {
    signature: Vec<u8>,
    /// What it is called after the file, if it is not said.
    suffix: &'static str,
    sha256: String,
    json: Value,
    lines: Vec<(&'static str, String)>,
}

pub(crate) async fn run(args: &SignArgs, output: &Output) -> Result<(), Failure> {
    let stdout = args.output.as_deref() == Some(Path::new("-"));
    if stdout && output.form() == Form::Json {
        return Err(Failure::usage("--json and --output - would both write to standard output")
            .hint("the object has the signature, in base64"));
    }
    let Signed { signature, suffix, sha256, mut json, lines } = match signing::address(&args.signer) {
        Some(SignerAddress::AwsSigner(profile)) => by_profile(args, &profile, output).await?,
        _ => by_key(args, output).await?,
    };
    if stdout {
        return output.bytes(&signature);
    }
    let target = args.output.clone().unwrap_or_else(|| keygen::with_suffix(&args.file, suffix));
    let mut pending = Pending::beside(target)?;
    pending.write(&signature)?;
    let written = pending.target().display().to_string();
    pending.place()?;
    json["signature_file"] = written.clone().into();
    let lines = [vec![("signature", written), ("sha256", sha256)], lines].concat();
    output.result(&json, &lines)
}

/// ECDSA over the file's digest.
async fn by_key(args: &SignArgs, output: &Output) -> Result<Signed, Failure> {
    let key = signing::blob_key(&args.signer).await?;
    // The command line does not allow none.
    let key = key.ok_or_else(|| Failure::usage("no signer is given"))?;
    let (blob, size) = hash::blob(&args.file, output)?;
    let signature = key.sign(&blob).await.map_err(|error| signing::failure(&error))?;
    let der = signature.to_der();
    let base64 = STANDARD.encode(&der);
    let [sha256, key_id] = [blob.sha256().to_hex(), key.public_key().id().to_hex()];
    let (suffix, file) = if args.bundle {
        ("sigstore.json", new_bundle(key.public_key(), &blob, &signature).into_bytes())
    } else if args.base64 {
        ("sig", format!("{base64}\n").into_bytes())
    } else {
        ("sig", der)
    };
    Ok(Signed {
        suffix,
        json: json!({
            "file": args.file.display().to_string(),
            "size": size,
            "sha256": sha256,
            "key_id": key_id,
            "signature": base64,
        }),
        signature: file,
        sha256,
        lines: vec![("key id", key_id)],
    })
}

/// Notary Project's form, by AWS Signer.
#[cfg(feature = "awssigner")]
async fn by_profile(args: &SignArgs, profile: &SigningProfile, output: &Output) -> Result<Signed, Failure> {
    use hallmark_signer::signer::aws_signer;

    if args.base64 || args.bundle {
        return Err(Failure::usage(
            "--base64 and --bundle are for signatures by keys: AWS Signer makes a JWS",
        ));
    }
    let (blob, size) = hash::blob(&args.file, output)?;
    let signed = aws_signer::sign(profile, &blob, size).await.map_err(|error| signing::failure(&error))?;
    let sha256 = blob.sha256().to_hex();
    let mut lines = vec![("profile", profile.name.clone())];
    lines.extend(signed.job.iter().map(|job| ("job", job.clone())));
    Ok(Signed {
        suffix: "jws.sig",
        json: json!({
            "file": args.file.display().to_string(),
            "size": size,
            "sha256": sha256,
            "profile": profile.name,
            "job": signed.job,
            "signature": STANDARD.encode(&signed.envelope),
        }),
        signature: signed.envelope,
        sha256,
        lines,
    })
}

#[cfg(not(feature = "awssigner"))]
async fn by_profile(_: &SignArgs, _: &SigningProfile, _: &Output) -> Result<Signed, Failure> {
    use hallmark_signer::signer::SignerError;

    Err(signing::failure(&SignerError::NotBuiltIn { kind: "AWS Signer", feature: "awssigner" }))
}
