//! No request sees half of one configuration and half of another, however many are taken over meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use hallmark_proxy::store::Store;
use hallmark_tests::data::content;
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::raw::{Connection, DEADLINE};
use hallmark_tests::site::{READER, SIGNED, Site};

use super::{KEY, ask_on};

/// Configurations that are taken over.
const RELOADS: usize = 100;
/// Clients that ask meanwhile.
const ASKING: usize = 4;

/// One configuration has the first secret and trusts the key; the other the second one and does not. So nobody who is
/// known by the first is ever refused, and nobody who is known by the second is ever served.
#[test]
fn p5_no_request_sees_half_of_each() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(store);
    let client = proxy.client();
    client.create_bucket(SIGNED);
    let body = content(1, 1000);
    let signature = proxy.site.signature("ci", &body);
    let headers = [("x-amz-meta-hallmark-signature", signature.as_str())];
    assert_eq!(client.put_with(SIGNED, KEY, &body, &headers).status, 200);

    let second = (READER.0, "the-second-secret-of-the-client-that-may-read");
    proxy.site.write_private("second.secret", second.1);
    let text = std::fs::read_to_string(proxy.site.config_file()).unwrap();
    let other = text
        .replace("\"reader.secret\"", "\"second.secret\"")
        .replace("public_key_file = \"ci.pub\"", "public_key_file = \"other.pub\"");

    let (over, seen) = (AtomicBool::new(false), [AtomicUsize::new(0), AtomicUsize::new(0)]);
    std::thread::scope(|scope| {
        for _ in 0..ASKING {
            scope.spawn(|| {
                let mut connection = Connection::open(proxy.address());
                while !over.load(Ordering::Relaxed) {
                    for (number, credentials) in [READER, second].into_iter().enumerate() {
                        let client = Site::client(proxy.address(), credentials);
                        let got = ask_on(&mut connection, &client, "GET", (SIGNED, KEY));
                        let text = got.text();
                        if text.contains("<Code>SignatureDoesNotMatch</Code>") {
                            continue;
                        }
                        if number == 0 {
                            assert_eq!(got.body, body, "{text}");
                        } else {
                            assert_eq!(got.header("x-hallmark-refused"), Some("ArtifactSignerUntrusted"));
                        }
                        seen[number].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for number in 0..RELOADS {
            proxy.site.edit_config(|_| if number % 2 == 0 { other.clone() } else { text.clone() });
            proxy.renew().unwrap();
            // Now and then until somebody was answered by it.
            let seen = &seen[usize::from(number % 2 == 0)];
            let so_far = seen.load(Ordering::Relaxed);
            let until = Instant::now() + DEADLINE;
            while number % 10 < 2 && seen.load(Ordering::Relaxed) == so_far && Instant::now() < until {
                std::thread::yield_now();
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let seen = seen.map(AtomicUsize::into_inner);
    assert!(seen.iter().all(|seen| *seen > 4), "{seen:?}");
}
