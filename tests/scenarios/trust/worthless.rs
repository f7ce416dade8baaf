//! Nobody takes the place of a signature with something that is none over what stands there.

use hallmark_tests::data::content;
use hallmark_tests::memory::Call;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{NOBODY, Site};

use super::{BUCKET, FREE, KEY, Lab, refused};

const RULE: &str = "all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\"";
const AT_ONCE: &str = "all_of = [\"release\"], siblings = [\"sig\"]";
const REFUSED: &str = "ArtifactSignatureRefused";

fn beside(suffix: &str) -> String {
    format!("{KEY}.{suffix}")
}

/// A lab in which somebody else may sign, and no more than that.
fn with_signer(rule: &str, lines: &str) -> (Lab, Client) {
    let lab = Lab::new(rule, lines).changed(|text| {
        let grants = "grants = [{ bucket = \"*\", permissions = [\"read\", \"write_signatures\"] }]";
        text.replace("grants = []", grants)
    });
    let signer = Site::client(lab.proxy.address(), NOBODY);
    (lab, signer)
}

#[test]
fn what_says_nothing_about_the_artifact_is_refused_with_the_reason() {
    let (lab, signer) = with_signer(RULE, "");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["ci"]).status, 200);
    let by = |key: &str, body: &[u8]| lab.proxy.site.signature(key, body);
    for (what, name, signature, why) in [
        ("other bytes", "b.sig", by("b", b"other"), "no signature by `b` over `app.tar`"),
        ("a stranger's", "b.sig", by("other", &body), "no signature by `b` over `app.tar`"),
        (
            "another's",
            "b.sig",
            by("c", &body),
            "a signature by `c`, and stands under the name for one by `b`",
        ),
        ("nobody's", "sig", by("other", &body), "no signature by a signer whom the rule for it names"),
    ] {
        let put = signer.put(BUCKET, &beside(name), signature.as_bytes());
        refused(what, &put, REFUSED);
        assert_eq!(put.header("x-hallmark-refused"), Some(REFUSED), "{what}");
        assert!(put.text().contains(why), "{what}: {}", put.text());
        assert_eq!(lab.client.put(FREE, "signature", signature.as_bytes()).status, 200);
        refused(what, &signer.copy((FREE, "signature", None), BUCKET, &beside(name), &[]), REFUSED);
        assert!(lab.store.find(BUCKET, &beside(name)).is_none(), "{what}");
    }
    assert_eq!(signer.put(BUCKET, &beside("b.sig"), by("b", &body).as_bytes()).status, 200);
    assert_eq!(lab.read(), Ok(body));
}

/// One look at each artifact that the name can mean; nothing more is asked of the store than before for anything else.
#[test]
fn it_costs_a_look_at_the_artifact() {
    let (lab, signer) = with_signer(RULE, "");
    let body = content(1, 1000);
    assert_eq!(lab.put(&body, &["ci"]).status, 200);
    let signature = lab.proxy.site.signature("b", &body);
    lab.store.take_calls();
    assert_eq!(signer.put(BUCKET, &beside("b.sig"), signature.as_bytes()).status, 200);
    let calls = lab.store.take_named_calls();
    let named: Vec<_> = calls.iter().map(|(call, name)| (*call, name.as_str())).collect();
    let expected = [
        (Call::Head, "approved/app.tar"),
        (Call::Head, "approved/app.tar.b"),
        (Call::Head, "approved/app.tar.b.sig"),
        (Call::Put, "approved/app.tar.b.sig"),
    ];
    assert_eq!(named, expected);
}

#[test]
fn what_came_first_and_says_nothing_gives_way_to_what_counts() {
    for rule in [RULE, AT_ONCE] {
        let (lab, signer) = with_signer(rule, "");
        let body = content(1, 1000);
        let good = lab.proxy.site.signature("b", &body);
        // Nothing is there yet that it could be held against.
        assert_eq!(
            signer.put(BUCKET, &beside("b.sig"), lab.proxy.site.signature("b", b"other").as_bytes()).status,
            200
        );
        let put = lab.client.put(BUCKET, &beside("b.sig"), good.as_bytes());
        refused("nobody knows which counts", &put, "AccessDenied");
        assert_eq!(lab.put(&body, &["ci", "c"]).status, 200);
        assert_eq!(lab.client.put(BUCKET, &beside("b.sig"), good.as_bytes()).status, 200);
        assert_eq!(lab.client.get(BUCKET, &beside("b.sig")).body, good.as_bytes());
        // And not the other way round, nor among those that count.
        refused(
            "worthless",
            &signer.put(BUCKET, &beside("b.sig"), lab.proxy.site.signature("b", b"x").as_bytes()),
            REFUSED,
        );
        refused(
            "another",
            &signer.put(BUCKET, &beside("b.sig"), super::twin(&good).as_bytes()),
            "AccessDenied",
        );

        // What counted says nothing of what replaced its artifact.
        let next = content(2, 1000);
        assert_eq!(lab.put(&next, &["ci", "c"]).status, 200);
        refused(
            "of the one before",
            &lab.client.put(BUCKET, &beside("b.sig"), super::twin(&good).as_bytes()),
            REFUSED,
        );
        let renewed = lab.proxy.site.signature("b", &next);
        assert_eq!(signer.put(BUCKET, &beside("b.sig"), renewed.as_bytes()).status, 200);
    }
}

#[test]
fn signers_who_do_not_count_do_not_take_a_place() {
    let (lab, signer) = with_signer(RULE, "");
    let body = content(1, 1000);
    let signature = lab.proxy.site.signature("b", &body);
    assert_eq!(signer.put(BUCKET, &beside("sig"), signature.as_bytes()).status, 200);
    assert_eq!(lab.put(&body, &["ci"]).status, 200);
    for (is, code, why) in [
        ("revoked = \"lost\"", "ArtifactKeyRevoked", "by `b`, and revoked: lost"),
        ("not_after = 2020-01-01T00:00:00Z", "ArtifactKeyNotValid", "outside the key's validity"),
        ("not_before = 2100-01-01T00:00:00Z", "ArtifactKeyNotValid", "outside the key's validity"),
    ] {
        let plain = "keys.b.public_key_file = \"b.pub\"";
        let ended = format!("keys.b = {{ public_key_file = \"b.pub\", {is} }}");
        let after = lab.changed(|text| text.replace(plain, &ended));
        let signer = Site::client(after.proxy.address(), NOBODY);
        let put = signer.put(BUCKET, &beside("b.sig"), signature.as_bytes());
        refused(is, &put, code);
        assert!(put.text().contains(why), "{is}: {}", put.text());
        after.changed(|text| text.replace(&ended, plain));
    }
    // And what was put there before gives way.
    let after = lab.changed(|text| {
        text.replace(
            "keys.b.public_key_file = \"b.pub\"",
            "keys.b = { public_key_file = \"b.pub\", revoked = \"lost\" }",
        )
    });
    let other = after.proxy.site.signature("c", &body);
    assert_eq!(after.client.put(BUCKET, &beside("sig"), other.as_bytes()).status, 200);
    assert_eq!(after.read(), Ok(body));
}

/// Where there is no second chance the artifact comes first; unless its rule asks for signatures before.
#[test]
fn where_keys_are_written_once_nothing_takes_a_place_unseen() {
    let (lab, signer) = with_signer(RULE, "immutable = true");
    let body = content(1, 1000);
    let good = lab.proxy.site.signature("b", &body);
    let put = signer.put(BUCKET, &beside("b.sig"), good.as_bytes());
    refused("before", &put, REFUSED);
    assert!(put.text().contains("upload that first"), "{}", put.text());
    assert_eq!(lab.put(&body, &["ci"]).status, 200);
    assert_eq!(signer.put(BUCKET, &beside("b.sig"), good.as_bytes()).status, 200);
    assert_eq!(lab.read(), Ok(body.clone()));

    let (lab, signer) = with_signer(AT_ONCE, "immutable = true");
    for key in ["ci", "b"] {
        let name = beside(&format!("{key}.sig"));
        assert_eq!(signer.put(BUCKET, &name, lab.proxy.site.signature(key, &body).as_bytes()).status, 200);
    }
    assert_eq!(lab.put(&body, &[]).status, 200);
    assert_eq!(lab.read(), Ok(body));
}

/// The artifact is replaced between the look and the write: what is left says nothing, and gives way.
#[test]
fn an_artifact_that_is_replaced_meanwhile_leaves_nothing_that_stays() {
    let (lab, signer) = with_signer(RULE, "");
    let (body, next) = (content(1, 1000), content(2, 1000));
    assert_eq!(lab.put(&body, &[]).status, 200);
    let name = beside("b.sig");
    let good = lab.proxy.site.signature("b", &body);
    let gate = lab.store.hold(Call::Put.naming(&name));
    std::thread::scope(|scope| {
        let put = scope.spawn(|| signer.put(BUCKET, &name, good.as_bytes()));
        gate.wait();
        assert_eq!(lab.put(&next, &["ci"]).status, 200);
        gate.release();
        assert_eq!(put.join().unwrap().status, 200);
    });
    assert_eq!(lab.read(), Err("ArtifactRoleUnmet".to_owned()));
    let renewed = lab.proxy.site.signature("b", &next);
    assert_eq!(lab.client.put(BUCKET, &name, renewed.as_bytes()).status, 200);
    assert_eq!(lab.read(), Ok(next));
}

/// `app.tar.b.sig` is for b's signature over `app.tar`, and for anybody's over `app.tar.b`.
#[test]
fn p5_what_counts_by_another_reading_of_the_name_gives_way() {
    let (body, other) = (content(1, 1000), content(2, 1000));
    for lines in ["", "immutable = true"] {
        let (lab, signer) = with_signer(RULE, lines);
        let by = |key: &str, body: &[u8]| lab.proxy.site.signature(key, body);
        assert_eq!(lab.put(&body, &["ci"]).status, 200);
        assert_eq!(lab.client.put(BUCKET, &beside("b"), &other).status, 200);
        let taken = lab.client.put(BUCKET, &beside("b.sig"), by("c", &other).as_bytes());
        // Where there is no second chance, the name is for b's alone.
        if lines.is_empty() {
            assert_eq!(taken.status, 200, "{}", taken.text());
        } else {
            refused(lines, &taken, REFUSED);
        }
        let put = signer.put(BUCKET, &beside("b.sig"), by("b", &body).as_bytes());
        assert_eq!(put.status, 200, "{lines}: {}", put.text());
        assert_eq!(lab.read(), Ok(body.clone()));
        let back = lab.client.put(BUCKET, &beside("b.sig"), by("c", &other).as_bytes());
        assert_eq!(back.status, 403, "{lines}: {}", back.text());
        assert_eq!(lab.read(), Ok(body.clone()));
    }
}
