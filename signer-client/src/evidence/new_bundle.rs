//! Makes Sigstore bundles (protobuf-specs, `sigstore_bundle.proto`, version 0.3) of signatures by keys that verifiers have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::blob::BlobDigest;
use crate::key::PublicKey;
use crate::signature::Signature;

/// The file `<key>.sigstore.json` with this signature over a blob, which must be by this key: a text that ends in a newline.
///
/// It names the key as Sigstore's clients do, by the base64 of SHA-256 of its SubjectPublicKeyInfo in DER, and holds
/// neither entry of a log nor timestamp: those who verify must have the key, and not ask for either.
///
/// ```
/// use hallmark_signer::evidence::{Bundle, new_bundle};
/// use hallmark_signer::{BlobHasher, PrivateKey};
/// let key = PrivateKey::generate()?.into_blob_key();
/// let blob = BlobHasher::new().finish()?;
/// let file = new_bundle(key.public_key(), &blob, &key.sign(&blob));
/// let Bundle::Signature(signature) = Bundle::parse(file.as_bytes())? else { panic!("no signature by a key") };
/// assert!(key.public_key().verify(blob.sha256(), &signature).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn new_bundle(key: &PublicKey, blob: &BlobDigest, signature: &Signature) -> String {
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "publicKey": { "hint": STANDARD.encode(key.id().as_bytes()) },
            // Clients want to see that there are none.
            "tlogEntries": [],
        },
        "messageSignature": {
            "messageDigest": { "algorithm": "SHA2_256", "digest": STANDARD.encode(blob.sha256().as_bytes()) },
            "signature": STANDARD.encode(signature.to_der()),
        },
    });
    format!("{bundle}\n")
}
