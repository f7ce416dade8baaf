//! What would become of a download, and why: for the people who ask.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hallmark_config::{Cache, Config, ConfigErrors, Rule, RuleTarget, Signatures};
use hallmark_signer::{PublisherSignatures, SIGNATURE_HEADER};

use crate::app::Keys;
use crate::gate::{GateError, Trusted};
use crate::name::ObjectName;
use crate::proof::{Admitted, Kept, Prover, Reader};
use crate::s3::error::S3Error;
use crate::s3::times::iso8601;
use crate::store::Store;
use crate::trust::TrustPolicy;

/// What was found out about an object. Shown as lines for people.
pub struct Explanation {
    name: ObjectName,
    rule: Option<Rule>,
    /// Its seal, whatever the policy says of it.
    found: Option<Admitted>,
    verdict: Result<Admitted, GateError>,
}

/// Looks at the object `name` in `store` as a download by a client with the permission `read` would, up to its first byte.
/// Nothing is changed.
///
/// # Errors
/// A key of the configuration cannot be used. What is wrong with the object is part of the explanation.
pub async fn explain(
    config: &Config,
    store: &dyn Store,
    name: ObjectName,
) -> Result<Explanation, ConfigErrors> {
    let Trusted { sealer: _, seal_keys, policy } = Keys::read_or_errors(config)?.trusted;
    let nothing = Cache { verdicts: 0, heads: 0, records: 0, leaves: 0 };
    let prover = Prover::new(config.realm.clone(), seal_keys, Arc::new(Kept::new(&nothing)));
    let look = async |reader| look(&prover, &policy, store, &name, reader).await;
    let found = look(Reader::Inspecting).await.ok();
    let verdict = look(Reader::Trusting).await;
    let rule = policy.rule(&name).cloned();
    Ok(Explanation { name, rule, found, verdict })
}

async fn look(
    prover: &Prover,
    policy: &TrustPolicy,
    store: &dyn Store,
    name: &ObjectName,
    reader: Reader,
) -> Result<Admitted, GateError> {
    let head = store.head(name, None).await?;
    let proven = prover.prove(store, name, None, head).await?;
    Ok(proven.admit(policy, reader, prover.verdicts())?)
}

/// What becomes of the download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is served.
    Served,
    /// It is refused for the artifact's sake.
    Refused,
    /// There is nothing, or the store does not say.
    Failed,
}

impl Explanation {
    /// What becomes of the download.
    pub fn fate(&self) -> Fate {
        match &self.verdict {
            Ok(_) => Fate::Served,
            Err(GateError::Artifact(_)) => Fate::Refused,
            Err(GateError::Client(_) | GateError::Store(_) | GateError::Exhausted(_)) => Fate::Failed,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rule, found, verdict } = self;
        writeln!(f, "object      {name}")?;
        match rule {
            None => writeln!(f, "rule        none is about this name: a seal is enough")?,
            Some(rule) => show_rule(f, name, rule)?,
        }
        match found.as_ref().map(|found| (found, found.seal())) {
            None => {}
            Some((_, None)) => writeln!(
                f,
                "seal        none, and the bucket's `dangerous_serve_unsealed` dispenses with it"
            )?,
            Some((found, Some(seal))) => {
                let at = iso8601(UNIX_EPOCH + Duration::from_millis(seal.at()));
                writeln!(f, "seal        {} ({}), made at {at}", seal.id(), seal.op().as_str())?;
                writeln!(f, "            for {}, by the seal key {}", seal.by(), seal.signer().id().hint())?;
                writeln!(f, "artifact    {} bytes, sha256 {}", seal.size(), seal.sha256().to_hex())?;
                writeln!(f, "signatures  {}", signatures(found))?;
            }
        }
        match verdict {
            Ok(admitted) => {
                writeln!(f, "verdict     served; found good: {}", admitted.verified())?;
                writeln!(f, "            The bytes were not read here: each download checks them.")
            }
            Err(error) => {
                let (label, told) = (error.label(), S3Error::from(error.clone()));
                writeln!(f, "verdict     not served: {} ({label})", told.code.as_str())?;
                writeln!(f, "            {}", error.to_string().escape_debug())
            }
        }
    }
}

fn show_rule(f: &mut fmt::Formatter<'_>, name: &ObjectName, rule: &Rule) -> fmt::Result {
    let about = match &rule.target {
        RuleTarget::Key(key) => format!("key {key:?}"),
        RuleTarget::Prefix(prefix) => format!("prefix {:?}", prefix.as_str()),
    };
    writeln!(f, "rule        bucket {}, {about}", name.bucket)?;
    let keys: Vec<_> = rule.keys.iter().map(ToString::to_string).collect();
    let keys = keys.join(", ");
    match rule.signatures {
        Signatures::Required => writeln!(f, "            a signature is required, by one of: {keys}"),
        Signatures::Optional => {
            writeln!(f, "            signatures are judged where there are any, by: {keys}")
        }
    }
}

/// How many stand in the header.
fn signatures(found: &Admitted) -> String {
    match found.headers().get(SIGNATURE_HEADER).map(PublisherSignatures::parse) {
        None => "none".to_owned(),
        Some(Ok(signatures)) => format!("{} in the header", signatures.signatures().len()),
        Some(Err(error)) => format!("the header cannot be read: {error}"),
    }
}
