//! What the scenarios rely on beyond the contract, which the conformance suite checks.

use bytes::Bytes;
use futures_util::FutureExt as _;
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::proof::dissect;
use hallmark_proxy::store::{
    Attributes, Body, Committed, Deletion, GetError, Guard, ListEntry, ListRequest, ListVersionsRequest,
    NewBucket, PartNumber, Pin, PutError, Source, Span, StageId, StagedPart, StateArea, StateName, Store,
    StoreFault, VersionEntry, VersionId, VersionMarker, Versioning, Write,
};
use hallmark_signer::SealedHeaders;

use super::{Call, MemoryStore, Mishap};

fn bucket() -> BucketName {
    BucketName::parse("bucket").unwrap()
}

fn named(key: &str) -> ObjectName {
    ObjectName { bucket: bucket(), key: ObjectKey::parse(key).unwrap() }
}

fn plain(guard: Guard) -> Write {
    Write::new(Attributes { headers: SealedHeaders::default(), hallmark: None }, guard)
}

fn whole(text: &'static str) -> Body {
    Body::whole(Bytes::from_static(text.as_bytes()), "etag")
}

async fn put(store: &MemoryStore, key: &str, text: &'static str) -> Result<Committed, PutError> {
    store.put(&named(key), plain(Guard::Any), text.len() as u64, whole(text)).await
}

async fn with_keys(keys: &[&str]) -> MemoryStore {
    let store = MemoryStore::new();
    store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
    for key in keys {
        put(&store, key, "x").await.unwrap();
    }
    store
}

async fn read(store: &MemoryStore, key: &str, version: Option<&VersionId>) -> Result<Bytes, GetError> {
    Ok(dissect::object(store.get(&named(key), version, Span::All, None).await?).await?.bytes)
}

/// A closed stage of these parts.
async fn staged(store: &MemoryStore, texts: &[&'static str]) -> (StageId, Vec<StagedPart>) {
    let stage = store.stage_open().await.unwrap();
    let mut parts = Vec::new();
    for (text, number) in texts.iter().zip(1..) {
        let (number, length) = (PartNumber::new(number).unwrap(), text.len() as u64);
        let pin = store.stage_part(&stage, number, length, whole(text)).await.unwrap();
        parts.push(StagedPart { number, length, pin });
    }
    store.stage_close(&stage, &parts).await.unwrap();
    (stage, parts)
}

#[tokio::test]
async fn listings_roll_up_and_continue() {
    let store = with_keys(&["a", "b/1", "b/2", "c/1", "d"]).await;
    let page = async |after: Option<&str>, limit| {
        let request = ListRequest {
            bucket: bucket(),
            prefix: String::new(),
            delimiter: Some("/".to_owned()),
            after: after.map(str::to_owned),
            limit,
        };
        let page = store.list(request).await.unwrap();
        let text = |entry: &ListEntry| match entry {
            ListEntry::Object { key, .. } => key.to_string(),
            ListEntry::Prefix(prefix) => prefix.clone(),
        };
        (page.entries.iter().map(text).collect::<Vec<_>>().join(" "), page.more)
    };
    assert_eq!(page(None, 10).await, ("a b/ c/ d".to_owned(), false));
    assert_eq!(page(None, 2).await, ("a b/".to_owned(), true));
    assert_eq!(page(Some("b/"), 2).await, ("c/ d".to_owned(), false));
}

#[tokio::test]
async fn listings_of_versions_continue_wherever_they_end() {
    let store = with_keys(&["a", "b/1"]).await;
    store.set_versioning(&bucket(), Versioning::Enabled).await.unwrap();
    for key in ["a", "a", "b/1", "b/2", "c"] {
        put(&store, key, "y").await.unwrap();
    }
    store.delete(&named("a"), Deletion::default()).await.unwrap();
    let list = async |after: Option<VersionMarker>, limit| {
        let request = ListVersionsRequest {
            bucket: bucket(),
            prefix: String::new(),
            delimiter: Some("/".to_owned()),
            after,
            limit,
        };
        store.list_versions(request).await.unwrap()
    };
    let all = list(None, 10).await;
    let text = |entry: &VersionEntry| match entry {
        VersionEntry::Object { key, version, latest, .. } => format!("{key}@{version} {latest}"),
        VersionEntry::DeleteMarker { key, version, latest, .. } => format!("{key}@{version} {latest} gone"),
        VersionEntry::Prefix(prefix) => prefix.clone(),
    };
    let texts: Vec<_> = all.entries.iter().map(text).collect();
    let ids: Vec<_> = store.versions("bucket", "a");
    let c = &store.versions("bucket", "c")[0];
    assert_eq!(
        texts,
        [
            format!("a@{} true gone", ids[0]),
            format!("a@{} false", ids[1]),
            format!("a@{} false", ids[2]),
            "a@null false".to_owned(),
            "b/".to_owned(),
            format!("c@{c} true"),
        ]
    );
    assert!(!all.more);
    for limit in 1..=6 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = list(after, limit).await;
            after = page.entries.last().map(|last| match last {
                VersionEntry::Object { key, version, .. }
                | VersionEntry::DeleteMarker { key, version, .. } => {
                    VersionMarker { key: key.to_string(), version: Some(version.clone()) }
                }
                VersionEntry::Prefix(prefix) => VersionMarker { key: prefix.clone(), version: None },
            });
            found.extend(page.entries);
            if !page.more {
                break;
            }
        }
        assert_eq!(found, all.entries, "{limit} at a time");
    }
}

#[tokio::test]
async fn what_is_planned_goes_wrong_once() {
    let store = with_keys(&[]).await;
    store.take_calls();
    store.go_wrong(Call::Put, Mishap::PersistsAndFails(StoreFault::Timeout));
    store.go_wrong(Call::Put, Mishap::Fails(StoreFault::Timeout));
    store.go_wrong(Call::Put, Mishap::FailsAtCommit(StoreFault::Timeout));
    store.go_wrong(Call::Put, Mishap::Pretends);
    for (key, says, stored) in [
        ("first", "perhaps stored", true),
        ("second", "not stored", false),
        ("third", "not stored", false),
        ("fourth", "", false),
        ("fifth", "", true),
    ] {
        let put = put(&store, key, "").await;
        assert_eq!(store.find("bucket", key).is_some(), stored, "{key}: {put:?}");
        let said = put.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(said.starts_with(says) && said.is_empty() == says.is_empty(), "{key}: {said}");
    }
    assert_eq!(store.take_calls(), [Call::Put; 5]);
}

#[tokio::test]
async fn mishaps_find_their_call() {
    let store = with_keys(&["key"]).await;
    let fails = Mishap::Fails(StoreFault::Unavailable);
    store.go_wrong(Call::Head.naming("/key").after(1), fails);
    store.keep_going_wrong(Call::Delete.after(1), fails);
    let mut heads = Vec::new();
    for key in ["key", "other", "key", "key"] {
        heads.push(match store.head(&named(key), None).await {
            Err(GetError::Store(_)) => "failed",
            Err(_) => "nothing",
            Ok(_) => "there",
        });
    }
    assert_eq!(heads, ["there", "nothing", "failed", "there"]);
    let mut deletes = Vec::new();
    for _ in 0..3 {
        deletes.push(store.delete(&named("key"), Deletion::default()).await.is_ok());
    }
    assert_eq!(deletes, [true, false, false]);
    store.forget_mishaps();
    assert!(store.delete(&named("key"), Deletion::default()).await.is_ok());
}

#[tokio::test]
async fn some_calls_never_answer() {
    let store = with_keys(&[]).await;
    store.go_wrong(Call::Put, Mishap::NeverAnswers);
    store.go_wrong(Call::Put, Mishap::PersistsAndNeverAnswers);
    for (key, stored) in [("first", false), ("second", true)] {
        assert!(put(&store, key, "x").now_or_never().is_none(), "{key}");
        assert_eq!(store.find("bucket", key).is_some(), stored, "{key}");
    }
    assert!(put(&store, "third", "x").now_or_never().unwrap().is_ok());
}

#[tokio::test]
async fn gates_hold_calls_before_and_after_their_work() {
    let store = with_keys(&[]).await;
    let (before, after) =
        (store.hold(Call::Put.naming("first")), store.hold_answer(Call::Put.naming("second")));
    let held = ["first", "second"].map(|key| {
        let store = store.clone();
        tokio::spawn(async move { put(&store, key, "x").await })
    });
    before.reached().await;
    after.reached().await;
    // Others pass.
    put(&store, "third", "x").await.unwrap();
    assert!(held.iter().all(|put| !put.is_finished()));
    assert!(store.find("bucket", "first").is_none());
    assert!(store.find("bucket", "second").is_some());
    before.release();
    drop(after);
    for put in held {
        put.await.unwrap().unwrap();
    }
    assert!(store.find("bucket", "first").is_some());
}

#[test]
fn a_gate_is_waited_for_without_a_runtime() {
    let store = MemoryStore::new();
    let gate = store.hold(Call::Buckets);
    assert!(!gate.is_reached());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let held = { runtime.spawn(async move { store.buckets().await }) };
    gate.wait();
    assert!(gate.is_reached());
    gate.release();
    assert!(runtime.block_on(held).unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn a_lying_store_ignores_pins() {
    let store = with_keys(&["key"]).await;
    let pin = store.object("bucket", "key").pin;
    let other = Pin("other".to_owned());
    assert!(store.get(&named("key"), None, Span::All, Some(&other)).await.is_err());
    let (first, mut second) = (store.object("bucket", "key"), store.object("bucket", "key"));
    second.pin = other;
    store.alternate("bucket", "key", vec![first, second]);
    for _ in 0..4 {
        assert!(store.get(&named("key"), None, Span::All, Some(&pin)).await.is_ok());
    }
    put(&store, "key", "y").await.unwrap();
    assert!(store.get(&named("key"), None, Span::All, Some(&pin)).await.is_err(), "it is honest again");
}

#[tokio::test]
async fn versions_can_be_swapped_edited_and_brought_back() {
    let store = with_keys(&[]).await;
    store.set_versioning(&bucket(), Versioning::Enabled).await.unwrap();
    let mut ids = Vec::new();
    for (key, text) in [("key", "old"), ("key", "new"), ("else", "other")] {
        ids.push(put(&store, key, text).await.unwrap().version.unwrap());
    }
    let pins = [0, 1].map(|n| store.version("bucket", "key", &ids[n]).pin);
    store.swap(("bucket", "key", &ids[0]), ("bucket", "key", &ids[1]));
    assert_eq!(read(&store, "key", Some(&ids[0])).await.unwrap(), "new");
    assert_eq!(read(&store, "key", None).await.unwrap(), "old");
    assert_eq!([0, 1].map(|n| store.version("bucket", "key", &ids[n]).pin), pins, "names stay");
    store.swap(("bucket", "key", &ids[1]), ("bucket", "else", &ids[2]));
    assert_eq!(read(&store, "else", None).await.unwrap(), "old");
    store.edit_version("bucket", "key", &ids[0], |object| object.flip(0));
    assert_ne!(read(&store, "key", Some(&ids[0])).await.unwrap(), "new");
    assert_eq!(read(&store, "key", None).await.unwrap(), "other");
    store.make_current("bucket", "key", &ids[0]);
    assert_eq!(store.versions("bucket", "key"), [ids[0].clone(), ids[1].clone()]);
    store.remove_version("bucket", "key", &ids[0]);
    assert_eq!(read(&store, "key", None).await.unwrap(), "other");
    store.remove_version("bucket", "key", &ids[1]);
    assert!(matches!(read(&store, "key", None).await, Err(GetError::NoSuchKey)));
}

#[tokio::test]
async fn staged_bytes_can_be_altered_while_they_are_read() {
    let store = with_keys(&[]).await;
    let (stage, parts) = staged(&store, &["aaaa", "bbbb", "cc"]).await;
    let name = store.stage_names().pop().unwrap();
    assert_eq!((name.as_str(), store.staged_parts(&name)), (stage.as_str(), vec![1, 2, 3]));
    let all = async || {
        let body = store.stage_read(&stage, &parts, Span::All).await.unwrap();
        dissect::bytes(body).await.unwrap()
    };
    assert_eq!(all().await, "aaaabbbbcc");
    assert_eq!(store.bytes_read(), 10);
    // What has left is what it was: only the bytes that come after are others.
    let of = name.clone();
    store.after_bytes(6, move |store| {
        for number in [1, 2, 3] {
            store.edit_staged(&of, number, |bytes| bytes.fill(b'!'));
        }
    });
    assert_eq!(all().await, "aaaabb!!!!");
    // Between one reading and the next.
    let of = name.clone();
    store.before(Call::StageRead.after(1), move |store| store.edit_staged(&of, 2, |bytes| bytes.fill(b'?')));
    assert_eq!(all().await, "!!!!!!!!!!");
    assert_eq!(all().await, "!!!!????!!");
    // A part that is shorter moves the others up.
    store.edit_staged(&name, 1, |bytes| bytes.truncate(1));
    store.swap_staged(&name, 2, 3);
    assert_eq!(all().await, "!!!????");
    let write = plain(Guard::Any);
    store.promote(&stage, &parts, &named("key"), write, "etag").await.unwrap();
    assert_eq!(read(&store, "key", None).await.unwrap(), "!!!????");
    assert!(store.stage_names().is_empty());
}

#[tokio::test]
async fn readings_of_stages_go_wrong_as_those_of_objects() {
    let store = with_keys(&[]).await;
    let (stage, parts) = staged(&store, &["aaaa", "bbbb"]).await;
    store.go_wrong(Call::StageRead, Mishap::Garbles(5));
    store.go_wrong(Call::StageRead, Mishap::BreaksAfter(5));
    store.go_wrong(Call::StageRead, Mishap::Drips);
    let all = async || -> Result<Bytes, GetError> {
        let body = store.stage_read(&stage, &parts, Span::All).await?;
        Ok(dissect::bytes(body).await?)
    };
    assert_eq!(all().await.unwrap(), "aaaabrbb");
    assert!(matches!(all().await, Err(GetError::Store(_))));
    assert_eq!(all().await.unwrap(), "aaaabbbb");
    assert_eq!(store.bytes_read(), 8 + 5 + 8);
}

#[tokio::test]
async fn copies_and_promotions_move_no_bytes() {
    let store = with_keys(&[]).await;
    let (stage, parts) = staged(&store, &["aaaa", "bbbb"]).await;
    let written = store.bytes_written();
    assert_eq!(written, 8);
    let pin = store.promote(&stage, &parts, &named("a"), plain(Guard::Any), "etag").await.unwrap().pin;
    let source = Source { object: named("a"), version: None, pin, while_staged: None };
    // What the store is made to hold is what is copied.
    store.edit("bucket", "a", |object| object.flip(0));
    store.copy(&source, &named("b"), plain(Guard::Any), "etag").await.unwrap();
    assert_eq!((store.bytes_read(), store.bytes_written()), (0, written));
    assert_eq!(read(&store, "b", None).await.unwrap(), "qaaabbbb");
    put(&store, "a", "new").await.unwrap();
    let copy = store.copy(&source, &named("b"), plain(Guard::Any), "etag").await;
    assert!(matches!(copy, Err(PutError::SourceChanged)), "{copy:?}");
}

#[tokio::test]
async fn bytes_that_are_not_kept_come_back_as_zeros() {
    let store = with_keys(&[]).await;
    store.keep_no_bytes();
    let (stage, parts) = staged(&store, &["aaaa", "bbbb"]).await;
    store.promote(&stage, &parts, &named("key"), plain(Guard::Any), "etag").await.unwrap();
    assert_eq!(read(&store, "key", None).await.unwrap(), [0; 8].as_slice());
}

#[tokio::test]
async fn state_of_both_kinds_can_be_edited() {
    let store = MemoryStore::new();
    for area in [StateArea::Records, StateArea::Scratch] {
        let [one, other] = ["b/one", "a/other"].map(|name| StateName::new(area, name).unwrap());
        store.state_put(&one, Bytes::from_static(b"value"), Guard::Absent).await.unwrap();
        store.rename_state(&one, &other);
        store.set_state(&one, Some(Bytes::from_static(b"forged")));
        assert_eq!(store.state_names(area), [other.clone(), one.clone()]);
        let found = store.state_get(&one, Span::All).await.unwrap().unwrap();
        assert_eq!(dissect::state(found), "forged");
        store.set_state(&one, None);
        assert_eq!(store.state_list(area, "", None, 10).await.unwrap(), ["a/other"]);
        assert_eq!(store.state(&other), "value");
    }
}
