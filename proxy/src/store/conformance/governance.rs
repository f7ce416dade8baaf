//! Locks. Stores that have none are asked for nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::versions::{clear, keep, of};
use super::*;
use crate::store::{
    BucketLock, DefaultRetention, LegalHold, Lock, Period, Retention, RetentionMode, Standing, Tags,
    VersionId, Versioning,
};

/// So many seconds from now, on a clock that counts whole seconds.
fn in_seconds(seconds: u64) -> SystemTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    UNIX_EPOCH + Duration::from_secs(now + seconds)
}

fn governance(seconds: u64) -> Option<Retention> {
    Some(Retention { mode: RetentionMode::Governance, until: in_seconds(seconds) })
}

fn bypassing(version: &VersionId) -> Deletion {
    Deletion { retentions: Retentions::BypassGovernance, ..of(version) }
}

fn locked<T: std::fmt::Debug>(result: &Result<T, PutError>) {
    assert!(matches!(result, Err(PutError::Locked)), "{result:?}");
}

/// A retention that may not be lifted; nor can it be where a store cannot lift any.
fn not_lifted(on: &Subject, result: &Result<(), PutError>) {
    if on.demands == Demands::OfS3 && matches!(result, Err(PutError::Unsupported(_))) {
        return;
    }
    locked(result);
}

pub(super) async fn standing(on: &Subject, key: &str, version: Option<&VersionId>) -> Standing {
    let head = on.store.head(&on.object(key), version).await.expect("it has a head");
    dissect::standing(&head).clone()
}

pub(super) async fn put_with(on: &Subject, key: &str, tags: Tags, lock: Lock) -> Result<Committed, PutError> {
    let Version { attributes, bytes, etag } = Version::new(1, 9);
    let write = Write { attributes, tags, lock, guard: Guard::Any };
    on.store.put(&on.object(key), write, bytes.len() as u64, Body::whole(bytes, etag)).await
}

/// A bucket whose versions can be locked; `None`: the store has no such.
async fn lockable(on: &Subject) -> Option<Subject> {
    let bucket = BucketName::parse(&format!("{}-l", on.bucket)).expect("a good name");
    let new = NewBucket { owner: Some("owner".into()), object_lock: true };
    match on.store.create_bucket(&bucket, new).await {
        Ok(made) => assert!(made, "it is new"),
        Err(PutError::Unsupported(_)) => return None,
        Err(other) => panic!("{other:?}"),
    }
    let lock = on.store.object_lock(&bucket).await.expect("it can be asked");
    if lock == BucketLock::Off {
        on.store.delete_bucket(&bucket).await.expect("it can be deleted");
        return None;
    }
    assert_eq!(lock, BucketLock::On { default: None });
    Some(Subject { bucket, ..on.clone() })
}

async fn delete_bucket(on: Subject) {
    clear(&on).await;
    assert_eq!(on.store.delete_bucket(&on.bucket).await.expect("it can be asked"), DeletedBucket::Deleted);
}

pub(super) async fn locks_need_a_bucket_made_for_them(on: Subject) {
    let Some(lockable) = lockable(&on).await else { return };
    let store = &on.store;
    let info = store.bucket(&lockable.bucket).await.expect("it can be asked").expect("it is there");
    assert!(info.owner.is_none_or(|owner| owner == "owner"));
    assert_eq!(store.versioning(&lockable.bucket).await.expect("it can be asked"), Versioning::Enabled);
    locked(&store.set_versioning(&lockable.bucket, Versioning::Suspended).await);
    store.set_versioning(&lockable.bucket, Versioning::Enabled).await.expect("it does already");

    // In another bucket there is nothing of it, kept versions or not.
    for versions in [false, true] {
        if versions {
            assert!(keep(&on).await, "who has locks has versions");
        }
        on.put("key", &Version::new(1, 9)).await;
        let lock = |retention, legal_hold| Lock { retention, legal_hold };
        if !versions {
            let refused = store.set_object_lock(&on.bucket, None).await;
            assert!(matches!(refused, Err(PutError::NoObjectLock)), "{refused:?}");
        }
        let refused = [
            put_with(&on, "key", Tags::default(), lock(governance(60), None)).await.err(),
            put_with(&on, "new", Tags::default(), lock(None, Some(LegalHold::On))).await.err(),
            store.set_retention(&on.object("key"), None, governance(60), Retentions::Respect).await.err(),
            store.set_legal_hold(&on.object("key"), None, LegalHold::On).await.err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(PutError::NoObjectLock)), "{error:?}");
        }
        assert_eq!(standing(&on, "key", None).await.lock, Lock::default());
        on.expect("new", None).await;
    }

    // Until it is asked for where versions are kept: then it is there as if it had been from the start.
    match store.set_object_lock(&on.bucket, None).await {
        // Not every store can have it later.
        Err(PutError::NoObjectLock) if on.demands == Demands::OfS3 => {
            clear(&on).await;
            return delete_bucket(lockable).await;
        }
        set => set.expect("versions are kept"),
    }
    let lock = store.object_lock(&on.bucket).await.expect("it can be asked");
    assert_eq!(lock, BucketLock::On { default: None });
    locked(&store.set_versioning(&on.bucket, Versioning::Suspended).await);
    store.set_legal_hold(&on.object("key"), None, LegalHold::Off).await.expect("it can be locked");
    clear(&on).await;
    delete_bucket(lockable).await;
}

pub(super) async fn what_is_locked_stays(on: Subject) {
    let Some(on) = lockable(&on).await else { return };
    let (store, object, nothing) = (&on.store, on.object("key"), Tags::default());
    let (respect, bypass) = (Retentions::Respect, Retentions::BypassGovernance);
    let lock = Lock { retention: governance(600), legal_hold: Some(LegalHold::On) };
    let first = put_with(&on, "key", nothing, lock.clone()).await.expect("it can be put");
    let version = first.version.expect("it has a name");
    assert_eq!(standing(&on, "key", None).await.lock, lock);
    // It can be hidden, in either way, and stays what it was.
    let second = on.put("key", &Version::new(2, 30_000)).await.version.expect("it has a name");
    let marker = store.delete(&object, Deletion::default()).await.expect("it can be hidden");
    assert!(marker.delete_marker);
    assert_eq!(standing(&on, "key", Some(&version)).await.lock, lock);
    for deletion in [of(&version), bypassing(&version)] {
        locked(&store.delete(&object, deletion.clone()).await);
        let results = store.delete_many(&[(object.clone(), deletion), (object.clone(), of(&second))]).await;
        locked(&results[0]);
        assert!(results[1].is_ok(), "{results:?}");
    }
    store.set_legal_hold(&object, Some(&version), LegalHold::Off).await.expect("it can be lifted");
    locked(&store.delete(&object, of(&version)).await);

    // Prolonged by anyone; shortened, lifted or made another by who may.
    let longer = governance(700);
    store.set_retention(&object, Some(&version), longer, respect).await.expect("it can be prolonged");
    locked(&store.set_retention(&object, Some(&version), governance(60), respect).await);
    not_lifted(&on, &store.set_retention(&object, Some(&version), None, respect).await);
    let compliance = longer.map(|longer| Retention { mode: RetentionMode::Compliance, ..longer });
    locked(&store.set_retention(&object, Some(&version), compliance, respect).await);
    assert_eq!(standing(&on, "key", Some(&version)).await.lock.retention, longer);
    let shorter = governance(60);
    store.set_retention(&object, Some(&version), shorter, bypass).await.expect("it can be shortened");
    assert_eq!(standing(&on, "key", Some(&version)).await.lock.retention, shorter);
    locked(&store.delete(&object, of(&version)).await);
    match store.set_retention(&object, Some(&version), None, bypass).await {
        Ok(()) => assert_eq!(standing(&on, "key", Some(&version)).await.lock.retention, None),
        Err(PutError::Unsupported(_)) if on.demands == Demands::OfS3 => {}
        Err(other) => panic!("it can be lifted: {other:?}"),
    }
    store.set_retention(&object, Some(&version), longer, respect).await.expect("it can be set");

    // A marker cannot be locked, and what is not there neither.
    let marker = marker.version.expect("it has a name");
    for version in [None, Some(&marker)] {
        let set = store.set_legal_hold(&object, version, LegalHold::On).await;
        assert!(matches!(set, Err(PutError::NoSuchKey)), "{set:?}");
        let set = store.set_retention(&object, version, longer, bypass).await;
        assert!(matches!(set, Err(PutError::NoSuchKey)), "{set:?}");
    }
    let set = store.set_legal_hold(&object, Some(&second), LegalHold::On).await;
    assert!(matches!(set, Err(PutError::NoSuchVersion)), "{set:?}");
    let deleted = store.delete(&object, of(&marker)).await.expect("nothing protects a marker");
    assert_eq!(deleted, Deleted { version: Some(marker), delete_marker: true });
    on.expect("key", Some(&Version::new(1, 9))).await;
    store.delete(&object, bypassing(&version)).await.expect("it gives way");
    on.expect("key", None).await;
    delete_bucket(on).await;
}

pub(super) async fn a_retention_in_compliance_mode_ends_by_itself_only(on: Subject) {
    let Some(on) = lockable(&on).await else { return };
    let (store, object, bypass) = (&on.store, on.object("key"), Retentions::BypassGovernance);
    let compliance = |until| Some(Retention { mode: RetentionMode::Compliance, until });
    let until = in_seconds(4);
    let lock = Lock { retention: compliance(until - Duration::from_secs(1)), legal_hold: None };
    let put = put_with(&on, "key", Tags::default(), lock).await.expect("it can be put");
    let version = put.version.expect("it has a name");
    store
        .set_retention(&object, None, compliance(until), Retentions::Respect)
        .await
        .expect("it can be prolonged");
    for (other, retentions) in [
        (None, bypass),
        (compliance(until - Duration::from_secs(1)), bypass),
        (governance(600), bypass),
        (governance(600), Retentions::Respect),
    ] {
        let set = store.set_retention(&object, None, other, retentions).await;
        if other.is_none() { not_lifted(&on, &set) } else { locked(&set) }
    }
    locked(&store.delete(&object, bypassing(&version)).await);
    assert_eq!(standing(&on, "key", None).await.lock.retention, compliance(until));
    while SystemTime::now() <= until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Another machine's clock may be a little behind.
    for _ in 0..100 {
        if store.delete(&object, of(&version)).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    on.expect("key", None).await;
    delete_bucket(on).await;
}

pub(super) async fn new_versions_get_the_default_retention(on: Subject) {
    let Some(on) = lockable(&on).await else { return };
    let (store, day) = (&on.store, Duration::from_secs(24 * 60 * 60));
    let default = |period| Some(DefaultRetention { mode: RetentionMode::Governance, period });
    on.put("before", &Version::new(1, 9)).await;
    for (period, length) in [(Period::Days(2), 2 * day), (Period::Years(1), 365 * day)] {
        store.set_object_lock(&on.bucket, default(period)).await.expect("it can be set");
        let lock = store.object_lock(&on.bucket).await.expect("it can be asked");
        assert_eq!(lock, BucketLock::On { default: default(period) });
        let begun = SystemTime::now();
        let version = on.put("key", &Version::new(1, 9)).await.version.expect("it has a name");
        let Lock { retention: Some(given), legal_hold: None } = standing(&on, "key", None).await.lock else {
            panic!("it has no retention");
        };
        assert_eq!(given.mode, RetentionMode::Governance);
        // Another machine's clock may be off, and a year may have a day more.
        let off = given.until.duration_since(begun + length).unwrap_or_else(|e| e.duration());
        assert!(off < day + Duration::from_secs(900), "{off:?}");
        locked(&store.delete(&on.object("key"), of(&version)).await);
        // What is said goes before what is said of all.
        let lock = Lock { retention: governance(90), legal_hold: Some(LegalHold::Off) };
        put_with(&on, "key", Tags::default(), lock.clone()).await.expect("it can be put");
        assert_eq!(standing(&on, "key", None).await.lock, lock);
    }
    assert_eq!(standing(&on, "before", None).await.lock, Lock::default());
    store.set_object_lock(&on.bucket, None).await.expect("it can be set");
    on.put("after", &Version::new(1, 9)).await;
    assert_eq!(standing(&on, "after", None).await.lock, Lock::default());
    delete_bucket(on).await;
}
