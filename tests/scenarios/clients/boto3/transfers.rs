//! Managed transfers, which split what is 8 MiB or more, and signed URLs.

use std::fs;

use hallmark_tests::data::{self, MIB, assert_same, content};
use serde_json::json;

use super::super::{BUCKET, RELEASES, Session, lab, two_buckets};
use super::Boto3;

/// Lengths, bytes, and the parts that such an upload is made of.
const LENGTHS: [(u64, Option<u32>); 4] =
    [(1024, None), (8 * MIB - 1, None), (8 * MIB, Some(1)), (16 * MIB + 1, Some(3))];

/// By our own client.
fn seen(session: &Session, bucket: &str, key: &str, want: &[u8], parts: Option<u32>) {
    match parts {
        None => session.sealed_whole(bucket, key, want),
        Some(parts) => session.sealed_in_parts(bucket, key, want, parts),
    };
}

fn round_trips(upload: &str, download: &str) {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    for (length, parts) in LENGTHS {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        tool.run(upload, json!({ "file": file, "key": "key" })).good();
        seen(&session, BUCKET, "key", &want, parts);
        let back = session.file("back");
        tool.run(download, json!({ "file": back, "key": "key" })).good();
        assert_same(&fs::read(back).unwrap(), &want, &format!("{length} bytes as boto3 sees them"));
    }
    session.no_uploads(BUCKET);
}

#[test]
fn files() {
    round_trips("upload", "download");
}

/// Streams that can be neither measured nor rewound.
#[test]
fn streams() {
    round_trips("upload_stream", "download_stream");
}

#[test]
fn copies() {
    let (_proxy, session) = two_buckets();
    let tool = Boto3(&session);
    for (length, parts) in LENGTHS {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        let extra = json!({ "Metadata": { "build": "7" }, "ContentType": "application/x-tar" });
        tool.run("upload", json!({ "file": file, "key": "key ü", "extra": extra })).good();
        let source = json!({ "Bucket": BUCKET, "Key": "key ü" });
        tool.run("copy", json!({ "source": source, "key": "copy" })).good();
        seen(&session, BUCKET, "copy", &want, parts);
        tool.run("copy", json!({ "bucket": RELEASES, "source": source, "key": "key" })).good();
        seen(&session, RELEASES, "key", &want, parts);
        let head = session.client.head(RELEASES, "key");
        assert_eq!(head.header("x-amz-meta-build"), Some("7"), "{length}");
        assert_eq!(head.header("content-type"), Some("application/x-tar"), "{length}");
    }
    session.no_uploads(BUCKET);
    session.no_uploads(RELEASES);
}

/// URLs that boto3 signs, used by curl, which knows nothing of signatures.
#[test]
fn presigned_urls() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 70_000);
    let path = file.to_string_lossy();
    for key in ["plain", "with space+plus%2F/ü"] {
        let url = |method: &str| Boto3(&session).presign(key, method, &json!({}));
        let curl = |arguments: &[&str]| {
            session.sandbox.run("curl", &[&["-sS", "--fail-with-body"], arguments].concat())
        };
        curl(&["--upload-file", &path, &url("put_object")]).good();
        let back = session.file("back");
        curl(&["-o", &back.to_string_lossy(), &url("get_object")]).good();
        assert_same(&fs::read(back).unwrap(), &fs::read(&file).unwrap(), key);
        curl(&["-X", "DELETE", &url("delete_object")]).good();
        session.absent(BUCKET, key);
    }
}

/// A build that has no credentials uploads the parts; who has them completes.
#[test]
fn presigned_parts() {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    let key = "app/app 1.tar";
    let created = tool.call("create_multipart_upload", &json!({ "Key": key }));
    let upload = &created["UploadId"];
    let mut parts = Vec::new();
    for (number, length) in [(1, 5 * MIB), (2, 70_001)] {
        let file = data::file(session.sandbox.home(), number, length);
        let url = tool.presign(key, "upload_part", &json!({ "UploadId": upload, "PartNumber": number }));
        let form = ["-sS", "--fail-with-body", "-o", "/dev/null", "-w", "%header{etag}", "--upload-file"];
        let etag =
            session.sandbox.run("curl", &[&form[..], &[&file.to_string_lossy(), &url]].concat()).good();
        parts.push(json!({ "PartNumber": number, "ETag": etag }));
    }
    let list = json!({ "Parts": parts });
    tool.call(
        "complete_multipart_upload",
        &json!({ "Key": key, "UploadId": upload, "MultipartUpload": list }),
    );
    let want = [content(1, 5 * MIB), content(2, 70_001)].concat();
    session.sealed_in_parts(BUCKET, key, &want, 2);
}

/// What `response-*` parameters ask for is in the signature.
#[test]
fn presigned_with_headers_of_the_response() {
    let (_proxy, session) = lab();
    assert_eq!(session.client.put(BUCKET, "key", b"bytes").status, 200);
    let wanted = json!({ "ResponseContentDisposition": "attachment; filename=\"app 1.tar\"" });
    let url = Boto3(&session).presign("key", "get_object", &wanted);
    let told =
        session.sandbox.run("curl", &["-sS", "--fail-with-body", "-D", "-", "-o", "/dev/null", &url]).good();
    assert!(
        told.to_lowercase().contains("content-disposition: attachment; filename=\"app 1.tar\""),
        "{told}"
    );
}
