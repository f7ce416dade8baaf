//! A run that is killed at any moment is taken up again by the next one; and no run reads faster than it was told to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use hallmark_config::Config;
use hallmark_proxy::adopt::{Campaign, Event, Lists, below, run};
use hallmark_proxy::gate::Order;
use hallmark_proxy::store::Store;
use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::{Call, StoredObject, Which};
use hallmark_tests::raw::DEADLINE;
use tokio::runtime::{Builder, Runtime};

use super::resealed::leaked;
use super::{ADOPT, HEADER, Lab, RESEAL, RULED};

const KEYS: [(&str, u64); 2] = [("first", 1000), ("second", 9 * MIB + 5)];

/// A bucket with artifacts that `ci` signed, without seals.
fn unsealed() -> (Lab, BTreeMap<&'static str, StoredObject>) {
    let lab = Lab::new("keys = [\"ci\"]");
    for (key, length) in KEYS {
        let body = content(length, length);
        lab.foreign(RULED, key, &body, &[(HEADER, &lab.site.signature("ci", &body))]);
    }
    let placed = placed(&lab);
    (lab, placed)
}

fn placed(lab: &Lab) -> BTreeMap<&'static str, StoredObject> {
    KEYS.iter().map(|(key, _)| (*key, lab.store.object(RULED, key))).collect()
}

/// Which of them are served, with their bytes.
fn served(lab: &Lab) -> usize {
    let served = |(key, length): &&(&str, u64)| {
        let got = lab.reader().get(RULED, key);
        assert!(got.status == 403 || got.body == content(*length, *length), "{key}: {}", got.status);
        got.status == 200
    };
    KEYS.iter().filter(served).count()
}

/// Each call of a whole run, as what is held to have it killed right before.
fn moments(lab: &Lab, order: Order) -> Vec<(String, Which)> {
    lab.store.take_named_calls();
    let (summary, told) = lab.do_it("s3://ruled", order);
    assert_eq!((summary.sealed, summary.problems), (KEYS.len() as u64, 0), "{told:?}");
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    let moment = |(call, name): (Call, String)| {
        // Records have other names each time, and only one of the two has any.
        let known = KEYS.iter().map(|(key, _)| *key).chain([RULED]).find(|known| name.ends_with(known));
        let what = format!("{call:?} {}", known.unwrap_or("of a record"));
        let nth = before.entry(what.clone()).or_default();
        let which = match known {
            Some(known) => call.naming(known).after(*nth),
            None => call.after(*nth),
        };
        *nth += 1;
        (format!("{what}, {nth}"), which)
    };
    lab.store.take_named_calls().into_iter().map(moment).collect()
}

/// A run that is killed before that call, once it has told of so many new seals.
fn killed(lab: &Lab, order: Order, before: Which, sealed: usize) {
    let gate = lab.store.hold(before);
    let (told, telling) = channel();
    let config = Config::load(&lab.site.config_file()).unwrap();
    let store = Arc::clone(&lab.store) as Arc<dyn Store>;
    let (kill, dies) = tokio::sync::oneshot::channel::<()>();
    let running = std::thread::spawn(move || {
        let (below, lists) = (below("s3://ruled").unwrap(), Lists::default());
        let campaign = Campaign { below: &below, order, lists: &lists, rate: None };
        let tell = |event: Event<'_>| {
            if let Event::Sealed(..) = event {
                told.send(()).unwrap();
            }
        };
        Runtime::new().unwrap().block_on(async {
            tokio::select! {
                ended = run(&config, store, &campaign, &tell) => panic!("it was held: {ended:?}"),
                _ = dies => {}
            }
        });
    });
    gate.wait();
    (0..sealed).for_each(|_| telling.recv_timeout(DEADLINE).unwrap());
    kill.send(()).unwrap();
    running.join().unwrap();
}

/// Killed before each call that it makes to the store, it leaves nothing that the next run does not make good.
#[track_caller]
fn taken_up_again(lab: &Lab, order: Order, originals: &BTreeMap<&'static str, StoredObject>) {
    let moments = moments(lab, order);
    assert!(moments.len() > 8, "{moments:?}");
    let halfway = ("halfway".to_owned(), Call::Copy.naming("second"), 1);
    let moments = moments.into_iter().map(|(what, before)| (what, before, 0));
    for (what, before, done) in moments.chain([halfway]) {
        for (key, original) in originals {
            lab.store.place(RULED, key, original.clone());
        }
        assert_eq!(served(lab), 0);
        killed(lab, order, before, done);
        let sealed_before = served(lab);
        assert!(sealed_before >= done, "{what}");

        let (summary, told) = lab.do_it("s3://ruled", order);
        let all = KEYS.len() as u64;
        assert_eq!(
            (summary.objects, summary.sealed_before, summary.sealed, summary.problems),
            (all, sealed_before as u64, all - sealed_before as u64, 0),
            "{what}: {told:?}"
        );
        assert_eq!(served(lab), KEYS.len(), "{what}");
    }
}

#[test]
fn p6_an_adoption_that_was_killed_is_taken_up_again() {
    let (lab, originals) = unsealed();
    taken_up_again(&lab, ADOPT, &originals);
}

#[test]
fn p6_a_recovery_that_was_killed_is_taken_up_again() {
    let (lab, _) = unsealed();
    lab.do_it("s3://ruled", ADOPT);
    let originals = placed(&lab);
    let lab = leaked(lab);
    taken_up_again(&lab, RESEAL, &originals);
}

/// By a clock that stands still but for what is waited for: without a rate that is nothing.
fn waited(lab: &Lab, order: Order, rate: Option<&str>) -> Duration {
    let config = Config::load(&lab.site.config_file()).unwrap();
    let (below, lists) = (below("s3://ruled").unwrap(), Lists::default());
    let campaign =
        Campaign { below: &below, order, lists: &lists, rate: rate.map(|rate| rate.parse().unwrap()) };
    let read = std::sync::atomic::AtomicU64::new(0);
    let tell = |event: Event<'_>| {
        if let Event::Read(bytes) = event {
            read.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let waited = runtime.block_on(async {
        let begun = tokio::time::Instant::now();
        let store = Arc::clone(&lab.store) as Arc<dyn Store>;
        let summary = run(&config, store, &campaign, &tell).await.unwrap();
        assert_eq!((summary.sealed, summary.problems), (KEYS.len() as u64, 0));
        begun.elapsed()
    });
    assert_eq!(read.into_inner(), KEYS.iter().map(|(_, length)| length).sum::<u64>());
    waited
}

#[test]
fn adoption_and_recovery_keep_to_their_rate() {
    let (lab, originals) = unsealed();
    let put_back = |lab: &Lab, originals: &BTreeMap<&str, StoredObject>| {
        for (key, original) in originals {
            lab.store.place(RULED, key, original.clone());
        }
    };
    let check = |lab: &Lab, order: Order, originals: &BTreeMap<&str, StoredObject>| {
        assert_eq!(waited(lab, order, None), Duration::ZERO);
        put_back(lab, originals);
        // 94 s, of which as much is spared as the work itself takes.
        let slow = waited(lab, order, Some("100kB/s"));
        assert!(slow > Duration::from_secs(60), "{slow:?}");
        put_back(lab, originals);
        let fast = waited(lab, order, Some("1MB/s"));
        assert!(fast < slow && fast > Duration::ZERO, "{fast:?} {slow:?}");
    };
    check(&lab, ADOPT, &originals);
    let originals = placed(&lab);
    check(&leaked(lab), RESEAL, &originals);
}
