//! Under which names the state of uploads stands.
//!
//! The name of a marker can be computed from bucket, client, key and id, so that an upload is found without an index;
//! and the markers of one client's uploads to one bucket sort by key and then by the time they were begun, so that they
//! can be listed page by page:
//!
//! ```text
//! uploads/<bucket>/<client>/<key>./<created>~<id>
//! ```
//!
//! Client: 16 hexadecimal digits of the SHA-256 of its name. Key: in hexadecimal, of at most its first 96 bytes; `~`
//! stands in place of `.` where more of it follows (`.` sorts before the digits and `~` behind them, as a whole key does
//! before those that it begins). Created: 16 hexadecimal digits of milliseconds. So no name has more than 356 bytes.

use hallmark_signer::Sha256Digest;

use super::id::UploadId;
use super::part::SourceId;
use crate::name::{BucketName, ObjectName};
use crate::store::{PartNumber, StateArea, StateName};

/// So many bytes of a key stand in the names of its markers.
pub(super) const KEY_BYTES: usize = 96;

/// Sorts behind everything that may stand in its place in a name.
pub(super) const LAST: &str = "~~";

/// What the names of all markers of one client's uploads to one bucket begin with.
pub(super) fn markers(bucket: &BucketName, client: &str) -> String {
    let client = Sha256Digest::of(client.as_bytes()).to_hex();
    // 64 hexadecimal digits are enough to take 16 of.
    format!("uploads/{bucket}/{}/", client.get(..16).unwrap_or_default())
}

/// Where `key` stands in the names of its markers.
pub(super) fn key_part(key: &str) -> String {
    match key.as_bytes().split_at_checked(KEY_BYTES) {
        Some((begin, [_, ..])) => format!("{}~", hex::encode(begin)),
        Some(_) | None => format!("{}.", hex::encode(key)),
    }
}

/// The last segment of a marker's name.
pub(super) fn upload_part(id: &UploadId) -> String {
    format!("{:016x}~{id}", id.created())
}

/// The name of an upload's marker.
pub(super) fn marker(object: &ObjectName, client: &str, id: &UploadId) -> StateName {
    let (markers, key) = (markers(&object.bucket, client), key_part(object.key.as_str()));
    scratch(format!("{markers}{key}/{}", upload_part(id)))
}

/// What the names of all part records of an upload begin with.
pub(super) fn parts(id: &UploadId) -> String {
    format!("parts/{}/", id.short())
}

/// What the names of all records of one part begin with.
pub(super) fn part(id: &UploadId, number: PartNumber) -> String {
    format!("{}{:05}/", parts(id), number.number())
}

/// What the names of all sources of an upload begin with.
pub(super) fn sources(id: &UploadId) -> String {
    format!("sources/{}/", id.short())
}

/// Where it stands what an upload is about to become.
pub(super) fn plan(id: &UploadId) -> StateName {
    scratch(format!("plans/{}", id.short()))
}

/// Where it stands what an upload has become.
pub(super) fn done(id: &UploadId) -> StateName {
    scratch(format!("done/{}", id.short()))
}

/// The name of a source of an upload.
pub(super) fn source(id: &UploadId, source: SourceId) -> StateName {
    scratch(format!("{}{source}", sources(id)))
}

/// A name in the scratch area.
pub(super) fn scratch(name: String) -> StateName {
    StateName::new(StateArea::Scratch, name)
        // Bucket names, hexadecimal, base64url and the marks between them are what state names may hold, and none
        // of the names made here is longer than 900 bytes.
        .unwrap_or_else(|| unreachable!("the names made here are well formed"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{any_key, object};
    use super::*;
    use crate::proof::test_keys as keys;

    proptest! {
        #[test]
        fn markers_sort_by_key_and_then_by_time(
            (a, b) in (any_key(), any_key()), (early, late) in (0u64.., 0u64..),
        ) {
            let keys = keys(1, None, "r");
            let name = |key: &str, created| {
                let object = object(&"b".repeat(63), key);
                let id = UploadId::new(&keys, &object, "ci", created).unwrap();
                marker(&object, "ci", &id).name().to_owned()
            };
            prop_assert!(name(&a, early).len() <= 356);
            let begin = |key: &str| key.as_bytes()[..key.len().min(KEY_BYTES + 1)].to_vec();
            // Keys that differ past what stands in the name sort anyhow.
            prop_assume!(begin(&a) != begin(&b) || a == b);
            prop_assume!(a != b || early != late);
            let cut = a.len() > KEY_BYTES && b.len() > KEY_BYTES;
            if a == b || !cut || begin(&a)[..KEY_BYTES] != begin(&b)[..KEY_BYTES] {
                prop_assert_eq!(name(&a, early).cmp(&name(&b, late)), (&a, early).cmp(&(&b, late)));
            }
        }
    }

    #[test]
    fn a_whole_key_and_a_cut_one_have_different_names() {
        let whole = "k".repeat(KEY_BYTES);
        assert_eq!(key_part(&whole), format!("{}.", "6b".repeat(KEY_BYTES)));
        assert_eq!(key_part(&format!("{whole}k")), format!("{}~", "6b".repeat(KEY_BYTES)));
        assert!(key_part(&whole) < key_part(&format!("{whole}a")));
    }
}
