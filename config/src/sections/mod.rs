//! What each table of the file may hold: names, ranges and defaults. One file per table.

mod admin;
mod buckets;
mod cache;
mod clients;
mod declared;
mod deny;
mod endpoint;
mod feasible;
mod identities;
mod kept_in;
mod keys;
mod limits;
mod roles;
mod rules;
mod seal;
mod secrets;
mod server;
mod state;
mod store;
mod validity;
mod weakening;

use self::declared::Declared;
use self::identities::Clash;
use self::kept_in::Mappings;
use crate::error::Sources;
use crate::name::{AttestationName, BucketName, Realm, RoleName, SignerName};
use crate::reader::{Read, Table, Unique};
use crate::types::Config;

/// The whole file.
pub(crate) fn config(root: &mut Table<'_>) -> Read<Config> {
    let realm = root.required("realm", "\"acme-artifacts\"", |value| value.parse(Realm::parse));
    let server = root.section("server", server::server);
    let admin = root.optional("admin", |value| value.table(|table| admin::admin(table, &server)));
    let limits = root.section("limits", limits::limits);
    let cache = root.section("cache", cache::cache);
    let seal = root.section("seal", seal::seal);
    let (kind, store) = root
        .section("store", |table| Ok(store::store(table)))
        .unwrap_or_else(|reported| (Err(reported), Err(reported)));
    let state = root.section("state", |table| state::state(table, &seal, kind));

    let bodies = Unique::new();
    let keys = root
        .named("keys", SignerName::parse, |name, value| value.table(|table| keys::key(table, name, &bodies)));
    let key_names = root.names("keys");
    let identities = root.named("identities", SignerName::parse, |name, value| {
        let clash = if key_names.contains(&name) { Clash::Key } else { Clash::None };
        value.table(|table| identities::identity(table, clash))
    });
    let signers = declared::signers(root);
    let roles = root.named("roles", RoleName::parse, |name, value| {
        value.table(|table| roles::role(table, name, &signers))
    });
    let attestations =
        root.named("attestations", AttestationName::parse, |_, value| value.table(roles::attestation));
    let deny = root.or("deny", Vec::new(), deny::denials);
    let declared = Declared::new(root, &keys, &identities, &roles, &attestations);
    let clients = root.or("clients", Vec::new(), clients::clients);
    let mappings = Mappings::new(kind, store.as_ref().ok());
    let buckets = root.named("buckets", BucketName::parse, |name, value| {
        value.table(|table| buckets::bucket(table, name, &declared, &mappings))
    });
    let mapped = mappings.finish();

    mapped?;
    Ok(Config {
        realm: realm?,
        server: server?,
        admin: admin?,
        limits: limits?,
        cache: cache?,
        seal: seal?,
        state: state?,
        store: store?,
        keys: keys?,
        identities: identities?,
        roles: roles?,
        attestations: attestations?,
        deny: deny?,
        clients: clients?,
        buckets: buckets?,
        sources: Sources::default(),
    })
}
