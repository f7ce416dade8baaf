//! What a running proxy cannot change.

use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::proxy::Proxy;
use hallmark_tests::site::REALM;

use super::{BUCKET, KEY, ask, options, value};

/// It is named, and all else is taken over.
#[test]
fn what_needs_a_restart_is_said_and_left_as_it_was() {
    let mut proxy = Proxy::start_with(&options());
    let client = proxy.client();
    client.create_bucket(BUCKET);
    assert_eq!(client.put(BUCKET, KEY, b"1").status, 200);
    proxy.site.edit_config(|text| {
        text.replace(&format!("realm = \"{REALM}\""), "realm = \"another\"")
            .replace("[admin]", "[limits]\nmax_object_size = \"1 KiB\"\n[admin]\ndrain_delay = \"0\"")
            + "\n[buckets.artifacts]\nimmutable = true\n"
    });
    assert!(proxy.reload());
    let log = proxy.log();
    for setting in ["realm", "admin.drain_delay", "limits.max_object_size"] {
        let line = format!("this setting has changed and only counts after a restart setting=\"{setting}\"");
        assert!(log.contains(&line), "{line}\n{log}");
    }
    assert_eq!(value(&ask(proxy.admin(), "/metrics"), "hallmark_config_restart_needed"), 3.0);
    assert_eq!(client.get(BUCKET, KEY).body, b"1", "the realm is the old one");
    assert_eq!(client.put(BUCKET, "large", &[0; 2000]).status, 200, "so is the limit");
    assert_eq!(client.put(BUCKET, KEY, b"2").status, 403, "what can be taken over is");

    proxy.restart();
    let client = proxy.client();
    assert_eq!(client.get(BUCKET, KEY).status, 403, "another realm");
    assert_eq!(client.put(BUCKET, "larger", &[0; 2000]).status, 400);
}

#[test]
fn what_the_store_cannot_keep_is_refused_as_at_the_start() {
    let store = Arc::new(MemoryStore::minding_nothing());
    let proxy = InProcess::start(store as Arc<dyn Store>);
    proxy.client().create_bucket(BUCKET);
    proxy.site.edit_config(|text| text + "\n[buckets.artifacts]\nimmutable = true\n");
    let refused = proxy.renew().unwrap_err().to_string();
    assert!(refused.contains("buckets.artifacts.immutable: this object store ignores"), "{refused}");
    assert_eq!(proxy.client().put(BUCKET, KEY, b"1").status, 200);
}

/// Were it taken over for permissions but not by the store, uploads would go where nobody looks for them.
#[test]
fn a_bucket_is_not_moved() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(store);
    // For the loader, a store that can map; it is not the one that is used.
    proxy.site.write_private("state.secret", &"5c".repeat(32));
    proxy.site.edit_config(|text| {
        let s3 = "[state]\nsecret_file = \"state.secret\"\n[store]\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:1\"\n\
            region = \"us-east-1\"\nstate_bucket = \"state\"\n";
        text.replace("[store]\nkind = \"local\"\npath = \"data\"\n", s3)
            + "\n[buckets.moved]\nkept_in = { bucket = \"elsewhere\" }\n"
    });
    let refused = proxy.renew().unwrap_err().to_string();
    assert!(refused.contains("buckets.moved.kept_in: where a bucket is kept cannot change"), "{refused}");
}
