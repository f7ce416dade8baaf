//! Calls that overlap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;

/// Sizes on both sides of where a store may keep bodies in another way.
fn version(number: u64) -> Version {
    Version::new(number, [0, 100, 9_000, 20_000, 300_000, 700_001][(number % 6) as usize])
}

pub(super) async fn readers_see_one_version(on: Subject) {
    on.put("key", &version(1)).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..6)
        .map(|reader| {
            let (on, done) = (on.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut seen = 0_u32;
                while !done.load(Ordering::Relaxed) || seen == 0 {
                    if reader == 0 {
                        let head = on.store.head(&on.object("key"), None).await.expect("it is there");
                        let (attributes, length, _) = dissect::head(head);
                        assert_eq!(length, version(Version::number(&attributes)).bytes.len() as u64);
                    } else {
                        let found = on.get("key", Span::All).await.expect("it is there");
                        let expected = version(Version::number(&found.attributes));
                        assert_eq!(found.attributes, expected.attributes);
                        assert!(found.bytes == expected.bytes, "attributes and bytes of different versions");
                    }
                    seen += 1;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let on = on.clone();
            tokio::spawn(async move {
                for n in 0..40 {
                    on.put("key", &version(2 + writer + 4 * n)).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no writer fails");
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("no reader sees a mixture");
    }
    on.delete(&["key"]).await;
}

pub(super) async fn nobody_waits_for_a_body(on: Subject) {
    let patience = Duration::from_secs(20);
    let (slow, fast) = (Version::new(1, 600_000), Version::new(2, 400_000));
    let (writer, body) = Body::channel(1);
    let receiving = {
        let (on, slow) = (on.clone(), slow.clone());
        tokio::spawn(async move {
            let length = slow.bytes.len() as u64;
            on.store.put(&on.object("key"), Write::new(slow.attributes, Guard::Any), length, body).await
        })
    };
    writer.data(slow.bytes.slice(..500_000)).await.expect("the store listens");
    tokio::time::timeout(patience, on.put("key", &fast)).await.expect("a put need not wait");
    tokio::time::timeout(patience, on.expect("key", Some(&fast))).await.expect("a get need not wait");
    writer.data(slow.bytes.slice(500_000..)).await.expect("the store listens");
    writer.commit(slow.etag.as_str()).await.expect("the store listens");
    receiving.await.expect("no panic").expect("it can be put");
    on.expect("key", Some(&slow)).await;
    on.delete(&["key"]).await;
}

pub(super) async fn deleting_a_bucket_races_with_puts(on: Subject) {
    for size in [10, 20_000] {
        for round in 0..10 {
            let version = Version::new(round + 1, size);
            let put = {
                let (on, version) = (on.clone(), version.clone());
                tokio::spawn(async move { on.put_if("key", &version, Guard::Any).await })
            };
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            let deleted = on.store.delete_bucket(&on.bucket).await.expect("it can be asked");
            match (put.await.expect("no panic"), deleted) {
                (Ok(_), DeletedBucket::NotEmpty) => on.expect("key", Some(&version)).await,
                (Err(PutError::NoSuchBucket), DeletedBucket::Deleted) => {
                    assert!(
                        on.store
                            .create_bucket(&on.bucket, NewBucket::default())
                            .await
                            .expect("it can be made again")
                    );
                    on.expect("key", None).await;
                }
                // Stores that do not judge the two together lose what was put with its bucket.
                (Ok(_), DeletedBucket::Deleted) if on.demands == Demands::OfS3 => {
                    assert_eq!(on.store.bucket(&on.bucket).await.expect("it can be asked"), None);
                    let made = on.store.create_bucket(&on.bucket, NewBucket::default()).await;
                    assert!(made.expect("it can be made again"));
                }
                both => panic!("put and deletion: {both:?}"),
            }
            on.delete(&["key"]).await;
        }
    }
}
