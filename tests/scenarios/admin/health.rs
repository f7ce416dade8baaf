//! `/livez` and `/readyz`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_proxy::store::{Store, StoreFault};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore, Mishap};
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::{Connection, DEADLINE};

use super::{ask, options, ready, value};

#[test]
fn it_answers_what_it_is_asked_and_nothing_else() {
    let proxy = Proxy::start_with(&options("", ""));
    let admin = proxy.admin();
    for path in ["/livez", "/readyz"] {
        let response = ask(admin, "GET", path);
        assert_eq!((response.status, response.text().as_str()), (200, "ok\n"), "{path}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(ask(admin, "HEAD", path).status, 200);
    }
    for path in ["/", "/livez/", "/metrics/x", "/artifacts/key", "//livez"] {
        assert_eq!(ask(admin, "GET", path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let response = ask(admin, method, "/readyz");
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(ask(admin, "GET", "/readyz?verbose").status, 200);
    // The clients' listener knows nothing of it.
    assert_eq!(ask(proxy.address(), "GET", "/livez").status, 403);
}

#[test]
fn without_the_table_there_is_no_such_listener() {
    let proxy = Proxy::start_with(&Options::default());
    assert!(!proxy.log().contains("health"), "{}", proxy.log());
}

/// Clients that have taken every connection do not keep anybody from asking.
#[test]
fn p7_it_has_connections_of_its_own() {
    let proxy = Proxy::start_with(&options("", "max_connections = 1"));
    let client = proxy.client();
    let mut only = Connection::open(client.address);
    assert_eq!(client.send_on(&mut only, client.request("GET", "/")).status, 200);
    assert_eq!(ready(proxy.admin()), (200, "ok\n".to_owned()));
    let text = ask(proxy.admin(), "GET", "/metrics").text();
    assert_eq!(value(&text, "hallmark_connections"), Some(1.0));
    assert_eq!(value(&text, "hallmark_connections_limit"), Some(1.0));
}

/// Nor do those that take every connection of its own, and ask nothing.
#[test]
fn p7_who_asks_nothing_gives_way_to_who_does() {
    let proxy = Proxy::start_with(&options("", ""));
    let silent: Vec<_> = (0..200).map(|_| Connection::open(proxy.admin())).collect();
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(ready(proxy.admin()), (200, "ok\n".to_owned()));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(silent);
}

#[test]
fn it_is_ready_while_its_store_answers() {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start_with(&options("", ""), Arc::clone(&store) as Arc<dyn Store>);
    let admin = proxy.admin();
    assert_eq!(ready(admin), (200, "ok\n".to_owned()));
    store.keep_going_wrong(Call::StateGet, Mishap::Fails(StoreFault::Unavailable));
    becomes(|| ready(admin) == (503, "store: store_unavailable\n".to_owned()));
    assert_eq!(value(&proxy.metrics(), "hallmark_ready"), Some(0.0));
    assert_eq!(value(&proxy.metrics(), "hallmark_store_up"), Some(0.0));
    assert_eq!(ask(admin, "GET", "/livez").status, 200, "a restart would not help");
    store.forget_mishaps();
    becomes(|| ready(admin) == (200, "ok\n".to_owned()));
    assert_eq!(value(&proxy.metrics(), "hallmark_store_up"), Some(1.0));
    // Nobody but the watch asked the store.
    assert!(store.take_calls().iter().all(|call| *call == Call::StateGet));
}

/// The store is asked every few seconds, and nothing tells a client when.
#[track_caller]
fn becomes(mut so: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !so() {
        assert!(Instant::now() < until, "it does not become so");
        std::thread::sleep(Duration::from_millis(20));
    }
}
