//! Versions of one key: what they are called, and in what order they stand.

use super::fields::Fields;
use super::id::Id;
use crate::store::VersionId;

/// Which version of its key a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    /// Greater than that of every older version of the key that is still there.
    pub(super) seq: u64,
    pub(super) naming: Naming,
}

/// What clients call a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// `null`: its bucket kept no versions when it was written.
    Null,
    /// By a name of its own.
    Own,
}

/// A version as a client names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Null,
    /// Rank and id: so that a version is found by one lookup, and a list can go on after one that is gone.
    Own(u64, Id),
}

impl Rank {
    /// The rank of all versions of a bucket that never kept any: each is the only one of its key.
    pub(super) const ONLY: Self = Self { seq: 1, naming: Naming::Null };

    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.push(match self.naming {
            Naming::Null => 0,
            Naming::Own => 1,
        });
    }

    /// What clients call the version of this rank whose id is `id`.
    pub(super) fn name(self, id: Id) -> VersionId {
        match self.naming {
            Naming::Null => VersionId::null(),
            Naming::Own => {
                VersionId::from_bytes(&[&self.seq.to_be_bytes(), id.as_bytes().as_slice()].concat())
            }
        }
    }

    /// Whether `name` means the version of this rank whose id is `id`.
    pub(super) fn is_called(self, name: Name, id: Id) -> bool {
        match (self.naming, name) {
            (Naming::Null, Name::Null) => true,
            (Naming::Own, Name::Own(seq, named)) => seq == self.seq && named == id,
            (Naming::Null, Name::Own(..)) | (Naming::Own, Name::Null) => false,
        }
    }
}

impl Fields<'_> {
    pub(super) fn rank(&mut self) -> Option<Rank> {
        let seq = self.number()?;
        let naming = match self.array()? {
            [0] => Naming::Null,
            [1] => Naming::Own,
            _ => return None,
        };
        Some(Rank { seq, naming })
    }
}

impl Name {
    /// `None`: no version of this store is called that.
    pub(super) fn parse(version: &VersionId) -> Option<Self> {
        if version.is_null() {
            return Some(Self::Null);
        }
        let (seq, id) = version.as_str().split_at_checked(16)?;
        let id = Id::parse(id)?;
        let mut bytes = [0; 8];
        hex::decode_to_slice(seq, &mut bytes).ok()?;
        // The decoder takes upper case too.
        let seq = (!seq.bytes().any(|b| b.is_ascii_uppercase())).then_some(u64::from_be_bytes(bytes))?;
        Some(Self::Own(seq, id))
    }
}

/// Bytes of a [`version_key`] after the object's key: a NUL, which no key holds, and the number.
const SUFFIX: usize = 9;

/// The key of the row of a version that is not the current object: so that the newest of a key stands first, and keys
/// stand in their own order.
pub(super) fn version_key(object_key: &[u8], seq: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(object_key.len() + SUFFIX);
    key.extend_from_slice(object_key);
    key.push(0);
    key.extend_from_slice(&(!seq).to_be_bytes());
    key
}

/// The object's key and the number that a [`version_key`] is made of.
pub(super) fn split(version_key: &[u8]) -> Option<(&[u8], u64)> {
    let (key, suffix) = version_key.split_at_checked(version_key.len().checked_sub(SUFFIX)?)?;
    let (nul, seq) = suffix.split_first()?;
    let seq = !u64::from_be_bytes(seq.try_into().ok()?);
    (*nul == 0).then_some((key, seq))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_read_back(seq in any::<u64>(), id in any::<[u8; 16]>()) {
            let (rank, id) = (Rank { seq, naming: Naming::Own }, Id::from_bytes(id));
            let name = rank.name(id);
            prop_assert_eq!(Name::parse(&name), Some(Name::Own(seq, id)));
            prop_assert!(rank.is_called(Name::Own(seq, id), id));
            prop_assert!(!rank.is_called(Name::Own(seq ^ 1, id), id));
            prop_assert!(!rank.is_called(Name::Null, id));
            let upper = name.as_str().to_uppercase();
            prop_assert!(upper == name.as_str() || Name::parse(&VersionId::parse(&upper).unwrap()).is_none());
        }

        #[test]
        fn keys_stand_in_order_and_the_newest_first(
            (a, b) in ("[a-c\u{1}]{1,4}", "[a-c\u{1}]{1,4}"), (m, n) in any::<(u64, u64)>(),
        ) {
            let (one, two) = (version_key(a.as_bytes(), m), version_key(b.as_bytes(), n));
            prop_assert_eq!(one.cmp(&two), a.cmp(&b).then(n.cmp(&m)));
            prop_assert_eq!(split(&one), Some((a.as_bytes(), m)));
        }
    }

    #[test]
    fn other_names_are_none_of_ours() {
        let long = "0".repeat(49);
        for other in ["nul", "NULL", "0", &long, &long[..47], &format!("{}g", &long[..47]), &"ä".repeat(24)]
        {
            assert_eq!(VersionId::parse(other).as_ref().and_then(Name::parse), None, "{other}");
        }
        assert_eq!(Name::parse(&VersionId::null()), Some(Name::Null));
        assert_eq!((split(b""), split(b"12345678"), split(b"a\x01aaaaaaaa")), (None, None, None));
    }
}
