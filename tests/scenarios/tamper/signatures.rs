//! Publishers' signatures: on the way in, and in the store.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hallmark_tests::data::assert_same;
use hallmark_tests::site::{Options, SIGNED, Site};

use super::{Expect, KEY, Lab, Leaf, SIZES, Size, Verdict, only_titles};

const HEADER: &str = "x-amz-meta-hallmark-signature";

/// The publisher's signature is part of what is sealed: whatever becomes of it in the store breaks the seal.
#[test]
fn p3_stored_signatures() {
    let mut wrong = String::new();
    let original = Size::Medium.content(1);
    let lab = Lab::new();
    let site = &lab.proxy.site;
    let good = site.signature("ci", &original);
    lab.upload(SIGNED, KEY, &original, &[(HEADER, &good)]);
    let sealed = lab.store.object(SIGNED, KEY);
    let served =
        Verdict { whole: Expect::Served, good: Expect::Served, bad: Expect::Served, head: Expect::Served };
    for (name, value, verdict) in [
        ("as uploaded", Some(good.clone()), served),
        ("removed", None, Verdict::all("ArtifactSealInvalid")),
        ("by another key", Some(site.signature("other", &original)), Verdict::all("ArtifactSealInvalid")),
        ("of other bytes", Some(site.signature("ci", b"other")), Verdict::all("ArtifactSealInvalid")),
        ("(r, n-s)", Some(mirrored(&good)), Verdict::all("ArtifactSealInvalid")),
        ("twice", Some(format!("{good},{good}")), Verdict::all("ArtifactSealInvalid")),
    ] {
        let mut object = sealed.clone();
        object.set_header(HEADER, value.as_deref());
        lab.store.place(SIGNED, KEY, object);
        writeln!(wrong, "{name}").unwrap();
        lab.ask(SIGNED, &original, Leaf::Last, verdict, &mut wrong);
    }
    only_titles(&wrong);
}

/// Where a rule asks for a signature, an upload without a good one is refused and leaves what was there.
#[test]
fn p2_signatures_of_uploads() {
    for size in SIZES {
        let lab = Lab::new();
        let site = &lab.proxy.site;
        let (first, second) = (size.content(1), size.content(2));
        lab.upload(SIGNED, KEY, &first, &[(HEADER, &site.signature("ci", &first))]);
        for (name, value, code) in [
            ("none", None, "ArtifactSignatureMissing"),
            ("by another key", Some(site.signature("other", &second)), "ArtifactSignerUntrusted"),
            ("of other bytes", Some(site.signature("ci", &first)), "ArtifactSignerUntrusted"),
        ] {
            let headers: Vec<_> = value.as_deref().map(|value| (HEADER, value)).into_iter().collect();
            let response = lab.client.put_with(SIGNED, KEY, &second, &headers);
            assert_eq!((response.status, response.code().as_str()), (403, code), "{size:?}, {name}");
            assert_same(&lab.client.get(SIGNED, KEY).body, &first, name);
        }
        // Either form of one signature is as good as the other, and neither is another signer.
        let good = site.signature("ci", &second);
        for value in [mirrored(&good), format!("{},{good}", site.signature("other", &second))] {
            let response = lab.client.put_with(SIGNED, KEY, &second, &[(HEADER, &value)]);
            assert_eq!(response.status, 200, "{size:?}: {}", response.text());
            let response = lab.client.get(SIGNED, KEY);
            assert_same(&response.body, &second, "signed");
            assert_eq!(response.header("x-hallmark-verified"), Some("seal,ci"));
        }
    }
}

/// The order of the P-256 group.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The other signature that verifies: (r, n-s).
fn mirrored(signature: &str) -> String {
    let der = BASE64.decode(signature).unwrap();
    let r_end = 4 + usize::from(der[3]);
    let (r, s) = (&der[4..r_end], &der[r_end + 2..]);
    let mut other = [0; 32];
    let mut borrow = 0;
    for place in 0..32 {
        let digit = s.len().checked_sub(place + 1).map_or(0, |at| i16::from(s[at]));
        let difference = i16::from(ORDER[31 - place]) - digit - borrow;
        borrow = i16::from(difference < 0);
        other[31 - place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let body = [integer(r), integer(&other)].concat();
    BASE64.encode([vec![0x30, u8::try_from(body.len()).unwrap()], body].concat())
}

/// A DER integer, as short as it can be.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let begin = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let mut value = bytes[begin..].to_vec();
    if value[0] >= 0x80 {
        value.insert(0, 0);
    }
    [vec![0x02, u8::try_from(value.len()).unwrap()], value].concat()
}

#[test]
fn openssl_takes_both_forms_of_a_signature() {
    let site = Site::new(&Options::default());
    std::fs::write(site.path().join("artifact"), "artifact").unwrap();
    let good = site.signature("ci", b"artifact");
    for signature in [good.clone(), mirrored(&good)] {
        std::fs::write(site.path().join("artifact.sig"), BASE64.decode(signature).unwrap()).unwrap();
        site.openssl(&["dgst", "-sha256", "-verify", "ci.pub", "-signature", "artifact.sig", "artifact"]);
    }
    assert_ne!(good, mirrored(&good));
    assert_eq!(good, mirrored(&mirrored(&good)));
}
