//! What is exported is what is documented, and says nothing that it must not.

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;

use super::book::Entry;
use super::*;
use crate::gate::GateError;
use crate::proof::ArtifactFault;
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::Kind;
use crate::store::{StoreError, StoreFault};

const DOCUMENT: &str = include_str!("../../../deploy/metrics.md");
const DASHBOARD: &str = include_str!("../../../deploy/dashboard.json");
const ALERTS: &str = include_str!("../../../deploy/alerts.yml");

/// The rows of the document's table: name, kind and labels.
fn documented() -> Vec<(String, String, Vec<String>)> {
    let bare = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let rows =
        DOCUMENT.lines().filter(|line| line.starts_with("| `hallmark_") || line.starts_with("| `process_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let [_, name, kind, labels, _, _] = cells.as_slice() else { panic!("{row}") };
        let labels = labels.split(',').map(bare).filter(|label| !label.is_empty()).collect();
        (bare(name), bare(kind), labels)
    })
    .collect()
}

fn entries(metrics: &Metrics) -> Vec<Entry> {
    metrics.0.book.lock().unwrap().entries().to_vec()
}

fn line<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[test]
fn the_document_has_every_metric_as_it_is() {
    let exported = entries(&Metrics::new()).into_iter().map(|Entry { name, kind, labels }| {
        (name, kind.to_owned(), labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>())
    });
    let (exported, documented): (BTreeSet<_>, BTreeSet<_>) =
        (exported.collect(), documented().into_iter().collect());
    let (missing, stale): (Vec<_>, Vec<_>) =
        (exported.difference(&documented).collect(), documented.difference(&exported).collect());
    assert!(missing.is_empty() && stale.is_empty(), "missing: {missing:?}\nstale: {stale:?}");
}

/// A name that is misspelt draws an empty graph and never raises an alarm.
#[test]
fn dashboard_and_alarms_ask_for_what_there_is() {
    let mut samples = BTreeSet::new();
    for Entry { name, kind, .. } in entries(&Metrics::new()) {
        if kind == "histogram" {
            samples.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
        } else {
            samples.insert(name);
        }
    }
    for (file, text) in [("dashboard.json", DASHBOARD), ("alerts.yml", ALERTS)] {
        let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let asked: BTreeSet<_> = text.split(word).filter(|word| word.starts_with("hallmark_")).collect();
        assert!(asked.len() > 5, "{file} asks for {asked:?}");
        for name in asked {
            assert!(samples.contains(name), "{file}: there is no {name}");
        }
    }
    serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
}

#[test]
fn every_operation_and_every_code_has_its_number() {
    for (number, kind) in Kind::ALL.iter().enumerate() {
        assert_eq!(*kind as usize, number);
    }
    for (number, code) in Code::ALL.iter().enumerate() {
        assert_eq!(*code as usize, number);
    }
}

#[test]
fn requests_are_counted_by_how_they_end() {
    let metrics = Metrics::new();
    let requests = metrics.requests();
    for (kind, status) in [
        (Some(Kind::PutObject), StatusCode::OK),
        (Some(Kind::PutObject), StatusCode::OK),
        (Some(Kind::PutObject), StatusCode::SERVICE_UNAVAILABLE),
        (Some(Kind::GetObject), StatusCode::NOT_MODIFIED),
        (None, StatusCode::FORBIDDEN),
    ] {
        let mut request = requests.begin();
        if let Some(kind) = kind {
            request.is_for(kind);
        }
        request.answered(status);
    }
    let mut left = requests.begin();
    left.is_for(Kind::PutObject);
    let text = metrics.text();
    assert_eq!(line(&text, "hallmark_requests_in_flight"), Some("1"));
    assert_eq!(line(&text, "hallmark_uploads_in_flight"), Some("1"));
    drop(left);
    let text = metrics.text();
    for (operation, status, number) in [
        ("PutObject", "2xx", "2"),
        ("PutObject", "5xx", "1"),
        ("PutObject", "4xx", "0"),
        ("PutObject", "abandoned", "1"),
        ("GetObject", "3xx", "1"),
        ("unknown", "4xx", "1"),
    ] {
        let series = format!("hallmark_requests_total{{operation=\"{operation}\",status=\"{status}\"}}");
        assert_eq!(line(&text, &series), Some(number), "{series}\n{text}");
    }
    assert!(!text.contains("HeadObject"), "what nobody asked for has no series");
    assert_eq!(line(&text, "hallmark_requests_in_flight"), Some("0"));
    assert_eq!(line(&text, "hallmark_uploads_in_flight"), Some("0"));
    assert_eq!(line(&text, "hallmark_request_duration_seconds_count{operation=\"PutObject\"}"), Some("3"));
}

#[test]
fn errors_are_counted_by_code_and_refusals_by_reason() {
    let metrics = Metrics::new();
    // An alarm sees a number change, not a series appear.
    let alarming = "hallmark_request_errors_total{code=\"ArtifactDigestMismatch\",fault=\"artifact\"}";
    assert_eq!(line(&metrics.text(), alarming), Some("0"));
    for error in [
        GateError::Client(S3Error::new(Code::NoSuchKey, "secret-key")),
        GateError::Artifact(ArtifactFault::Digest(7)),
        GateError::Store(StoreError::new(StoreFault::Timeout, "what the store said")),
    ] {
        metrics.requests().failed(&error);
    }
    let text = metrics.text();
    assert_eq!(line(&text, alarming), Some("1"));
    for series in [
        "hallmark_request_errors_total{code=\"NoSuchKey\",fault=\"client\"}",
        "hallmark_request_errors_total{code=\"GatewayTimeout\",fault=\"store\"}",
        "hallmark_refusals_total{label=\"digest_mismatch\"}",
        "hallmark_refusals_total{label=\"store_timeout\"}",
    ] {
        assert_eq!(line(&text, series), Some("1"), "{series}\n{text}");
    }
    assert!(!text.contains("secret-key") && !text.contains("said"));
}

#[test]
fn calls_of_the_store_are_counted_by_outcome() {
    let metrics = Metrics::new();
    metrics.store().begin(StoreCall::Get).ended(StoreOutcome::Absent);
    drop(metrics.store().begin(StoreCall::Get));
    let _held = metrics.store().begin(StoreCall::StatePut);
    let text = metrics.text();
    for (series, number) in [
        ("hallmark_store_calls_total{call=\"get\",outcome=\"absent\"}", "1"),
        ("hallmark_store_calls_total{call=\"get\",outcome=\"abandoned\"}", "1"),
        ("hallmark_store_call_duration_seconds_count{call=\"get\"}", "2"),
        ("hallmark_store_calls_in_flight", "1"),
    ] {
        assert_eq!(line(&text, series), Some(number), "{series}\n{text}");
    }
}

#[test]
fn caches_tell_what_they_hold_when_they_are_asked() {
    let metrics = Metrics::new();
    let cache = metrics.cache("leaves", || CacheSize { entries: 3, bytes: 3 << 20 });
    cache.hit();
    cache.hit();
    cache.miss();
    let text = metrics.text();
    for (series, number) in [
        ("hallmark_cache_lookups_total{cache=\"leaves\",outcome=\"hit\"}", "2"),
        ("hallmark_cache_lookups_total{cache=\"leaves\",outcome=\"miss\"}", "1"),
        ("hallmark_cache_entries{cache=\"leaves\"}", "3.0"),
        ("hallmark_cache_bytes{cache=\"leaves\"}", "3145728.0"),
    ] {
        assert_eq!(line(&text, series), Some(number), "{series}\n{text}");
    }
}

#[test]
fn the_process_knows_itself() {
    // As long as it takes to have taken some time.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(50) {}
    let text = Metrics::new().text();
    for series in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
    ] {
        let value: f64 = line(&text, series).unwrap_or_else(|| panic!("{series}\n{text}")).parse().unwrap();
        assert!(value > 0.0, "{series} {value}");
    }
    assert_eq!(line(&text, "hallmark_build_info{version=\"0.1.0\"}"), Some("1"));
    assert!(text.ends_with("# EOF\n"));
}
