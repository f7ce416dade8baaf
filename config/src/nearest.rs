//! "Did you mean": the known word that looks most like a mistyped one.

/// Below this similarity (0 to 1) a suggestion would puzzle more than help.
const ALIKE: f64 = 0.8;

/// The word of `known` that is most like `word`, if any is alike.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Operators mix up `-` and `_` and upper and lower case more often than letters.
    let plain = word.to_ascii_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|known| {
            let same = strsim::jaro_winkler(word, known);
            (known, same.max(strsim::jaro_winkler(&plain, known)))
        })
        .filter(|(_, alike)| *alike >= ALIKE)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(known, _)| known)
}

/// The end of a message about an unknown `word`: the nearest one of `known`, or all of them.
pub(crate) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(nearest) = nearest(word, known.clone()) {
        return format!("did you mean `{nearest}`?");
    }
    let known: Vec<String> = known.into_iter().map(|known| format!("`{known}`")).collect();
    if known.is_empty() { "there is none".to_owned() } else { format!("known: {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_named_and_a_stranger_is_not_matched() {
        let known = ["listen", "tls", "domains", "region", "max_connections", "release-ci"];
        for (word, expected) in [
            ("listn", Some("listen")),
            ("lisetn", Some("listen")),
            ("Domain", Some("domains")),
            ("max-connections", Some("max_connections")),
            ("MAX_CONNECTION", Some("max_connections")),
            ("release_ci", Some("release-ci")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
