//! What copies are made of.

use super::*;
use crate::s3::operation::{HeaderDirective, TagDirective};

const TARGET: &str = "/builds/a";
const PART: &str = "/builds/a?partNumber=1&uploadId=x";

fn copied(target: &str, source: &str) -> Result<String, Code> {
    let operation = run("PUT", "h", target, &[("x-amz-copy-source", source)]).map_err(|error| error.code)?;
    let source = match operation {
        Operation::CopyObject { copy, .. } => copy.source,
        Operation::UploadPartCopy { copy, .. } => copy.source,
        other => panic!("{other:?}"),
    };
    Ok(match source.version {
        None => source.object.to_string(),
        Some(version) => format!("{} of {version}", source.object),
    })
}

#[test]
fn a_source_is_decoded_once() {
    for (source, expected) in [
        ("src/k", Ok("src/k")),
        ("/src/k", Ok("src/k")),
        ("src/k?versionId=null", Ok("src/k of null")),
        ("src/a%2Fb%20c+d%2Be", Ok("src/a/b c d+e")),
        ("src%2Fk", Ok("src/k")),
        ("src/anyfilename%2525.txt", Ok("src/anyfilename%25.txt")),
        ("src/anyfilename%25.txt", Ok("src/anyfilename%.txt")),
        ("src/%3FversionId", Ok("src/?versionId")),
        ("src/foo%3Fbar?versionId=a%2Db", Ok("src/foo?bar of a-b")),
        ("src//k", Ok("src//k")),
        ("", Err(Code::InvalidArgument)),
        ("src", Err(Code::InvalidArgument)),
        ("src/", Err(Code::InvalidArgument)),
        ("//k", Err(Code::InvalidBucketName)),
        ("SRC/k", Err(Code::InvalidBucketName)),
        ("arn:aws:s3:eu-central-1:1:accesspoint/x/object/k", Err(Code::InvalidBucketName)),
        ("src/a%", Err(Code::InvalidArgument)),
        ("src/%ff", Err(Code::InvalidArgument)),
        ("src/a/../b", Err(Code::InvalidURI)),
        ("src/%2e%2e/b", Err(Code::InvalidURI)),
        ("src/k?versionId=", Err(Code::InvalidArgument)),
        ("src/k?versionId=a%20b", Err(Code::InvalidArgument)),
        ("src/k?x=y", Err(Code::InvalidArgument)),
        ("src/k?versionId=a&x=y", Ok("src/k of a&x=y")),
    ] {
        for target in [TARGET, PART] {
            assert_eq!(copied(target, source), expected.map(str::to_owned), "{target} {source}");
        }
    }
    let twice = [("x-amz-copy-source", "src/k"), ("x-amz-copy-source", "src/l")];
    assert!(run("PUT", "h", TARGET, &twice).is_err());
}

fn copy(headers: &[(&str, &str)]) -> Result<CopyRequest, Code> {
    let mut all = vec![("x-amz-copy-source", "builds/a")];
    all.extend(headers);
    match run("PUT", "h", "/builds/b", &all) {
        Ok(Operation::CopyObject { copy, .. }) => Ok(*copy),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code),
    }
}

#[test]
fn directives_say_what_the_copy_bears() {
    let plain = copy(&[("x-amz-meta-a", "ignored"), ("content-type", "ignored/too")]).unwrap();
    assert_eq!((plain.headers, plain.tags), (HeaderDirective::Copy, TagDirective::Copy));
    let replaced = copy(&[
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-a", "1"),
        ("x-amz-tagging-directive", "REPLACE"),
        ("x-amz-tagging", "a=b"),
        ("if-none-match", "*"),
    ])
    .unwrap();
    let HeaderDirective::Replace(headers) = replaced.headers else { panic!("headers of its own") };
    assert_eq!(headers.get("x-amz-meta-a"), Some("1"));
    let TagDirective::Replace(tags) = replaced.tags else { panic!("tags of its own") };
    assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "b")]);
    assert_eq!(replaced.condition, PutCondition::Absent);
    assert_eq!(copy(&[("x-amz-tagging", "a=b")]), Err(Code::InvalidArgument));
    assert_eq!(copy(&[("x-amz-object-lock-mode", "GOVERNANCE")]), Err(Code::InvalidArgument));
}

#[test]
fn a_copy_onto_itself_must_change_something() {
    let onto = |source, headers: &[(&str, &str)]| {
        let mut all = vec![("x-amz-copy-source", source)];
        all.extend(headers);
        run("PUT", "h", TARGET, &all).map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(onto("builds/a", &[]), Err(Code::InvalidRequest));
    assert_eq!(onto("/builds/%61", &[("x-amz-metadata-directive", "COPY")]), Err(Code::InvalidRequest));
    assert_eq!(onto("builds/a", &[("x-amz-metadata-directive", "REPLACE")]), Ok(()));
    assert_eq!(onto("builds/a?versionId=x", &[]), Ok(()));
    assert_eq!(onto("other/a", &[]), Ok(()));
}

#[test]
fn a_range_of_a_source_has_one_form() {
    let range = |range| {
        let headers = [("x-amz-copy-source", "builds/a"), ("x-amz-copy-source-range", range)];
        match run("PUT", "h", PART, &headers) {
            Ok(Operation::UploadPartCopy { copy, .. }) => Ok(copy.range),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.code),
        }
    };
    assert_eq!(range("bytes=0-0"), Ok(Some(0..1)));
    assert_eq!(range("bytes=5-21"), Ok(Some(5..22)));
    for bad in [
        "0-2",
        "bytes=0",
        "bytes=hello-world",
        "bytes=0-bar",
        "bytes=hello-",
        "bytes=0-2,3-5",
        "bytes=0-",
        "bytes=-5",
        "bytes=+1-2",
        "bytes=3-2",
        "bytes= 1-2",
        "Bytes=1-2",
        "bytes=0-18446744073709551615",
        "",
    ] {
        assert_eq!(range(bad), Err(Code::InvalidArgument), "{bad}");
    }
    assert_eq!(run("PUT", "h", PART, &[("x-amz-copy-source", "builds/a")]).map(|_| ()), Ok(()));
}
