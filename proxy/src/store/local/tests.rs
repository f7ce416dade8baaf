//! What only this store promises: its directory, its crashes, its damages. The rest is the conformance suite.

mod parts;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use hallmark_signer::SealedHeaders;
use redb::{Builder, Database, StorageBackend, TableDefinition};

use super::bodies::Bodies;
use super::index::Index;
use super::room::Room;
use super::*;
use crate::name::ObjectKey;
use crate::proof::dissect;
use crate::store::{Attributes, ListEntry, StoreFault, conformance};

const LARGE: usize = 700_000;

fn bucket() -> BucketName {
    BucketName::parse("bucket").unwrap()
}

fn object(key: &str) -> ObjectName {
    ObjectName { bucket: bucket(), key: ObjectKey::parse(key).unwrap() }
}

fn write(guard: Guard) -> Write {
    let attributes = Attributes { headers: SealedHeaders::default(), hallmark: Some("seal".into()) };
    Write::new(attributes, guard)
}

fn bytes(fill: u8, size: usize) -> Bytes {
    vec![fill; size].into()
}

async fn put(store: &LocalStore, key: &str, bytes: Bytes) -> Result<Committed, PutError> {
    let length = bytes.len() as u64;
    store.put(&object(key), write(Guard::Any), length, Body::whole(bytes, "etag")).await
}

async fn get(store: &LocalStore, key: &str) -> Result<Bytes, GetError> {
    let found = store.get(&object(key), None, Span::All, None).await?;
    Ok(dissect::object(found).await?.bytes)
}

/// A store with one bucket in a directory of its own.
async fn store() -> (tempfile::TempDir, LocalStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::open(&directory.path().join("data")).unwrap();
    store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
    (directory, store)
}

/// All body files below the directory that [`store`] made.
fn files(directory: &tempfile::TempDir) -> Vec<PathBuf> {
    files_in(&directory.path().join("data"))
}

fn files_in(data: &Path) -> Vec<PathBuf> {
    let directories = fs::read_dir(data.join("bodies")).unwrap();
    let all = directories.flat_map(|d| fs::read_dir(d.unwrap().path()).unwrap());
    all.map(|file| file.unwrap().path()).collect()
}

/// Waits for files to be removed behind the scenes.
async fn until_files(directory: &tempfile::TempDir, count: usize) {
    for _ in 0..4000 {
        if files(directory).len() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{count} files were expected: {:?}", files(directory));
}

/// What a crash at this moment would leave: a copy of the directory as it is on disk.
fn crash(directory: &tempfile::TempDir) -> (tempfile::TempDir, PathBuf) {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let image = tempfile::tempdir().unwrap();
    let data = image.path().join("data");
    copy(&directory.path().join("data"), &data);
    (image, data)
}

fn corrupt<T>(result: Result<T, GetError>) {
    match result {
        Err(GetError::Store(e)) => assert_eq!(e.fault, StoreFault::Corrupt, "{e}"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("something was returned"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_is_kept() {
    let (directory, store) = store().await;
    let store = Arc::new(store);
    conformance::run(Arc::clone(&store) as Arc<dyn Store>).await;
    // The suite deletes all it makes, and says so of half of it: no file may be left of either.
    until_files(&directory, 0).await;
}

#[tokio::test]
async fn the_contract_is_kept_on_one_thread_and_when_the_disk_is_slow() {
    let (_directory, store) = store().await;
    store.index.distrust_the_disk();
    let store: Arc<dyn Store> = Arc::new(store);
    conformance::run(store).await;
}

#[tokio::test]
async fn a_directory_is_private_and_serves_one_process() {
    let (directory, store) = store().await;
    let path = directory.path().join("data");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let second = LocalStore::open(&path).err().unwrap();
    assert!(matches!(&second, OpenError::Locked(locked) if *locked == path), "{second}");
    assert!(second.to_string().contains("in use by another process"), "{second}");
    drop(store);
    LocalStore::open(&path).unwrap();
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash_and_the_rest_is_swept() {
    let (directory, store) = store().await;
    put(&store, "small", bytes(1, 10)).await.unwrap();
    put(&store, "large", bytes(9, LARGE)).await.unwrap();
    let replaced = files(&directory).remove(0);
    put(&store, "large", bytes(2, LARGE)).await.unwrap();
    until_files(&directory, 1).await;
    // An upload is cut off by the crash.
    let (writer, body) = Body::channel(1);
    let target = object("large");
    let upload = store.put(&target, write(Guard::Any), LARGE as u64, body);
    let feed = async {
        writer.data(bytes(3, LARGE - 1)).await.unwrap();
        while files(&directory).len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        crash(&directory)
    };
    let (image, data) = tokio::select! {
        image = feed => image,
        _ = upload => panic!("not complete"),
    };
    // A version was replaced, and the crash came before its file was removed.
    let leftover = data.join(replaced.strip_prefix(directory.path().join("data")).unwrap());
    fs::write(&leftover, "replaced").unwrap();
    // Nobody knows what these are: they stay.
    let strange = [data.join("bodies/00/lost+found"), data.join("bodies/00").join("f".repeat(32))];
    strange.iter().for_each(|path| fs::write(path, "strange").unwrap());

    let store = LocalStore::open(&data).unwrap();
    assert_eq!(files_in(&data).len(), 5, "opening does not look at bodies");
    assert_eq!(get(&store, "small").await.unwrap(), bytes(1, 10));
    assert_eq!(get(&store, "large").await.unwrap(), bytes(2, LARGE));
    let swept = store.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(swept.removed, 2);
    assert!(swept.bytes >= 8);
    assert_eq!(files_in(&data).len(), 3);
    assert!(!leftover.exists() && strange.iter().all(|path| path.exists()));
    assert_eq!(get(&store, "large").await.unwrap(), bytes(2, LARGE));
    assert_eq!(store.sweep(Duration::ZERO).await.unwrap(), Swept::default());
    drop((store, image));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sweep_leaves_uploads_alone() {
    let (directory, store) = store().await;
    let store = Arc::new(store);
    let done = Arc::new(AtomicBool::new(false));
    let sweeper = {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        tokio::spawn(async move {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                store.sweep(Duration::ZERO).await.unwrap();
                rounds += 1;
            }
            rounds
        })
    };
    let writers: Vec<_> = (0..8_u8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in 0..30 {
                    let key = format!("{writer}/{}", n % 3);
                    put(&store, &key, bytes(n, 20_000 + usize::from(n))).await.unwrap();
                    assert_eq!(get(&store, &key).await.unwrap(), bytes(n, 20_000 + usize::from(n)));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    assert!(sweeper.await.unwrap() > 0);
    for key in (0..8).flat_map(|writer| (0..3).map(move |n| format!("{writer}/{n}"))) {
        get(&store, &key).await.unwrap();
    }
    until_files(&directory, 24).await;
}

#[tokio::test]
async fn an_upload_that_fails_leaves_no_file() {
    let (directory, store) = store().await;
    put(&store, "key", bytes(1, LARGE)).await.unwrap();
    for end in ["short", "long", "dropped", "guard"] {
        let (writer, body) = Body::channel(1);
        let (length, guard) = match end {
            "long" => (LARGE as u64 - 1, Guard::Any),
            // What stands there is replaced while the body is received: refused at the end.
            "guard" => (LARGE as u64, Guard::Matches(put(&store, "key", bytes(1, LARGE)).await.unwrap().pin)),
            _ => (LARGE as u64, Guard::Any),
        };
        let target = object("key");
        let upload = store.put(&target, write(guard), length, body);
        let feed = async {
            writer.data(bytes(2, LARGE / 2)).await.unwrap();
            while files(&directory).len() < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if end == "guard" {
                put(&store, "key", bytes(1, LARGE)).await.unwrap();
            }
            if end != "short" {
                writer.data(bytes(2, LARGE - LARGE / 2)).await.unwrap();
            }
            if end != "dropped" {
                // The store may have had enough already.
                let _ = writer.commit("etag").await;
            }
        };
        let (result, ()) = tokio::join!(upload, feed);
        match end {
            "guard" => assert!(matches!(result, Err(PutError::GuardFailed)), "{result:?}"),
            _ => assert!(matches!(result, Err(PutError::Incomplete)), "{end}: {result:?}"),
        }
        until_files(&directory, 1).await;
        assert_eq!(get(&store, "key").await.unwrap(), bytes(1, LARGE));
    }
}

#[tokio::test]
async fn what_is_refused_anyway_is_refused_before_its_body_comes() {
    let (_directory, store) = store().await;
    put(&store, "key", bytes(1, 1)).await.unwrap();
    let missing = ObjectName { bucket: BucketName::parse("missing").unwrap(), ..object("key") };
    let (_writer, body) = Body::channel(1);
    let refused = store.put(&missing, write(Guard::Any), 9, body).await;
    assert!(matches!(refused, Err(PutError::NoSuchBucket)), "{refused:?}");
    let (_writer, body) = Body::channel(1);
    let refused = store.put(&object("key"), write(Guard::Absent), 9, body).await;
    assert!(matches!(refused, Err(PutError::GuardFailed)), "{refused:?}");
}

#[tokio::test]
async fn a_download_ends_well_though_its_object_is_deleted() {
    let (directory, store) = store().await;
    put(&store, "key", bytes(1, 3_000_000)).await.unwrap();
    let found = store.get(&object("key"), None, Span::Bytes(5..3_000_000), None).await.unwrap();
    let mut body = dissect::body(found);
    let first = body.next().await.unwrap().unwrap();
    store.delete(&object("key"), Deletion::default()).await.unwrap();
    until_files(&directory, 0).await;
    let mut read = first.len();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.unwrap();
        assert!((1..=256 << 10).contains(&chunk.len()) && chunk.iter().all(|b| *b == 1));
        read += chunk.len();
    }
    assert_eq!(read, 3_000_000 - 5);
}

#[tokio::test]
async fn a_damaged_body_file_is_reported() {
    let (directory, store) = store().await;
    let record = StateName::new(StateArea::Records, "record").unwrap();
    for damage in ["shorter", "longer", "gone", "a directory"] {
        put(&store, "key", bytes(1, LARGE)).await.unwrap();
        store.state_put(&record, bytes(2, LARGE), Guard::Any).await.unwrap();
        until_files(&directory, 2).await;
        for file in files(&directory) {
            match damage {
                "shorter" => fs::write(file, vec![1; LARGE - 1]).unwrap(),
                "longer" => fs::write(file, vec![1; LARGE + 1]).unwrap(),
                "gone" => fs::remove_file(file).unwrap(),
                _ => {
                    fs::remove_file(&file).unwrap();
                    fs::create_dir(&file).unwrap();
                }
            }
        }
        corrupt(get(&store, "key").await);
        corrupt(store.get(&object("key"), None, Span::Bytes(1..2), None).await);
        corrupt(store.state_get(&record, Span::All).await.map_err(GetError::from));
        let _ = store.head(&object("key"), None).await.unwrap();
        // It can be replaced, and deleted.
        put(&store, "key", bytes(3, 1)).await.unwrap();
        assert_eq!(get(&store, "key").await.unwrap(), bytes(3, 1));
        store.state_delete(&record).await.unwrap();
        if damage == "a directory" {
            break;
        }
        until_files(&directory, 0).await;
    }
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_is_reported() {
    let (directory, store) = store().await;
    put(&store, "key", bytes(1, 3_000_000)).await.unwrap();
    let mut body = dissect::body(store.get(&object("key"), None, Span::All, None).await.unwrap());
    body.next().await.unwrap().unwrap();
    fs::OpenOptions::new().write(true).open(&files(&directory)[0]).unwrap().set_len(500_000).unwrap();
    let rest: Vec<_> = body.collect().await;
    let (last, before) = rest.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().fault, StoreFault::Corrupt);
    assert!(before.iter().all(Result::is_ok) && before.len() < 2);
}

#[tokio::test]
async fn damaged_rows_are_reported_and_can_be_replaced() {
    let (directory, store) = store().await;
    for (key, size) in [("inline", 100), ("file", LARGE), ("whole", 5)] {
        put(&store, key, bytes(1, size)).await.unwrap();
    }
    let damage = |change: fn(&mut Vec<u8>)| {
        move |tables: &mut committer::Tables<'_>| {
            tables.changed();
            for key in ["inline", "file"] {
                let key = index::object_key(&object(key));
                let mut row = tables.objects.remove(key.as_slice())?.unwrap().value().to_vec();
                change(&mut row);
                tables.objects.insert(key.as_slice(), row.as_slice())?;
            }
            Ok(())
        }
    };
    let list = |prefix: &str| ListRequest {
        bucket: bucket(),
        prefix: prefix.into(),
        delimiter: None,
        after: None,
        limit: 10,
    };
    for change in [
        |row: &mut Vec<u8>| row.truncate(30),
        |row: &mut Vec<u8>| row[0] = 9,
        |row: &mut Vec<u8>| row.clear(),
    ] {
        store.committer.submit(damage(change)).await.unwrap();
        for key in ["inline", "file"] {
            corrupt(get(&store, key).await);
            corrupt(store.head(&object(key), None).await);
            corrupt(store.list(list(key)).await);
        }
        corrupt(store.list(list("")).await);
        assert_eq!(get(&store, "whole").await.unwrap(), bytes(1, 5));
        store.delete(&object("file"), Deletion::default()).await.unwrap();
        assert!(matches!(get(&store, "file").await, Err(GetError::NoSuchKey)));
        for (key, size) in [("inline", 100), ("file", LARGE)] {
            put(&store, key, bytes(1, size)).await.unwrap();
            assert_eq!(get(&store, key).await.unwrap(), bytes(1, size));
        }
    }
    // Rows that decode and do not say what is there: a length, and where the body lies.
    store.committer.submit(damage(|row| row[18] ^= 1)).await.unwrap();
    corrupt(get(&store, "inline").await);
    corrupt(get(&store, "file").await);
    store.committer.submit(damage(|row| row[1] ^= 1)).await.unwrap();
    corrupt(get(&store, "inline").await);
    corrupt(get(&store, "file").await);
    drop(directory);
}

#[test]
fn a_directory_of_another_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("index.redb");
    let write = |table: &'static str, key: &str, value: u64| {
        let db = Database::create(&file).unwrap();
        let txn = db.begin_write().unwrap();
        txn.open_table(TableDefinition::<&str, u64>::new(table)).unwrap().insert(key, value).unwrap();
        txn.commit().unwrap();
    };
    write("something", "else", 1);
    let refused = LocalStore::open(directory.path()).err().unwrap();
    assert!(matches!(refused, OpenError::Format { found: None, known: 2 }), "{refused}");
    for other in [1, 3] {
        write("meta", "format", other);
        let refused = LocalStore::open(directory.path()).err().unwrap();
        assert!(matches!(refused, OpenError::Format { found: Some(n), known: 2 } if n == other), "{refused}");
        assert!(refused.to_string().contains(&format!("has the format {other}")), "{refused}");
    }
    write("meta", "format", 2);
    LocalStore::open(directory.path()).unwrap();
    fs::write(&file, "not an index, but long enough to be taken for the head of one".repeat(99)).unwrap();
    assert!(matches!(LocalStore::open(directory.path()).err().unwrap(), OpenError::Index(_)));
}

/// A disk that fails to sync from a chosen moment on.
#[derive(Debug)]
struct FailingDisk(redb::backends::InMemoryBackend, Arc<AtomicU32>);

impl StorageBackend for FailingDisk {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        let left = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_err() { Err(std::io::Error::other("the disk failed")) } else { self.0.sync_data() }
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }
}

#[tokio::test]
async fn a_commit_that_fails_leaves_doubt_and_no_further_write() {
    for syncs in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let left = Arc::new(AtomicU32::new(u32::MAX));
        let disk = FailingDisk(redb::backends::InMemoryBackend::new(), Arc::clone(&left));
        let index = Arc::new(Index::open(disk, Room::measured_by(|| u64::MAX), None).unwrap());
        let bodies = Arc::new(Bodies::open(directory.path().join("data/bodies")).unwrap());
        let store = LocalStore::start(index, bodies).unwrap();
        store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
        put(&store, "key", bytes(1, LARGE)).await.unwrap();
        left.store(syncs, Ordering::SeqCst);
        let failed = put(&store, "key", bytes(2, LARGE)).await;
        assert!(matches!(failed, Err(PutError::Unknown(_))), "{failed:?}");
        left.store(u32::MAX, Ordering::SeqCst);
        for size in [1, LARGE] {
            let later = put(&store, "key", bytes(3, size)).await;
            let Err(PutError::NotStored(e)) = later else { panic!("{later:?}") };
            assert!(e.message.contains("read-only until the server is restarted"), "{e}");
        }
        let later = store.delete(&object("key"), Deletion::default()).await;
        assert!(matches!(later, Err(PutError::NotStored(_))), "{later:?}");
        // Which of the two versions is on disk is not known: neither file may go.
        until_files(&directory, 2).await;
        let _ = store.sweep(Duration::ZERO).await;
        assert_eq!(files(&directory).len(), 2);
    }
}

#[tokio::test]
async fn lists_show_the_etag_that_the_commit_brought() {
    let (_directory, store) = store().await;
    for (key, size) in [("inline", 1), ("file", LARGE)] {
        let body = Body::whole(bytes(1, size), format!("etag of {key}"));
        store.put(&object(key), write(Guard::Any), size as u64, body).await.unwrap();
    }
    let request =
        ListRequest { bucket: bucket(), prefix: String::new(), delimiter: None, after: None, limit: 10 };
    for entry in store.list(request).await.unwrap().entries {
        let ListEntry::Object { key, etag, .. } = entry else { panic!("nothing to roll up") };
        assert_eq!(etag, format!("etag of {key}"));
    }
}

#[tokio::test]
async fn a_full_disk_refuses_uploads_and_lets_one_read_and_delete() {
    let directory = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let room = Arc::clone(&free);
    let room = Room::measured_by(move || room.load(Ordering::SeqCst));
    let index = Arc::new(Index::open(redb::backends::InMemoryBackend::new(), room, None).unwrap());
    let bodies = Arc::new(Bodies::open(directory.path().join("data/bodies")).unwrap());
    let store = LocalStore::start(index, bodies).unwrap();
    store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
    for key in ["one", "two"] {
        put(&store, key, bytes(1, LARGE)).await.unwrap();
    }
    let record = StateName::new(StateArea::Records, "record").unwrap();
    for (left, deletes) in [(100 << 20, true), (10 << 20, false)] {
        free.store(left, Ordering::SeqCst);
        for refused in [
            put(&store, "one", bytes(2, 1)).await.err(),
            put(&store, "new", bytes(2, LARGE)).await.err(),
            store.state_put(&record, bytes(2, 1), Guard::Any).await.err(),
        ] {
            let Some(PutError::NotStored(e)) = refused else { panic!("{refused:?}") };
            assert!(e.message.contains("the disk is nearly full"), "{e}");
        }
        assert_eq!(get(&store, "one").await.unwrap(), bytes(1, LARGE));
        assert_eq!(store.delete(&object("two"), Deletion::default()).await.is_ok(), deletes);
    }
    free.store(u64::MAX, Ordering::SeqCst);
    put(&store, "new", bytes(2, LARGE)).await.unwrap();
    until_files(&directory, 2).await;
}

#[tokio::test]
async fn a_store_can_be_dropped_with_work_under_way() {
    let (directory, store) = store().await;
    let (writer, body) = Body::channel(1);
    writer.data(bytes(1, 100)).await.unwrap();
    {
        let target = object("key");
        let upload = store.put(&target, write(Guard::Any), LARGE as u64, body);
        assert!(tokio::time::timeout(Duration::from_millis(20), upload).await.is_err());
    }
    drop(store);
    let store = LocalStore::open(&directory.path().join("data")).unwrap();
    assert!(matches!(get(&store, "key").await, Err(GetError::NoSuchKey)));
    until_files(&directory, 0).await;
}

#[test]
fn the_index_is_ready_after_a_crash_without_a_repair() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = LocalStore::open(&data).unwrap();
    runtime.block_on(async {
        store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
        for n in 0..50 {
            put(&store, &n.to_string(), bytes(n, 5_000)).await.unwrap();
        }
    });
    let image = directory.path().join("image.redb");
    fs::copy(data.join("index.redb"), &image).unwrap();
    let repaired = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&repaired);
    Builder::new().set_repair_callback(move |_| seen.store(true, Ordering::SeqCst)).open(&image).unwrap();
    assert!(!repaired.load(Ordering::SeqCst), "the whole index was walked");
}
