//! A narrower rule that asks for less than the one around it says so; one that does not, must not.

use super::{BASE, folder, load};

/// A rule in short: target (`=` in front: a key), `required` or `optional`, keys, whether it says `weakens`.
type Short = (&'static str, &'static str, &'static [&'static str], Says);

#[derive(Clone, Copy)]
enum Says {
    Nothing,
    Weakens,
}
use Says::{Nothing, Weakens};

/// Loads a bucket with these rules, which stand in line 7 and the following.
#[track_caller]
fn check(rules: &[Short], expected: &[&str]) {
    let dir = folder();
    let rules: String = rules
        .iter()
        .map(|(target, signatures, keys, says)| {
            let (kind, target) = target.strip_prefix('=').map_or(("prefix", *target), |key| ("key", key));
            let weakens = match says {
                Nothing => "",
                Weakens => ", weakens = true",
            };
            format!("{{ {kind} = {target:?}, signatures = {signatures:?}, keys = {keys:?}{weakens} }},\n")
        })
        .collect();
    let text = format!(
        "{BASE}keys.a.public_key_file = \"ci.pub\"\nkeys.b.public_key_file = \"other.pub\"\n\
         buckets.rel.rules = [\n{rules}]\n"
    );
    let lines = load(&text, dir.path()).err().unwrap_or_default();
    assert_eq!(lines, expected, "\n{text}");
}

#[test]
fn what_is_no_weakening() {
    check(&[("", "required", &["a"], Nothing)], &[]);
    check(&[("", "required", &["a"], Nothing), ("x/", "required", &["a"], Nothing)], &[]);
    check(&[("", "required", &["a", "b"], Nothing), ("x/", "required", &["b"], Nothing)], &[]);
    check(&[("", "required", &["a", "b"], Nothing), ("=x", "required", &["b", "a"], Nothing)], &[]);
    // Under a rule that requires nothing, nothing is less.
    check(&[("", "optional", &["a"], Nothing), ("x/", "optional", &["b"], Nothing)], &[]);
    check(&[("", "optional", &["a"], Nothing), ("x/", "required", &["b"], Nothing)], &[]);
    // Beside each other, or alike only in letters.
    check(&[("x/", "required", &["a"], Nothing), ("y/", "optional", &["a"], Nothing)], &[]);
    check(&[("x/", "required", &["a"], Nothing), ("xx/", "optional", &["a"], Nothing)], &[]);
    check(&[("x/", "required", &["a"], Nothing), ("=x", "optional", &["a"], Nothing)], &[]);
    // A rule about a key is around nothing.
    check(&[("=x/", "required", &["a"], Nothing), ("x/y/", "optional", &["a"], Nothing)], &[]);
}

#[test]
fn what_is_one_needs_the_word() {
    const OPTIONAL: &str = "does not require signatures, unlike the rule around it in line";
    const END: &str = "; write `weakens = true` if that is meant";
    let said = |index: usize, how: &str| format!("{}:1: buckets.rel.rules[{index}]: {how}{END}", 7 + index);

    check(
        &[("", "required", &["a"], Nothing), ("x/", "optional", &["a"], Nothing)],
        &[&said(1, &format!("{OPTIONAL} 7"))],
    );
    check(
        &[("x/", "required", &["a"], Nothing), ("=x/", "optional", &["a"], Nothing)],
        &[&said(1, &format!("{OPTIONAL} 7"))],
    );
    check(
        &[("", "required", &["a"], Nothing), ("=x", "required", &["a", "b"], Nothing)],
        &[&said(1, "accepts the key `b`, unlike the rule around it in line 7")],
    );
    // The order of the file does not matter; the nearest rule around does, over any distance.
    check(
        &[("x/y/z/", "optional", &["a"], Nothing), ("", "required", &["a"], Nothing)],
        &[&said(0, &format!("{OPTIONAL} 8"))],
    );
    check(
        &[
            ("", "required", &["a"], Nothing),
            ("x/", "optional", &["a"], Weakens),
            ("x/y/", "required", &["b"], Nothing),
            ("=x/y/z", "optional", &["b"], Nothing),
            ("é/", "optional", &["a"], Nothing),
        ],
        &[&said(3, &format!("{OPTIONAL} 9")), &said(4, &format!("{OPTIONAL} 7"))],
    );
}

#[test]
fn the_word_is_taken_where_it_is_needed_and_only_there() {
    const OUT: &str = "says `weakens = true`, but";
    check(&[("", "required", &["a"], Nothing), ("x/", "optional", &["a"], Weakens)], &[]);
    check(&[("", "required", &["a"], Nothing), ("x/", "required", &["b"], Weakens)], &[]);
    check(
        &[("", "optional", &["a"], Weakens)],
        &[&format!("7:1: buckets.rel.rules[0]: {OUT} no rule is around it; take it out")],
    );
    check(
        &[("", "required", &["a"], Nothing), ("x/", "required", &["a"], Weakens)],
        &[&format!(
            "8:1: buckets.rel.rules[1]: {OUT} asks for no less than the rule around it in line 7; take it out"
        )],
    );
}

/// Rules of roles: what a narrower one may say beside the one around it.
#[test]
fn thresholds_and_roles() {
    const KEYS: &str = "keys.a.public_key_file = \"ci.pub\"\nkeys.b.public_key_file = \"other.pub\"\n\
        roles.both = { signers = [\"a\", \"b\"], threshold = 2 }\nroles.either.signers = [\"a\", \"b\"]\n\
        roles.only.signers = [\"a\"]\n";
    const END: &str = "; write `weakens = true` if that is meant";
    let dir = folder();
    let one = "keys = [\"a\"]";
    for (around, within, how) in [
        (one, "all_of = [\"both\"]", None),
        (one, "any_of = [\"both\", \"only\"]", None),
        (one, "all_of = [\"either\", \"only\"]", None),
        (one, "all_of = [\"either\"]", Some("accepts the key `b`")),
        (one, "any_of = [\"either\", \"only\"]", Some("can be satisfied without `keys`")),
        ("all_of = [\"both\"]", one, Some("can be satisfied without the role `both`")),
        (
            "any_of = [\"both\", \"only\"]",
            "all_of = [\"either\"]",
            Some("can be satisfied without the role `both` or the role `only`"),
        ),
        (
            one,
            "keys = [\"a\"], enforce = \"download\"",
            Some("takes uploads that do not satisfy it (`enforce = \"download\"`)"),
        ),
        ("keys = [\"a\"], enforce = \"download\"", one, None),
        (
            "keys = [\"a\"], not_sealed_before = 2026-01-02T00:00:00Z",
            "keys = [\"a\"], not_sealed_before = 2026-01-01T00:00:00Z",
            Some("accepts older seals (`not_sealed_before`)"),
        ),
        (
            "keys = [\"a\"], not_sealed_before = 2026-01-02T00:00:00Z",
            "keys = [\"a\"], not_sealed_before = 2026-01-03T00:00:00Z",
            None,
        ),
        (
            "keys = [\"a\"], refuse_ops = [\"adopt\", \"copy\"]",
            "keys = [\"a\"], refuse_ops = [\"copy\"]",
            Some("accepts seals of the kind \"adopt\" (`refuse_ops`)"),
        ),
        // The same signers, but in files that others may put there, and that no rule is about.
        (
            one,
            "keys = [\"a\"], siblings = [\"sig\"]",
            Some("accepts signatures beside an artifact (\"sig\" in `siblings`)"),
        ),
        ("keys = [\"a\"], siblings = [\"sig\", \"sigstore\"]", "keys = [\"a\"], siblings = [\"sig\"]", None),
    ] {
        let text = format!(
            "{BASE}{KEYS}buckets.rel.rules = [\n{{ prefix = \"\", signatures = \"required\", {around} }},\n\
             {{ prefix = \"x/\", signatures = \"required\", {within} }}]\n"
        );
        let lines = load(&text, dir.path()).err().unwrap_or_default();
        let expected = how.map(|how| {
            format!("11:1: buckets.rel.rules[1]: {how}, unlike the rule around it in line 10{END}")
        });
        assert_eq!(lines, Vec::from_iter(expected), "{around} around {within}");
    }
}

/// The same for statements: less is what says less of them, or binds no name.
#[test]
fn statements() {
    const SIGNERS: &str = "keys.a.public_key_file = \"ci.pub\"\n\
        keys.d = { public_key_file = \"other.pub\", use = \"dsse\" }\n\
        attestations.any.predicate_type = \"https://slsa.dev/provenance/v1\"\n\
        attestations.ours = { predicate_type = \"https://slsa.dev/provenance/v1\", builder_id = \"b\" }\n";
    let dir = folder();
    let rule =
        |rest: &str| format!("signatures = \"required\", siblings = [\"intoto\"], keys = [\"d\"], {rest}");
    let bytes = "signatures = \"required\", keys = [\"a\"]".to_owned();
    let both =
        "signatures = \"required\", siblings = [\"intoto\"], keys = [\"a\", \"d\"], attestation = \"ours\""
            .to_owned();
    let (any, ours) = (rule("attestation = \"any\""), rule("attestation = \"ours\""));
    let named = rule("attestation = \"ours\", bind = \"name\"");
    for (around, within, weaker) in [
        (&any, &ours, false),
        (&ours, &any, true),
        (&ours, &named, false),
        (&named, &ours, true),
        // Who signs bytes only counts in both by the same.
        (&both, &bytes, false),
        (&both, &ours, false),
    ] {
        let text = format!(
            "{BASE}{SIGNERS}buckets.rel.rules = [{{ prefix = \"\", {around} }}, {{ prefix = \"x/\", {within} }}]\n"
        );
        assert_eq!(load(&text, dir.path()).is_err(), weaker, "{around} around {within}");
    }
}

mod property {
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use proptest::test_runner::{Config as Cases, TestRunner};

    use super::super::BASE;
    use crate::{Config, Rule};

    const SIGNERS: usize = 4;

    /// Some of the signers, a bit for each, and a threshold that they can meet.
    type Role = (u8, usize);

    fn role() -> impl Strategy<Value = Role> {
        (1u8..1 << SIGNERS).prop_flat_map(|signers| (Just(signers), 1..=signers.count_ones() as usize))
    }

    /// `all_of` and `any_of`, not both empty.
    fn rule() -> impl Strategy<Value = (Vec<Role>, Vec<Role>)> {
        let roles = || prop::collection::vec(role(), 0..3);
        (roles(), roles()).prop_filter("a role", |(all, any)| !(all.is_empty() && any.is_empty()))
    }

    fn text(rules: &[(Vec<Role>, Vec<Role>)]) -> String {
        let mut text = BASE.to_owned();
        for signer in 0..SIGNERS {
            let pem = format!("-----BEGIN PUBLIC KEY-----AAA{signer}-----END PUBLIC KEY-----");
            writeln!(text, "keys.s{signer}.public_key = \"{pem}\"").unwrap();
        }
        let (mut roles, mut lines) = (String::new(), String::new());
        for (rule, (all, any)) in rules.iter().enumerate() {
            let mut name = |of: &str, list: &[Role]| -> Vec<String> {
                let mut names = Vec::new();
                for (index, (signers, threshold)) in list.iter().enumerate() {
                    let signers: Vec<_> = (0..SIGNERS)
                        .filter(|signer| signers & 1 << signer != 0)
                        .map(|signer| format!("s{signer}"))
                        .collect();
                    writeln!(
                        roles,
                        "roles.{of}{rule}{index} = {{ signers = {signers:?}, threshold = {threshold} }}"
                    )
                    .unwrap();
                    names.push(format!("{of}{rule}{index}"));
                }
                names
            };
            let lists: String = [("all_of", name("all", all)), ("any_of", name("any", any))]
                .into_iter()
                .filter(|(_, names)| !names.is_empty())
                .map(|(key, names)| format!(", {key} = {names:?}"))
                .collect();
            let prefix = ["", "x/"][rule];
            write!(lines, "{{ prefix = {prefix:?}, signatures = \"required\"{lists} }},").unwrap();
        }
        format!("{text}{roles}buckets.rel.rules = [{lines}]\n")
    }

    /// What the words of the documentation say, and nothing cleverer.
    fn accepts(rule: &Rule, signed: u8) -> bool {
        let met = |role: &crate::Role| {
            let there = |name: &&crate::SignerName| {
                let signer: usize = name.as_str()[1..].parse().unwrap();
                signed & 1 << signer != 0
            };
            role.signers.iter().filter(there).count() >= role.threshold
        };
        rule.all_of.iter().all(met) && (rule.any_of.is_empty() || rule.any_of.iter().any(met))
    }

    /// A rule that is taken without `weakens` accepts no set of signers that the one around it refuses. The other way round
    /// the check may ask for the word where it is not needed, but not often.
    #[test]
    fn what_is_taken_without_the_word_accepts_nobody_more() {
        let dir = super::folder();
        let [mut taken, mut needless, mut refused] = [0; 3];
        let mut runner = TestRunner::new(Cases { cases: 600, failure_persistence: None, ..Cases::default() });
        let load = |rules: &[_]| Config::parse(&text(rules), dir.path(), "h.toml", &|_| None);
        let counts = std::cell::RefCell::new([&mut taken, &mut needless, &mut refused]);
        runner
            .run(&[rule(), rule()].prop_map(Vec::from), |rules| {
                let alone = |index: usize| {
                    let config = load(&rules[index..=index]).unwrap();
                    config.buckets.values().next().unwrap().rules[0].clone()
                };
                let (parent, child) = (alone(0), alone(1));
                let more =
                    (0..1u8 << SIGNERS).find(|signed| accepts(&child, *signed) && !accepts(&parent, *signed));
                let mut counts = counts.borrow_mut();
                match (load(&rules), more) {
                    (Ok(_), Some(signed)) => prop_assert!(false, "accepts {signed:b}\n{}", text(&rules)),
                    (Ok(_), None) => *counts[0] += 1,
                    (Err(_), None) => *counts[1] += 1,
                    (Err(errors), Some(_)) => {
                        prop_assert!(errors.to_string().contains("`weakens = true`"), "{errors}");
                        *counts[2] += 1;
                    }
                }
                Ok(())
            })
            .unwrap();
        assert!(taken > 20 && refused > 50 && needless * 2 < taken, "{taken} {needless} {refused}");
    }
}
