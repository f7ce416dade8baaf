//! What the store is asked for, and what becomes of a request when it fails.

use std::sync::Arc;

use hallmark_proxy::store::{Store, StoreFault};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore, Mishap};
use hallmark_tests::s3::Client;

const BUCKET: &str = "artifacts";

fn lab() -> (InProcess, Arc<MemoryStore>, Client) {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    store.take_calls();
    (proxy, store, client)
}

#[test]
fn up_to_8_mib_costs_one_request_each_way() {
    let (_proxy, store, client) = lab();
    for length in [0, 1000, 3 * MIB, 8 * MIB] {
        let body = content(1, length);
        assert_eq!(client.put(BUCKET, "key", &body).status, 200);
        assert_eq!(store.take_calls(), [Call::Put], "{length}");
        assert_eq!(client.get(BUCKET, "key").body, body);
        assert_eq!(store.take_calls(), [Call::Get], "{length}");
        client.head(BUCKET, "key");
        assert_eq!(store.take_calls(), [Call::Head], "{length}");
    }
}

/// A store that failed after it stored is asked what stands there now: the client is told the truth.
#[test]
fn p2_writes_that_may_have_been_done() {
    for length in [1000, 9 * MIB] {
        let (_proxy, store, client) = lab();
        let (first, second) = (content(1, length), content(2, length));
        assert_eq!(client.put(BUCKET, "key", &first).status, 200);

        store.go_wrong(Call::Put, Mishap::PersistsAndFails(StoreFault::Timeout));
        let response = client.put(BUCKET, "key", &second);
        assert_eq!(response.status, 200, "{length}: {}", response.text());
        assert_eq!(client.get(BUCKET, "key").body, second);

        store.go_wrong(Call::Put, Mishap::Fails(StoreFault::Unavailable));
        let response = client.put(BUCKET, "key", &first);
        assert_eq!((response.status, response.code().as_str()), (503, "ServiceUnavailable"), "{length}");
        assert_eq!(client.get(BUCKET, "key").body, second, "what was there stays");
    }
}

/// What is refused and stands there all the same is there to stay: its record is all that makes an artifact of it.
#[test]
fn p6_refusals_that_are_not_the_last_word() {
    let (_proxy, store, client) = lab();
    let body = content(1, 9 * MIB);
    store.go_wrong(Call::Put, Mishap::PersistsAndRefuses);
    let response = client.put(BUCKET, "known", &body);
    assert_eq!(response.status, 200, "{}", response.text());
    assert!(client.get(BUCKET, "known").body == body);

    store.go_wrong(Call::Copy, Mishap::PersistsAndRefuses);
    let copied = client.ask("PUT", "/artifacts/copy", &[("x-amz-copy-source", "/artifacts/known")], &[]);
    assert_eq!(copied.status, 200, "{}", copied.text());
    assert!(client.get(BUCKET, "copy").body == body);

    // Also where nobody can tell what stands there.
    store.go_wrong(Call::Put, Mishap::PersistsAndRefuses);
    store.go_wrong(Call::Head, Mishap::Fails(StoreFault::Unavailable));
    let response = client.put(BUCKET, "unseen", &body);
    assert_eq!((response.status, response.code().as_str()), (412, "PreconditionFailed"));
    assert!(client.get(BUCKET, "unseen").body == body);
}

/// The record of what was refused for good goes.
#[test]
fn what_is_refused_leaves_no_record() {
    let (_proxy, store, client) = lab();
    let body = content(1, 9 * MIB);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    store.take_calls();
    let again = client.put_with(BUCKET, "key", &body, &[("If-None-Match", "*")]);
    assert_eq!((again.status, again.code().as_str()), (412, "PreconditionFailed"));
    assert_eq!(store.take_calls().last(), Some(&Call::StateDelete));
    assert!(client.get(BUCKET, "key").body == body);
}

/// Without its record a large upload is not finished.
#[test]
fn p2_records_that_cannot_be_written() {
    let (_proxy, store, client) = lab();
    let (first, second) = (content(1, 9 * MIB), content(2, 9 * MIB));
    assert_eq!(client.put(BUCKET, "key", &first).status, 200);
    store.go_wrong(Call::StatePut, Mishap::Fails(StoreFault::Unavailable));
    let response = client.put(BUCKET, "key", &second);
    assert_eq!(
        (response.status, response.code().as_str()),
        (503, "ServiceUnavailable"),
        "{}",
        response.text()
    );
    assert_eq!(client.get(BUCKET, "key").body, first, "what was there stays");
}

/// No store's words reach a client.
#[test]
fn p4_what_a_store_says_is_for_the_log() {
    let (_proxy, store, client) = lab();
    client.put(BUCKET, "key", b"x");
    for (fault, status, code) in [
        (StoreFault::Timeout, 504, "GatewayTimeout"),
        (StoreFault::Unavailable, 503, "ServiceUnavailable"),
        (StoreFault::Protocol, 502, "BadGateway"),
        (StoreFault::Corrupt, 502, "BadGateway"),
    ] {
        for (call, method, target) in
            [(Call::Get, "GET", "/artifacts/key"), (Call::List, "GET", "/artifacts?list-type=2")]
        {
            store.go_wrong(call, Mishap::Fails(fault));
            let response = client.send(client.request(method, target));
            assert_eq!((response.status, response.code().as_str()), (status, code), "{target} {fault}");
            assert!(!response.text().contains("planned"), "{}", response.text());
        }
    }
}

/// A client that resumes takes a 416 for the end of the file, so only the sealed length may say it: a store that
/// denies what was sealed has lost it.
#[test]
fn p1_a_range_is_unsatisfiable_by_the_sealed_length_alone() {
    let (_proxy, store, client) = lab();
    let body = content(1, 3 * MIB);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    for range in ["bytes=1048576-", "bytes=0-", "bytes=-5"] {
        store.go_wrong(Call::Get, Mishap::DeniesSpan);
        store.go_wrong(Call::Get, Mishap::DeniesSpan);
        let response = client.get_range(BUCKET, "key", range);
        assert_eq!((response.status, response.code().as_str()), (502, "BadGateway"), "{range}");
        store.forget_mishaps();
    }
    store.go_wrong(Call::Get, Mishap::DeniesSpan);
    assert_eq!(client.get(BUCKET, "key").status, 502, "whole");
    let beyond = client.get_range(BUCKET, "key", "bytes=3145728-");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */3145728")));
}

/// What a store sends without end, or in crumbs, costs no more than a leaf.
#[test]
fn p7_bodies_in_crumbs() {
    let (_proxy, store, client) = lab();
    let body = content(1, 3 * MIB / 2);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    for _ in 0..2 {
        store.go_wrong(Call::Get, Mishap::DripsNothing);
    }
    let response = client.get(BUCKET, "key");
    assert_eq!((response.status, response.code().as_str()), (502, "BadGateway"), "{}", response.text());
    store.forget_mishaps();
    store.go_wrong(Call::Get, Mishap::Drips);
    assert_eq!(client.get(BUCKET, "key").body, body);
}
