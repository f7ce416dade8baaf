//! Checksums that the client computes, of artifacts that come whole and of those that come in parts.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hallmark_tests::data::{self, MIB, assert_same};
use hallmark_tests::s3::checksum;
use serde_json::{Value, json};

use super::super::{BUCKET, lab, parsed};
use super::Boto3;

const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];
/// The length of the transfer manager's parts, bytes.
const PART: usize = 8 * MIB as usize;

/// What S3 shows for an artifact in parts: the checksum of the parts' checksums, and their number.
fn composite(algorithm: &str, bytes: &[u8]) -> String {
    let algorithm = algorithm.to_lowercase();
    let parts: Vec<Vec<u8>> =
        bytes.chunks(PART).map(|part| BASE64.decode(checksum(&algorithm, part)).unwrap()).collect();
    format!("{}-{}", checksum(&algorithm, &parts.concat()), parts.len())
}

/// Each algorithm, by the call and by the transfer manager, in a file that is sealed at once and one that is streamed.
#[test]
fn of_whole_artifacts() {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    for (length, upload) in [(0, "upload"), (70_000, "put"), (70_000, "upload"), (9 * MIB, "put")] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        for algorithm in ALGORITHMS {
            let (got, downloaded) = (session.file("got"), session.file("downloaded"));
            tool.run(upload, json!({ "file": file, "key": "key", "checksum": algorithm })).good();
            let shown = tool.run_all([
                ("get", json!({ "file": got, "key": "key" })),
                ("download", json!({ "file": downloaded, "key": "key" })),
                ("head", json!({ "key": "key" })),
            ]);
            let shown = parsed(&shown.good());
            let value = checksum(&algorithm.to_lowercase(), &want);
            assert_eq!(shown[format!("Checksum{algorithm}")], value, "{upload} of {length}: {shown}");
            for back in [got, downloaded] {
                assert_same(&fs::read(&back).unwrap(), &want, &format!("{upload} of {length}, {algorithm}"));
                fs::remove_file(back).unwrap();
            }
        }
    }
}

/// Each algorithm, over the whole and over the parts, as far as S3 has it.
#[test]
fn of_artifacts_in_parts() {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    let want = fs::read(&file).unwrap();
    for (algorithm, kind, told) in [
        ("CRC32", "COMPOSITE", None),
        ("CRC32", "COMPOSITE", Some("COMPOSITE")),
        ("CRC32", "FULL_OBJECT", Some("FULL_OBJECT")),
        ("CRC32C", "COMPOSITE", None),
        ("CRC32C", "FULL_OBJECT", Some("FULL_OBJECT")),
        ("CRC64NVME", "FULL_OBJECT", None),
        ("SHA1", "COMPOSITE", None),
        ("SHA256", "COMPOSITE", None),
        ("SHA256", "COMPOSITE", Some("COMPOSITE")),
    ] {
        let what = format!("{algorithm} {told:?}");
        let extra = told.map_or(json!({}), |kind| json!({ "ChecksumType": kind }));
        let upload = json!({ "file": file, "key": "key", "checksum": algorithm, "extra": extra });
        tool.run("upload", upload).good();
        session.sealed_in_parts(BUCKET, "key", &want, 2);
        let shown = tool.ask("head", json!({ "key": "key" }));
        let value = match kind {
            "COMPOSITE" => composite(algorithm, &want),
            _ => checksum(&algorithm.to_lowercase(), &want),
        };
        assert_eq!(shown[format!("Checksum{algorithm}")], value, "{what}");
        assert_eq!(shown["ChecksumType"], kind, "{what}");
        let back = session.file("back");
        tool.run("get", json!({ "file": back, "key": "key" })).good();
        assert_same(&fs::read(&back).unwrap(), &want, &what);
    }
    for (algorithm, kind) in [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")] {
        let extra = json!({ "ChecksumType": kind });
        let upload = json!({ "file": file, "key": "none", "checksum": algorithm, "extra": extra });
        let said = tool.run("upload", upload).bad();
        assert!(said.contains("InvalidRequest"), "{algorithm} {kind}: {said}");
    }
    session.absent(BUCKET, "none");
    session.no_uploads(BUCKET);
}

/// Without a word on checksums, there is one all the same: the client's own choice.
#[test]
fn by_default() {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    for length in [70_000, 9 * MIB] {
        let file = data::file(session.sandbox.home(), length, length);
        tool.run("upload", json!({ "file": file, "key": "key" })).good();
        let shown = tool.ask("head", json!({ "key": "key" }));
        let algorithms = ALGORITHMS.iter().filter(|name| shown.get(format!("Checksum{name}")).is_some());
        assert_eq!(algorithms.count(), 1, "{shown}");
    }
}

/// The checksum of the whole, known beforehand: it is compared when the parts are put together.
#[test]
fn known_beforehand() {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    let want = fs::read(&file).unwrap();
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME"] {
        let upload = |value: String| {
            let extra = json!({ format!("Checksum{algorithm}"): value });
            tool.run("upload", json!({ "file": file, "key": algorithm, "extra": extra }))
        };
        let name = algorithm.to_lowercase();
        let said = upload(checksum(&name, b"other bytes")).bad();
        assert!(said.contains("BadDigest"), "{algorithm}: {said}");
        session.absent(BUCKET, algorithm);
        upload(checksum(&name, &want)).good();
        session.sealed_in_parts(BUCKET, algorithm, &want, 2);
        let shown = tool.ask("head", json!({ "key": algorithm }));
        assert_eq!(shown[format!("Checksum{algorithm}")], checksum(&name, &want));
        assert_eq!(shown["ChecksumType"], "FULL_OBJECT");
    }
}

/// The checksums of the parts are still known when the artifact is there.
#[test]
fn of_the_parts() {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    let want = fs::read(&file).unwrap();
    tool.run("upload", json!({ "file": file, "key": "key", "checksum": "SHA256" })).good();
    let wanted = json!({ "Key": "key", "ObjectAttributes": ["Checksum", "ObjectParts"] });
    let told = tool.call("get_object_attributes", &wanted);
    // S3 leaves out the number of parts here, others do not: clients have to take both.
    let shown = told["Checksum"]["ChecksumSHA256"].as_str().unwrap_or_default();
    assert_eq!(shown.trim_end_matches("-2"), composite("SHA256", &want).trim_end_matches("-2"), "{told}");
    assert_eq!(told["Checksum"]["ChecksumType"], "COMPOSITE", "{told}");
    let parts: Vec<&Value> = told["ObjectParts"]["Parts"].as_array().expect("parts").iter().collect();
    assert_eq!(parts.len(), 2, "{told}");
    for (part, bytes) in parts.iter().zip(want.chunks(PART)) {
        assert_eq!(part["Size"], bytes.len(), "{told}");
        assert_eq!(part["ChecksumSHA256"], checksum("sha256", bytes), "{told}");
    }
}
