//! Reads a TOML tree into typed values and keeps going: every problem of a file is put on one list, with its place.
//!
//! A reading function asks its [`Table`] for keys, each with the function that reads the value, and takes the
//! results apart with `?` only at its end, when every key has had its say. The keys that it asked for are the keys
//! there are: unknown ones are found by comparison, and no list of them is kept anywhere else.

mod table;
mod unique;
mod value;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use table::Table;
pub(crate) use unique::Unique;
pub(crate) use value::Value;

use crate::error::{ConfigError, ConfigErrors, Position, Sources};

/// Proof that a problem is on the list. Whoever holds it has nothing left to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reported(());

/// A value, or the proof that the reason for its absence has been reported.
pub(crate) type Read<T> = Result<T, Reported>;

/// A file that is being read: its text, what surrounds it, and the problems so far.
pub(crate) struct Document<'a> {
    text: &'a str,
    base_dir: &'a Path,
    env: &'a dyn Fn(&str) -> Option<String>,
    problems: RefCell<Vec<ConfigError>>,
    known: RefCell<BTreeMap<String, Presence>>,
    /// Where each value that was looked at begins.
    offsets: RefCell<BTreeMap<String, usize>>,
    /// What the file names: files, whether they are there or not, and folders.
    files: RefCell<BTreeSet<PathBuf>>,
}

/// Whether a known key occurs in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    Absent,
    Present,
}

impl<'a> Document<'a> {
    pub(crate) fn new(text: &'a str, base_dir: &'a Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            text,
            base_dir,
            env,
            problems: RefCell::default(),
            known: RefCell::default(),
            offsets: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// The place of the whole file.
    pub(crate) fn root(&'a self) -> Place<'a> {
        Place { document: self, offset: 0, key: String::new(), pattern: String::new() }
    }

    /// Where each value stands that was looked at.
    pub(crate) fn sources(&self, origin: &str) -> Sources {
        let offsets = self.offsets.borrow();
        let places = offsets.iter().map(|(key, offset)| (key.clone(), Position::of(self.text, *offset)));
        Sources::new(origin, places.collect())
    }

    /// What was named so far.
    pub(crate) fn files(&self) -> BTreeSet<PathBuf> {
        self.files.borrow().clone()
    }

    /// `result`, unless there is a problem on the list.
    pub(crate) fn finish<T>(self, origin: &str, result: Read<T>) -> Result<T, ConfigErrors> {
        let problems = self.problems.into_inner();
        match result {
            Ok(value) if problems.is_empty() => Ok(value),
            _ => Err(ConfigErrors::new(origin, problems)),
        }
    }

    /// Every key that a reading function asked for, without the names and numbers of this file
    /// (`clients[].name`, `keys.*.revoked`), and whether it occurs. Keys of tables that are absent are not in it.
    #[cfg(test)]
    pub(crate) fn known(&self) -> BTreeMap<String, Presence> {
        self.known.borrow().clone()
    }
}

/// A place in the file, at which a problem can be reported.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    document: &'a Document<'a>,
    offset: usize,
    /// As shown to operators: `clients[1].name`.
    key: String,
    /// The same without what is particular to this file: `clients[].name`.
    pattern: String,
}

impl<'a> Place<'a> {
    /// Puts a problem on the list. `message` must not quote a value of the file (see [`ConfigErrors`]).
    pub(crate) fn problem(&self, message: impl fmt::Display) -> Reported {
        self.document.problems.borrow_mut().push(ConfigError {
            position: Some(Position::of(self.document.text, self.offset)),
            key: self.key.clone(),
            message: message.to_string(),
        });
        Reported(())
    }

    /// The dotted key, as operators see it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The line, from 1, for messages about two places.
    pub(crate) fn line(&self) -> usize {
        Position::of(self.document.text, self.offset).line
    }

    /// The file that is called `name` here: a relative name begins at the document's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let file = self.document.base_dir.join(name);
        self.document.files.borrow_mut().insert(file.clone());
        file
    }

    /// An environment variable.
    pub(crate) fn env(&self, name: &str) -> Option<String> {
        (self.document.env)(name)
    }

    /// The same key, elsewhere in the text.
    fn at(&self, offset: usize) -> Self {
        Self { offset, ..self.clone() }
    }

    /// A key that Hallmark knows, in the table at this place.
    fn known_key(&self, key: &str, presence: Presence) -> Self {
        let place = self.child(dotted(&self.key, key), dotted(&self.pattern, key));
        let mut known = self.document.known.borrow_mut();
        let entry = known.entry(place.pattern.clone()).or_insert(presence);
        *entry = presence.max(*entry);
        place
    }

    /// A key that the file's author chose, in the table at this place.
    fn chosen_key(&self, key: &str) -> Self {
        self.child(dotted(&self.key, &shown(key)), dotted(&self.pattern, "*"))
    }

    /// An entry of the list at this place.
    fn item(&self, index: usize) -> Self {
        self.child(format!("{}[{index}]", self.key), format!("{}[]", self.pattern))
    }

    fn child(&self, key: String, pattern: String) -> Self {
        Self { document: self.document, offset: self.offset, key, pattern }
    }
}

/// A key that the file's author chose, as TOML has it: bare where it can be.
pub(crate) fn shown(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { format!("{key:?}") }
}

fn dotted(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}
