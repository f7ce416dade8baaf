//! A table and the keys that are asked of it.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::DeTable;

use super::{Place, Presence, Read, Reported, Value};
use crate::nearest::suggestion;

/// A table that is being read.
pub(crate) struct Table<'a> {
    place: Place<'a>,
    /// `None`: a section that the file leaves out, read for its defaults.
    entries: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    refused: Vec<(&'static str, Reported)>,
}

impl<'a> Table<'a> {
    /// Reads a table and reports the keys that `read` did not ask for.
    pub(crate) fn read<T>(
        place: Place<'a>,
        entries: Option<&'a DeTable<'a>>,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<T> {
        let mut table = Self { place, entries, asked: Vec::new(), refused: Vec::new() };
        let result = read(&mut table);
        table.report_unknown();
        result
    }

    /// Where the table begins.
    pub(crate) fn place(&self) -> &Place<'a> {
        &self.place
    }

    /// A key that must be there. `example` is a value in TOML, for the message.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&Value<'a>) -> Read<T>,
    ) -> Read<T> {
        match self.value(key) {
            Some(value) => read(&value),
            None => {
                let place = self.place.known_key(key, Presence::Absent);
                Err(place.problem(format_args!("missing; add `{key} = {example}`")))
            }
        }
    }

    /// A key that may be left out.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Read<T>,
    ) -> Read<Option<T>> {
        self.value(key).map(|value| read(&value)).transpose()
    }

    /// A key with a default.
    pub(crate) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Value<'a>) -> Read<T>,
    ) -> Read<T> {
        self.value(key).map_or(Ok(default), |value| read(&value))
    }

    /// A table within this one; left out, it is read as an empty one.
    pub(crate) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Table<'a>) -> Read<T>,
    ) -> Read<T> {
        match self.value(key) {
            Some(value) => value.table(read),
            None => Table::read(self.place.known_key(key, Presence::Absent), None, read),
        }
    }

    /// A table whose keys are names of the author's choice.
    pub(crate) fn named<N: Ord, E: fmt::Display, T>(
        &mut self,
        key: &'static str,
        name: impl Fn(&str) -> Result<N, E>,
        read: impl Fn(&str, &Value<'a>) -> Read<T>,
    ) -> Read<BTreeMap<N, T>> {
        let Some(value) = self.value(key) else { return Ok(BTreeMap::new()) };
        let read: Vec<Read<(N, T)>> = value
            .entries()?
            .into_iter()
            .map(|(place, text, value)| {
                let name = name(text).map_err(|rule| place.problem(format_args!("the name must be {rule}")));
                let value = read(text, &value);
                Ok((name?, value?))
            })
            .collect();
        read.into_iter().collect()
    }

    /// The names in such a table, well formed or not; empty if it is not there or not a table.
    pub(crate) fn names(&self, key: &str) -> Vec<&'a str> {
        let names = self.entries.and_then(|entries| entries.get(key)?.get_ref().as_table());
        names.into_iter().flatten().map(|(name, _)| name.get_ref().as_ref()).collect()
    }

    /// Exactly one of two keys must be there. Comes after [`Table::refuse`], if that is asked at all.
    pub(crate) fn either<T>(
        &mut self,
        (first, read_first): (&'static str, impl FnOnce(&Value<'a>) -> Read<T>),
        (second, read_second): (&'static str, impl FnOnce(&Value<'a>) -> Read<T>),
    ) -> Read<T> {
        match (self.value(first), self.value(second)) {
            (Some(value), None) => read_first(&value),
            (None, Some(value)) => read_second(&value),
            (Some(_), Some(value)) => {
                Err(value.place().problem(format_args!("stands beside `{first}`; keep one of the two")))
            }
            (None, None) => Err(match self.refused.first() {
                // Somebody tried the wrong key for this and has been told.
                Some((_, reported)) => *reported,
                None => self.place.problem(format_args!("`{first}` or `{second}` is missing; add one")),
            }),
        }
    }

    /// Keys that must not be there, for people who try them to learn why.
    pub(crate) fn refuse(&mut self, keys: &[&'static str], why: &str) {
        for key in keys {
            if let Some((spanned, _)) = self.entries.and_then(|entries| entries.get_key_value(*key)) {
                let reported = self.place.chosen_key(key).at(spanned.span().start).problem(why);
                self.refused.push((key, reported));
            }
        }
    }

    /// Keys of which nothing can be said, neither that they belong here nor that they do not.
    pub(crate) fn pass_over(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// Reports that a key is missing which, for the reason that `why` gives, must be there.
    pub(crate) fn missing(&self, key: &str, why: &str) -> Reported {
        self.place.known_key(key, Presence::Absent).problem(format_args!("missing; {why}"))
    }

    fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.asked.push(key);
        let found = self.entries.and_then(|entries| entries.get(key));
        let presence = if found.is_some() { Presence::Present } else { Presence::Absent };
        let place = self.place.known_key(key, presence);
        found.map(|value| Value::new(place.at(value.span().start), value.get_ref()))
    }

    fn report_unknown(&self) {
        for (key, _) in self.entries.into_iter().flatten() {
            let text = key.get_ref().as_ref();
            if !self.asked.contains(&text) && !self.refused.iter().any(|(key, _)| *key == text) {
                let place = self.place.chosen_key(text).at(key.span().start);
                place.problem(format_args!("unknown key; {}", suggestion(text, self.asked.iter().copied())));
            }
        }
    }
}
