//! Conditional requests: RFC 9110, section 13.

mod copy;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName};

pub use copy::CopyConditions;
pub use read::{Conditions, Verdict};
pub use write::{DeleteCondition, PutCondition, refuse_conditions};

/// An entity tag as a client sends it. Tags without quotes, which S3 takes, are taken as strong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag {
    opaque: Box<str>,
    strength: Strength,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
}

impl EntityTag {
    /// Strong comparison with an artifact's ETag (unquoted; ours are always strong).
    pub fn is(&self, etag: &str) -> bool {
        self.strength == Strength::Strong && self.resembles(etag)
    }

    /// Weak comparison.
    pub fn resembles(&self, etag: &str) -> bool {
        &*self.opaque == etag
    }
}

/// As it is written: `"tag"`, `W/"tag"`.
impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = match self.strength {
            Strength::Strong => "",
            Strength::Weak => "W/",
        };
        write!(f, "{weak}\"{}\"", self.opaque)
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    OneOf(Vec<EntityTag>),
}

/// Whole seconds since 1970: the precision of HTTP dates.
type Seconds = u64;

impl Tags {
    fn any(&self, test: impl Fn(&EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(test),
        }
    }
}

/// All values of a header, as the one list that they stand for.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(",").trim_matches([' ', '\t']).to_owned())
}

/// The members of a list of entity tags. Lenient, since every reading of nonsense is a tag that no artifact has.
fn tags(list: &str) -> Tags {
    if list == "*" {
        return Tags::Any;
    }
    let mut found = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Tags::OneOf(found);
        }
        let opening = if rest.starts_with("W/\"") { 3 } else { usize::from(rest.starts_with('"')) };
        let end = match opening {
            0 => rest.find(','),
            _ => rest[opening..].find('"').map(|quote| opening + quote + 1),
        };
        let (member, after) = rest.split_at(end.unwrap_or(rest.len()));
        found.push(tag(member));
        rest = after;
    }
}

fn tag(text: &str) -> EntityTag {
    let text = text.trim_matches([' ', '\t']);
    let (text, strength) = match text.strip_prefix("W/") {
        Some(text) => (text, Strength::Weak),
        None => (text, Strength::Strong),
    };
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    EntityTag { opaque: quoted.unwrap_or(text).into(), strength }
}

/// The one date of a header; `None` where there is none, several, or something else.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Seconds> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    httpdate::parse_http_date(value.trim()).ok().map(seconds)
}

fn seconds(at: SystemTime) -> Seconds {
    at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
