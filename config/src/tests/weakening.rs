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
