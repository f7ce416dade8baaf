//! `rotate-seal-key`, with instances that serve meanwhile, and `explain`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use hallmark_tests::proxy::{Proxy, aws_environment, program};
use hallmark_tests::site::{Engine, FULL, Options, REALM, SIGNED, Site};

use super::{BUCKET, KEY, options, revoke};

/// The exit code and all that was said.
pub(super) fn run(site: &Site, arguments: &[&str]) -> (Option<i32>, String) {
    let ran = Command::new(program("hallmark-proxy"))
        .args(arguments)
        .current_dir(site.path())
        .env_remove("HALLMARK_CONFIG")
        .output()
        .unwrap();
    let said = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
    assert!(!said.contains("PRIVATE KEY-----"), "{said}");
    (ran.status.code(), said)
}

#[track_caller]
fn rotates(proxy: &Proxy, code: i32, words: &[&str]) {
    let instance = proxy.admin().to_string();
    let arguments = ["rotate-seal-key", "hallmark.toml", "seal-next.key", "--instance", &instance];
    let (exit, said) = run(&proxy.site, &arguments);
    assert_eq!(exit, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word}\n{said}");
    }
}

/// As the page about keys has it. Everything that was sealed is served at every moment.
#[test]
fn a_seal_key_is_rotated_while_artifacts_are_served() {
    let proxy = Proxy::start_with(&options());
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let mut sealed = Vec::new();
    let mut seal = |key: &'static str| {
        assert_eq!(client.put(BUCKET, key, b"1").status, 200);
        sealed.push(key);
        for key in &sealed {
            assert_eq!(client.get(BUCKET, key).status, 200, "{key}");
        }
    };
    seal("one");
    rotates(&proxy, 0, &["made      seal-next.key", "does not accept seals by the new key", "Step 1 of 3"]);
    let path = |name: &str| proxy.site.path().join(name);
    assert_eq!(fs::metadata(path("seal-next.key")).unwrap().permissions().mode() & 0o777, 0o600);
    let made = fs::read(path("seal-next.key")).unwrap();
    seal("two");

    let active = "key_file = \"seal.key\"";
    let edit = |from: &str, to: &str| proxy.site.edit_config(|text| text.replace(from, to));
    let admin = proxy.admin().to_string();
    edit(active, &format!("{active}\ntrusted_key_files = [\"seal-next.pub\"]"));
    assert!(proxy.reload());
    rotates(&proxy, 0, &["found     seal-next.key", "makes none with it", "Step 2 of 3", "\"seal.pub\""]);
    seal("three");

    edit(active, "key_file = \"seal-next.key\"");
    edit("trusted_key_files = [\"seal-next.pub\"]", "trusted_key_files = [\"seal.pub\"]");
    assert!(proxy.reload());
    rotates(&proxy, 0, &["makes seals with the new key, and accepts others", "Step 3 of 3"]);
    seal("four");

    edit("trusted_key_files = [\"seal.pub\"]", "");
    assert!(proxy.reload());
    rotates(
        &proxy,
        0,
        &["and accepts no others", "whatever another key has sealed is refused", "was forgotten"],
    );
    assert_eq!(client.get(BUCKET, "four").status, 200);
    assert_eq!(client.get(BUCKET, "three").header("x-hallmark-refused"), Some("ArtifactSealInvalid"));
    assert_eq!(fs::read(path("seal-next.key")).unwrap(), made, "it was made once");

    // What an instance has not got to yet is waited for.
    let behind = Site::new(&options());
    for name in ["seal-next.key", "seal-next.pub"] {
        fs::copy(path(name), behind.path().join(name)).unwrap();
    }
    fs::set_permissions(behind.path().join("seal-next.key"), fs::Permissions::from_mode(0o600)).unwrap();
    behind.edit_config(|text| {
        text.replace(active, &format!("{active}\ntrusted_key_files = [\"seal-next.pub\"]"))
    });
    let slow_one = Proxy::start_with(&options());
    let slow = slow_one.admin().to_string();
    let arguments =
        ["rotate-seal-key", "hallmark.toml", "seal-next.key", "--instance", &admin, "--instance", &slow];
    let (code, said) = run(&behind, &arguments);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not accept seals by the new key") && said.contains("Not yet: "), "{said}");
    assert!(!said.contains("Step"), "{said}");

    // And one that has gone on and forgotten the old key is not where the others are.
    behind.edit_config(|text| {
        let text = text.replace(active, "key_file = \"seal-next.key\"");
        text.replace("[\"seal-next.pub\"]", "[\"seal.pub\"]")
    });
    let (code, said) = run(&behind, &arguments[..5]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("and accepts no others") && said.contains("Not yet: "), "{said}");
}

#[test]
fn files_that_are_in_the_way_are_left_as_they_are() {
    let site = Site::new(&Options::default());
    let path = |name: &str| site.path().join(name);
    fs::copy(path("other.pub"), path("wrong.pub")).unwrap();
    fs::copy(path("ci.key"), path("wrong.key")).unwrap();
    fs::write(path("open.key"), fs::read(path("other.key")).unwrap()).unwrap();
    fs::set_permissions(path("open.key"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path("text.key"), "no key").unwrap();
    fs::set_permissions(path("text.key"), fs::Permissions::from_mode(0o600)).unwrap();
    for (key, said) in [
        ("wrong.key", "wrong.pub is not the public half of wrong.key"),
        ("open.key", "open.key is open to others"),
        ("text.key", "text.key"),
        ("nowhere/new.key", "cannot make nowhere/new.key"),
    ] {
        let before = fs::read(path(key)).ok();
        let (code, text) = run(&site, &["rotate-seal-key", "hallmark.toml", key]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(said), "{said}\n{text}");
        assert_eq!(fs::read(path(key)).ok(), before);
    }
}

/// What `hallmark pull` is given is what the endpoint serves, also while there are two keys.
#[test]
fn served_seal_keys_verify_downloads() {
    let proxy = Proxy::start_with(&options());
    let client = proxy.client();
    client.create_bucket(BUCKET);
    assert_eq!(client.put(BUCKET, KEY, b"1").status, 200);
    let active = "key_file = \"seal.key\"";
    proxy.site.edit_config(|text| {
        text.replace(active, "key_file = \"other.key\"\ntrusted_key_files = [\"seal.pub\"]")
    });
    assert!(proxy.reload());
    assert_eq!(client.put(BUCKET, "newer", b"2").status, 200);
    let keys = client.ask("GET", "/.hallmark/seal-keys.pem", &[], b"").body;
    fs::write(proxy.site.path().join("bundle.pem"), keys).unwrap();
    for (key, file, code) in
        [(KEY, "bundle.pem", 0), ("newer", "bundle.pem", 0), (KEY, "other.pub", 3), ("newer", "ci.pub", 3)]
    {
        let location = format!("s3://{BUCKET}/{key}");
        let ran = Command::new(program("hallmark"))
            .args(["pull", "--seal-key", file, "--realm", REALM, &location, "pulled"])
            .current_dir(proxy.site.path())
            .envs(aws_environment(proxy.address(), FULL))
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(code), "{key} {file}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[test]
fn a_download_is_explained() {
    let mut proxy = Proxy::start_with(&Options { store: Engine::Local, ..options() });
    let client = proxy.client();
    for bucket in [SIGNED, BUCKET] {
        client.create_bucket(bucket);
    }
    let signature = proxy.site.signature("ci", b"1");
    let headers = [("x-amz-meta-hallmark-signature", signature.as_str())];
    assert_eq!(client.put_with(SIGNED, KEY, b"1", &headers).status, 200);
    assert_eq!(client.put(BUCKET, KEY, b"1").status, 200);
    let explained = |proxy: &Proxy, object: &str, code: i32, words: &[&str]| {
        let (exit, said) = run(&proxy.site, &["explain", "hallmark.toml", object]);
        assert_eq!(exit, Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word}\n{said}");
        }
    };
    let signed = format!("s3://{SIGNED}/{KEY}");
    explained(&proxy, &signed, 1, &["the embedded store is open to one process at a time"]);
    proxy.kill();
    let rule = ["bucket signed, prefix \"\"", "signatures are required:\n            1 of: ci\n"];
    let seal =
        ["(put), made at 20", "for ci, by the seal key", "1 bytes, sha256 6b86b273", "1 in the header"];
    explained(
        &proxy,
        &signed,
        0,
        &[&rule[..], &seal, &["ci, of 20", ": counts\n", "served; found good: seal,ci"]].concat(),
    );
    explained(&proxy, &format!("s3://{BUCKET}/{KEY}"), 0, &["none is about this name", "good: seal\n"]);
    explained(&proxy, &format!("s3://{BUCKET}/none"), 1, &["NoSuchKey"]);
    revoke(&proxy.site);
    explained(
        &proxy,
        &signed,
        3,
        &[
            &rule[..],
            &seal,
            &[
                "it is revoked: ",
                "missing: 1 more of 1 of: ci",
                "not served: ArtifactKeyRevoked (key_revoked)",
            ],
        ]
        .concat(),
    );
    proxy.site.edit_config(|text| text.replace("\"seal.key\"", "\"other.key\""));
    explained(&proxy, &signed, 3, &["not served: ArtifactSealInvalid (seal_unknown_key)"]);
    explained(&proxy, "s3://x", 2, &["expected s3://bucket/key"]);
}

/// By the same signatures as a download: those beside the artifact, too.
#[test]
fn what_stands_beside_an_artifact_is_explained() {
    let tables = format!(
        "[admin]\nlisten = \"127.0.0.1:0\"\n[buckets.{BUCKET}]\nrules = [{{ prefix = \"\", signatures = \"required\", \
         all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\" }}]\n"
    );
    let site = Site::new(&Options { tables, store: Engine::Local, ..Options::default() });
    site.add_release_role();
    let mut proxy = Proxy::start_at(site);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let signed = |name: &str, keys: &[&str]| {
        assert_eq!(client.put(BUCKET, name, b"1").status, 200);
        for key in keys {
            let signature = proxy.site.signature(key, b"1");
            assert_eq!(client.put(BUCKET, &format!("{name}.{key}.sig"), signature.as_bytes()).status, 200);
        }
    };
    // Under another signer's name, from before there was anything that it could be held against.
    let signature = proxy.site.signature("b", b"1");
    assert_eq!(client.put(BUCKET, "one.c.sig", signature.as_bytes()).status, 200);
    signed("both", &["b", "c"]);
    signed("one", &["b"]);
    signed("none", &[]);
    proxy.kill();
    let explained = |name: &str, code: i32, words: &[&str]| {
        let object = format!("s3://{BUCKET}/{name}");
        let (exit, said) = run(&proxy.site, &["explain", "hallmark.toml", &object]);
        assert_eq!(exit, Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word}\n{said}");
        }
    };
    explained(
        "both",
        0,
        &[
            "siblings    both.b.sig: sealed at 20",
            "            both.c.sig: sealed at 20",
            "b, of 20",
            ": counts\n",
            "good: seal,b,c\n",
        ],
    );
    let missing = "missing: 1 more of release (2 of: ci, b, c)";
    explained(
        "one",
        3,
        &[
            "one.b.sig: sealed",
            "one.c.sig: sealed",
            ", and of no use: it is a signature by `b`, and stands under the name for one by `c`\n",
            missing,
            "ArtifactRoleUnmet (role_unmet)",
        ],
    );
    // As it is told to clients, with nothing escaped that a terminal can show.
    explained(
        "none",
        3,
        &["siblings    none", "ArtifactSignatureMissing", "requires a publisher's signature"],
    );
    explained("both.b.sig", 0, &["none is about this name", "good: seal\n"]);
}

/// What is valid and hardly meant.
#[test]
fn a_rule_under_which_nobody_can_approve_is_told() {
    let tables = format!(
        "[buckets.{BUCKET}]\nrules = [{{ prefix = \"\", signatures = \"required\", keys = [\"ci\"], \
         enforce = \"download\" }}]\n"
    );
    let site = Site::new(&Options { tables, ..Options::default() });
    let (code, said) = run(&site, &["check-config", "hallmark.toml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(": ok") && said.contains("warning: buckets.") && said.contains("`siblings"),
        "{said}"
    );
    site.edit_config(|text| text.replace("\"download\"", "\"download\", siblings = [\"sig\"]"));
    let (code, said) = run(&site, &["check-config", "hallmark.toml"]);
    assert!(code == Some(0) && !said.contains("warning"), "{said}");
}
