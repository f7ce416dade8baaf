//! Many downloads of one artifact at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_proxy::store::StoreFault;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::memory::{Call, Mishap};
use hallmark_tests::raw::{Asked, Connection, End, Response};
use hallmark_tests::s3::{Client, object};

use super::{BUCKET, FRESH, KEY, Lab};

/// How many read at the same time.
const READERS: usize = 8;

/// Longer than a reader waits for another.
const PATIENCE: Duration = Duration::from_secs(3);

/// A request that was sent, and whose answer nobody takes yet.
fn begin(client: &Client, bucket: &str) -> Connection {
    let mut request = client.request("GET", &object(bucket, KEY));
    client.signer().sign_body(&mut request);
    let mut connection = Connection::open(client.address);
    assert!(connection.send(&request.head()));
    connection
}

fn count(calls: &[Call], call: Call) -> usize {
    calls.iter().filter(|made| **made == call).count()
}

/// As many readers as there are, all of them before the first gets an answer. Gives what they got, and what was called.
fn read_at_once(lab: &Lab, bucket: &str, meanwhile: impl FnOnce()) -> (Vec<Response>, Vec<Call>) {
    lab.store.take_calls();
    let gate = lab.store.hold(Call::Get);
    let mut readers = vec![begin(&lab.client, bucket)];
    gate.wait();
    readers.extend((1..READERS).map(|_| begin(&lab.client, bucket)));
    meanwhile();
    gate.release();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> =
            readers.iter_mut().map(|reader| scope.spawn(|| reader.response(Asked::Other))).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    (answers, lab.store.take_calls())
}

#[test]
fn downloads_at_once_fetch_the_artifact_once() {
    for length in [1000, MIB, 5 * MIB, 9 * MIB + 5] {
        let lab = Lab::new();
        let body = content(1, length);
        for bucket in [BUCKET, FRESH] {
            lab.put(bucket, &body, &[]);
            let before = lab.store.bytes_read();
            let (answers, calls) = read_at_once(&lab, bucket, || {});
            for answer in answers {
                assert_eq!((answer.status, answer.end), (200, End::Complete));
                assert_same(&answer.body, &body, bucket);
            }
            assert_eq!(count(&calls, Call::Get), 1, "{length} of {bucket}: {calls:?}");
            assert_eq!(lab.store.bytes_read() - before, length, "{bucket}");
            if bucket == FRESH {
                assert_eq!(count(&calls, Call::Head), 0, "{length}: {calls:?}");
            }
        }
    }
}

/// Each reader is told what stands there when it asks, not what the first was told.
#[test]
fn p1_who_comes_later_gets_what_is_there_then() {
    let lab = Lab::new();
    let other = lab.another();
    let (first, second) = (content(1, 3 * MIB), content(2, 3 * MIB));
    lab.put(BUCKET, &first, &[]);
    let gate = lab.store.hold_answer(Call::Get);
    let mut leader = begin(&lab.client, BUCKET);
    gate.wait();
    assert_eq!(other.client.put(BUCKET, KEY, &second).status, 200);
    let mut follower = begin(&lab.client, BUCKET);
    gate.release();
    assert_same(&leader.response(Asked::Other).body, &first, "asked before");
    assert_same(&follower.response(Asked::Other).body, &second, "asked afterwards");
}

/// The one that the others wait for fails, is told something else, or goes away: they ask for themselves.
#[test]
fn followers_of_one_that_fails_are_served() {
    for length in [1000, 5 * MIB] {
        let body = content(1, length);
        let lab = Lab::new();
        lab.put(BUCKET, &body, &[]);
        lab.store.go_wrong(Call::Get, Mishap::Fails(StoreFault::Unavailable));
        let (answers, _) = read_at_once(&lab, BUCKET, || {});
        let (failed, served): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status != 200);
        assert_eq!(failed.iter().map(|answer| answer.status).collect::<Vec<_>>(), [503]);
        assert!(served.iter().all(|answer| answer.body == body));

        // A body that breaks off: it is asked for again, once, and nobody gets anything wrong.
        let lab = Lab::new();
        lab.put(BUCKET, &body, &[]);
        lab.store.go_wrong(Call::Get, Mishap::BreaksAfter(body.len() - 1));
        let (answers, _) = read_at_once(&lab, BUCKET, || {});
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == body), "{length}");

        let lab = Lab::new();
        lab.put(BUCKET, &body, &[]);
        lab.store.go_wrong(Call::Get, Mishap::Garbles(body.len() - 1));
        let (answers, _) = read_at_once(&lab, BUCKET, || {});
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == body), "{length}");
    }
}

#[test]
fn followers_of_one_that_goes_away_are_served() {
    let lab = Lab::new();
    let body = content(1, 5 * MIB);
    lab.put(BUCKET, &body, &[]);
    let gate = lab.store.hold(Call::Get);
    let leader = begin(&lab.client, BUCKET);
    gate.wait();
    let mut follower = begin(&lab.client, BUCKET);
    drop(leader);
    // The gate stays shut: who waits for that read waits in vain.
    assert_same(&follower.response(Asked::Other).body, &body, "the follower's");
    gate.release();
}

/// A store that does not answer one request does not keep the others waiting for long.
#[test]
fn followers_of_one_that_hangs_are_served() {
    let lab = Lab::new();
    let body = content(1, 5 * MIB);
    lab.put(BUCKET, &body, &[]);
    lab.store.go_wrong(Call::Get, Mishap::NeverAnswers);
    let gate = lab.store.hold(Call::Get);
    let _leader = begin(&lab.client, BUCKET);
    gate.wait();
    let began = Instant::now();
    gate.release();
    assert_same(&lab.client.get(BUCKET, KEY).body, &body, "the follower's");
    assert!(began.elapsed() < 2 * PATIENCE, "{:?}", began.elapsed());
}

/// A client that takes nothing holds up nobody, and costs no second read: the others read on in its stead.
#[test]
fn a_slow_reader_does_not_slow_the_others() {
    let lab = Lab::new();
    let body = content(1, 24 * MIB);
    lab.put(BUCKET, &body, &[]);
    let mut slow = begin(&lab.client, BUCKET);
    assert_eq!(slow.head().0, 200);
    let began = Instant::now();
    for _ in 0..3 {
        assert_same(&lab.client.get(BUCKET, KEY).body, &body, "another's");
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    let calls = lab.store.take_calls();
    assert_eq!(count(&calls, Call::Get), 1, "{calls:?}");
    // It has all of it in the end, though its head was taken apart from the rest.
    let mut rest = Vec::new();
    let store = Arc::clone(&lab.store);
    while rest.len() < body.len() {
        let more = slow.some();
        assert!(!more.is_empty(), "cut after {}", rest.len());
        rest.extend_from_slice(&more);
    }
    assert_same(&rest, &body, "the slow one's");
    assert_eq!(count(&store.take_calls(), Call::Get), 0);
}

/// Bad bytes do not get into the cache by way of those who share: each reader is cut off or refused.
#[test]
fn p1_bad_leaves_are_shared_with_nobody() {
    let lab = Lab::new();
    let body = content(1, 5 * MIB);
    lab.put(BUCKET, &body, &[]);
    let bad = 3 * MIB as usize;
    lab.store.edit(BUCKET, KEY, |object| object.flip(bad + 5));
    let (answers, _) = read_at_once(&lab, BUCKET, || {});
    for answer in answers {
        match answer.status {
            200 | 0 => {
                assert_eq!(answer.end, End::Reset);
                assert!(answer.body.len() <= bad && body.starts_with(&answer.body));
            }
            status => assert_eq!((status, answer.code().as_str()), (403, "ArtifactDigestMismatch")),
        }
    }
    let range = format!("bytes={bad}-{}", bad + 9);
    assert_eq!(lab.client.get_range(BUCKET, KEY, &range).status, 403);
    assert_eq!(lab.client.get_range(BUCKET, KEY, "bytes=0-9").body, &body[..10]);
}
