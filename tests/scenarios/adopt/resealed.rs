//! Artifacts whose seals are by a key that has leaked.

use hallmark_proxy::adopt::Lists;
use hallmark_proxy::gate::{OldHeaders, Order, Writing};
use hallmark_proxy::store::{StateArea, Store as _};
use hallmark_tests::data::{MIB, content};

use super::{ADOPT, FREE, HEADER, Lab, RESEAL, RULED, field, outcome};

/// Under another seal key, and without the old one.
pub(super) fn leaked(lab: Lab) -> Lab {
    lab.site.make_key("next");
    lab.changed(|text| text.replace("key_file = \"seal.key\"", "key_file = \"next.key\""))
}

#[test]
fn what_can_be_proven_gets_a_new_seal() {
    let lab = Lab::new("keys = [\"ci\"]");
    let lengths = [1000, 3 * MIB + 5, 9 * MIB + 5];
    for (index, length) in lengths.into_iter().enumerate() {
        let body = content(index as u64, length);
        let headers = [(HEADER, lab.site.signature("ci", &body)), ("content-type", "text/html".to_owned())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(lab.client().put_with(RULED, &format!("good{index}"), &body, &headers).status, 200);
    }
    for (key, body) in [("listed", b"listed"), ("changed", b"backup"), ("forged", b"forged")] {
        assert_eq!(lab.client().put(FREE, key, body).status, 200);
    }
    lab.foreign(FREE, "bare", b"bare", &[]);
    let lab = leaked(lab);
    let refused = |bucket: &str, key: &str| {
        assert_eq!(lab.reader().get(bucket, key).code(), "ArtifactSealInvalid", "{bucket}/{key}");
    };
    refused(RULED, "good0");
    // A seal by that key is nothing to go by, and none at all is something else.
    let (_, told) = lab.do_it("s3://ruled", ADOPT);
    assert_eq!(told["good0"], "ArtifactSealInvalid");

    let (summary, told) = lab.do_it("s3://ruled", RESEAL);
    assert_eq!(told, outcome(&[("good0", "ci"), ("good1", "ci"), ("good2", "ci")]));
    assert_eq!((summary.sealed, summary.problems), (3, 0));
    for (index, length) in lengths.into_iter().enumerate() {
        let got = lab.reader().get(RULED, &format!("good{index}"));
        assert_eq!((got.status, got.header("content-type")), (200, Some("binary/octet-stream")));
        assert!(got.body == content(index as u64, length));
        assert_eq!(field(&got, "op"), "reseal");
    }

    let file = lab.list("backup", &[("listed", b"listed"), ("changed", b"before")]);
    let lists = Lists::read(&[file], None).unwrap();
    let (_, told) = lab.do_it_with("s3://free", RESEAL, &lists);
    assert_eq!(
        told,
        outcome(&[
            ("bare", "ArtifactUnsealed"),
            ("changed", "ArtifactDigestMismatch"),
            ("forged", "NotProven"),
            ("listed", "List"),
        ])
    );
    assert_eq!(lab.reader().get(FREE, "listed").body, b"listed");
    refused(FREE, "changed");
    refused(FREE, "forged");
    // Again: what has been done is passed over.
    assert_eq!(lab.do_it("s3://ruled", RESEAL).0.sealed_before, 3);
}

/// The new seals are by a key which another certifier certifies, and which is not made for nothing.
#[test]
fn what_keys_of_a_certifier_sealed_that_is_not_trusted_any_more_gets_a_new_seal() {
    let certifier = |key: &str| format!("certifier_file = \"{key}.key\"");
    let lab = Lab::new("keys = [\"ci\"]")
        .changed(|text| text.replace("key_file = \"seal.key\"", &certifier("seal")));
    for (key, body) in [("small", content(1, 1000)), ("large", content(2, 9 * MIB))] {
        let signature = lab.site.signature("ci", &body);
        assert_eq!(lab.client().put_with(RULED, key, &body, &[(HEADER, &signature)]).status, 200);
    }
    lab.site.make_key("next");
    let lab = lab.changed(|text| text.replace(&certifier("seal"), &certifier("next")));
    assert_eq!(lab.reader().get(RULED, "small").code(), "ArtifactSealInvalid");
    let certificates = || {
        let list = lab.store.state_list(StateArea::Records, "seal-keys/", None, 100);
        tokio::runtime::Runtime::new().unwrap().block_on(list).unwrap().len()
    };
    let before = certificates();
    let proven = outcome(&[("large", "ci"), ("small", "ci")]);
    let pretended = Order { writing: Writing::Pretended, ..RESEAL };
    assert_eq!(lab.do_it("s3://ruled", pretended).1, proven);
    assert_eq!(certificates(), before, "nothing is written");
    assert_eq!(lab.do_it("s3://ruled", RESEAL).1, proven);
    assert_eq!(certificates(), before + 1);
    for key in ["small", "large"] {
        let got = lab.reader().get(RULED, key);
        assert_eq!((got.status, field(&got, "op").as_str()), (200, "reseal"), "{key}");
    }
}

#[test]
fn headers_are_kept_where_the_operator_vouches_for_them() {
    let lab = Lab::new("keys = [\"ci\"]");
    let signature = lab.site.signature("ci", b"body");
    let headers =
        [(HEADER, signature.as_str()), ("content-type", "text/plain"), ("x-amz-meta-commit", "4f2a")];
    assert_eq!(lab.client().put_with(RULED, "a", b"body", &headers).status, 200);
    let lab = leaked(lab);
    lab.do_it("s3://ruled", Order { headers: OldHeaders::TrustStore, ..RESEAL });
    let got = lab.reader().get(RULED, "a");
    assert_eq!(
        (got.header("content-type"), got.header("x-amz-meta-commit")),
        (Some("text/plain"), Some("4f2a"))
    );
}

#[test]
fn approvals_beside_it_are_sealed_anew_too() {
    let lab = Lab::new("all_of = [\"release\"], siblings = [\"sig\"], enforce = \"download\"");
    assert_eq!(lab.client().put(RULED, "a", b"body").status, 200);
    for key in ["b", "c"] {
        let signature = lab.site.signature(key, b"body");
        assert_eq!(lab.client().put(RULED, &format!("a.{key}.sig"), signature.as_bytes()).status, 200);
    }
    assert_eq!(lab.reader().get(RULED, "a").status, 200);
    let lab = leaked(lab);
    let (summary, told) = lab.do_it("s3://ruled", RESEAL);
    assert_eq!((told, summary.objects, summary.sealed), (outcome(&[("a", "b,c")]), 3, 3));
    assert_eq!(lab.reader().get(RULED, "a").header("x-hallmark-verified"), Some("seal,b,c"));
}

/// A new seal would have a new id.
#[test]
fn what_is_denied_by_its_seal_gets_no_new_one() {
    let lab = Lab::new("keys = [\"ci\"]");
    let large = content(1, 9 * MIB);
    let mut ids = Vec::new();
    for (key, body) in [("small", &b"body"[..]), ("large", &large), ("other", b"body")] {
        let signature = lab.site.signature("ci", body);
        assert_eq!(lab.client().put_with(RULED, key, body, &[(HEADER, &signature)]).status, 200);
        ids.push(field(&lab.reader().get(RULED, key), "id"));
    }
    let denied = ids.iter().take(2).map(|id| format!("[[deny]]\nseal = \"{id}\"\nreason = \"bad build\"\n"));
    let denied: String = denied.collect();
    let lab = leaked(lab).changed(|text| format!("{text}\n{denied}"));
    let (summary, told) = lab.do_it("s3://ruled", RESEAL);
    assert_eq!(told, outcome(&[("large", "ArtifactDenied"), ("other", "ci"), ("small", "ArtifactDenied")]));
    assert_eq!((summary.sealed, summary.problems), (1, 2));
}
