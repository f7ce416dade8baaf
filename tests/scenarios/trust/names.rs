//! What is merely named like signatures; and whose signatures stand there.

use hallmark_tests::data::content;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{NOBODY, Site};

use super::{BUCKET, FREE, HEADER, KEY, Lab, refused};

const RULE: &str = "all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\"";
/// The same before signatures were looked for beside artifacts.
const BEFORE: &str = "all_of = [\"release\"], enforce = \"download\"";

fn beside(suffix: &str) -> String {
    format!("{KEY}.{suffix}")
}

#[track_caller]
fn refused_as(what: &str, response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{what}: {}", response.text());
}

/// Somebody who may sign may not have anything else served.
#[test]
fn what_is_no_signature_is_not_taken_under_the_name_of_one() {
    let lab = Lab::new(RULE, "");
    let script = b"#!/bin/sh\nrm -rf /\n";
    for suffix in ["sig", "ci.sig"] {
        let name = beside(suffix);
        let put = lab.client.put(BUCKET, &name, script);
        refused_as(suffix, &put, 400, "InvalidRequest");
        assert!(put.text().contains("neither a DER-encoded"), "{}", put.text());
        refused_as("empty", &lab.client.put(BUCKET, &name, b""), 400, "InvalidRequest");
        refused_as("in parts", &lab.client.ask_for_upload(BUCKET, &name, &[]), 400, "InvalidRequest");
        assert_eq!(lab.client.put(FREE, "script", script).status, 200);
        let copy = lab.client.copy((FREE, "script", None), BUCKET, &name, &[]);
        refused_as("copy", &copy, 400, "InvalidRequest");
        let large = vec![b'A'; (64 << 10) + 1];
        assert_eq!(lab.client.put(FREE, "large", &large).status, 200);
        let copy = lab.client.copy((FREE, "large", None), BUCKET, &name, &[]);
        refused_as("large copy", &copy, 400, "EntityTooLarge");
        assert!(lab.store.find(BUCKET, &name).is_none());
    }
    // What is one may be copied, as the artifact beside it is.
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["b"]).status, 200);
    assert_eq!(
        lab.client.put(FREE, "signature", lab.proxy.site.signature("ci", &body).as_bytes()).status,
        200
    );
    let copy = lab.client.copy((FREE, "signature", None), BUCKET, &beside("ci.sig"), &[]);
    assert_eq!(copy.status, 200, "{}", copy.text());
    assert_eq!(lab.read(), Ok(body));
}

/// What waited under such a name, from before the rule looked for siblings, is not served for its name.
#[test]
fn what_is_named_like_a_signature_is_judged_like_anything_else() {
    let before = Lab::new(BEFORE, "");
    let (name, script) = (beside("ci.sig"), b"#!/bin/sh\n");
    assert_eq!(before.client.put(BUCKET, &name, script).status, 200);
    let large = content(3, (64 << 10) + 1);
    assert_eq!(before.client.put(BUCKET, &beside("sig"), &large).status, 200);
    let signed = [(HEADER, before.signed(script, &["ci", "b"]))];
    let approved = beside("b.sig");
    assert_eq!(before.client.put_with(BUCKET, &approved, script, &[(signed[0].0, &signed[0].1)]).status, 200);

    for lines in ["", "freshness = \"5m\"\n"] {
        let lab = before.changed(|text| {
            text.replace("freshness = \"5m\"\n", "")
                .replace(BEFORE, RULE)
                .replace(&format!("[buckets.{BUCKET}]\n"), &format!("[buckets.{BUCKET}]\n{lines}"))
        });
        for _ in 0..2 {
            for name in [&name, &beside("sig")] {
                refused(name, &lab.reader.get(BUCKET, name), "ArtifactSignatureMissing");
                assert_eq!(lab.reader.head(BUCKET, name).status, 403);
                let part = lab.reader.get_range(BUCKET, name, "bytes=0-3");
                refused(name, &part, "ArtifactSignatureMissing");
            }
            // Who may see what is not trusted sees it, and is told.
            let seen = lab.client.get(BUCKET, &name);
            assert_eq!((seen.status, seen.header("x-hallmark-verified")), (200, Some("seal-only")));
            // One that satisfies the rule for its name is served by that.
            let got = lab.reader.get(BUCKET, &approved);
            assert_eq!((got.status, got.header("x-hallmark-verified")), (200, Some("seal,ci,b")));
        }
        // What is one is served for what it is.
        let good = lab.proxy.site.signature("c", b"anything");
        let own = beside("c.sig");
        assert_eq!(lab.client.put(BUCKET, &own, good.as_bytes()).status, 200);
        for _ in 0..2 {
            let got = lab.reader.get(BUCKET, &own);
            assert_eq!((got.status, got.body.as_slice()), (200, good.as_bytes()));
            assert_eq!(lab.reader.head(BUCKET, &own).header("x-hallmark-verified"), Some("seal"));
            let part = lab.reader.get_range(BUCKET, &own, "bytes=2-5");
            assert_eq!((part.status, part.body.as_slice()), (206, &good.as_bytes()[2..6]));
        }
    }
}

/// A rule about just this name is for an artifact.
#[test]
fn a_name_with_a_rule_of_its_own_is_no_signatures() {
    let lab = Lab::new(RULE, "");
    let lab = lab.changed(|text| {
        let name = beside("sig");
        let exact =
            format!("rules = [{{ key = \"{name}\", signatures = \"required\", all_of = [\"release\"] }},");
        text.replace(
            "rules = [{ prefix = \"\", signatures = \"required\", all_of",
            &format!("{exact} {{ prefix = \"\", signatures = \"required\", all_of"),
        )
    });
    let good = lab.proxy.site.signature("ci", b"anything");
    refused("unsigned", &lab.client.put(BUCKET, &beside("sig"), good.as_bytes()), "ArtifactSignatureMissing");
    assert_eq!(lab.client.put(BUCKET, &beside("ci.sig"), good.as_bytes()).status, 200);
}

/// A lab in which somebody else may sign, and no more than that.
fn with_signer(permissions: &str) -> (Lab, Client) {
    let lab = Lab::new(RULE, "").changed(|text| {
        let grants = format!("grants = [{{ bucket = \"*\", permissions = [{permissions}] }}]");
        text.replace("grants = []", &grants)
    });
    let signer = Site::client(lab.proxy.address(), NOBODY);
    (lab, signer)
}

/// Who may sign may add signatures, and not take those of others away.
#[test]
fn signatures_are_replaced_by_those_who_made_them() {
    let (lab, signer) = with_signer("\"read\", \"write_signatures\"");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["b"]).status, 200);
    let (theirs, own) = (beside("ci.sig"), beside("c.sig"));
    let good = lab.proxy.site.signature("ci", &body);
    // Another one by the same key over the same bytes.
    let other = super::twin(&good);
    assert_eq!(lab.client.put(BUCKET, &theirs, good.as_bytes()).status, 200);
    assert_eq!(lab.read(), Ok(body.clone()));

    let denied = |what: &str, response: &Response| refused(what, response, "AccessDenied");
    denied("PUT", &signer.put(BUCKET, &theirs, other.as_bytes()));
    let etag = lab.client.head(BUCKET, &theirs).header("etag").unwrap().to_owned();
    denied("on If-Match", &signer.put_with(BUCKET, &theirs, other.as_bytes(), &[("If-Match", &etag)]));
    let plain = beside("sig");
    assert_eq!(signer.put(BUCKET, &plain, other.as_bytes()).status, 200);
    denied("copy", &signer.copy((BUCKET, &plain, None), BUCKET, &theirs, &[]));
    denied("DELETE", &signer.delete(BUCKET, &theirs));
    assert_eq!(lab.read(), Ok(body.clone()));

    // Its own it may replace; nobody else may.
    let [first, second] = [0, 1].map(|_| lab.proxy.site.signature("c", &body));
    assert_eq!(signer.put(BUCKET, &own, first.as_bytes()).status, 200);
    assert_eq!(signer.put(BUCKET, &own, second.as_bytes()).status, 200);
    denied("the other way round", &lab.client.put(BUCKET, &own, super::twin(&first).as_bytes()));
    assert_eq!(lab.client.delete(BUCKET, &own).status, 204);
    assert_eq!(lab.client.put(BUCKET, &own, first.as_bytes()).status, 200);

    // What does not hold is nobody's.
    lab.store.edit(BUCKET, &theirs, |object| object.attributes.hallmark = None);
    assert_eq!(signer.put(BUCKET, &theirs, good.as_bytes()).status, 200);
    assert_eq!(lab.read(), Ok(body));
}

/// Neither did the other one stand there when it was looked at, nor does it go.
#[test]
fn of_two_signatures_at_once_one_stays() {
    let (lab, signer) = with_signer("\"read\", \"write_signatures\"");
    let name = beside("ci.sig");
    let [ours, theirs] = [b"1", b"2"].map(|bytes| lab.proxy.site.signature("ci", bytes));
    let gate = lab.store.hold(hallmark_tests::memory::Call::Put.naming(&name));
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| lab.client.put(BUCKET, &name, ours.as_bytes()));
        gate.wait();
        let second = signer.put(BUCKET, &name, theirs.as_bytes());
        gate.release();
        (first.join().unwrap(), second)
    });
    assert_eq!(second.status, 200, "{}", second.text());
    refused_as("the slower", &first, 409, "ConditionalRequestConflict");
    assert_eq!(lab.client.get(BUCKET, &name).body, theirs.as_bytes());
}
