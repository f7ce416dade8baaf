//! Conditions.

use super::*;
use crate::store::Guards;

/// What a store without conditions says to one.
fn unsupported<T: std::fmt::Debug>(result: &Result<T, PutError>) {
    assert!(matches!(result, Err(PutError::Unsupported(_))), "a condition was not refused: {result:?}");
}

/// A deletion on a condition.
fn provided(guard: Guard) -> Deletion {
    Deletion { guard, ..Deletion::default() }
}

fn failed<T: std::fmt::Debug>(result: &Result<T, PutError>) {
    assert!(matches!(result, Err(PutError::GuardFailed)), "{result:?}");
}

/// What a condition that does not hold gets: whether it is judged or not, nothing is stored.
pub(super) fn refused<T: std::fmt::Debug>(result: &Result<T, PutError>, atomic: bool) {
    if atomic { failed(result) } else { unsupported(result) }
}

pub(super) async fn absent(on: Subject) {
    let (first, second) = (Version::new(1, 9), Version::new(2, 20 << 10));
    if !on.capabilities.guards.absent {
        return unsupported(&on.put_if("key", &first, Guard::Absent).await);
    }
    on.put_if("key", &first, Guard::Absent).await.expect("nothing stands there");
    failed(&on.put_if("key", &second, Guard::Absent).await);
    on.expect("key", Some(&first)).await;
    on.delete(&["key"]).await;
    on.put_if("key", &second, Guard::Absent).await.expect("nothing stands there any more");
    on.expect("key", Some(&second)).await;
    on.delete(&["key"]).await;
}

pub(super) async fn matches(on: Subject) {
    let versions = [Version::new(1, 9), Version::new(2, 20 << 10), Version::new(3, 8)];
    if !on.capabilities.guards.matches {
        return unsupported(&on.put_if("key", &versions[0], Guard::Matches(Pin("x".into()))).await);
    }
    failed(&on.put_if("key", &versions[0], Guard::Matches(Pin("x".into()))).await);
    on.expect("key", None).await;
    let one = on.put("key", &versions[0]).await.pin;
    let two = on.put_if("key", &versions[1], Guard::Matches(one.clone())).await.expect("it is that one").pin;
    failed(&on.put_if("key", &versions[2], Guard::Matches(one.clone())).await);
    on.expect("key", Some(&versions[1])).await;
    on.put_if("key", &versions[2], Guard::Matches(two)).await.expect("it is that one");
    on.expect("key", Some(&versions[2])).await;
    on.delete(&["key"]).await;
    failed(&on.put_if("key", &versions[0], Guard::Matches(one)).await);
    on.expect("key", None).await;
}

pub(super) async fn deletes(on: Subject) {
    let object = on.object("key");
    unsupported(&on.store.delete(&object, provided(Guard::Absent)).await);
    let version = Version::new(1, 9);
    let pin = on.put("key", &version).await.pin;
    if on.capabilities.guards.deletes {
        failed(&on.store.delete(&object, provided(Guard::Matches(Pin("x".into())))).await);
        on.expect("key", Some(&version)).await;
        on.store.delete(&object, provided(Guard::Matches(pin))).await.expect("it is that one");
    } else {
        unsupported(&on.store.delete(&object, provided(Guard::Matches(pin))).await);
        on.expect("key", Some(&version)).await;
    }
    on.delete(&["key"]).await;
}

pub(super) async fn one_of_many_writers_wins(on: Subject) {
    let Guards { absent, matches, deletes: _ } = on.capabilities.guards;
    for size in [100, 20 << 10] {
        let mut standing = None;
        for round in 0..6 {
            let guard = match standing.take() {
                Some(pin) if matches => Guard::Matches(pin),
                None if !absent && matches => Guard::Matches(on.put("key", &Version::new(1, 7)).await.pin),
                _ if absent => {
                    on.delete(&["key"]).await;
                    Guard::Absent
                }
                _ => return,
            };
            let writers: Vec<_> = (0..32)
                .map(|n| {
                    let (on, version, guard) =
                        (on.clone(), Version::new(100 + round * 100 + n, size), guard.clone());
                    tokio::spawn(async move { (on.put_if("key", &version, guard).await, version) })
                })
                .collect();
            let (mut winner, mut perhaps) = (None, Vec::new());
            for writer in writers {
                match writer.await.expect("no writer panics") {
                    (Ok(committed), version) => {
                        assert!(winner.replace((committed.pin, version)).is_none(), "two writers won");
                    }
                    // Somebody has to look, as the caller of a store must.
                    (Err(PutError::Unknown(_)), version) if on.demands == Demands::OfS3 => {
                        perhaps.push(version);
                    }
                    (lost, _) => failed(&lost),
                }
            }
            if winner.is_none() {
                let standing = on.get("key", Span::All).await.expect("one writer wins");
                let number = Version::number(&standing.attributes);
                let found =
                    perhaps.into_iter().find(|version| Version::number(&version.attributes) == number);
                winner = found.map(|version| (standing.pin, version));
            }
            let (pin, version) = winner.expect("one writer wins");
            on.expect("key", Some(&version)).await;
            standing = Some(pin);
        }
        on.delete(&["key"]).await;
    }
}
