//! What would become of a download, and why: for the people who ask.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hallmark_config::{
    Cache, Config, ConfigErrors, Role, Rule, RuleTarget, Sibling, Signatures, SignerName, StateSecret, UnixMs,
};
use hallmark_signer::{PublisherSignatures, SIGNATURE_HEADER, Verdicts};

use crate::app::Keys;
use crate::gate::{Deployment, Gate, GateError, Seen, Subject};
use crate::name::ObjectName;
use crate::proof::{Admitted, Kept, Reader, StateKeys};
use crate::s3::error::S3Error;
use crate::s3::times::iso8601;
use crate::store::Store;
use crate::trust::{
    Detached, Evidence, Findings, Judged, Piece, Scope, SiblingName, SignaturePlace, Signed, Standing,
    TrustFault, TrustPolicy,
};

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
            let useless = pieces.iter().filter_map(|piece| useless(policy, &judged, piece, verdicts));
            (signers(&findings), findings.rule.cloned(), useless.collect::<Vec<_>>())
        };
        let looked_for = gate.policy().siblings(&subject.object);
        match gate.weigh(subject, NOBODY, judge).await {
            Ok(weighed) => {
                let (signers, rule, useless) = weighed.verdict;
                (explanation.signers, explanation.rule) = (signers, rule);
                explanation.beside = beside(&looked_for, &weighed.seen, &useless);
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

/// A sibling with a signature that says nothing: whose it should be, and why.
type Useless = (Option<SignerName>, TrustFault);

fn useless(
    policy: &TrustPolicy,
    judged: &Judged<'_>,
    piece: &Piece,
    verdicts: &dyn Verdicts,
) -> Option<Useless> {
    let (Sibling::Sig, Signed::Bytes(signatures)) = (piece.from, &piece.signed) else { return None };
    let place = SignaturePlace { artifact: judged.object.clone(), of: piece.of.clone() };
    let signature = signatures.signatures().first()?;
    let detached = Detached { place: &place, sha256: judged.sha256, signature, at: piece.at };
    let fault = policy.weigh_detached(&detached, None, verdicts).err()?;
    Some((place.of, fault))
}

fn beside(looked_for: &[SiblingName], seen: &[Seen], useless: &[Useless]) -> Beside {
    let line = |Seen { name, found }: &Seen| {
        let sibling = looked_for.iter().find(|sibling| sibling.name == *name);
        let signature = sibling.filter(|sibling| sibling.kind == Sibling::Sig);
        let wrong = signature.and_then(|sibling| useless.iter().find(|(of, _)| *of == sibling.of));
        let found = match (found, wrong) {
            (Ok(at), None) => format!("sealed at {at}"),
            (Ok(at), Some((_, fault))) => {
                format!("sealed at {at}, and of no use: {}", shown(&fault.to_string()))
            }
            (Err(why), _) => format!("of no use: {why}"),
        };
        format!("{}: {found}", shown(name.key.as_str()))
    };
    match (looked_for, seen) {
        ([], _) => Beside::NotAsked,
        (_, []) => Beside::Nothing,
        (_, seen) => Beside::Found(seen.iter().map(line).collect()),
    }
}

/// A text that may hold anything, in one line of a terminal.
fn shown(text: &str) -> String {
    let escape = |c: char| match c {
        '\'' | '"' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
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
            Err(
                GateError::Client(_)
                | GateError::Store(_)
                | GateError::Status(_)
                | GateError::Unanswered
                | GateError::Exhausted(_),
            ) => Fate::Failed,
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
                writeln!(f, "            {}", shown(&error.to_string()))
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
        let standing = match (&found.standing, &found.scope) {
            (Standing::Counts, Scope::AllRoles) => "counts".to_owned(),
            (Standing::Counts, Scope::Role(role)) => format!("counts for the role {role}"),
            (Standing::Unfit, _) => "does not count: it is not over what the rule asks for".to_owned(),
            (Standing::TooEarly, _) => "does not count: the signer was not valid yet".to_owned(),
            (Standing::TooLate, _) => "does not count: the signer was not valid any more".to_owned(),
            (Standing::Revoked(why), _) => format!("does not count: it is revoked: {why}"),
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
