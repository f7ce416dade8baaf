//! Stages, objects of several files, and copies: their files, their crashes, their damages.

use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;
use crate::proof::ByteStream;
use crate::store::StagedPart;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn number(n: u64) -> PartNumber {
    PartNumber::new(n).unwrap()
}

async fn part(store: &LocalStore, stage: &StageId, n: u64, bytes: Bytes) -> Result<StagedPart, PutError> {
    let length = bytes.len() as u64;
    let pin = store.stage_part(stage, number(n), length, Body::whole(bytes, "etag")).await?;
    Ok(StagedPart { number: number(n), length, pin })
}

/// A closed stage of these parts, which came 32 at a time.
async fn closed(store: &LocalStore, parts: &[Bytes]) -> (StageId, Vec<StagedPart>) {
    let stage = store.stage_open().await.unwrap();
    let (mut staged, mut sent) = (Vec::new(), Vec::new());
    for (n, bytes) in (1..).zip(parts) {
        sent.push(part(store, &stage, n, bytes.clone()).boxed());
        if sent.len() == 32 || n == parts.len() as u64 {
            staged
                .extend(futures_util::future::join_all(sent.drain(..)).await.into_iter().map(Result::unwrap));
        }
    }
    drop(sent);
    store.stage_close(&stage, &staged).await.unwrap();
    (stage, staged)
}

async fn promote(store: &LocalStore, key: &str, parts: &[Bytes]) -> Pin {
    let (stage, staged) = closed(store, parts).await;
    store.promote(&stage, &staged, &object(key), write(Guard::Any), "etag").await.unwrap().pin
}

async fn copy(store: &LocalStore, from: &str, pin: &Pin, to: &str) -> Result<Committed, PutError> {
    let source = Source { object: object(from), version: None, pin: pin.clone(), while_staged: None };
    store.copy(&source, &object(to), write(Guard::Any), "etag").await
}

async fn stream(store: &LocalStore, key: &str, span: Span) -> ByteStream {
    dissect::body(store.get(&object(key), None, span, None).await.unwrap())
}

async fn rest(mut body: ByteStream) -> Result<Bytes, StoreError> {
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        assert!((1..=256 << 10).contains(&chunk.len()), "{}", chunk.len());
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}

/// The files of an object, in the order of its bytes.
fn segments(store: &LocalStore, pin: &Pin, size: u64) -> Vec<PathBuf> {
    let id = id::Id::parse(&pin.0).unwrap();
    let stub = row::Stub { id, place: row::Place::Segments, size, modified: 0 };
    let extents = store.index.view().unwrap().extents(&stub, &(0..size)).unwrap().unwrap();
    extents.iter().map(|extent| store.bodies.path(&extent.segment.file)).collect()
}

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    let size =
        prop_oneof![Just(1), 2..50_usize, 16_000..17_000_usize, 262_000..263_000_usize, 0..700_000_usize];
    prop_oneof![
        4 => proptest::collection::vec(size, 1..12),
        // Several pages of the list.
        1 => proptest::collection::vec(1..4_usize, 150..500),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_span_of_any_parts_is_what_a_model_says(
        sizes in shapes(), spans in proptest::collection::vec(any::<(u32, u32)>(), 1..30), fill: u8,
    ) {
        let all: Vec<u8> = (0..sizes.iter().sum()).map(|n: usize| (n / 251) as u8 ^ n as u8 ^ fill).collect();
        let all = Bytes::from(all);
        let mut left = all.clone();
        let parts: Vec<Bytes> = sizes.iter().map(|size| left.split_to(*size)).collect();
        let spans = spans.into_iter().filter(|_| !all.is_empty()).map(|(a, b)| {
            let (a, b) = (a as usize % all.len(), b as usize % all.len());
            a.min(b)..a.max(b) + 1
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let (directory, store) = store().await;
            let (stage, staged) = closed(&store, &parts).await;
            let read = store.stage_read(&stage, &staged, Span::All).await.unwrap();
            assert!(dissect::bytes(read).await.unwrap() == all);
            let target = object("key");
            let made = store.promote(&stage, &staged, &target, write(Guard::Any), "etag").await.unwrap();
            copy(&store, "key", &made.pin, "copy").await.unwrap();
            for key in ["key", "copy"] {
                assert!(rest(stream(&store, key, Span::All).await).await.unwrap() == all);
                for span in spans.clone() {
                    let bytes = Span::Bytes(span.start as u64..span.end as u64);
                    assert!(rest(stream(&store, key, bytes).await).await.unwrap() == all.slice(span));
                }
                store.delete(&object(key), Deletion::default()).await.unwrap();
            }
            until_files(&directory, 0).await;
        });
    }
}

#[tokio::test]
async fn stages_survive_a_crash_and_what_was_cut_off_is_swept() {
    let (directory, store) = store().await;
    let (stage, staged) = closed(&store, &[bytes(1, LARGE), bytes(2, 9)]).await;
    let pin = promote(&store, "key", &[bytes(3, 20_000), bytes(4, LARGE)]).await;
    let open = store.stage_open().await.unwrap();
    let first = part(&store, &open, 1, bytes(5, 100)).await.unwrap();
    // A part is cut off by the crash, and so is the copy of an object: one link is made, no row names it.
    let (writer, body) = Body::channel(1);
    let cut_off = store.stage_part(&open, number(2), LARGE as u64, body);
    let feed = async {
        writer.data(bytes(6, LARGE - 1)).await.unwrap();
        while files(&directory).len() < 6 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        crash(&directory)
    };
    let (image, data) = tokio::select! {
        image = feed => image,
        _ = cut_off => panic!("not complete"),
    };
    fs::hard_link(&files_in(&data)[0], data.join("bodies/00").join("0".repeat(32))).unwrap();

    let store = LocalStore::open(&data).unwrap();
    let swept = store.sweep(Duration::ZERO).await.unwrap();
    assert_eq!((swept.removed, swept.stages), (2, 0));
    assert_eq!(files_in(&data).len(), 5);
    assert_eq!(get(&store, "key").await.unwrap(), [bytes(3, 20_000), bytes(4, LARGE)].concat());
    copy(&store, "key", &pin, "copy").await.unwrap();
    let second = part(&store, &open, 2, bytes(7, 3)).await.unwrap();
    let parts = [first, second];
    store.stage_close(&open, &parts).await.unwrap();
    store.promote(&open, &parts, &object("open"), write(Guard::Any), "etag").await.unwrap();
    assert_eq!(get(&store, "open").await.unwrap(), [bytes(5, 100), bytes(7, 3)].concat());
    // What was closed before the crash takes no part after it.
    let late = part(&store, &stage, 3, bytes(1, 1)).await;
    assert!(matches!(late, Err(PutError::NoSuchStage)), "{late:?}");
    store.promote(&stage, &staged, &object("closed"), write(Guard::Any), "etag").await.unwrap();
    assert_eq!(get(&store, "closed").await.unwrap(), [bytes(1, LARGE), bytes(2, 9)].concat());
    assert_eq!(store.sweep(Duration::ZERO).await.unwrap(), Swept::default());
    drop((store, image));
}

#[tokio::test]
async fn parts_that_are_not_needed_leave_no_file() {
    let (directory, store) = store().await;
    let stage = store.stage_open().await.unwrap();
    for n in 1..=3 {
        part(&store, &stage, n, bytes(1, 10)).await.unwrap();
    }
    until_files(&directory, 3).await;
    let replaced = part(&store, &stage, 1, bytes(2, 20)).await.unwrap();
    until_files(&directory, 3).await;
    let empty = part(&store, &stage, 2, Bytes::new()).await.unwrap();
    store.stage_close(&stage, &[replaced.clone(), empty.clone()]).await.unwrap();
    until_files(&directory, 2).await;
    let target = object("key");
    store.promote(&stage, &[replaced, empty], &target, write(Guard::Any), "etag").await.unwrap();
    until_files(&directory, 1).await;
    put(&store, "key", bytes(1, 1)).await.unwrap();
    until_files(&directory, 0).await;
    let (stage, _) = closed(&store, &[bytes(1, 1), bytes(2, LARGE)]).await;
    store.stage_drop(&stage).await.unwrap();
    until_files(&directory, 0).await;
}

#[tokio::test]
async fn a_download_of_several_files_ends_well_though_its_object_is_replaced() {
    let (directory, store) = store().await;
    let parts: Vec<Bytes> = (0..20).map(|n| bytes(n, 200_000)).collect();
    promote(&store, "key", &parts).await;
    let (mut one, two) = (stream(&store, "key", Span::All).await, stream(&store, "key", Span::All).await);
    let first = one.next().await.unwrap().unwrap();
    put(&store, "key", bytes(9, 1)).await.unwrap();
    // Nothing names the files any more, but they are not garbage yet.
    assert_eq!(store.sweep(Duration::ZERO).await.unwrap(), Swept::default());
    assert_eq!(files(&directory).len(), 20);
    let read = [first, rest(one).await.unwrap()].concat();
    assert!(read == parts.concat());
    assert_eq!(files(&directory).len(), 20);
    // One that is given up lets them go as well.
    drop(two);
    until_files(&directory, 0).await;
    assert_eq!(get(&store, "key").await.unwrap(), bytes(9, 1));
}

#[tokio::test]
async fn a_damaged_file_among_several_is_reported() {
    let (_directory, store) = store().await;
    let parts = [bytes(1, 300_000), bytes(2, 300_000), bytes(3, 300_000)];
    for damage in ["shorter", "longer", "gone", "a directory", "a link"] {
        let pin = promote(&store, "key", &parts).await;
        let other = promote(&store, "other", &[bytes(2, 300_000), bytes(2, 300_000)]).await;
        let file = segments(&store, &pin, 900_000).remove(1);
        match damage {
            "shorter" => fs::write(&file, vec![2; 299_999]).unwrap(),
            "longer" => fs::write(&file, vec![2; 300_001]).unwrap(),
            _ => fs::remove_file(&file).unwrap(),
        }
        match damage {
            "a directory" => fs::create_dir(&file).unwrap(),
            "a link" => std::os::unix::fs::symlink(&segments(&store, &other, 600_000)[0], &file).unwrap(),
            _ => {}
        }
        let whole = rest(stream(&store, "key", Span::All).await).await;
        assert_eq!(whole.unwrap_err().fault, StoreFault::Corrupt, "{damage}");
        for span in [300_000..300_001, 500_000..700_000] {
            corrupt(store.get(&object("key"), None, Span::Bytes(span), None).await);
        }
        for (fill, span) in [(1, 0..300_000), (3, 600_000..900_000)] {
            let fine = rest(stream(&store, "key", Span::Bytes(span)).await).await.unwrap();
            assert!(fine == bytes(fill, 300_000), "{damage}");
        }
        let Err(PutError::NotStored(e)) = copy(&store, "key", &pin, "copy").await else { panic!("{damage}") };
        assert_eq!(e.fault, StoreFault::Corrupt, "{damage}: {e}");
        store.delete(&object("key"), Deletion::default()).await.unwrap();
        assert!(matches!(get(&store, "key").await, Err(GetError::NoSuchKey)));
    }
}

#[tokio::test]
async fn a_damaged_list_of_files_is_reported_and_can_be_replaced() {
    let (_directory, store) = store().await;
    let parts: Vec<Bytes> = (0..400).map(|n| bytes(n as u8, 2)).collect();
    // What is done to the second of three pages: key and value.
    type Damage = fn(&mut Vec<u8>, &mut Vec<u8>);
    let damages: [Damage; 6] = [
        |_, value| value.clear(),
        |_, value| value.truncate(8 + 24),
        |_, value| value.truncate(8 + 25),
        |_, value| value[0] += 1,
        |_, value| value[8 + 16] += 1,
        |key, _| key[16] = 1,
    ];
    for damage in damages {
        let pin = promote(&store, "key", &parts).await;
        let id = id::Id::parse(&pin.0).unwrap();
        let change = move |tables: &mut committer::Tables<'_>| {
            tables.changed();
            let mut key = [id.as_bytes().as_slice(), &640_u64.to_be_bytes()].concat();
            let mut value = tables
                .segments
                .remove(&segments::PageKey::try_from(key.as_slice()).unwrap())?
                .unwrap()
                .value()
                .to_vec();
            damage(&mut key, &mut value);
            tables.segments.insert(&segments::PageKey::try_from(key).unwrap(), value.as_slice())?;
            Ok(())
        };
        store.committer.submit(change).await.unwrap();
        corrupt(get(&store, "key").await);
        corrupt(store.get(&object("key"), None, Span::Bytes(400..401), None).await);
        let fine = rest(stream(&store, "key", Span::Bytes(0..320)).await).await.unwrap();
        assert_eq!(fine, parts[..160].concat());
        let Err(PutError::NotStored(e)) = copy(&store, "key", &pin, "copy").await else { panic!("copied") };
        assert_eq!(e.fault, StoreFault::Corrupt);
    }
    // No list at all, and a row that says too little.
    let pin = promote(&store, "key", &parts).await;
    let id = id::Id::parse(&pin.0).unwrap();
    let change = move |tables: &mut committer::Tables<'_>| {
        tables.changed();
        tables.drop_segments(id).map(drop)
    };
    store.committer.submit(change).await.unwrap();
    corrupt(get(&store, "key").await);
    promote(&store, "key", &parts).await;
    let change = |tables: &mut committer::Tables<'_>| {
        tables.changed();
        let key = index::object_key(&object("key"));
        let mut row = tables.objects.remove(key.as_slice())?.unwrap().value().to_vec();
        row[18] -= 1;
        tables.objects.insert(key.as_slice(), row.as_slice())?;
        Ok(())
    };
    store.committer.submit(change).await.unwrap();
    corrupt(get(&store, "key").await);
    put(&store, "key", bytes(1, 1)).await.unwrap();
    assert_eq!(get(&store, "key").await.unwrap(), bytes(1, 1));
}

#[tokio::test]
async fn what_nobody_came_back_to_expires() {
    let (directory, store) = store().await;
    let (old, parts) = closed(&store, &[bytes(1, 10), bytes(2, LARGE)]).await;
    let many = futures_util::future::join_all((0..600).map(|_| store.stage_open())).await;
    let state = |area, n: usize| StateName::new(area, format!("state/{n}")).unwrap();
    let puts = (0..300).flat_map(|n| {
        [StateArea::Records, StateArea::Scratch].map(|area| {
            let name = state(area, n);
            let store = &store;
            async move { store.state_put(&name, bytes(1, if n == 7 { 20_000 } else { 3 }), Guard::Any).await }
        })
    });
    assert!(futures_util::future::join_all(puts).await.iter().all(Result::is_ok));
    let now = SystemTime::now();
    assert_eq!(store.expire(now).await.unwrap(), Swept::default());
    assert_eq!(store.expire(now + 8 * DAY - Duration::from_secs(60)).await.unwrap(), Swept::default());
    // A clock that stands before 1970 expires nothing.
    assert_eq!(store.expire(SystemTime::UNIX_EPOCH).await.unwrap(), Swept::default());
    assert_eq!(files(&directory).len(), 4);
    let later = now + 8 * DAY + Duration::from_secs(60);
    let swept = store.expire(later).await.unwrap();
    assert_eq!(swept, Swept { stages: 601, scratch: 300, ..Swept::default() });
    until_files(&directory, 1).await;
    for stage in [&old, many[0].as_ref().unwrap(), many[599].as_ref().unwrap()] {
        let gone = store.stage_close(stage, &parts).await;
        assert!(matches!(gone, Err(PutError::NoSuchStage)), "{gone:?}");
    }
    let names = store.state_list(StateArea::Scratch, "", None, 10).await.unwrap();
    assert_eq!(names, Vec::<String>::new());
    let names = store.state_list(StateArea::Records, "", None, 1000).await.unwrap();
    assert_eq!(names.len(), 300);
    assert_eq!(store.expire(later).await.unwrap(), Swept::default());
}

#[tokio::test]
async fn a_copy_is_a_second_name_for_the_same_bytes() {
    let (directory, store) = store().await;
    let single = put(&store, "single", bytes(1, LARGE)).await.unwrap().pin;
    let several = promote(&store, "several", &[bytes(2, LARGE), bytes(3, 5)]).await;
    copy(&store, "single", &single, "copy of single").await.unwrap();
    copy(&store, "several", &several, "copy of several").await.unwrap();
    let files = files(&directory);
    assert_eq!(files.len(), 6);
    let inodes: std::collections::BTreeSet<u64> =
        files.iter().map(|file| fs::metadata(file).unwrap().ino()).collect();
    assert_eq!(inodes.len(), 3, "bytes were copied");
    store.delete(&object("single"), Deletion::default()).await.unwrap();
    store.delete(&object("several"), Deletion::default()).await.unwrap();
    until_files(&directory, 3).await;
    assert_eq!(get(&store, "copy of single").await.unwrap(), bytes(1, LARGE));
    assert_eq!(get(&store, "copy of several").await.unwrap(), [bytes(2, LARGE), bytes(3, 5)].concat());
}

#[tokio::test]
async fn a_copy_that_is_given_up_leaves_no_file() {
    let (directory, store) = store().await;
    let parts: Vec<Bytes> = (0..50).map(|n| bytes(n, 100)).collect();
    let pin = promote(&store, "key", &parts).await;
    for wait in [0, 100, 300, 1_000, 3_000] {
        let source = Source { object: object("key"), version: None, pin: pin.clone(), while_staged: None };
        let target = object("copy");
        let copy = store.copy(&source, &target, write(Guard::Any), "etag");
        // Which may be too short, or long enough.
        let _ = tokio::time::timeout(Duration::from_micros(wait), copy).await;
    }
    // Each is either made, perhaps later, or not: no link is left that nothing names.
    let settled = async {
        while files(&directory).len() != if get(&store, "copy").await.is_ok() { 100 } else { 50 } {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(20), settled).await;
    assert!(settled.is_ok(), "{} files", files(&directory).len());
    assert_eq!(store.sweep(Duration::ZERO).await.unwrap(), Swept::default());
    assert_eq!(get(&store, "key").await.unwrap(), parts.concat());
}

#[tokio::test]
async fn a_commit_that_fails_leaves_the_files_of_both_outcomes() {
    for syncs in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let left = Arc::new(AtomicU32::new(u32::MAX));
        let disk = FailingDisk(redb::backends::InMemoryBackend::new(), Arc::clone(&left));
        let index = Arc::new(Index::open(disk, Room::measured_by(|| u64::MAX), None).unwrap());
        let bodies = Arc::new(Bodies::open(directory.path().join("data/bodies")).unwrap());
        let store = LocalStore::start(index, bodies).unwrap();
        store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
        let pin = promote(&store, "old", &[bytes(1, 10), bytes(2, 10)]).await;
        let (stage, staged) = closed(&store, &[bytes(3, 10), bytes(4, 10)]).await;
        let before = files(&directory);
        left.store(syncs, Ordering::SeqCst);
        let (first, second) = tokio::join!(copy(&store, "old", &pin, "old"), async {
            // In one transaction with the copy, or after it.
            store.promote(&stage, &staged, &object("old"), write(Guard::Any), "etag").await
        });
        for failed in [&first, &second] {
            assert!(matches!(failed, Err(PutError::Unknown(_) | PutError::NotStored(_))), "{failed:?}");
        }
        left.store(u32::MAX, Ordering::SeqCst);
        let _ = store.sweep(Duration::ZERO).await;
        // What is on disk is not known: neither what was there may go, nor what may be there now.
        assert_eq!(before.len(), 4);
        assert!(before.iter().all(|file| file.exists()));
        if matches!(first, Err(PutError::Unknown(_))) {
            assert_eq!(files(&directory).len(), 6);
        }
        let refused = part(&store, &stage, 1, bytes(1, 1)).await;
        assert!(matches!(refused, Err(PutError::NotStored(_) | PutError::NoSuchStage)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_parts_copies_and_promotions() {
    let directory = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let room = Arc::clone(&free);
    let room = Room::measured_by(move || room.load(Ordering::SeqCst));
    let index = Arc::new(Index::open(redb::backends::InMemoryBackend::new(), room, None).unwrap());
    let bodies = Arc::new(Bodies::open(directory.path().join("data/bodies")).unwrap());
    let store = LocalStore::start(index, bodies).unwrap();
    store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
    let pin = put(&store, "key", bytes(1, LARGE)).await.unwrap().pin;
    let (stage, staged) = closed(&store, &[bytes(1, 10)]).await;
    let open = store.stage_open().await.unwrap();
    free.store(100 << 20, Ordering::SeqCst);
    for refused in [
        store.stage_open().await.err(),
        part(&store, &open, 1, bytes(1, 1)).await.err(),
        copy(&store, "key", &pin, "copy").await.err(),
        store.promote(&stage, &staged, &object("key"), write(Guard::Any), "etag").await.err(),
    ] {
        let Some(PutError::NotStored(e)) = refused else { panic!("{refused:?}") };
        assert!(e.message.contains("the disk is nearly full"), "{e}");
    }
    // What makes room is not refused.
    store.stage_drop(&stage).await.unwrap();
    until_files(&directory, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sweep_leaves_parts_copies_and_readers_alone() {
    let (directory, store) = store().await;
    let store = Arc::new(store);
    let done = Arc::new(AtomicBool::new(false));
    let sweeper = {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                store.sweep(Duration::ZERO).await.unwrap();
            }
        })
    };
    let writers: Vec<_> = (0..6_u8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let (key, other) = (format!("key {}", writer % 2), format!("copy {}", writer % 3));
                for n in 0..15 {
                    let parts = [bytes(n, 300_000), bytes(n, 9), bytes(n, 40_000)];
                    let pin = promote(&store, &key, &parts).await;
                    match copy(&store, &key, &pin, &other).await {
                        Ok(_) | Err(PutError::SourceChanged) => {}
                        Err(e) => panic!("{e:?}"),
                    }
                    for key in [&key, &other] {
                        if let Some(read) = read_slowly(&store, key).await {
                            assert_eq!(read.len(), 340_009);
                            assert!(read.iter().all(|byte| *byte == read[0]), "parts of different objects");
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    sweeper.await.unwrap();
    until_files(&directory, 15).await;
}

/// Reads while others replace; nothing may be there yet.
async fn read_slowly(store: &LocalStore, key: &str) -> Option<Bytes> {
    match store.get(&object(key), None, Span::All, None).await {
        Ok(found) => {
            let mut body = dissect::body(found);
            let mut all = Vec::new();
            while let Some(chunk) = body.next().await {
                all.extend_from_slice(&chunk.unwrap());
                tokio::task::yield_now().await;
            }
            Some(all.into())
        }
        Err(GetError::NoSuchKey) => None,
        Err(e) => panic!("{e:?}"),
    }
}
