//! `/metrics`: what was done, to the last request.

use std::sync::Arc;

use hallmark_proxy::store::{Store, StoreFault};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore, Mishap};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::End;
use hallmark_tests::site::{FULL, READER, SIGNED};

use super::{BUCKET, ask, options, value};

#[track_caller]
fn same(text: &str, expected: &[(&str, f64)]) {
    for (series, number) in expected {
        assert_eq!(value(text, series), Some(*number), "{series}\n{text}");
    }
}

#[test]
fn what_was_asked_and_answered_is_counted() {
    let proxy = Proxy::start_with(&options("", ""));
    let (client, reader) = (proxy.client(), proxy.client_of(READER));
    client.create_bucket(BUCKET);
    client.create_bucket(SIGNED);
    let (small, large) = (content(1, 1000), content(2, 9 * MIB));
    assert_eq!(client.put(BUCKET, "a-telling-key", &small).status, 200);
    assert_eq!(client.put(BUCKET, "large", &large).status, 200);
    assert_eq!(client.put(SIGNED, "unsigned", &small).status, 403);
    for _ in 0..3 {
        assert_eq!(reader.get(BUCKET, "a-telling-key").body, small);
    }
    assert_eq!(client.get_range(BUCKET, "large", "bytes=5-14").body.len(), 10);
    assert_eq!(client.get(BUCKET, "another-telling-key").status, 404);
    assert_eq!(reader.put(BUCKET, "x", &small).status, 403);
    assert_eq!(proxy.client_of(("nobody-knows-this", "secret")).get(BUCKET, "x").status, 403);

    let response = ask(proxy.admin(), "GET", "/metrics");
    let kind = response.header("content-type").map(str::to_owned);
    assert_eq!(kind.as_deref(), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let text = response.text();
    same(
        &text,
        &[
            ("hallmark_requests_total{operation=\"CreateBucket\",status=\"2xx\"}", 2.0),
            ("hallmark_requests_total{operation=\"PutObject\",status=\"2xx\"}", 2.0),
            ("hallmark_requests_total{operation=\"PutObject\",status=\"4xx\"}", 2.0),
            ("hallmark_requests_total{operation=\"GetObject\",status=\"2xx\"}", 4.0),
            ("hallmark_requests_total{operation=\"GetObject\",status=\"4xx\"}", 1.0),
            ("hallmark_requests_total{operation=\"unknown\",status=\"4xx\"}", 1.0),
            ("hallmark_requests_total{operation=\"GetObject\",status=\"abandoned\"}", 0.0),
            ("hallmark_request_duration_seconds_count{operation=\"GetObject\"}", 5.0),
            ("hallmark_request_errors_total{code=\"NoSuchKey\",fault=\"client\"}", 1.0),
            ("hallmark_request_errors_total{code=\"AccessDenied\",fault=\"client\"}", 1.0),
            ("hallmark_request_errors_total{code=\"InvalidAccessKeyId\",fault=\"client\"}", 1.0),
            ("hallmark_request_errors_total{code=\"ArtifactSignatureMissing\",fault=\"artifact\"}", 1.0),
            ("hallmark_request_errors_total{code=\"ArtifactDigestMismatch\",fault=\"artifact\"}", 0.0),
            ("hallmark_refusals_total{label=\"signature_missing\"}", 1.0),
            // What was refused for want of a signature had arrived by then.
            ("hallmark_received_bytes_total", (2 * small.len() + large.len()) as f64),
            ("hallmark_released_bytes_total", (3 * small.len() + 10) as f64),
            ("hallmark_requests_in_flight", 0.0),
            ("hallmark_uploads_in_flight", 0.0),
            ("hallmark_downloads_in_flight", 0.0),
            ("hallmark_memory_used_bytes{for=\"bodies\"}", 0.0),
            ("hallmark_memory_limit_bytes{for=\"bodies\"}", 288.0 * MIB as f64),
            ("hallmark_memory_limit_bytes{for=\"windows\"}", 96.0 * MIB as f64),
            ("hallmark_memory_waiting", 0.0),
            ("hallmark_ready", 1.0),
            ("hallmark_store_up", 1.0),
            // The first download of each verifies its seal, the others remember.
            ("hallmark_cache_lookups_total{cache=\"verdicts\",outcome=\"miss\"}", 2.0),
            ("hallmark_cache_lookups_total{cache=\"verdicts\",outcome=\"hit\"}", 2.0),
            ("hallmark_cache_entries{cache=\"verdicts\"}", 2.0),
            ("hallmark_store_calls_total{call=\"put\",outcome=\"ok\"}", 2.0),
            // What has been checked before is asked about, and served from memory.
            ("hallmark_cache_lookups_total{cache=\"leaves\",outcome=\"hit\"}", 2.0),
            ("hallmark_store_calls_total{call=\"get\",outcome=\"ok\"}", 2.0),
            ("hallmark_store_calls_total{call=\"head\",outcome=\"ok\"}", 2.0),
            ("hallmark_store_calls_total{call=\"get\",outcome=\"absent\"}", 1.0),
            ("hallmark_store_calls_total{call=\"state_put\",outcome=\"ok\"}", 1.0),
            ("hallmark_store_call_duration_seconds_count{call=\"get\"}", 3.0),
            ("hallmark_store_calls_in_flight", 0.0),
        ],
    );
    let samples: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    for telling in
        ["telling-key", BUCKET, SIGNED, FULL.0, READER.0, "reader", "nobody-knows-this", "127.0.0.1"]
    {
        assert!(!samples.contains(telling), "{telling}\n{text}");
    }
}

#[test]
fn what_the_store_did_wrong_is_counted() {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    assert_eq!(client.put(BUCKET, "key", &content(1, 3 * MIB)).status, 200);

    store.go_wrong(Call::Get, Mishap::Fails(StoreFault::Unavailable));
    assert_eq!(client.get(BUCKET, "key").status, 503);
    store.go_wrong(Call::Put, Mishap::PersistsAndFails(StoreFault::Timeout));
    assert_eq!(client.put(BUCKET, "key", &content(1, 3 * MIB)).status, 200);
    // In the first leaf: refused. In the second: what was promised is broken off. Each is read twice.
    for byte in [7, 2 * MIB as usize + 7] {
        store.keep_going_wrong(Call::Get, Mishap::Garbles(byte));
        let response = client.get(BUCKET, "key");
        assert!(
            response.status == 403 || response.end == End::Reset,
            "{} {:?}",
            response.status,
            response.end
        );
        store.forget_mishaps();
    }
    same(
        &proxy.metrics(),
        &[
            ("hallmark_store_calls_total{call=\"get\",outcome=\"unavailable\"}", 1.0),
            ("hallmark_store_calls_total{call=\"put\",outcome=\"unknown\"}", 1.0),
            ("hallmark_refusals_total{label=\"store_unavailable\"}", 1.0),
            ("hallmark_refusals_total{label=\"digest_mismatch\"}", 1.0),
            ("hallmark_request_errors_total{code=\"ArtifactDigestMismatch\",fault=\"artifact\"}", 1.0),
            ("hallmark_cut_downloads_total{label=\"digest_mismatch\"}", 1.0),
            ("hallmark_released_bytes_total", 2.0 * MIB as f64),
            ("hallmark_downloads_in_flight", 0.0),
        ],
    );
}

/// Two in one process, as in tests: nothing is global.
#[test]
fn instances_count_for_themselves() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (one, other) = (InProcess::start(Arc::clone(&store)), InProcess::start(store));
    one.client().create_bucket(BUCKET);
    let series = "hallmark_requests_total{operation=\"CreateBucket\",status=\"2xx\"}";
    assert_eq!(value(&one.metrics(), series), Some(1.0));
    assert_eq!(value(&other.metrics(), series), None);
}
