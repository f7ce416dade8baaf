//! Several must have signed; and what is denied whoever has.

use hallmark_tests::data::content;
use hallmark_tests::s3::object;

use super::{BUCKET, FREE, HEADER, KEY, Lab, refused, twin};

#[test]
fn two_of_three_are_two_people() {
    let lab = Lab::new("all_of = [\"release\"]", "");
    let body = content(1, 1000);
    refused("nobody", &lab.put(&body, &[]), "ArtifactSignatureMissing");
    for keys in [&["ci"][..], &["ci", "ci"], &["c", "other"]] {
        let put = lab.put(&body, keys);
        refused(&format!("{keys:?}"), &put, "ArtifactRoleUnmet");
        assert!(put.text().contains("2 of `release` (1 there)"), "{}", put.text());
    }
    let once = lab.signed(&body, &["b"]);
    let twins = format!("{once},{}", twin(&once));
    refused("twins", &lab.client.put_with(BUCKET, KEY, &body, &[(HEADER, &twins)]), "ArtifactRoleUnmet");
    refused("a stranger", &lab.put(&body, &["other"]), "ArtifactSignerUntrusted");
    assert_eq!(lab.reader.get(BUCKET, KEY).status, 404);

    assert_eq!(lab.put(&body, &["c", "ci"]).status, 200);
    let got = lab.reader.get(BUCKET, KEY);
    assert_eq!((got.status, got.header("x-hallmark-verified")), (200, Some("seal,ci,c")));
    // The twin is as good as the signature.
    let by_twin = format!("{},{}", twin(&once), lab.signed(&body, &["c"]));
    assert_eq!(lab.client.put_with(BUCKET, KEY, &body, &[(HEADER, &by_twin)]).status, 200);

    // One of them is revoked: at the next request the other one is not enough.
    let revoked = "keys.c = { public_key_file = \"c.pub\", revoked = \"lost\" }";
    let after = lab.changed(|text| text.replace("keys.c.public_key_file = \"c.pub\"", revoked));
    assert_eq!(after.read(), Err("ArtifactRoleUnmet".to_owned()));
    assert_eq!(after.put(&body, &["b", "ci"]).status, 200);
    assert_eq!(after.read(), Ok(body));
}

#[test]
fn what_is_denied_is_for_inspectors_alone() {
    let lab = Lab::new("keys = [\"ci\"]", "");
    let (bad, good) = (content(1, 1000), content(2, 1000));
    assert_eq!(lab.put(&bad, &["ci"]).status, 200);
    assert_eq!(lab.client.put(FREE, KEY, &bad).status, 200);
    let line = lab.client.ask("GET", &format!("{}?hallmark=sha256", object(BUCKET, KEY)), &[], b"");
    let digest = line.text().split(' ').next().unwrap().to_owned();
    let deny = |what: &str| format!("deny = [{{ {what}, reason = \"CVE-2026-0001\" }}]\n");

    let by_digest = lab.changed(|text| deny(&format!("sha256 = \"{digest}\"")) + &text);
    assert_eq!(by_digest.read(), Err("ArtifactDenied".to_owned()));
    let told = by_digest.reader.get(BUCKET, KEY);
    assert!(told.text().contains("CVE-2026-0001"), "{}", told.text());
    assert_eq!(by_digest.inspect(), (bad.clone(), "seal-only".to_owned()));
    // Also where no rule is, under any name, and by any way.
    refused("no rule", &by_digest.reader.get(FREE, KEY), "ArtifactDenied");
    refused("upload", &by_digest.put(&bad, &["ci"]), "ArtifactDenied");
    refused("upload", &by_digest.client.put(FREE, "other", &bad), "ArtifactDenied");
    refused("copy", &by_digest.client.copy((FREE, KEY, None), FREE, "other", &[]), "ArtifactDenied");
    let parts = by_digest.client.put_parts(FREE, "other", &[&bad], &[]);
    refused("parts", &parts, "ArtifactDenied");
    assert_eq!(by_digest.put(&good, &["ci"]).status, 200);
    assert_eq!(by_digest.read(), Ok(good.clone()));

    // One artifact, by the id of its seal; the same bytes under another seal are another artifact.
    let seal = lab.client.head(BUCKET, KEY).header("x-amz-meta-hallmark").unwrap().to_owned();
    let id = seal.split(' ').find_map(|field| field.strip_prefix("id=")).unwrap().to_owned();
    let by_seal = lab.changed(|text| deny(&format!("seal = \"{id}\"")) + text.split_once('\n').unwrap().1);
    assert_eq!(by_seal.read(), Err("ArtifactDenied".to_owned()));
    assert_eq!(by_seal.put(&good, &["ci"]).status, 200);
    assert_eq!(by_seal.read(), Ok(good));
}
