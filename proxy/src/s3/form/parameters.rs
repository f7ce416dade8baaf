//! The syntax that `Content-Type` and `Content-Disposition` share: a word, and parameters after it.

use super::Malformed;

/// A word and its parameters, each name in lower case and there once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters<'a> {
    /// What stands before the first semicolon.
    pub(super) word: &'a str,
    parameters: Vec<(String, String)>,
}

impl<'a> Parameters<'a> {
    /// Reads `word; name=value; name="value"`.
    ///
    /// In quotes, `\"` is a quote and every other character, a backslash included, itself: browsers escape quotes as
    /// `%22` and nothing else, other clients as `\"`, and old ones send paths of Windows as they are.
    pub(super) fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (word, mut rest) = text.split_once(';').map_or((text, None), |(word, rest)| (word, Some(rest)));
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(text) = rest {
            let (name, text) = text.split_once('=').ok_or(Malformed("a parameter has no value"))?;
            let name = name.trim_matches(SPACE).to_ascii_lowercase();
            if !is_token(&name) {
                return Err(Malformed("the name of a parameter is not a word"));
            }
            let (value, after) = value(text.trim_start_matches(SPACE))?;
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(Malformed("a parameter is there twice"));
            }
            parameters.push((name, value));
            rest = after;
        }
        Ok(Self { word: word.trim_matches(SPACE), parameters })
    }

    /// Takes the value of a parameter (lower case) out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.parameters.iter().position(|(known, _)| known == name)?;
        Some(self.parameters.swap_remove(at).1)
    }
}

/// Space as the header syntaxes have it.
const SPACE: [char; 2] = [' ', '\t'];

/// A value, and what follows the semicolon after it, if there is one.
fn value(text: &str) -> Result<(String, Option<&str>), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').map_or((text, None), |(value, rest)| (value, Some(rest)));
        let value = value.trim_end_matches(SPACE);
        let is_word = is_token(value);
        return is_word
            .then(|| (value.to_owned(), rest))
            .ok_or(Malformed("the value of a parameter needs quotes"));
    };
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('"').ok_or(Malformed("a quote is not closed"))?;
        rest = after;
        match before.strip_suffix('\\') {
            Some(before) => value.extend([before, "\""]),
            None => {
                value.push_str(before);
                break;
            }
        }
    }
    match rest.trim_start_matches(SPACE) {
        "" => Ok((value, None)),
        rest => match rest.strip_prefix(';') {
            Some(rest) => Ok((value, Some(rest))),
            None => Err(Malformed("something follows a quoted value")),
        },
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let parsed = Parameters::parse(text).ok();
        let seen = parsed.as_ref().map(|parsed| {
            let pairs = parsed.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            (parsed.word, pairs.collect::<Vec<_>>())
        });
        assert_eq!(seen, expected.map(|(word, pairs)| (word, pairs.to_vec())), "{text}");
    }

    #[test]
    fn parameters_are_read_strictly() {
        check("form-data", Some(("form-data", &[])));
        check("form-data; name=\"a\"", Some(("form-data", &[("name", "a")])));
        check("a/b ;NAME = x ; f=\"y;z=\\\"1\\\"\"", Some(("a/b", &[("name", "x"), ("f", "y;z=\"1\"")])));
        check("f; filename=\"C:\\dir\\a b.txt\"", Some(("f", &[("filename", "C:\\dir\\a b.txt")])));
        check("f; a=\"\"; b=\"é\"", Some(("f", &[("a", ""), ("b", "é")])));
        for bad in [
            "f;",
            "f; name",
            "f; name=",
            "f; =x",
            "f; name=a b",
            "f; name=\"a",
            "f; name=\"a\\\"",
            "f; name=\"a\"b",
            "f; name=\"a\" b=\"c\"",
            "f; name=\"a\";",
            "f; name=\"a\"; NAME=\"b\"",
            "f; na me=\"a\"",
            "f; name=a=b",
        ] {
            check(bad, None);
        }
    }
}
