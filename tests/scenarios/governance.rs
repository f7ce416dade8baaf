//! Tags and locks through the front door, on the embedded store.

use std::time::{Duration, SystemTime};

use hallmark_tests::form::Form;
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, completed, object};
use hallmark_tests::sigv4::encode;
use hallmark_tests::site::{Further, READER, Site};
use time::OffsetDateTime;

const BUCKET: &str = "artifacts";
const LOCKED: &str = "locked";
/// May neither lock nor bypass.
const ADMIN: (&str, &str) = ("AKIAADMIN", "secret-of-the-client-that-may-do-the-rest");
/// May lock, and delete versions.
const KEEPER: (&str, &str) = ("AKIAKEEPER", "secret-of-the-client-that-keeps-things");
/// May bypass GOVERNANCE as well.
const WARDEN: (&str, &str) = ("AKIAWARDEN", "secret-of-the-client-that-may-bypass");
const BYPASS: (&str, &str) = ("x-amz-bypass-governance-retention", "true");

struct Lab {
    proxy: Proxy,
    /// May do everything but lock, or bypass a lock.
    client: Client,
    keeper: Client,
    warden: Client,
}

fn lab() -> Lab {
    let rest = "read, write, delete, delete_version, list, admin";
    let all = "read, write, delete, delete_version, list, lock";
    let more = "read, write, delete, delete_version, list, lock, bypass_governance";
    let proxy = Proxy::start_at(Site::with_clients(
        &Options::default(),
        &[
            Further { name: "admin", credentials: ADMIN, grants: &[("*", rest)] },
            Further { name: "keeper", credentials: KEEPER, grants: &[("*", all)] },
            Further { name: "warden", credentials: WARDEN, grants: &[("*", more)] },
        ],
    ));
    let client = proxy.client_of(ADMIN);
    client.create_bucket(BUCKET);
    let made = client.ask("PUT", &format!("/{LOCKED}"), &[("x-amz-bucket-object-lock-enabled", "true")], &[]);
    assert_eq!(made.status, 200, "{}", made.text());
    let (keeper, warden) = (proxy.client_of(KEEPER), proxy.client_of(WARDEN));
    Lab { proxy, client, keeper, warden }
}

#[track_caller]
fn refused(what: &str, response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{what}: {}", response.text());
}

#[track_caller]
fn done(what: &str, response: &Response) {
    assert!(response.status < 300, "{what}: {} {}", response.status, response.text());
}

/// A time so many seconds from now, as documents and headers have it.
fn after(seconds: u64) -> String {
    let time = OffsetDateTime::from(SystemTime::now() + Duration::from_secs(seconds));
    let (date, hour, minute, second) = (time.date(), time.hour(), time.minute(), time.second());
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

const HOUR: u64 = 3600;

/// Uploads to the bucket with locks: the version.
#[track_caller]
fn put(client: &Client, key: &str, headers: &[(&str, &str)]) -> String {
    let put = client.put_with(LOCKED, key, b"locked", headers);
    done(key, &put);
    put.header("x-amz-version-id").unwrap().to_owned()
}

fn retention(client: &Client, key: &str, version: &str) -> Response {
    client.get_query(LOCKED, key, &format!("retention&versionId={}", encode(version)))
}

/// The tags of an object as they are shown.
fn tags(client: &Client, bucket: &str, key: &str, version: Option<&str>) -> Vec<(String, String)> {
    let version = version.map(|version| format!("&versionId={}", encode(version))).unwrap_or_default();
    let shown = client.get_query(bucket, key, &format!("tagging{version}"));
    assert_eq!(shown.status, 200, "{}", shown.text());
    shown.elements("Key").into_iter().zip(shown.elements("Value")).collect()
}

fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Tags come with every way to write, are shown, replaced and removed, and no seal is broken by that.
#[test]
fn tags_make_their_round() {
    let Lab { proxy: _proxy, client, .. } = lab();
    let header = [("x-amz-tagging", "stage=beta&a%26b=1%202+3")];
    let expected = pairs(&[("a&b", "1 2 3"), ("stage", "beta")]);
    let upload = client.create_upload(BUCKET, "parts", &header);
    let part = upload.send_part(1, b"parts");
    let document = "<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value>1 2 3</Value></Tag><Tag><Key>stage</Key><Value>beta</Value></Tag></TagSet></Tagging>";
    let form = Form::new(&client, BUCKET, "form")
        .field("tagging", document)
        .condition("[\"starts-with\", \"$tagging\", \"\"]");
    let replace = [header[0], ("x-amz-tagging-directive", "REPLACE")];
    let mut wrong = Vec::new();
    for (key, response) in [
        ("put", client.put_with(BUCKET, "put", b"put", &header)),
        ("parts", upload.complete(&[part])),
        ("form", form.send(b"form")),
        ("copy", client.copy((BUCKET, "put", None), BUCKET, "copy", &[])),
        (
            "replaced",
            client.copy((BUCKET, "put", None), BUCKET, "replaced", &[replace[1], ("x-amz-tagging", "x=y")]),
        ),
        ("self", {
            done("self", &client.put(BUCKET, "self", b"self"));
            let metadata = ("x-amz-metadata-directive", "REPLACE");
            client.copy((BUCKET, "self", None), BUCKET, "self", &[metadata, replace[0], replace[1]])
        }),
    ] {
        done(key, &response);
        let wanted = if key == "replaced" { pairs(&[("x", "y")]) } else { expected.clone() };
        let shown = tags(&client, BUCKET, key, None);
        if shown != wanted {
            wrong.push(format!("{key}: {shown:?}"));
        }
        let count = client.head(BUCKET, key);
        let wanted = wanted.len().to_string();
        if count.header("x-amz-tagging-count") != Some(&wanted) {
            wrong.push(format!("{key}: count {:?}", count.header("x-amz-tagging-count")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    done("replace", &client.set_tags(BUCKET, "put", &[("<&>", "ü"), ("empty", "")]));
    assert_eq!(tags(&client, BUCKET, "put", None), pairs(&[("<&>", "ü"), ("empty", "")]));
    assert_eq!(client.get(BUCKET, "put").header("x-hallmark-verified"), Some("seal"));
    assert_eq!(client.delete_with(BUCKET, "put", "tagging", &[]).status, 204);
    assert_eq!(tags(&client, BUCKET, "put", None), []);
    assert_eq!(client.get(BUCKET, "put").body, b"put");
    assert_eq!(client.get(BUCKET, "put").header("x-amz-tagging-count"), None);
}

/// S3's limits; what is over them changes nothing, and makes no object.
#[test]
fn tags_have_limits() {
    let Lab { proxy, client, .. } = lab();
    done("put", &client.put_with(BUCKET, "key", b"x", &[("x-amz-tagging", "a=b")]));
    let names: Vec<String> = (0..51).map(|number| format!("name-{number}")).collect();
    let some = |count: usize| names[..count].iter().map(|name| (name.as_str(), "v")).collect::<Vec<_>>();
    let (long_name, long_value) = ("n".repeat(129), "v".repeat(257));
    for (what, tags) in [
        ("too many", some(11)),
        ("a name too long", vec![(long_name.as_str(), "v")]),
        ("a value too long", vec![("n", long_value.as_str())]),
        ("no name", vec![("", "v")]),
        ("twice", vec![("n", "v"), ("n", "w")]),
        ("S3's own", vec![("aws:n", "v")]),
    ] {
        refused(what, &client.set_tags(BUCKET, "key", &tags), 400, "InvalidTag");
        let pairs: Vec<_> =
            tags.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let header = [("x-amz-tagging", pairs.join("&"))];
        let header = [(header[0].0, header[0].1.as_str())];
        refused(what, &client.put_with(BUCKET, "other", b"x", &header), 400, "InvalidTag");
        refused(what, &client.ask_for_upload(BUCKET, "other", &header), 400, "InvalidTag");
    }
    assert_eq!(tags(&client, BUCKET, "key", None), pairs(&[("a", "b")]));
    assert_eq!(client.get(BUCKET, "other").status, 404);
    for nonsense in ["", "<Tagging>", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "<X/>"] {
        let response = client.put_document(&format!("{}?tagging", object(BUCKET, "key")), nonsense);
        assert_eq!(response.status, 400, "{nonsense}: {}", response.text());
    }
    done("as many as can be", &client.set_tags(BUCKET, "key", &some(10)));
    assert_eq!(tags(&client, BUCKET, "key", None).len(), 10);
    refused("too many for a bucket", &client.set_bucket_tags(BUCKET, &some(51)), 400, "InvalidTag");
    done("as many as a bucket can have", &client.set_bucket_tags(BUCKET, &some(50)));
    let shown = client.ask("GET", &format!("/{BUCKET}?tagging"), &[], &[]);
    assert_eq!(shown.elements("Key").len(), 50);
    done("none", &client.ask("DELETE", &format!("/{BUCKET}?tagging"), &[], &[]));
    refused("none", &client.ask("GET", &format!("/{BUCKET}?tagging"), &[], &[]), 404, "NoSuchTagSet");

    // Whoever may not write does not tag, and whoever may not configure the bucket does not tag that.
    let reader = proxy.client_of(READER);
    refused("reader", &reader.set_tags(BUCKET, "key", &[("a", "b")]), 403, "AccessDenied");
    refused("reader", &reader.delete_with(BUCKET, "key", "tagging", &[]), 403, "AccessDenied");
    refused("keeper", &proxy.client_of(KEEPER).set_bucket_tags(BUCKET, &[("a", "b")]), 403, "AccessDenied");
    assert_eq!(tags(&reader, BUCKET, "key", None).len(), 10);
    let nobody = proxy.client_of(hallmark_tests::site::NOBODY);
    refused("nobody", &nobody.tags(BUCKET, "key"), 403, "AccessDenied");
    refused("absent", &client.tags(BUCKET, "absent"), 404, "NoSuchKey");
}

/// Each version has tags of its own.
#[test]
fn tags_are_of_a_version() {
    let Lab { proxy: _proxy, client, .. } = lab();
    let put = |value: &str| {
        let put = client.put_with(LOCKED, "key", b"x", &[("x-amz-tagging", value)]);
        put.header("x-amz-version-id").unwrap().to_owned()
    };
    let (old, new) = (put("which=old"), put("which=new"));
    assert_eq!(tags(&client, LOCKED, "key", Some(&old)), pairs(&[("which", "old")]));
    assert_eq!(tags(&client, LOCKED, "key", None), pairs(&[("which", "new")]));
    let target = format!("{}?tagging&versionId={}", object(LOCKED, "key"), encode(&old));
    let text = "<Tagging><TagSet><Tag><Key>which</Key><Value>older</Value></Tag></TagSet></Tagging>";
    done("an older version", &client.put_document(&target, text));
    assert_eq!(tags(&client, LOCKED, "key", Some(&old)), pairs(&[("which", "older")]));
    assert_eq!(tags(&client, LOCKED, "key", Some(&new)), pairs(&[("which", "new")]));
    let copied = client.copy((LOCKED, "key", Some(&old)), BUCKET, "copy", &[]);
    done("copy", &copied);
    assert_eq!(tags(&client, BUCKET, "copy", None), pairs(&[("which", "older")]));
}

/// A version under retention or hold is not deleted, by nobody and in no way; what is newer than it is another version.
#[test]
fn p2_locks_keep_versions_from_being_deleted() {
    let Lab { proxy: _proxy, client, keeper, warden } = lab();
    let until = after(HOUR);
    let governed =
        [("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", &until)];
    let complying = [("x-amz-object-lock-mode", "COMPLIANCE"), governed[1]];
    let held = [("x-amz-object-lock-legal-hold", "ON")];
    for (what, headers, bypassed) in
        [("governed", &governed[..], true), ("complying", &complying, false), ("held", &held, false)]
    {
        let version = put(&keeper, what, headers);
        for (who, headers) in
            [(&client, &[][..]), (&client, &[BYPASS]), (&keeper, &[]), (&keeper, &[BYPASS]), (&warden, &[])]
        {
            let query = format!("versionId={}", encode(&version));
            let response = who.delete_with(LOCKED, what, &query, headers);
            refused(&format!("{what}, {}", who.access_key), &response, 403, "AccessDenied");
            let many = who.delete_many(LOCKED, &[(what, Some(&version))]);
            assert_eq!(many.elements("Code"), ["AccessDenied"], "{what}: {}", many.text());
        }
        assert_eq!(client.get_version(LOCKED, what, &version).body, b"locked", "{what}");
        // A marker or a newer version hides it, and takes nothing away.
        let marker = client.delete(LOCKED, what);
        assert_eq!((marker.status, marker.header("x-amz-delete-marker")), (204, Some("true")));
        put(&client, what, &[]);
        assert_eq!(client.get_version(LOCKED, what, &version).body, b"locked", "{what}");
        let query = format!("versionId={}", encode(&version));
        let response = warden.delete_with(LOCKED, what, &query, &[BYPASS]);
        if bypassed {
            assert_eq!(response.status, 204, "{what}: {}", response.text());
            refused(what, &client.get_version(LOCKED, what, &version), 404, "NoSuchVersion");
        } else {
            refused(what, &response, 403, "AccessDenied");
        }
    }
    refused("the bucket", &client.ask("DELETE", &format!("/{LOCKED}"), &[], &[]), 409, "BucketNotEmpty");
    let lifted = put(&keeper, "lifted", &held);
    done("lift", &keeper.set_legal_hold(LOCKED, "lifted", &lifted, "OFF"));
    assert_eq!(client.delete_version(LOCKED, "lifted", &lifted).status, 204);
}

/// What is locked stays so: COMPLIANCE for everybody, GOVERNANCE but for who may bypass it and says so.
#[test]
fn p2_retentions_are_not_shortened() {
    let Lab { proxy: _proxy, client, keeper, warden } = lab();
    let (sooner, soon, later) = (after(HOUR), after(2 * HOUR), after(3 * HOUR));
    let set = |who: &Client, key: &str, version: &str, mode: &str, until: &str, bypass: &[(&str, &str)]| {
        let text =
            format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
        let target = format!("{}?retention&versionId={}", object(LOCKED, key), encode(version));
        let md5 = hallmark_tests::s3::checksum("md5", text.as_bytes());
        let headers = [&[("Content-MD5", md5.as_str())], bypass].concat();
        who.ask("PUT", &target, &headers, text.as_bytes())
    };
    for mode in ["GOVERNANCE", "COMPLIANCE"] {
        let other = if mode == "GOVERNANCE" { "COMPLIANCE" } else { "GOVERNANCE" };
        let version = put(&client, mode, &[]);
        refused("without permission", &set(&client, mode, &version, mode, &soon, &[]), 403, "AccessDenied");
        done(mode, &set(&keeper, mode, &version, mode, &soon, &[]));
        let unchanged = |what: &str| {
            let shown = retention(&client, mode, &version);
            let shown = (shown.element("Mode"), shown.element("RetainUntilDate").replace(".000Z", "Z"));
            assert_eq!(shown, (mode.to_owned(), soon.clone()), "{what}");
        };
        for (what, who, to, until, bypass) in [
            ("shorter", &keeper, mode, &sooner, &[][..]),
            ("shorter, without the permission", &keeper, mode, &sooner, &[BYPASS]),
            ("shorter, without the header", &warden, mode, &sooner, &[]),
            ("another mode", &keeper, other, &later, &[]),
        ] {
            refused(what, &set(who, mode, &version, to, until, bypass), 403, "AccessDenied");
            unchanged(what);
        }
        // None at all is the shortest.
        let empty = keeper.put_document(
            &format!("{}?retention&versionId={}", object(LOCKED, mode), encode(&version)),
            "<Retention></Retention>",
        );
        assert!(matches!(empty.status, 400 | 403), "{}", empty.text());
        unchanged("none");
        for past in ["2020-01-01T00:00:00Z", "yesterday", ""] {
            let response = set(&warden, mode, &version, mode, past, &[BYPASS]);
            assert!(matches!(response.status, 400 | 403), "{past}: {}", response.text());
            unchanged(past);
        }
        let bypassed = set(&warden, mode, &version, mode, &sooner, &[BYPASS]);
        if mode == "GOVERNANCE" {
            done("bypassed", &bypassed);
        } else {
            refused("bypassed", &bypassed, 403, "AccessDenied");
            unchanged("bypassed");
        }
        done("longer", &set(&keeper, mode, &version, mode, &later, &[]));
        refused("delete", &client.delete_version(LOCKED, mode, &version), 403, "AccessDenied");
    }
}

/// The bucket's default is for every way to write, and what a client asks for itself goes before it.
#[test]
fn p2_default_retentions_are_for_every_upload() {
    let Lab { proxy, client, keeper, warden } = lab();
    let document = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                    <Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let target = format!("/{LOCKED}?object-lock");
    for who in [&keeper, &warden, &proxy.client_of(READER)] {
        refused("to configure", &who.put_document(&target, document), 403, "AccessDenied");
    }
    done("a default", &client.put_document(&target, document));
    let shown = client.ask("GET", &target, &[], &[]);
    assert_eq!(
        (shown.element("Mode"), shown.element("Days")),
        ("GOVERNANCE".into(), "1".into()),
        "{}",
        shown.text()
    );
    done("a source", &client.put(BUCKET, "source", b"locked"));
    let upload = client.create_upload(LOCKED, "parts", &[]);
    let part = upload.send_part(1, b"locked");
    let copied = client.create_upload(LOCKED, "copied-parts", &[]);
    let copied_part = copied.copy_part(1, (BUCKET, "source", None), &[]);
    let copied_part = hallmark_tests::s3::Completed::new(1, &copied_part.element("ETag"));
    for (key, response) in [
        ("put", client.put(LOCKED, "put", b"locked")),
        ("parts", upload.complete(&[part])),
        ("copied-parts", copied.complete(&[copied_part])),
        ("copy", client.copy((BUCKET, "source", None), LOCKED, "copy", &[])),
        ("form", Form::new(&client, LOCKED, "form").send(b"locked")),
    ] {
        done(key, &response);
        let version = response.header("x-amz-version-id").unwrap().to_owned();
        assert_eq!(retention(&client, key, &version).element("Mode"), "GOVERNANCE", "{key}");
        let head = client.head(LOCKED, key);
        assert_eq!(head.header("x-amz-object-lock-mode"), Some("GOVERNANCE"), "{key}");
        assert!(head.header("x-amz-object-lock-retain-until-date").is_some(), "{key}");
        refused(key, &client.delete_version(LOCKED, key, &version), 403, "AccessDenied");
        let query = format!("versionId={}", encode(&version));
        refused(key, &keeper.delete_with(LOCKED, key, &query, &[BYPASS]), 403, "AccessDenied");
        assert_eq!(warden.delete_with(LOCKED, key, &query, &[BYPASS]).status, 204, "{key}");
    }
    let until = after(HOUR);
    let asked =
        [("x-amz-object-lock-mode", "COMPLIANCE"), ("x-amz-object-lock-retain-until-date", until.as_str())];
    let version = put(&keeper, "asked", &asked);
    assert_eq!(retention(&client, "asked", &version).element("Mode"), "COMPLIANCE");
}

/// Locks are set by who may, in buckets that have them; nothing that cannot be kept is taken.
#[test]
fn p2_locks_that_are_not_to_be_had() {
    let Lab { proxy: _proxy, client, keeper, .. } = lab();
    let until = after(HOUR);
    let asked =
        [("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", until.as_str())];
    let held = [("x-amz-object-lock-legal-hold", "ON")];
    done("a source", &client.put(BUCKET, "source", b"x"));
    for headers in [&asked[..], &held] {
        for (bucket, who, status, code) in
            [(LOCKED, &client, 403, "AccessDenied"), (BUCKET, &keeper, 400, "InvalidRequest")]
        {
            refused(bucket, &who.put_with(bucket, "key", b"x", headers), status, code);
            refused(bucket, &who.copy((BUCKET, "source", None), bucket, "key", headers), status, code);
            let upload = who.ask_for_upload(bucket, "key", headers);
            if upload.status == 200 {
                // Judged where the object is made.
                let upload = hallmark_tests::s3::Upload {
                    client: who.clone(),
                    bucket: bucket.into(),
                    key: "key".into(),
                    id: upload.element("UploadId"),
                };
                let part = upload.send_part(1, b"x");
                assert_eq!(completed(&upload.complete(&[part])), Err(code.to_owned()), "{bucket}");
            } else {
                refused(bucket, &upload, status, code);
            }
            assert_eq!(client.get(bucket, "key").status, 404, "{bucket}");
        }
    }
    for headers in [
        &[asked[0]][..],
        &[asked[1]],
        &[("x-amz-object-lock-mode", "FOREVER"), asked[1]],
        &[asked[0], ("x-amz-object-lock-retain-until-date", "2020-01-01T00:00:00Z")],
        &[("x-amz-object-lock-legal-hold", "MAYBE")],
    ] {
        refused("nonsense", &keeper.put_with(LOCKED, "key", b"x", headers), 400, "InvalidArgument");
    }
    assert_eq!(client.get(LOCKED, "key").status, 404);
    let version = put(&client, "key", &[]);
    refused("hold", &client.set_legal_hold(LOCKED, "key", &version, "ON"), 403, "AccessDenied");
    done("hold", &keeper.set_legal_hold(LOCKED, "key", &version, "ON"));
    refused("no hold", &client.set_legal_hold(LOCKED, "key", &version, "OFF"), 403, "AccessDenied");
    refused("delete", &client.delete_version(LOCKED, "key", &version), 403, "AccessDenied");
    // A bucket with locks keeps its versions.
    let suspended = client.set_versioning(LOCKED, "Suspended");
    refused("suspended", &suspended, 409, "InvalidBucketState");
}
