//! Trust that changed after an artifact was sealed.

use super::{BUCKET, Expect, Lab, Size, judge};

const HEADER: &str = "x-amz-meta-hallmark-signature";

/// Trust is judged at every download, by the policy of today.
#[test]
fn policies_that_changed_since() {
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
        for (key, code) in [(signed, of_signed), (unsigned, of_unsigned)] {
            let expect = code.map_or(Expect::Served, Expect::Refused);
            for response in [now.client.get(BUCKET, key), now.client.get_range(BUCKET, key, "bytes=0-")] {
                judge(&response, &original, expect).unwrap_or_else(|why| panic!("{name}, {key}: {why}"));
            }
            let head = now.client.head(BUCKET, key);
            judge(&head, &[], expect).unwrap_or_else(|why| panic!("{name}, HEAD {key}: {why}"));
        }
    }
}
