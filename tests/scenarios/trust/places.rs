//! Downloads that wait for their turn to look beside an artifact.

use std::time::Instant;

use hallmark_tests::data::content;
use hallmark_tests::memory::{Call, Gate};
use hallmark_tests::raw::DEADLINE;

use super::{BUCKET, Lab};

/// So many artifacts of one client have what stands beside them read at once.
const TURNS: usize = 4;

/// A body that is open at the store has one of the places for which others wait: a download that has to wait itself gives
/// it up, and asks for the body again when it may be served.
#[test]
fn p7_no_body_is_held_open_while_a_download_waits_for_its_turn() {
    let lab = Lab::new("all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\"", "");
    let key = |number: usize| format!("app-{number}.tar");
    let body = |number: usize| content(number as u64, 1000);
    for number in 0..=TURNS {
        assert_eq!(lab.client.put(BUCKET, &key(number), &body(number)).status, 200);
        for signer in ["b", "c"] {
            let signature = lab.proxy.site.signature(signer, &body(number));
            let sibling = format!("{}.{signer}.sig", key(number));
            assert_eq!(lab.client.put(BUCKET, &sibling, signature.as_bytes()).status, 200);
        }
    }
    let gates: Vec<_> =
        (0..TURNS).map(|number| lab.store.hold(Call::Get.naming(format!("{}.b.sig", key(number))))).collect();
    let answer = lab.store.hold_answer(Call::Get.naming(key(TURNS)));
    lab.store.take_calls();
    std::thread::scope(|scope| {
        let (lab, key, body) = (&lab, &key, &body);
        let get = move |number: usize| {
            let got = lab.reader.get(BUCKET, &key(number));
            assert_eq!((got.status, got.body == body(number)), (200, true), "{}", got.text());
        };
        (0..TURNS).for_each(|number| drop(scope.spawn(move || get(number))));
        gates.iter().for_each(Gate::wait);
        let last = scope.spawn(move || get(TURNS));
        answer.wait();
        until(|| lab.store.open_bodies() == TURNS + 1, "others than those of the artifacts are open");
        answer.release();
        until(|| lab.store.open_bodies() == TURNS, "it holds on to its body");
        drop(gates);
        last.join().unwrap();
    });
    let asked = lab.store.take_named_calls();
    let times_asked = |number: usize| {
        asked.iter().filter(|(call, name)| *call == Call::Get && name.ends_with(&key(number))).count()
    };
    // Those that had their turn at once read what came with the first answer.
    assert_eq!((0..=TURNS).map(times_asked).collect::<Vec<_>>(), [1, 1, 1, 1, 2]);
    assert_eq!(lab.store.open_bodies(), 0);
}

fn until(holds: impl Fn() -> bool, or: &str) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "{or}");
        std::thread::yield_now();
    }
}
