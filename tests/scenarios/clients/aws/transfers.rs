//! `s3 cp`, `mv`, `rm` and `presign` with their default settings: what is larger than 8 MiB goes in parts of 8 MiB.

use std::fs;

use hallmark_tests::data::{self, MIB, assert_same};

use super::super::{BUCKET, RELEASES, check_sizes, lab, two_buckets};
use super::{Cp, Tool as _, url, url_in};

#[test]
fn cp_sizes() {
    check_sizes(|session| Box::new(Cp(session)), &[1024, 20 * MIB, 70 * MIB]);
}

#[test]
fn cp_splits_what_is_large() {
    let (_proxy, session) = lab();
    let cp = Cp(&session);
    for (length, parts) in [(8 * MIB - 1, None), (8 * MIB, Some(1)), (20 * MIB, Some(3))] {
        let file = data::file(session.sandbox.home(), length, length);
        cp.put(&file, "key").good();
        let want = fs::read(file).unwrap();
        match parts {
            None => session.sealed_whole(BUCKET, "key", &want),
            Some(parts) => session.sealed_in_parts(BUCKET, "key", &want, parts),
        };
    }
}

/// Left to itself, `s3 cp` downloads larger files in several ranges at once, also what came whole.
#[test]
fn cp_downloads_in_ranges() {
    let (_proxy, session) = lab();
    let want = data::content(1, 30 * MIB);
    assert_eq!(session.client.put(BUCKET, "key", &want).status, 200);
    let back = session.file("back");
    Cp(&session).get("key", &back).good();
    assert_same(&fs::read(back).unwrap(), &want, "in ranges");
}

/// Nobody knows how long they are.
#[test]
fn cp_carries_streams() {
    let (_proxy, session) = lab();
    for (length, parts) in [(1024, None), (20 * MIB, Some(3))] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        session.shell(&format!("aws s3 cp - '{}' < '{}'", url("key"), file.display())).good();
        match parts {
            None => session.sealed_whole(BUCKET, "key", &want),
            Some(parts) => session.sealed_in_parts(BUCKET, "key", &want, parts),
        };
        let back = session.file("back");
        session.shell(&format!("aws s3 cp '{}' - > '{}'", url("key"), back.display())).good();
        assert_same(&fs::read(&back).unwrap(), &want, "as a stream");
    }
}

/// Headers of an upload in parts are told when it begins, and are the artifact's all the same.
#[test]
fn cp_keeps_headers() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    let told =
        ["--content-type", "application/x-tar", "--cache-control", "no-cache", "--metadata", "build=7"];
    Cp(&session)
        .run(&[&["cp", "--no-progress", &file.to_string_lossy(), &url("key")], &told[..]].concat())
        .good();
    let seen = session.sealed_in_parts(BUCKET, "key", &fs::read(file).unwrap(), 2);
    assert_eq!(seen.header("content-type"), Some("application/x-tar"));
    assert_eq!(seen.header("cache-control"), Some("no-cache"));
    assert_eq!(seen.header("x-amz-meta-build"), Some("7"));
}

/// Up, within the bucket, to another bucket, and down: the source is gone after each.
#[test]
fn mv() {
    let (_proxy, session) = two_buckets();
    let cp = Cp(&session);
    for (length, parts) in [(1024, None), (20 * MIB, Some(3))] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        let sealed = |bucket, key| match parts {
            None => session.sealed_whole(bucket, key, &want),
            Some(parts) => session.sealed_in_parts(bucket, key, &want, parts),
        };
        // The store made it of what was there, also where the client asked for it part by part.
        let copied = |bucket, key| {
            let seen = sealed(bucket, key);
            let seal = seen.header("x-amz-meta-hallmark").unwrap();
            assert!(seal.contains(" op=copy "), "{seal}");
        };
        cp.run(&["mv", "--no-progress", &file.to_string_lossy(), &url("first")]).good();
        assert!(!file.exists());
        sealed(BUCKET, "first");

        cp.run(&["mv", "--no-progress", &url("first"), &url("second/key ü")]).good();
        session.absent(BUCKET, "first");
        copied(BUCKET, "second/key ü");

        cp.run(&["mv", "--no-progress", &url("second/key ü"), &url_in(RELEASES, "third")]).good();
        session.absent(BUCKET, "second/key ü");
        copied(RELEASES, "third");

        cp.run(&["mv", "--no-progress", &url_in(RELEASES, "third"), &file.to_string_lossy()]).good();
        session.absent(RELEASES, "third");
        assert_same(&fs::read(&file).unwrap(), &want, "moved back");
    }
    session.no_uploads(BUCKET);
    session.no_uploads(RELEASES);
}

#[test]
fn rm_recursive() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    Cp(&session).put(&file, "old/large").good();
    for key in ["old/1", "old/2/3", "older", "kept"] {
        assert_eq!(session.client.put(BUCKET, key, b"bytes").status, 200);
    }
    Cp(&session).run(&["rm", "--recursive", &url("old/")]).good();
    assert_eq!(session.client.keys(BUCKET, ""), ["kept", "older"]);
}

#[test]
fn mb_and_rb() {
    let (_proxy, session) = lab();
    let cp = Cp(&session);
    cp.run(&["mb", "s3://another"]).good();
    assert_eq!(session.client.put("another", "key", b"bytes").status, 200);
    assert!(cp.run(&["rb", "s3://another"]).bad().contains("BucketNotEmpty"));
    cp.run(&["rb", "--force", "s3://another"]).good();
    session.absent("another", "key");
}

/// Without further settings the client signs URLs for `us-east-1` in a way that was given up long ago, and is told so.
#[test]
fn presign() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 20 * MIB);
    Cp(&session).put(&file, "key ü").good();
    let want = fs::read(file).unwrap();
    let presigned = || Cp(&session).run(&["presign", &url("key ü")]).good().trim().to_owned();
    let back = session.file("back");
    let curl = |url: &str| {
        session.sandbox.run("curl", &["-sS", "--fail-with-body", "-o", &back.to_string_lossy(), url])
    };

    curl(&presigned()).bad();
    let said = fs::read_to_string(&back).unwrap();
    assert!(said.contains("Please use AWS4-HMAC-SHA256"), "{said}");

    fs::write(session.file("aws-config"), "[default]\ns3 =\n  signature_version = s3v4\n").unwrap();
    curl(&presigned()).good();
    assert_same(&fs::read(&back).unwrap(), &want, "by a signed URL");
}
