//! Promotion by `s3 cp` and `s3 sync`, into a bucket that demands the signature of `ci`.

use std::fs;

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::site::SIGNED;

use super::super::{Session, lab};
use super::{Cp, url, url_in};

/// What is copied whole, and what is copied in parts.
const LENGTHS: [u64; 2] = [1024, 20 * MIB];

/// The signature travels with what it is of, also where the client copies in parts and leaves the metadata behind.
#[test]
fn of_what_is_signed() {
    let (proxy, session) = labs();
    for length in LENGTHS {
        let want = content(length, length);
        fs::write(session.file("app.tar"), &want).unwrap();
        let signed = format!("hallmark-signature={}", proxy.site.signature("ci", &want));
        let (staged, released) = (url("app.tar"), url_in(SIGNED, "1.0/app.tar"));
        let bearing = ["--metadata", &signed];
        Cp(&session).run(&[&["cp", "--no-progress", "app.tar", &staged], &bearing[..]].concat()).good();
        Cp(&session).run(&["cp", "--no-progress", &staged, &released]).good();
        let seen = session.client.get(SIGNED, "1.0/app.tar");
        assert_eq!(seen.header("x-hallmark-verified"), Some("seal,ci"), "{length}: {}", seen.status);
        assert_same(&seen.body, &want, "promoted");
    }
}

/// Neither whole nor in parts, and not from somewhere else either.
#[test]
fn of_what_is_not() {
    let (proxy, session) = labs();
    for length in LENGTHS {
        let bytes = content(length, length);
        fs::write(session.file("app.tar"), &bytes).unwrap();
        let foreign = format!("hallmark-signature={}", proxy.site.signature("other", &bytes));
        for further in [&[][..], &["--metadata", &foreign]] {
            let (staged, released) = (url("app.tar"), url_in(SIGNED, "app.tar"));
            let upload = [&["cp", "--no-progress", "app.tar", &staged], further].concat();
            Cp(&session).run(&upload).good();
            let said = Cp(&session).run(&["cp", "--no-progress", &staged, &released]).bad();
            assert!(said.contains("ArtifactSign"), "{length}: {said}");
            session.absent(SIGNED, "app.tar");
        }
        let upload = ["cp", "--no-progress", "app.tar", &url_in(SIGNED, "app.tar")];
        let said = Cp(&session).run(&upload).bad();
        assert!(said.contains("ArtifactSign"), "{length}: {said}");
        session.absent(SIGNED, "app.tar");
    }
    session.no_uploads(SIGNED);
}

fn labs() -> (Proxy, Session) {
    let (proxy, session) = lab();
    session.client.create_bucket(SIGNED);
    (proxy, session)
}
