//! Objects and buckets, one call at a time.

use std::time::Duration;

use bytes::Bytes;

use super::*;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const SIZES: [usize; 8] = [0, 1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, MIB, 2 * MIB + 7, 5 * MIB];

pub(super) async fn round_trips(on: Subject) {
    for (number, size) in (1..).zip(SIZES) {
        let version = Version::new(number, size);
        on.put("whole", &version).await;
        on.expect("whole", Some(&version)).await;

        // The same in pieces of odd sizes, with as little beside it as there can be.
        let mut headers = SealedHeaders::default();
        match on.demands {
            Demands::Full => {}
            // Stores make one up where none is given.
            Demands::OfS3 => headers.insert("content-type", "text/plain").expect("a good header"),
        }
        let bare = Version { attributes: Attributes { headers, hallmark: None }, ..version };
        let (writer, body) = Body::channel(2);
        let feed = async {
            let mut random = Random(seed());
            let mut rest = bare.bytes.clone();
            while !rest.is_empty() {
                let piece = rest.split_to(1 + random.below(rest.len().min(300 * KIB)));
                writer.data(piece).await.expect("the store listens");
            }
            writer.commit(bare.etag.as_str()).await.expect("the store listens");
        };
        let object = on.object("pieces");
        let put = on.store.put(&object, Write::new(bare.attributes.clone(), Guard::Any), size as u64, body);
        let ((), put) = tokio::join!(feed, put);
        put.expect("it can be put");
        on.expect("pieces", Some(&bare)).await;
    }
    on.delete(&["whole", "pieces"]).await;

    let longest = format!("/{}//\u{10FFFF} +%2F\u{7f}", "k".repeat(on.capabilities.max_key_bytes - 13));
    let keys = [longest.as_str(), &longest[1..], "/", "a", "a/", "ä", "a\u{308}"].map(str::to_owned);
    let version = |key: &str| Version::new(key.len() as u64, 3);
    let there = on.put_nameable(&keys.into(), version).await;
    for key in &there {
        on.expect(key, Some(&version(key))).await;
        on.delete(&[key]).await;
    }
}

pub(super) async fn spans(on: Subject) {
    for size in [1, 5, 16 * KIB, 16 * KIB + 1, MIB + 3] {
        let version = Version::new(size as u64, size);
        on.put("spans", &version).await;
        let end = size as u64;
        for (start, stop) in
            [(0, 1), (0, end), (0, end + 9), (end / 2, end), (end / 3, end / 3 + 1), (end - 1, u64::MAX)]
        {
            let found = on.get("spans", Span::Bytes(start..stop)).await.expect("it can be read");
            let span = start..stop.min(end);
            let bytes = version.bytes.slice(span.start as usize..span.end as usize);
            assert_eq!((found.length, &found.span), (end, &span), "{size}");
            assert!(found.bytes == bytes, "{span:?} of {size}: other bytes");
        }
        for start in [end, end + 1, u64::MAX - 1] {
            let found = on.get("spans", Span::Bytes(start..start + 1)).await;
            assert!(matches!(found, Err(GetError::OutOfRange)), "{start} of {size}: {found:?}");
        }
    }
    on.put("spans", &Version::new(1, 0)).await;
    assert!(matches!(on.get("spans", Span::Bytes(0..1)).await, Err(GetError::OutOfRange)));
    on.delete(&["spans"]).await;
}

pub(super) async fn replaced_and_deleted(on: Subject) {
    on.expect("key", None).await;
    on.store
        .delete(&on.object("key"), Deletion::default())
        .await
        .expect("what is not there is deleted already");
    // Between the two kinds of bodies that a store may have, in every direction.
    for (number, size) in (1..).zip([10, 20, 40 * KIB, 50 * KIB, 30, 0, MIB]) {
        let version = Version::new(number, size);
        on.put("key", &version).await;
        on.expect("key", Some(&version)).await;
    }
    on.delete(&["key"]).await;
}

pub(super) async fn many_are_deleted_at_once(on: Subject) {
    let keys: Vec<String> = (0..50).map(|n| format!("many/{n}")).collect();
    for (number, key) in (0..).zip(&keys).filter(|(number, _)| number % 3 != 0) {
        on.put(key, &Version::new(number, if number % 2 == 0 { 9 } else { 20 * KIB })).await;
    }
    on.put("stays", &Version::new(1, 1)).await;
    let deletions: Vec<(ObjectName, Deletion)> =
        keys.iter().map(|key| (on.object(key), Deletion::default())).collect();
    let results = on.store.delete_many(&deletions).await;
    assert_eq!(results.len(), deletions.len());
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    for key in &keys {
        on.expect(key, None).await;
    }
    on.expect("stays", Some(&Version::new(1, 1))).await;
    on.delete(&["stays"]).await;
}

pub(super) async fn an_unfinished_body_stores_nothing(on: Subject) {
    let before = Version::new(7, 30 * KIB);
    on.put("replaced", &before).await;
    for size in [1, 100, 16 * KIB, 16 * KIB + 1, MIB] {
        for key in ["new", "replaced"] {
            // (length that is announced, bytes that come, whether it is said to be complete)
            for (announced, sent, complete) in
                [(size, size, false), (size, 0, false), (size, size - 1, true), (size - 1, size, true)]
            {
                let version = Version::new(1, sent);
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
                let object = on.object(key);
                let attributes = Version::new(1, 0).attributes;
                let put = on.store.put(&object, Write::new(attributes, Guard::Any), announced as u64, body);
                let ((), put) = tokio::join!(feed, put);
                assert!(matches!(put, Err(PutError::Incomplete)), "{announced}, {sent}: {put:?}");
            }
        }
        on.expect("new", None).await;
        on.expect("replaced", Some(&before)).await;
    }
    on.delete(&["replaced"]).await;
}

pub(super) async fn a_dropped_put_stores_nothing(on: Subject) {
    let before = Version::new(7, 9);
    on.put("replaced", &before).await;
    for size in [100, MIB] {
        for key in ["new", "replaced"] {
            let version = Version::new(1, size);
            let (writer, body) = Body::channel(1);
            let object = on.object(key);
            let put =
                on.store.put(&object, Write::new(version.attributes.clone(), Guard::Any), size as u64, body);
            let feed = async {
                for piece in version.bytes.chunks(10_000).map(Bytes::copy_from_slice) {
                    writer.data(piece).await.expect("the store listens");
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            tokio::select! {
                put = put => panic!("done without a word: {put:?}"),
                () = feed => {}
            }
            assert!(writer.commit("etag").await.is_err(), "nobody is left to listen");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        on.expect("new", None).await;
        on.expect("replaced", Some(&before)).await;
    }
    on.delete(&["replaced"]).await;
}

pub(super) async fn pins(on: Subject) {
    let object = on.object("pinned");
    for (first, second) in [(10, 10), (20 * KIB, 20 * KIB), (10, 20 * KIB), (20 * KIB, 10)] {
        let old = on.put("pinned", &Version::new(1, first)).await.pin;
        let found = on.store.get(&object, None, Span::All, Some(&old)).await.expect("it is that one");
        assert_eq!(dissect::object(found).await.expect("it can be read").pin, old);
        let new = on.put("pinned", &Version::new(2, second)).await.pin;
        assert_ne!(old, new);
        let other = on.store.get(&object, None, Span::All, Some(&old)).await;
        assert!(matches!(other, Err(GetError::Changed)));
        let found = on.store.get(&object, None, Span::Bytes(3..5), Some(&new)).await.expect("it is that one");
        let found = dissect::object(found).await.expect("it can be read");
        assert_eq!((found.pin, found.bytes), (new, Version::new(2, second).bytes.slice(3..5)));
        on.delete(&["pinned"]).await;
        assert!(matches!(on.store.get(&object, None, Span::All, Some(&old)).await, Err(GetError::NoSuchKey)));
    }
}

pub(super) async fn buckets(on: Subject) {
    let store = &on.store;
    assert!(
        !store.create_bucket(&on.bucket, NewBucket::default()).await.expect("it can be asked"),
        "it was there"
    );
    let info = store.bucket(&on.bucket).await.expect("it can be asked").expect("it is there");
    assert_eq!(info.name, on.bucket);
    let all = store.buckets().await.expect("they can be listed");
    assert!(all.contains(&info));
    assert!(all.is_sorted_by(|a, b| a.name.as_str() < b.name.as_str()));

    let missing = BucketName::parse(&format!("{}-missing", on.bucket)).expect("a good name");
    assert_eq!(store.bucket(&missing).await.expect("it can be asked"), None);
    assert_eq!(store.delete_bucket(&missing).await.expect("it can be asked"), DeletedBucket::NoSuchBucket);
    let elsewhere = Subject { bucket: missing, ..on.clone() };
    let object = elsewhere.object("key");
    for size in [1, 20 * KIB] {
        let put = elsewhere.put_if("key", &Version::new(1, size), Guard::Any).await;
        assert!(matches!(put, Err(PutError::NoSuchBucket)), "{put:?}");
    }
    assert!(matches!(elsewhere.get("key", Span::All).await, Err(GetError::NoSuchBucket)));
    assert!(matches!(store.head(&object, None).await, Err(GetError::NoSuchBucket)));
    assert!(matches!(store.delete(&object, Deletion::default()).await, Err(PutError::NoSuchBucket)));
    assert!(matches!(
        store.delete_many(&[(object, Deletion::default())]).await.as_slice(),
        [Err(PutError::NoSuchBucket)]
    ));

    on.put("key", &Version::new(1, 1)).await;
    assert_eq!(store.delete_bucket(&on.bucket).await.expect("it can be asked"), DeletedBucket::NotEmpty);
    on.delete(&["key"]).await;
    assert_eq!(store.delete_bucket(&on.bucket).await.expect("it can be asked"), DeletedBucket::Deleted);
    assert_eq!(store.bucket(&on.bucket).await.expect("it can be asked"), None);
    assert!(store.create_bucket(&on.bucket, NewBucket::default()).await.expect("it can be made again"));
}
