//! A single value, and the kinds of it that the file knows.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::{Place, Read, Table, Unique};
use crate::moment::UnixMs;
use crate::nearest::suggestion;
use crate::units;

/// A value that is being read.
pub(crate) struct Value<'a> {
    place: Place<'a>,
    value: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    pub(super) fn new(place: Place<'a>, value: &'a DeValue<'a>) -> Self {
        place.document.offsets.borrow_mut().insert(place.key.clone(), place.offset);
        Self { place, value }
    }

    /// Where the value begins.
    pub(crate) fn place(&self) -> &Place<'a> {
        &self.place
    }

    /// A text, as it stands there.
    pub(crate) fn text(&self) -> Read<&'a str> {
        self.value.as_str().ok_or_else(|| self.mismatch("a text in quotes"))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.mismatch("`true` or `false`"))
    }

    /// A text that `parse` understands; its error is what the text must be.
    pub(crate) fn parse<T, E: fmt::Display>(&self, parse: impl Fn(&str) -> Result<T, E>) -> Read<T> {
        parse(self.text()?).map_err(|rule| self.place.problem(format_args!("must be {rule}")))
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Read<T> {
        let text = self.text()?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(*meaning),
            None => {
                let hint = suggestion(text, words.iter().map(|(word, _)| *word));
                Err(self.place.problem(format_args!("unknown word; {hint}")))
            }
        }
    }

    /// A point in time.
    pub(crate) fn time(&self) -> Read<UnixMs> {
        let expected = "a date and time with offset, not in quotes, such as 2026-12-31T23:59:59Z";
        let time = self.value.as_datetime().ok_or_else(|| self.mismatch(expected))?;
        UnixMs::from_toml(time).map_err(|rule| self.place.problem(rule))
    }

    /// A whole number.
    pub(crate) fn integer(&self, range: RangeInclusive<usize>) -> Read<usize> {
        let integer = self.value.as_integer().ok_or_else(|| self.mismatch("a whole number"))?;
        // What does not even fit is out of every range.
        let number = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            self.place.problem(format_args!("must be from {} to {}", range.start(), range.end()))
        })
    }

    /// A number of bytes.
    pub(crate) fn size(&self, range: RangeInclusive<u64>) -> Read<u64> {
        self.amount(units::size, units::show_size, range, "a size in quotes, such as \"256 MiB\"")
    }

    /// A length of time.
    pub(crate) fn duration(&self, range: RangeInclusive<Duration>) -> Read<Duration> {
        self.amount(units::duration, units::show_duration, range, "a duration in quotes, such as \"30s\"")
    }

    /// A file name; a relative one begins at the document's folder.
    pub(crate) fn path(&self) -> Read<PathBuf> {
        let text = self.text()?;
        if text.is_empty() || text.contains('\0') {
            return Err(self.place.problem("must be the name of a file"));
        }
        Ok(self.place.file(text))
    }

    /// A list; every entry is read, also after one that is wrong.
    pub(crate) fn list<T>(&self, mut read: impl FnMut(&Value<'a>) -> Read<T>) -> Read<Vec<T>> {
        let list = self.value.as_array().ok_or_else(|| self.mismatch("a list, in [ ]"))?;
        let entries = list.iter().enumerate().map(|(index, entry)| {
            read(&Value::new(self.place.item(index).at(entry.span().start), entry.get_ref()))
        });
        let entries: Vec<Read<T>> = entries.collect();
        entries.into_iter().collect()
    }

    /// A list in which nothing stands twice.
    pub(crate) fn set<T: Ord + Clone>(&self, read: impl Fn(&Value<'a>) -> Read<T>) -> Read<Vec<T>> {
        let unique = Unique::new();
        self.list(|entry| {
            let item = read(entry)?;
            unique.admit(&entry.place, item.clone())?;
            Ok(item)
        })
    }

    /// A table.
    pub(crate) fn table<T>(&self, read: impl FnOnce(&mut Table<'a>) -> Read<T>) -> Read<T> {
        let entries = self.as_table()?;
        Table::read(self.place.clone(), Some(entries), read)
    }

    /// A list of tables, `[[…]]`.
    pub(crate) fn tables<T>(&self, mut read: impl FnMut(&mut Table<'a>) -> Read<T>) -> Read<Vec<T>> {
        if self.value.is_table() {
            return Err(self.place.problem("must be a list of tables; write it with double brackets, [[ ]]"));
        }
        self.list(|entry| entry.table(&mut read))
    }

    /// The entries of a table whose keys are names, in the order of the file: each key's place and text, and its
    /// value.
    pub(crate) fn entries(&self) -> Read<Vec<(Place<'a>, &'a str, Value<'a>)>> {
        let mut entries: Vec<_> = self.as_table()?.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entries = entries.into_iter().map(|(key, value)| {
            let text = key.get_ref().as_ref();
            let place = self.place.chosen_key(text);
            let value = Value::new(place.at(value.span().start), value.get_ref());
            (place.at(key.span().start), text, value)
        });
        Ok(entries.collect())
    }

    fn as_table(&self) -> Read<&'a DeTable<'a>> {
        self.value.as_table().ok_or_else(|| self.mismatch("a table"))
    }

    fn amount<T: PartialOrd + Copy>(
        &self,
        parse: fn(&str) -> Result<T, String>,
        show: fn(T) -> String,
        range: RangeInclusive<T>,
        expected: &str,
    ) -> Read<T> {
        let text = self.value.as_str().ok_or_else(|| self.mismatch(expected))?;
        let amount = parse(text).map_err(|message| self.place.problem(message))?;
        if range.contains(&amount) {
            return Ok(amount);
        }
        let (least, most) = (show(*range.start()), show(*range.end()));
        Err(self.place.problem(format_args!("must be from {least} to {most}")))
    }

    fn mismatch(&self, expected: &str) -> super::Reported {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "`true` or `false`",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.place.problem(format_args!("must be {expected}; this is {found}"))
    }
}
