//! `deploy/hallmark.example.toml` cannot go stale: it loads, as it stands and with everything switched on, and has
//! every key there is.

use std::collections::BTreeMap;
use std::path::Path;

use super::{env, folder, load};
use crate::load::{read, syntax};
use crate::reader::{Document, Presence};
use crate::{Client, Config, ConfigErrors, Permission};

const EXAMPLE: &str = include_str!("../../../deploy/hallmark.example.toml");

/// The example with the `#` taken away where no space follows.
fn all_on() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with([' ', '#']) => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    EXAMPLE.lines().map(line).collect()
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
    let (config, known) = load_with_known(&all_on(), dir.path());
    config.unwrap();
    let absent: Vec<_> = known.iter().filter(|(_, presence)| **presence == Presence::Absent).collect();
    assert!(absent.is_empty(), "explain these keys in deploy/hallmark.example.toml: {absent:?}");
    // The list is the loader's own; should it ever come out empty, this test would say nothing.
    for key in ["realm", "server.tls.key_file", "clients[].grants[].prefix", "buckets.*.rules[].weakens"] {
        assert!(known.contains_key(key), "{key}: {known:?}");
    }
}

#[test]
fn the_defaults_that_it_shows_are_the_defaults() {
    let dir = folder();
    let defaults = load(super::BASE, dir.path()).unwrap();
    let shown = load(&all_on(), dir.path()).unwrap();
    assert_eq!(format!("{:?}", shown.limits), format!("{:?}", defaults.limits));
    assert_eq!(format!("{:?}", shown.cache), format!("{:?}", defaults.cache));
    assert_eq!(shown.state.secret_file, defaults.state.secret_file);
    assert_eq!(shown.server.listen, defaults.server.listen);
    assert_eq!(shown.server.region, defaults.server.region);
    assert!(!shown.server.dangerous_unsigned_payload_over_http);
    assert!(shown.buckets.values().all(|bucket| !bucket.dangerous_serve_unsealed));
    assert!(shown.buckets.values().all(|bucket| bucket.freshness.is_zero()));
}
