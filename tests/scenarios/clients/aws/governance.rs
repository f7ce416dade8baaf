//! `s3api`: versions, tags and locks.

use std::fs;

use hallmark_tests::data::content;
use serde_json::{Value, json};

use super::super::{BUCKET, Session, lab};
use super::Api;

const KEY: &str = "app/app.tar";

impl Api<'_> {
    /// Uploads a short text; gives the version's id.
    #[track_caller]
    fn put_version(&self, text: &str) -> String {
        let file = self.0.file("body");
        fs::write(&file, text).unwrap();
        let put = self.ask("put-object", KEY, &["--body", &file.to_string_lossy()]);
        put["VersionId"].as_str().unwrap_or_else(|| panic!("no version: {put}")).to_owned()
    }

    #[track_caller]
    fn get_version(&self, version: &str) -> Vec<u8> {
        let back = self.0.file("back");
        let got = self.ask("get-object", KEY, &["--version-id", version, &back.to_string_lossy()]);
        assert_eq!(got["VersionId"], version);
        fs::read(back).unwrap()
    }

    fn with_versions(session: &Session) -> Api<'_> {
        let api = Api(session);
        api.ask_bucket("put-bucket-versioning", &["--versioning-configuration", "Status=Enabled"]);
        assert_eq!(api.ask_bucket("get-bucket-versioning", &[])["Status"], "Enabled");
        api
    }
}

/// The values of one field in a list.
fn column<'a>(rows: &'a Value, name: &str) -> Vec<&'a str> {
    rows.as_array().into_iter().flatten().filter_map(|row| row[name].as_str()).collect()
}

#[test]
fn versions() {
    let (_proxy, session) = lab();
    let api = Api::with_versions(&session);
    let (first, second) = (api.put_version("first"), api.put_version("second"));
    let listed = api.ask_bucket("list-object-versions", &[]);
    assert_eq!(column(&listed["Versions"], "VersionId"), [&second, &first], "{listed}");
    assert_eq!(api.get_version(&first), b"first");
    assert_eq!(api.get_version(&second), b"second");

    // A marker hides what is there; without the marker it is back.
    let deleted = api.ask("delete-object", KEY, &[]);
    assert_eq!(deleted["DeleteMarker"], true, "{deleted}");
    session.absent(BUCKET, KEY);
    assert_eq!(api.get_version(&first), b"first");
    let listed = api.ask_bucket("list-object-versions", &[]);
    assert_eq!(column(&listed["DeleteMarkers"], "VersionId"), [&deleted["VersionId"]], "{listed}");
    api.ask("delete-object", KEY, &["--version-id", deleted["VersionId"].as_str().unwrap()]);
    session.sealed(BUCKET, KEY, b"second");

    // An old version, copied, is the newest.
    let source = format!("{BUCKET}/{KEY}?versionId={first}");
    api.ask("copy-object", KEY, &["--copy-source", &source]);
    session.sealed(BUCKET, KEY, b"first");
    api.ask("delete-object", KEY, &["--version-id", &second]);
    let said = api.run("get-object", KEY, &["--version-id", &second, "back"]).bad();
    assert!(said.contains("NoSuchVersion"), "{said}");
    let listed = api.ask_bucket("list-object-versions", &["--page-size", "1"]);
    assert_eq!(listed["Versions"].as_array().map(Vec::len), Some(2), "{listed}");
}

#[test]
fn tags_of_objects() {
    let (_proxy, session) = lab();
    let api = Api(&session);
    let file = session.file("body");
    fs::write(&file, content(1, 1024)).unwrap();
    api.ask("put-object", KEY, &["--body", &file.to_string_lossy(), "--tagging", "stage=test&who=a%20b"]);
    let tags = |api: &Api<'_>| api.ask("get-object-tagging", KEY, &[])["TagSet"].clone();
    assert_eq!(tags(&api), json!([{ "Key": "stage", "Value": "test" }, { "Key": "who", "Value": "a b" }]));
    let head = api.ask("head-object", KEY, &[]);
    assert_eq!(head["TagCount"], 2, "{head}");

    api.ask("put-object-tagging", KEY, &["--tagging", "TagSet=[{Key=stage,Value=released}]"]);
    assert_eq!(tags(&api), json!([{ "Key": "stage", "Value": "released" }]));
    api.ask("copy-object", "copy", &["--copy-source", &format!("{BUCKET}/{KEY}")]);
    let copied = api.ask("get-object-tagging", "copy", &[]);
    assert_eq!(copied["TagSet"], json!([{ "Key": "stage", "Value": "released" }]));

    api.ask("delete-object-tagging", KEY, &[]);
    assert_eq!(tags(&api), json!([]));
    session.sealed(BUCKET, KEY, &content(1, 1024));
}

#[test]
fn tags_of_buckets() {
    let (_proxy, session) = lab();
    let api = Api(&session);
    let ask = |call: &str, further: &[&str]| {
        session.sandbox.run_installed("aws", &[&["s3api", call, "--bucket", BUCKET], further].concat())
    };
    assert!(ask("get-bucket-tagging", &[]).bad().contains("NoSuchTagSet"));
    api.ask_bucket("put-bucket-tagging", &["--tagging", "TagSet=[{Key=team,Value=build}]"]);
    let told = api.ask_bucket("get-bucket-tagging", &[]);
    assert_eq!(told["TagSet"], json!([{ "Key": "team", "Value": "build" }]));
    api.ask_bucket("delete-bucket-tagging", &[]);
    assert!(ask("get-bucket-tagging", &[]).bad().contains("NoSuchTagSet"));
}

/// Holds, retention that may be bypassed, and what a bucket says of every new version.
#[test]
fn locks() {
    let (_proxy, session) = lab();
    let aws = |arguments: &[&str]| session.sandbox.run_installed("aws", &[&["s3api"], arguments].concat());
    let on = |call: &'static str| vec![call, "--bucket", "locked", "--key", KEY];
    aws(&["create-bucket", "--bucket", "locked", "--object-lock-enabled-for-bucket"]).good();
    let file = session.file("body");
    fs::write(&file, "kept").unwrap();
    let file = file.to_string_lossy();
    let put = super::parsed(&aws(&[&on("put-object")[..], &["--body", &file]].concat()).good());
    let version = put["VersionId"].as_str().expect("locks come with versions").to_owned();
    let delete =
        |further: &[&str]| aws(&[&on("delete-object")[..], &["--version-id", &version], further].concat());

    aws(&[&on("put-object-legal-hold")[..], &["--legal-hold", "Status=ON"]].concat()).good();
    assert!(delete(&[]).bad().contains("AccessDenied"));
    let held = super::parsed(&aws(&on("get-object-legal-hold")).good());
    assert_eq!(held["LegalHold"]["Status"], "ON");
    aws(&[&on("put-object-legal-hold")[..], &["--legal-hold", "Status=OFF"]].concat()).good();

    let until = "2099-01-01T00:00:00Z";
    let retention = format!("Mode=GOVERNANCE,RetainUntilDate={until}");
    aws(&[&on("put-object-retention")[..], &["--retention", &retention]].concat()).good();
    assert!(delete(&[]).bad().contains("AccessDenied"));
    let kept = super::parsed(&aws(&on("get-object-retention")).good());
    assert_eq!(kept["Retention"]["Mode"], "GOVERNANCE", "{kept}");
    assert!(
        kept["Retention"]["RetainUntilDate"].as_str().unwrap().starts_with("2099-01-01T00:00:00"),
        "{kept}"
    );

    let rule =
        r#"{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"GOVERNANCE","Days":1}}}"#;
    aws(&["put-object-lock-configuration", "--bucket", "locked", "--object-lock-configuration", rule]).good();
    let told = super::parsed(&aws(&["get-object-lock-configuration", "--bucket", "locked"]).good());
    assert_eq!(told["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Days"], 1, "{told}");
    assert_eq!(session.client.put("locked", "new", b"by default").status, 200);
    let new = ["get-object-retention", "--bucket", "locked", "--key", "new"];
    assert_eq!(super::parsed(&aws(&new).good())["Retention"]["Mode"], "GOVERNANCE");

    session.sealed("locked", KEY, b"kept");
    delete(&["--bypass-governance-retention"]).good();
    session.absent("locked", KEY);
}
