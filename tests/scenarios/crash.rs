//! Kill -9 in the middle of everything: what was acknowledged is there, and nothing else is half there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{Connection, End};
use hallmark_tests::s3::Client;

const BUCKET: &str = "artifacts";

/// How many uploads are acknowledged before the proxy is killed, in each of the rounds.
const ROUNDS: [usize; 4] = [1, 100, 500, 2000];

/// What was uploaded under each key.
type History = BTreeMap<String, Uploads>;

/// The beginnings of the contents that a key may have.
#[derive(Default)]
struct Uploads {
    /// Of the last upload that was acknowledged: it must be there, or what came after it.
    acknowledged: Option<Vec<u8>>,
    /// Of the upload after it, which got no answer: it may be there or not.
    unanswered: Option<Vec<u8>>,
}

/// What a writer uploads under its keys; its content follows from the key.
#[derive(Clone, Copy)]
struct Writer {
    number: u64,
    /// Lengths lie below this.
    below: u64,
}

/// Small ones, and some that are streamed.
const WRITERS: [Writer; 5] = [
    Writer { number: 0, below: 2000 },
    Writer { number: 1, below: 2000 },
    Writer { number: 2, below: 40_000 },
    Writer { number: 3, below: 3 * MIB },
    Writer { number: 4, below: 20 * MIB },
];

impl Writer {
    fn key(self, round: usize, upload: u64) -> String {
        // A few keys are written again and again.
        let upload = if upload.is_multiple_of(3) { upload % 9 } else { upload };
        format!("{}/{round}/{upload}", self.number)
    }

    /// The content of the upload, recognisable by its first bytes: `upload` itself.
    fn content(self, round: usize, upload: u64) -> Vec<u8> {
        let seed = upload * 1000 + round as u64 * 10 + self.number;
        let mut bytes = seed.to_le_bytes().to_vec();
        bytes.extend(content(seed, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.below));
        bytes
    }
}

/// The content that begins with these bytes.
fn whole_of(bytes: &[u8]) -> Vec<u8> {
    let seed = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let (upload, round, number) = (seed / 1000, seed % 1000 / 10, seed % 10);
    let writer = WRITERS.into_iter().find(|writer| writer.number == number).expect("a writer");
    writer.content(usize::try_from(round).unwrap(), upload)
}

/// Uploads until the proxy is gone, reporting what was begun and what was acknowledged.
fn write(
    writer: Writer,
    client: &Client,
    round: usize,
    reports: &Sender<(String, Vec<u8>, bool)>,
    stop: &AtomicBool,
) {
    let mut connection = Connection::open(client.address);
    for upload in 0.. {
        if stop.load(Ordering::Acquire) {
            return;
        }
        let (key, body) = (writer.key(round, upload), writer.content(round, upload));
        let response = client.put_on(&mut connection, BUCKET, &key, &body);
        let acknowledged = response.status == 200 && response.end == End::Complete;
        assert!(acknowledged || response.status == 0, "{key}: {}", response.text());
        let gone = reports.send((key, body[..8].to_vec(), acknowledged)).is_err();
        if gone || !acknowledged {
            return;
        }
    }
}

#[test]
fn p6_what_was_acknowledged_survives() {
    let mut proxy = Proxy::start();
    proxy.client().create_bucket(BUCKET);
    let mut history = History::new();
    let mut acknowledged = 0;
    for (round, enough) in ROUNDS.into_iter().enumerate() {
        let client = proxy.client();
        let (reports, reported) = channel();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in WRITERS {
                let (client, reports, stop) = (&client, reports.clone(), &stop);
                scope.spawn(move || write(writer, client, round, &reports, stop));
            }
            drop(reports);
            let mut seen = 0;
            for (key, beginning, good) in reported {
                let uploads = history.entry(key).or_default();
                if good {
                    *uploads = Uploads { acknowledged: Some(beginning), unanswered: None };
                    seen += 1;
                } else {
                    uploads.unanswered = Some(beginning);
                }
                if seen == enough {
                    // Uploads are under way on every connection.
                    proxy.kill();
                    stop.store(true, Ordering::Release);
                }
            }
            acknowledged += seen;
        });
        proxy.restart();
        check(&proxy.client(), &history);
    }
    assert!(acknowledged >= ROUNDS.iter().sum(), "{acknowledged}");
    let unanswered = history.values().filter(|uploads| uploads.unanswered.is_some()).count();
    assert!(unanswered > 0, "it was always killed between uploads");
    println!("{acknowledged} uploads acknowledged, {unanswered} unanswered");
}

/// Every key that must be there is, with one of the contents it may have; and every key that is listed is whole.
fn check(client: &Client, history: &History) {
    let listed = client.keys(BUCKET, "");
    for (key, uploads) in history {
        let there = listed.contains(key);
        assert!(there || uploads.acknowledged.is_none(), "{key} was acknowledged and is not listed");
        let response = client.get(BUCKET, key);
        assert_eq!(response.status == 200, there, "{key} is listed: {there}; {}", response.text());
        if there {
            let beginning = Some(response.body[..8].to_vec());
            let known = beginning == uploads.acknowledged || beginning == uploads.unanswered;
            assert!(known, "{key} has another content than the last one or two uploads");
        }
    }
    for key in listed {
        let response = client.get(BUCKET, &key);
        assert_eq!((response.status, response.end), (200, End::Complete), "{key}: {}", response.text());
        assert_eq!(response.header("x-hallmark-verified"), Some("seal"), "{key}");
        assert_same(&response.body, &whole_of(&response.body), &key);
    }
}
