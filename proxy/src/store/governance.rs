//! What protects and labels versions: retention, legal holds, tags. All of it is the store's word: no seal covers it.

use std::time::SystemTime;

use super::version::VersionId;

/// Tags of an object at most, as in S3.
pub const MAX_OBJECT_TAGS: usize = 10;
/// Tags of a bucket at most, as in S3.
pub const MAX_BUCKET_TAGS: usize = 50;

/// Labels, sorted by name; names are distinct. How many and how long is for the front end to judge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Vec<(Box<str>, Box<str>)>);

impl Tags {
    /// Sorts them; `None`: a name is given twice.
    pub fn new(tags: impl IntoIterator<Item = (String, String)>) -> Option<Self> {
        let mut tags: Vec<(Box<str>, Box<str>)> =
            tags.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        tags.sort();
        let distinct = tags.is_sorted_by(|(a, _), (b, _)| a < b);
        distinct.then_some(Self(tags))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// What protects a version from being deleted or replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// Until when.
    pub retention: Option<Retention>,
    /// Until further notice; `None`: nothing was said about it.
    pub legal_hold: Option<LegalHold>,
}

/// Protection until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How firm it is.
    pub mode: RetentionMode,
    /// Until when, to the millisecond.
    pub until: SystemTime,
}

/// How firm a retention is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionMode {
    /// Who has the permission may shorten it.
    Governance,
    /// Nobody may shorten it.
    Compliance,
}

/// Protection until further notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegalHold {
    /// It protects.
    On,
    /// It does not.
    Off,
}

/// What is done about a retention in governance mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retentions {
    /// It holds.
    Respect,
    /// It gives way: the client asked for it and may.
    BypassGovernance,
}

/// Whether the versions of a bucket can be locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketLock {
    /// They cannot.
    Off,
    /// They can.
    On {
        /// What new versions get if nothing else is said.
        default: Option<DefaultRetention>,
    },
}

/// The retention that new versions of a bucket get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRetention {
    /// How firm.
    pub mode: RetentionMode,
    /// How long.
    pub period: Period,
}

/// How long, from the moment of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Days, 1 to 36,500.
    Days(u32),
    /// Years, 1 to 100.
    Years(u32),
}

/// What the store says of a version beside its attributes and bytes. Never a reason to serve anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// What clients call it, where the bucket keeps versions.
    pub version: Option<VersionId>,
    /// What protects it.
    pub lock: Lock,
    /// How many tags it has.
    pub tags: usize,
}
