//! What each table of the file may hold: names, ranges and defaults. One file per table.

mod buckets;
mod cache;
mod clients;
mod keys;
mod limits;
mod rules;
mod seal;
mod secrets;
mod server;
mod state;
mod store;

use crate::error::Sources;
use crate::name::{BucketName, KeyName, Realm};
use crate::reader::{Read, Table, Unique};
use crate::types::Config;

/// The whole file.
pub(crate) fn config(root: &mut Table<'_>) -> Read<Config> {
    let realm = root.required("realm", "\"acme-artifacts\"", |value| value.parse(Realm::parse));
    let server = root.section("server", server::server);
    let limits = root.section("limits", limits::limits);
    let cache = root.section("cache", cache::cache);
    let seal = root.section("seal", seal::seal);
    let state = root.section("state", |table| state::state(table, &seal));
    let store = root.section("store", store::store);

    // Rules refer to keys by name. A key that is there but wrong has its own report, so names count, not values.
    let declared = root.names("keys");
    let bodies = Unique::new();
    let keys = root.named("keys", KeyName::parse, |value| value.table(|table| keys::key(table, &bodies)));
    let clients = root.or("clients", Vec::new(), clients::clients);
    let buckets = root
        .named("buckets", BucketName::parse, |value| value.table(|table| buckets::bucket(table, &declared)));

    Ok(Config {
        realm: realm?,
        server: server?,
        limits: limits?,
        cache: cache?,
        seal: seal?,
        state: state?,
        store: store?,
        keys: keys?,
        clients: clients?,
        buckets: buckets?,
        sources: Sources::default(),
    })
}
