//! What `[keys.<name>]` and `[identities.<name>]` have in common: when signatures count.

use crate::reader::{Read, Table, Value};
use crate::trust::{Revocation, Validity};

/// The keys of a table that say from when to when its signatures count.
pub(super) fn validity(table: &mut Table<'_>) -> Read<Validity> {
    let not_before = table.optional("not_before", Value::time);
    let not_after = table.optional("not_after", |value| Ok((value.place().clone(), value.time()?)));
    let reason = table.optional("revoked", |value| value.parse(reason));
    let revoked_at = table.optional("revoked_at", |value| Ok((value.place().clone(), value.time()?)));
    let not_before = not_before?;
    let not_after = match not_after? {
        Some((place, not_after)) if not_before.is_some_and(|not_before| not_after <= not_before) => {
            return Err(place.problem("must be later than `not_before`: no signature would ever count"));
        }
        not_after => not_after.map(|(_, not_after)| not_after),
    };
    let revoked = match (reason?, revoked_at?) {
        (Some(reason), at) => Some(Revocation { reason, at: at.map(|(_, at)| at) }),
        (None, Some((place, _))) => {
            return Err(place.problem("says nothing without `revoked`, the reason; add it"));
        }
        (None, None) => None,
    };
    Ok(Validity { not_before, not_after, revoked })
}

fn reason(text: &str) -> Result<String, &'static str> {
    line(text).ok_or("the reason, in one line; leave the key out while the publisher's key is trusted")
}

/// One line of text for people.
pub(super) fn line(text: &str) -> Option<String> {
    let good = !text.trim().is_empty() && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
}
