//! `[seal]`

use crate::files;
use crate::reader::{Read, Table, Value};
use crate::types::Seal;

pub(super) fn seal(table: &mut Table<'_>) -> Read<Seal> {
    let key_file = table.required("key_file", "\"seal.key\"", |value| {
        let path = value.path()?;
        files::check_private_if_present(&path).map_err(|message| value.place().problem(message))?;
        Ok(path)
    });
    let trusted = table.or("trusted_key_files", Vec::new(), |value| value.set(Value::path));
    Ok(Seal { key_file: key_file?, trusted_key_files: trusted? })
}
