//! What is valid and hardly meant.

use super::*;

/// The advice on a bucket with this rule and these lines.
fn advice(rule: &str, lines: &str) -> Vec<String> {
    let text = format!(
        "[keys.ci]\npublic_key_file = \"ci.pub\"\n[buckets.releases]\n{lines}\n\
         rules = [{{ prefix = \"app/\", signatures = \"required\", keys = [\"ci\"], {rule} }}]\n"
    );
    let dir = folder();
    let config = load(&format!("{BASE}{text}"), dir.path()).unwrap();
    config.advice().iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_under_which_nobody_can_approve_is_told() {
    let waits = "enforce = \"download\"";
    for rule in ["enforce = \"upload\"", "enforce = \"download\", siblings = [\"sig\"]"] {
        assert_eq!(advice(rule, "immutable = true"), Vec::<String>::new(), "{rule}");
    }
    for (lines, says) in [
        ("", "so nobody can approve of it"),
        ("immutable_prefixes = [\"other/\"]", "so nobody can approve of it"),
        ("immutable_prefixes = [\"app/\"]", "is never served"),
        ("immutable = true", "is never served"),
    ] {
        let told = advice(waits, lines);
        assert_eq!(told.len(), 1, "{lines}");
        assert!(told[0].starts_with("buckets.releases.rules: the rule for the prefix \"app/\""), "{told:?}");
        assert!(told[0].contains(says), "{told:?}");
    }
}
