//! The tables of the trust policy: what comes out, and what is said about those that cannot work.

use super::{BASE, folder, load};
use crate::{
    Bind, Denied, Enforce, IdentityKind, RoleName, SLSA_PROVENANCE, SealOp, Sibling, SignerName, Signs,
    UnixMs,
};

/// Signers of each kind, roles of them, and an attestation: lines 4 to 11.
const SIGNERS: &str = r#"keys.blob.public_key_file = "ci.pub"
keys.dsse = { public_key_file = "other.pub", use = "dsse" }
identities.bot.sigstore = { trusted_root_file = "trusted_root.json", identity = "i", issuer = "o" }
identities.aws.notation = { trust_anchors_file = "anchors.pem", identity = "arn:aws:signer:x" }
roles.release = { signers = ["blob", "bot"], threshold = 2 }
roles.build = { signers = ["dsse"] }
roles.qa = { signers = ["aws", "blob"] }
attestations.slsa = { predicate_type = "https://slsa.dev/provenance/v1", builder_id = "b" }
"#;

/// One rule for the whole bucket, in line 13.
fn rule(rest: &str) -> String {
    format!("{SIGNERS}buckets.rel.rules = [\n{{ prefix = \"\", signatures = \"required\", {rest} }}]\n")
}

#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    let dir = folder();
    for (text, expected) in cases {
        let lines = load(&format!("{BASE}{text}"), dir.path()).err().unwrap_or_default();
        let lines: Vec<String> = lines.iter().map(|line| without_column(line)).collect();
        assert_eq!(lines, *expected, "\n{text}");
    }
}

/// The line tells these apart; other tests look at columns.
fn without_column(line: &str) -> String {
    let (number, rest) = line.split_once(':').unwrap();
    format!("{number}:{}", rest.split_once(':').unwrap().1)
}

#[test]
fn everything_comes_out() {
    let dir = folder();
    let more = r#"
        keys.blob.not_before = 2026-01-01T00:00:00Z
        keys.blob.not_after = 2026-01-01T02:00:00+01:00
        keys.blob.revoked = "lost"
        keys.blob.revoked_at = 2026-01-01T00:30:00Z
        deny = [
            { sha256 = "00000000000000000000000000000000000000000000000000000000000000fF", reason = "bad" },
            { seal = "AAAAAAAAAAAAAAAAAAAAAA", reason = "worse" },
        ]
        buckets.rel.refuse_rollback = true
        buckets.rel.checksums = true
        [[buckets.rel.rules]]
        prefix = ""
        signatures = "required"
        all_of = ["build"]
        any_of = ["release", "qa"]
        enforce = "download"
        siblings = ["intoto", "sigstore", "notation"]
        attestation = "slsa"
        not_sealed_before = 1970-01-01T00:00:01Z
        refuse_ops = ["reseal"]
    "#;
    let signers =
        SIGNERS.replace("keys.blob.public_key_file = \"ci.pub\"", "keys.blob.public_key_file = \"ci.pub\" ");
    let config = load(&format!("{BASE}{signers}{more}"), dir.path()).unwrap();
    let name = |text| SignerName::parse(text).unwrap();
    let blob = &config.keys[&name("blob")];
    assert_eq!((blob.signs, config.keys[&name("dsse")].signs), (Signs::Blobs, Signs::Statements));
    assert_eq!(blob.validity.not_before, Some(UnixMs(1_767_225_600_000)));
    assert_eq!(blob.validity.not_after, Some(UnixMs(1_767_229_200_000)));
    let revoked = blob.validity.revoked.as_ref().unwrap();
    assert_eq!((revoked.reason.as_str(), revoked.at), ("lost", Some(UnixMs(1_767_227_400_000))));
    let IdentityKind::Sigstore { trusted_root, identity, issuer, .. } = &config.identities[&name("bot")].kind
    else {
        panic!()
    };
    assert_eq!((trusted_root.as_str(), identity.as_str(), issuer.as_str()), ("{}\n", "i", "o"));
    let role = &config.roles[&RoleName::parse("release").unwrap()];
    assert_eq!((role.threshold, role.name.as_ref().unwrap().as_str()), (2, "release"));
    let [digest, seal] = config.deny.as_slice() else { panic!() };
    assert!(matches!(digest.what, Denied::Sha256(digest) if digest[31] == 0xff && digest[30] == 0));
    assert!(matches!(&seal.what, Denied::Seal(id) if id.as_str() == "AAAAAAAAAAAAAAAAAAAAAA"));
    let bucket = config.buckets.values().next().unwrap();
    assert!(bucket.refuse_rollback);
    assert!(bucket.checksums);
    let [rule] = bucket.rules.as_slice() else { panic!() };
    assert_eq!((rule.all_of.len(), rule.any_of.len(), rule.clauses().count()), (1, 2, 2));
    assert_eq!(rule.signers().len(), 4);
    assert_eq!((rule.enforce, rule.bind), (Enforce::Download, Bind::Digest));
    assert_eq!(rule.siblings.len(), 3);
    assert!(!rule.siblings.contains(&Sibling::Sig));
    assert_eq!(rule.attestation.as_ref().unwrap().predicate_type, SLSA_PROVENANCE);
    assert_eq!(rule.not_sealed_before, Some(UnixMs(1000)));
    assert!(rule.refuse_ops.iter().eq([&SealOp::Reseal]));
}

#[test]
fn signers() {
    let key = |rest: &str| format!("keys.a = {{ public_key_file = \"ci.pub\", {rest} }}");
    let bot = |rest: &str| format!("identities.b.sigstore = {{ {rest} }}");
    let aws = |identity: &str, revocation: &str| {
        format!(
            "identities.b.notation = {{ trust_anchors_file = \"anchors.pem\", identity = \"{identity}\", \
             revocation = {revocation} }}"
        )
    };
    check(&[
        (&key("use = \"blobs\""), &["4: keys.a.use: unknown word; did you mean `blob`?"]),
        (
            &key("not_before = \"2026-01-01\""),
            &["4: keys.a.not_before: must be a date and time with offset, not in quotes, such as \
               2026-12-31T23:59:59Z; this is a text"],
        ),
        (
            &key("not_after = 2026-01-01"),
            &["4: keys.a.not_after: must be a date and time with offset, such as 2026-12-31T23:59:59Z"],
        ),
        (
            &key("not_before = 2026-01-01T00:00:00Z, not_after = 2026-01-01T00:00:00Z"),
            &["4: keys.a.not_after: must be later than `not_before`: no signature would ever count"],
        ),
        (
            &key("revoked_at = 2026-01-01T00:00:00Z"),
            &["4: keys.a.revoked_at: says nothing without `revoked`, the reason; add it"],
        ),
        ("identities.b = {}", &["4: identities.b: `sigstore` or `notation` is missing; add one"]),
        (
            &bot("trusted_root_file = \"absent\", identity = \"*\", isuer = \"\""),
            &[
                "4: identities.b.sigstore.issuer: missing; add `issuer = \"https://accounts.example.com\"`",
                "4: identities.b.sigstore.trusted_root_file: there is no such file; a relative name begins at this \
                 file's folder",
                "4: identities.b.sigstore.identity: must be what stands in the certificate, whole: there are no \
                 wildcards",
                "4: identities.b.sigstore.isuer: unknown key; did you mean `issuer`?",
            ],
        ),
        (
            "identities.b.notation = { trust_anchors_file = \"anchors.pem\", identity = \"acme\" }",
            &[
                "4: identities.b.notation.identity: must be \"x509.subject: C=…, O=…, CN=…\", or the ARN of a \
               signing profile",
            ],
        ),
        (
            &aws("x509.subject: CN=build", "{}"),
            &[
                "4: identities.b.notation.revocation: AWS Signer knows of what it signed itself; leave it out, or \
                 give the ARN of a signing profile as `identity`",
            ],
        ),
        (
            &aws("arn:x", "{ endpoint = \"http://signer.example\", max_age = \"25h\", age = 1 }"),
            &[
                "4: identities.b.notation.revocation.endpoint: must be https:// and a host, such as \
                 \"https://data-signer.eu-west-1.amazonaws.com\" (http:// only for an address of this machine, with \
                 its port)",
                "4: identities.b.notation.revocation.max_age: must be from 0 ms to 24 h",
                "4: identities.b.notation.revocation.age: unknown key; known: `endpoint`, `profile`, `max_age`",
            ],
        ),
        (
            "keys.a.public_key_file = \"ci.pub\"\n\
             identities.a.notation = { trust_anchors_file = \"anchors.pem\", identity = \"arn:x\" }",
            &["5: identities.a: there is a key of the same name in [keys]; call one of them otherwise"],
        ),
    ]);
}

#[test]
fn roles_attestations_and_denials() {
    let role = |rest: &str| format!("keys.a.public_key_file = \"ci.pub\"\nroles.r = {{ {rest} }}");
    check(&[
        (&role("signers = [\"a\"]"), &[]),
        (
            &role("signers = [\"a\"], threshold = 2"),
            &["5: roles.r.threshold: more than there are signers (1): it could never be met"],
        ),
        (&role("signers = [\"a\"], threshold = 0"), &["5: roles.r.threshold: must be from 1 to 16"]),
        (&role("signers = []"), &["5: roles.r.signers: must name from 1 to 16 signers"]),
        (
            &role("signers = [\"a\", \"b\", \"a\"]"),
            &[
                "5: roles.r.signers[1]: no such name in [keys] or [identities]; known: `a`",
                "5: roles.r.signers[2]: the same as in line 5; each may stand here once",
            ],
        ),
        (
            "attestations.x = { predicate_type = \"https://example.com/x\", builder_id = \"b\" }",
            &["4: attestations.x.builder_id: is read from SLSA provenance only; set `predicate_type = \
               \"https://slsa.dev/provenance/v1\"`, or leave it out"],
        ),
        (
            "deny = [{ sha256 = \"00\", reason = \"\" }, { seal = \"AAAAAAAAAAAAAAAAAAAAAB\", reason = \"x\" }, {}]",
            &[
                "4: deny[0].sha256: must be 64 hexadecimal digits, as `sha256sum` prints them",
                "4: deny[0].reason: must be the reason, in one line; it is shown to who asks for the artifact",
                "4: deny[1].seal: must be the `id` of a seal: 22 of A-Z a-z 0-9 - _, the last of them A, Q, g or w",
                "4: deny[2]: `sha256` or `seal` is missing; add one",
                "4: deny[2].reason: missing; add `reason = \"CVE-2026-0001\"`",
            ],
        ),
        (
            "deny = [{ seal = \"AAAAAAAAAAAAAAAAAAAAAA\", reason = \"x\" },\n{ seal = \"AAAAAAAAAAAAAAAAAAAAAA\", reason = \"x\" }]",
            &["5: deny[1].seal: the same as in line 4; each may stand here once"],
        ),
    ]);
}

/// What a rule says that means nothing, or that nothing could ever satisfy.
#[test]
fn rules_that_cannot_work() {
    const AT: &str = "13: buckets.rel.rules[0]:";
    let at = |message: &str| format!("{AT} {message}");
    let sigstore = "the role `release` can never be met: of its signers 1 can sign what counts here, and 2 must; `bot` \
        needs \"sigstore\" in `siblings`";
    let beside = "13: buckets.rel.rules[0].all_of: stands beside `keys`; make a role of the keys, or keep one of the two";
    let bind = "`attestation` is missing: with `bind = \"name\"` statements count alone, and it must be said what they \
        must say";
    let no_bytes = "`keys` can never be met: of its signers 0 can sign what counts here, and 1 must; `blob` signs bytes, \
        which name no object, as `bind = \"name\"` wants it";
    check(&[
        (&rule("all_of = [\"release\"], siblings = [\"sigstore\"]"), &[]),
        (
            &rule("all_of = [\"build\"], siblings = [\"intoto\"], attestation = \"slsa\", bind = \"name\""),
            &[],
        ),
        (&rule("keys = [\"bot\"], siblings = [\"sigstore\"], attestation = \"slsa\", bind = \"name\""), &[]),
        (&rule("keys = [\"blob\", \"bot\"]"), &[]),
        (&rule("keys = [\"blob\"], all_of = [\"qa\"]"), &[beside]),
        (
            &rule("all_of = [\"releas\"]"),
            &["13: buckets.rel.rules[0].all_of[0]: no such name in [roles]; did you mean `release`?"],
        ),
        (&rule("any_of = []"), &["13: buckets.rel.rules[0].any_of: must name at least one role"]),
        (&rule("all_of = [\"release\"]"), &[&at(sigstore)]),
        (
            &rule("keys = [\"dsse\"], siblings = [\"intoto\"]"),
            &[
                &at(
                    "`attestation` is missing: `dsse` signs statements, and it must be said what they must say",
                ),
                &at("no signer of this rule can sign in what `siblings` calls \"intoto\""),
                &at(
                    "`keys` can never be met: of its signers 0 can sign what counts here, and 1 must; `dsse` needs an \
                     `attestation`, and \"intoto\" or \"sigstore\" in `siblings`",
                ),
            ],
        ),
        (
            &rule("keys = [\"blob\"], attestation = \"slsa\""),
            &[&at(
                "has an `attestation`, but no signer that signs statements: no key with `use = \"dsse\"`, no Sigstore \
                   identity",
            )],
        ),
        (
            &rule("keys = [\"blob\"], attestation = \"sls\""),
            &["13: buckets.rel.rules[0].attestation: no such name in [attestations]; did you mean `slsa`?"],
        ),
        (&rule("keys = [\"blob\"], bind = \"name\""), &[&at(bind), &at(no_bytes)]),
        (
            &rule("keys = [\"blob\"], siblings = [\"sig\", \"notation\"]"),
            &[&at("no signer of this rule can sign in what `siblings` calls \"notation\"")],
        ),
        (
            &rule("keys = [\"blob\"], refuse_ops = [\"put\", \"mpu\", \"copy\", \"adopt\", \"reseal\"]"),
            &["13: buckets.rel.rules[0].refuse_ops: these are all there are: nothing could ever be served"],
        ),
    ]);
}

/// However many of them fit one bundle, it counts for one.
#[test]
fn roles_of_more_identities_than_can_count() {
    let identity = |name: &str, text: &str| {
        format!(
            "identities.{name}.sigstore = {{ trusted_root_file = \"roots.json\", identity = \"{text}\", issuer = \"o\" }}\n"
        )
    };
    let dir = folder();
    std::fs::write(dir.path().join("roots.json"), "{}").unwrap();
    let errors = |signers: &str, threshold: usize| {
        let text = format!(
            "{}{}{}keys.a.public_key_file = \"ci.pub\"\nroles.r = {{ signers = [{signers}], threshold = {threshold} }}\n\
             buckets.rel.rules = [{{ prefix = \"\", signatures = \"required\", all_of = [\"r\"], siblings = [\"sigstore\"] }}]\n",
            BASE,
            identity("one", "x"),
            identity("two", "y")
        );
        load(&text, dir.path()).err().unwrap_or_default()
    };
    assert_eq!(errors("\"one\", \"two\"", 1), [""; 0]);
    assert_eq!(errors("\"one\", \"two\", \"a\"", 2), [""; 0]);
    for (signers, threshold) in [("\"one\", \"two\"", 2), ("\"one\", \"two\", \"a\"", 3)] {
        let said = errors(signers, threshold);
        let [said] = said.as_slice() else { panic!("{said:?}") };
        assert!(said.contains("the role `r` can never be met") && said.contains("one identity"), "{said}");
    }
}

#[test]
fn approvals_need_a_role_with_a_name() {
    let dir = folder();
    let errors = |rule: &str| {
        let text = format!(
            "{BASE}keys.a = {{ public_key_file = \"ci.pub\", use = \"dsse\" }}\nroles.r.signers = [\"a\"]\n\
             attestations.ok.predicate_type = \"urn:hallmark:approval:v1\"\n\
             buckets.rel.rules = [{{ prefix = \"\", signatures = \"required\", siblings = [\"intoto\"], attestation = \"ok\", {rule} }}]\n"
        );
        load(&text, dir.path()).err().unwrap_or_default()
    };
    assert_eq!(errors("all_of = [\"r\"]"), [""; 0]);
    let said = errors("keys = [\"a\"]");
    assert!(matches!(said.as_slice(), [one] if one.contains("an approval is for a role")), "{said:?}");
}

#[test]
fn a_key_is_not_called_as_envelopes_are() {
    let dir = folder();
    let errors = |name: &str| {
        let text = format!("{BASE}keys.{name}.public_key_file = \"ci.pub\"\n");
        load(&text, dir.path()).err().unwrap_or_default()
    };
    assert_eq!(errors("jwt"), [""; 0]);
    let said = errors("jws");
    assert!(matches!(said.as_slice(), [one] if one.contains("Notation envelopes")), "{said:?}");
}

#[test]
fn optional_signatures_and_what_only_makes_sense_with_required_ones() {
    let optional = |rest: &str| rule(rest).replace("required", "optional");
    let said = |key: &str| {
        format!(
            "13: buckets.rel.rules[0].{key}: makes no sense where signatures are optional; set `signatures = \
             \"required\"`, or leave it out"
        )
    };
    check(&[
        (
            &optional("keys = [\"blob\"], not_sealed_before = 2026-01-01T00:00:00Z, refuse_ops = [\"copy\"]"),
            &[],
        ),
        (&optional("keys = [\"blob\"], enforce = \"upload\", siblings = [], bind = \"digest\""), &[]),
        (&optional("keys = [\"blob\"], enforce = \"download\""), &[&said("enforce")]),
        (&optional("keys = [\"blob\"], siblings = [\"sig\"]"), &[&said("siblings")]),
        (&optional("keys = [\"bot\"], attestation = \"slsa\""), &[&said("attestation")]),
        (&optional("keys = [\"blob\"], bind = \"name\""), &[&said("bind")]),
        (&optional("any_of = [\"qa\"]"), &[&said("any_of")]),
    ]);
}

#[test]
fn roles_of_a_rule_have_at_most_16_signers_together() {
    let text = |second: usize| {
        let key = |index| {
            format!(
                "keys.k{index}.public_key = \"-----BEGIN PUBLIC KEY-----AA{index:02}-----END PUBLIC KEY-----\"\n"
            )
        };
        let names = |from: usize, to: usize| (from..to).map(|index| format!("k{index}")).collect::<Vec<_>>();
        let keys: String = (0..20).map(key).collect();
        format!(
            "{keys}roles.a.signers = {:?}\nroles.b.signers = {:?}\n\
             buckets.rel.rules = [{{ prefix = \"\", signatures = \"required\", all_of = [\"a\"], any_of = [\"b\"] }}]\n",
            names(0, 10),
            names(8, second)
        )
    };
    check(&[
        (&text(16), &[]),
        (
            &text(17),
            &[
                "26: buckets.rel.rules[0].all_of: the roles of a rule have at most 16 signers together; these have 17",
            ],
        ),
    ]);
}
