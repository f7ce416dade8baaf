//! How long an answer may be, and of how many elements: no more than what was asked for can have.
//!
//! What the SDK makes of an answer takes many times its length, if that is all short elements. So they are counted as they
//! arrive, and an answer with too many is broken off.

use aws_smithy_types::config_bag::{Storable, StoreReplace};
use bytes::Bytes;

/// The longest answer that is read, bytes. A page of 1000 versions with keys of 1024 bytes, three characters each, is
/// half of it.
const MAX_BYTES: usize = 8 << 20;

/// What an entry has at most: a key of 1024 bytes, encoded, and all else that is said of it.
const ENTRY_BYTES: usize = 8 << 10;
/// Elements of an entry at most, itself included. Versions on AWS have about sixteen.
const ENTRY_ELEMENTS: usize = 32;

/// What is said beside the entries: what was asked for, once more.
const HEAD_BYTES: usize = 64 << 10;
const HEAD_ELEMENTS: usize = 64;

/// Entries of what is not asked for by number: many deletions at once, or the parts of an upload.
const ENTRIES: usize = 1000;
/// Buckets of an account. None that is known has more.
const BUCKETS: usize = 20_000;

/// How many entries were asked for, by which parameter of the query.
const ASKING: [&str; 3] = ["max-keys", "max-parts", "max-uploads"];

/// How many entries an answer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entries(usize);

impl Storable for Entries {
    type Storer = StoreReplace<Self>;
}

impl Default for Entries {
    fn default() -> Self {
        Self(ENTRIES)
    }
}

impl Entries {
    /// As many as a request for `uri` asks for.
    pub(super) fn asked(uri: &str) -> Self {
        // What follows the scheme and the host.
        let target = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let named = query.split('&').filter_map(|pair| pair.split_once('='));
        let asked = named.filter(|(name, _)| ASKING.contains(name)).find_map(|(_, value)| value.parse().ok());
        let of_account = path.split_once('/').is_none_or(|(_, path)| path.is_empty());
        Self(asked.unwrap_or(if of_account { BUCKETS } else { ENTRIES }).min(BUCKETS))
    }

    /// The longest answer, bytes.
    pub(super) fn bytes(self) -> usize {
        (HEAD_BYTES + self.0 * ENTRY_BYTES).min(MAX_BYTES)
    }

    /// What counts the elements of an answer.
    pub(super) fn elements(self) -> Elements {
        Elements { left: HEAD_ELEMENTS + self.0 * ENTRY_ELEMENTS, opened: false }
    }
}

/// Counts the elements of an answer that comes in pieces.
#[derive(Debug)]
pub(super) struct Elements {
    left: usize,
    /// Whether the piece before ended with a bracket.
    opened: bool,
}

/// There are more than can be meant.
#[derive(Debug, thiserror::Error)]
#[error("an answer has more elements than were asked for")]
pub(super) struct TooMany;

impl Elements {
    /// Looks at the next piece.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(super) fn count(&mut self, piece: &Bytes) -> Result<(), TooMany> {
        for byte in piece {
            if self.opened && !matches!(byte, b'/' | b'?' | b'!') {
                self.left = self.left.checked_sub(1).ok_or(TooMany)?;
            }
            self.opened = *byte == b'<';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_seen() {
        for (uri, entries) in [
            ("http://s3.test/bucket?list-type=2&max-keys=2&prefix=max-keys%3D9", 2),
            ("http://s3.test/bucket?uploads&max-uploads=1000", 1000),
            ("/bucket/key?max-parts=1", 1),
            ("http://s3.test/bucket?delete", ENTRIES),
            ("http://s3.test/bucket?max-keys=99999999", BUCKETS),
            ("http://s3.test/", BUCKETS),
            ("http://s3.test/?x-id=ListBuckets", BUCKETS),
            ("/bucket", ENTRIES),
        ] {
            assert_eq!(Entries::asked(uri), Entries(entries), "{uri}");
        }
    }

    #[test]
    fn an_answer_has_room_for_what_was_asked_for_and_no_more() {
        let version = "<Version><Key>k</Key><VersionId>v</VersionId><IsLatest>true</IsLatest><LastModified>t</LastModified>\
            <ETag>e</ETag><Size>1</Size><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT\
            </ChecksumType><Owner><ID>i</ID><DisplayName>d</DisplayName></Owner><StorageClass>STANDARD</StorageClass>\
            </Version>";
        for entries in [1, 2, 1000] {
            let right = format!("<?xml?><!-- --><List>{}</List>", version.repeat(entries));
            for size in [1, 7, right.len()] {
                let mut elements = Entries(entries).elements();
                for piece in right.as_bytes().chunks(size) {
                    elements.count(&Bytes::copy_from_slice(piece)).unwrap();
                }
            }
            assert!(right.len() <= Entries(entries).bytes());
            let wrong = "<Contents/>".repeat(64 + 32 * entries + 1);
            let mut elements = Entries(entries).elements();
            let counted = wrong
                .as_bytes()
                .chunks(5)
                .try_for_each(|piece| elements.count(&Bytes::copy_from_slice(piece)));
            assert!(counted.is_err(), "{entries}");
        }
        assert!(Entries(1000).bytes() <= MAX_BYTES && Entries(1).bytes() < 100 << 10);
    }
}
