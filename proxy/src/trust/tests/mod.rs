//! What comes as values: pieces of siblings, by keys and by identities. Rules, header signatures and times are tried
//! through the gate (`tests/scenarios/trust/table.rs`).

use std::fmt::Write as _;
use std::path::Path;

use hallmark_config::{Config, Sibling, SignerName, UnixMs};
use hallmark_signer::evidence::InTotoStatement;
use hallmark_signer::{
    BlobHasher, BlobKey, NoVerdicts, Op, PrivateKey, PublicKey, PublisherSignatures, SealId, Sha256Digest,
};
use serde_json::{Value, json};

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
            form: Form::Any,
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
    Piece { from, of: None, at: UnixMs(2000), signed }
}

fn by(signer: &str, said: Said) -> Signed {
    Signed::ByIdentity {
        signer: SignerName::parse(signer).unwrap(),
        said,
        signed_at: vec![UnixMs(1500)],
        revoked: None,
    }
}

/// The same, which its authority has revoked since.
fn revoked_by_authority(signer: &str, why: &str) -> Signed {
    match by(signer, bytes()) {
        Signed::ByIdentity { signer, said, signed_at, revoked: _ } => {
            Signed::ByIdentity { signer, said, signed_at, revoked: Some(why.into()) }
        }
        other => other,
    }
}

fn bytes() -> Said {
    Said::Bytes(Sha256Digest::of(BODY))
}

fn statement(json: &Value) -> Said {
    Said::Statement(Box::new(InTotoStatement::parse(json.to_string().as_bytes()).unwrap()))
}

/// SLSA provenance by the builder, of the artifact under this name.
fn stated(name: Option<&str>) -> Value {
    let mut subject = json!({"digest": {"sha256": Sha256Digest::of(BODY).to_hex()}});
    if let Some(name) = name {
        subject["name"] = json!(name);
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"buildType": "t", "externalParameters": {}},
            "runDetails": {"builder": {"id": "builder"}},
        },
    })
}

/// The same with another value at a place.
fn with(path: &str, value: Value) -> Value {
    let mut json = stated(None);
    *json.pointer_mut(path).unwrap() = value;
    json
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
fn what_its_authority_has_revoked_does_not_count_whatever_its_signer_is_worth() {
    let rule = "keys = [\"aws\", \"blob\"], siblings = [\"sig\", \"notation\"]";
    let gone = [piece(Sibling::Notation, revoked_by_authority("aws", "the job leaked"))];
    for more in ["", "identities.aws.not_after = 1970-01-01T00:00:01Z"] {
        let lab = lab(rule, more);
        lab.check(&gone, Err("key_revoked"));
        let [sig, good] = [Signed::Bytes(lab.signature()), by("aws", bytes())];
        lab.check(&[gone[0].clone(), piece(Sibling::Sig, sig)], Ok(&["blob"]));
        if more.is_empty() {
            lab.check(&[gone[0].clone(), piece(Sibling::Notation, good)], Ok(&["aws"]));
        }
    }
    // The configuration's own reason comes first.
    let lab = lab(rule, "identities.aws.revoked = \"account closed\"");
    let object = object();
    let judged = Judged {
        object: &object,
        sha256: &Sha256Digest::of(BODY),
        seal: None,
        at: UnixMs(1000),
        op: Op::Put,
        form: Form::Any,
    };
    let evidence = Evidence { header: None, pieces: &gone };
    let said = lab.policy.judge(&judged, &evidence, &NoVerdicts).unwrap_err().to_string();
    assert!(said.contains("by `aws`, and revoked: account closed"), "{said}");
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
    let (good, unmet) = (Ok(&["bot"][..]), Err("attestation_unmet"));
    check(&any, statement(&stated(None)), good);
    check(&any, statement(&stated(Some("rel/app/y"))), good);
    check(&named, statement(&stated(Some("rel/app/x"))), good);
    for name in [None, Some("rel/app/y"), Some("app/x"), Some("rel/app/x/"), Some("relapp/x"), Some("")] {
        check(&named, statement(&stated(name)), unmet);
    }
    // Whoever can sign the statement must have: the bytes alone are not enough.
    check(&any, bytes(), unmet);
    check(&named, bytes(), unmet);
    let other = Sha256Digest::of(b"other").to_hex();
    for wrong in [
        with("/predicateType", json!("https://slsa.dev/provenance/v0.2")),
        with("/predicate/runDetails/builder/id", json!("builders")),
        with("/subject/0", json!({"digest": {"sha256": other}})),
        // The digest of one subject and the name of another.
        with("/subject", json!([{"name": "rel/app/x", "digest": {"sha512": "00"}}])),
        with(
            "/subject",
            json!([{"name": "rel/app/x", "digest": {"sha256": other}}, {"digest": {"sha1": "00"}}]),
        ),
    ] {
        check(&any, statement(&wrong), unmet);
        check(&named, statement(&wrong), unmet);
    }
    // Where no attestation is asked for, bytes count and statements do not.
    let free = lab("keys = [\"bot\"], siblings = [\"sigstore\"]", "");
    check(&free, bytes(), good);
    check(&free, statement(&stated(None)), unmet);
}

/// An approval counts for the role that it names, though its signer has another one, too.
#[test]
fn an_approval_is_for_one_role() {
    let more = "attestations.ok.predicate_type = \"urn:hallmark:approval:v1\"\n\
                roles.qa.signers = [\"bot\"]\nroles.release.signers = [\"bot\"]";
    let rule = |roles: &str| {
        lab(&format!("all_of = [{roles}], siblings = [\"sigstore\"], attestation = \"ok\""), more)
    };
    let approval = |predicate: Value| {
        let mut json = stated(None);
        json["predicateType"] = json!("urn:hallmark:approval:v1");
        json["predicate"] = predicate;
        piece(Sibling::Sigstore, by("bot", statement(&json)))
    };
    let [qa, release] = ["qa", "release"].map(|role| approval(json!({"role": role})));
    let (both, one) = (rule("\"qa\", \"release\""), rule("\"release\""));
    one.check(std::slice::from_ref(&release), Ok(&["bot"]));
    one.check(std::slice::from_ref(&qa), Err("attestation_unmet"));
    both.check(std::slice::from_ref(&qa), Err("role_unmet"));
    both.check(std::slice::from_ref(&release), Err("role_unmet"));
    for none in [json!({}), json!({"role": "Release"}), json!({"role": ["release"]}), Value::Null] {
        one.check(&[approval(none)], Err("attestation_unmet"));
    }
    let (object, sha256) = (object(), Sha256Digest::of(BODY));
    let judged = Judged {
        object: &object,
        sha256: &sha256,
        seal: None,
        at: UnixMs(1000),
        op: Op::Put,
        form: Form::Any,
    };
    let pieces = [qa, release];
    let evidence = Evidence { header: None, pieces: &pieces };
    let signers = both.policy.judge(&judged, &evidence, &NoVerdicts).unwrap();
    assert_eq!(signers.names().len(), 1, "one signer, for both roles");
}

/// `<key>.<signer>.sig` holds that signer's, whatever else would fit.
#[test]
fn a_signature_under_a_signers_name_is_that_signers() {
    let lab = lab("keys = [\"blob\"], siblings = [\"sig\"]", "");
    let of = |name: Option<&str>| {
        let sig = piece(Sibling::Sig, Signed::Bytes(lab.signature()));
        [Piece { of: name.map(|name| SignerName::parse(name).unwrap()), ..sig }]
    };
    lab.check(&of(None), Ok(&["blob"]));
    lab.check(&of(Some("blob")), Ok(&["blob"]));
    lab.check(&of(Some("aws")), Err("signer_untrusted"));
}

#[test]
fn what_is_named_like_a_sibling_is_one_if_it_is_one() {
    let text = "keys = [\"blob\", \"aws\"], siblings = [\"sig\", \"notation\"] },\n\
        { key = \"exact.sig\", signatures = \"required\", keys = [\"blob\"] },\n\
        { prefix = \"none/\", signatures = \"required\", keys = [\"blob\"]";
    let lab = lab(text, "");
    let name = |key: &str| ObjectName {
        bucket: BucketName::parse("rel").unwrap(),
        key: ObjectKey::parse(key).unwrap(),
    };
    for (key, is) in [
        ("x.sig", true),
        ("x.blob.sig", true),
        ("x.jws.sig", true),
        ("a/b/x.y.z.sig", true),
        // Of `x.other`, which need not be there.
        ("x.other.sig", true),
        ("x.sig.sig", false),
        ("x.blob.sig.sig", false),
        ("x.sigstore.json", false),
        (".sig", false),
        ("x.si", false),
        // It has a rule of its own; and there no signatures are looked for.
        ("exact.sig", false),
        ("none/x.sig", false),
    ] {
        assert_eq!(lab.policy.is_sibling(&name(key)), is, "{key}");
    }
    let beside: Vec<_> =
        lab.policy.siblings(&name("exact")).into_iter().map(|sibling| sibling.name.key.to_string()).collect();
    assert_eq!(beside, ["exact.jws.sig", "exact.blob.sig"], "what has a rule of its own is no sibling");

    let good = lab.signature().to_value();
    assert!(lab.policy.read_as_sibling(&name("x.sig"), good.as_bytes()).is_ok());
    assert!(lab.policy.read_as_sibling(&name("x.jws.sig"), good.as_bytes()).is_ok(), "it may be of `x.jws`");
    assert!(lab.policy.read_as_sibling(&name("x.sig"), b"#!/bin/sh").is_err());
    assert!(lab.policy.read_as_sibling(&name("x"), good.as_bytes()).is_err());

    // The rule is not left aside for a name.
    let object = name("x.sig");
    let sha256 = Sha256Digest::of(b"#!/bin/sh");
    for (form, expected) in [(Form::Sibling, Ok(())), (Form::Any, Err("signature_missing"))] {
        let judged =
            Judged { object: &object, sha256: &sha256, seal: None, at: UnixMs(1), op: Op::Put, form };
        let verdict = lab.policy.judge(&judged, &Evidence::default(), &NoVerdicts);
        assert_eq!(verdict.map(drop).map_err(|fault| fault.label()), expected);
    }
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
    let judged =
        Judged { object: &object, sha256: &sha256, seal: None, at: UnixMs(1), op: Op::Put, form: Form::Any };
    let header = lab.signature().to_value();
    let verdict = lab.policy.judge(&judged, &Evidence::header_only(Some(&header)), &NoVerdicts);
    assert_eq!(verdict.unwrap_err().to_string(), "signatures are missing: 2 of `two` (1 there)");
}
