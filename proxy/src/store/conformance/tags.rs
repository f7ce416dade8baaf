//! Tags. Stores that have none are asked for nothing.

use super::governance::{put_with, standing};
use super::versions::{clear, keep, of};
use super::*;
use crate::store::{BucketLock, Lock, Standing, Tags, VersionId, Versioning};

fn tags(tags: &[(&str, &str)]) -> Tags {
    Tags::new(tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).expect("good tags")
}

pub(super) async fn of_buckets(on: Subject) {
    let store = &on.store;
    assert_eq!(store.bucket_tags(&on.bucket).await.expect("it can be asked"), Tags::default());
    let missing = BucketName::parse(&format!("{}-missing", on.bucket)).expect("a good name");
    assert!(matches!(store.bucket_tags(&missing).await, Err(GetError::NoSuchBucket)));
    let odd = match on.demands {
        Demands::Full => ("", "ä\u{10FFFF}"),
        // S3 has no tag without a name, and knows letters, digits and few other characters.
        Demands::OfS3 => ("ä", "+-=._:/@ ü"),
    };
    for set in [tags(&[("b", "2"), ("a", "1"), odd]), tags(&[("c", "")]), Tags::default()] {
        match store.set_bucket_tags(&on.bucket, set.clone()).await {
            Ok(()) => {}
            Err(PutError::Unsupported(_)) => return,
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(store.bucket_tags(&on.bucket).await.expect("it can be asked"), set);
    }
    let refused = store.set_bucket_tags(&missing, Tags::default()).await;
    assert!(matches!(refused, Err(PutError::NoSuchBucket)), "{refused:?}");
    // Nothing else of the bucket changed.
    assert_eq!(store.versioning(&on.bucket).await.expect("it can be asked"), Versioning::Never);
    assert_eq!(store.object_lock(&on.bucket).await.expect("it can be asked"), BucketLock::Off);
}

pub(super) async fn of_versions(on: Subject) {
    let (store, object) = (&on.store, on.object("key"));
    let (one, two) = (tags(&[("a", "1"), ("b", "")]), tags(&[("c", "3")]));
    let refused = store.set_tags(&object, None, one.clone()).await;
    if matches!(refused, Err(PutError::Unsupported(_))) {
        return;
    }
    assert!(matches!(refused, Err(PutError::NoSuchKey)), "{refused:?}");
    let found = store.tags(&object, None).await;
    assert!(matches!(found, Err(GetError::NoSuchKey)), "{found:?}");

    // They come with an object, and go with it.
    let pin = put_with(&on, "key", one.clone(), Lock::default()).await.expect("it can be put").pin;
    assert_eq!(store.tags(&object, None).await.expect("it is there"), (one.clone(), None));
    assert_eq!(standing(&on, "key", None).await, Standing { tags: 2, ..Standing::default() });
    assert_eq!(store.set_tags(&object, None, two.clone()).await.expect("it is there"), None);
    assert_eq!(store.tags(&object, None).await.expect("it is there"), (two.clone(), None));
    // The object is the one it was.
    let (attributes, length, same) = dissect::head(store.head(&object, None).await.expect("it has a head"));
    assert_eq!((attributes, length, same), (Version::new(1, 9).attributes, 9, pin));
    let page = store.get(&object, None, Span::All, None).await.expect("it is there");
    assert!(dissect::object(page).await.expect("it can be read").bytes == Version::new(1, 9).bytes);
    on.put("key", &Version::new(2, 9)).await;
    assert_eq!(store.tags(&object, None).await.expect("it is there").0, Tags::default());

    if !keep(&on).await {
        return on.delete(&["key"]).await;
    }
    // Each version has its own.
    let null = VersionId::null();
    let new = put_with(&on, "key", two.clone(), Lock::default()).await.expect("it can be put");
    let new = new.version.expect("it has a name");
    let set = store.set_tags(&object, Some(&null), one.clone()).await.expect("it is there");
    assert_eq!(set, Some(null.clone()));
    assert_eq!(
        store.tags(&object, Some(&null)).await.expect("it is there"),
        (one.clone(), Some(null.clone()))
    );
    assert_eq!(store.tags(&object, None).await.expect("it is there"), (two, Some(new.clone())));
    assert_eq!(
        store.set_tags(&object, Some(&new), Tags::default()).await.expect("it is there"),
        Some(new.clone())
    );
    assert_eq!(standing(&on, "key", Some(&null)).await.tags, 2);
    assert_eq!(standing(&on, "key", None).await.tags, 0);
    let marker = store.delete(&object, Deletion::default()).await.expect("it can be deleted");
    let marker = marker.version.expect("it has a name");
    for version in [None, Some(&marker)] {
        let set = store.set_tags(&object, version, one.clone()).await;
        assert!(matches!(set, Err(PutError::NoSuchKey)), "{set:?}");
        let found = store.tags(&object, version).await;
        assert!(matches!(&found, Err(GetError::DeleteMarker(at)) if *at == marker), "{found:?}");
    }
    assert_eq!(store.tags(&object, Some(&null)).await.expect("it is there").0, one);
    store.delete(&object, of(&new)).await.expect("it can be deleted");
    let set = store.set_tags(&object, Some(&new), one).await;
    assert!(matches!(set, Err(PutError::NoSuchVersion)), "{set:?}");
    clear(&on).await;
}
