//! A store that never answers: clients are told so in a bounded time, and nobody else notices.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use hallmark_tests::data::{MIB, content};
use hallmark_tests::fault::{Fault, Which};
use hallmark_tests::s3::Client;
use hallmark_tests::site::READER;

use super::lab::{BUCKET, Lab};

/// So many ask at once.
const CLIENTS: usize = 200;
/// No matter how many wait: long after the store was given up, and long before a client gives up.
const BOUND: Duration = Duration::from_secs(45);
/// The bucket of which the store says nothing any more.
const STUCK: &str = "stuck";

/// What a client of a store that is gone may be told.
const CODES: [(u16, &str); 3] = [(503, "ServiceUnavailable"), (503, "SlowDown"), (504, "GatewayTimeout")];

/// With more requests than are asked for at once, other buckets are served as if nothing were: also others than the client
/// whose share of the memory is taken by what it uploads.
pub(super) fn others_are_served(lab: &Lab) {
    lab.client.create_bucket(STUCK);
    assert_eq!(lab.client.put(BUCKET, "key", b"served").status, 200);
    assert_eq!(lab.client.put(STUCK, "key", b"stuck").status, 200);
    lab.fault.always(Which::any().naming(STUCK), Fault::NeverAnswers);
    let bodies = &Bodies::new();
    std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || ask(&lab.client, bodies, number))).collect();
        // They are all under way; and so is this one, in no time. Whoever looks all the time keeps them from getting there.
        while lab.fault.under_way() < CLIENTS / 4 {
            assert!(asking.iter().any(|one| !one.is_finished()), "nobody waits");
            std::thread::sleep(Duration::from_millis(5));
        }
        let other = lab.proxy.client_of(READER);
        assert_eq!(other.get(BUCKET, "key").body, b"served");
        assert_eq!(other.keys(BUCKET, ""), ["key"]);
        let stranger = Client { secret: "wrong".to_owned(), ..lab.client.clone() };
        assert_eq!(stranger.get(STUCK, "key").code(), "SignatureDoesNotMatch");
        for one in asking {
            one.join().unwrap();
        }
    });
}

/// With few requests at once, whoever waits for others too long is turned away; then all is as it was. The store waits
/// longer than they do, so that none of those that were first is given up before the others are told.
pub(super) fn who_waits_too_long_is_turned_away(lab: &Lab, most: usize) {
    lab.client.create_bucket(STUCK);
    assert_eq!(lab.client.put(STUCK, "key", b"stuck").status, 200);
    let before = lab.proxy.peak_memory();
    lab.fault.always(Which::any(), Fault::NeverAnswers);
    let bodies = &Bodies::new();
    std::thread::scope(|scope| {
        let (told, telling) = mpsc::channel();
        for number in 0..CLIENTS {
            let told = told.clone();
            scope.spawn(move || told.send(ask(&lab.client, bodies, number)));
        }
        for _ in 0..CLIENTS / 2 {
            assert_eq!(telling.recv_timeout(BOUND).as_deref(), Ok("SlowDown"));
        }
        // One place is for who asks how the store is.
        assert!((most - 1..=most).contains(&lab.fault.most_at_once()), "{}", lab.fault.most_at_once());
    });
    let grown = lab.proxy.peak_memory() - before;
    assert!(grown < 400 << 10, "{grown} KiB for {CLIENTS} clients");
    lab.fault.forget();
    assert_eq!(lab.client.get(STUCK, "key").body, b"stuck");
    assert_eq!(lab.client.put(STUCK, "key", b"again").status, 200);
}

/// What is uploaded: made once and before, since that takes longer than a store is waited for if all do it at once.
struct Bodies {
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Bodies {
    fn new() -> Self {
        Self { small: content(1, MIB), large: content(1, 9 * MIB) }
    }
}

/// Asks for something of the stuck bucket; the code that comes.
fn ask(client: &Client, bodies: &Bodies, number: usize) -> String {
    let began = Instant::now();
    let response = match number % 5 {
        0 => client.get(STUCK, "key"),
        1 => client.put(STUCK, "new", &bodies.small),
        2 => client.list(STUCK, "list-type=2"),
        3 => client.put(STUCK, "large", &bodies.large),
        _ => client.delete(STUCK, "key"),
    };
    let (status, code) = (response.status, response.code());
    assert!(CODES.contains(&(status, code.as_str())), "{number}: {status} {code}: {:?}", response.end);
    assert!(began.elapsed() < BOUND, "{number}: after {:?}", began.elapsed());
    code
}
