//! `[keys.<name>]`

use crate::files;
use crate::pem;
use crate::reader::{Read, Table, Unique, Value};
use crate::types::PublisherKey;

/// A P-256 key has 178 bytes.
const MAX_PEM: u64 = 16 << 10;

/// `bodies`: the keys so far. The same key under two names would count twice where two signers are asked for, and
/// revoking one name would leave the other.
pub(super) fn key(table: &mut Table<'_>, bodies: &Unique<String>) -> Read<PublisherKey> {
    let pem = table.either(
        ("public_key_file", |value: &Value<'_>| {
            let path = value.path()?;
            let text = files::read_text(&path, MAX_PEM).map_err(|message| value.place().problem(message))?;
            Ok((public_key(value, &text, bodies)?, value.place().key().to_owned()))
        }),
        ("public_key", |value: &Value<'_>| {
            Ok((public_key(value, value.text()?, bodies)?, value.place().key().to_owned()))
        }),
    );
    let revoked = table.optional("revoked", |value| value.parse(reason));
    let (public_key_pem, config_key) = pem?;
    Ok(PublisherKey { public_key_pem, config_key, revoked: revoked? })
}

fn public_key(value: &Value<'_>, text: &str, bodies: &Unique<String>) -> Read<String> {
    let body = pem::public_key_body(text).map_err(|message| value.place().problem(message))?;
    bodies.admit(value.place(), body)?;
    Ok(text.trim().to_owned())
}

fn reason(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("the reason, in one line; leave the key out while the publisher's key is trusted");
    }
    Ok(text.to_owned())
}
