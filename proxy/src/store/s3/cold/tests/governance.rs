//! Buckets, deletions, locks and tags, as stores answer.

use std::time::{Duration, SystemTime};

use hallmark_config::{KeptIn, StoreBucket, StorePrefix};

use super::super::testing::{Asked, Canned, Told, mapped, store};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::store::s3::Findings;
use crate::store::{
    BucketLock, DeletedBucket, Deletion, LegalHold, NewBucket, PutError, Retention, RetentionMode,
    Retentions, Store as _, Tags, VersionId,
};

fn bucket(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

fn object(key: &str) -> ObjectName {
    ObjectName { bucket: bucket("bucket"), key: ObjectKey::parse(key).unwrap() }
}

fn nothing() -> Told {
    Told::ok("")
}

#[tokio::test]
async fn a_bucket_costs_one_request_once_it_is_known() {
    let canned = Canned::new(|asked| match asked.path.as_str() {
        "/" => Told::ok(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>bucket</Name>\
             <CreationDate>2026-11-21T10:00:00.000Z</CreationDate></Bucket><Bucket><Name>Not_Ours</Name></Bucket>\
             <Bucket><Name>state-bucket</Name></Bucket></Buckets></ListAllMyBucketsResult>",
        ),
        path if path.trim_end_matches('/') == "/none" => Told::error(404, "NoSuchBucket"),
        _ => nothing(),
    });
    let canned = canned.await;
    let store = store(&canned.url);
    let first = store.bucket(&bucket("bucket")).await.unwrap().unwrap();
    assert_eq!(canned.asked().len(), 2);
    for _ in 0..3 {
        assert_eq!(store.bucket(&bucket("bucket")).await.unwrap().as_ref(), Some(&first));
    }
    assert_eq!(canned.asked().len(), 3);
    assert_eq!(store.buckets().await.unwrap(), [first]);
    // Another's: also that its age is not known is remembered.
    let unlisted = store.bucket(&bucket("unlisted")).await.unwrap().unwrap();
    assert_eq!(unlisted.created, SystemTime::UNIX_EPOCH);
    canned.asked();
    store.bucket(&bucket("unlisted")).await.unwrap();
    assert_eq!(canned.asked().len(), 1);
    assert_eq!(store.bucket(&bucket("none")).await.unwrap(), None);
    // Hallmark's own is none of theirs.
    canned.asked();
    assert_eq!(store.bucket(&bucket("state-bucket")).await.unwrap(), None);
    assert_eq!(canned.asked().len(), 0);
}

#[tokio::test]
async fn a_bucket_under_a_prefix_is_never_deleted() {
    let kept = |prefix| KeptIn {
        bucket: StoreBucket::parse("large").unwrap(),
        prefix: StorePrefix::parse(prefix).unwrap(),
    };
    let canned = Canned::new(|_| nothing()).await;
    let store = mapped(&canned.url, &[("team-a", kept("a/")), ("team-b", kept("b/"))]);
    assert_eq!(store.delete_bucket(&bucket("team-a")).await.unwrap(), DeletedBucket::NotEmpty);
    for taken in ["large", "state-bucket"] {
        assert_eq!(store.delete_bucket(&bucket(taken)).await.unwrap(), DeletedBucket::NoSuchBucket);
        let made = store.create_bucket(&bucket(taken), NewBucket::default()).await;
        assert!(matches!(made, Err(PutError::NoSuchBucket)), "{made:?}");
    }
    assert!(canned.asked().iter().all(|asked| asked.method == "HEAD"));
    assert_eq!(store.delete_bucket(&bucket("own")).await.unwrap(), DeletedBucket::Deleted);
}

#[tokio::test]
async fn a_bucket_is_not_made_without_the_lock_that_was_asked_for() {
    // Garage passes the wish over; so it is not asked.
    let canned = Canned::new(|_| nothing()).await;
    let mut store = store(&canned.url);
    store.found = std::sync::OnceLock::from(Findings { object_lock: false, ..store.findings().clone() });
    let new = NewBucket { owner: None, object_lock: true };
    let made = store.create_bucket(&bucket("bucket"), new).await;
    assert!(matches!(made, Err(PutError::Unsupported(_))), "{made:?}");
    assert!(canned.asked().is_empty());
}

/// Of two that make one bucket at once, the one who wants a lock must not delete the other's.
#[tokio::test]
async fn a_bucket_that_somebody_else_made_meanwhile_stays() {
    let canned =
        Canned::new(|asked| match (asked.method.as_str(), asked.query.contains_key("object-lock")) {
            ("HEAD", _) => Told::error(404, "NoSuchBucket"),
            ("GET", true) => Told::error(404, "ObjectLockConfigurationNotFoundError"),
            _ => nothing(),
        });
    let canned = canned.await;
    let new = NewBucket { owner: None, object_lock: true };
    let made = store(&canned.url).create_bucket(&bucket("bucket"), new).await;
    assert!(matches!(made, Ok(false)), "{made:?}");
    let asked = canned.asked();
    let made = asked.iter().find(|asked| asked.method == "PUT").unwrap();
    assert_eq!(made.headers["x-amz-bucket-object-lock-enabled"], "true");
    assert!(!asked.iter().any(|asked| asked.method == "DELETE"), "it is another's");
}

#[tokio::test]
async fn deletions_come_back_in_the_order_they_were_asked_for() {
    let canned = Canned::new(|asked| match asked.method.as_str() {
        "POST" => Told::ok(
            "<DeleteResult><Deleted><Key>c</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code></Error>\
             <Deleted><Key>a</Key></Deleted></DeleteResult>",
        ),
        _ => Told { status: 204, body: String::new() },
    });
    let canned = canned.await;
    let store = store(&canned.url);
    let mut deletions: Vec<_> =
        ["c", "a", "b", "lost", "\u{1}", "a"].map(|key| (object(key), Deletion::default())).into();
    deletions.push((ObjectName { bucket: bucket("state-bucket"), ..object("a") }, Deletion::default()));
    let results = store.delete_many(&deletions).await;
    assert_eq!(results.len(), deletions.len());
    assert!(
        results[0].is_ok() && results[1].is_ok() && results[4].is_ok() && results[5].is_ok(),
        "{results:?}"
    );
    assert!(matches!(results[2], Err(PutError::NotStored(_))), "{results:?}");
    assert!(matches!(results[3], Err(PutError::Unknown(_))), "{results:?}");
    assert!(matches!(results[6], Err(PutError::NoSuchBucket)), "{results:?}");
    let asked = canned.asked();
    let together = asked.iter().find(|asked| asked.method == "POST").unwrap();
    assert!(together.headers.contains_key("content-md5"));
    assert!(!together.headers.keys().any(|name| name.starts_with("x-amz-checksum")));
    assert_eq!(asked.iter().filter(|asked| asked.method == "DELETE").count(), 2);
}

#[tokio::test]
async fn deletions_go_in_batches() {
    let canned = Canned::new(|asked: &Asked| {
        let keys = asked.body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        let deleted: String = keys.map(|key| format!("<Deleted><Key>{key}</Key></Deleted>")).collect();
        Told::ok(format!("<DeleteResult>{deleted}</DeleteResult>"))
    });
    let canned = canned.await;
    let deletions: Vec<_> =
        (0..2001).map(|number| (object(&format!("k{number}")), Deletion::default())).collect();
    let results = store(&canned.url).delete_many(&deletions).await;
    assert!(results.len() == 2001 && results.iter().all(Result::is_ok));
    let sizes: Vec<_> = canned.asked().iter().map(|asked| asked.body.matches("<Key>").count()).collect();
    assert_eq!(sizes, [1000, 1000, 1]);
}

#[tokio::test]
async fn a_retention_that_cannot_be_lifted_is_locked_or_unsupported() {
    for (until, mode, retentions, locked) in [
        ("2999-01-01T00:00:00Z", "GOVERNANCE", Retentions::Respect, Some(true)),
        ("2999-01-01T00:00:00Z", "COMPLIANCE", Retentions::BypassGovernance, Some(true)),
        ("2999-01-01T00:00:00Z", "GOVERNANCE", Retentions::BypassGovernance, Some(false)),
        ("2001-01-01T00:00:00Z", "COMPLIANCE", Retentions::Respect, None),
    ] {
        let canned = Canned::new(move |asked| match asked.method.as_str() {
            "PUT" => Told::error(400, "MalformedXML"),
            _ => Told::ok(format!(
                "<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
            )),
        });
        let canned = canned.await;
        let lifted = store(&canned.url).set_retention(&object("key"), None, None, retentions).await;
        let found = match &lifted {
            Ok(()) => None,
            Err(PutError::Locked) => Some(true),
            Err(PutError::Unsupported(_)) => Some(false),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, locked, "{until} {mode} {retentions:?}");
        let bypass = canned.asked()[0].headers.contains_key("x-amz-bypass-governance-retention");
        assert_eq!(bypass, retentions == Retentions::BypassGovernance);
    }
}

#[tokio::test]
async fn locks_are_told_by_whoever_words_them() {
    let until = SystemTime::now() + Duration::from_secs(60);
    let retention = Some(Retention { mode: RetentionMode::Governance, until });
    let of = async |status, code: &'static str, message: &'static str| {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let canned = Canned::new(move |_| Told { status, body: body.clone() }).await;
        let store = store(&canned.url);
        let version = VersionId::parse("v").unwrap();
        let set = store.set_retention(&object("key"), Some(&version), retention, Retentions::Respect).await;
        let held = store.set_legal_hold(&object("key"), Some(&version), LegalHold::On).await;
        assert_eq!(
            format!("{set:?}"),
            format!("{held:?}").replace("PutObjectLegalHold", "PutObjectRetention")
        );
        set.unwrap_err()
    };
    assert!(matches!(of(403, "AccessDenied", "").await, PutError::Locked));
    let none = "object retention can't be set if bucket object lock not configured";
    assert!(matches!(of(400, "InvalidRequest", none).await, PutError::NoObjectLock));
    assert!(matches!(of(501, "NotImplemented", "").await, PutError::Unsupported(_)));
    assert!(matches!(of(404, "NoSuchBucket", "").await, PutError::NoSuchBucket));
    assert!(matches!(of(500, "InternalError", "").await, PutError::Unknown(_)));
}

#[tokio::test]
async fn stores_without_locks_and_tags_have_none() {
    let canned = Canned::new(|asked| match asked.method.as_str() {
        "HEAD" => nothing(),
        _ => Told::error(501, "NotImplemented"),
    });
    let canned = canned.await;
    let store = store(&canned.url);
    assert_eq!(store.object_lock(&bucket("bucket")).await.unwrap(), BucketLock::Off);
    assert_eq!(store.bucket_tags(&bucket("bucket")).await.unwrap(), Tags::default());
    assert_eq!(store.tags(&object("key"), None).await.unwrap(), (Tags::default(), None));
    for refused in [
        store.set_object_lock(&bucket("bucket"), None).await,
        store.set_bucket_tags(&bucket("bucket"), Tags::default()).await,
        store.set_tags(&object("key"), None, Tags::default()).await.map(drop),
    ] {
        assert!(matches!(refused, Err(PutError::Unsupported(_))), "{refused:?}");
    }
}
