//! `[seal]`

use super::secrets::private_file;
use crate::reader::{Read, Table, Value};
use crate::types::Seal;

pub(super) fn seal(table: &mut Table<'_>) -> Read<Seal> {
    let key_file = table.required("key_file", "\"seal.key\"", private_file);
    let trusted = table.or("trusted_key_files", Vec::new(), |value| value.set(Value::path));
    Ok(Seal { key_file: key_file?, trusted_key_files: trusted? })
}
