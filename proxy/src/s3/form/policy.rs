//! The policy document: until when, and under which conditions, its signer lets a form be sent.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::condition::{Condition, Test};
use super::fields::{Fields, shorten};
use crate::name::BucketName;
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::ChecksumAlgorithm;

/// Conditions of one policy. A form has a hundred fields at most, and each needs one.
const MAX_CONDITIONS: usize = 256;

const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const SUBSECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:1+]Z");

/// A policy, well formed. Whether it holds: [`Policy::check`].
#[derive(Debug)]
pub(super) struct Policy {
    expiration: OffsetDateTime,
    conditions: Vec<Condition>,
}

/// The document as it is written. Neither names that it does not know nor repeated ones are let through: both would be
/// conditions that somebody meant and nobody checks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expiration: String,
    conditions: Vec<Condition>,
}

impl Policy {
    /// Reads a policy from the field, as it was signed. Its size is bounded as that of every field, and its depth by
    /// the types that are read.
    pub(super) fn parse(field: &str) -> Result<Self, S3Error> {
        let json = STANDARD.decode(field).map_err(|_| invalid("it is not base64."))?;
        // A list of the two values would pass for the object.
        if json.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(invalid("it is not a JSON object."));
        }
        let document: Document =
            serde_json::from_slice(&json).map_err(|error| invalid(&format!("{error}.")))?;
        let expiration = instant(&document.expiration)
            .ok_or_else(|| invalid("its expiration is not a time like 2007-12-01T12:00:00.000Z."))?;
        if document.conditions.len() > MAX_CONDITIONS {
            return Err(invalid("it has too many conditions."));
        }
        Ok(Self { expiration, conditions: document.conditions })
    }

    /// Checks that the policy is good at `now` and that the form keeps it: every condition holds, and every field has
    /// one. Gives the lengths that the file may have.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub(super) fn check(
        &self,
        fields: &Fields,
        bucket: &BucketName,
        now: SystemTime,
    ) -> Result<RangeInclusive<u64>, S3Error> {
        if OffsetDateTime::from(now) > self.expiration {
            return Err(denied("Policy expired."));
        }
        let mut length = 0..=u64::MAX;
        for condition in &self.conditions {
            match condition {
                Condition::Length { min, max } => {
                    length = (*length.start()).max(*min)..=(*length.end()).min(*max);
                }
                Condition::Field { name, test } => {
                    // A form may say its bucket, too; both have to be the one in the policy.
                    let holds = match (name.as_str(), fields.get(name)) {
                        ("bucket", stated) => {
                            test.holds("bucket", bucket.as_str())
                                && stated.is_none_or(|stated| stated == bucket.as_str())
                        }
                        (_, Some(value)) => test.holds(name, value),
                        (_, None) => false,
                    };
                    if !holds {
                        return Err(denied(&format!("Policy Condition failed: {condition}")));
                    }
                }
            }
        }
        let covered = |name: &str| {
            self.conditions
                .iter()
                .any(|condition| matches!(condition, Condition::Field { name: known, .. } if known == name))
        };
        if !covered("bucket") {
            // Forms seldom repeat the bucket, so such a policy would be good for every one of the signer's.
            return Err(denied("Policy has no condition for the bucket."));
        }
        let mut names = fields.iter().map(|(name, _)| name).filter(|name| !needs_no_condition(name));
        match names.find(|name| !covered(name)) {
            None => Ok(length),
            Some(name) => Err(denied(&format!("Extra input fields: {}", shorten(name)))),
        }
    }
}

/// Whether a form may have this field whatever its policy says: what the signature covers or is, what is ignored, and
/// checksums, which can only make an upload fail.
fn needs_no_condition(name: &str) -> bool {
    matches!(name, "policy" | "x-amz-signature" | "content-md5")
        || name.starts_with("x-ignore-")
        || ChecksumAlgorithm::of_header(name).is_some()
}

/// An instant in UTC, with or without a fraction of a second.
fn instant(text: &str) -> Option<OffsetDateTime> {
    // The parser of `time` would take a sign before the year.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let parsed =
        PrimitiveDateTime::parse(text, SECONDS).or_else(|_| PrimitiveDateTime::parse(text, SUBSECONDS));
    parsed.ok().map(PrimitiveDateTime::assume_utc)
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition: an object with one property, or a list of three values")
    }

    /// `{"name": "value"}`
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let one = || A::Error::custom("a simple condition must have exactly one property");
        let (name, value) = map.next_entry::<String, String>()?.ok_or_else(one)?;
        // Only the key is read: whatever is under it, it is one too many.
        if map.next_key::<String>()?.is_some() {
            return Err(one());
        }
        Ok(Condition::Field { name: name.to_ascii_lowercase(), test: Test::Equals(value) })
    }

    /// `["eq", "$name", "value"]`, `["starts-with", "$name", "prefix"]`, `["content-length-range", min, max]`
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Condition, A::Error> {
        let three = || A::Error::custom("a condition must have three values");
        let operator: String = list.next_element()?.ok_or_else(three)?;
        let condition = match operator.to_ascii_lowercase().as_str() {
            "content-length-range" => {
                let min = list.next_element()?.ok_or_else(three)?;
                let max = list.next_element()?.ok_or_else(three)?;
                if min > max {
                    return Err(A::Error::custom("a content-length-range has no lengths in it"));
                }
                Condition::Length { min, max }
            }
            operator @ ("eq" | "starts-with") => {
                let name: String = list.next_element()?.ok_or_else(three)?;
                let value = list.next_element()?.ok_or_else(three)?;
                let name = name.strip_prefix('$').filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| A::Error::custom("a condition must name a field as $name"))?;
                let test = if operator == "eq" { Test::Equals(value) } else { Test::StartsWith(value) };
                Condition::Field { name: name.to_ascii_lowercase(), test }
            }
            _ => return Err(A::Error::custom("a condition has an unknown operator")),
        };
        // Read as nothing that could nest.
        if list.next_element::<Nothing>()?.is_some() {
            return Err(three());
        }
        Ok(condition)
    }
}

/// Refuses whatever it is read from.
struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("a condition must have three values"))
    }
}

/// Names in it are the document's own, of any length.
fn invalid(why: &str) -> S3Error {
    let why: String = why.chars().take(256).collect();
    S3Error::new(Code::InvalidPolicyDocument, format!("Invalid Policy: {why}"))
}

fn denied(why: &str) -> S3Error {
    S3Error::new(Code::AccessDenied, format!("Invalid according to Policy: {why}"))
}
