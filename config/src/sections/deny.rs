//! `[[deny]]`: what is refused whatever the rules say.

use super::validity::line;
use crate::name::SealIdText;
use crate::reader::{Read, Unique, Value};
use crate::trust::{Denial, Denied};

pub(super) fn denials(value: &Value<'_>) -> Read<Vec<Denial>> {
    let seen = Unique::new();
    value.tables(|table| {
        let what = table.either(
            ("sha256", |value: &Value<'_>| denied(value, &seen, sha256)),
            ("seal", |value: &Value<'_>| denied(value, &seen, seal)),
        );
        let reason = table.required("reason", "\"CVE-2026-0001\"", |value| value.parse(reason));
        Ok(Denial { what: what?, reason: reason? })
    })
}

fn reason(text: &str) -> Result<String, &'static str> {
    line(text).ok_or("the reason, in one line; it is shown to who asks for the artifact")
}

fn denied(
    value: &Value<'_>,
    seen: &Unique<Denied>,
    parse: fn(&str) -> Result<Denied, &'static str>,
) -> Read<Denied> {
    let denied = value.parse(parse)?;
    seen.admit(value.place(), denied.clone())?;
    Ok(denied)
}

fn sha256(text: &str) -> Result<Denied, &'static str> {
    const RULE: &str = "64 hexadecimal digits, as `sha256sum` prints them";
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut digest = [0; 32];
    if text.len() != 2 * digest.len() {
        return Err(RULE);
    }
    for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = digits else { return Err(RULE) };
        *byte = digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low).ok_or(RULE)?;
    }
    Ok(Denied::Sha256(digest))
}

fn seal(text: &str) -> Result<Denied, &'static str> {
    SealIdText::parse(text).map(Denied::Seal).map_err(|error| error.rule)
}
