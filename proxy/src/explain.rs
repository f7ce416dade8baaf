//! What would become of a download, and why: for the people who ask.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hallmark_config::{Cache, Config, ConfigErrors, Role, Rule, RuleTarget, Signatures, UnixMs};
use hallmark_signer::{PublisherSignatures, SIGNATURE_HEADER, Verdicts};

use crate::app::Keys;
use crate::gate::{GateError, Trusted};
use crate::name::ObjectName;
use crate::proof::{Admitted, Kept, Prover, Reader};
use crate::s3::error::S3Error;
use crate::s3::times::iso8601;
use crate::store::Store;
use crate::trust::{Evidence, Findings, Judged, Standing, TrustPolicy};

/// What was found out about an object. Shown as lines for people.
pub struct Explanation {
    name: ObjectName,
    rule: Option<Rule>,
    /// Its seal, whatever the policy says of it.
    found: Option<Admitted>,
    /// Who signed, and which roles that meets.
    signers: Vec<String>,
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
    let signers = found.as_ref().and_then(|found| signers(&policy, found, prover.verdicts()));
    let rule = policy.rule(&name).cloned();
    Ok(Explanation { name, rule, found, signers: signers.unwrap_or_default(), verdict })
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
    Ok(proven.admit(policy, reader, &[], prover.verdicts())?)
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
        let Self { name, rule, found, signers, verdict } = self;
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
                signers.iter().try_for_each(|line| writeln!(f, "            {line}"))?;
            }
        }
        if rule.as_ref().is_some_and(|rule| !rule.siblings.is_empty()) {
            writeln!(f, "siblings    not looked at: what follows is judged by the header alone")?;
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
    match rule.signatures {
        Signatures::Required => writeln!(f, "            signatures are required:")?,
        Signatures::Optional => writeln!(f, "            signatures are judged where there are any:")?,
    }
    for clause in rule.clauses() {
        let roles: Vec<_> = clause.iter().map(show_role).collect();
        writeln!(f, "            {}", roles.join(", or "))?;
    }
    Ok(())
}

fn show_role(role: &Role) -> String {
    let signers: Vec<_> = role.signers.iter().map(ToString::to_string).collect();
    let of = format!("{} of: {}", role.threshold, signers.join(", "));
    role.name.as_ref().map_or(of.clone(), |name| format!("{name} ({of})"))
}

/// Who signed an artifact, whether it counts, and what is missing.
fn signers(policy: &TrustPolicy, found: &Admitted, verdicts: &dyn Verdicts) -> Option<Vec<String>> {
    let seal = found.seal()?;
    let judged = Judged {
        object: found.name(),
        sha256: seal.sha256(),
        seal: Some(seal.id()),
        at: UnixMs(seal.at()),
        op: seal.op(),
    };
    let evidence = Evidence { header: found.headers().get(SIGNATURE_HEADER), pieces: &[] };
    let Findings { rule: _, found, clauses, verdict: _ } = policy.examine(&judged, &evidence, verdicts);
    let signed = found.iter().map(|found| {
        let standing = match found.standing {
            Standing::Counts => "counts",
            Standing::Unfit => "does not count: it is not over what the rule asks for",
            Standing::TooEarly => "does not count: the signer was not valid yet",
            Standing::TooLate => "does not count: the signer was not valid any more",
            Standing::Revoked => "does not count: the signer is revoked",
        };
        format!("{}, of {}: {standing}", found.signer, found.at)
    });
    let unmet = clauses.iter().filter(|clause| clause.iter().all(|role| role.lacks() > 0));
    let missing = unmet.map(|clause| {
        let roles = clause.iter().map(|role| format!("{} more of {}", role.lacks(), show_role(role.role)));
        format!("missing: {}", roles.collect::<Vec<_>>().join(", or "))
    });
    Some(signed.chain(missing).collect())
}

/// How many stand in the header.
fn signatures(found: &Admitted) -> String {
    match found.headers().get(SIGNATURE_HEADER).map(PublisherSignatures::parse) {
        None => "none".to_owned(),
        Some(Ok(signatures)) => format!("{} in the header", signatures.signatures().len()),
        Some(Err(error)) => format!("the header cannot be read: {error}"),
    }
}
