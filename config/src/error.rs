//! What is wrong with a configuration file: everything at once, each with its place.

use std::collections::BTreeMap;
use std::fmt;

use crate::name::BucketName;
use crate::reader::shown;

/// Everything that is wrong with one configuration file, in the order of the file. Never empty.
///
/// Shown as one `file:line:column: key: message` a line. No message quotes a value of the file: a secret that was
/// pasted into the wrong key must not end in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    origin: String,
    errors: Vec<ConfigError>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where; `None` if the file as a whole is meant (it cannot be read).
    pub position: Option<Position>,
    /// The dotted key, as `clients[1].grants[0].bucket`; empty if no single key is meant.
    pub key: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted in characters, from 1.
    pub column: usize,
}

/// Where each value of a configuration file stands: for what turns out to be wrong with it only when it is used.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    origin: String,
    positions: BTreeMap<String, Position>,
}

impl Sources {
    pub(crate) fn new(origin: &str, positions: BTreeMap<String, Position>) -> Self {
        Self { origin: origin.to_owned(), positions }
    }

    /// The name of the file, as it was given.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The dotted key of a setting of a bucket.
    pub fn bucket_key(bucket: &BucketName, setting: &str) -> String {
        format!("buckets.{}.{setting}", shown(bucket.as_str()))
    }

    /// Gives `problems`, pairs of a dotted key as in [`ConfigError::key`] and a message, their places: each that of its
    /// key's value, or of the table around a key which is left out. At least one, and no message may quote a value of
    /// the file.
    pub fn errors(&self, problems: impl IntoIterator<Item = (String, String)>) -> ConfigErrors {
        let locate = |(key, message): (String, String)| {
            let mut enclosing = Some(key.as_str());
            let mut position = None;
            while let (Some(part), None) = (enclosing, position) {
                position = self.positions.get(part).copied();
                enclosing = part.rsplit_once('.').map(|(outer, _)| outer);
            }
            ConfigError { position, key, message }
        };
        ConfigErrors::new(&self.origin, problems.into_iter().map(locate).collect())
    }
}

impl ConfigErrors {
    /// Sorts `errors` by position.
    pub(crate) fn new(origin: &str, mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_key(|error| error.position);
        Self { origin: origin.to_owned(), errors }
    }

    /// The file is not there, not readable or not a text.
    pub(crate) fn unreadable(origin: &str, message: String) -> Self {
        Self::new(origin, vec![ConfigError { position: None, key: String::new(), message }])
    }

    /// The name of the file, as it was given.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Each error, in the order of the file.
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }
}

impl Position {
    /// The place of a byte offset in `text`.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{error}", self.origin)?;
        }
        Ok(())
    }
}

/// All but the file's name: `line:column: key: message`.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let text = "a = 1\nü = \"ä\"\n";
        for (offset, line, column) in
            [(0, 1, 1), (4, 1, 5), (6, 2, 1), (8, 2, 2), (text.len(), 3, 1), (99, 3, 1)]
        {
            assert_eq!(Position::of(text, offset), Position { line, column }, "offset {offset}");
        }
    }
}
