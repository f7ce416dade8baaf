//! Seal keys that change.

use std::fmt::Write as _;
use std::fs;

use hallmark_tests::data::assert_same;

use super::{BUCKET, Expect, KEY, Lab, Leaf, SIZES, Verdict, only_titles};

/// Makes the key `new` the one that signs.
const NEW: (&str, &str) = ("key_file = \"seal.key\"", "key_file = \"new.key\"");

/// With the old key among the trusted ones its seals are served; without, refused. New seals are by the new key.
#[test]
fn p5_seals_of_an_old_key_are_served_as_long_as_it_is_trusted() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        let keys = tempfile::tempdir().unwrap();
        lab.proxy.site.make_key("new");
        for name in ["new.key", "new.pub"] {
            fs::copy(lab.proxy.site.path().join(name), keys.path().join(name)).unwrap();
        }
        let with = |trusted: &str| {
            let signing = NEW.1.replacen("new.key", &keys.path().join("new.key").to_string_lossy(), 1);
            lab.reconfigured(|text| text.replacen(NEW.0, &format!("{signing}\n{trusted}"), 1))
        };
        let served = Verdict {
            whole: Expect::Served,
            good: Expect::Served,
            bad: Expect::Served,
            head: Expect::Served,
        };
        let mut wrong = String::new();

        let rotated = with("trusted_key_files = [\"seal.pub\"]");
        writeln!(wrong, "{size:?}, the old key trusted").unwrap();
        rotated.ask(BUCKET, &original, Leaf::Last, served, &mut wrong);
        let second = size.content(2);
        rotated.upload(BUCKET, "sealed-later", &second, &[]);
        let seal = |lab: &Lab, key: &str| {
            let seal =
                lab.client.head(BUCKET, key).header("x-amz-meta-hallmark").unwrap_or_default().to_owned();
            seal.split(' ').find_map(|field| field.strip_prefix("key=").map(str::to_owned))
        };
        assert_ne!(seal(&rotated, KEY), seal(&rotated, "sealed-later"), "{size:?}");

        let removed = with("");
        writeln!(wrong, "{size:?}, the old key removed").unwrap();
        removed.ask(BUCKET, &original, Leaf::Last, Verdict::all("ArtifactSealInvalid"), &mut wrong);
        assert_same(&removed.client.get(BUCKET, "sealed-later").body, &second, "by the new key");

        // Before the change nobody trusts the new key.
        let response = lab.client.get(BUCKET, "sealed-later");
        assert_eq!((response.status, response.code().as_str()), (403, "ArtifactSealInvalid"), "{size:?}");
        only_titles(&wrong);
    }
}
