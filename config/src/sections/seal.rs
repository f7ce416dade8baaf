//! `[seal]`

use std::ops::RangeInclusive;
use std::time::Duration;

use super::secrets::{passphrase, private_file};
use super::validity::line;
use crate::reader::{Place, Read, Table, Unique, Value};
use crate::types::{LONGEST_SEAL_KEY_LIFETIME, RefusedSealKey, Seal, SealKey, SealKeyWork};

/// For how long a seal key is certified, where the file does not say.
const LIFETIME: Duration = Duration::from_hours(24);
/// Shorter, and a certifier that does not answer for a while stops uploads; longer, and it is a key like any other.
const LIFETIMES: RangeInclusive<Duration> = Duration::from_hours(1)..=LONGEST_SEAL_KEY_LIFETIME;

pub(super) fn seal(table: &mut Table<'_>) -> Read<Seal> {
    let key = key(table);
    let lifetime =
        table.optional("lifetime", |value| Ok((value.place().clone(), value.duration(LIFETIMES)?)));
    let passphrase = table.optional("passphrase_file", passphrase);
    let trusted = table.or("trusted_key_files", Vec::new(), |value| value.set(Value::path));
    let certifiers = table.or("trusted_certifier_files", Vec::new(), |value| value.set(Value::path));
    let refused = table.or("refused", Vec::new(), refused);
    let (key, kind) = key?;
    let work = match (kind, lifetime?) {
        (Kind::Seals, None) => SealKeyWork::Seals,
        (Kind::Seals, Some((place, _))) => {
            return Err(place.problem("is for the keys that a certifier certifies, and there is none"));
        }
        (Kind::Certifies, lifetime) => {
            SealKeyWork::Certifies { lifetime: lifetime.map_or(LIFETIME, |(_, lifetime)| lifetime) }
        }
    };
    Ok(Seal {
        key,
        work,
        passphrase: passphrase?,
        trusted_key_files: trusted?,
        trusted_certifier_files: certifiers?,
        refused: refused?,
    })
}

/// What a key is named for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Seals,
    Certifies,
}

/// The one key that is named. Nearly everybody's key is in a file and makes seals itself, so that is what is missing where
/// nothing is said.
fn key(table: &mut Table<'_>) -> Read<(SealKey, Kind)> {
    let named = [
        ("key_file", Kind::Seals, table.optional("key_file", file)),
        ("signer", Kind::Seals, table.optional("signer", address)),
        ("certifier_file", Kind::Certifies, table.optional("certifier_file", file)),
        ("certifier", Kind::Certifies, table.optional("certifier", address)),
    ];
    let mut found: Option<(&str, SealKey, Kind)> = None;
    let mut wrong = None;
    for (name, kind, key) in named {
        match (key, &found) {
            (Err(reported), _) => wrong = Some(reported),
            (Ok(None), _) => {}
            (Ok(Some((_, key))), None) => found = Some((name, key, kind)),
            (Ok(Some((place, _))), Some((first, ..))) => wrong = Some(beside(&place, first)),
        }
    }
    match (wrong, found) {
        (Some(reported), _) => Err(reported),
        (None, Some((_, key, kind))) => Ok((key, kind)),
        (None, None) => Err(table.missing("key_file", "add `key_file = \"seal.key\"`")),
    }
}

fn file<'a>(value: &Value<'a>) -> Read<(Place<'a>, SealKey)> {
    Ok((value.place().clone(), SealKey::File(private_file(value)?)))
}

fn address<'a>(value: &Value<'a>) -> Read<(Place<'a>, SealKey)> {
    Ok((value.place().clone(), SealKey::Signer(value.text()?.to_owned())))
}

fn beside(place: &Place<'_>, first: &str) -> crate::reader::Reported {
    place.problem(format_args!("stands beside `{first}`; keep one of the two"))
}

/// `[[seal.refused]]`
fn refused(value: &Value<'_>) -> Read<Vec<RefusedSealKey>> {
    let seen = Unique::new();
    value.tables(|table| {
        let key = table.required("key", "\"64 hexadecimal digits\"", |value| {
            let key = value.parse(key_id)?;
            seen.admit(value.place(), key.clone())?;
            Ok(key)
        });
        let reason = table.required("reason", "\"it leaked on 2026-11-02\"", |value| value.parse(reason));
        Ok(RefusedSealKey { key: key?, reason: reason? })
    })
}

fn key_id(text: &str) -> Result<String, &'static str> {
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (digits && text.len() == 64).then(|| text.to_owned()).ok_or(
        "the whole id of a seal key: 64 hexadecimal digits in lower case, as `keyid` in `?hallmark=seal`",
    )
}

fn reason(text: &str) -> Result<String, &'static str> {
    line(text).ok_or("the reason, in one line; it is shown to who asks for an artifact that the key sealed")
}
