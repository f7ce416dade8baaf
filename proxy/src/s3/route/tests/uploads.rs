//! What multipart uploads say.

use super::*;
use crate::s3::operation::{ChecksumKind, ChecksumPlan, ObjectAttribute};
use crate::s3::payload::ChecksumAlgorithm::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use crate::store::LegalHold;

#[test]
fn a_checksum_is_planned_as_s3_does() {
    let plan = |headers: &[(&str, &str)]| match run("POST", "h", "/builds/a?uploads", headers) {
        Ok(Operation::CreateMultipartUpload { create, .. }) => Ok(create.checksum),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code),
    };
    let (composite, full) = (ChecksumKind::Composite, ChecksumKind::FullObject);
    let (name, kind) = ("x-amz-checksum-algorithm", "x-amz-checksum-type");
    assert_eq!(plan(&[]), Ok(None));
    for (algorithm, by_default, other) in [
        (Crc32, composite, Some(full)),
        (Crc32c, composite, Some(full)),
        (Crc64Nvme, full, None),
        (Sha1, composite, None),
        (Sha256, composite, None),
    ] {
        let of = |kind| Ok(Some(ChecksumPlan { algorithm, kind }));
        assert_eq!(plan(&[(name, algorithm.name())]), of(by_default));
        assert_eq!(plan(&[(name, algorithm.name()), (kind, by_default.name())]), of(by_default));
        let opposite = if by_default == full { composite } else { full };
        let expected = other.map_or(Err(Code::InvalidRequest), of);
        assert_eq!(plan(&[(name, algorithm.name()), (kind, opposite.name())]), expected);
    }
    for refused in [
        &[(name, "MD5")][..],
        &[(name, "CRC32"), (kind, "full_object")],
        &[(kind, "FULL_OBJECT")],
        &[(name, "")],
    ] {
        assert_eq!(plan(refused), Err(Code::InvalidRequest), "{refused:?}");
    }
}

#[test]
fn an_upload_begins_with_all_that_the_object_will_bear() {
    let headers = [
        ("content-type", "a/b"),
        ("x-amz-meta-a", "1"),
        ("x-amz-tagging", "t=1"),
        ("x-amz-object-lock-legal-hold", "ON"),
    ];
    let Ok(Operation::CreateMultipartUpload { create, .. }) = run("POST", "h", "/builds/a?uploads", &headers)
    else {
        panic!("an upload")
    };
    assert_eq!(create.headers.iter().collect::<Vec<_>>(), [("content-type", "a/b"), ("x-amz-meta-a", "1")]);
    assert_eq!(create.tags.iter().collect::<Vec<_>>(), [("t", "1")]);
    assert_eq!(create.lock.legal_hold, Some(LegalHold::On));
}

#[test]
fn completion_declares_the_whole() {
    let complete = |headers: &[(&str, &str)]| match run("POST", "h", "/builds/a?uploadId=x", headers) {
        Ok(Operation::CompleteMultipartUpload { complete, upload, .. }) => {
            assert_eq!(upload, "x");
            Ok(*complete)
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code),
    };
    assert_eq!(complete(&[]), Ok(CompleteUpload::default()));
    let all = complete(&[
        ("if-none-match", "*"),
        ("x-amz-mp-object-size", "20971520"),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ])
    .unwrap();
    let value = WholeChecksum { algorithm: Crc64Nvme, value: "AAAAAAAAAAA=".into() };
    let expected = CompleteUpload {
        condition: PutCondition::Absent,
        size: Some(20_971_520),
        checksum: Some(value),
        kind: Some(ChecksumKind::FullObject),
    };
    assert_eq!(all, expected);
    let long = "A".repeat(65);
    for refused in [
        &[("x-amz-mp-object-size", "-1")][..],
        &[("x-amz-mp-object-size", "")],
        &[("x-amz-mp-object-size", "99999999999999999999")],
        &[("x-amz-checksum-type", "x")],
        &[("x-amz-checksum-crc32", "")],
        &[("x-amz-checksum-crc32", &long)],
        &[("x-amz-checksum-crc32", "a"), ("x-amz-checksum-sha1", "b")],
    ] {
        assert_eq!(complete(refused), Err(Code::InvalidRequest), "{refused:?}");
    }
}

#[test]
fn parts_are_numbered_from_1_to_10000() {
    for (number, expected) in [
        ("1", Ok("UploadPart builds/a")),
        ("10000", Ok("UploadPart builds/a")),
        ("0", Err(Code::InvalidArgument)),
        ("10001", Err(Code::InvalidArgument)),
        ("99999999999999999999999", Err(Code::InvalidArgument)),
        ("one", Err(Code::InvalidArgument)),
        ("", Err(Code::InvalidArgument)),
    ] {
        path_style("PUT", &format!("/builds/a?uploadId=x&partNumber={number}"), expected);
    }
    path_style("PUT", "/builds/a?uploadId=x", Err(Code::InvalidRequest));
}

#[test]
fn lists_of_parts_are_bounded() {
    let listing = |query: &str| match run("GET", "h", &format!("/builds/a?uploadId=x{query}"), &[]) {
        Ok(Operation::ListParts { listing, .. }) => {
            (listing.after.map_or(0, PartNumber::number), listing.limit)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(listing(""), (0, 1000));
    assert_eq!(listing("&part-number-marker=0&max-parts=0"), (0, 0));
    assert_eq!(listing("&part-number-marker=7&max-parts=2000"), (7, 1000));
    assert_eq!(listing("&part-number-marker=2147483647"), (10_000, 1000));
}

#[test]
fn attributes_are_asked_for_by_name() {
    let wanted = |headers: &[(&str, &str)]| match run("GET", "h", "/builds/a?attributes", headers) {
        Ok(Operation::GetObjectAttributes { wanted, .. }) => Ok(wanted),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code),
    };
    let name = "x-amz-object-attributes";
    let all = wanted(&[
        (name, "ETag,Checksum, ObjectParts"),
        (name, "StorageClass,ObjectSize,ETag"),
        ("x-amz-max-parts", "3"),
        ("x-amz-part-number-marker", "2"),
    ])
    .unwrap();
    assert_eq!(all.attributes, ObjectAttribute::ALL);
    assert_eq!((all.parts_after.map(PartNumber::number), all.max_parts), (Some(2), 3));
    assert_eq!(wanted(&[(name, "ETag")]).unwrap().max_parts, 1000);
    assert_eq!(wanted(&[]), Err(Code::InvalidRequest));
    assert_eq!(wanted(&[(name, "etag")]), Err(Code::InvalidArgument));
    assert_eq!(wanted(&[(name, "")]), Err(Code::InvalidArgument));
    assert_eq!(wanted(&[(name, "ETag"), ("x-amz-max-parts", "x")]), Err(Code::InvalidArgument));
}
