//! What is judged at the end of an upload: signatures, and what looks like a statement.

use hallmark_tests::data::{assert_same, content};
use hallmark_tests::site::SIGNED;

use super::super::{BUCKET, KEY, Lab};
use super::{LARGE, SMALL};

const HEADER: &str = "x-amz-meta-hallmark-signature";

/// The publisher's signature is given at Create, when nothing can be judged. The Complete judges it, before anything is
/// visible; refused, it leaves what stood there, and the upload open.
#[test]
fn p2_signatures_are_judged_at_the_end() {
    for lengths in [&SMALL[..], &LARGE] {
        let lab = Lab::new();
        let revoked = lab.reconfigured(|text| {
            let key = "public_key_file = \"ci.pub\"\n";
            text.replacen(key, &format!("{key}revoked = \"lost\"\n"), 1)
        });
        let site = &lab.proxy.site;
        let before = b"what was there before";
        lab.upload(SIGNED, KEY, before, &[(HEADER, &site.signature("ci", before))]);
        let parts: Vec<_> = (10..).zip(lengths).map(|(seed, length)| content(seed, *length)).collect();
        let whole = parts.concat();
        let (good, other) = (site.signature("ci", &whole), site.signature("other", &whole));
        let of_part = site.signature("ci", &parts[0]);
        for (name, signature, through, code) in [
            ("none", None, &lab, "ArtifactSignatureMissing"),
            ("by another key", Some(&other), &lab, "ArtifactSignerUntrusted"),
            ("of the first part", Some(&of_part), &lab, "ArtifactSignerUntrusted"),
            ("by a key that was revoked meanwhile", Some(&good), &revoked, "ArtifactKeyRevoked"),
        ] {
            let headers: Vec<_> = signature.map(|value| (HEADER, value.as_str())).into_iter().collect();
            let begun = lab.begin_with(SIGNED, KEY, &parts, &headers);
            lab.store.take_calls();
            begun.refused(through, name, 403, code);
            let calls = lab.store.take_calls();
            assert!(!calls.contains(&hallmark_tests::memory::Call::Promote), "{name}: {calls:?}");
            assert_same(&lab.client.get(SIGNED, KEY).body, before, name);
            if through.proxy.address() == revoked.proxy.address() {
                begun.succeed(&lab);
                let got = lab.client.get(SIGNED, KEY);
                assert_eq!(got.header("x-hallmark-verified"), Some("seal,ci"));
                assert_same(&got.body, &whole, "signed");
                assert_eq!(revoked.client.head(SIGNED, KEY).header("x-hallmark-verified"), Some("seal-only"));
            } else {
                assert_eq!(begun.upload.abort().status, 204, "{name}");
            }
        }
    }
}

/// A signature at the parts or at the Complete is refused: it would not be part of what is sealed.
#[test]
fn p2_signatures_that_come_too_late() {
    let lab = Lab::new();
    let parts = [content(1, 70_000)];
    let good = lab.proxy.site.signature("ci", &parts[0]);
    let begun = lab.begin_with(SIGNED, KEY, &parts, &[]);
    let response = begun.upload.part_with(1, &parts[0], &[(HEADER, &good)]);
    assert_eq!((response.status, response.code().as_str()), (501, "NotImplemented"), "{}", response.text());
    let response = begun.upload.complete_with(&begun.list, &[(HEADER, &good)]);
    assert_eq!((response.status, response.code().as_str()), (501, "NotImplemented"), "{}", response.text());
    assert!(lab.store.find(SIGNED, KEY).is_none());
}

/// What begins like the encoding that statements are signed in is refused, in parts as in one piece: a signature over it
/// could be taken for one over a statement.
#[test]
fn p2_content_that_looks_like_a_statement() {
    let pae = b"DSSEv1 28 application/vnd.in-toto+json 2 {}";
    let mut large = content(1, LARGE[0]);
    large[..pae.len()].copy_from_slice(pae);
    for (name, parts) in [
        ("in one part", vec![pae.to_vec()]),
        ("the beginning alone", vec![b"DSSEv1 ".to_vec()]),
        ("in several parts", vec![large, content(2, LARGE[1])]),
    ] {
        for through_another in [false, true] {
            let lab = Lab::new();
            let begun = lab.begin_with(BUCKET, KEY, &parts, &[]);
            let through = if through_another { &lab.another() } else { &lab };
            begun.refused(through, name, 400, "InvalidRequest");
            assert!(lab.store.find(BUCKET, KEY).is_none(), "{name}");
        }
    }
    let lab = Lab::new();
    lab.begin_with(BUCKET, KEY, &[b"DSSEv1".to_vec()], &[]).succeed(&lab);
}
