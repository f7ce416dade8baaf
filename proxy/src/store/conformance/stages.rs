//! Stages: parts, and the objects that are made of them.

use std::time::Duration;

use super::*;
use crate::store::{Guards, PartNumber, Pin, StageId, StagedPart, StoreError};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A stage and a model of what lies in it.
struct Staged {
    on: Subject,
    id: StageId,
}

fn number(n: u64) -> PartNumber {
    PartNumber::new(n).expect("a good number")
}

/// The bytes of these parts, one after the other.
fn joined(parts: &[(u64, Version)]) -> Bytes {
    parts.iter().flat_map(|(_, version)| version.bytes.iter().copied()).collect()
}

impl Staged {
    async fn open(on: &Subject) -> Self {
        Self { on: on.clone(), id: on.store.stage_open().await.expect("a stage can be opened") }
    }

    async fn try_part(&self, n: u64, version: &Version) -> Result<StagedPart, PutError> {
        let length = version.bytes.len() as u64;
        let body = Body::whole(version.bytes.clone(), version.etag.as_str());
        let pin = self.on.store.stage_part(&self.id, number(n), length, body).await?;
        Ok(StagedPart { number: number(n), length, pin })
    }

    async fn part(&self, n: u64, version: &Version) -> StagedPart {
        self.try_part(n, version).await.expect("a part can be stored")
    }

    async fn parts(&self, parts: &[(u64, Version)]) -> Vec<StagedPart> {
        let mut staged = Vec::new();
        for (n, version) in parts {
            staged.push(self.part(*n, version).await);
        }
        staged
    }

    async fn close(&self, parts: &[StagedPart]) -> Result<(), PutError> {
        self.on.store.stage_close(&self.id, parts).await
    }

    async fn read(&self, parts: &[StagedPart], span: Span) -> Result<Bytes, GetError> {
        Ok(dissect::bytes(self.on.store.stage_read(&self.id, parts, span).await?).await?)
    }

    async fn promote(
        &self,
        key: &str,
        parts: &[StagedPart],
        version: &Version,
        guard: Guard,
    ) -> Result<Committed, PutError> {
        let write = Write::new(version.attributes.clone(), guard);
        self.on.store.promote(&self.id, parts, &self.on.object(key), write, &version.etag).await
    }

    async fn discard(&self) -> Result<(), StoreError> {
        self.on.store.stage_drop(&self.id).await
    }

    /// Checks that nothing can be done with the stage any more.
    async fn expect_gone(&self, parts: &[StagedPart]) {
        let gone = self.try_part(1, &Version::new(1, 20 * KIB)).await;
        assert!(matches!(gone, Err(PutError::NoSuchStage)), "{gone:?}");
        let gone = self.close(parts).await;
        assert!(matches!(gone, Err(PutError::NoSuchStage)), "{gone:?}");
        let gone = self.read(parts, Span::All).await;
        assert!(matches!(gone, Err(GetError::NoSuchStage)), "{gone:?}");
        let gone = self.promote("gone", parts, &Version::new(1, 0), Guard::Any).await;
        assert!(matches!(gone, Err(PutError::NoSuchStage)), "{gone:?}");
        self.on.expect("gone", None).await;
        self.discard().await.expect("what is gone is dropped already");
    }
}

pub(super) async fn round_trips(on: Subject) {
    // Of one part and of several, that come in any order, with gaps in their numbers, small and large.
    for sizes in [&[0][..], &[1], &[5 * MIB], &[20 * KIB, 16 * KIB, 1], &[1, 700 * KIB, 3, 2 * MIB, 0]] {
        for (key, before) in [("new", None), ("replaced", Some(Version::new(99, 30 * KIB)))] {
            if let Some(before) = &before {
                on.put(key, before).await;
            }
            let stage = Staged::open(&on).await;
            let parts: Vec<(u64, Version)> = (0..)
                .zip(on.sizes_of_parts(sizes))
                .map(|(n, size)| (1 + n * 2_000, Version::new(n + 1, size)))
                .collect();
            let mut staged: Vec<Option<StagedPart>> = vec![None; parts.len()];
            for (at, (n, version)) in parts.iter().enumerate().rev() {
                staged[at] = Some(stage.part(*n, version).await);
            }
            let staged: Vec<StagedPart> = staged.into_iter().flatten().collect();
            let whole = Version { bytes: joined(&parts), ..Version::new(7, 0) };
            stage.close(&staged).await.expect("it can be closed");
            stage.close(&staged).await.expect("and again");
            on.expect(key, before.as_ref()).await;
            let read = stage.read(&staged, Span::All).await.expect("it can be read");
            assert!(read == whole.bytes, "other bytes");
            let made = stage.promote(key, &staged, &whole, Guard::Any).await.expect("it can be promoted");
            on.expect(key, Some(&whole)).await;
            assert_eq!(on.get(key, Span::All).await.expect("it is there").pin, made.pin);
            stage.expect_gone(&staged).await;
            on.expect(key, Some(&whole)).await;
        }
        on.delete(&["new", "replaced"]).await;
    }
}

pub(super) async fn spans_agree_with_a_model(on: Subject) {
    let mut random = Random(seed());
    let stage = Staged::open(&on).await;
    let sizes: Vec<usize> = (0..on.number_of_parts(12))
        .map(|_| [1, 300, 16 * KIB, 16 * KIB + 1, 260 * KIB, 600 * KIB][random.below(6)])
        .collect();
    let parts: Vec<(u64, Version)> =
        (1..).zip(on.sizes_of_parts(&sizes)).map(|(n, size)| (n, Version::new(n, size))).collect();
    let staged = stage.parts(&parts).await;
    let whole = Version { bytes: joined(&parts), ..Version::new(7, 0) };
    stage.close(&staged).await.expect("it can be closed");
    let (end, mut edges) = (whole.bytes.len(), vec![0]);
    for part in &staged {
        edges.push(edges.last().expect("it has a first") + part.length as usize);
    }
    // Around every edge, and anywhere.
    let mut spans: Vec<(usize, usize)> =
        edges.iter().map(|edge| (edge.saturating_sub(1), (edge + 1).min(end))).collect();
    spans.extend(edges.windows(2).map(|pair| (pair[0], pair[1])));
    spans.extend((0..20).map(|_| {
        let start = random.below(end);
        (start, start + 1 + random.below(end - start))
    }));
    let spans: Vec<_> = spans.into_iter().filter(|(start, stop)| start < stop).collect();
    for (start, stop) in &spans {
        let span = Span::Bytes(*start as u64..*stop as u64);
        let read = stage.read(&staged, span).await.expect("it can be read");
        assert!(read == whole.bytes.slice(*start..*stop), "{start}..{stop} of {edges:?}: other bytes");
    }
    let past = stage.read(&staged, Span::Bytes(end as u64..end as u64 + 1)).await;
    assert!(matches!(past, Err(GetError::OutOfRange)), "{past:?}");
    stage.promote("key", &staged, &whole, Guard::Any).await.expect("it can be promoted");
    for (start, stop) in spans {
        let found = on.get("key", Span::Bytes(start as u64..stop as u64)).await.expect("it can be read");
        assert_eq!((found.length, found.span), (end as u64, start as u64..stop as u64));
        assert!(found.bytes == whole.bytes.slice(start..stop), "{start}..{stop} of {edges:?}: other bytes");
    }
    let past = on.get("key", Span::Bytes(end as u64..end as u64 + 1)).await;
    assert!(matches!(past, Err(GetError::OutOfRange)), "{past:?}");
    on.delete(&["key"]).await;
}

pub(super) async fn parts_come_at_once(on: Subject) {
    let stage = Arc::new(Staged::open(&on).await);
    let sizes: Vec<usize> = (1..=on.number_of_parts(16)).map(|n| 10 * KIB + n * 9_000).collect();
    let parts: Vec<(u64, Version)> =
        (1..).zip(on.sizes_of_parts(&sizes)).map(|(n, size)| (n, Version::new(n, size))).collect();
    let tasks: Vec<_> = parts
        .iter()
        .rev()
        .cloned()
        .map(|(n, version)| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move { stage.part(n, &version).await })
        })
        .collect();
    let mut staged = Vec::new();
    for task in tasks {
        staged.push(task.await.expect("no part fails"));
    }
    staged.sort_by_key(|part| part.number);
    let whole = Version { bytes: joined(&parts), ..Version::new(7, 0) };
    stage.close(&staged).await.expect("it can be closed");
    stage.promote("key", &staged, &whole, Guard::Any).await.expect("it can be promoted");
    on.expect("key", Some(&whole)).await;
    on.delete(&["key"]).await;
}

pub(super) async fn nobody_waits_for_a_part(on: Subject) {
    let patience = Duration::from_secs(20);
    let stage = Arc::new(Staged::open(&on).await);
    let size = on.sizes_of_parts(&[600_000, 0])[0];
    let (slow, fast) = (Version::new(1, size), Version::new(2, 400_000));
    let (writer, body) = Body::channel(1);
    let receiving = {
        let (on, id) = (on.clone(), stage.id.clone());
        tokio::spawn(async move { on.store.stage_part(&id, number(1), size as u64, body).await })
    };
    writer.data(slow.bytes.slice(..500_000)).await.expect("the store listens");
    // Another part, and the same one again.
    let part = |n| tokio::time::timeout(patience, stage.part(n, &fast));
    let another = part(2).await.expect("a part need not wait");
    part(1).await.expect("a part need not wait");
    writer.data(slow.bytes.slice(500_000..)).await.expect("the store listens");
    writer.commit("etag").await.expect("the store listens");
    let pin = receiving.await.expect("no panic").expect("it can be stored");
    // The last to commit wins.
    let parts = [StagedPart { number: number(1), length: size as u64, pin }, another];
    stage.close(&parts).await.expect("it can be closed");
    let read = stage.read(&parts, Span::All).await.expect("it can be read");
    assert!(read == joined(&[(1, slow), (2, fast)]), "other bytes");
    stage.discard().await.expect("it can be dropped");
}

pub(super) async fn a_part_is_sent_again(on: Subject) {
    for (first, second) in [(20 * KIB, 30 * KIB), (20 * KIB, 20 * KIB), (10, 10), (MIB, 5)] {
        let stage = Staged::open(&on).await;
        let (first, second) = (on.sizes_of_parts(&[first, 0])[0], on.sizes_of_parts(&[second, 0])[0]);
        let (old, new, other) = (Version::new(1, first), Version::new(2, second), Version::new(3, 100));
        let before = stage.part(1, &old).await;
        let last = stage.part(2, &other).await;
        let after = stage.part(1, &new).await;
        assert_ne!(before.pin, after.pin);
        let refused = stage.close(&[before, last.clone()]).await;
        assert!(matches!(refused, Err(PutError::NoSuchPart(1))), "{refused:?}");
        let parts = [after.clone(), last];
        stage.close(&parts).await.expect("it can be closed");
        // From now on no part changes, whether it may be sent again or not.
        let _ = stage.try_part(1, &old).await;
        let whole = Version { bytes: joined(&[(1, new), (2, other)]), ..Version::new(7, 0) };
        assert!(stage.read(&parts, Span::All).await.expect("it can be read") == whole.bytes);
        stage.promote("key", &parts, &whole, Guard::Any).await.expect("it can be promoted");
        on.expect("key", Some(&whole)).await;
    }
    on.delete(&["key"]).await;
}

pub(super) async fn only_the_parts_that_are_named_count(on: Subject) {
    let stage = Staged::open(&on).await;
    let parts: Vec<(u64, Version)> =
        (1..).zip(on.sizes_of_parts(&[20 * KIB; 5])).map(|(n, size)| (n, Version::new(n, size))).collect();
    let staged = stage.parts(&parts).await;
    let (named, left): (Vec<_>, Vec<_>) =
        parts.into_iter().zip(staged).partition(|((n, _), _)| [2, 5].contains(n));
    assert_eq!(left.len(), 3);
    let (parts, staged): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let whole = Version { bytes: joined(&parts), ..Version::new(7, 0) };
    if !on.capabilities.leaves_parts_out {
        let refused = stage.close(&staged).await;
        assert!(matches!(refused, Err(PutError::Unsupported(_))), "{refused:?}");
        return stage.discard().await.expect("it can be dropped");
    }
    stage.close(&staged).await.expect("it can be closed");
    // From now on the object is all of these, and nothing else.
    for other in [&staged[..1], &staged[1..], &[staged[0].clone(), left[1].1.clone(), staged[1].clone()]] {
        let refused = stage.close(other).await;
        assert!(matches!(refused, Err(PutError::NoSuchPart(2..=5))), "{refused:?}");
        let refused = stage.promote("key", other, &whole, Guard::Any).await;
        assert!(matches!(refused, Err(PutError::NoSuchPart(2..=5))), "{refused:?}");
        let refused = stage.read(other, Span::All).await;
        assert!(matches!(refused, Err(GetError::Changed)), "{refused:?}");
    }
    on.expect("key", None).await;
    stage.promote("key", &staged, &whole, Guard::Any).await.expect("it can be promoted");
    on.expect("key", Some(&whole)).await;
    on.delete(&["key"]).await;
}

pub(super) async fn parts_that_are_not_there_are_refused(on: Subject) {
    let stage = Staged::open(&on).await;
    let first = on.sizes_of_parts(&[20 * KIB, 9])[0];
    let staged = stage.parts(&[(1, Version::new(1, first)), (3, Version::new(3, 9))]).await;
    let foreign = Staged::open(&on).await;
    let theirs = foreign.part(3, &Version::new(4, 9)).await;
    let with = |at: usize, change: &dyn Fn(&mut StagedPart)| {
        let mut parts = staged.clone();
        change(&mut parts[at]);
        parts
    };
    let wrong = [
        (with(0, &|part| part.number = number(2)), 2),
        (with(1, &|part| part.number = number(10_000)), 10_000),
        (with(0, &|part| part.length += 1), 1),
        (with(1, &|part| part.length = u64::MAX), 3),
        (with(1, &|part| part.pin = Pin("nothing".into())), 3),
        (with(1, &|part| part.pin = staged[0].pin.clone()), 3),
        (with(1, &|part| part.pin = theirs.pin.clone()), 3),
        ([staged.as_slice(), &[StagedPart { number: number(4), ..staged[1].clone() }]].concat(), 4),
    ];
    for (parts, missing) in &wrong {
        let refused = stage.close(parts).await;
        assert!(matches!(refused, Err(PutError::NoSuchPart(n)) if n == *missing), "{missing}: {refused:?}");
    }
    stage.close(&staged).await.expect("it can be closed");
    let before = Version::new(9, 40 * KIB);
    on.put("key", &before).await;
    let pins = |parts: &[StagedPart]| parts.iter().map(|part| part.pin.clone()).collect::<Vec<_>>();
    for (parts, missing) in &wrong {
        // A store that joined the parts knows no more than their pins, and not which of them is another.
        let known = on.demands == Demands::Full;
        if !known && pins(parts) == pins(&staged) {
            continue;
        }
        let refused = stage.promote("key", parts, &Version::new(1, 0), Guard::Any).await;
        let named = matches!(refused, Err(PutError::NoSuchPart(n)) if n == *missing || !known);
        assert!(named, "{missing}: {refused:?}");
        on.expect("key", Some(&before)).await;
    }
    // What was refused did no harm.
    let read = stage.read(&staged, Span::Bytes(first as u64..u64::MAX)).await.expect("it can be read");
    assert_eq!(read, Version::new(3, 9).bytes);
    stage.discard().await.expect("it can be dropped");
    foreign.discard().await.expect("it can be dropped");
    stage.expect_gone(&staged).await;
    let unknown = Staged { on: on.clone(), id: StageId::parse("no-such-stage").expect("a good name") };
    unknown.expect_gone(&staged).await;
    on.delete(&["key"]).await;
}

pub(super) async fn an_unfinished_part_stores_nothing(on: Subject) {
    let stage = Staged::open(&on).await;
    let before = Version::new(1, 30 * KIB);
    let kept = stage.part(1, &before).await;
    for size in [1, 100, 16 * KIB + 1, MIB] {
        // (length that is announced, bytes that come, whether it is said to be complete)
        for (announced, sent, complete) in
            [(size, size, false), (size, 0, false), (size, size - 1, true), (size - 1, size, true)]
        {
            let version = Version::new(2, sent);
            let (writer, body) = Body::channel(1);
            let feed = async move {
                // The store may stop listening once it knows.
                for piece in version.bytes.chunks(10_000).map(Bytes::copy_from_slice) {
                    let _ = writer.data(piece).await;
                }
                if complete {
                    let _ = writer.commit("etag").await;
                }
            };
            let put = on.store.stage_part(&stage.id, number(1), announced as u64, body);
            let ((), put) = tokio::join!(feed, put);
            assert!(matches!(put, Err(PutError::Incomplete)), "{announced}, {sent}: {put:?}");
        }
        // And one that nobody waits for.
        let (writer, body) = Body::channel(1);
        let dropped = on.store.stage_part(&stage.id, number(1), size as u64, body);
        assert!(tokio::time::timeout(Duration::from_millis(5), dropped).await.is_err());
        assert!(writer.commit("etag").await.is_err(), "nobody is left to listen");
    }
    let parts = [kept];
    stage.close(&parts).await.expect("it can be closed");
    stage.promote("key", &parts, &before, Guard::Any).await.expect("it can be promoted");
    on.expect("key", Some(&before)).await;
    on.delete(&["key"]).await;
}

pub(super) async fn a_stage_is_dropped_during_a_part(on: Subject) {
    for size in [10, 600_000] {
        let stage = Staged::open(&on).await;
        let parts = [stage.part(1, &Version::new(1, 30 * KIB)).await];
        let version = Version::new(2, size);
        let (writer, body) = Body::channel(1);
        let receiving = {
            let (on, id) = (on.clone(), stage.id.clone());
            tokio::spawn(async move { on.store.stage_part(&id, number(2), size as u64, body).await })
        };
        writer.data(version.bytes.slice(..size / 2)).await.expect("the store listens");
        stage.discard().await.expect("it can be dropped");
        // The store may have stopped listening.
        let _ = writer.data(version.bytes.slice(size / 2..)).await;
        let _ = writer.commit("etag").await;
        let part = receiving.await.expect("no panic");
        // In S3 a part that is under way when its upload ends may get there, and is gone with the upload.
        let gone = match on.demands {
            Demands::Full => matches!(part, Err(PutError::NoSuchStage)),
            Demands::OfS3 => matches!(part, Err(PutError::NoSuchStage) | Ok(_)),
        };
        assert!(gone, "{part:?}");
        stage.expect_gone(&parts).await;
    }
}

pub(super) async fn guards(on: Subject) {
    let Guards { absent, matches, deletes: _ } = on.capabilities.guards;
    let stage = Staged::open(&on).await;
    let first = on.sizes_of_parts(&[20 * KIB, 5])[0];
    let parts = [(1, Version::new(1, first)), (2, Version::new(2, 5))];
    let staged = stage.parts(&parts).await;
    let whole = Version { bytes: joined(&parts), ..Version::new(7, 0) };
    stage.close(&staged).await.expect("it can be closed");
    let old = on.put("key", &Version::new(3, 1)).await.pin;
    let standing = Version::new(4, 20 * KIB);
    on.put("key", &standing).await;
    for (guard, atomic) in [(Guard::Absent, absent), (Guard::Matches(old), matches)] {
        let refused = stage.promote("key", &staged, &whole, guard).await;
        guards::refused(&refused, atomic);
        on.expect("key", Some(&standing)).await;
    }
    // What was refused can be tried again, elsewhere too.
    let nowhere = ObjectName {
        bucket: BucketName::parse(&format!("conformance-{:016x}", seed())).expect("a good name"),
        ..on.object("key")
    };
    let write = Write::new(whole.attributes.clone(), Guard::Any);
    let refused = on.store.promote(&stage.id, &staged, &nowhere, write, "etag").await;
    assert!(matches!(refused, Err(PutError::NoSuchBucket)), "{refused:?}");
    let pin = on.get("key", Span::All).await.expect("it is there").pin;
    let guard = if matches { Guard::Matches(pin) } else { Guard::Any };
    let made = stage.promote("key", &staged, &whole, guard).await.expect("it is that one");
    on.expect("key", Some(&whole)).await;
    if matches {
        on.put_if("key", &standing, Guard::Matches(made.pin)).await.expect("it is that one");
        on.expect("key", Some(&standing)).await;
    }
    on.delete(&["key"]).await;
    if absent {
        let stage = Staged::open(&on).await;
        let staged = stage.parts(&parts).await;
        stage.close(&staged).await.expect("it can be closed");
        stage.promote("key", &staged, &whole, Guard::Absent).await.expect("nothing is there");
        on.expect("key", Some(&whole)).await;
        on.delete(&["key"]).await;
    }
}

pub(super) async fn one_of_many_promotes_wins(on: Subject) {
    for _ in 0..4 {
        let stage = Arc::new(Staged::open(&on).await);
        let first = on.sizes_of_parts(&[20 * KIB, 5])[0];
        let parts = [(1, Version::new(1, first)), (2, Version::new(2, 5))];
        let staged = stage.parts(&parts).await;
        let whole = Version { bytes: joined(&parts), ..Version::new(7, 0) };
        stage.close(&staged).await.expect("it can be closed");
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let (stage, staged, whole) = (Arc::clone(&stage), staged.clone(), whole.clone());
                tokio::spawn(async move {
                    let key = format!("key-{n}");
                    stage.promote(&key, &staged, &whole, Guard::Any).await.map(|_| key)
                })
            })
            .collect();
        let mut won = Vec::new();
        for task in tasks {
            match task.await.expect("no panic") {
                Ok(key) => won.push(key),
                Err(PutError::NoSuchStage) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        if on.capabilities.promotes_once {
            assert_eq!(won.len(), 1, "{won:?}");
        } else {
            assert!(!won.is_empty(), "none was done");
        }
        for n in 0..8 {
            let key = format!("key-{n}");
            on.expect(&key, won.contains(&key).then_some(&whole)).await;
        }
        on.delete(&won.iter().map(String::as_str).collect::<Vec<_>>()).await;
        // Whoever comes when one is done is too late.
        stage.expect_gone(&staged).await;
    }
}
