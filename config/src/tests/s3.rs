//! Stores that speak S3, and where buckets are kept in them.

use std::time::Duration;

use super::{SECRET, folder, load};
use crate::{Addressing, KeptIn, S3Store, Store, StoreCredentials};

/// What every file needs. Three lines, so that `[store]` begins in line 4.
const BASE: &str = "realm = \"r\"\nseal.key_file = \"seal.key\"\nstate.secret_file = \"state.secret\"\n";

fn with(store: &str) -> String {
    format!("{BASE}[store]\nkind = \"s3\"\nstate_bucket = \"the-state\"\n{store}\n")
}

fn store(settings: &str) -> S3Store {
    match load(&with(settings), folder().path()).unwrap().store {
        Store::S3(store) => *store,
        local @ Store::Local { .. } => panic!("{local:?}"),
    }
}

/// Loads each text, after [`BASE`] and a store of two keys, and expects exactly these lines: a text begins in line 7.
#[track_caller]
fn check(table: &[(&str, &[&str])]) {
    let dir = folder();
    for (text, expected) in table {
        let lines = load(&with(text), dir.path()).err().unwrap_or_default();
        assert_eq!(lines, *expected, "\n{text}");
    }
}

#[test]
fn defaults_are_those_of_aws() {
    let store = store("");
    assert_eq!((store.endpoint, store.region, store.ca_file), (None, None, None));
    assert_eq!(store.addressing, Addressing::VirtualHost);
    assert_eq!(store.credentials, StoreCredentials::Chain { profile: None });
    assert_eq!(store.state_bucket.as_str(), "the-state");
    assert_eq!(store.connect_timeout, Duration::from_secs(3));
    assert_eq!(store.answer_timeout, Duration::from_secs(30));
    assert_eq!((store.max_requests, store.attempts), (256, 3));
}

#[test]
fn everything_said_comes_out() {
    let dir = folder();
    let text = with(
        "endpoint = \"https://s3.example.com:9000\"\nregion = \"garage\"\naddressing = \"virtual_host\"\n\
         credentials_file = \"store.credentials\"\nprofile = \"ours\"\nca_file = \"/etc/ca.pem\"\n\
         connect_timeout = \"100ms\"\nanswer_timeout = \"5s\"\nmax_requests = 5\nattempts = 1",
    );
    let config = load(&text, dir.path()).unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
    let Store::S3(store) = config.store else { panic!() };
    assert_eq!(store.endpoint.as_deref(), Some("https://s3.example.com:9000"));
    assert_eq!(store.region.as_deref(), Some("garage"));
    assert_eq!(store.addressing, Addressing::VirtualHost);
    let path = dir.path().join("store.credentials");
    assert_eq!(store.credentials, StoreCredentials::File { path, profile: "ours".to_owned() });
    assert_eq!(store.ca_file, Some("/etc/ca.pem".into()));
    assert_eq!(store.connect_timeout, Duration::from_millis(100));
    assert_eq!(store.answer_timeout, Duration::from_secs(5));
    assert_eq!((store.max_requests, store.attempts), (5, 1));
}

#[test]
fn an_endpoint_is_asked_by_path_unless_told_otherwise() {
    for endpoint in
        ["http://127.0.0.1:9000", "https://[::1]", "https://[::1]:443", "http://garage_1", "http://a.b"]
    {
        let store = store(&format!("endpoint = \"{endpoint}\""));
        assert_eq!(store.addressing, Addressing::Path);
        assert_eq!(store.endpoint.as_deref(), Some(endpoint));
    }
    assert_eq!(store("addressing = \"path\"").addressing, Addressing::Path);
}

#[test]
fn a_profile_may_stand_alone_or_in_a_file() {
    let chain = |profile: &str| StoreCredentials::Chain { profile: Some(profile.to_owned()) };
    assert_eq!(store("profile = \"ours\"").credentials, chain("ours"));
    let StoreCredentials::File { profile, .. } =
        store("credentials_file = \"store.credentials\"").credentials
    else {
        panic!()
    };
    assert_eq!(profile, "default");
}

#[test]
fn an_endpoint_is_scheme_host_and_port() {
    const FORM: &str = "7:12: store.endpoint: must be `http://` or `https://`, a host in lower case and perhaps a port, \
        and nothing after it, such as \"https://s3.example.com:9000\"";
    for bad in [
        "",
        "s3.example.com",
        "ftp://s3.example.com",
        "HTTPS://s3.example.com",
        "https://",
        "https://S3.example.com",
        "https://s3.example.com/",
        "https://s3.example.com/bucket",
        "https://s3.example.com?x",
        "https://s3.example.com#x",
        "https://user@s3.example.com",
        "https://user:word@s3.example.com",
        "https://a..b",
        "https://.a",
        "https://a.",
        "https://a b",
        "https://a\\u000a",
        "https://a:",
        "https://a:0",
        "https://a:+1",
        "https://a:65536",
        "https://a:1:2",
        "https://::1",
        "https://[::1",
        "https://[::g]",
        "https://[127.0.0.1]",
        "https://[::1]9000",
        "https://[::1]:",
        "https://[::1]:x",
        "https://[::1]]",
    ] {
        check(&[(&format!("endpoint = \"{bad}\""), &[FORM])]);
    }
    for address in ["http://127.0.0.1:9000", "http://[::1]:9000"] {
        check(&[(
            &format!("endpoint = \"{address}\"\naddressing = \"virtual_host\""),
            &[
                "8:14: store.addressing: needs an endpoint with a host name: an IP address has no room for a bucket; \
               take \"path\"",
            ],
        )]);
    }
}

#[test]
fn what_is_wrong_with_a_store() {
    const ABSENT: &str = "there is no such file; a relative name begins at this file's folder";
    const OPEN: &str = "the file is open to others than its owner (mode 0640); run `chmod 600` on it";
    const INLINE: &str = "credentials do not stand in this file; put them into a file of their own, named by \
        `credentials_file`, or where AWS tools find them";
    let credentials = |said: &str| format!("7:20: store.credentials_file: {said}");
    check(&[
        ("credentials_file = \"absent\"", &[&credentials(ABSENT)]),
        ("credentials_file = \"open.credentials\"", &[&credentials(OPEN)]),
        (
            "profile = \"\"",
            &["7:11: store.profile: must be the name of a profile, 1 to 128 of A-Z a-z 0-9 . _ @ + -"],
        ),
        ("secret_access_key = \"x\"", &[&format!("7:1: store.secret_access_key: {INLINE}")]),
        ("path = \"d\"", &["7:1: store.path: belongs to a store of the kind \"local\"; leave it out"]),
        (
            "addressing = \"virtual-host\"",
            &["7:14: store.addressing: unknown word; did you mean `virtual_host`?"],
        ),
        ("regoin = \"x\"", &["7:1: store.regoin: unknown key; did you mean `region`?"]),
        ("region = \"EU\"", &["7:10: store.region: must be 1 to 64 of a-z 0-9 -"]),
        ("connect_timeout = \"99ms\"", &["7:19: store.connect_timeout: must be from 100 ms to 30 s"]),
        ("answer_timeout = \"31s\"", &["7:18: store.answer_timeout: must be from 1 s to 30 s"]),
        ("max_requests = 4", &["7:16: store.max_requests: must be from 5 to 65536"]),
        ("attempts = 0", &["7:12: store.attempts: must be from 1 to 10"]),
    ]);
}

#[test]
fn a_store_needs_a_state_bucket_and_a_secret_that_instances_share() {
    const SHARED: &str = "1:1: state.secret_file: missing; all instances that share a store that speaks S3 need the same \
        secret, so none is made; make it with `umask 077; openssl rand -hex 32 > state.secret` and add `secret_file = \
        \"state.secret\"`";
    let dir = folder();
    let text = "realm = \"r\"\nseal.key_file = \"seal.key\"\n[store]\nkind = \"s3\"\nstate_bucket = \"A\"\n";
    assert_eq!(
        load(text, dir.path()).unwrap_err(),
        [
            SHARED,
            "5:16: store.state_bucket: must be 3 to 63 of a-z 0-9 . -, each label between dots begins and ends with a \
             letter or digit, not an IP address",
        ]
    );
    assert_eq!(
        load(&text.replace("state_bucket = \"A\"", "[state]"), dir.path()).unwrap_err(),
        [
            "3:1: store.state_bucket: missing; add `state_bucket = \"hallmark-state\"`",
            &SHARED.replace("1:1", "5:1"),
        ]
    );
}

#[test]
fn buckets_are_kept_where_it_is_said() {
    let text = with(
        "[buckets.app]\nkept_in.bucket = \"prod\"\n\
         [buckets.lib.kept_in]\nbucket = \"shared\"\nprefix = \"lib/\"\n\
         [buckets.libs.kept_in]\nbucket = \"shared\"\nprefix = \"libs/\"\n\
         # Under its own name, deeper.\n[buckets.deep.kept_in]\nbucket = \"deep\"\nprefix = \"er/\"\n\
         [buckets.own]\n",
    );
    let config = load(&text, folder().path()).unwrap();
    let kept: Vec<_> = config
        .buckets
        .iter()
        .map(|(name, bucket)| {
            let place = |kept: &KeptIn| format!("{} {}", kept.bucket, kept.prefix);
            (name.as_str(), bucket.kept_in.as_ref().map(place))
        })
        .collect();
    let expected = [
        ("app", Some("prod ")),
        ("deep", Some("deep er/")),
        ("lib", Some("shared lib/")),
        ("libs", Some("shared libs/")),
        ("own", None),
    ];
    assert_eq!(kept, expected.map(|(name, kept)| (name, kept.map(str::to_owned))));
}

#[test]
fn no_object_is_in_two_buckets_and_none_among_our_own() {
    let two = |one: &str, other: &str| {
        format!(
            "[buckets.one.kept_in]\nbucket = \"prod\"\n{one}\n[buckets.other.kept_in]\nbucket = \"prod\"\n{other}"
        )
    };
    let overlap: &[&str] =
        &["10:1: buckets.other.kept_in: overlaps the one in line 7: an object there could be in two \
        buckets; give each a prefix of its own"];
    const STATE: &str = "this is the store's `state_bucket`, which is for Hallmark's own; take another";
    const REACH: &str = "so that no client reaches it; say with `kept_in` where this one is kept";
    check(&[
        (&two("", ""), overlap),
        (&two("prefix = \"a/\"", ""), overlap),
        (&two("", "prefix = \"a/\""), overlap),
        (&two("prefix = \"a/\"", "prefix = \"a/\""), overlap),
        (&two("prefix = \"a/b/\"", "prefix = \"a/\""), overlap),
        (&two("prefix = \"a/\"", "prefix = \"ab/\""), &[]),
        (&two("prefix = \"a/\"", "prefix = \"b/\""), &[]),
        (
            "[buckets.app.kept_in]\nbucket = \"the-state\"\nprefix = \"app/\"",
            &[&format!("7:1: buckets.app.kept_in: {STATE}")],
        ),
        (
            "[buckets.the-state]",
            &[&format!(
                "7:1: buckets.the-state: the store's bucket of this name is its `state_bucket`, {REACH}"
            )],
        ),
        ("[buckets.the-state.kept_in]\nbucket = \"free\"", &[]),
        // Also where the other one comes later.
        (
            "[buckets.prod]\n[buckets.app.kept_in]\nbucket = \"prod\"\nprefix = \"app/\"",
            &[&format!(
                "7:1: buckets.prod: the bucket of line 8 is kept in the store's bucket of this name, {REACH}"
            )],
        ),
        (
            "[buckets.app.kept_in]\nprefix = \"app\"\nbuckets = \"x\"",
            &[
                "7:1: buckets.app.kept_in.bucket: missing; add `bucket = \"acme-releases\"`",
                "8:10: buckets.app.kept_in.prefix: must be empty, or at most 256 of A-Z a-z 0-9 . _ - / that end in `/`, \
                 with no empty, `.` or `..` segment",
                "9:1: buckets.app.kept_in.buckets: unknown key; did you mean `bucket`?",
            ],
        ),
    ]);
}

#[test]
fn a_local_store_keeps_no_bucket_elsewhere() {
    let text = "realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\n[buckets.app.kept_in]\nbucket = \"prod\"\n";
    assert_eq!(
        load(text, folder().path()).unwrap_err(),
        [
            "4:1: buckets.app.kept_in: only a store that speaks S3 (`kind = \"s3\"` in [store]) keeps buckets elsewhere; leave \
          it out"
        ]
    );
}
