//! `deploy/hallmark.example.toml` cannot go stale: it loads, as it stands and with everything switched on, and has
//! every key there is. Those of stores beside it load, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{env, folder, load};
use crate::load::{read, syntax};
use crate::reader::{Document, Presence};
use crate::{Client, Config, ConfigErrors, Immutable, Permission, S3Store, Store, StoreBucket};

const EXAMPLE: &str = include_str!("../../../deploy/hallmark.example.toml");

/// Between the chapters of the example.
const RULE: &str = "# ---------------------------------------------------------------------------------------------------------------------\n";

/// The file is about two kinds of stores; what is only for one of them has chapters of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    S3,
}

/// The example with the `#` taken away where no space follows, and without the chapters about the other kind of store.
fn all_on(kind: Kind) -> String {
    with_key(kind, if kind == Kind::Local { "key_file" } else { "signer" })
}

/// The same with the seal key in this one place.
fn with_key(kind: Kind, place: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with([' ', '#']) => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    let only = |chapter: &str| match chapter.lines().next().unwrap_or_default() {
        "[store]" => Some(Kind::Local),
        head if head.contains("a store that speaks S3") => Some(Kind::S3),
        _ => None,
    };
    let chapters = EXAMPLE.split(RULE).filter(|chapter| only(chapter).is_none_or(|only| only == kind));
    let elsewhere = |line: &str| {
        let key = line.trim_start_matches('#').split_once(" = ").map_or("", |(key, _)| key);
        match key {
            "key_file" if line == "key_file = \"seal.key\"" => place != "key_file",
            "signer" | "certifier" | "certifier_file" => place != key,
            "lifetime" => !place.starts_with("certifier"),
            _ => false,
        }
    };
    chapters.flat_map(str::lines).filter(|text| !elsewhere(text)).map(line).collect()
}

/// Loads `text` and tells which of the keys that the loader knows occur in it.
fn load_with_known(text: &str, dir: &Path) -> (Result<Config, ConfigErrors>, BTreeMap<String, Presence>) {
    let table = syntax(text, "hallmark.toml").unwrap();
    let document = Document::new(text, dir, &env);
    let config = read(&document, &table);
    let known = document.known();
    (document.finish("hallmark.toml", config), known)
}

#[test]
fn it_loads_as_it_stands() {
    let dir = folder();
    let config = load(EXAMPLE, dir.path()).unwrap();
    assert_eq!(config.realm.as_str(), "acme-artifacts");
    assert!(config.server.tls.is_none());
    let [ci, admin] = config.clients.as_slice() else { panic!("{:?}", config.clients) };
    let makes_buckets = |client: &Client| client.grants[0].permissions.contains(Permission::Admin);
    assert!(makes_buckets(admin) && !makes_buckets(ci));
    let bucket = config.buckets.values().next().unwrap();
    assert!(!bucket.dangerous_serve_unsealed);
    assert_eq!(bucket.rules.len(), 1);
}

#[test]
fn it_has_every_key_that_the_loader_knows() {
    let dir = folder();
    let mut known = BTreeMap::new();
    for (kind, place) in [
        (Kind::Local, "key_file"),
        (Kind::S3, "signer"),
        (Kind::Local, "certifier_file"),
        (Kind::S3, "certifier"),
    ] {
        let (config, of_kind) = load_with_known(&with_key(kind, place), dir.path());
        let config = config.unwrap();
        assert_eq!(matches!(config.store, Store::S3(_)), kind == Kind::S3);
        for (key, presence) in of_kind {
            known
                .entry(key)
                .and_modify(|known: &mut Presence| *known = presence.max(*known))
                .or_insert(presence);
        }
    }
    let absent: Vec<_> = known.iter().filter(|(_, presence)| **presence == Presence::Absent).collect();
    assert!(absent.is_empty(), "explain these keys in deploy/hallmark.example.toml: {absent:?}");
    // The list is the loader's own; should it ever come out empty, this test would say nothing.
    for key in ["realm", "server.tls.key_file", "clients[].grants[].prefix", "buckets.*.rules[].weakens"] {
        assert!(known.contains_key(key), "{key}: {known:?}");
    }
}

#[test]
fn keys_of_the_other_kind_of_store_are_told_from_unknown_ones() {
    let dir = folder();
    let known = |kind| load_with_known(&all_on(kind), dir.path()).1;
    let of_store = |kind| -> Vec<String> {
        let keys = known(kind).into_keys().filter_map(|key| key.strip_prefix("store.").map(str::to_owned));
        keys.filter(|key| key != "kind").collect()
    };
    for (kind, other, said) in [
        ("local", Kind::S3, "belongs to a store that speaks S3"),
        ("s3", Kind::Local, "belongs to a store of the kind \"local\""),
    ] {
        let keys = of_store(other);
        assert!(!keys.is_empty());
        for key in keys {
            let text = format!("realm = \"r\"\nstore = {{ kind = \"{kind}\", {key} = 1 }}\n");
            let lines = load(&text, dir.path()).unwrap_err();
            let about = format!(" store.{key}: {said}");
            assert!(lines.iter().any(|line| line.contains(&about)), "{key}: {lines:?}");
        }
    }
}

#[test]
fn the_defaults_that_it_shows_are_the_defaults() {
    let dir = folder();
    let defaults = load(super::BASE, dir.path()).unwrap();
    let shown = load(&all_on(Kind::Local), dir.path()).unwrap();
    assert_eq!(format!("{:?}", shown.limits), format!("{:?}", defaults.limits));
    let admin = load(&format!("{}admin.listen = \"127.0.0.1:9001\"", super::BASE), dir.path()).unwrap().admin;
    assert_eq!(format!("{:?}", shown.admin), format!("{admin:?}"));
    assert!(defaults.admin.is_none());
    assert_eq!(format!("{:?}", shown.cache), format!("{:?}", defaults.cache));
    assert_eq!(shown.state.secret_file, defaults.state.secret_file);
    assert_eq!(shown.server.listen, defaults.server.listen);
    assert_eq!(shown.server.region, defaults.server.region);
    assert!(!shown.server.dangerous_unsigned_payload_over_http);
    assert!(shown.buckets.values().all(|bucket| !bucket.dangerous_serve_unsealed));
    assert!(shown.buckets.values().all(|bucket| bucket.freshness.is_zero()));

    let of_keys = |text: &str| load(text, dir.path()).unwrap().seal.work;
    let least = "realm = \"r\"\nseal.certifier_file = \"k\"\nstore.path = \"d\"";
    assert_eq!(of_keys(&with_key(Kind::Local, "certifier_file")), of_keys(least));

    let shown = load(&all_on(Kind::S3), dir.path()).unwrap();
    let least = "realm = \"r\"\nseal.key_file = \"k\"\nstate.secret_file = \"state.secret\"\n\
        store = { kind = \"s3\", state_bucket = \"sss\" }";
    let defaults = load(least, dir.path()).unwrap();
    let (Store::S3(shown), Store::S3(defaults)) = (shown.store, defaults.store) else { panic!() };
    let numbers =
        |store: &S3Store| (store.connect_timeout, store.answer_timeout, store.max_requests, store.attempts);
    assert_eq!(numbers(&shown), numbers(&defaults));
}

#[test]
fn the_examples_of_stores_load() {
    let dir = folder();
    let mut names = Vec::new();
    for (name, text) in of_stores("toml") {
        let config = load(&text, dir.path()).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let Store::S3(store) = &config.store else { panic!("{name}: {:?}", config.store) };
        assert_eq!(store.endpoint.is_none(), name == "aws-s3.toml");
        let immutable = config.buckets.values().any(|bucket| bucket.immutable != Immutable::Nothing);
        // That one keeps no such promise, and Hallmark would not start.
        assert_eq!(immutable, name != "garage.toml", "{name}");
        assert!(text.contains(&format!("check-store {name}")));
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["aws-s3.toml", "ceph-rgw.toml", "garage.toml", "minio.toml"]);
}

/// Both permit something, and only for the buckets of the example.
#[test]
fn the_policies_for_aws_are_about_the_buckets_of_the_example() {
    let (_, text) = of_stores("toml").find(|(name, _)| name == "aws-s3.toml").unwrap();
    let config = load(&text, folder().path()).unwrap();
    let Store::S3(store) = &config.store else { panic!() };
    let kept = config.buckets.values().filter_map(|bucket| bucket.kept_in.as_ref());
    let arn = |bucket: &StoreBucket| format!("arn:aws:s3:::{bucket}");
    let objects = kept.clone().map(|kept| format!("{}/{}*", arn(&kept.bucket), kept.prefix));
    let state = [arn(&store.state_bucket), format!("{}/*", arn(&store.state_bucket)), "*".to_owned()];
    let known: Vec<_> = kept.clone().map(|kept| arn(&kept.bucket)).chain(objects).chain(state).collect();
    let mut policies = 0;
    for (name, text) in of_stores("json") {
        let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            let resources = &statement["Resource"];
            let resources = resources.as_array().cloned().unwrap_or_else(|| vec![resources.clone()]);
            assert!(
                resources.iter().all(|resource| known.iter().any(|known| resource == known)),
                "{name}: {resources:?}"
            );
            assert!(!statement["Action"].to_string().contains('*'), "{name}");
            let everywhere = resources.iter().any(|resource| resource == "*");
            assert_eq!(everywhere, statement["Action"] == "s3:ListAllMyBuckets", "{name}");
        }
        policies += 1;
    }
    assert_eq!(policies, 2);
}

/// The files of `deploy/stores` that end so: each name and text.
fn of_stores(extension: &'static str) -> impl Iterator<Item = (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/stores");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(move |path| path.extension().is_some_and(|found| found == extension));
    files.map(|path| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
    })
}
