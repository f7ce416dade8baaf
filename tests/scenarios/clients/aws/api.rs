//! `s3api`, call by call: uploads in parts, the parts of artifacts, conditions.

use std::fs;

use hallmark_tests::data::{self, MIB, assert_same, content};
use serde_json::{Value, json};

use super::super::{BUCKET, RELEASES, Session, lab, two_buckets};
use super::{Api, Tool as _};

const KEY: &str = "app/1.4.2/app tar";
/// The lengths of the parts, bytes.
const PARTS: [u64; 2] = [5 * MIB, 70_001];

/// An upload in parts, made by hand.
struct Upload<'a> {
    api: Api<'a>,
    id: String,
    parts: Vec<Value>,
}

impl<'a> Upload<'a> {
    fn open(session: &'a Session) -> Self {
        let api = Api(session);
        let created = api.ask("create-multipart-upload", KEY, &["--metadata", "build=7"]);
        let id = created["UploadId"].as_str().expect("an id").to_owned();
        Self { api, id, parts: Vec::new() }
    }

    fn part(&mut self, number: u64, length: u64) {
        let file = data::file(self.api.0.sandbox.home(), number, length);
        let (number_named, file) = (number.to_string(), file.to_string_lossy().into_owned());
        let further = ["--upload-id", &self.id, "--part-number", &number_named, "--body", &file];
        let sent = self.api.ask("upload-part", KEY, &further);
        self.parts.push(json!({ "PartNumber": number, "ETag": sent["ETag"] }));
        self.parts.sort_by_key(|part| part["PartNumber"].as_u64());
    }

    fn complete(&self, further: &[&str]) -> hallmark_tests::command::Ran {
        let list = json!({ "Parts": self.parts }).to_string();
        let ours = ["--upload-id", &self.id, "--multipart-upload", &list];
        self.api.run("complete-multipart-upload", KEY, &[&ours[..], further].concat())
    }
}

fn whole() -> Vec<u8> {
    PARTS.iter().zip(1..).flat_map(|(length, number)| content(number, *length)).collect()
}

/// The last part first, and one that is sent twice.
#[test]
fn an_upload_in_parts_by_hand() {
    let (_proxy, session) = lab();
    let mut upload = Upload::open(&session);
    upload.part(2, PARTS[1]);
    upload.part(1, 5 * MIB + 1);
    upload.parts.clear();
    upload.part(1, PARTS[0]);
    upload.part(2, PARTS[1]);

    let listed = upload.api.ask("list-parts", KEY, &["--upload-id", &upload.id]);
    let lengths: Vec<u64> =
        listed["Parts"].as_array().unwrap().iter().filter_map(|part| part["Size"].as_u64()).collect();
    assert_eq!(lengths, PARTS, "{listed}");
    let uploads = upload.api.ask_bucket("list-multipart-uploads", &[]);
    assert_eq!(uploads["Uploads"][0]["Key"], KEY, "{uploads}");
    assert_eq!(uploads["Uploads"][0]["UploadId"], upload.id, "{uploads}");
    session.absent(BUCKET, KEY);

    let completed = super::parsed(&upload.complete(&[]).good());
    assert_eq!(completed["Key"], KEY);
    let seen = session.sealed_in_parts(BUCKET, KEY, &whole(), 2);
    assert_eq!(seen.header("etag"), completed["ETag"].as_str());
    assert_eq!(seen.header("x-amz-meta-build"), Some("7"));
    session.no_uploads(BUCKET);
}

#[test]
fn an_aborted_upload_leaves_nothing() {
    let (_proxy, session) = lab();
    let mut upload = Upload::open(&session);
    upload.part(1, PARTS[0]);
    upload.api.ask("abort-multipart-upload", KEY, &["--upload-id", &upload.id]);
    let said = upload.api.run("list-parts", KEY, &["--upload-id", &upload.id]).bad();
    assert!(said.contains("NoSuchUpload"), "{said}");
    let said = upload.complete(&[]).bad();
    assert!(said.contains("NoSuchUpload"), "{said}");
    session.no_uploads(BUCKET);
    session.absent(BUCKET, KEY);
}

/// By `--part-number`, and what there is to know about an artifact in parts.
#[test]
fn the_parts_of_an_artifact() {
    let (_proxy, session) = lab();
    let mut upload = Upload::open(&session);
    upload.part(1, PARTS[0]);
    upload.part(2, PARTS[1]);
    upload.complete(&[]).good();
    let back = session.file("back");
    for (number, length) in (1..).zip(PARTS) {
        let (number_named, back_named) = (number.to_string(), back.to_string_lossy().into_owned());
        let got = upload.api.ask("get-object", KEY, &["--part-number", &number_named, &back_named]);
        assert_eq!((&got["PartsCount"], &got["ContentLength"]), (&2.into(), &length.into()), "{got}");
        assert_same(&fs::read(&back).unwrap(), &content(number, length), &format!("part {number}"));
        let head = upload.api.ask("head-object", KEY, &["--part-number", &number_named]);
        assert_eq!((&head["PartsCount"], &head["ContentLength"]), (&2.into(), &length.into()), "{head}");
    }
    let said = upload.api.run("get-object", KEY, &["--part-number", "3", &back.to_string_lossy()]).bad();
    assert!(said.contains("InvalidPart") || said.contains("416"), "{said}");

    let attributes = ["--object-attributes", "ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    let told = upload.api.ask("get-object-attributes", KEY, &attributes);
    assert_eq!(told["ObjectSize"], PARTS.iter().sum::<u64>(), "{told}");
    assert_eq!(told["ObjectParts"]["TotalPartsCount"], 2, "{told}");
    assert_eq!(told["StorageClass"], "STANDARD", "{told}");
    let etag = session.client.head(BUCKET, KEY).header("etag").unwrap().trim_matches('"').to_owned();
    assert_eq!(told["ETag"], etag, "{told}");
}

/// Parts that are ranges of an artifact in another bucket.
#[test]
fn parts_copied_from_another_artifact() {
    let (_proxy, session) = two_buckets();
    let source = content(7, 12 * MIB);
    assert_eq!(session.client.put(RELEASES, "from", &source).status, 200);
    let mut upload = Upload::open(&session);
    for (number, range) in [("1", "bytes=1-5242880"), ("2", "bytes=7340032-12582911")] {
        let further = ["--upload-id", &upload.id, "--part-number", number];
        let from = format!("{RELEASES}/from");
        let copied = ["--copy-source", &from, "--copy-source-range", range];
        let sent = upload.api.ask("upload-part-copy", KEY, &[further, copied].concat());
        let number: u64 = number.parse().unwrap();
        upload.parts.push(json!({ "PartNumber": number, "ETag": sent["CopyPartResult"]["ETag"] }));
    }
    upload.complete(&[]).good();
    let want = [&source[1..=5_242_880], &source[7_340_032..]].concat();
    session.sealed_in_parts(BUCKET, KEY, &want, 2);
}

#[test]
fn copies() {
    let (_proxy, session) = two_buckets();
    let api = Api(&session);
    let bytes = content(1, 9 * MIB);
    let told = [("x-amz-meta-build", "7"), ("Content-Type", "text/plain")];
    assert_eq!(session.client.put_with(RELEASES, "from ü", &bytes, &told).status, 200);
    // The client encodes it.
    let source = ["--copy-source", &format!("{RELEASES}/from ü")];

    api.ask("copy-object", KEY, &source);
    let seen = session.sealed(BUCKET, KEY, &bytes);
    assert_eq!(seen.header("x-amz-meta-build"), Some("7"));
    assert_eq!(seen.header("content-type"), Some("text/plain"));

    let replaced = ["--metadata-directive", "REPLACE", "--metadata", "build=8"];
    api.ask("copy-object", KEY, &[&source[..], &replaced].concat());
    assert_eq!(session.sealed(BUCKET, KEY, &bytes).header("x-amz-meta-build"), Some("8"));

    // Onto itself, as tools change headers.
    let itself = ["--copy-source", &format!("{BUCKET}/{KEY}")];
    let said = api.run("copy-object", KEY, &itself).bad();
    assert!(said.contains("InvalidRequest"), "{said}");
    let replaced = ["--metadata-directive", "REPLACE", "--metadata", "build=9"];
    api.ask("copy-object", KEY, &[&itself[..], &replaced].concat());
    assert_eq!(session.sealed(BUCKET, KEY, &bytes).header("x-amz-meta-build"), Some("9"));

    let said =
        api.run("copy-object", KEY, &[&source[..], &["--copy-source-if-match", "other"]].concat()).bad();
    assert!(said.contains("PreconditionFailed"), "{said}");
}

/// What is there stays, whichever way the other upload came.
#[test]
fn only_where_nothing_is() {
    let (_proxy, session) = lab();
    let api = Api(&session);
    let mut upload = Upload::open(&session);
    upload.part(1, PARTS[0]);
    let (first, second) = (session.file("first"), session.file("second"));
    fs::write(&first, "first").unwrap();
    fs::write(&second, "second").unwrap();
    let put = |file: &std::path::Path| {
        api.run("put-object", KEY, &["--body", &file.to_string_lossy(), "--if-none-match", "*"])
    };
    put(&first).good();
    let said = put(&second).bad();
    assert!(said.contains("PreconditionFailed"), "{said}");
    let said = upload.complete(&["--if-none-match", "*"]).bad();
    assert!(said.contains("PreconditionFailed"), "{said}");
    let seen = session.sealed(BUCKET, KEY, b"first");

    let etag = seen.header("etag").unwrap();
    let replace =
        |etag: &str| api.run("put-object", KEY, &["--body", &second.to_string_lossy(), "--if-match", etag]);
    assert!(replace("\"00000000000000000000000000000000\"").bad().contains("PreconditionFailed"));
    replace(etag).good();
    session.sealed(BUCKET, KEY, b"second");
    assert!(api.run("get-object", KEY, &["--if-match", etag, "back"]).bad().contains("PreconditionFailed"));
    api.delete(KEY).good();
    session.absent(BUCKET, KEY);
}
