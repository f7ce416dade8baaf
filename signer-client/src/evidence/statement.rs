//! in-toto statements (attestation framework, Statement v1): which artifacts, and what is said of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Sha256Digest;
use crate::evidence::json::{self, JsonError};
use crate::evidence::provenance::Provenance;

/// `_type` of the statements that are read.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The predicate type by which somebody approves of an artifact for a role; its predicate says which, as `role`.
pub const APPROVAL: &str = "urn:hallmark:approval:v1";

/// What a proxy's seals say, and the certificates of their keys; see [`NewStatementError::Seal`].
const SEALS: [&str; 2] = ["urn:hallmark:seal:", "urn:hallmark:seal-key:"];

/// At most so many artifacts in one statement.
pub const MAX_SUBJECTS: usize = 256;

/// What a statement says. Reading it proves nothing: what somebody vouches for is a
/// [`VerifiedStatement`](crate::evidence::VerifiedStatement).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTotoStatement {
    subjects: Vec<Subject>,
    predicate_type: String,
    predicate: Value,
    provenance: Option<Provenance>,
}

/// That somebody approves of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval<'s> {
    /// For which role; `None`: it does not say, and so approves for none.
    pub role: Option<&'s str>,
}

/// An artifact that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name, where it has one. Whoever made the statement chose it; Hallmark's own are `bucket/key`.
    pub name: Option<String>,
    /// Its SHA-256. `None`: the statement names other digests only, and is about no sealed artifact.
    pub sha256: Option<Sha256Digest>,
}

/// Bytes that are no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not JSON, a key twice, or not the fields of a statement.
    #[error("not an in-toto statement: {0}")]
    Json(#[from] JsonError),
    /// Another `_type`.
    #[error("`{0}` is not the type of in-toto statements of version 1")]
    Type(String),
    /// None, or more than [`MAX_SUBJECTS`].
    #[error("the statement has {0} subjects; 1 to 256 are accepted")]
    Subjects(usize),
    /// A subject without any digest, or with a `sha256` that is none.
    #[error("subject {0} has no digest, or one that is not lower-case hexadecimal of the right length")]
    Digest(usize),
    /// Provenance of SLSA that lacks what the specification demands, or has it in another form.
    #[error("not SLSA provenance of version 1: {0}")]
    Provenance(String),
}

#[derive(Serialize, Deserialize)]
struct StatementJson {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<SubjectJson>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Serialize, Deserialize)]
struct SubjectJson {
    #[serde(default)]
    name: Option<String>,
    digest: BTreeMap<String, String>,
}

impl InTotoStatement {
    /// Reads a statement. Fields that the specification does not know are ignored, as it asks; a predicate of the type
    /// [`SLSA_PROVENANCE`](crate::evidence::SLSA_PROVENANCE) is read too.
    ///
    /// # Errors
    /// Not a statement of version 1, ambiguous, or without subjects.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let StatementJson { kind, subject, predicate_type, predicate } = json::parse(bytes)?;
        if kind != STATEMENT_TYPE {
            return Err(StatementError::Type(kind));
        }
        if subject.is_empty() || subject.len() > MAX_SUBJECTS {
            return Err(StatementError::Subjects(subject.len()));
        }
        let subjects = subject.into_iter().enumerate().map(|(index, subject)| {
            let error = StatementError::Digest(index + 1);
            if subject.digest.is_empty() {
                return Err(error);
            }
            let sha256 = subject.digest.get("sha256").map(|text| Sha256Digest::from_hex(text));
            Ok(Subject { name: subject.name, sha256: sha256.transpose().map_err(|_| error)? })
        });
        Ok(Self {
            subjects: subjects.collect::<Result<_, _>>()?,
            provenance: Provenance::read(&predicate_type, &predicate)?,
            predicate_type,
            predicate,
        })
    }

    /// The artifacts that it is about.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// What kind of thing it says: a URI.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// What it says, as the predicate's type has it; null if it says nothing.
    pub fn predicate(&self) -> &Value {
        &self.predicate
    }

    /// What it says, if that is SLSA provenance of version 1.
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }

    /// What it approves of, if it is an [`APPROVAL`].
    pub fn approval(&self) -> Option<Approval<'_>> {
        let role = || self.predicate.get("role").and_then(Value::as_str);
        (self.predicate_type == APPROVAL).then(|| Approval { role: role() })
    }

    /// Whether it is about the artifact with this digest, under whatever name.
    pub fn is_about(&self, artifact: &Sha256Digest) -> bool {
        self.subjects.iter().any(|subject| subject.sha256.as_ref() == Some(artifact))
    }

    /// Whether one of its subjects is the artifact with this digest and this very name.
    pub fn names(&self, name: &str, artifact: &Sha256Digest) -> bool {
        let is = |subject: &Subject| {
            subject.name.as_deref() == Some(name) && subject.sha256.as_ref() == Some(artifact)
        };
        self.subjects.iter().any(is)
    }
}

/// A statement to be signed by a [`DsseKey`](crate::DsseKey).
///
/// ```
/// use hallmark_signer::evidence::{APPROVAL, NewStatement};
/// use hallmark_signer::{NoVerdicts, PrivateKey, Sha256Digest};
/// let key = PrivateKey::generate()?.into_dsse_key();
/// let digest = Sha256Digest::of(b"an artifact");
/// let statement = NewStatement::new([("releases/app.tar", digest)], APPROVAL, &serde_json::json!({"role": "release"}))?;
/// let envelope = key.sign(&statement);
/// let verified = envelope.verified_statement([("alice", key.public_key())], &NoVerdicts)?;
/// assert!(verified.statement().names("releases/app.tar", &digest));
/// assert_eq!(verified.signers(), ["alice"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStatement {
    payload: Vec<u8>,
}

/// What cannot be said in a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NewStatementError {
    /// A seal, or the certificate of a seal key: only proxies make those, with keys of their own.
    #[error(
        "a statement of the type `urn:hallmark:seal…` is a seal or a seal key's certificate, which only a proxy makes"
    )]
    Seal,
    /// What would not be read again.
    #[error(transparent)]
    Unreadable(#[from] StatementError),
}

impl NewStatement {
    /// A statement of type `predicate_type` that says `predicate` of these artifacts, each with its name (`bucket/key` for
    /// those that Hallmark keeps).
    ///
    /// # Errors
    /// It would be a seal, or would not be read again: no subjects or too many, too long, or provenance that is none.
    pub fn new<'a>(
        subjects: impl IntoIterator<Item = (&'a str, Sha256Digest)>,
        predicate_type: &str,
        predicate: &Value,
    ) -> Result<Self, NewStatementError> {
        if SEALS.iter().any(|seal| predicate_type.starts_with(seal)) {
            return Err(NewStatementError::Seal);
        }
        let subject = |(name, sha256): (&str, Sha256Digest)| SubjectJson {
            name: Some(name.to_owned()),
            digest: BTreeMap::from([("sha256".to_owned(), sha256.to_hex())]),
        };
        let statement = StatementJson {
            kind: STATEMENT_TYPE.to_owned(),
            subject: subjects.into_iter().map(subject).collect(),
            predicate_type: predicate_type.to_owned(),
            predicate: predicate.clone(),
        };
        let payload = serde_json::to_vec(&statement).map_err(|error| StatementError::Json(error.into()))?;
        InTotoStatement::parse(&payload)?;
        Ok(Self { payload })
    }

    /// Its bytes: JSON, the payload of the envelope.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(subject: &Value) -> Result<InTotoStatement, StatementError> {
        let json = json!({"_type": STATEMENT_TYPE, "subject": subject, "predicateType": "t", "more": 1});
        InTotoStatement::parse(json.to_string().as_bytes())
    }

    #[test]
    fn subjects_are_those_of_the_digest_and_of_the_name() {
        let [one, two] = [b"1", b"2"].map(|bytes| Sha256Digest::of(bytes));
        let read = statement(&json!([
            {"name": "a", "digest": {"sha256": one.to_hex(), "sha512": "xyz"}},
            {"digest": {"gitCommit": "00"}},
            {"name": "b", "digest": {"sha256": two.to_hex()}},
        ]))
        .unwrap();
        assert!(read.is_about(&one) && read.is_about(&two));
        assert!(read.names("a", &one) && read.names("b", &two));
        assert!(!read.names("a", &two) && !read.names("", &one) && !read.is_about(&Sha256Digest::of(b"3")));
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        let one = Sha256Digest::of(b"1").to_hex();
        for (subject, expected) in [
            (json!([]), "0 subjects"),
            (json!(vec![json!({"digest": {"a": "b"}}); MAX_SUBJECTS + 1]), "257 subjects"),
            (json!([{"name": "a", "digest": {}}]), "subject 1"),
            (json!([{"digest": {"a": "b"}}, {"digest": {"sha256": one.to_uppercase()}}]), "subject 2"),
            (json!([{"digest": {"sha256": ""}}]), "subject 1"),
            (json!([{"name": "a"}]), "missing field `digest`"),
            (json!({}), "invalid type"),
        ] {
            let error = statement(&subject).unwrap_err().to_string();
            assert!(error.contains(expected), "{subject}: {error}");
        }
        let bytes = json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": [], "predicateType": ""});
        let error = InTotoStatement::parse(bytes.to_string().as_bytes());
        assert!(matches!(error, Err(StatementError::Type(_))), "{error:?}");
        let twice = format!(
            r#"{{"_type":"{STATEMENT_TYPE}","subject":[{{"digest":{{"sha256":"{one}","sha256":"{one}"}}}}],"predicateType":"t"}}"#
        );
        let error = InTotoStatement::parse(twice.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("duplicate field `sha256`"), "{error}");
    }

    #[test]
    fn a_seal_is_not_made_here() {
        let subject = [("a/b", Sha256Digest::of(b""))];
        for kind in ["urn:hallmark:seal:v1", "urn:hallmark:seal:v2", "urn:hallmark:seal-key:v1"] {
            assert_eq!(NewStatement::new(subject, kind, &Value::Null), Err(NewStatementError::Seal));
        }
        assert!(NewStatement::new([], APPROVAL, &Value::Null).is_err());
        let made = NewStatement::new(subject, APPROVAL, &json!({"role": "\"r\u{1}ö"})).unwrap();
        let read = InTotoStatement::parse(made.payload()).unwrap();
        assert_eq!((read.predicate_type(), &read.predicate()["role"]), (APPROVAL, &json!("\"r\u{1}ö")));
        assert_eq!(read.approval(), Some(Approval { role: Some("\"r\u{1}ö") }));
    }

    #[test]
    fn an_approval_is_for_the_role_that_it_names() {
        let role = |kind: &str, predicate: &Value| {
            let made = NewStatement::new([("a/b", Sha256Digest::of(b""))], kind, predicate).unwrap();
            let read = InTotoStatement::parse(made.payload()).unwrap();
            read.approval().map(|approval| approval.role.map(str::to_owned))
        };
        assert_eq!(role("t", &json!({"role": "release"})), None);
        assert_eq!(role(APPROVAL, &json!({"role": "release"})), Some(Some("release".to_owned())));
        for none in [json!({}), Value::Null, json!({"role": ["release"]}), json!({"roles": "release"})] {
            assert_eq!(role(APPROVAL, &none), Some(None), "{none}");
        }
    }
}
