//! What comes as values: pieces of siblings, by keys and by identities. Rules, header signatures and times are tried
//! through the gate (`tests/scenarios/trust/table.rs`).

use std::fmt::Write as _;
use std::path::Path;

use hallmark_config::{Config, Sibling, SignerName, UnixMs};
use hallmark_signer::{
    BlobHasher, BlobKey, NoVerdicts, Op, PrivateKey, PublicKey, PublisherSignatures, SealId, Sha256Digest,
};

use super::*;
use crate::name::ObjectKey;

const BODY: &[u8] = b"artifact";

struct Lab {
    blob: BlobKey,
    policy: TrustPolicy,
}

/// A policy with a blob key, a Sigstore identity and a Notation identity, and this rule.
fn lab(rule: &str, more: &str) -> Lab {
    let blob = PrivateKey::generate().unwrap().into_blob_key();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("roots"), "roots").unwrap();
    let mut text = format!(
        "realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\n\
         keys.blob.public_key = \"\"\"{}\"\"\"\n\
         identities.bot.sigstore = {{ trusted_root_file = \"roots\", identity = \"i\", issuer = \"o\" }}\n\
         identities.aws.notation = {{ trust_anchors_file = \"roots\", identity = \"arn:x\" }}\n\
         attestations.slsa = {{ predicate_type = \"https://slsa.dev/provenance/v1\", builder_id = \"builder\" }}\n{more}\n",
        blob.public_key().to_pem()
    );
    writeln!(text, "buckets.rel.rules = [{{ prefix = \"\", signatures = \"required\", {rule} }}]").unwrap();
    let config = Config::parse(&text, dir.path(), "h.toml", &|_| None).unwrap();
    let policy = TrustPolicy::new(&config, keys(&config));
    Lab { blob, policy }
}

fn keys(config: &Config) -> Vec<(SignerName, PublicKey)> {
    let key = |(name, key): (&SignerName, &hallmark_config::PublisherKey)| {
        (name.clone(), PublicKey::from_pem(&key.public_key_pem).unwrap())
    };
    config.keys.iter().map(key).collect()
}

fn object() -> ObjectName {
    ObjectName { bucket: BucketName::parse("rel").unwrap(), key: ObjectKey::parse("app/x").unwrap() }
}

impl Lab {
    fn signature(&self) -> PublisherSignatures {
        let mut hasher = BlobHasher::new();
        hasher.update(BODY);
        PublisherSignatures::new(vec![self.blob.sign(&hasher.finish().unwrap())]).unwrap()
    }

    #[track_caller]
    fn check(&self, pieces: &[Piece], expected: Result<&[&str], &str>) {
        let (object, sha256) = (object(), Sha256Digest::of(BODY));
        let judged = Judged {
            object: &object,
            sha256: &sha256,
            seal: Some(SealId::new([0; 16])),
            at: UnixMs(1000),
            op: Op::Put,
        };
        let evidence = Evidence { header: None, pieces };
        let verdict = self.policy.judge(&judged, &evidence, &NoVerdicts);
        let findings = self.policy.examine(&judged, &evidence, &NoVerdicts);
        assert_eq!(findings.verdict, verdict);
        let counting: Vec<_> =
            findings.found.iter().filter(|found| found.standing == Standing::Counts).collect();
        match &verdict {
            Ok(signers) => {
                let names: Vec<_> = signers.names().iter().map(SignerName::as_str).collect();
                assert_eq!(Ok(names.as_slice()), expected);
                assert_eq!(counting.len(), names.len());
                assert!(findings.clauses.iter().all(|clause| clause.iter().any(|role| role.lacks() == 0)));
            }
            Err(fault) => {
                assert_eq!(Err(fault.label()), expected, "{fault}");
                assert!(findings.clauses.iter().any(|clause| clause.iter().all(|role| role.lacks() > 0)));
            }
        }
    }
}

fn piece(from: Sibling, signed: Signed) -> Piece {
    Piece { from, at: UnixMs(2000), signed }
}

fn by(signer: &str, said: Said) -> Signed {
    Signed::ByIdentity { signer: SignerName::parse(signer).unwrap(), said, signed_at: vec![UnixMs(1500)] }
}

fn bytes() -> Said {
    Said::Bytes(Sha256Digest::of(BODY))
}

/// SLSA provenance by the builder, of the artifact under this name.
fn stated(name: Option<&str>) -> Stated {
    Stated {
        subjects: vec![StatementSubject {
            name: name.map(str::to_owned),
            sha256: Some(Sha256Digest::of(BODY)),
        }],
        predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
        builder_id: Some("builder".to_owned()),
        ..Stated::default()
    }
}

#[test]
fn pieces_count_where_the_rule_names_their_sibling() {
    let lab = lab("keys = [\"blob\", \"aws\"], siblings = [\"sig\", \"notation\"]", "");
    let sig = piece(Sibling::Sig, Signed::Bytes(lab.signature()));
    lab.check(&[], Err("signature_missing"));
    lab.check(std::slice::from_ref(&sig), Ok(&["blob"]));
    lab.check(&[Piece { from: Sibling::Sigstore, ..sig.clone() }], Err("signer_untrusted"));
    let aws = piece(Sibling::Notation, by("aws", bytes()));
    lab.check(&[aws.clone(), sig.clone(), sig.clone()], Ok(&["aws", "blob"]));
    lab.check(&[piece(Sibling::Notation, by("bot", bytes()))], Err("signer_untrusted"));
    // A key is no identity, whoever says so.
    lab.check(&[piece(Sibling::Notation, by("blob", bytes()))], Err("signer_untrusted"));
    let other = Said::Bytes(Sha256Digest::of(b"other"));
    lab.check(&[piece(Sibling::Notation, by("aws", other))], Err("attestation_unmet"));
    // No more than so many are looked at.
    let mut many = vec![Piece { from: Sibling::Sigstore, ..sig.clone() }; MAX_PIECES - 1];
    many.push(sig.clone());
    lab.check(&many, Ok(&["blob"]));
    many.insert(0, aws);
    lab.check(&many, Ok(&["aws"]));
}

#[test]
fn an_identity_is_within_its_validity_by_all_times() {
    let rule = "keys = [\"aws\"], siblings = [\"notation\"]";
    let at = |text: &str| format!("identities.aws.{text}");
    let aws = [piece(Sibling::Notation, by("aws", bytes()))];
    for (more, expected) in [
        ("not_before = 1970-01-01T00:00:01.5Z", Ok(&["aws"][..])),
        ("not_before = 1970-01-01T00:00:01.6Z", Err("key_not_valid")),
        ("not_after = 1970-01-01T00:00:02.001Z", Ok(&["aws"])),
        ("not_after = 1970-01-01T00:00:02Z", Err("key_not_valid")),
        ("revoked = \"x\"", Err("key_revoked")),
        ("revoked = \"x\"\nidentities.aws.revoked_at = 1970-01-01T00:00:02Z", Err("key_revoked")),
        ("revoked = \"x\"\nidentities.aws.revoked_at = 1970-01-01T00:00:02.1Z", Ok(&["aws"])),
    ] {
        lab(rule, &at(more)).check(&aws, expected);
    }
}

#[test]
fn statements_count_if_they_say_what_the_rule_asks_for() {
    let rule = "keys = [\"bot\"], siblings = [\"sigstore\"], attestation = \"slsa\"";
    let (any, named) = (lab(rule, ""), lab(&format!("{rule}, bind = \"name\""), ""));
    let check = |lab: &Lab, said: Said, expected| {
        lab.check(&[piece(Sibling::Sigstore, by("bot", said))], expected);
    };
    let statement = |stated| Said::Statement(stated);
    let (good, unmet) = (Ok(&["bot"][..]), Err("attestation_unmet"));
    check(&any, statement(stated(None)), good);
    check(&any, statement(stated(Some("rel/app/y"))), good);
    check(&named, statement(stated(Some("rel/app/x"))), good);
    for name in [None, Some("rel/app/y"), Some("app/x"), Some("rel/app/x/"), Some("relapp/x"), Some("")] {
        check(&named, statement(stated(name)), unmet);
    }
    // Whoever can sign the statement must have: the bytes alone are not enough.
    check(&any, bytes(), unmet);
    check(&named, bytes(), unmet);
    for wrong in [
        Stated { subjects: Vec::new(), ..stated(None) },
        Stated { predicate_type: "https://slsa.dev/provenance/v0.2".to_owned(), ..stated(None) },
        Stated { builder_id: None, ..stated(None) },
        Stated { builder_id: Some("builders".to_owned()), ..stated(None) },
        Stated {
            subjects: vec![StatementSubject { name: None, sha256: Some(Sha256Digest::of(b"other")) }],
            ..stated(None)
        },
        // The digest of one subject and the name of another.
        Stated {
            subjects: vec![StatementSubject { name: Some("rel/app/x".to_owned()), sha256: None }],
            ..stated(None)
        },
    ] {
        check(&any, statement(wrong.clone()), unmet);
        check(&named, statement(wrong), unmet);
    }
    // Where no attestation is asked for, bytes count and statements do not.
    let free = lab("keys = [\"bot\"], siblings = [\"sigstore\"]", "");
    check(&free, bytes(), good);
    check(&free, statement(stated(None)), unmet);
}

/// One certificate may be what two identities ask for, and one file brings both.
#[test]
fn identities_of_one_format_count_once() {
    let more = "identities.narrow.notation = { trust_anchors_file = \"roots\", identity = \"arn:x/1\" }\n\
                roles.two = { signers = [\"aws\", \"narrow\", \"blob\"], threshold = 2 }";
    let lab = lab("all_of = [\"two\"], siblings = [\"sig\", \"notation\"]", more);
    let both = ["aws", "narrow"].map(|name| piece(Sibling::Notation, by(name, bytes())));
    lab.check(&both, Err("role_unmet"));
    let sig = piece(Sibling::Sig, Signed::Bytes(lab.signature()));
    lab.check(&[both[0].clone(), sig], Ok(&["aws", "blob"]));
}

/// A configuration cannot say it; a policy that is given the same key twice counts it once all the same.
#[test]
fn a_key_under_two_names_is_one_signer() {
    let key = PrivateKey::generate().unwrap().into_blob_key();
    let other = PrivateKey::generate().unwrap().into_blob_key();
    let text = format!(
        "realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\nkeys.a.public_key = \"\"\"{}\"\"\"\n\
         keys.b.public_key = \"\"\"{}\"\"\"\nroles.two = {{ signers = [\"a\", \"b\"], threshold = 2 }}\n\
         buckets.rel.rules = [{{ prefix = \"\", signatures = \"required\", all_of = [\"two\"] }}]\n",
        key.public_key().to_pem(),
        other.public_key().to_pem()
    );
    let config = Config::parse(&text, Path::new(""), "h.toml", &|_| None).unwrap();
    let twice = ["a", "b"].map(|name| (SignerName::parse(name).unwrap(), key.public_key().clone()));
    let lab = Lab { blob: key, policy: TrustPolicy::new(&config, twice) };
    let (object, sha256) = (object(), Sha256Digest::of(BODY));
    let judged = Judged { object: &object, sha256: &sha256, seal: None, at: UnixMs(1), op: Op::Put };
    let header = lab.signature().to_value();
    let verdict = lab.policy.judge(&judged, &Evidence::header_only(Some(&header)), &NoVerdicts);
    assert_eq!(verdict.unwrap_err().to_string(), "signatures are missing: 2 of `two` (1 there)");
}
