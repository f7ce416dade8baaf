//! The SDK's managed uploads, its copies, and what it signs for others.

use std::fs;

use hallmark_tests::data::{self, MIB, assert_same};
use serde_json::json;

use super::super::{BUCKET, RELEASES, lab, two_buckets};
use super::{Js, Length, Tool as _};

/// `lib-storage`: as much as fits in a part of 5 MiB goes in one piece, more in parts.
#[test]
fn uploads() {
    let (_proxy, session) = lab();
    for length in [Length::Found, Length::Unknown] {
        let tool = Js { session: &session, length };
        for (length, parts) in
            [(1024, None), (5 * MIB - 1, None), (5 * MIB + 1, Some(2)), (12 * MIB, Some(3))]
        {
            let file = data::file(session.sandbox.home(), length, length);
            let want = fs::read(&file).unwrap();
            let unmeasured = tool.length == Length::Unknown;
            let extra = json!({ "ContentType": "application/x-tar", "Metadata": { "build": "7" } });
            tool.run(
                "upload",
                json!({ "file": file, "key": "key", "unmeasured": unmeasured, "extra": extra }),
            )
            .good();
            let seen = match parts {
                None => session.sealed_whole(BUCKET, "key", &want),
                Some(parts) => session.sealed_in_parts(BUCKET, "key", &want, parts),
            };
            assert_eq!(seen.header("content-type"), Some("application/x-tar"), "{}", want.len());
            assert_eq!(seen.header("x-amz-meta-build"), Some("7"), "{}", want.len());
            let back = session.file("back");
            tool.get("key", &back).good();
            assert_same(&fs::read(back).unwrap(), &want, "as the client sees it");
        }
    }
    session.no_uploads(BUCKET);
}

/// Of the whole and of the parts.
#[test]
fn checksums_of_uploads() {
    let (_proxy, session) = lab();
    let tool = Js { session: &session, length: Length::Unknown };
    let file = data::file(session.sandbox.home(), 1, 6 * MIB);
    let want = fs::read(&file).unwrap();
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
        let extra = json!({ "ChecksumAlgorithm": algorithm });
        tool.run("upload", json!({ "file": file, "key": "key", "unmeasured": true, "extra": extra })).good();
        session.sealed_in_parts(BUCKET, "key", &want, 2);
        let shown = tool.call("HeadObjectCommand", &json!({ "Key": "key", "ChecksumMode": "ENABLED" }));
        assert!(shown[format!("Checksum{algorithm}")].is_string(), "{algorithm}: {shown}");
        // The client compares what it reads.
        let back = session.file("back");
        tool.get("key", &back).good();
        assert_same(&fs::read(back).unwrap(), &want, algorithm);
    }
}

#[test]
fn copies_and_parts() {
    let (_proxy, session) = two_buckets();
    let tool = Js { session: &session, length: Length::Found };
    let file = data::file(session.sandbox.home(), 1, 12 * MIB);
    let want = fs::read(&file).unwrap();
    tool.run("upload", json!({ "file": file, "key": "key ü" })).good();
    let source = format!("{BUCKET}/key%20%C3%BC");
    let input = json!({ "Bucket": RELEASES, "Key": "copy", "CopySource": source });
    tool.call("CopyObjectCommand", &input);
    session.sealed(RELEASES, "copy", &want);

    let part = 5 * MIB as usize;
    for (number, bytes) in (1..).zip(want.chunks(part)) {
        let back = session.file("back");
        let got = tool.run("get", json!({ "file": back, "key": "key ü", "part": number })).good();
        assert_eq!(super::super::parsed(&got)["PartsCount"], 3, "{got}");
        assert_same(&fs::read(back).unwrap(), bytes, &format!("part {number}"));
    }
    let attributes = json!({ "Key": "key ü", "ObjectAttributes": ["ObjectParts", "ObjectSize"] });
    let told = tool.call("GetObjectAttributesCommand", &attributes);
    assert_eq!(told["ObjectSize"], want.len(), "{told}");
    assert_eq!(told["ObjectParts"]["TotalPartsCount"], 3, "{told}");
}

/// By default the SDK signs, into a URL for an upload, the checksum of the body that it does not have. Such a URL is good
/// for nothing, and is not taken for a good one.
#[test]
fn presigned_urls() {
    let (_proxy, session) = lab();
    let tool = Js { session: &session, length: Length::Found };
    for length in [1024, 9 * MIB] {
        let file = data::file(session.sandbox.home(), length, length);
        let (want, back) = (fs::read(&file).unwrap(), session.file("back"));
        let mut arguments = json!({ "file": file, "key": "key ü", "to": back });
        let said = tool.run("presigned", arguments.clone()).bad();
        // Who still sends while it is refused may see no more than that it cannot go on.
        assert!(said.contains("x-amz-checksum-crc32") || said.contains("EPIPE"), "{said}");
        session.absent(BUCKET, "key ü");

        arguments["requestChecksumCalculation"] = "WHEN_REQUIRED".into();
        tool.run("presigned", arguments).good();
        session.sealed(BUCKET, "key ü", &want);
        assert_same(&fs::read(back).unwrap(), &want, "by a signed URL");
        assert_eq!(session.client.delete(BUCKET, "key ü").status, 204);
    }
}

#[test]
fn forms() {
    let (_proxy, session) = lab();
    let tool = Js { session: &session, length: Length::Found };
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    let post = |most: u64| {
        let fields = json!({ "x-amz-meta-build": "7" });
        let conditions = json!([["content-length-range", 0, most], ["eq", "$x-amz-meta-build", "7"]]);
        let form = json!({ "file": file, "key": "key ü", "fields": fields, "conditions": conditions });
        super::super::parsed(&tool.run("post", form).good())
    };
    let refused = post(9 * MIB - 1);
    assert!(refused["text"].as_str().unwrap().contains("EntityTooLarge"), "{refused}");
    session.absent(BUCKET, "key ü");
    let answer = post(9 * MIB);
    assert_eq!(answer["status"], 204, "{answer}");
    let seen = session.sealed(BUCKET, "key ü", &fs::read(&file).unwrap());
    assert_eq!(seen.header("x-amz-meta-build"), Some("7"));
}
