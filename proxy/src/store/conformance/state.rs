//! Hallmark's own objects. Names are the store's, not a bucket's: every check has a random beginning for its own.

use super::*;
use crate::store::{Pin, StateArea, StateName};

fn name(area: StateArea, name: &str) -> StateName {
    StateName::new(area, name).expect("a good name")
}

async fn read(on: &Subject, name: &StateName, span: Span) -> Option<Bytes> {
    on.store.state_get(name, span).await.expect("it can be read").map(dissect::state)
}

async fn write(on: &Subject, name: &StateName, value: &Bytes) {
    on.store.state_put(name, value.clone(), Guard::Any).await.expect("it can be written");
}

async fn delete(on: &Subject, name: &StateName) {
    on.store.state_delete(name).await.expect("it can be deleted");
    assert_eq!(read(on, name, Span::All).await, None);
}

pub(super) async fn round_trips_and_spans(on: Subject) {
    let record = name(StateArea::Records, &format!("{:x}/A-Z_a.z~", seed()));
    assert_eq!(read(&on, &record, Span::All).await, None);
    delete(&on, &record).await;
    for (number, size) in (1..).zip([0, 1, 500, 16 << 10, (16 << 10) + 1, 1_500_000, 3]) {
        let value = Version::new(number, size).bytes;
        write(&on, &record, &value).await;
        assert!(read(&on, &record, Span::All).await.as_ref() == Some(&value), "{size}: other bytes");
        let middle = size / 3..size / 2 + 1;
        for (start, end) in
            [(0, 1), (middle.start, middle.end), (0, size + 1), (size, size + 5), (size + 1, size + 2)]
        {
            let found = read(&on, &record, Span::Bytes(start as u64..end as u64)).await.expect("it is there");
            assert!(found == value.slice(start.min(size)..end.min(size)), "{start}..{end} of {size}");
        }
    }
    delete(&on, &record).await;
}

pub(super) async fn areas_are_apart(on: Subject) {
    let both = format!("{:x}", seed());
    let (record, scratch) = (name(StateArea::Records, &both), name(StateArea::Scratch, &both));
    write(&on, &record, &Bytes::from_static(b"record")).await;
    assert_eq!(read(&on, &scratch, Span::All).await, None);
    write(&on, &scratch, &Bytes::from_static(b"scratch")).await;
    assert_eq!(read(&on, &record, Span::All).await.as_deref(), Some(&b"record"[..]));
    delete(&on, &record).await;
    assert_eq!(read(&on, &scratch, Span::All).await.as_deref(), Some(&b"scratch"[..]));
    delete(&on, &scratch).await;
}

pub(super) async fn lists(on: Subject) {
    let top = format!("{:x}", seed());
    let inner: Vec<String> =
        ["-", "a", "a/1", "a/2", "ab", "b", "~"].iter().map(|n| format!("{top}/{n}")).collect();
    for (size, text) in inner.iter().enumerate() {
        write(&on, &name(StateArea::Scratch, text), &Version::new(1, size * 9_000).bytes).await;
    }
    for (prefix, after, limit, expected) in [
        ("/", None, 100, &inner[..]),
        ("/", None, 7, &inner[..]),
        ("/", None, 3, &inner[..3]),
        ("/a", None, 100, &inner[1..5]),
        ("/a/", None, 1, &inner[2..3]),
        ("/a", Some("/a"), 100, &inner[2..5]),
        ("/a", Some("/a/1"), 100, &inner[3..5]),
        ("/a", Some("/aa"), 100, &inner[4..5]),
        ("/a", Some("/-"), 2, &inner[1..3]),
        ("/", Some("/~"), 100, &[]),
        ("/c", None, 100, &[]),
    ] {
        let after = after.map(|after| format!("{top}{after}"));
        let prefix = format!("{top}{prefix}");
        let found = on.store.state_list(StateArea::Scratch, &prefix, after.as_deref(), limit).await;
        assert_eq!(found.expect("it can be listed"), expected, "{prefix} after {after:?}");
        let elsewhere = on.store.state_list(StateArea::Records, &prefix, after.as_deref(), limit).await;
        assert!(elsewhere.expect("it can be listed").is_empty());
    }
    for text in &inner {
        delete(&on, &name(StateArea::Scratch, text)).await;
    }
}

pub(super) async fn one_of_many_writers_wins(on: Subject) {
    let record = name(StateArea::Records, &format!("{:x}", seed()));
    let pinned = on.store.state_put(&record, Bytes::new(), Guard::Matches(Pin("x".into()))).await;
    assert!(matches!(pinned, Err(PutError::Unsupported(_))), "{pinned:?}");
    if !on.capabilities.guards.absent {
        let absent = on.store.state_put(&record, Bytes::new(), Guard::Absent).await;
        assert!(matches!(absent, Err(PutError::Unsupported(_))), "{absent:?}");
        return;
    }
    for size in [10, 20 << 10] {
        let writers: Vec<_> = (1..=32)
            .map(|n| {
                let (on, record, value) = (on.clone(), record.clone(), Version::new(n, size).bytes);
                tokio::spawn(async move {
                    (on.store.state_put(&record, value.clone(), Guard::Absent).await, value)
                })
            })
            .collect();
        let mut winner = None;
        for writer in writers {
            match writer.await.expect("no panic") {
                (Ok(()), value) => assert!(winner.replace(value).is_none(), "two writers won"),
                (Err(PutError::GuardFailed), _) => {}
                (Err(e), _) => panic!("{e:?}"),
            }
        }
        assert!(read(&on, &record, Span::All).await == winner, "not what the winner wrote");
        delete(&on, &record).await;
    }
}
