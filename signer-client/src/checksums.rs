//! Lists of files and their SHA-256, as `sha256sum` writes and checks them (GNU coreutils, "md5sum invocation").
//!
//! A line is the digest, two characters (` ` and ` ` or `*`) and the name. A name with a backslash or a line break has
//! these written as `\\`, `\n` and `\r`, and its line begins with a backslash.

use std::collections::BTreeMap;
use std::fmt;

use crate::digest::Sha256Digest;

/// The longest list that is read or written, bytes.
pub const MAX_CHECKSUM_LIST: u64 = 256 << 20;
/// The longest name in a list, bytes.
pub const MAX_LISTED_NAME: usize = 4096;
/// Digest, the characters around it, and a name in which everything is escaped.
const MAX_LINE: usize = 1 + 64 + 2 + 2 * MAX_LISTED_NAME;

/// The name of a file in a list.
///
/// Invariants: at most [`MAX_LISTED_NAME`] bytes; its segments between `/` are none of empty, `.` and `..`, so it stays
/// below the directory that it is looked up in; no NUL, which no file's name can have.
///
/// ```
/// use hallmark_signer::ListedName;
/// assert!(ListedName::parse("app/1.0/app v1.tar").is_ok());
/// for other in ["", "/app", "app/", "a//b", "a/../b", "./a", "a\0"] {
///     assert!(ListedName::parse(other).is_err());
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedName(Box<str>);

/// A text that is no name of a file below a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be the name of a file below a directory")]
pub struct NameError;

impl ListedName {
    /// The name, if it is one.
    ///
    /// # Errors
    /// An invariant does not hold.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let segment = |segment: &str| !matches!(segment, "" | "." | "..");
        let good = text.len() <= MAX_LISTED_NAME && !text.contains('\0') && text.split('/').all(segment);
        if good { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A line of a list. Its [`Display`](fmt::Display) is the line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumLine {
    /// The file's digest.
    pub sha256: Sha256Digest,
    /// Its name.
    pub name: ListedName,
}

/// What is wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ChecksumListError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: ChecksumLineError,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumLineError {
    /// Longer than any line needs to be.
    #[error("it is too long")]
    TooLong,
    /// Not UTF-8.
    #[error("it is no text in UTF-8")]
    NotText,
    /// The end of the list is missing.
    #[error("it does not end in a line break: the list may have been cut off")]
    CutOff,
    /// Not a digest, two characters and a name.
    #[error("expected 64 hexadecimal digits (lower case), two spaces and a name, as sha256sum writes them")]
    Form,
    /// The name is not written as `sha256sum` would.
    #[error("its name is not escaped as sha256sum does it")]
    Escapes,
    /// Not a name to look up.
    #[error("its name: {0}")]
    Name(#[from] NameError),
    /// The name stands in an earlier line.
    #[error("its name stands in the list already")]
    Twice,
}

impl ChecksumLine {
    /// Reads a line without its end.
    ///
    /// # Errors
    /// It is not exactly as `sha256sum` writes it.
    pub fn parse(line: &str) -> Result<Self, ChecksumLineError> {
        let (escaped, rest) = match line.strip_prefix('\\') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (digest, name) = rest.split_at_checked(64).ok_or(ChecksumLineError::Form)?;
        let sha256 = Sha256Digest::from_hex(digest).map_err(|_| ChecksumLineError::Form)?;
        let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *"));
        let name = unescape(name.ok_or(ChecksumLineError::Form)?, escaped)?;
        Ok(Self { sha256, name: ListedName::parse(&name)? })
    }
}

impl fmt::Display for ChecksumLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sha256, name } = self;
        let name = name.as_str();
        if !name.contains(odd) {
            return write!(f, "{}  {name}", sha256.to_hex());
        }
        let name = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        write!(f, "\\{}  {name}", sha256.to_hex())
    }
}

/// What a name cannot have in a line as it is.
fn odd(c: char) -> bool {
    matches!(c, '\\' | '\n' | '\r')
}

fn unescape(text: &str, escaped: bool) -> Result<String, ChecksumLineError> {
    if escaped != text.contains('\\') {
        return Err(ChecksumLineError::Escapes);
    }
    let mut name = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        name.push(match c {
            '\\' => match rest.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('r') => '\r',
                _ => return Err(ChecksumLineError::Escapes),
            },
            '\n' | '\r' => return Err(ChecksumLineError::Escapes),
            other => other,
        });
    }
    Ok(name)
}

/// A list: each name once, in the order of their bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChecksumList(BTreeMap<ListedName, Sha256Digest>);

impl ChecksumList {
    /// Reads a list. The caller bounds its length by [`MAX_CHECKSUM_LIST`].
    ///
    /// # Errors
    /// The first line that is not exactly as `sha256sum` writes it, or whose name came before.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChecksumListError> {
        let mut list = BTreeMap::new();
        for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let failed = |reason| ChecksumListError { line: index + 1, reason };
            let ChecksumLine { sha256, name } = read(line).map_err(failed)?;
            if list.insert(name, sha256).is_some() {
                return Err(failed(ChecksumLineError::Twice));
            }
        }
        Ok(Self(list))
    }

    /// Takes over what another list says.
    ///
    /// # Errors
    /// A name for which the two have different digests; the others may have been taken over by then.
    pub fn join(&mut self, other: Self) -> Result<(), ListedName> {
        for (name, sha256) in other.0 {
            match self.0.get(&name) {
                Some(known) if *known != sha256 => return Err(name),
                Some(_) => {}
                None => {
                    self.0.insert(name, sha256);
                }
            }
        }
        Ok(())
    }

    /// What the list says of a name.
    pub fn find(&self, name: &ListedName) -> Option<&Sha256Digest> {
        self.0.get(name)
    }

    /// All names and digests.
    pub fn iter(&self) -> impl Iterator<Item = (&ListedName, &Sha256Digest)> {
        self.0.iter()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn read(line: &[u8]) -> Result<ChecksumLine, ChecksumLineError> {
    let line = line.strip_suffix(b"\n").ok_or(ChecksumLineError::CutOff)?;
    if line.len() > MAX_LINE {
        return Err(ChecksumLineError::TooLong);
    }
    ChecksumLine::parse(std::str::from_utf8(line).map_err(|_| ChecksumLineError::NotText)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn line(name: &str) -> ChecksumLine {
        ChecksumLine { sha256: Sha256Digest::of(b""), name: ListedName::parse(name).unwrap() }
    }

    /// What GNU coreutils 9.1 writes for empty files of these names.
    #[test]
    fn lines_are_those_of_sha256sum() {
        for (name, expected) in [
            ("app v1.tar", format!("{EMPTY}  app v1.tar")),
            (" *x", format!("{EMPTY}   *x")),
            ("a\\b", format!("\\{EMPTY}  a\\\\b")),
            ("a\nb\r", format!("\\{EMPTY}  a\\nb\\r")),
        ] {
            assert_eq!(line(name).to_string(), expected);
            assert_eq!(ChecksumLine::parse(&expected), Ok(line(name)));
        }
        assert_eq!(ChecksumLine::parse(&format!("{EMPTY} *a")), Ok(line("a")));
    }

    #[test]
    fn everything_else_is_refused() {
        use ChecksumLineError::{CutOff, Escapes, Form, Name, NotText, TooLong, Twice};
        let upper = EMPTY.to_uppercase();
        let long = "a".repeat(2 * MAX_LISTED_NAME + 2);
        for (text, reason) in [
            (format!("{EMPTY}  a"), CutOff),
            ("\n".into(), Form),
            ("# comment\n".into(), Form),
            (format!("{upper}  a\n"), Form),
            (format!("{EMPTY} a\n"), Form),
            (format!("{EMPTY}\ta\n"), Form),
            (format!("SHA256 (a) = {EMPTY}\n"), Form),
            (format!("{EMPTY}  a\\b\n"), Escapes),
            (format!("\\{EMPTY}  a\n"), Escapes),
            (format!("\\{EMPTY}  a\\t\n"), Escapes),
            (format!("\\{EMPTY}  a\\\n"), Escapes),
            (format!("{EMPTY}  a\r\n"), Escapes),
            (format!("{EMPTY}  /etc/passwd\n"), Name(NameError)),
            (format!("{EMPTY}  ../a\n"), Name(NameError)),
            (format!("{EMPTY}  \n"), Name(NameError)),
            (format!("{EMPTY}  {long}\n"), TooLong),
        ] {
            let list = format!("{EMPTY}  first\n{text}");
            let refused = ChecksumList::parse(list.as_bytes()).unwrap_err();
            assert_eq!(refused, ChecksumListError { line: 2, reason }, "{text:?}");
        }
        let twice = format!("{EMPTY}  a\n{EMPTY}  b\n{EMPTY} *a\n");
        let refused = ChecksumList::parse(twice.as_bytes()).unwrap_err();
        assert_eq!(refused, ChecksumListError { line: 3, reason: Twice });
        let bytes = [EMPTY.as_bytes(), b"  a\xff\n"].concat();
        assert_eq!(ChecksumList::parse(&bytes).unwrap_err().reason, NotText);
        assert_eq!(ChecksumList::parse(b"").unwrap().len(), 0);
    }

    #[test]
    fn lists_are_joined_unless_they_differ() {
        let list = |text: &str| ChecksumList::parse(text.as_bytes()).unwrap();
        let mut all = list(&format!("{EMPTY}  a\n"));
        assert_eq!(all.join(list(&format!("{EMPTY}  a\n{EMPTY}  b\n"))), Ok(()));
        assert_eq!(all.len(), 2);
        let other = list(&format!("{}  b\n", EMPTY.replace('e', "f")));
        assert_eq!(all.join(other), Err(ListedName::parse("b").unwrap()));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(names in proptest::collection::btree_set("[a-c\\\\\n\r *é/]{1,8}", 0..6)) {
            let names: Vec<_> = names.iter().filter_map(|name| ListedName::parse(name).ok()).collect();
            let lines: Vec<_> = names.iter().map(|name| line(name.as_str())).collect();
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let list = ChecksumList::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(list.len(), names.len());
            for name in &names {
                prop_assert_eq!(list.find(name), Some(&Sha256Digest::of(b"")));
            }
        }

        #[test]
        fn a_line_that_is_read_is_written_as_it_was(line in "\\\\?e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  [a\\\\n\nr]{1,6}") {
            if let Ok(read) = ChecksumLine::parse(&line) {
                prop_assert_eq!(read.to_string(), line);
            }
        }
    }
}
