//! `hallmark public-key`.

use hallmark_signer::signer::SignerAddress;
use serde_json::json;

use crate::command::args::PublicKeyArgs;
use crate::command::failure::Failure;
use crate::command::output::{Form, Output};
use crate::command::signing;

pub(crate) async fn run(args: &PublicKeyArgs, output: &Output) -> Result<(), Failure> {
    if let Some(SignerAddress::AwsSigner(_)) = &args.signer.signer {
        return Err(Failure::usage("a signing profile of AWS Signer has no public key of its own")
            .hint("its signatures carry certificates; trust it by the ARN of the profile"));
    }
    let key = signing::blob_key(&args.signer).await?;
    // The command line does not allow none.
    let key = key.ok_or_else(|| Failure::usage("no signer is given"))?;
    let pem = key.public_key().to_pem();
    match output.form() {
        Form::Json => {
            output.result(&json!({ "public_key": pem, "key_id": key.public_key().id().to_hex() }), &[])
        }
        Form::Text => output.bytes(pem.as_bytes()),
    }
}
