//! What goes into a store and comes out of it.

use std::ops::Range;
use std::time::SystemTime;

use hallmark_signer::{METADATA_PREFIX, SealedHeaders};

use super::governance::{Lock, Retentions, Tags};
use super::stage::StageId;
use super::version::{VersionId, VersionMarker};
use crate::name::{BucketName, MAX_KEY_BYTES, ObjectKey, ObjectName};

/// What is kept beside an object's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Content headers and user metadata, by lower-case full name; covered by the seal.
    pub headers: SealedHeaders,
    /// User metadata `hallmark`: the seal, or a reference to the record that holds it.
    pub hallmark: Option<String>,
}

/// What a write gives an object beside its bytes, and on what the write depends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// What is kept beside the bytes.
    pub attributes: Attributes,
    /// Labels of the new version; the store's word once they are stored.
    pub tags: Tags,
    /// What protects the new version. Where it says nothing of a retention, the bucket's default holds.
    pub lock: Lock,
    /// On what the write depends.
    pub guard: Guard,
}

impl Write {
    /// A write without tags and locks.
    pub fn new(attributes: Attributes, guard: Guard) -> Self {
        Self { attributes, tags: Tags::default(), lock: Lock::default(), guard }
    }
}

/// A span of an object's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// All of it.
    All,
    /// These, cut at the end of the object. Never empty.
    Bytes(Range<u64>),
}

impl Span {
    /// The bytes meant of an object of `length` bytes; `None`: the span begins at or past the end. An empty object
    /// has the one span `All`.
    pub fn within(&self, length: u64) -> Option<Range<u64>> {
        match self {
            Self::All => Some(0..length),
            Self::Bytes(range) => (range.start < length).then(|| range.start..range.end.min(length)),
        }
    }
}

/// Names one version of one object towards the store (its ETag, version or generation). Opaque; a hint only:
/// whether bytes are what was sealed is never decided by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin(pub String);

/// The bytes that a copy is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Of which object.
    pub object: ObjectName,
    /// Of which version; `None`: the current one.
    pub version: Option<VersionId>,
    /// Which bytes.
    pub pin: Pin,
    /// Only while this stage is there: what belongs to an upload must not come to be when that is over.
    pub while_staged: Option<StageId>,
}

/// On what a write depends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    Any,
    /// Nothing may stand under that name.
    Absent,
    /// What stands there must be the version that the pin names.
    Matches(Pin),
}

/// A write that is durable and visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Names the version that was written.
    pub pin: Pin,
    /// What clients call that version, where the bucket keeps versions.
    pub version: Option<VersionId>,
}

/// What to delete of a key, and on what that depends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// This version, for good. `None`: the current one; where the bucket keeps versions, a delete marker is put in
    /// front of it.
    pub version: Option<VersionId>,
    /// About the current version. `Absent` makes no sense here and is unsupported.
    pub guard: Guard,
    /// What is done about a retention in governance mode.
    pub retentions: Retentions,
}

impl Default for Deletion {
    fn default() -> Self {
        Self { version: None, guard: Guard::Any, retentions: Retentions::Respect }
    }
}

/// A deletion that is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The delete marker that was made, or the version that was deleted, where the bucket keeps versions.
    pub version: Option<VersionId>,
    /// Whether that version is a delete marker.
    pub delete_marker: bool,
}

/// What a store can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Which guards are atomic; every other one is refused.
    pub guards: Guards,
    /// The longest key, bytes.
    pub max_key_bytes: usize,
    /// The longest body of one put, bytes. What is longer comes in parts.
    pub max_put_bytes: u64,
    /// The shortest part of a stage but the last, bytes: of a shorter one no object can be made.
    pub min_part_bytes: u64,
    /// Whether a stage can be closed without some of the parts that were put into it. Where not, that is
    /// [`PutError::Unsupported`](super::PutError::Unsupported).
    pub leaves_parts_out: bool,
    /// Whether of several promotions of one stage just one is done. Where not, one that was under way when another one
    /// ended may be done as well.
    pub promotes_once: bool,
    /// Whether buckets can keep versions, locks and tags.
    pub governance: bool,
    /// Which user metadata is kept as it is; every other is refused.
    pub metadata: Metadata,
}

/// Which user metadata a store keeps as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Names with `_`.
    pub underscores: bool,
    /// Names with other signs than `-` and `_`.
    pub signs: bool,
    /// Values with a tab.
    pub tabs: bool,
    /// Empty values.
    pub empty: bool,
    /// Names and values of all of them together, bytes.
    pub max_bytes: usize,
}

impl Metadata {
    /// All of it.
    pub const ALL: Self =
        Self { underscores: true, signs: true, tabs: true, empty: true, max_bytes: usize::MAX };

    /// What of `headers` the store would not keep as it is, if anything; how much it is, is not judged.
    pub fn changes(&self, headers: &SealedHeaders) -> Option<&'static str> {
        let metadata =
            headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(METADATA_PREFIX)?, value)));
        metadata.into_iter().find_map(|(name, value)| {
            let sign = |b: u8| !b.is_ascii_alphanumeric() && b != b'-' && b != b'_';
            if !self.underscores && name.contains('_') {
                Some("names of user metadata with `_`")
            } else if !self.signs && name.bytes().any(sign) {
                Some("names of user metadata with signs other than `-`")
            } else if !self.tabs && value.contains('\t') {
                Some("user metadata with tabs")
            } else if !self.empty && value.is_empty() {
                Some("empty user metadata")
            } else {
                None
            }
        })
    }

    /// What of `attributes` the store would not keep as it is, if anything.
    pub fn refuses(&self, attributes: &Attributes) -> Option<&'static str> {
        let of_clients = attributes
            .headers
            .iter()
            .filter_map(|(name, value)| Some(name.strip_prefix(METADATA_PREFIX)?.len() + value.len()));
        let ours = attributes.hallmark.as_ref().map(|seal| "hallmark".len() + seal.len());
        if of_clients.chain(ours).sum::<usize>() > self.max_bytes {
            return Some("so much user metadata beside the seal");
        }
        self.changes(&attributes.headers)
    }
}

/// Which guards a store evaluates atomically with the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guards {
    /// [`Guard::Absent`] of `put`, `copy`, `promote` and `state_put`.
    pub absent: bool,
    /// [`Guard::Matches`] of `put`, `copy` and `promote`.
    pub matches: bool,
    /// [`Guard::Matches`] of `delete`.
    pub deletes: bool,
}

impl Guards {
    /// All of them.
    pub const ALL: Self = Self { absent: true, matches: true, deletes: true };
}

/// What a sweep removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files or objects that nothing names.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Stages older than 8 days. What they were made of is not counted above.
    pub stages: u64,
    /// Objects of scratch state older than 8 days.
    pub scratch: u64,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// Whose keys.
    pub bucket: BucketName,
    /// Only keys that begin with this; may be empty.
    pub prefix: String,
    /// Keys are rolled up at the first occurrence of this after the prefix. Never empty.
    pub delimiter: Option<String>,
    /// Begin with the first key after this text; a rolled-up prefix that is not after it in byte order is left out
    /// (so a marker that equals a common prefix skips all of it, as in S3).
    pub after: Option<String>,
    /// At most so many keys and rolled-up prefixes together; 1 to 1000.
    pub limit: usize,
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// In byte order, keys and rolled-up prefixes mixed.
    pub entries: Vec<ListEntry>,
    /// What else was found on the way; clients are not shown it. It may be on the next page again.
    pub unreachable: Unreachable,
    /// There is more after the last entry.
    pub more: bool,
}

/// Keys in a store that no client can have put there nor ask for, since they are no [`ObjectKey`]s.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreachable {
    names: Vec<Vec<u8>>,
    omitted: usize,
}

impl Unreachable {
    /// So many are named at most.
    const MAX_NAMES: usize = 1000;

    /// Adds one, after those before it in byte order.
    pub fn add(&mut self, mut name: Vec<u8>) {
        if self.names.len() < Self::MAX_NAMES {
            // A store may send anything.
            name.truncate(MAX_KEY_BYTES);
            name.shrink_to_fit();
            self.names.push(name);
        } else {
            self.omitted += 1;
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len() + self.omitted
    }

    /// The first 1000, of each the first 1024 bytes, in byte order; and how many more there are.
    pub fn into_names(self) -> (Vec<Vec<u8>>, usize) {
        (self.names, self.omitted)
    }
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListEntry {
    /// An object.
    Object {
        /// Its key.
        key: ObjectKey,
        /// Its length, bytes.
        size: u64,
        /// When it was written.
        modified: SystemTime,
        /// Its ETag, unquoted.
        etag: String,
    },
    /// All keys that begin with this.
    Prefix(String),
}

/// What to list of all versions.
#[derive(Debug, Clone)]
pub struct ListVersionsRequest {
    /// Whose keys.
    pub bucket: BucketName,
    /// Only keys that begin with this; may be empty.
    pub prefix: String,
    /// Keys are rolled up at the first occurrence of this after the prefix. Never empty.
    pub delimiter: Option<String>,
    /// Begin after this.
    pub after: Option<VersionMarker>,
    /// At most so many versions and rolled-up prefixes together; 1 to 1000.
    pub limit: usize,
}

/// A page of a listing of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// By key in byte order, versions of one key newest first, rolled-up prefixes among them.
    pub entries: Vec<VersionEntry>,
    /// There is more after the last entry.
    pub more: bool,
}

/// A line of a listing of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionEntry {
    /// A version of an object.
    Object {
        /// Its key.
        key: ObjectKey,
        /// Which version; `null` where the bucket kept none when it was written.
        version: VersionId,
        /// Whether it is the current one.
        latest: bool,
        /// Its length, bytes.
        size: u64,
        /// When it was written.
        modified: SystemTime,
        /// Its ETag, unquoted.
        etag: String,
    },
    /// A delete marker.
    DeleteMarker {
        /// Its key.
        key: ObjectKey,
        /// Which version.
        version: VersionId,
        /// Whether it is the current one.
        latest: bool,
        /// When it was made.
        modified: SystemTime,
    },
    /// All keys that begin with this.
    Prefix(String),
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// Its name as clients know it.
    pub name: BucketName,
    /// When it was made.
    pub created: SystemTime,
    /// Who made it, where the store knows.
    pub owner: Option<String>,
}

/// A bucket to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewBucket {
    /// Who makes it: a client's name.
    pub owner: Option<String>,
    /// Whether its versions can be locked; then it keeps versions from the start, and for good.
    pub object_lock: bool,
}

/// What came of deleting a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedBucket {
    /// It is gone.
    Deleted,
    /// There is none of that name.
    NoSuchBucket,
    /// It holds objects, or versions of them.
    NotEmpty,
}

/// The two kinds of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateArea {
    /// Data: never expires, belongs into backups.
    Records,
    /// Work in progress: may expire after 8 days.
    Scratch,
}

/// The name of a state object: an area and 1 to 900 bytes of `A-Z a-z 0-9 . _ - / ~`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StateName {
    area: StateArea,
    name: String,
}

impl StateName {
    /// Checks `name`; `None`: it is not of the permitted form.
    pub fn new(area: StateArea, name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-/~".contains(&b);
        ((1..=900).contains(&name.len()) && name.bytes().all(fits)).then_some(Self { area, name })
    }

    /// Its area.
    pub fn area(&self) -> StateArea {
        self.area
    }

    /// Its name within the area.
    pub fn name(&self) -> &str {
        &self.name
    }
}
