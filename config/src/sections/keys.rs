//! `[keys.<name>]`

use super::validity::validity;
use crate::files;
use crate::pem;
use crate::reader::{Read, Table, Unique, Value};
use crate::trust::{PublisherKey, Signs};

/// A P-256 key has 178 bytes.
const MAX_PEM: u64 = 16 << 10;

const USES: &[(&str, Signs)] = &[("blob", Signs::Blobs), ("dsse", Signs::Statements)];

/// No key can have this name: `x.jws.sig` is a Notation envelope beside `x`, not the signature of a key beside it.
const TAKEN: &str = "jws";

/// `bodies`: the keys so far. The same key under two names would count twice where two signers are asked for, and
/// revoking one name would leave the other.
pub(super) fn key(table: &mut Table<'_>, name: &str, bodies: &Unique<String>) -> Read<PublisherKey> {
    let named = match name {
        TAKEN => Err(table.place().problem(
            "call it otherwise: `<key>.jws.sig` is where Notation envelopes stand, not signatures of a key of this name",
        )),
        _ => Ok(()),
    };
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
    let signs = table.or("use", Signs::Blobs, |value| value.word(USES));
    let validity = validity(table);
    named?;
    let (public_key_pem, config_key) = pem?;
    Ok(PublisherKey { public_key_pem, config_key, signs: signs?, validity: validity? })
}

fn public_key(value: &Value<'_>, text: &str, bodies: &Unique<String>) -> Read<String> {
    let body = pem::public_key_body(text).map_err(|message| value.place().problem(message))?;
    bodies.admit(value.place(), body)?;
    Ok(text.trim().to_owned())
}
