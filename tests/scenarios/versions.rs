//! Versions through the front door, on the embedded store.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::form::Form;
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, completed, object};
use hallmark_tests::sigv4::encode;
use hallmark_tests::site::{Further, READER, Site};

const BUCKET: &str = "artifacts";
/// May do all that a build does.
const BUILDER: (&str, &str) = ("AKIABUILDER", "secret-of-the-client-that-builds");
/// May delete versions, and nothing else.
const CLEANER: (&str, &str) = ("AKIACLEANER", "secret-of-the-client-that-cleans-up");

fn lab() -> (Proxy, Client) {
    let proxy = Proxy::start_at(Site::with_clients(
        &Options::default(),
        &[
            Further { name: "builder", credentials: BUILDER, grants: &[("*", "read, write, delete, list")] },
            Further { name: "cleaner", credentials: CLEANER, grants: &[("*", "delete_version")] },
        ],
    ));
    let client = proxy.client();
    client.create_bucket(BUCKET);
    (proxy, client)
}

fn versioned() -> (Proxy, Client) {
    let (proxy, client) = lab();
    assert_eq!(client.set_versioning(BUCKET, "Enabled").status, 200);
    (proxy, client)
}

#[track_caller]
fn refused(what: &str, response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{what}: {}", response.text());
}

/// What the store calls the version that an answer is about.
#[track_caller]
fn version(response: &Response) -> String {
    assert!(response.status < 300, "{}", response.text());
    response.header("x-amz-version-id").expect("the answer names a version").to_owned()
}

#[track_caller]
fn put(client: &Client, key: &str, body: &[u8]) -> String {
    version(&client.put(BUCKET, key, body))
}

/// Every way to write makes a version, with a seal of its own; each is served as what it is, whole and in part.
#[test]
fn every_write_makes_a_version() {
    let (_proxy, client) = versioned();
    let (small, large) = (content(1, 70_000), content(2, 9 * MIB));
    let upload = client.create_upload(BUCKET, "key", &[]);
    let part = upload.send_part(1, b"by parts");
    let versions = [
        (put(&client, "key", &small), small.clone()),
        (put(&client, "key", &large), large.clone()),
        (version(&upload.complete(&[part])), b"by parts".to_vec()),
        (version(&Form::new(&client, BUCKET, "key").send(b"by form")), b"by form".to_vec()),
        (version(&client.put(BUCKET, "other", b"copied")), b"copied".to_vec()),
    ];
    let copied = version(&client.copy((BUCKET, "other", None), BUCKET, "key", &[]));
    let mut seals = Vec::new();
    for (id, body) in versions.iter().take(4).chain([&(copied.clone(), b"copied".to_vec())]) {
        let (got, head) = (client.get_version(BUCKET, "key", id), client.head_version(BUCKET, "key", id));
        assert_same(&got.body, body, id);
        for response in [&got, &head] {
            assert_eq!((response.status, response.header("x-amz-version-id")), (200, Some(id.as_str())));
            assert_eq!(response.header("x-hallmark-verified"), Some("seal"));
        }
        let query = format!("versionId={}", encode(id));
        let range = client.get_with(BUCKET, "key", &query, &[("Range", "bytes=2-5")]);
        assert_eq!((range.status, range.body.as_slice()), (206, &body[2..6]));
        let digest = client.get_query(BUCKET, "key", &format!("hallmark=sha256&{query}"));
        assert!(digest.text().starts_with(&hallmark_tests::sigv4::sha256_hex(body)), "{}", digest.text());
        seals.push(head.header("x-amz-meta-hallmark").unwrap().to_owned());
    }
    let (number, current) = (seals.len(), client.get(BUCKET, "key"));
    seals.sort_unstable();
    seals.dedup();
    assert_eq!(seals.len(), number, "a seal is of one version");
    assert_eq!(
        (current.text().as_str(), current.header("x-amz-version-id")),
        ("copied", Some(copied.as_str()))
    );
}

/// A delete marker hides what is there, and takes nothing away.
#[test]
fn delete_markers_hide() {
    let (_proxy, client) = versioned();
    let old = put(&client, "key", b"old");
    let deleted = client.delete(BUCKET, "key");
    assert_eq!((deleted.status, deleted.header("x-amz-delete-marker")), (204, Some("true")));
    let marker = version(&deleted);
    for response in [client.get(BUCKET, "key"), client.head(BUCKET, "key")] {
        assert_eq!(response.status, 404);
        assert_eq!(response.header("x-amz-delete-marker"), Some("true"));
        assert_eq!(response.header("x-amz-version-id"), Some(marker.as_str()));
    }
    refused("the marker itself", &client.get_version(BUCKET, "key", &marker), 405, "MethodNotAllowed");
    assert_eq!(client.keys(BUCKET, ""), Vec::<String>::new());
    assert_eq!(client.get_version(BUCKET, "key", &old).body, b"old");
    // Nothing stands there: a condition on that holds.
    let absent = client.put_with(BUCKET, "key", b"new", &[("If-None-Match", "*")]);
    let new = version(&absent);
    assert_eq!(client.get(BUCKET, "key").body, b"new");
    let again = client.delete_version(BUCKET, "key", &new);
    assert_eq!((again.status, again.header("x-amz-version-id")), (204, Some(new.as_str())));
    assert_eq!(client.get(BUCKET, "key").status, 404, "the marker is in front again");
    let lifted = client.delete_version(BUCKET, "key", &marker);
    assert_eq!((lifted.status, lifted.header("x-amz-delete-marker")), (204, Some("true")));
    assert_eq!(client.get(BUCKET, "key").body, b"old");
}

/// To delete the newest version is to put an older one in its place: that is a permission of its own, in every form.
#[test]
fn p2_rollbacks_need_a_permission_of_their_own() {
    let (proxy, client) = versioned();
    let (builder, cleaner) = (proxy.client_of(BUILDER), proxy.client_of(CLEANER));
    let (old, new) = (put(&builder, "key", b"old"), put(&builder, "key", b"new"));
    let mut presigned = builder.request("DELETE", &format!("{}?versionId={new}", object(BUCKET, "key")));
    builder.signer().presign(&mut presigned, 60);
    for (what, response) in [
        ("the newest", builder.delete_version(BUCKET, "key", &new)),
        ("an older one", builder.delete_version(BUCKET, "key", &old)),
        ("one that is not there", builder.delete_version(BUCKET, "key", "null")),
        ("presigned", builder.send_as_is(&presigned)),
        ("by a reader", proxy.client_of(READER).delete_version(BUCKET, "key", &new)),
    ] {
        refused(what, &response, 403, "AccessDenied");
    }
    let many = builder.delete_many(BUCKET, &[("key", Some(&new)), ("other", None)]);
    assert_eq!(many.elements("Code"), ["AccessDenied"], "{}", many.text());
    assert_eq!(client.get(BUCKET, "key").body, b"new");

    // A marker hides; to lift it would be a rollback, too.
    let marker = version(&builder.delete(BUCKET, "key"));
    refused("a marker", &builder.delete_version(BUCKET, "key", &marker), 403, "AccessDenied");
    assert_eq!(client.get(BUCKET, "key").status, 404);

    // Nor does the one permission include the other.
    refused("without delete", &cleaner.delete(BUCKET, "key"), 403, "AccessDenied");
    let many = cleaner.delete_many(BUCKET, &[("key", None), ("key", Some(&marker))]);
    assert_eq!((many.elements("Code"), many.elements("Deleted").len()), (vec!["AccessDenied".to_owned()], 1));
    assert_eq!(client.get(BUCKET, "key").body, b"new");
    assert_eq!(cleaner.delete_version(BUCKET, "key", &new).status, 204);
    assert_eq!(client.get(BUCKET, "key").body, b"old");
    refused("to read", &cleaner.get_version(BUCKET, "key", &old), 403, "AccessDenied");
}

/// A version is of one key, and of one bucket.
#[test]
fn versions_of_others_are_none() {
    let (proxy, client) = versioned();
    client.create_bucket("another");
    assert_eq!(client.set_versioning("another", "Enabled").status, 200);
    let id = put(&client, "key", b"one");
    put(&client, "other", b"two");
    assert_eq!(client.put("another", "key", b"three").status, 200);
    for (bucket, key) in [(BUCKET, "other"), ("another", "key"), (BUCKET, "absent")] {
        for response in [client.get_version(bucket, key, &id), client.head_version(bucket, key, &id)] {
            assert_eq!(response.status, 404, "{bucket}/{key}");
        }
        refused(key, &client.get_version(bucket, key, &id), 404, "NoSuchVersion");
        assert_eq!(client.delete_version(bucket, key, &id).status, 204, "as S3: nothing was there");
    }
    assert_eq!(client.get_version(BUCKET, "key", &id).body, b"one");
    for query in ["versionId=", "versionId=a&versionId=b", "versionId=%00", "versionId=a%20b"] {
        let response = client.get_query(BUCKET, "key", query);
        assert_eq!(response.status, 400, "{query}: {}", response.text());
    }
    refused("nonsense", &client.get_version(BUCKET, "key", "nonsense"), 404, "NoSuchVersion");
    // Who may not list does not learn which versions there are not.
    let hidden = proxy.client_of(hallmark_tests::site::NOBODY).get_version(BUCKET, "key", "nonsense");
    refused("hidden", &hidden, 403, "AccessDenied");
}

/// What was there before versions were kept is `null`, and so is what is written while they are not.
#[test]
fn null_versions() {
    let (_proxy, client) = lab();
    let before = client.put(BUCKET, "key", b"before");
    assert_eq!(before.header("x-amz-version-id"), None, "nobody asked for versions");
    assert_eq!(client.set_versioning(BUCKET, "Enabled").status, 200);
    assert_eq!(client.get_version(BUCKET, "key", "null").body, b"before");
    let kept = put(&client, "key", b"kept");
    assert_eq!(client.get_version(BUCKET, "key", "null").body, b"before");
    assert_eq!(client.set_versioning(BUCKET, "Suspended").status, 200);
    for body in [b"first".as_slice(), b"second"] {
        assert_eq!(client.put(BUCKET, "key", body).status, 200);
        assert_eq!(client.get(BUCKET, "key").body, body);
        assert_eq!(client.get_version(BUCKET, "key", "null").body, body, "it replaces the one before");
        assert_eq!(client.get_version(BUCKET, "key", &kept).body, b"kept");
    }
    // While they are suspended, a deletion takes `null` away, and leaves a marker of that name.
    let deleted = client.delete(BUCKET, "key");
    assert_eq!(deleted.header("x-amz-delete-marker"), Some("true"));
    assert_eq!(client.get(BUCKET, "key").status, 404);
    refused("null", &client.get_version(BUCKET, "key", "null"), 405, "MethodNotAllowed");
    assert_eq!(client.get_version(BUCKET, "key", &kept).body, b"kept");
    assert_eq!(client.delete_version(BUCKET, "key", "null").status, 204);
    assert_eq!(client.get(BUCKET, "key").body, b"kept");
}

/// All versions, newest first, page by page, whatever the size of a page.
#[test]
fn lists_of_versions_are_paged() {
    let (_proxy, client) = versioned();
    for (round, key) in ["a", "b/1", "b/2", "c&d", "a", "a", "b/2", "ü"].into_iter().enumerate() {
        put(&client, key, format!("{round}").as_bytes());
    }
    for key in ["a", "absent"] {
        assert_eq!(client.delete(BUCKET, key).status, 204);
    }
    let all = client.list_versions(BUCKET, "");
    let keys = ["a", "a", "a", "a", "absent", "b/1", "b/2", "b/2", "c&d", "ü"];
    assert_eq!(all.elements("Key"), keys);
    assert_eq!(all.text().matches("<DeleteMarker>").count(), 2);
    assert_eq!(all.elements("IsLatest").iter().filter(|latest| *latest == "true").count(), 6);
    let ids = all.elements("VersionId");
    for size in 1..=keys.len() {
        let (mut found, mut marker) = (Vec::new(), String::new());
        for _ in 0..=keys.len() {
            let page = client.list_versions(BUCKET, &format!("max-keys={size}{marker}"));
            assert_eq!(page.status, 200, "{}", page.text());
            assert!(page.elements("Key").len() <= size);
            found.extend(page.elements("VersionId"));
            if page.element("IsTruncated") == "false" {
                break;
            }
            marker = format!(
                "&key-marker={}&version-id-marker={}",
                encode(&page.element("NextKeyMarker")),
                encode(&page.element("NextVersionIdMarker"))
            );
        }
        assert_eq!(found, ids, "{size} at a time");
    }
    let rolled = client.list_versions(BUCKET, "delimiter=/");
    assert_eq!(rolled.elements("Key").len(), keys.len() - 3);
    assert!(rolled.text().contains("<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"));
    assert_eq!(client.list_versions(BUCKET, "prefix=b/").elements("Key"), ["b/1", "b/2", "b/2"]);
    assert_eq!(client.list_versions(BUCKET, "max-keys=0").elements("Key"), Vec::<String>::new());
    refused("no key", &client.list_versions(BUCKET, "version-id-marker=x"), 400, "InvalidArgument");
}

/// Whether versions are kept is for who may configure the bucket, and there is no way back to never.
#[test]
fn p2_versioning_is_configured_by_few() {
    let (proxy, client) = lab();
    for who in [BUILDER, CLEANER, READER] {
        let response = proxy.client_of(who).set_versioning(BUCKET, "Enabled");
        refused(who.0, &response, 403, "AccessDenied");
    }
    let status = |response: Response| (response.status, response.element("Status"));
    let asked = || status(client.ask("GET", &format!("/{BUCKET}?versioning"), &[], &[]));
    assert_eq!(asked(), (200, String::new()));
    assert_eq!(client.set_versioning(BUCKET, "Enabled").status, 200);
    assert_eq!(asked(), (200, "Enabled".to_owned()));
    refused(
        "by a builder",
        &proxy.client_of(BUILDER).set_versioning(BUCKET, "Suspended"),
        403,
        "AccessDenied",
    );
    for nonsense in ["Disabled", "enabled", ""] {
        let response = client.set_versioning(BUCKET, nonsense);
        assert_eq!(response.status, 400, "{nonsense}: {}", response.text());
    }
    assert_eq!(asked(), (200, "Enabled".to_owned()));
    assert_eq!(client.set_versioning(BUCKET, "Suspended").status, 200);
    assert_eq!(asked(), (200, "Suspended".to_owned()));
}

/// Many that write at once make a version each, and one of them is the newest.
#[test]
fn p2_versions_of_many_writers() {
    let (_proxy, client) = versioned();
    let written: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16u64)
            .map(|number| {
                let client = &client;
                scope.spawn(move || match number % 2 {
                    0 => (put(client, "key", &content(number, 1000)), number),
                    _ => {
                        let answer = client.put_parts(BUCKET, "key", &[&content(number, 1000)], &[]);
                        completed(&answer).unwrap();
                        (version(&answer), number)
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (id, number) in &written {
        assert_same(&client.get_version(BUCKET, "key", id).body, &content(*number, 1000), id);
    }
    let newest = version(&client.get(BUCKET, "key"));
    let listed = client.list_versions(BUCKET, "").elements("VersionId");
    assert_eq!((listed.len(), &listed[0]), (written.len(), &newest));
}
