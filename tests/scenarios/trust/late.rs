//! Uploads that take long: what was approved, and what was changed, while their bodies came.

use std::sync::Arc;

use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::{Call, MemoryStore};
use hallmark_tests::raw::{Asked, Connection, Response};
use hallmark_tests::s3::object;
use hallmark_tests::sigv4::UNSIGNED;

use super::{BUCKET, FREE, HEADER, KEY, Lab, refused};

const RULE: &str = "all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\"";

/// A large PUT that has begun.
struct Slow {
    connection: Connection,
    rest: Vec<u8>,
}

impl Slow {
    fn begin(lab: &Lab, (bucket, key): (&str, &str), body: &[u8], signed_by: &[&str]) -> Self {
        let mut request = lab.client.request("PUT", &object(bucket, key));
        request = request.header("Content-Length", body.len().to_string()).header("Expect", "100-continue");
        if !signed_by.is_empty() {
            request = request.header(HEADER, lab.signed(body, signed_by));
        }
        lab.client.signer().sign(&mut request, UNSIGNED);
        // No more than the system takes in for a server that does not read on while its store is held up.
        let (now, rest) = body.split_at(256 * 1024);
        let mut connection = Connection::open(lab.client.address);
        // What is looked at first has been looked at once the store is told.
        let gate = lab.store.hold(Call::Put.naming(key));
        connection.send(&request.head());
        assert_eq!(connection.interim(), 100);
        connection.send(now);
        gate.wait();
        gate.release();
        Self { connection, rest: rest.to_vec() }
    }

    fn end(mut self) -> Response {
        self.connection.send(&self.rest);
        self.connection.response(Asked::Other)
    }
}

fn approve(lab: &Lab, body: &[u8], key: &str) {
    let signature = lab.proxy.site.signature(key, body);
    assert_eq!(lab.client.put(BUCKET, &format!("{KEY}.{key}.sig"), signature.as_bytes()).status, 200);
}

/// The object itself is the same as before: no guard of the store would notice.
#[test]
fn what_was_approved_meanwhile_is_not_replaced() {
    let lab = Lab::new(RULE, "");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &[]).status, 200);
    let slow = Slow::begin(&lab, (BUCKET, KEY), &content(2, 9 * MIB), &[]);
    approve(&lab, &body, "ci");
    approve(&lab, &body, "b");
    assert_eq!(lab.read(), Ok(body.clone()));
    refused("the slow one", &slow.end(), "ArtifactSignerUntrusted");
    assert_eq!(lab.read(), Ok(body));
}

/// A store that minds no guard is asked again.
#[test]
fn what_came_meanwhile_is_not_replaced_in_a_store_that_minds_nothing() {
    let first = Lab::new(RULE, "");
    let lab = Lab::over(Arc::clone(&first.proxy.site), &Arc::new(MemoryStore::minding_nothing()));
    lab.client.create_bucket(BUCKET);
    let (body, large) = (content(1, 1000), content(2, 9 * MIB));
    let slow = Slow::begin(&lab, (BUCKET, KEY), &large, &[]);
    assert_eq!(lab.put(&body, &["ci", "b"]).status, 200);
    refused("the slow one", &slow.end(), "ArtifactSignatureMissing");
    assert_eq!(lab.read(), Ok(body.clone()));

    // Something else that waits is not the one that was seen, either.
    assert_eq!(lab.client.delete(BUCKET, KEY).status, 204);
    let slow = Slow::begin(&lab, (BUCKET, KEY), &large, &[]);
    assert_eq!(lab.put(&body, &[]).status, 200);
    let answer = slow.end();
    assert_eq!((answer.status, answer.code().as_str()), (409, "ConditionalRequestConflict"));
    assert_eq!(lab.inspect().0, body);
}

/// What satisfies its rule replaces what it likes.
#[test]
fn what_is_signed_by_all_is_not_held_up() {
    let lab = Lab::new(RULE, "");
    let (body, large) = (content(1, 1000), content(2, 9 * MIB));
    assert_eq!(lab.put(&body, &["ci", "b"]).status, 200);
    let slow = Slow::begin(&lab, (BUCKET, KEY), &large, &["b", "c"]);
    assert_eq!(slow.end().status, 200);
    assert_eq!(lab.read(), Ok(large));
}

/// An instance that does not know a seal key (any more, or yet) cannot say that what bears its seals is not served.
#[test]
fn what_another_seal_key_sealed_is_not_replaced_by_what_waits() {
    let lab = Lab::new(RULE, "");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["ci", "b"]).status, 200);
    lab.proxy.site.make_key("seal2");
    let swap = |lab: &Lab, from: &str, to: &str| {
        lab.changed(|text| {
            text.replace(&format!("key_file = \"{from}.key\""), &format!("key_file = \"{to}.key\""))
        })
    };
    let behind = swap(&lab, "seal", "seal2");
    refused("by HEAD", &behind.reader.get(BUCKET, KEY), "ArtifactSealInvalid");
    refused("unsigned", &behind.put(b"unsigned", &[]), "ArtifactSignatureMissing");
    let again = swap(&behind, "seal2", "seal");
    assert_eq!(again.read(), Ok(body.clone()));

    // Nor what is approved by signatures that it cannot verify.
    assert_eq!(again.client.delete(BUCKET, KEY).status, 204);
    let both = again.changed(|text| {
        text.replace(
            "key_file = \"seal.key\"",
            "key_file = \"seal.key\"\ntrusted_key_files = [\"seal2.pub\"]",
        )
    });
    assert_eq!(both.put(&body, &[]).status, 200);
    let two = both.changed(|text| {
        let text = text.replace("\"seal2.pub\"", "\"seal.pub\"");
        text.replace("key_file = \"seal.key\"", "key_file = \"seal2.key\"")
    });
    approve(&two, &body, "ci");
    approve(&two, &body, "b");
    assert_eq!(two.read(), Ok(body.clone()));
    let one = two.changed(|text| {
        let text = text.replace("trusted_key_files = [\"seal.pub\"]", "");
        text.replace("key_file = \"seal2.key\"", "key_file = \"seal.key\"")
    });
    assert_eq!(one.read(), Err("ArtifactSignatureMissing".to_owned()));
    refused("unsigned", &one.put(b"unsigned", &[]), "ArtifactSignatureMissing");
}

/// An upload is held against the newest configuration when all of it is there: keys, permissions, rules.
#[test]
fn p5_uploads_do_not_outlive_what_permitted_them() {
    let (body, small) = (content(1, 9 * MIB), content(2, 1000));
    let grant = "\"write\", \"write_signatures\",";
    type Change<'c> = &'c dyn Fn(String) -> String;
    let revoke: Change<'_> = &|text| {
        text.replace(
            "keys.b.public_key_file = \"b.pub\"",
            "keys.b = { public_key_file = \"b.pub\", revoked = \"lost\" }",
        )
    };
    let forbid: Change<'_> = &|text| text.replace(grant, "\"write_signatures\",");
    let rekey: Change<'_> = &|text| text.replace("AKIATEST", "AKIAANOTHER");
    let forget: Change<'_> = &|text| text.replace("name = \"ci\"", "name = \"ci2\"");
    let deny: Change<'_> = &|text| {
        let sha256 = hallmark_signer::Sha256Digest::of(&content(1, 9 * MIB)).to_hex();
        format!("deny = [{{ sha256 = \"{sha256}\", reason = \"bad\" }}]\n{text}")
    };
    let keep: Change<'_> = &|text| {
        text.replace(&format!("[buckets.{BUCKET}]"), &format!("[buckets.{BUCKET}]\nimmutable = true"))
    };
    let nothing: Change<'_> = &|text| text + "\n# changed\n";
    for (what, change, code) in [
        ("a key is revoked", revoke, Some("ArtifactRoleUnmet")),
        ("the client may not write", forbid, Some("AccessDenied")),
        ("its access key is another", rekey, Some("AccessDenied")),
        ("it is not there", forget, Some("AccessDenied")),
        ("the bytes are denied", deny, Some("ArtifactDenied")),
        ("the bucket is immutable", keep, Some("AccessDenied")),
        ("nothing that matters", nothing, None),
    ] {
        let lab = Lab::new("all_of = [\"release\"]", "");
        assert_eq!(lab.put(&small, &["ci", "c"]).status, 200);
        let slow = Slow::begin(&lab, (BUCKET, KEY), &body, &["ci", "b"]);
        lab.proxy.site.edit_config(change);
        lab.proxy.renew().unwrap();
        let answer = slow.end();
        let there = &lab.store.object(BUCKET, KEY);
        match code {
            Some(code) => {
                refused(what, &answer, code);
                assert_eq!(there.bytes.len(), small.len(), "{what}");
            }
            None => {
                assert_eq!(answer.status, 200, "{what}: {}", answer.text());
                assert_eq!(there.bytes.len(), body.len(), "{what}");
            }
        }
    }
}

/// A Complete that was begun before is judged by the newest configuration, too, right before its promotion.
#[test]
fn p5_a_complete_does_not_outlive_what_permitted_it() {
    let lab = Lab::new("all_of = [\"release\"]", "");
    let body = content(1, 1000);
    let signed = [(HEADER, lab.signed(&body, &["ci", "b"]))];
    let upload = lab.client.create_upload(BUCKET, KEY, &[(signed[0].0, &signed[0].1)]);
    let parts = [upload.send_part(1, &body)];
    let gate = lab.store.hold(Call::StageClose);
    std::thread::scope(|scope| {
        let complete = scope.spawn(|| upload.complete(&parts));
        gate.wait();
        lab.proxy.site.edit_config(|text| {
            text.replace(
                "keys.b.public_key_file = \"b.pub\"",
                "keys.b = { public_key_file = \"b.pub\", revoked = \"lost\" }",
            )
        });
        lab.proxy.renew().unwrap();
        gate.release();
        let answer = complete.join().unwrap();
        assert!(answer.text().contains("ArtifactRoleUnmet"), "{}", answer.text());
    });
    assert!(lab.store.find(BUCKET, KEY).is_none());
    assert_eq!(lab.client.put(FREE, KEY, &body).status, 200);
}
