//! Evidence that other tools made, and its broken twins: `tests/vectors` of the workspace. Each file says what is given and
//! what must come of it; `README.md` there says how each was made.

#![cfg(feature = "identities")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::evidence::{
    Bundle, InTotoStatement, Moments, NotationEnvelope, NotationIdentity, NotationTrust, Requirement,
    SigstoreTrust, parse_attestations, parse_detached,
};
use hallmark_signer::{
    ChecksumList, Envelope, NoVerdicts, PublicKey, PublisherSignatures, Sha256Digest, Signature,
};
use proptest::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

/// What is accepted: so that another file that is accepted, too, can be seen to say the same.
type Meaning = String;

struct Vector {
    format: String,
    given: Vec<(String, String)>,
    file: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let (head, body) = text.split_once("\n---\n").unwrap();
        let given = head.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        let mut vector = Self {
            format: path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned(),
            given: given.collect(),
            file: body.as_bytes().to_vec(),
        };
        if vector.given("encoding").is_some() {
            vector.file = STANDARD.decode(body).unwrap();
        }
        vector
    }

    /// All of one format, or of all formats, with their paths.
    fn all(format: &str) -> Vec<(PathBuf, Self)> {
        let formats = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = formats
            .filter(|path| path.is_dir() && path.ends_with(format))
            .flat_map(|path| std::fs::read_dir(path).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths.into_iter().map(|path| (path.clone(), Self::read(&path))).collect()
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn needs(&self, name: &str) -> &str {
        self.given(name).unwrap_or_else(|| panic!("a vector without `{name}`"))
    }

    fn beside(&self, name: &str) -> Vec<u8> {
        std::fs::read(folder().join(self.needs(name))).unwrap()
    }

    fn key(&self) -> PublicKey {
        PublicKey::from_pem(&String::from_utf8(self.beside("key")).unwrap()).unwrap()
    }

    fn artifact(&self) -> Vec<u8> {
        serde_json::from_str::<String>(self.needs("artifact")).unwrap().into_bytes()
    }

    fn digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.artifact())
    }

    fn moment(&self, name: &str) -> u64 {
        let moment = OffsetDateTime::parse(self.needs(name), &Rfc3339).unwrap();
        u64::try_from(moment.unix_timestamp()).unwrap() * 1000
    }

    /// What the file says of the artifact, if it holds: the one function that judges all of them.
    fn judge(&self, file: &[u8]) -> Result<Meaning, String> {
        match self.format.as_str() {
            "detached" => self.signature(parse_detached(file).map_err(text)?),
            "dsse" => {
                let envelope = Envelope::parse(file).map_err(text)?;
                let signers = envelope.verified_by([("ours", &self.key())], &NoVerdicts).map_err(text)?;
                let says = format!("{} {:02x?}", envelope.payload_type, envelope.payload);
                if signers.is_empty() { Err("signed by nobody".to_owned()) } else { Ok(says) }
            }
            "attestation" => {
                let envelopes = parse_attestations(file).map_err(text)?;
                envelopes
                    .iter()
                    .map(|envelope| self.envelope(envelope))
                    .collect::<Result<Vec<_>, _>>()
                    .map(|all| all.join("\n"))
            }
            "bundle" => match Bundle::parse(file).map_err(text)? {
                Bundle::Signature(signature) => self.signature(signature),
                Bundle::Envelope(envelope) => self.envelope(&envelope),
                Bundle::Certificate(bundle) => {
                    let trust = SigstoreTrust::new(
                        &self.beside("root"),
                        self.needs("identity"),
                        self.needs("issuer"),
                    );
                    let proof = bundle.verify(&trust.unwrap(), &self.digest()).map_err(text)?;
                    assert!(*proof.artifact() == self.digest() && !proof.times().is_empty());
                    if let Some(statement) = proof.statement() {
                        self.statement(statement)?;
                    }
                    Ok(format!("{:?}", (proof.times(), proof.statement())))
                }
            },
            "notation" => {
                let envelope = NotationEnvelope::parse(file).map_err(text)?;
                let identity = NotationIdentity::parse(self.needs("identity")).unwrap();
                let trust = NotationTrust::new(&self.beside("roots"), identity).unwrap();
                let moments = Moments { seen_at: self.moment("seen"), now: self.moment("now") };
                let size = self.artifact().len() as u64;
                let proof = envelope.verify(&trust, &self.digest(), size, moments).map_err(text)?;
                assert_eq!(*proof.artifact(), self.digest());
                Ok(format!("{proof:?}"))
            }
            format => panic!("no check for {format}"),
        }
    }

    fn signature(&self, signature: Signature) -> Result<Meaning, String> {
        let signatures = PublisherSignatures::new(vec![signature]).unwrap();
        let signers = signatures.verified_by(&self.digest(), [("ours", &self.key())], &NoVerdicts);
        if signers.unwrap().is_empty() {
            Err("signed by nobody".to_owned())
        } else {
            Ok(self.digest().to_hex())
        }
    }

    fn envelope(&self, envelope: &Envelope) -> Result<Meaning, String> {
        let verified = envelope.verified_statement([("ours", &self.key())], &NoVerdicts).map_err(text)?;
        assert_eq!(verified.signers(), ["ours"]);
        self.statement(verified.statement())
    }

    fn statement(&self, statement: &InTotoStatement) -> Result<Meaning, String> {
        let about = match self.given("names") {
            Some(name) => statement.names(name, &self.digest()),
            None => statement.is_about(&self.digest()),
        };
        if !about {
            return Err("not about this artifact".to_owned());
        }
        if let Some(demand) = self.given("demand") {
            let demand: serde_json::Value = serde_json::from_str(demand).unwrap();
            let text_of = |name: &str| demand[name].as_str().map(str::to_owned);
            let requirement = Requirement {
                predicate_type: text_of("predicate_type").unwrap(),
                builder_id: text_of("builder_id"),
                build_type: text_of("build_type"),
                source: text_of("source"),
            };
            requirement.check(statement).map_err(text)?;
        }
        Ok(format!("{statement:?}"))
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[track_caller]
fn check(format: &str, at_least: usize) {
    let vectors = Vector::all(format);
    assert!(vectors.len() >= at_least, "{} vectors of {format}", vectors.len());
    let wrong = vectors.iter().filter_map(|(path, vector)| {
        let verdict = vector.judge(&vector.file);
        let expected = vector.needs("expect");
        let right = match (&verdict, expected.strip_prefix("refused: ")) {
            (Ok(_), None) => expected == "accepted",
            (Err(error), Some(part)) => !part.is_empty() && error.contains(part),
            (Ok(_), Some(_)) | (Err(_), None) => false,
        };
        (!right).then(|| format!("{}: expected {expected}; {verdict:?}", path.display()))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn detached_signatures() {
    check("detached", 16);
}

#[test]
fn envelopes() {
    check("dsse", 5);
}

#[test]
fn attestations() {
    check("attestation", 33);
}

#[test]
fn bundles() {
    check("bundle", 58);
}

#[test]
fn notation_signatures() {
    check("notation", 70);
}

/// Every byte of every vector that is accepted, changed: refused, or it says the same.
#[track_caller]
fn change_each_byte(format: &str, step: usize) {
    for (path, vector) in Vector::all(format) {
        let Ok(meaning) = vector.judge(&vector.file) else { continue };
        for at in (0..vector.file.len()).step_by(step) {
            for mask in [1, 0x20, 0x80] {
                let mut file = vector.file.clone();
                file[at] ^= mask;
                if let Ok(changed) = vector.judge(&file) {
                    assert_eq!(changed, meaning, "{} with {mask:#x} at {at}", path.display());
                }
            }
        }
    }
}

#[test]
fn a_changed_byte_of_a_detached_signature_is_refused() {
    change_each_byte("detached", 1);
}

#[test]
fn a_changed_byte_of_an_envelope_changes_nothing() {
    change_each_byte("dsse", 1);
}

#[test]
fn a_changed_byte_of_an_attestation_changes_nothing() {
    change_each_byte("attestation", 7);
}

#[test]
fn a_changed_byte_of_a_bundle_changes_nothing() {
    change_each_byte("bundle", 31);
}

#[test]
fn a_changed_byte_of_a_notation_signature_changes_nothing() {
    change_each_byte("notation", 31);
}

/// Every reader, with what is in no way meant for it: the same that `tests/fuzz` runs for hours.
fn read_all(file: &[u8]) {
    let _ = parse_detached(file);
    let _ = Envelope::parse(file);
    let _ = parse_attestations(file);
    let _ = Bundle::parse(file);
    let _ = InTotoStatement::parse(file);
    let _ = NotationEnvelope::parse(file);
    let _ = PublisherSignatures::parse(&String::from_utf8_lossy(file));
    let _ = ChecksumList::parse(file);
    let _ = SigstoreTrust::new(file, "a", "b");
    if let Ok(identity) = NotationIdentity::parse(&String::from_utf8_lossy(file)) {
        let _ = NotationTrust::new(file, identity);
    }
    let identity = NotationIdentity::parse("x509.subject: CN=a").unwrap();
    let _ = NotationTrust::new(file, identity);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_or_refused(file in prop::collection::vec(any::<u8>(), 0..512)) {
        read_all(&file);
    }

    #[test]
    fn any_text_is_read_or_refused(file in "\\PC{0,200}|[\\[{\"a:,\\]}0-9]{0,200}|(CN|O|x509.subject: C)=[ ,\\\\;a=]{0,40}") {
        read_all(file.as_bytes());
    }

    /// Vectors with some bytes replaced, taken out and put in.
    #[test]
    fn mutated_vectors_are_judged(
        which: prop::sample::Index,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let formats = ["detached", "dsse", "attestation", "bundle", "notation"];
        let vectors: Vec<_> = formats.into_iter().flat_map(Vector::all).collect();
        let (_, vector) = which.get(&vectors);
        let mut file = vector.file.clone();
        for (at, byte, edit) in edits {
            if file.is_empty() {
                break;
            }
            let at = at.index(file.len());
            match edit {
                0 => file[at] = byte,
                1 => { file.remove(at); }
                _ => file.insert(at, byte),
            }
        }
        let _ = vector.judge(&file);
        read_all(&file);
    }
}
