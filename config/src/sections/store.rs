//! `[store]`

use crate::reader::{Read, Table, Value};
use crate::types::Store;

#[derive(Clone, Copy)]
enum Kind {
    Local,
}

const KINDS: &[(&str, Kind)] = &[("local", Kind::Local)];

pub(super) fn store(table: &mut Table<'_>) -> Read<Store> {
    let kind = table.or("kind", Kind::Local, |value| value.word(KINDS));
    let path = table.required("path", "\"/var/lib/hallmark\"", Value::path);
    match kind? {
        Kind::Local => Ok(Store::Local { path: path? }),
    }
}
