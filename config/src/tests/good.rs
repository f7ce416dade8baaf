//! Good files and what comes out of them.

use std::fs;
use std::time::Duration;

use super::{BASE, KEY_A, KEY_B, SECRET, folder, load};
use crate::{
    Bucket, BucketScope, Config, Generated, Immutable, Permission, Permissions, RuleTarget, SealKey,
    SealKeyWork, Secret, Signatures, Store,
};

#[test]
fn defaults() {
    let dir = folder();
    let config = load(BASE, dir.path()).unwrap();
    assert_eq!(config.realm.as_str(), "r");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:9000");
    assert!(config.server.tls.is_none());
    assert!(config.server.domains.is_empty());
    assert_eq!(config.server.region, "us-east-1");
    assert!(!config.server.dangerous_unsigned_payload_over_http);
    assert_eq!(config.limits.max_connections, 1024);
    assert_eq!(config.limits.max_object_size, 5 << 40);
    assert_eq!(config.limits.memory_budget, 384 << 20);
    assert_eq!(config.limits.header_timeout, Duration::from_secs(10));
    assert_eq!(config.limits.idle_timeout, Duration::from_secs(30));
    assert_eq!(config.limits.min_rate.unwrap().get(), 1024);
    assert_eq!(config.limits.drain_timeout, Duration::from_secs(30));
    assert!(config.admin.is_none());
    let cache = &config.cache;
    assert_eq!(
        [cache.verdicts, cache.heads, cache.records, cache.leaves].map(|bytes| bytes >> 20),
        [16, 8, 8, 64]
    );
    assert!(config.seal.trusted_key_files.is_empty());
    assert!(config.keys.is_empty() && config.clients.is_empty() && config.buckets.is_empty());

    // A bucket whose table is empty is as safe as one without a table.
    let config = load(&format!("{BASE}buckets.rel = {{}}"), dir.path()).unwrap();
    let bucket = config.buckets.values().next().unwrap();
    assert_eq!(bucket.anonymous, Permissions::default());
    assert!(!bucket.dangerous_serve_unsealed && bucket.rules.is_empty());
    assert_eq!(bucket.immutable, Immutable::Nothing);
    assert_eq!(bucket.freshness, Duration::ZERO);
}

#[test]
fn everything_said_comes_out() {
    let dir = folder();
    let text = format!(
        r#"
        realm = "acme"
        [server]
        listen = "[::]:0"
        tls = {{ certificate_file = "tls.crt", key_file = "/etc/tls.key" }}
        domains = ["s3.example.com", "s3.example.org"]
        region = "eu-west-1"
        dangerous_unsigned_payload_over_http = true
        [admin]
        listen = "127.0.0.1:0"
        drain_delay = "0"
        [limits]
        max_connections = 7
        max_object_size = "1 GiB"
        memory_budget = "64 MiB"
        header_timeout = "1500ms"
        idle_timeout = "2m"
        min_rate = "0"
        drain_timeout = "1h"
        [cache]
        verdicts = "1 KiB"
        heads = "2 KiB"
        records = "0"
        leaves = "4 GiB"
        [seal]
        key_file = "closed.key"
        passphrase_file = "seal.passphrase"
        trusted_key_files = ["old.pub", "/older.pub"]
        trusted_certifier_files = ["root.pub"]
        refused = [{{ key = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", reason = "it leaked" }}]
        [state]
        secret_file = "state.secret"
        previous_secret_file = "state-old.secret"
        [store]
        kind = "local"
        path = "data"
        [keys.ci]
        public_key_file = "ci.pub"
        [keys.old]
        public_key = """{KEY_B}"""
        revoked = "leaked"
        [[clients]]
        name = "file"
        access_key = "AKIA+FILE"
        secret_file = "ci.secret"
        [[clients.grants]]
        bucket = "*"
        permissions = ["read", "list"]
        [[clients.grants]]
        bucket = "releases"
        prefix = "app"
        permissions = ["write"]
        [[clients]]
        name = "env"
        access_key = "other"
        secret_env = "SECRET"
        [buckets.releases]
        anonymous = ["read"]
        dangerous_serve_unsealed = true
        freshness = "5s"
        immutable_prefixes = ["v1/", "app/1.0/"]
        [[buckets.releases.rules]]
        prefix = "app/"
        signatures = "required"
        keys = ["ci", "old"]
        [[buckets.releases.rules]]
        key = "app/x"
        signatures = "optional"
        keys = ["ci"]
        weakens = true
        "#
    );
    let config = load(&text, dir.path()).unwrap();

    let tls = config.server.tls.as_ref().unwrap();
    assert_eq!(tls.certificate_file, dir.path().join("tls.crt"));
    assert_eq!(tls.key_file.to_str(), Some("/etc/tls.key"));
    assert_eq!(config.server.listen.to_string(), "[::]:0");
    assert_eq!(config.server.domains, ["s3.example.com", "s3.example.org"]);
    assert_eq!(config.server.region, "eu-west-1");
    assert!(config.server.dangerous_unsigned_payload_over_http);

    assert_eq!(config.limits.max_connections, 7);
    assert_eq!(config.limits.max_object_size, 1 << 30);
    assert_eq!(config.limits.memory_budget, 64 << 20);
    assert_eq!(config.limits.header_timeout, Duration::from_millis(1500));
    assert_eq!(config.limits.idle_timeout, Duration::from_mins(2));
    assert_eq!(config.limits.min_rate, None);
    assert_eq!(config.limits.drain_timeout, Duration::from_hours(1));

    let admin = config.admin.as_ref().unwrap();
    assert_eq!((admin.listen.to_string().as_str(), admin.drain_delay), ("127.0.0.1:0", Duration::ZERO));

    let cache = &config.cache;
    assert_eq!([cache.verdicts, cache.heads, cache.records, cache.leaves], [1 << 10, 2 << 10, 0, 4 << 30]);

    assert_eq!(config.seal.key, SealKey::File(dir.path().join("closed.key")));
    assert_eq!(config.seal.passphrase.as_ref().map(Secret::expose), Some("open sesame"));
    assert_eq!(config.seal.trusted_certifier_files, [dir.path().join("root.pub")]);
    assert_eq!(config.seal.refused[0].reason, "it leaked");
    assert_eq!(config.seal.work, SealKeyWork::Seals);
    assert_eq!(config.seal.trusted_key_files, [dir.path().join("old.pub"), "/older.pub".into()]);
    assert_eq!(config.state.secret_file, dir.path().join("state.secret"));
    assert_eq!(config.state.generated, Generated::Never);
    assert_eq!(config.state.previous_secret_file, Some(dir.path().join("state-old.secret")));
    let Store::Local { path } = &config.store else { panic!("{:?}", config.store) };
    assert_eq!(*path, dir.path().join("data"));

    let keys: Vec<_> = config.keys.iter().map(|(name, key)| (name.as_str(), key)).collect();
    let [("ci", ci), ("old", old)] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!(ci.public_key_pem, KEY_A.trim());
    assert_eq!(ci.config_key, "keys.ci.public_key_file");
    assert_eq!(ci.validity, crate::Validity::default());
    assert_eq!(old.public_key_pem, KEY_B.trim());
    assert_eq!(old.config_key, "keys.old.public_key");
    assert_eq!(old.validity.revoked.as_ref().map(|revoked| revoked.reason.as_str()), Some("leaked"));

    let [file, env] = config.clients.as_slice() else { panic!("{:?}", config.clients) };
    assert_eq!((file.name.as_str(), file.access_key.as_str()), ("file", "AKIA+FILE"));
    assert_eq!(file.secret.expose(), SECRET);
    assert_eq!(env.secret.expose(), SECRET);
    assert!(env.grants.is_empty());
    let [all, one] = file.grants.as_slice() else { panic!("{:?}", file.grants) };
    assert_eq!(all.bucket, BucketScope::All);
    assert_eq!(all.prefix.as_str(), "");
    assert_eq!(all.permissions, [Permission::Read, Permission::List].into_iter().collect());
    assert!(matches!(&one.bucket, BucketScope::One(bucket) if bucket.as_str() == "releases"));
    assert_eq!(one.prefix.as_str(), "app");

    let (name, bucket) = config.buckets.iter().next().unwrap();
    assert_eq!(name.as_str(), "releases");
    assert_eq!(bucket.anonymous, [Permission::Read].into_iter().collect());
    assert!(bucket.dangerous_serve_unsealed);
    assert_eq!(bucket.freshness, Duration::from_secs(5));
    let Immutable::Prefixes(prefixes) = &bucket.immutable else { panic!("{:?}", bucket.immutable) };
    assert_eq!(prefixes.iter().map(crate::Prefix::as_str).collect::<Vec<_>>(), ["v1/", "app/1.0/"]);
    let [app, x] = bucket.rules.as_slice() else { panic!("{:?}", bucket.rules) };
    assert!(matches!(&app.target, RuleTarget::Prefix(prefix) if prefix.as_str() == "app/"));
    assert_eq!(app.signatures, Signatures::Required);
    assert_eq!(
        app.all_of[0].signers.iter().map(crate::SignerName::as_str).collect::<Vec<_>>(),
        ["ci", "old"]
    );
    assert_eq!(x.target, RuleTarget::Key("app/x".to_owned()));
    assert_eq!(x.signatures, Signatures::Optional);

    assert!(!format!("{config:?}").contains(SECRET));
}

/// Beside the seal key, there yet or not: that is for the proxy to see to.
#[test]
fn the_state_secret_is_beside_the_seal_key_by_default() {
    let dir = folder();
    let state = |text: &str| load(text, dir.path()).unwrap().state;
    for (key, file) in [
        ("seal.key", dir.path().join("state.secret")),
        ("absent/seal.key", dir.path().join("absent/state.secret")),
        ("/absent/seal.key", "/absent/state.secret".into()),
    ] {
        let text = format!("realm = \"r\"\nseal.key_file = \"{key}\"\nstore.path = \"data\"\n");
        for table in ["", "[state]", "[state]\nprevious_secret_file = \"state-old.secret\""] {
            let state = state(&format!("{text}{table}"));
            assert_eq!((&state.secret_file, state.generated), (&file, Generated::WhenAbsent));
            assert_eq!(state.previous_secret_file.is_some(), table.contains("previous"));
        }
    }
}

#[test]
fn what_is_immutable_is_held() {
    let dir = folder();
    let bucket = |settings: &str| -> Bucket {
        let config = load(&format!("{BASE}[buckets.rel]\n{settings}\n"), dir.path()).unwrap();
        config.buckets.into_values().next().unwrap()
    };
    for (settings, held, free) in [
        ("", &[][..], &["a", "v1/a"][..]),
        ("immutable = false", &[], &["a"]),
        ("immutable = true", &["a", "v1/a", ""], &[]),
        ("immutable_prefixes = []", &[], &["a"]),
        ("immutable_prefixes = [\"\"]", &["a", "v1/a"], &[]),
        (
            "immutable = false\nimmutable_prefixes = [\"v1/\"]",
            &["v1/a", "v1/"],
            &["v1", "v10/a", "a/v1/", "V1/a"],
        ),
        ("immutable_prefixes = [\"v1/\", \"v2/\"]", &["v1/a", "v2/a"], &["v3/a"]),
    ] {
        let immutable = bucket(settings).immutable;
        assert!(held.iter().all(|key| immutable.holds(key)), "{settings}");
        assert!(!free.iter().any(|key| immutable.holds(key)), "{settings}");
    }
}

#[test]
fn a_set_holds_what_was_put_into_it() {
    for permission in Permission::ALL {
        let set: Permissions = [permission].into_iter().collect();
        assert!(Permission::ALL.into_iter().all(|other| set.contains(other) == (other == permission)));
        assert!(Permissions::all().contains(permission) && !Permissions::default().contains(permission));
    }
}

#[test]
fn every_permission_has_its_word() {
    let dir = folder();
    for permission in Permission::ALL {
        let text = format!(
            "{BASE}[[clients]]\nname = \"a\"\naccess_key = \"abc\"\nsecret_env = \"SECRET\"\n\
             grants = [{{ bucket = \"*\", permissions = [\"{}\"] }}]",
            permission.word()
        );
        let config = load(&text, dir.path()).unwrap();
        assert_eq!(config.clients[0].grants[0].permissions, [permission].into_iter().collect());
    }
}

#[test]
fn one_line_end_is_not_part_of_a_secret() {
    let dir = folder();
    for file in ["ci.secret", "unended.secret", "dos.secret"] {
        let text =
            format!("{BASE}[[clients]]\nname = \"a\"\naccess_key = \"abc\"\nsecret_file = \"{file}\"\n");
        assert_eq!(load(&text, dir.path()).unwrap().clients[0].secret.expose(), SECRET, "{file}");
    }
}

#[test]
fn a_file_is_loaded_from_where_it_stands() {
    let dir = folder();
    let path = dir.path().join("hallmark.toml");
    fs::write(&path, format!("{BASE}keys.ci.public_key_file = \"ci.pub\"\n")).unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(config.seal.key, SealKey::File(dir.path().join("seal.key")));
    assert_eq!(config.keys.len(), 1);

    fs::write(&path, "realm = 1\n[seal]\nkey_file = \"k\"\n[store]\npath = \"p\"\n").unwrap();
    assert_eq!(
        Config::load(&path).unwrap_err().to_string(),
        format!("{}:1:9: realm: must be a text in quotes; this is a whole number", path.display())
    );
}

/// Who waits for a change must know what to look at, also while something is wrong with it.
#[test]
fn what_a_configuration_depends_on_is_told() {
    let dir = folder();
    let path = dir.path().join("h.toml");
    let base = BASE.replace("\"seal.key\"", "\"closed.key\"");
    let names = |text: &str| -> Vec<String> {
        fs::write(&path, format!("{base}{text}")).unwrap();
        let files = Config::load_with_files(&path).files;
        files.iter().map(|file| file.strip_prefix(dir.path()).unwrap().display().to_string()).collect()
    };
    assert_eq!(
        names("[keys.ci]\npublic_key_file = \"ci.pub\"\n"),
        ["ci.pub", "closed.key", "data", "h.toml"]
    );
    assert_eq!(
        names("[keys.ci]\npublic_key_file = \"none.pub\"\n"),
        ["closed.key", "data", "h.toml", "none.pub"]
    );
    assert_eq!(names("not TOML"), ["h.toml"]);
}
