//! What would become of a download, and why: for the people who ask.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hallmark_config::{Cache, Config, ConfigErrors, Role, Rule, RuleTarget, Signatures, StateSecret, UnixMs};
use hallmark_signer::{PublisherSignatures, SIGNATURE_HEADER, Verdicts};

use crate::app::Keys;
use crate::gate::{Deployment, Gate, GateError, Seen, Subject};
use crate::name::ObjectName;
use crate::proof::{Admitted, Kept, Reader, StateKeys};
use crate::s3::error::S3Error;
use crate::s3::times::iso8601;
use crate::store::Store;
use crate::trust::{Evidence, Findings, Judged, Piece, Scope, Standing, TrustPolicy};

/// To whom work is charged here: no client has this name.
const NOBODY: &str = "~explain";

/// What was found out about an object. Shown as lines for people.
pub struct Explanation {
    name: ObjectName,
    rule: Option<Rule>,
    /// Its seal, whatever the policy says of it.
    found: Option<Admitted>,
    /// What stands beside it.
    beside: Beside,
    /// Who signed, and which roles that meets.
    signers: Vec<String>,
    verdict: Result<Admitted, GateError>,
}

/// What stands beside an object.
enum Beside {
    /// Nothing is looked for there.
    NotAsked,
    /// Nothing that is looked for.
    Nothing,
    /// A line for each.
    Found(Vec<String>),
    /// That could not be found out.
    Unknown(GateError),
}

/// Looks at the object `name` in `store` as a download by a client with the permission `read` would, up to its first byte:
/// by the same gate. Nothing is changed.
///
/// # Errors
/// A key of the configuration cannot be used. What is wrong with the object is part of the explanation.
pub async fn explain(
    config: &Config,
    store: Arc<dyn Store>,
    name: ObjectName,
) -> Result<Explanation, ConfigErrors> {
    let gate = gate(config, store)?;
    let found = gate.head(&name, None, Reader::Inspecting, NOBODY).await.ok();
    let verdict = gate.head(&name, None, Reader::Trusting, NOBODY).await;
    let mut explanation = Explanation {
        rule: gate.policy().rule(&name).cloned(),
        name,
        beside: Beside::NotAsked,
        signers: Vec::new(),
        found,
        verdict,
    };
    let found = explanation.found.as_ref().and_then(|found| Some((found, found.seal()?)));
    if let Some((found, seal)) = found {
        let (object, header) = (found.name().clone(), found.headers().get(SIGNATURE_HEADER));
        let sha256 = *seal.sha256();
        let subject = Subject { object: object.clone(), sha256, size: seal.size() };
        let sealed = (seal.id(), UnixMs(seal.at()), seal.op());
        let (header, form) = (header.map(str::to_owned), found.form());
        let judge = move |policy: &TrustPolicy, pieces: &[Piece], verdicts: &dyn Verdicts| {
            let (id, at, op) = sealed;
            let judged = Judged { object: &object, sha256: &sha256, seal: Some(id), at, op, form };
            let evidence = Evidence { header: header.as_deref(), pieces };
            let findings = policy.examine(&judged, &evidence, verdicts);
            (signers(&findings), findings.rule.cloned())
        };
        let asked = !gate.policy().siblings(&subject.object).is_empty();
        match gate.weigh(subject, NOBODY, judge).await {
            Ok(weighed) => {
                (explanation.signers, explanation.rule) = weighed.verdict;
                explanation.beside = beside(asked, &weighed.seen);
            }
            Err(error) => explanation.beside = Beside::Unknown(error),
        }
    }
    Ok(explanation)
}

/// A gate as a proxy with this configuration has it, but for what it needs to make anything: it keeps nothing, and the
/// uploads in progress are not its.
fn gate(config: &Config, store: Arc<dyn Store>) -> Result<Gate, ConfigErrors> {
    let trusted = Keys::read_or_errors(config)?.trusted;
    let nothing = Cache { verdicts: 0, heads: 0, records: 0, leaves: 0 };
    let secret = StateSecret::parse(&"01".repeat(32));
    let secret = secret.map_err(|error| config.sources.errors([("state.secret_file".to_owned(), error)]))?;
    let state = StateKeys::new(&secret, None, &config.realm);
    let deployment = Deployment { realm: config.realm.clone(), state };
    Ok(Gate::new(store, deployment, trusted, Arc::new(Kept::new(&nothing)), config.limits.clone(), 1))
}

fn beside(asked: bool, seen: &[Seen]) -> Beside {
    let line = |Seen { name, found }: &Seen| {
        let found = match found {
            Ok(at) => format!("sealed at {at}"),
            Err(why) => format!("of no use: {why}"),
        };
        format!("{}: {found}", name.key.as_str().escape_debug())
    };
    match (asked, seen) {
        (false, _) => Beside::NotAsked,
        (true, []) => Beside::Nothing,
        (true, seen) => Beside::Found(seen.iter().map(line).collect()),
    }
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
        let Self { name, rule, found, beside, signers, verdict } = self;
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
                if let Some(certificate) = seal.certificate() {
                    let until =
                        iso8601(UNIX_EPOCH + Duration::from_millis(certificate.lifetime().not_after()));
                    let certifier = certificate.certifier().hint();
                    writeln!(f, "            which the certifier {certifier} certified until {until}")?;
                }
                writeln!(f, "artifact    {} bytes, sha256 {}", seal.size(), seal.sha256().to_hex())?;
                writeln!(f, "signatures  {}", signatures(found))?;
                beside.show(f)?;
                signers.iter().try_for_each(|line| writeln!(f, "            {line}"))?;
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

impl Beside {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => Ok(()),
            Self::Nothing => writeln!(f, "siblings    none"),
            Self::Found(lines) => {
                let mut label = "siblings";
                lines.iter().try_for_each(|line| writeln!(f, "{:12}{line}", std::mem::take(&mut label)))
            }
            Self::Unknown(error) => writeln!(f, "siblings    not known: {}", error.label()),
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
fn signers(findings: &Findings<'_>) -> Vec<String> {
    let Findings { rule: _, found, clauses, verdict: _ } = findings;
    let signed = found.iter().map(|found| {
        let standing = match (found.standing, &found.scope) {
            (Standing::Counts, Scope::AllRoles) => "counts".to_owned(),
            (Standing::Counts, Scope::Role(role)) => format!("counts for the role {role}"),
            (Standing::Unfit, _) => "does not count: it is not over what the rule asks for".to_owned(),
            (Standing::TooEarly, _) => "does not count: the signer was not valid yet".to_owned(),
            (Standing::TooLate, _) => "does not count: the signer was not valid any more".to_owned(),
            (Standing::Revoked, _) => "does not count: the signer is revoked".to_owned(),
        };
        format!("{}, of {}: {standing}", found.signer, found.at)
    });
    let unmet = clauses.iter().filter(|clause| clause.iter().all(|role| role.lacks() > 0));
    let missing = unmet.map(|clause| {
        let roles = clause.iter().map(|role| format!("{} more of {}", role.lacks(), show_role(role.role)));
        format!("missing: {}", roles.collect::<Vec<_>>().join(", or "))
    });
    signed.chain(missing).collect()
}

/// How many stand in the header.
fn signatures(found: &Admitted) -> String {
    match found.headers().get(SIGNATURE_HEADER).map(PublisherSignatures::parse) {
        None => "none".to_owned(),
        Some(Ok(signatures)) => format!("{} in the header", signatures.signatures().len()),
        Some(Err(error)) => format!("the header cannot be read: {error}"),
    }
}
