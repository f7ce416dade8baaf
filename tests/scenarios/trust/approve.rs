//! `hallmark approve`: one more signature on what is stored, of nothing that was not verified first.

use hallmark_signer::Sha256Digest;
use hallmark_tests::command::{Ran, Sandbox};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::proxy::program;
use hallmark_tests::site::{READER, REALM};
use serde_json::Value;

use super::{BUCKET, FREE, HEADER, KEY, Lab};

const RULE: &str = "all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\"";
const LOCATION: &str = "s3://approved/app.tar";
/// Exit codes, as `hallmark --help` documents them.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const REFUSED: i32 = 3;

/// A home for the command with the deployment's keys in it.
struct Desk {
    lab: Lab,
    sandbox: Sandbox,
}

impl Desk {
    fn of(lab: Lab) -> Self {
        let sandbox = Sandbox::new(lab.proxy.address());
        for name in ["seal.pub", "other.pub", "ci.key", "b.key", "c.key", "seal.key"] {
            std::fs::copy(lab.proxy.site.path().join(name), sandbox.path(name)).unwrap();
        }
        Self { lab, sandbox }
    }

    /// Something unsigned waits under the rule.
    fn with(rule: &str, body: &[u8]) -> Self {
        let lab = Lab::new(rule, "");
        assert_eq!(lab.put(body, &[]).status, 200);
        Self::of(lab)
    }

    fn hallmark(&self, arguments: &[&str]) -> Ran {
        self.sandbox.run(program("hallmark"), arguments)
    }

    /// By the seal, whose key is pinned.
    fn approve(&self, options: &[&str]) -> Ran {
        let pinned = ["--seal-key", "seal.pub", "--realm", REALM];
        self.hallmark(&[&["--json", "approve", "--role", "release"], options, &pinned, &[LOCATION]].concat())
    }

    #[track_caller]
    fn approved(&self, options: &[&str]) -> Value {
        serde_json::from_str(&self.approve(options).good()).unwrap()
    }

    /// Fails so, and puts nothing beside the artifact.
    #[track_caller]
    fn refused(&self, what: &str, ran: &Ran, exit: i32, says: &str) {
        let said = ran.bad();
        assert_eq!(ran.status.code(), Some(exit), "{what}: {said}");
        assert!(said.contains(says), "{what}: {said}");
        let listed = self.lab.client.list(BUCKET, "");
        assert!(!listed.text().contains("app.tar."), "{what}: {}", listed.text());
    }
}

#[test]
fn what_waits_is_served_after_the_second_of_three_approvals() {
    for length in [1000, 3 * MIB + 5, 9 * MIB + 5] {
        let body = content(1, length);
        let desk = Desk::with(RULE, &body);
        let mut reader = Sandbox::new(desk.lab.proxy.address());
        reader.set("AWS_ACCESS_KEY_ID", READER.0);
        reader.set("AWS_SECRET_ACCESS_KEY", READER.1);
        let inspect =
            || serde_json::from_str::<Value>(&desk.hallmark(&["--json", "inspect", LOCATION]).good());
        let untrusted = || inspect().unwrap()["untrusted"].clone();
        assert_eq!(desk.lab.read(), Err("ArtifactSignatureMissing".to_owned()));
        let nobody = "ArtifactSignatureMissing: the rule for this key requires a publisher's signature and there is none; of \
                      `release`: nobody counts, 2 more of ci, b, c can sign";
        assert_eq!(untrusted(), nobody);

        let first = desk.approved(&["--key", "ci.key"]);
        assert_eq!(first["signature"], "s3://approved/app.tar.ci.sig");
        assert_eq!((&first["added"], &first["seal_verified"]), (&true.into(), &true.into()));
        let missing = "ArtifactRoleUnmet: signatures are missing: 2 of `release` (1 there); of `release`: ci counts, 1 \
                       more of b, c can sign";
        assert_eq!((&first["untrusted"], untrusted()), (&missing.into(), missing.into()));
        assert_eq!(desk.lab.read(), Err("ArtifactRoleUnmet".to_owned()));
        // Who may not see it hears who is missing, and nothing else.
        let told = reader.run(program("hallmark"), &["inspect", LOCATION]);
        assert_eq!(told.status.code(), Some(REFUSED), "{}", told.bad());
        assert!(told.bad().contains("2 of `release` (1 there)"), "{}", told.bad());
        assert!(!told.bad().contains("b, c"), "{}", told.bad());
        assert_eq!(String::from_utf8(told.stdout).unwrap(), "");

        // Once more, and under a name that is another's.
        assert_eq!(desk.approved(&["--key", "ci.key"])["added"], false);
        let ran = desk.approve(&["--key", "ci.key", "--as", "b"]);
        assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
        assert!(ran.stderr.contains("stands under the name for one by `b`"), "{}", ran.stderr);
        assert_eq!(desk.lab.read(), Err("ArtifactRoleUnmet".to_owned()));

        let second = desk.approved(&["--signer", "file:c.key"]);
        assert_eq!((&second["untrusted"], untrusted()), (&Value::Null, Value::Null));
        assert_eq!(second["server_verified"], "seal,ci,c");
        assert_eq!(desk.lab.read(), Ok(body));
        let role = desk.lab.client.head(BUCKET, "app.tar.c.sig");
        assert_eq!(role.header("x-amz-meta-approval-role"), Some("release"));
    }
}

/// Who uploads what others have to sign need not be allowed to see it before.
#[test]
fn what_waits_can_be_pushed_by_who_may_not_see_it() {
    let lab = Lab::new(RULE, "").changed(|text| text.replace("\"read_untrusted\", ", ""));
    let desk = Desk::of(lab);
    std::fs::write(desk.sandbox.path("file"), "body").unwrap();
    let pushed = desk.hallmark(&["--json", "push", "--key", "ci.key", "file", LOCATION]);
    let told: Value = serde_json::from_str(&pushed.good()).unwrap();
    assert_eq!(told["seal"], Value::Null);
    assert!(pushed.stderr.contains("2 of `release` (1 there)"), "{}", pushed.stderr);
    assert!(!pushed.stderr.contains("can sign"), "{}", pushed.stderr);
    // Nor can they sign it then.
    let ran = desk.approve(&["--key", "b.key"]);
    assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
    assert!(ran.stderr.contains("permission `read_untrusted`"), "{}", ran.stderr);
}

#[test]
fn nothing_is_signed_that_was_not_verified_here() {
    let body = content(1, 3 * MIB);
    let desk = Desk::with(RULE, &body);
    let with = |options: &[&str]| {
        desk.hallmark(&[&["approve", "--role", "release", "--key", "ci.key"], options, &[LOCATION]].concat())
    };
    let digest = Sha256Digest::of(&body).to_hex();
    let known = ["--read", "--sha256", digest.as_str()];
    for on_its_word in [&[][..], &["--read"], &["--sha256", digest.as_str()]] {
        desk.refused("on somebody's word", &with(on_its_word), USAGE, "--read, to hash all of the bytes");
    }
    let other = ["--seal-key", "other.pub", "--realm", REALM];
    desk.refused("another's seal", &with(&other), REFUSED, "ArtifactSealInvalid");
    let elsewhere = ["--seal-key", "seal.pub", "--realm", "elsewhere"];
    desk.refused("another deployment's", &with(&elsewhere), REFUSED, "ArtifactSealInvalid");
    desk.refused("a seal key", &desk.approve(&["--key", "seal.key", "--as", "ci"]), USAGE, "one use");

    let stored = desk.lab.store.object(BUCKET, KEY);
    // Before anything of it was read, and so is in memory.
    desk.lab.store.edit(BUCKET, KEY, |object| object.flip(body.len() - 1));
    desk.refused("altered bytes", &with(&known), REFUSED, "ArtifactDigestMismatch");
    desk.lab.store.place(BUCKET, KEY, stored);
    let another = "0".repeat(64);
    desk.refused(
        "another digest",
        &with(&["--read", "--sha256", &another]),
        REFUSED,
        "not the one that was asked for",
    );
    desk.lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = None);
    desk.refused("no seal", &desk.approve(&["--key", "ci.key"]), REFUSED, "ArtifactUnsealed");

    assert_eq!(desk.lab.put(&body, &[]).status, 200);
    with(&known).good();
    assert_eq!(desk.lab.inspect(), (body, "seal-only".to_owned()));
}

#[test]
fn what_others_put_there_stays() {
    let body = content(1, 1000);
    let desk = Desk::with(RULE, &body);
    let name = "app.tar.b.sig";
    let theirs = desk.lab.proxy.site.signature("b", &body);
    assert_eq!(desk.lab.client.put(BUCKET, name, theirs.as_bytes()).status, 200);
    let ran = desk.approve(&["--key", "ci.key", "--as", "b"]);
    assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
    assert_eq!(desk.lab.client.get(BUCKET, name).body, theirs.as_bytes());

    // A place where nobody looks is told.
    let desk = Desk::with("all_of = [\"release\"], enforce = \"download\"", &body);
    let ran = desk.approve(&["--key", "ci.key"]);
    assert_eq!(ran.status.code(), Some(FAILED), "{}", ran.bad());
    assert!(ran.stderr.contains("does not look there for signatures"), "{}", ran.stderr);
}

/// Who uploads hears at once what is missing, also with nothing but `write`; and what to do where nothing may be replaced.
#[test]
fn a_push_says_what_is_missing_and_what_stands_in_its_way() {
    for permissions in ["\"read\", \"read_untrusted\",", "\"read\",", ""] {
        let lab =
            Lab::new(RULE, "").changed(|text| text.replace("\"read\", \"read_untrusted\",", permissions));
        let desk = Desk::of(lab);
        std::fs::write(desk.sandbox.path("file"), "body").unwrap();
        let pushed = desk.hallmark(&["--json", "push", "file", LOCATION]);
        let told: Value = serde_json::from_str(&pushed.good()).unwrap();
        let why = "ArtifactSignatureMissing: the rule for this key requires a publisher's signature and there is none";
        // And who can still sign, if the uploader may see what waits.
        let untrusted = told["untrusted"].as_str().unwrap();
        assert!(untrusted.starts_with(why), "{untrusted}");
        let names = untrusted.contains("2 more of ci, b, c can sign");
        assert_eq!(names, permissions.contains("untrusted"), "{untrusted}");
        assert!(pushed.stderr.contains("not served yet") && pushed.stderr.contains(why), "{}", pushed.stderr);
        assert_eq!(told["seal"] == Value::Null, !permissions.contains("untrusted"));
    }

    let body = content(1, 1000);
    let desk = Desk::with(RULE, &body);
    for key in ["b.key", "c.key"] {
        desk.approved(&["--key", key]);
    }
    std::fs::write(desk.sandbox.path("file"), "body").unwrap();
    for key in [&[][..], &["--key", "ci.key"]] {
        let ran = desk.hallmark(&[&["push"], key, &["file", LOCATION]].concat());
        assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
        assert!(ran.stderr.contains("what stands under this name may be served"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("hint: ") && ran.stderr.contains("push under a new name"),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(desk.lab.read(), Ok(body));
}

/// Verified by who asks, wherever the signature stands.
#[test]
fn a_pull_finds_signatures_beside_the_artifact() {
    let body = content(1, 1000);
    let desk = Desk::with(RULE, &body);
    for name in ["ci", "b", "c"] {
        std::fs::copy(
            desk.lab.proxy.site.path().join(format!("{name}.pub")),
            desk.sandbox.path(&format!("{name}.pub")),
        )
        .unwrap();
    }
    for key in ["b.key", "c.key"] {
        desk.approved(&["--key", key]);
    }
    let pull = |signers: &[&str]| {
        let signers: Vec<_> = signers.iter().flat_map(|signer| ["--signer", signer]).collect();
        let ran = desk.hallmark(&[&["--json", "pull"], &signers[..], &[LOCATION, "pulled"]].concat());
        (ran.status.code(), std::fs::remove_file(desk.sandbox.path("pulled")).is_ok(), ran.stderr)
    };
    let (code, there, said) = pull(&["b.pub", "c.pub"]);
    assert_eq!((code, there), (Some(0), true), "{said}");
    let (code, there, said) = pull(&["b.pub", "ci.pub"]);
    assert_eq!((code, there), (Some(REFUSED), false), "{said}");
    assert!(said.contains("not signed by ci.pub, neither in its header nor beside it"), "{said}");

    // Under another name than the key's only where anybody's may stand.
    std::fs::rename(desk.sandbox.path("b.pub"), desk.sandbox.path("bob.pub")).unwrap();
    assert_eq!(pull(&["bob.pub"]).0, Some(REFUSED));
    let good = desk.lab.proxy.site.signature("b", &body);
    assert_eq!(desk.lab.client.put(BUCKET, "app.tar.sig", good.as_bytes()).status, 200);
    assert_eq!(pull(&["bob.pub", "c.pub"]).0, Some(0));
    // In a bundle for clients of Sigstore as well, and only by the key.
    std::fs::write(desk.sandbox.path("app.tar"), &body).unwrap();
    desk.hallmark(&["sign", "--key", "ci.key", "--bundle", "app.tar"]).good();
    let bundle = std::fs::read(desk.sandbox.path("app.tar.sigstore.json")).unwrap();
    for (key, bytes) in [("app.tar", &body), ("app.tar.sigstore.json", &bundle)] {
        assert_eq!(desk.lab.client.put(FREE, key, bytes).status, 200);
    }
    let free = |signer: &str| {
        desk.hallmark(&["pull", "--signer", signer, &format!("s3://{FREE}/app.tar"), "free"]).status.code()
    };
    assert_eq!((free("ci.pub"), free("c.pub")), (Some(0), Some(REFUSED)));

    // What cannot be had is none.
    desk.lab.store.edit(BUCKET, "app.tar.c.sig", |object| object.attributes.hallmark = None);
    assert_eq!(pull(&["c.pub"]).0, Some(REFUSED));
}

/// Signatures are no artifacts; and one that is refused need not keep the others from being listed.
#[test]
fn a_list_of_checksums_is_of_artifacts() {
    let body = content(1, 1000);
    let desk = Desk::with(RULE, &body);
    for key in ["b.key", "c.key"] {
        desk.approved(&["--key", key]);
    }
    // Named like one, and none: nobody of the rule is called so.
    let other = "app.tar.nobody.sig.txt";
    let signed = desk.lab.signed(b"x", &["b", "c"]);
    assert_eq!(desk.lab.client.put_with(BUCKET, other, b"x", &[(HEADER, &signed)]).status, 200);
    let list = || {
        let text = std::fs::read_to_string(desk.sandbox.path("LIST")).ok();
        text.map(|text| text.lines().map(|line| line[66..].to_owned()).collect::<Vec<_>>())
    };
    let checksums = |options: &[&str]| {
        desk.hallmark(&[&["checksums", "--output", "LIST"], options, &["s3://approved/"]].concat())
    };
    let ran = checksums(&[]);
    ran.good();
    assert!(ran.stderr.contains("2 files with signatures over others are left out"), "{}", ran.stderr);
    assert_eq!(list(), Some(vec!["app.tar".to_owned(), other.to_owned()]));

    desk.lab.store.edit(BUCKET, other, |object| object.attributes.hallmark = None);
    std::fs::remove_file(desk.sandbox.path("LIST")).unwrap();
    let ran = checksums(&[]);
    assert_eq!((ran.status.code(), list()), (Some(REFUSED), None), "{}", ran.bad());
    assert!(ran.stderr.contains("--skip-refused"), "{}", ran.stderr);
    let ran = checksums(&["--skip-refused"]);
    assert_eq!(
        (ran.status.code(), list()),
        (Some(REFUSED), Some(vec!["app.tar".to_owned()])),
        "{}",
        ran.bad()
    );
    assert!(ran.stderr.contains(other), "{}", ran.stderr);
}

/// What does not count is no approval, and is not stored.
#[test]
fn what_the_endpoint_would_not_count_fails_before_it_stands_there() {
    let desk = Desk::with(RULE, &content(1, 1000));
    let name = std::fs::copy(desk.lab.proxy.site.path().join("other.key"), desk.sandbox.path("other.key"));
    assert!(name.is_ok());
    for (what, options, hint) in [
        ("the rule knows no such name", &["--key", "other.key"][..], "knows no signer `other`"),
        ("nor this one", &["--key", "ci.key", "--as", "nobody"], "knows no signer `nobody`"),
        ("a key of somebody else", &["--key", "other.key", "--as", "ci"], "name this key, and"),
        ("another one's name", &["--key", "ci.key", "--as", "b"], "hint: --as NAME says whose key it is"),
    ] {
        let ran = desk.approve(options);
        desk.refused(what, &ran, REFUSED, "ArtifactSignatureRefused");
        assert!(ran.stderr.contains(hint), "{what}: {}", ran.stderr);
    }
    let pinned = ["--seal-key", "seal.pub", "--realm", REALM, LOCATION];
    let role = |role| {
        desk.hallmark(&[&["--json", "approve", "--key", "ci.key", "--role", role], &pinned[..]].concat())
    };
    let mistyped = role("relaese");
    desk.refused("a mistyped role", &mistyped, REFUSED, "asks for `release`");
    assert!(mistyped.stderr.contains("hint: give one of those by --role"), "{}", mistyped.stderr);
    role("release").good();
}

/// Nor where the signer is not the one to ask any more.
#[test]
fn a_revoked_signer_is_told_so() {
    let lab = Lab::new(RULE, "");
    assert_eq!(lab.put(&content(1, 1000), &["b"]).status, 200);
    let desk = Desk::of(lab.changed(|text| format!("keys.c.revoked = \"it leaked\"\n{text}")));
    let ran = desk.approve(&["--key", "c.key"]);
    desk.refused("revoked", &ran, REFUSED, "by `c`, and revoked: it leaked");
    assert!(ran.stderr.contains("hint: what was signed is revoked"), "{}", ran.stderr);
}

/// Nobody's signature could make these good, so none is made.
#[test]
fn what_is_never_served_is_not_signed() {
    let body = content(1, 1000);
    let lab = Lab::new(RULE, "");
    assert_eq!(lab.put(&body, &["b"]).status, 200);
    let denied = format!(
        "deny = [{{ sha256 = \"{}\", reason = \"a hole in it\" }}]\n",
        Sha256Digest::of(&body).to_hex()
    );
    for (what, line, rule, code) in [
        ("denied", denied.as_str(), "", "ArtifactDenied"),
        ("too old", "", ", not_sealed_before = 2100-01-01T00:00:00Z", "ArtifactSealTooOld"),
    ] {
        let changed = lab.changed(|text| format!("{line}{}", text.replace(RULE, &format!("{RULE}{rule}"))));
        assert_eq!(changed.read(), Err(code.to_owned()));
        let desk = Desk::of(changed);
        let ran = desk.approve(&["--key", "ci.key"]);
        desk.refused(what, &ran, REFUSED, code);
        assert!(ran.stderr.contains("no signature on"), "{what}: {}", ran.stderr);
        lab.changed(|text| text.replace(line, "").replace(rule, ""));
    }
}

#[test]
fn who_pushes_too_few_signatures_hears_how_to_add_some() {
    let desk = Desk::of(Lab::new("all_of = [\"release\"]", ""));
    std::fs::write(desk.sandbox.path("file"), "body").unwrap();
    let ran = desk.hallmark(&["push", "--key", "ci.key", "file", LOCATION]);
    desk.refused("at the upload", &ran, REFUSED, "2 of `release` (1 there)");
    for way in ["hint: sign it", "`hallmark push --key FILE.key`", "`--signer`", "`hallmark approve`"] {
        assert!(ran.stderr.contains(way), "{way}: {}", ran.stderr);
    }
    let desk = Desk::of(Lab::new(RULE, ""));
    std::fs::write(desk.sandbox.path("file"), "body").unwrap();
    let ran = desk.hallmark(&["push", "file", LOCATION]);
    ran.good();
    for way in ["`--signer`", "`hallmark approve --role ROLE"] {
        assert!(ran.stderr.contains(way), "{way}: {}", ran.stderr);
    }
}

/// What stands in the place and says nothing, be it of what was there before, gives way.
#[test]
fn an_approval_takes_the_place_of_a_worthless_signature() {
    let lab = Lab::new(RULE, "");
    let body = content(1, 1000);
    let early = lab.proxy.site.signature("b", b"what was there before");
    assert_eq!(lab.client.put(BUCKET, "app.tar.b.sig", early.as_bytes()).status, 200);
    assert_eq!(lab.put(&body, &["ci"]).status, 200);
    let desk = Desk::of(lab);
    assert_eq!(desk.approved(&["--key", "b.key"])["added"], true);
    assert_eq!(desk.lab.read(), Ok(body));
}

#[test]
fn where_names_are_bound_a_statement_names_them() {
    const BOUND: &str = "all_of = [\"release\"], siblings = [\"intoto\"], enforce = \"download\", \
        bind = \"name\", attestation = \"approval\"";
    let lab = Lab::new(RULE, "").changed(|text| {
        let text = text.replace(RULE, BOUND).replace("\"ci\", \"b\", \"c\"", "\"b\", \"c\"");
        format!(
            "keys.b.use = \"dsse\"\nkeys.c.use = \"dsse\"\n\
             attestations.approval.predicate_type = \"urn:hallmark:approval:v1\"\n{text}"
        )
    });
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &[]).status, 200);
    let desk = Desk::of(lab);
    let first = desk.approved(&["--statement", "--key", "b.key"]);
    assert_eq!(first["signature"], "s3://approved/app.tar.intoto.jsonl");
    assert_eq!(desk.approved(&["--statement", "--key", "b.key"])["added"], false);
    assert_eq!(desk.lab.read(), Err("ArtifactRoleUnmet".to_owned()));
    assert_eq!(desk.approved(&["--statement", "--key", "c.key"])["server_verified"], "seal,b,c");
    assert_eq!(desk.lab.read(), Ok(body.clone()));
    let lines = desk.lab.client.get(BUCKET, "app.tar.intoto.jsonl").text();
    assert_eq!(lines.lines().count(), 2);

    // Under another name it says nothing, and neither does one for another role.
    assert_eq!(desk.lab.client.put(BUCKET, "other.tar", &body).status, 200);
    assert_eq!(desk.lab.client.put(BUCKET, "other.tar.intoto.jsonl", lines.as_bytes()).status, 200);
    assert_eq!(desk.lab.reader.get(BUCKET, "other.tar").code(), "ArtifactAttestationUnmet");
    assert_eq!(desk.lab.client.delete(BUCKET, "app.tar.intoto.jsonl").status, 204);
    let of = ["--seal-key", "seal.pub", "--realm", REALM];
    for (role, key, says) in [
        ("testing", "b.key", "asks for `release`"),
        ("release", "ci.key", "no signature by a signer whom the rule for it names"),
    ] {
        let approve = ["--json", "approve", "--role", role, "--statement", "--key", key, LOCATION];
        desk.refused(role, &desk.hallmark(&[&approve[..], &of].concat()), REFUSED, says);
    }
}

/// Who may see what waits is not told that all is well with it.
#[test]
fn what_waits_is_no_good_news_to_who_may_see_it() {
    let desk = Desk::with(RULE, &content(1, 1000));
    let says = "not served to those who may only read what is trusted";
    let said = |ran: &Ran| format!("{}{}", String::from_utf8_lossy(&ran.stdout), ran.stderr);
    for command in ["audit", "checksums"] {
        let ran = desk.hallmark(&[command, &format!("s3://{BUCKET}/")]);
        assert_eq!(ran.status.code(), Some(REFUSED), "{command}: {}", said(&ran));
        assert!(said(&ran).contains(says), "{command}: {}", said(&ran));
    }
    let ran = desk.hallmark(&["pull", LOCATION, "file"]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    for key in ["b.key", "c.key"] {
        desk.approved(&["--key", key]);
    }
    let ran = desk.hallmark(&["audit", &format!("s3://{BUCKET}/")]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    assert!(!desk.hallmark(&["pull", LOCATION, "file"]).stderr.contains(says));
}
