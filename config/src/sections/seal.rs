//! `[seal]`

use super::secrets::{passphrase, private_file};
use crate::reader::{Read, Table, Value};
use crate::types::{Seal, SealKey};

pub(super) fn seal(table: &mut Table<'_>) -> Read<Seal> {
    let key = key(table);
    let passphrase = table.optional("passphrase_file", passphrase);
    let trusted = table.or("trusted_key_files", Vec::new(), |value| value.set(Value::path));
    Ok(Seal { key: key?, passphrase: passphrase?, trusted_key_files: trusted? })
}

/// Nearly everybody's key is in a file, so that is what is missing where nothing is said.
fn key(table: &mut Table<'_>) -> Read<SealKey> {
    let signer = table.optional("signer", |value| Ok((value.place().clone(), value.text()?.to_owned())));
    let Some((place, address)) = signer? else {
        return table.required("key_file", "\"seal.key\"", private_file).map(SealKey::File);
    };
    match table.optional("key_file", private_file)? {
        None => Ok(SealKey::Signer(address)),
        Some(_) => Err(place.problem("stands beside `key_file`; keep one of the two")),
    }
}
