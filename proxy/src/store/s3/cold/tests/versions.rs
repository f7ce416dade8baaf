//! Listings of versions, and what they tell of what cannot be read.

use std::time::SystemTime;

use super::super::testing::{Asked, Canned, Told, store};
use crate::name::BucketName;
use crate::store::s3::places::Place;
use crate::store::{
    GetError, ListVersionsRequest, Store as _, StoreFault, VersionEntry, VersionId, VersionMarker,
    VersionPage,
};

const WHEN: &str = "<LastModified>2026-11-21T11:30:49.111Z</LastModified>";

fn version(key: &str, id: &str, latest: bool) -> String {
    format!(
        "<Version><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{latest}</IsLatest>{WHEN}\
         <ETag>&quot;827ccb0eea8a706c4c34a16891f84e7b&quot;</ETag><Size>5</Size></Version>"
    )
}

fn marker(key: &str, id: &str, latest: bool) -> String {
    format!(
        "<DeleteMarker><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{latest}</IsLatest>{WHEN}</DeleteMarker>"
    )
}

fn page(truncated: bool, lines: &str) -> Told {
    Told::ok(format!(
        "<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>\
         <IsTruncated>{truncated}</IsTruncated>{lines}</ListVersionsResult>"
    ))
}

fn request(after: Option<(&str, Option<&str>)>, limit: usize) -> ListVersionsRequest {
    ListVersionsRequest {
        bucket: BucketName::parse("bucket").unwrap(),
        prefix: String::new(),
        delimiter: None,
        after: after.map(|(key, version)| VersionMarker {
            key: key.into(),
            version: version.map(|version| VersionId::parse(version).unwrap()),
        }),
        limit,
    }
}

async fn list(
    tell: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    request: ListVersionsRequest,
) -> (Result<VersionPage, GetError>, Vec<Asked>) {
    let canned = Canned::new(tell).await;
    let page = store(&canned.url).list_versions(request).await;
    (page, canned.asked())
}

fn texts(page: &VersionPage) -> Vec<String> {
    let text = |entry: &VersionEntry| match entry {
        VersionEntry::Object { key, version, .. } => format!("{key} {version}"),
        VersionEntry::DeleteMarker { key, version, .. } => format!("{key} {version} deleted"),
        VersionEntry::Prefix(prefix) => prefix.clone(),
    };
    page.entries.iter().map(text).collect()
}

#[tokio::test]
async fn versions_and_delete_markers_keep_their_order() {
    let lines = [
        version("a", "4", true),
        marker("a", "3", false),
        version("a", "2", false),
        marker("a", "null", false),
        marker("b", "1", true),
    ];
    let lines = lines.concat();
    let (found, _) = list(move |_| page(false, &lines), request(None, 10)).await;
    let found = found.unwrap();
    assert_eq!(texts(&found), ["a 4", "a 3 deleted", "a 2", "a null deleted", "b 1 deleted"]);
    let VersionEntry::Object { latest: true, size: 5, modified, .. } = found.entries[0] else { panic!() };
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(since.as_millis(), 1_795_260_649_111);
}

#[tokio::test]
async fn answers_that_make_no_sense_are_refused() {
    for (name, lines) in [
        ("out of order", version("b", "1", true) + &version("a", "1", true)),
        ("twice", version("a", "1", true) + &marker("a", "2", false) + &version("a", "1", false)),
        ("without a name", version("a", "", true)),
        ("before the marker", version("%20", "1", true)),
        ("the marker itself", version("Z", "9", true)),
        ("not XML", "<Version>".to_owned()),
    ] {
        let tell =
            move |asked: &Asked| page(false, if asked.query["prefix"].is_empty() { &lines } else { "" });
        let (found, _) = list(tell, request(Some(("Z", Some("9"))), 10)).await;
        assert!(
            matches!(&found, Err(GetError::Store(error)) if error.fault == StoreFault::Protocol),
            "{name}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_key_goes_on_though_the_version_before_is_gone() {
    // As Ceph's gateway does: behind a version that it does not know it goes on with the next key. AWS refuses it.
    for unknown in [page(false, &version("b", "1", true)), Told::error(400, "InvalidArgument")] {
        let (status, body) = (unknown.status, unknown.body);
        let tell = move |asked: &Asked| {
            let at = (asked.query.get("key-marker"), asked.query.get("version-id-marker"));
            match (asked.query["prefix"].as_str(), at.0.map(String::as_str), at.1.map(String::as_str)) {
                ("", Some("a"), Some("gone")) => Told { status, body: body.clone() },
                ("", Some("a"), Some("1")) => page(false, &version("b", "1", true)),
                ("a", None, None) => page(
                    false,
                    &(version("a", "2", true) + &version("a", "1", false) + &version("a0", "7", true)),
                ),
                other => panic!("{other:?}"),
            }
        };
        let (found, _) = list(tell, request(Some(("a", Some("gone"))), 10)).await;
        assert_eq!(texts(&found.unwrap()), ["a 2", "a 1", "b 1"]);
    }
}

#[tokio::test]
async fn a_key_that_was_listed_is_not_listed_again() {
    // As Ceph's gateway does: a marker without a version is before the versions of its key.
    let lines = [version("a", "2", true), version("a", "1", false), version("b", "1", true)].concat();
    let (found, asked) = list(move |_| page(false, &lines), request(Some(("a", None)), 2)).await;
    assert_eq!(texts(&found.unwrap()), ["b 1"]);
    assert_eq!(asked.len(), 1);
    // The last version of its key: it is there, so there is nothing to go back to.
    let tell = |asked: &Asked| match asked.query["prefix"].as_str() {
        "" => page(false, &version("b", "1", true)),
        _ => page(false, &(version("a", "2", true) + &version("a", "1", false))),
    };
    let (found, _) = list(tell, request(Some(("a", Some("1"))), 2)).await;
    assert_eq!(texts(&found.unwrap()), ["b 1"]);
}

#[tokio::test]
async fn what_is_missing_is_told_by_its_history() {
    let history =
        [marker("k", "3", true), version("k", "2", false), marker("k", "1", false), version("k0", "9", true)];
    let history = history.concat();
    let canned = Canned::new(move |asked| match asked.path.trim_end_matches('/') {
        "/bucket" => page(false, &history),
        _ => Told::error(404, "NoSuchBucket"),
    });
    let store = store(&canned.await.url);
    let missing = async |bucket: &str, key: &str, version: Option<&str>| {
        let place = Place { bucket: hallmark_config::StoreBucket::parse(bucket).unwrap(), key: key.into() };
        store.missing(&place, version.and_then(VersionId::parse).as_ref()).await
    };
    let id = |id: &str| VersionId::parse(id).unwrap();
    assert!(matches!(missing("bucket", "k", None).await, GetError::DeleteMarker(at) if at == id("3")));
    assert!(matches!(missing("bucket", "k", Some("1")).await, GetError::DeleteMarker(at) if at == id("1")));
    assert!(matches!(missing("bucket", "k", Some("2")).await, GetError::NoSuchVersion));
    assert!(matches!(missing("bucket", "k", Some("9")).await, GetError::NoSuchVersion));
    assert!(matches!(missing("nothing", "k", None).await, GetError::NoSuchBucket));
}
