//! ETags as stores write them.

/// The longest, bytes: what a record of a part can hold.
const MAX_BYTES: usize = 128;

/// What stands in the quotes, or all of it where there are none, as in the documents of some stores; `None`: that is
/// nothing that could be sent back to the store.
pub(super) fn bare(text: &str) -> Option<&str> {
    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=MAX_BYTES).contains(&bare.len());
    (fits && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"')).then_some(bare)
}

/// In quotes, as a condition names it.
pub(super) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_read_with_quotes_and_without() {
        for (text, etag) in [
            ("\"abc-2\"", Some("abc-2")),
            ("abc-2", Some("abc-2")),
            ("", None),
            ("\"\"", None),
            ("\"abc", None),
            ("a\"b", None),
            ("a b", None),
            ("a\r\n", None),
            ("\"\u{e4}\"", None),
        ] {
            assert_eq!(bare(text), etag, "{text:?}");
        }
        assert_eq!(bare(&"e".repeat(MAX_BYTES)).map(str::len), Some(MAX_BYTES));
        assert_eq!(bare(&"e".repeat(MAX_BYTES + 1)), None);
        assert_eq!(bare(&quoted("abc")), Some("abc"));
    }
}
