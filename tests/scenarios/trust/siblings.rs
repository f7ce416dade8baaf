//! Signatures beside an artifact.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hallmark_tests::data::content;
use hallmark_tests::memory::Call;
use hallmark_tests::raw::Response;
use hallmark_tests::site::{NOBODY, Site};

use super::{BUCKET, FREE, HEADER, KEY, Lab, refused};

const RULE: &str = "all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\"";
const AT_ONCE: &str = "all_of = [\"release\"], siblings = [\"sig\"]";

fn beside(suffix: &str) -> String {
    format!("{KEY}.{suffix}")
}

/// Puts a signature over `body` by `key` beside the artifact.
fn approve(lab: &Lab, body: &[u8], key: &str) -> Response {
    let signature = lab.proxy.site.signature(key, body);
    lab.client.put_with(
        BUCKET,
        &beside(&format!("{key}.sig")),
        signature.as_bytes(),
        &[("If-None-Match", "*")],
    )
}

/// An artifact that waits, with the approvals of these.
fn approved(rule: &str, keys: &[&str]) -> (Lab, Vec<u8>) {
    let lab = Lab::new(rule, "");
    let body = content(1, 1000);
    for key in keys {
        assert_eq!(approve(&lab, &body, key).status, 200);
    }
    assert_eq!(lab.put(&body, &[]).status, 200);
    (lab, body)
}

#[test]
fn what_waits_is_served_once_enough_have_approved() {
    let (lab, body) = approved(RULE, &[]);
    assert_eq!(lab.read(), Err("ArtifactSignatureMissing".to_owned()));
    assert_eq!(approve(&lab, &body, "ci").status, 200);
    assert_eq!(lab.read(), Err("ArtifactRoleUnmet".to_owned()));
    assert!(lab.reader.get(BUCKET, KEY).text().contains("2 of `release` (1 there)"));
    assert_eq!(lab.inspect(), (body.clone(), "seal-only".to_owned()));

    // As openssl writes it, under the plain name.
    let der = BASE64.decode(lab.proxy.site.signature("b", &body)).unwrap();
    assert_eq!(lab.client.put(BUCKET, &beside("sig"), &der).status, 200);
    assert_eq!(lab.read(), Ok(body.clone()));
    assert_eq!(lab.inspect(), (body.clone(), "seal,b,ci".to_owned()));
    let part = lab.reader.get_range(BUCKET, KEY, "bytes=10-19");
    assert_eq!((part.status, part.body.as_slice()), (206, &body[10..20]));

    // What is served is not replaced by what is not, and it is the sibling that makes it so.
    refused("unsigned", &lab.put(b"other", &[]), "ArtifactSignerUntrusted");
    assert_eq!(lab.read(), Ok(body.clone()));

    // Taken away, it counts no more; put back, it does.
    assert_eq!(lab.client.delete(BUCKET, &beside("sig")).status, 204);
    assert_eq!(lab.read(), Err("ArtifactRoleUnmet".to_owned()));
    assert_eq!(approve(&lab, &body, "c").status, 200);
    assert_eq!(lab.read(), Ok(body.clone()));
    // A signer's name is for that signer's signature.
    let put = lab.client.put(BUCKET, &beside("c.sig"), &der);
    refused("another's", &put, "ArtifactSignatureRefused");
    assert!(put.text().contains("a signature by `b`") && put.text().contains("one by `c`"), "{}", put.text());
    assert_eq!(lab.inspect().1, "seal,ci,c");
    assert_eq!(lab.client.put(BUCKET, &beside("b.sig"), &der).status, 200);
    assert_eq!(lab.client.delete(BUCKET, &beside("c.sig")).status, 204);
    assert_eq!(lab.inspect().1, "seal,ci,b");
}

/// Who is told why it is not served is told whose signature does not count any more, and why.
#[test]
fn a_refusal_after_a_revocation_names_key_and_reason() {
    let (lab, _) = approved(RULE, &["ci", "b"]);
    let ended = "keys.b = { public_key_file = \"b.pub\", revoked = \"laptop stolen\" }";
    let after = lab.changed(|text| text.replace("keys.b.public_key_file = \"b.pub\"", ended));
    let says = "signatures are missing: 2 of `release` (1 there); what `b` signed is revoked: laptop stolen";
    let got = after.reader.get(BUCKET, KEY);
    refused("a reader", &got, "ArtifactRoleUnmet");
    assert!(got.text().contains(says), "{}", got.text());
    let seen = after.client.head(BUCKET, KEY);
    let untrusted = seen.header("x-hallmark-untrusted").unwrap();
    assert!(untrusted.starts_with(&format!("ArtifactRoleUnmet: {says}")), "{untrusted}");
    assert!(untrusted.ends_with("; of `release`: ci counts, 1 more of c can sign"), "{untrusted}");
    let both = after.changed(|text| {
        text.replace(
            "keys.c.public_key_file = \"c.pub\"",
            "keys.c = { public_key_file = \"c.pub\", revoked = \"left\" }",
        )
    });
    let seen = both.client.head(BUCKET, KEY);
    let untrusted = seen.header("x-hallmark-untrusted").unwrap();
    assert!(untrusted.ends_with("1 more are needed, and nobody is left who can sign"), "{untrusted}");
    // Nobody else hears of it.
    let stranger = Site::client(after.proxy.address(), NOBODY).get(BUCKET, KEY);
    assert!(stranger.code() == "AccessDenied" && !stranger.text().contains("stolen"), "{}", stranger.text());
    // The only one.
    assert_eq!(after.client.delete(BUCKET, &beside("ci.sig")).status, 204);
    let got = after.reader.get(BUCKET, KEY);
    refused("the only one", &got, "ArtifactKeyRevoked");
    assert!(got.text().contains("by `b`, and revoked: laptop stolen"), "{}", got.text());
}

#[test]
fn header_and_siblings_count_together_and_a_bucket_that_is_fresh_notices() {
    let lab = Lab::new(RULE, "freshness = \"5m\"");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["ci"]).status, 200);
    assert_eq!(approve(&lab, &body, "c").status, 200);
    for _ in 0..2 {
        assert_eq!(lab.read(), Ok(body.clone()));
    }
    // Not even by us: another instance, or somebody else, took it away.
    lab.store.remove(BUCKET, &beside("c.sig"));
    assert_eq!(lab.read(), Err("ArtifactRoleUnmet".to_owned()));
}

#[test]
fn nothing_more_is_asked_where_the_header_suffices() {
    let lab = Lab::new(RULE, "");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["ci", "b"]).status, 200);
    lab.store.take_calls();
    assert_eq!(lab.reader.get(BUCKET, KEY).status, 200);
    assert_eq!(lab.reader.head(BUCKET, KEY).status, 200);
    let calls = lab.store.take_named_calls();
    assert!(calls.iter().all(|(_, name)| !name.contains(".sig")), "{calls:?}");
    assert_eq!(calls.len(), 2, "{calls:?}");

    // Where it does not: once each for the plain one and those of the signers.
    assert_eq!(
        lab.changed(|text| text.replace("threshold = 2", "threshold = 3")).read(),
        Err("ArtifactRoleUnmet".to_owned())
    );
    let calls = lab.store.take_named_calls();
    let asked: Vec<_> =
        calls.iter().filter(|(call, name)| *call == Call::Get && name.contains(".sig")).collect();
    assert_eq!(asked.len(), 2 * 4, "{calls:?}");
}

#[test]
fn what_is_of_no_use_is_told_and_spoils_nothing() {
    let (lab, body) = approved(RULE, &["ci"]);
    let name = beside("b.sig");
    let why = |what: &str, expected: &str| {
        let got = lab.reader.get(BUCKET, KEY);
        refused(what, &got, "ArtifactRoleUnmet");
        let text = got.text();
        assert!(text.contains(expected) && text.contains("app.tar.b.sig"), "{what}: {text}");
    };
    // They are not taken today; they may stand there from before.
    let good = lab.proxy.site.signature("b", &body);
    for (what, bytes) in
        [("unparsable", "no signature".to_owned()), ("something behind it", format!("{good}\n\n"))]
    {
        let put = lab.client.put(BUCKET, &name, bytes.as_bytes());
        assert_eq!((put.status, put.code().as_str()), (400, "InvalidRequest"), "{what}");
        let before = lab.changed(|text| text.replace("siblings = [\"sig\"], ", ""));
        assert_eq!(before.client.put(BUCKET, &name, bytes.as_bytes()).status, 200);
        before.changed(|text| text.replace(", enforce", ", siblings = [\"sig\"], enforce"));
        why(what, "neither a DER-encoded");
    }

    assert_eq!(lab.client.put(BUCKET, &name, good.as_bytes()).status, 200);
    assert_eq!(lab.read(), Ok(body.clone()));
    let stored = lab.store.object(BUCKET, &name);
    lab.store.edit(BUCKET, &name, |object| object.flip(5));
    why("tampered with", "not those that were sealed");
    lab.store.place(BUCKET, &name, stored);
    lab.store.edit(BUCKET, &name, |object| object.attributes.hallmark = None);
    why("unsealed", "no seal");
    // Another name's is another's seal.
    lab.store.place(BUCKET, &name, lab.store.object(BUCKET, &beside("ci.sig")));
    why("another's", "seal");

    // With enough others it does not matter.
    assert_eq!(approve(&lab, &body, "c").status, 200);
    assert_eq!(lab.read(), Ok(body));
}

#[test]
fn a_sibling_is_small_and_an_attachment() {
    let (lab, _) = approved(RULE, &["ci"]);
    let large = vec![b'A'; (64 << 10) + 1];
    let name = beside("b.sig");
    let put = lab.client.put(BUCKET, &name, &large);
    assert_eq!((put.status, put.code().as_str()), (400, "EntityTooLarge"));
    let inline = lab.client.put_with(BUCKET, &name, b"x", &[("Content-Disposition", "inline")]);
    assert_eq!((inline.status, inline.code().as_str()), (400, "InvalidRequest"));
    let got = lab.reader.get(BUCKET, &beside("ci.sig"));
    assert_eq!((got.status, got.header("content-disposition")), (200, Some("attachment")));
}

#[test]
fn siblings_have_no_siblings() {
    let (lab, body) = approved(AT_ONCE, &["ci", "b"]);
    assert_eq!(lab.read(), Ok(body));
    for name in ["sig.sig", "ci.sig.sig"] {
        let name = beside(name);
        refused(&name, &lab.client.put(BUCKET, &name, b"x"), "ArtifactSignatureMissing");
    }
    // A name that is nobody's who signs with a key.
    refused("stranger", &lab.client.put(BUCKET, "app.tar.sigstore.json", b"x"), "ArtifactSignatureMissing");
}

#[test]
fn signatures_that_are_there_before_count_at_the_upload_and_for_copies() {
    let lab = Lab::new(AT_ONCE, "");
    let body = content(1, 1000);
    refused("unsigned", &lab.put(&body, &[]), "ArtifactSignatureMissing");
    assert_eq!(approve(&lab, &body, "b").status, 200);
    refused("one", &lab.put(&body, &[]), "ArtifactRoleUnmet");
    refused("one in the header", &lab.put(&body, &["b"]), "ArtifactRoleUnmet");
    assert_eq!(lab.client.put(FREE, "source", &body).status, 200);
    let copy = || lab.client.copy((FREE, "source", None), BUCKET, KEY, &[]);
    refused("copy", &copy(), "ArtifactRoleUnmet");
    assert_eq!(approve(&lab, &body, "c").status, 200);
    assert_eq!(copy().status, 200);
    assert_eq!(lab.read(), Ok(body.clone()));
    refused("other bytes", &lab.put(b"other", &[]), "ArtifactSignerUntrusted");
    assert_eq!(lab.client.put_parts(BUCKET, KEY, &[&body], &[]).status, 200);
    assert_eq!(lab.put(&body, &[]).status, 200);
    let one = lab.signed(&body, &["c"]);
    assert_eq!(lab.client.put_with(BUCKET, KEY, &body, &[(HEADER, &one)]).status, 200);
    assert_eq!(lab.read(), Ok(body));
}

/// Who may write artifacts may not approve of them, and the other way round.
#[test]
fn signatures_are_for_those_to_write_who_may_sign() {
    let (lab, body) = approved(RULE, &[]);
    let all =
        "\"read\", \"read_untrusted\", \"write\", \"write_signatures\", \"delete\", \"delete_version\",";
    let with = |permissions: &str| lab.changed(|text| text.replace(all, permissions));
    let signature = lab.proxy.site.signature("ci", &body);
    let name = beside("ci.sig");

    let writer = with("\"read\", \"write\", \"delete\",");
    let denied = |what: &str, response: &Response| refused(what, response, "AccessDenied");
    denied("PUT", &writer.client.put(BUCKET, &name, signature.as_bytes()));
    denied("copy", &writer.client.copy((FREE, "x", None), BUCKET, &name, &[]));
    denied("multipart", &writer.client.ask_for_upload(BUCKET, &name, &[]));
    denied("DELETE", &writer.client.delete(BUCKET, &name));
    assert_eq!(writer.client.put(BUCKET, KEY, &body).status, 200);

    // The files are one deployment's: back to what it was before the next change.
    writer.changed(|text| text.replace("\"read\", \"write\", \"delete\",", all));
    let signer = with("\"read\", \"write_signatures\",");
    assert_eq!(signer.client.put(BUCKET, &name, signature.as_bytes()).status, 200);
    denied("an artifact", &signer.client.put(BUCKET, KEY, &body));
    denied("what is named so where no rule asks", &signer.client.put(FREE, &name, b"x"));
    denied("another's", &signer.client.put(BUCKET, &beside("other.sig.tar"), b"x"));
    denied("DELETE of an artifact", &signer.client.delete(BUCKET, KEY));
    denied("DELETE, though it is its own", &signer.client.delete(BUCKET, &name));
    let many = signer.client.delete_many(BUCKET, &[(&name, None), (KEY, None)]);
    assert_eq!(many.text().matches("AccessDenied").count(), 1, "{}", many.text());
    assert!(lab.store.find(BUCKET, &name).is_some() && lab.store.find(BUCKET, KEY).is_some());

    signer.changed(|text| text.replace("\"read\", \"write_signatures\",", all));
    let remover = with("\"read\", \"delete\",");
    let many = remover.client.delete_many(BUCKET, &[(&name, None), (KEY, None)]);
    assert_eq!(many.text().matches("AccessDenied").count(), 1, "{}", many.text());
    assert!(lab.store.find(BUCKET, &name).is_some() && lab.store.find(BUCKET, KEY).is_none());
    remover.changed(|text| text.replace("\"read\", \"delete\",", all));
    assert_eq!(with("\"write_signatures\", \"delete\",").client.delete(BUCKET, &name).status, 204);
}
