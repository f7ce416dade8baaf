//! A rolling restart by kill -9, under load: clients retry, and what they were told is so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use hallmark_tests::data::{MIB, Random, assert_same, content};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, Completed, Upload, completed, etag_of_parts};

use super::fleet::{Addresses, BUCKET, Fleet};

/// How often each instance is killed.
const ROUNDS: usize = 2;
/// How many uploads are acknowledged between two of those.
const BETWEEN: usize = 25;

const LENGTHS: [u64; 3] = [1000, 70_000, 9 * MIB];

/// What was acknowledged, by key: the content's seed and length.
#[derive(Default)]
struct Acknowledged(Mutex<BTreeMap<String, (u64, u64)>>);

impl Acknowledged {
    fn add(&self, key: String, seed: u64, length: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (seed, length));
    }

    fn any(&self, random: &mut Random) -> Option<(String, (u64, u64))> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = random.below(known.len().max(1) as u64) as usize;
        known.iter().nth(at).map(|(key, content)| (key.clone(), *content))
    }

    fn all(&self) -> BTreeMap<String, (u64, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Uploads whole objects until it is told to stop.
fn upload(number: usize, addresses: &Addresses, known: &Acknowledged, tell: &Sender<()>, stop: &AtomicBool) {
    for upload in 0.. {
        let (key, seed) = (format!("{number}/{upload}"), (number * 10_000 + upload) as u64);
        let length = LENGTHS[number % LENGTHS.len()];
        let body = content(seed, length);
        let put = addresses.ask(&key, |client| client.put(BUCKET, &key, &body));
        assert_eq!(put.status, 200, "{key}: {}", put.text());
        known.add(key, seed, length);
        if tell.send(()).is_err() || stop.load(Ordering::Acquire) {
            return;
        }
    }
}

/// The same in parts, each step through the instance whose turn it is.
fn upload_in_parts(addresses: &Addresses, known: &Acknowledged, tell: &Sender<()>, stop: &AtomicBool) {
    for upload in 0.. {
        let (key, seed, length) = (format!("parts/{upload}"), 900_000 + upload, 5 * MIB + 100);
        let body = content(seed, length);
        let parts = body.split_at(5 * MIB as usize);
        let good = |response: Response| {
            assert_eq!(response.status, 200, "{key}: {}", response.text());
            response
        };
        let id = good(addresses.ask(&key, |client| client.ask_for_upload(BUCKET, &key, &[])));
        let id = id.element("UploadId");
        let through = |client: &Client| Upload {
            client: client.clone(),
            bucket: BUCKET.to_owned(),
            key: key.clone(),
            id: id.clone(),
        };
        let sent: Vec<_> = (1..)
            .zip([parts.0, parts.1])
            .map(|(number, part)| {
                let sent = good(addresses.ask(&key, |client| through(client).part(number, part)));
                Completed::new(number, sent.header("etag").expect("a part has an ETag"))
            })
            .collect();
        let answer = loop {
            let answer = addresses.ask(&key, |client| through(client).complete(&sent));
            // An error may come in what began as a success.
            if !["InternalError", "ServiceUnavailable", "SlowDown"].contains(&answer.code().as_str()) {
                break answer;
            }
        };
        assert_eq!(completed(&answer), Ok(etag_of_parts(&[parts.0, parts.1])), "{key}");
        known.add(key, seed, length);
        if tell.send(()).is_err() || stop.load(Ordering::Acquire) {
            return;
        }
    }
}

/// Downloads what was acknowledged, again and again.
fn download(addresses: &Addresses, known: &Acknowledged, stop: &AtomicBool) {
    let mut random = Random::new(7);
    while !stop.load(Ordering::Acquire) {
        let Some((key, (seed, length))) = known.any(&mut random) else {
            std::thread::yield_now();
            continue;
        };
        let got = addresses.ask(&key, |client| client.get(BUCKET, &key));
        assert_holds(&got, &key, seed, length);
    }
}

#[track_caller]
fn assert_holds(got: &Response, key: &str, seed: u64, length: u64) {
    let verified = got.header("x-hallmark-verified");
    assert_eq!((got.status, verified), (200, Some("seal")), "{key}: {}", got.text());
    assert_same(&got.body, &content(seed, length), key);
}

/// Every instance is killed and started again, one after the other, while clients go on.
pub(super) fn nothing_acknowledged_is_lost(mut fleet: Fleet) {
    let (addresses, known) = (fleet.addresses(), Acknowledged::default());
    let (stop, (tell, told)) = (AtomicBool::new(false), channel());
    std::thread::scope(|scope| {
        for number in 0..LENGTHS.len() {
            let (addresses, known, tell, stop) = (&addresses, &known, tell.clone(), &stop);
            scope.spawn(move || upload(number, addresses, known, &tell, stop));
        }
        {
            let (addresses, known, tell, stop) = (&addresses, &known, tell, &stop);
            scope.spawn(move || upload_in_parts(addresses, known, &tell, stop));
        }
        scope.spawn(|| download(&addresses, &known, &stop));
        let _stops = Stops(&stop);
        for number in (0..fleet.proxies.len()).cycle().take(ROUNDS * fleet.proxies.len()) {
            for _ in 0..BETWEEN {
                told.recv().expect("uploads go on");
            }
            fleet.restart(number, &addresses);
        }
    });
    let known = known.all();
    for client in fleet.clients() {
        let mut listed = client.keys(BUCKET, "");
        listed.sort();
        assert_eq!(
            listed,
            known.keys().cloned().collect::<Vec<_>>(),
            "what was begun was acknowledged in the end"
        );
        assert!(client.uploads(BUCKET, "").elements("UploadId").len() <= ROUNDS * fleet.proxies.len());
    }
    for (key, (seed, length)) in &known {
        assert_holds(&fleet.client(0).get(BUCKET, key), key, *seed, *length);
    }
}

/// Whoever waits for threads that never stop does not see why.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
