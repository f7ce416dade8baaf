//! Trust that changed after an artifact was sealed.

use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{READER, Site};

use super::{BUCKET, Expect, Lab, Size, judge};

const HEADER: &str = "x-amz-meta-hallmark-signature";

/// Trust is judged at every download, by the policy of today.
#[test]
fn p5_policies_that_changed_since() {
    let (signed, unsigned) = ("build/signed", "build/unsigned");
    let lab = Lab::new();
    let original = Size::Medium.content(1);
    lab.upload(BUCKET, signed, &original, &[(HEADER, &lab.proxy.site.signature("ci", &original))]);
    lab.upload(BUCKET, unsigned, &original, &[]);
    let rule = |key: &str| {
        format!(
            "\n[buckets.{BUCKET}]\nrules = [{{ prefix = \"\", signatures = \"required\", keys = [\"{key}\"] }}]\n"
        )
    };
    let other_key = "\n[keys.other]\npublic_key_file = \"other.pub\"\n";
    for (name, tables, revoked, of_signed, of_unsigned) in [
        ("no rule", String::new(), false, None, None),
        ("a rule", rule("ci"), false, None, Some("ArtifactSignatureMissing")),
        (
            "a rule for another key",
            rule("other") + other_key,
            false,
            Some("ArtifactSignerUntrusted"),
            Some("ArtifactSignatureMissing"),
        ),
        ("a revoked key", rule("ci"), true, Some("ArtifactKeyRevoked"), Some("ArtifactSignatureMissing")),
    ] {
        let now = lab.reconfigured(|text| {
            let revocation = "public_key_file = \"ci.pub\"\nrevoked = \"lost\"\n";
            let text =
                if revoked { text.replacen("public_key_file = \"ci.pub\"\n", revocation, 1) } else { text };
            text + &tables
        });
        let reader = Site::client(now.proxy.address(), READER);
        let check = |who: &Client, key: &str, expect: Expect| {
            let (whole, part) = (who.get(BUCKET, key), who.get_range(BUCKET, key, "bytes=0-"));
            let head = who.head(BUCKET, key);
            for (response, original) in [(&whole, &original[..]), (&part, &original[..]), (&head, &[])] {
                judge(response, original, expect).unwrap_or_else(|why| panic!("{name}, {key}: {why}"));
            }
            [whole, part, head]
        };
        let verified = |responses: &[Response], word: &str| {
            for response in responses {
                assert_eq!(response.header("x-hallmark-verified"), Some(word), "{name}");
            }
        };
        for (key, code) in [(signed, of_signed), (unsigned, of_unsigned)] {
            let trusted = if key == signed && name == "a rule" { "seal,ci" } else { "seal" };
            match code {
                None => verified(&check(&reader, key, Expect::Served), trusted),
                Some(code) => drop(check(&reader, key, Expect::Refused(code))),
            }
            // Who may read what is not trusted (yet) is told that it is not.
            let told = if code.is_none() { trusted } else { "seal-only" };
            verified(&check(&now.client, key, Expect::Served), told);
        }
    }
}
