//! `enforce = "download"`: taken in without the signatures, served with them, and never over what is served.

use std::thread;

use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::Call;
use hallmark_tests::raw::{Asked, Connection, Response};
use hallmark_tests::s3::object;
use hallmark_tests::sigv4::UNSIGNED;

use super::{BUCKET, FREE, HEADER, KEY, Lab, refused};

const RULE: &str = "all_of = [\"release\"], enforce = \"download\"";

/// Every way to put an unsigned artifact under the name. `check` looks at each answer, and at what is there then.
fn unsigned(lab: &Lab, seed: u64, check: impl Fn(&str, &Response)) {
    let (small, large) = (content(seed, 1000), content(seed, 9 * MIB));
    assert_eq!(lab.client.put(FREE, "source", &small).status, 200);
    let chunked = || {
        let mut request =
            lab.client.request("PUT", &object(BUCKET, KEY)).header("Transfer-Encoding", "chunked");
        lab.client.signer().sign(&mut request, UNSIGNED);
        let framed = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
        Connection::open(lab.client.address).exchange(&[&request.head(), &framed], Asked::Other)
    };
    let by_reference = || {
        let upload = lab.client.create_upload(BUCKET, KEY, &[]);
        let part = upload.copy_part(1, (FREE, "source", None), &[]);
        upload.complete(&[hallmark_tests::s3::Completed::new(1, &part.element("ETag"))])
    };
    let ways: [(&str, &dyn Fn() -> Response); 8] = [
        ("PUT", &|| lab.client.put(BUCKET, KEY, &small)),
        ("PUT with one signature", &|| lab.put(&small, &["b"])),
        ("PUT of a stranger's", &|| lab.put(&small, &["other"])),
        ("large PUT", &|| lab.client.put(BUCKET, KEY, &large)),
        ("PUT of unknown length", &chunked),
        ("Complete", &|| lab.client.put_parts(BUCKET, KEY, &[&small], &[])),
        ("Complete of copied parts", &by_reference),
        ("copy", &|| lab.client.copy((FREE, "source", None), BUCKET, KEY, &[])),
    ];
    for (what, put) in ways {
        check(what, &put());
    }
}

/// Why what was put in this way is not served.
fn code(what: &str) -> &'static str {
    match what {
        "PUT with one signature" => "ArtifactRoleUnmet",
        "PUT of a stranger's" => "ArtifactSignerUntrusted",
        _ => "ArtifactSignatureMissing",
    }
}

#[test]
fn what_waits_for_approval_is_seen_by_inspectors_and_served_when_it_has_it() {
    let lab = Lab::new(RULE, "");
    unsigned(&lab, 1, |what, put| {
        assert_eq!(put.status, 200, "{what}: {}", put.text());
        assert_eq!(lab.read(), Err(code(what).to_owned()), "{what}");
    });
    let body = content(2, 1000);
    assert_eq!(lab.put(&body, &["ci"]).status, 200);
    assert_eq!(lab.read(), Err("ArtifactRoleUnmet".to_owned()));
    assert_eq!(lab.inspect(), (body.clone(), "seal-only".to_owned()));
    refused("a copy out of it", &lab.client.copy((BUCKET, KEY, None), FREE, "out", &[]), "ArtifactRoleUnmet");
    assert_eq!(lab.put(&body, &["ci", "b"]).status, 200);
    assert_eq!(lab.read(), Ok(body.clone()));
    assert_eq!(lab.inspect(), (body, "seal,ci,b".to_owned()));
}

#[test]
fn what_is_served_is_not_taken_down_by_what_is_not() {
    let lab = Lab::new(RULE, "");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["ci", "b"]).status, 200);
    unsigned(&lab, 2, |what, put| {
        refused(what, put, code(what));
        assert_eq!(lab.read(), Ok(body.clone()), "{what}");
    });
    let etag = lab.client.head(BUCKET, KEY).header("etag").unwrap().to_owned();
    let put = lab.client.put_with(BUCKET, KEY, b"unsigned", &[("If-Match", &etag)]);
    refused("on If-Match", &put, "ArtifactSignatureMissing");
    assert_eq!(lab.client.put_with(BUCKET, KEY, b"unsigned", &[("If-None-Match", "*")]).status, 412);

    let next = content(3, 9 * MIB);
    assert_eq!(lab.put(&next, &["c", "b"]).status, 200);
    assert_eq!(lab.read(), Ok(next.clone()));
    // Once it is served no more it can be replaced.
    let revoked = "keys.c = { public_key_file = \"c.pub\", revoked = \"lost\" }";
    let after = lab.changed(|text| text.replace("keys.c.public_key_file = \"c.pub\"", revoked));
    assert_eq!(after.put(&body, &[]).status, 200);
    assert_eq!(after.inspect().0, body);
}

/// Signatures that can never become good are not worth waiting with.
#[test]
fn malformed_and_revoked_signatures_are_refused_at_once() {
    let lab = Lab::new(RULE, "");
    let revoked = "keys.c = { public_key_file = \"c.pub\", revoked = \"lost\" }";
    let lab = lab.changed(|text| text.replace("keys.c.public_key_file = \"c.pub\"", revoked));
    let body = content(1, 1000);
    let put = lab.client.put_with(BUCKET, KEY, &body, &[(HEADER, "AAAA")]);
    assert_eq!((put.status, put.code().as_str()), (400, "InvalidArgument"));
    refused("revoked", &lab.put(&body, &["c"]), "ArtifactKeyRevoked");
    refused("revoked and one good", &lab.put(&body, &["c", "b"]), "ArtifactKeyRevoked");
    assert_eq!(lab.put(&body, &["c", "b", "ci"]).status, 200);
    assert_eq!(lab.read(), Ok(body));
}

/// It is looked at before, and written only over what was looked at: between the two a signed one may come.
#[test]
fn a_signed_upload_in_between_is_not_replaced() {
    let lab = Lab::new(RULE, "");
    let body = content(1, 1000);
    for waiting in [false, true] {
        lab.store.remove(BUCKET, KEY);
        if waiting {
            assert_eq!(lab.put(&content(2, 100), &[]).status, 200);
        }
        let signed = [(HEADER, lab.signed(&body, &["ci", "c"]))];
        let gate = lab.store.hold(Call::Put.naming(KEY));
        let client = &lab.client;
        let (unsigned, signed) = thread::scope(|scope| {
            let unsigned = scope.spawn(|| client.put(BUCKET, KEY, b"unsigned"));
            gate.wait();
            let signed = client.put_with(BUCKET, KEY, &body, &[(signed[0].0, &signed[0].1)]);
            gate.release();
            (unsigned.join().unwrap(), signed)
        });
        assert_eq!(signed.status, 200, "{}", signed.text());
        assert_eq!((unsigned.status, unsigned.code().as_str()), (409, "ConditionalRequestConflict"));
        assert_eq!(lab.read(), Ok(body.clone()));
    }
}

/// Only where such a rule is does an upload cost a look.
#[test]
fn the_look_is_taken_only_under_such_a_rule() {
    let body = content(1, 1000);
    for (rule, expected) in [(RULE, &[Call::Head, Call::Put][..]), ("all_of = [\"release\"]", &[Call::Put])] {
        let lab = Lab::new(rule, "");
        let signed = lab.signed(&body, &["ci", "c"]);
        lab.store.take_calls();
        assert_eq!(lab.client.put_with(BUCKET, KEY, &body, &[(HEADER, &signed)]).status, 200);
        assert_eq!(lab.store.take_calls(), expected);
    }
}
