//! Records of parts: empty state objects whose names are the records, so that one listing brings a thousand of them.
//!
//! ```text
//! parts/<upload>/<number>/t.<at>.<length>.<md5>.<tree>.<checksum>.<pin>.<tag>      bytes that lie in the stage
//! parts/<upload>/<number>/r.<at>.<length>.<md5>.<source>.<start>.<tag>               bytes of another artifact
//! ```
//!
//! Numbers are decimal, bytes in base64url, a checksum is its algorithm's name and `~` before its bytes, `-` says that there
//! is none. The tag covers all that stands before it, upload and part number included: a record that was moved or changed
//! is none.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallmark_signer::{Md5Digest, TreeRoot};

use super::id::UploadId;
use super::names;
use crate::proof::{Purpose, StateKeys, TAG_BYTES, Tag};
use crate::s3::payload::{ChecksumAlgorithm, DeclaredChecksum};
use crate::store::{PartNumber, Pin, StateName};

/// The longest pin that a record can hold, bytes: then its name has less than 400.
pub(super) const MAX_PIN: usize = 128;

/// A part that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRecord {
    /// Its number.
    pub number: PartNumber,
    /// Its length, bytes.
    pub length: u64,
    /// The MD5 of its bytes: its ETag.
    pub etag: Md5Digest,
    /// When it was finished, milliseconds since 1970. Of two records of one number the later one counts.
    pub at: u64,
    /// Where its bytes are.
    pub content: PartContent,
}

/// Where the bytes of a part are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartContent {
    /// In the upload's stage.
    Staged {
        /// The root of the tree over their leaves, counted from the part's own beginning.
        tree: TreeRoot,
        /// Their checksum by the upload's algorithm; of an upload without one, what the client declared.
        checksum: Option<DeclaredChecksum>,
        /// What the store calls them.
        pin: Pin,
    },
    /// They are those of another artifact, and were not read.
    Referenced {
        /// Of which.
        source: SourceId,
        /// Which of them; as many as the part has.
        range: Range<u64>,
    },
}

/// Names what parts were copied from by reference, within an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId([u8; 16]);

impl SourceId {
    /// The one with these bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// 22 characters of base64url.
impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64(&self.0))
    }
}

impl PartRecord {
    /// The name that is this record; `None`: the store's pin is longer than a record can hold.
    pub(super) fn name(&self, keys: &StateKeys, upload: &UploadId) -> Option<StateName> {
        let fields = match &self.content {
            PartContent::Staged { pin, .. } if pin.0.len() > MAX_PIN => return None,
            PartContent::Staged { tree, checksum, pin } => {
                let checksum = checksum.as_ref().map_or_else(
                    || "-".to_owned(),
                    |sum| format!("{}~{}", sum.algorithm().name(), base64(&sum.to_bytes())),
                );
                format!("t.{}.{}.{checksum}.{}", self.head(), tree.to_base64url(), base64(pin.0.as_bytes()))
            }
            PartContent::Referenced { source, range } => {
                format!("r.{}.{source}.{}", self.head(), range.start)
            }
        };
        let record = format!("{}{fields}", names::part(upload, self.number));
        let tag = keys.tag(Purpose::Part, &[record.as_bytes()]);
        Some(names::scratch(format!("{record}.{}", base64(&tag))))
    }

    fn head(&self) -> String {
        format!("{}.{}.{}", self.at, self.length, self.etag.to_base64url())
    }

    /// Reads a name that [`name`](Self::name) made for `upload`; `None`: it did not.
    pub(super) fn parse(name: &str, keys: &StateKeys, upload: &UploadId) -> Option<Self> {
        let (record, tag) = name.rsplit_once('.')?;
        let tag: Tag = bytes::<TAG_BYTES>(tag)?;
        if !keys.verify(Purpose::Part, &[record.as_bytes()], &tag) {
            return None;
        }
        // From here on it is ours; that it is this upload's is still to be seen.
        let (number, fields) = record.strip_prefix(&names::parts(upload))?.split_once('/')?;
        let number = PartNumber::new(number.parse().ok()?)?;
        let mut fields = fields.split('.');
        let kind = fields.next()?;
        let at = fields.next()?.parse().ok()?;
        let length: u64 = fields.next()?.parse().ok()?;
        let etag = Md5Digest::from_base64url(fields.next()?).ok()?;
        let content = match kind {
            "t" => {
                let tree = TreeRoot::from_base64url(fields.next()?).ok()?;
                let checksum = match fields.next()? {
                    "-" => None,
                    sum => Some(checksum(sum)?),
                };
                let pin = URL_SAFE_NO_PAD.decode(fields.next()?).ok()?;
                PartContent::Staged { tree, checksum, pin: Pin(String::from_utf8(pin).ok()?) }
            }
            "r" => {
                let source = SourceId(bytes(fields.next()?)?);
                let start: u64 = fields.next()?.parse().ok()?;
                PartContent::Referenced { source, range: start..start.checked_add(length)? }
            }
            _ => return None,
        };
        fields.next().is_none().then_some(Self { number, length, etag, at, content })
    }
}

fn checksum(text: &str) -> Option<DeclaredChecksum> {
    let (algorithm, bytes) = text.split_once('~')?;
    let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
    DeclaredChecksum::of_bytes(ChecksumAlgorithm::of_name(algorithm)?, &bytes)
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::object;
    use super::*;
    use crate::proof::test_keys as keys;

    fn upload() -> UploadId {
        UploadId::new(&keys(1, None, "r"), &object("bbb", "k"), "ci", 7).unwrap()
    }

    prop_compose! {
        fn any_record()(
            number in 1u64..=10_000, length in 0u64..=5 << 30, md5: [u8; 16], tree: [u8; 32], at: u64,
            algorithm in prop::option::of(prop::sample::select(&ChecksumAlgorithm::ALL[..])), sum: [u8; 32],
            pin in "[ -~é]{0,60}", source: [u8; 16], start in 0u64..1 << 53, staged: bool,
        ) -> PartRecord {
            let checksum = algorithm.and_then(|algorithm| {
                (0..=32).find_map(|length| DeclaredChecksum::of_bytes(algorithm, &sum[..length]))
            });
            let content = if staged {
                PartContent::Staged { tree: TreeRoot::new(tree), checksum, pin: Pin(pin) }
            } else {
                PartContent::Referenced { source: SourceId(source), range: start..start + length }
            };
            let number = PartNumber::new(number).unwrap();
            PartRecord { number, length, etag: Md5Digest::new(md5), at, content }
        }
    }

    proptest! {
        #[test]
        fn a_record_is_read_back_from_its_name(record in any_record()) {
            let (keys, upload) = (keys(1, None, "r"), upload());
            let name = record.name(&keys, &upload).unwrap();
            prop_assert!(name.name().len() < 400, "{}", name.name().len());
            prop_assert_eq!(PartRecord::parse(name.name(), &keys, &upload), Some(record));
        }

        #[test]
        fn any_change_of_a_record_is_refused(
            record in any_record(), at: prop::sample::Index, to in "[A-Za-z0-9._/~-]", cut: prop::sample::Index,
        ) {
            let (keys, upload) = (keys(1, Some(2), "r"), upload());
            let name = record.name(&keys, &upload).unwrap();
            let name = name.name();
            let (at, to) = (at.index(name.len()), to.as_bytes()[0]);
            prop_assume!(name.as_bytes()[at] != to);
            let mut changed = name.as_bytes().to_vec();
            changed[at] = to;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(PartRecord::parse(&changed, &keys, &upload), None);
            prop_assert_eq!(PartRecord::parse(&name[..cut.index(name.len())], &keys, &upload), None);
            let longer = format!("{name}{}", char::from(to));
            prop_assert_eq!(PartRecord::parse(&longer, &keys, &upload), None);
        }

        #[test]
        fn a_record_is_for_one_upload_number_and_deployment(record in any_record()) {
            let (ours, upload, other) = (keys(1, None, "r"), upload(), upload());
            let name = record.name(&ours, &upload).unwrap();
            let read = |keys: &StateKeys, name: &str, id: &UploadId| PartRecord::parse(name, keys, id);
            prop_assert_eq!(read(&ours, name.name(), &other), None);
            let moved = name.name().replace(&upload.short(), &other.short());
            prop_assert_eq!(read(&ours, &moved, &other), None);
            let number = format!("/{:05}/", record.number.number());
            let renumbered = name.name().replace(&number, &format!("/{:05}/", record.number.number() % 10_000 + 1));
            prop_assert_eq!(read(&ours, &renumbered, &upload), None);
            prop_assert_eq!(read(&keys(1, None, "s"), name.name(), &upload), None);
            prop_assert_eq!(read(&keys(2, None, "r"), name.name(), &upload), None);
            prop_assert_eq!(read(&keys(2, Some(1), "r"), name.name(), &upload), Some(record));
        }
    }

    #[test]
    fn a_pin_that_does_not_fit_makes_no_record() {
        let record = |length| PartRecord {
            number: PartNumber::new(10_000).unwrap(),
            length: u64::MAX,
            etag: Md5Digest::new([0xff; 16]),
            at: u64::MAX,
            content: PartContent::Staged {
                tree: TreeRoot::new([0xff; 32]),
                checksum: DeclaredChecksum::of_bytes(ChecksumAlgorithm::Sha256, &[0xff; 32]),
                pin: Pin("p".repeat(length)),
            },
        };
        let longest = record(MAX_PIN).name(&keys(1, None, "r"), &upload()).unwrap();
        assert!(longest.name().len() < 480, "{}", longest.name().len());
        assert_eq!(record(MAX_PIN + 1).name(&keys(1, None, "r"), &upload()), None);
    }
}
