//! What of a store's bucket a listing shows, and whether an answer keeps to it.

use std::collections::VecDeque;

use hallmark_config::StorePrefix;
use memchr::memmem;

use super::text::{Encoding, Odd};
use crate::name::{MAX_KEY_BYTES, ObjectKey};

/// What is listed: keys as clients name them, though the store has the mapping's prefix before each.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    mapping: StorePrefix,
    prefix: String,
    delimiter: Option<String>,
}

/// A key or a rolled-up prefix as clients name it, in the store's bytes: perhaps not even text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(Vec<u8>);

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line<E> {
    /// An object, or a version of one.
    Entry(Name, E),
    /// All keys that begin with this.
    Rolled(Name),
}

impl Frame {
    /// Of keys that begin with `prefix`, rolled up at `delimiter`, in a bucket with the prefix `mapping`.
    pub(super) fn new(mapping: StorePrefix, prefix: String, delimiter: Option<String>) -> Self {
        // No key has room for a longer one.
        let delimiter = delimiter.filter(|delimiter| delimiter.len() <= MAX_KEY_BYTES);
        Self { mapping, prefix, delimiter }
    }

    /// Whether there can be such keys at all.
    pub(super) fn is_possible(&self) -> bool {
        self.prefix.len() <= self.longest_key()
    }

    /// The longest key as clients name it, bytes.
    pub(super) fn longest_key(&self) -> usize {
        MAX_KEY_BYTES.saturating_sub(self.mapping.as_str().len())
    }

    /// What all keys in question begin with in the store.
    pub(super) fn store_prefix(&self) -> String {
        self.store_key(&self.prefix)
    }

    fn store_key(&self, name: &str) -> String {
        format!("{}{name}", self.mapping.as_str())
    }

    /// The marker to send for `key`; `None`: none, for all keys in question are after it. (Garage finds nothing after a
    /// marker that is before the prefix.)
    pub(super) fn store_marker(&self, key: &str) -> Option<String> {
        (key.as_bytes() >= self.prefix.as_bytes()).then(|| self.store_key(key))
    }

    /// Where keys are rolled up.
    pub(super) fn delimiter(&self) -> Option<&str> {
        self.delimiter.as_deref()
    }

    /// Whether `key` itself is listed, if it is there.
    pub(super) fn shows(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && self.rolled_up_to(&Name(key.into())).is_none()
    }

    /// Of the same bucket, only what begins with `prefix`, and nothing rolled up.
    pub(super) fn narrowed(&self, prefix: &str) -> Self {
        Self { mapping: self.mapping.clone(), prefix: prefix.to_owned(), delimiter: None }
    }

    /// A key that an answer names.
    pub(super) fn key(&self, said: Option<&str>, encoding: Encoding) -> Result<Name, Odd> {
        let name = self.name(said, encoding)?;
        match self.rolled_up_to(&name) {
            None => Ok(name),
            Some(_) => Err(Odd("a key is listed that should be rolled up")),
        }
    }

    /// A rolled-up prefix that an answer names.
    pub(super) fn rolled(&self, said: Option<&str>, encoding: Encoding) -> Result<Name, Odd> {
        let name = self.name(said, encoding)?;
        match self.rolled_up_to(&name) {
            Some(end) if end == name.0.len() => Ok(name),
            Some(_) | None => Err(Odd("a prefix is rolled up elsewhere than at the delimiter")),
        }
    }

    /// What a marker in an answer may mean. Ceph's gateway leaves it as it is where keys are encoded, others do not.
    pub(super) fn markers(&self, said: Option<&str>, encoding: Encoding) -> Vec<String> {
        let readings =
            said.into_iter().flat_map(|said| [Encoding::Plain.decode(said), encoding.decode(said)]);
        let ours = readings.filter_map(|bytes| {
            let bytes = bytes.ok()?;
            String::from_utf8(bytes.strip_prefix(self.mapping.as_str().as_bytes())?.to_vec()).ok()
        });
        ours.collect()
    }

    fn name(&self, said: Option<&str>, encoding: Encoding) -> Result<Name, Odd> {
        let bytes = encoding.decode(said.ok_or(Odd("a key is missing"))?)?;
        let name = bytes.strip_prefix(self.mapping.as_str().as_bytes()).map(<[u8]>::to_vec);
        let name = name.filter(|name| name.starts_with(self.prefix.as_bytes()));
        name.map(Name).ok_or(Odd("a key is listed that does not begin as it should"))
    }

    /// Where the first delimiter after the prefix ends.
    fn rolled_up_to(&self, name: &Name) -> Option<usize> {
        let delimiter = self.delimiter.as_deref()?.as_bytes();
        let rest = name.0.get(self.prefix.len()..)?;
        Some(self.prefix.len() + memmem::find(rest, delimiter)? + delimiter.len())
    }
}

impl Name {
    /// Its text; `None`: it is none.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Its bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Whether its bytes are after those of `text`.
    pub(super) fn is_after(&self, text: &str) -> bool {
        self.0.as_slice() > text.as_bytes()
    }

    /// Whether it is `text`.
    pub(super) fn is(&self, text: &str) -> bool {
        self.0 == text.as_bytes()
    }

    /// The key of that name; `None`: no client could have put one there.
    pub(super) fn object_key(&self) -> Option<ObjectKey> {
        ObjectKey::parse(self.text()?).ok()
    }

    /// The prefix of that name; `None`: no key that a client could have put begins with it.
    pub(super) fn key_prefix(&self) -> Option<String> {
        let text = self.text().filter(|text| text.len() < MAX_KEY_BYTES)?;
        // What follows can make a segment of `.` another one, unless it has ended.
        let (ended, _) = text.rsplit_once('/').unwrap_or(("-", text));
        let fits = !text.contains('\0') && !ended.split('/').any(|segment| matches!(segment, "." | ".."));
        fits.then(|| text.to_owned())
    }
}

/// Puts the entries and the rolled-up prefixes of an answer in one order. Entries of one name stay as they are.
///
/// # Errors
/// Either are out of order, or a prefix is there twice.
pub(super) fn merge<E>(entries: Vec<(Name, E)>, rolled: Vec<Name>) -> Result<Vec<Line<E>>, Odd> {
    if !entries.is_sorted_by(|(a, _), (b, _)| a <= b) || !rolled.is_sorted_by(|a, b| a < b) {
        return Err(Odd("keys are not listed in the order of their bytes"));
    }
    let (mut entries, mut rolled) = (VecDeque::from(entries), VecDeque::from(rolled));
    let mut lines = Vec::with_capacity(entries.len() + rolled.len());
    loop {
        let rolled_first = match (entries.front(), rolled.front()) {
            (Some((name, _)), Some(prefix)) => prefix < name,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let line = if rolled_first {
            rolled.pop_front().map(Line::Rolled)
        } else {
            entries.pop_front().map(|(name, entry)| Line::Entry(name, entry))
        };
        match line {
            Some(line) => lines.push(line),
            None => return Ok(lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(mapping: &str, prefix: &str, delimiter: Option<&str>) -> Frame {
        let mapping = StorePrefix::parse(mapping).unwrap();
        Frame::new(mapping, prefix.to_owned(), delimiter.map(str::to_owned))
    }

    #[test]
    fn keys_lose_the_prefix_of_the_mapping() {
        let frame = frame("team/a/", "x", None);
        assert_eq!(frame.store_prefix(), "team/a/x");
        assert_eq!(frame.store_marker("x").as_deref(), Some("team/a/x"));
        assert_eq!(frame.store_marker("y").as_deref(), Some("team/a/y"));
        assert_eq!(frame.store_marker("w/1"), None);
        let name = frame.key(Some("team%2Fa%2Fx%2F1"), Encoding::Url).unwrap();
        assert_eq!(name.text(), Some("x/1"));
        for outside in ["team/b/x", "x", "team/a", "team/a/y", "team/a/", ""] {
            assert!(frame.key(Some(outside), Encoding::Plain).is_err(), "{outside}");
        }
        assert!(frame.key(None, Encoding::Plain).is_err());
    }

    #[test]
    fn keys_are_rolled_up_at_the_first_delimiter_after_the_prefix() {
        let frame = frame("m/", "a/", Some("//"));
        for (said, key, rolled) in [
            ("m/a/b", true, false),
            ("m/a/b//", false, true),
            ("m/a//", true, false),
            ("m/a///", false, true),
            ("m/a/b//c", false, false),
            ("m/a/b//c//", false, false),
        ] {
            assert_eq!(frame.key(Some(said), Encoding::Plain).is_ok(), key, "{said}");
            assert_eq!(frame.rolled(Some(said), Encoding::Plain).is_ok(), rolled, "{said}");
        }
    }

    #[test]
    fn prefixes_are_shown_that_a_key_can_begin_with() {
        for good in ["a/", "/", "//", ".", "..", "a/..", "..a/", "-"] {
            assert!(Name(good.into()).key_prefix().is_some(), "{good}");
        }
        for bad in ["./", "../", "a/./", "a/../b", "a\0"] {
            assert!(Name(bad.into()).key_prefix().is_none(), "{bad}");
        }
        assert!(Name(vec![b'a'; 1023]).key_prefix().is_some());
        assert!(Name(vec![b'a'; 1024]).key_prefix().is_none());
        assert!(Name(vec![0xff]).key_prefix().is_none());
    }

    #[test]
    fn lines_are_merged_by_bytes() {
        let name = |text: &str| Name(text.into());
        let lines = merge(vec![(name("a"), 1), (name("a"), 2), (name("c"), 3)], vec![name("a/"), name("d/")]);
        let expected = vec![
            Line::Entry(name("a"), 1),
            Line::Entry(name("a"), 2),
            Line::Rolled(name("a/")),
            Line::Entry(name("c"), 3),
            Line::Rolled(name("d/")),
        ];
        assert_eq!(lines, Ok(expected));
        assert!(merge(vec![(name("b"), 1), (name("a"), 2)], Vec::new()).is_err());
        assert!(merge::<()>(Vec::new(), vec![name("a/"), name("a/")]).is_err());
    }
}
