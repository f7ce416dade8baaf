//! One condition of a policy.

use std::fmt;

/// What a policy demands. Shown as a policy has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// Of a field.
    Field {
        /// Its name, lower case.
        name: String,
        /// What its value must be.
        test: Test,
    },
    /// Of the file's length, bytes; both are allowed.
    Length {
        /// The least.
        min: u64,
        /// The most; not under `min`.
        max: u64,
    },
}

/// What a value must be. Values are compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// This.
    Equals(String),
    /// Something that begins so.
    StartsWith(String),
}

impl Test {
    /// Whether the value of the field `name` is as it must be. A content type that lists several must have the prefix
    /// in each of them, as in S3.
    pub(super) fn holds(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Equals(expected) => value == expected,
            Self::StartsWith(prefix) if name == "content-type" => {
                value.split(',').all(|item| item.trim_start_matches([' ', '\t']).starts_with(prefix.as_str()))
            }
            Self::StartsWith(prefix) => value.starts_with(prefix.as_str()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { name, test: Test::Equals(value) } => write!(f, "[\"eq\", \"${name}\", {value:?}]"),
            Self::Field { name, test: Test::StartsWith(value) } => {
                write!(f, "[\"starts-with\", \"${name}\", {value:?}]")
            }
            Self::Length { min, max } => write!(f, "[\"content-length-range\", {min}, {max}]"),
        }
    }
}
