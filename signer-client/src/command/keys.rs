//! Files with public keys.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallmark_signer::{
    Certificate, KeyId, KeyRegister, KeyUse, MAX_CANDIDATES, MAX_CERTIFICATE, NoVerdicts, PublicKey,
    PublisherSignatures, SealKeys, Sha256Digest,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::command::args::{SealArgs, TrustArgs};
use crate::command::certificate::Certificates;
use crate::command::failure::Failure;

/// The longest key file that is read, bytes: certificates and comments may stand around the key.
const MAX_KEY_FILE: u64 = 64 << 10;

/// Somebody who may have signed.
pub(crate) struct Signer {
    file: PathBuf,
    key: PublicKey,
}

impl Signer {
    /// Where the key stands.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// Whom the user trusts.
pub(crate) struct Trust {
    pub(crate) signers: Signers,
    /// `None`: the endpoint's check of the seal is relied on.
    pub(crate) seals: Option<SealTrust>,
}

/// Each of them is asked for.
pub(crate) struct Signers(Vec<Signer>);

/// The deployment's keys and name.
pub(crate) struct SealTrust {
    /// Each key may be one that makes seals, or one that certifies those that do: what a deployment gives out does not say,
    /// and whoever has the one can do no less than whoever has the other.
    pub(crate) keys: SealKeys,
    pub(crate) realm: String,
    pub(crate) certificates: Certificates,
}

/// Reads a public key.
pub(crate) fn public(path: &Path) -> Result<PublicKey, Failure> {
    PublicKey::from_pem(&text(path, MAX_KEY_FILE)?).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()))
            .hint("give the public key, NAME.pub of `hallmark keygen NAME`")
    })
}

/// Reads the public keys of a deployment: one, or all of them in one file.
fn seal_keys(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    PublicKey::all_from_pem(&text(path, MAX_KEY_FILE)?).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()))
            .hint("give what the deployment serves at /.hallmark/seal-keys.pem")
    })
}

/// Reads the certificate of a seal key. What it is worth is found out when a seal names its key.
fn certificate(path: &Path) -> Result<Certificate, Failure> {
    let text = text(path, MAX_CERTIFICATE as u64)?;
    // An editor may have ended the line.
    Certificate::parse(text.trim_end().as_bytes()).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()))
            .hint("give what the deployment serves at /.hallmark/seal-keys/KEY, KEY being `key=` in the seal")
    })
}

/// The text in a file of at most `limit` bytes.
pub(crate) fn text(path: &Path, limit: u64) -> Result<Zeroizing<String>, Failure> {
    let failed = |error| Failure::io("read", path, error);
    // All the room at once: a buffer that grows leaves copies behind which nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(limit + 1).unwrap_or_default()));
    let file = File::open(path).map_err(failed)?;
    let read = file.take(limit + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > limit {
        return Err(Failure::usage(format!("{} is too long: more than {limit} bytes", path.display())));
    }
    Ok(text)
}

impl Trust {
    /// Reads the keys; a key that is given for two uses is refused.
    pub(crate) fn read(args: &TrustArgs) -> Result<Self, Failure> {
        let mut register = KeyRegister::default();
        let mut signers = Vec::<Signer>::new();
        for file in &args.signers {
            let key = public(file)?;
            note(&mut register, &key, KeyUse::Blob, &file.display().to_string())?;
            if signers.iter().all(|signer| signer.key != key) {
                signers.push(Signer { file: file.clone(), key });
            }
        }
        if signers.len() > MAX_CANDIDATES {
            return Err(Failure::usage(format!("more than {MAX_CANDIDATES} signers are given")));
        }
        let seals = SealTrust::read(&args.seals, &mut register)?;
        Ok(Self { signers: Signers(signers), seals })
    }
}

impl SealTrust {
    /// Reads the deployment's keys; `None` if none are given. A key that is known for another use is refused.
    pub(crate) fn read(args: &SealArgs, register: &mut KeyRegister) -> Result<Option<Self>, Failure> {
        // The command line does not allow one without the other.
        let Some(realm) = args.realm.clone().filter(|_| !args.seal_keys.is_empty()) else { return Ok(None) };
        let refused = &args.refused_seal_keys;
        let mut keys = Vec::new();
        for file in &args.seal_keys {
            for key in seal_keys(file)? {
                note(register, &key, KeyUse::Seal, &file.display().to_string())?;
                // What an endpoint gives out may name it among others.
                if !refused.contains(&key.id()) {
                    keys.push(key);
                }
            }
        }
        let trusted = SealKeys::new(keys.clone()).map_err(|error| Failure::usage(error.to_string()))?;
        let by_whom = |key: &KeyId| (*key, Arc::from("--refuse-seal-key says so"));
        let keys = trusted.certified_by(keys).refusing(refused.iter().map(by_whom));
        let certificates = args.seal_certificates.iter().map(|file| certificate(file));
        let certificates = Certificates::given(certificates.collect::<Result<_, _>>()?);
        Ok(Some(Self { keys, realm, certificates }))
    }
}

/// Notes for what a key is used, which messages call `name`.
pub(crate) fn note(
    register: &mut KeyRegister,
    key: &PublicKey,
    key_use: KeyUse,
    name: &str,
) -> Result<(), Failure> {
    let known = register.register(key, key_use, name);
    known.map_err(|error| Failure::usage(error.to_string()))
}

impl Signers {
    /// Who of them made one of the signatures over the artifact with this digest.
    pub(crate) fn judge(
        &self,
        artifact: &Sha256Digest,
        signatures: Option<&PublisherSignatures>,
    ) -> Result<Signed<'_>, Failure> {
        let candidates = self.0.iter().map(|signer| (signer.key.id(), &signer.key));
        let verified = match signatures {
            Some(signatures) => signatures
                .verified_by(artifact, candidates, &NoVerdicts)
                .map_err(|error| Failure::usage(error.to_string()))?,
            None => Vec::new(),
        };
        Ok(Signed(self.0.iter().map(|signer| (signer, verified.contains(&signer.key.id()))).collect()))
    }
}

/// The signers, and whether each of them signed.
pub(crate) struct Signed<'a>(Vec<(&'a Signer, bool)>);

impl<'a> Signed<'a> {
    /// Those who did not.
    pub(crate) fn missing(&self) -> Vec<&'a Signer> {
        self.0.iter().filter(|(_, signed)| !signed).map(|(signer, _)| *signer).collect()
    }

    /// This one did, as was found out since.
    pub(crate) fn note(&mut self, found: &Signer) {
        for (signer, signed) in &mut self.0 {
            *signed |= signer.key == found.key;
        }
    }

    /// Refuses if one of them did not sign.
    pub(crate) fn demand_all(&self) -> Result<(), Failure> {
        match self.0.iter().find(|(_, signed)| !signed) {
            None => Ok(()),
            Some((signer, _)) => Err(Failure::refused(
                "ArtifactSignerUntrusted",
                format!(
                    "the artifact is not signed by {}, neither in its header nor beside it",
                    signer.file.display()
                ),
            )
            .hint("`hallmark inspect --signer FILE.pub` shows who signed")),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let signer = |(signer, signed): &(&Signer, bool)| {
            json!({
                "file": signer.file.display().to_string(),
                "key_id": signer.key.id().to_hex(),
                "signed": signed,
            })
        };
        self.0.iter().map(signer).collect()
    }

    /// A line for each of them.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let line = |(signer, signed): &(&Signer, bool)| {
            let label = if *signed { "signed by" } else { "not by" };
            (label, format!("{} ({})", signer.file.display(), signer.key.id().hint()))
        };
        self.0.iter().map(line).collect()
    }
}
