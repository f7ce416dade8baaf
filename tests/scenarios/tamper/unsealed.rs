//! Objects without a seal, where an operator lets them be served.

use std::fmt::Write as _;

use hallmark_tests::site::{READER, Site};

use super::{BUCKET, Expect, KEY, Lab, Leaf, SIZES, Verdict, judge, only_titles};

const SERVES: &str = "\n[buckets.artifacts]\ndangerous_serve_unsealed = true\n";

#[test]
fn p4_unsealed_objects_where_the_operator_lets_them_be_served() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        let sealed = lab.store.object(BUCKET, KEY);
        lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = None);
        let mut wrong = String::new();

        writeln!(wrong, "{size:?}, by default").unwrap();
        lab.ask(BUCKET, &original, Leaf::Last, Verdict::all("ArtifactUnsealed"), &mut wrong);

        let lenient = lab.reconfigured(|text| text + SERVES);
        let served = Verdict {
            whole: Expect::Served,
            good: Expect::Served,
            bad: Expect::Served,
            head: Expect::Served,
        };
        writeln!(wrong, "{size:?}, served").unwrap();
        lenient.ask(BUCKET, &original, Leaf::Last, served, &mut wrong);
        for response in [lenient.client.get(BUCKET, KEY), lenient.client.head(BUCKET, KEY)] {
            assert_eq!(response.header("x-hallmark-verified"), Some("nothing"), "{size:?}");
            assert_eq!(response.header("x-amz-meta-hallmark"), None, "{size:?}");
        }
        let exported = lenient.client.get_query(BUCKET, KEY, "hallmark=seal");
        assert_eq!((exported.status, exported.code().as_str()), (403, "ArtifactUnsealed"), "{size:?}");

        // A seal that is there and wrong is refused all the same.
        writeln!(wrong, "{size:?}, with a seal that is none").unwrap();
        for seal in ["", "v=2", "nonsense"] {
            lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = Some(seal.into()));
            lenient.ask(BUCKET, &original, Leaf::Last, Verdict::all("ArtifactSealInvalid"), &mut wrong);
        }
        writeln!(wrong, "{size:?}, with a seal that does not fit").unwrap();
        let mut relabelled = sealed.clone();
        relabelled.set_header("content-type", Some("text/html"));
        lab.store.place(BUCKET, KEY, relabelled);
        lenient.ask(BUCKET, &original, Leaf::Last, Verdict::all("ArtifactSealInvalid"), &mut wrong);

        // And so are other bytes under a seal that fits.
        writeln!(wrong, "{size:?}, with other bytes").unwrap();
        lab.store.place(BUCKET, KEY, sealed.clone());
        lab.store.edit(BUCKET, KEY, |object| object.flip(0));
        let response = lenient.client.get(BUCKET, KEY);
        judge(&response, &original, Expect::Refused("ArtifactDigestMismatch")).unwrap();
        only_titles(&wrong);
    }
}

/// Where a rule judges signatures, required or not, what has no seal is refused for everybody: else an artifact that is
/// stripped of its seal would be stripped of the verdict on its signature.
#[test]
fn p4_rules_win_over_serving_unsealed_objects() {
    let lab = Lab::new();
    for size in SIZES {
        let original = size.content(1);
        for (prefix, signatures, expect) in [
            ("build/", "required", Expect::Refused("ArtifactUnsealed")),
            ("build/", "optional", Expect::Refused("ArtifactUnsealed")),
            ("release/", "required", Expect::Served),
        ] {
            lab.upload(BUCKET, KEY, &original, &[]);
            lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = None);
            let rule = format!(
                "rules = [{{ prefix = \"{prefix}\", signatures = \"{signatures}\", keys = [\"ci\"] }}]\n"
            );
            let now = lab.reconfigured(|text| text + SERVES + &rule);
            for client in [now.client.clone(), Site::client(now.proxy.address(), READER)] {
                judge(&client.get(BUCKET, KEY), &original, expect)
                    .unwrap_or_else(|why| panic!("{size:?}, {prefix} {signatures}: {why}"));
                judge(&client.head(BUCKET, KEY), &[], expect)
                    .unwrap_or_else(|why| panic!("{size:?}, {prefix} {signatures}, HEAD: {why}"));
            }
        }
    }
}
