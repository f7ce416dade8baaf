//! How buckets are written in the index.

use super::fields::{Fields, damaged, put_mode, put_optional_text, put_tags, put_versioning, time};
use crate::name::BucketName;
use crate::store::{BucketInfo, BucketLock, DefaultRetention, Period, StoreError, Tags, Versioning};

/// First byte of every bucket's row. See `ROW_FORMAT` of objects' rows.
const BUCKET_FORMAT: u8 = 2;

/// What a bucket does with the objects that are written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) versioning: Versioning,
    /// If it is on, versions are kept.
    pub(super) lock: BucketLock,
}

/// A bucket's row. Rules come first, so that the rest need not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BucketRow {
    pub(super) rules: Rules,
    /// Unix milliseconds.
    pub(super) created: u64,
    pub(super) owner: Option<String>,
    pub(super) tags: Tags,
}

impl Rules {
    /// Reads what a row begins with.
    pub(super) fn decode_first(row: &[u8]) -> Result<Self, StoreError> {
        Fields(row).rules().ok_or_else(damaged)
    }
}

impl BucketRow {
    /// `None`: a text of 4 GiB or more, which no request can bring.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = vec![BUCKET_FORMAT];
        put_versioning(&mut out, self.rules.versioning);
        match self.rules.lock {
            BucketLock::Off => out.push(0),
            BucketLock::On { default: None } => out.push(1),
            BucketLock::On { default: Some(DefaultRetention { mode, period }) } => {
                let (unit, number) = match period {
                    Period::Days(days) => (2, days),
                    Period::Years(years) => (3, years),
                };
                out.push(unit);
                put_mode(&mut out, mode);
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out.extend_from_slice(&self.created.to_le_bytes());
        put_optional_text(&mut out, self.owner.as_deref())?;
        put_tags(&mut out, &self.tags)?;
        Some(out)
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields(row);
        fields.bucket().filter(|_| fields.0.is_empty()).ok_or_else(damaged)
    }

    /// What is told of the bucket called `name`.
    pub(super) fn info(self, name: BucketName) -> BucketInfo {
        BucketInfo { name, created: time(self.created).unwrap_or(std::time::UNIX_EPOCH), owner: self.owner }
    }
}

impl Fields<'_> {
    fn rules(&mut self) -> Option<Rules> {
        let [BUCKET_FORMAT] = self.array()? else { return None };
        let versioning = self.versioning()?;
        let [kind] = self.array()?;
        let lock = match kind {
            0 => BucketLock::Off,
            1 => BucketLock::On { default: None },
            2 | 3 => {
                let (mode, number) = (self.mode()?, u32::from_le_bytes(self.array()?));
                let period = if kind == 2 { Period::Days(number) } else { Period::Years(number) };
                BucketLock::On { default: Some(DefaultRetention { mode, period }) }
            }
            _ => return None,
        };
        let kept = lock == BucketLock::Off || versioning == Versioning::Enabled;
        kept.then_some(Rules { versioning, lock })
    }

    fn bucket(&mut self) -> Option<BucketRow> {
        Some(BucketRow {
            rules: self.rules()?,
            created: self.number()?,
            owner: self.optional_text()?.map(str::to_owned),
            tags: self.tags()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::RetentionMode;

    fn rules() -> impl Strategy<Value = Rules> {
        let mode = prop_oneof![Just(RetentionMode::Governance), Just(RetentionMode::Compliance)];
        let period = prop_oneof![any::<u32>().prop_map(Period::Days), any::<u32>().prop_map(Period::Years)];
        let default = (mode, period).prop_map(|(mode, period)| DefaultRetention { mode, period });
        let locked = proptest::option::of(default)
            .prop_map(|default| Rules { versioning: Versioning::Enabled, lock: BucketLock::On { default } });
        let versioning =
            prop_oneof![Just(Versioning::Never), Just(Versioning::Enabled), Just(Versioning::Suspended)];
        let open = versioning.prop_map(|versioning| Rules { versioning, lock: BucketLock::Off });
        prop_oneof![locked, open]
    }

    fn rows() -> impl Strategy<Value = BucketRow> {
        let tags = proptest::collection::btree_map(".{0,9}", ".{0,9}", 0..4)
            .prop_map(|tags| Tags::new(tags).unwrap());
        (rules(), any::<u64>(), proptest::option::of(".{0,20}"), tags)
            .prop_map(|(rules, created, owner, tags)| BucketRow { rules, created, owner, tags })
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(row in rows()) {
            let bytes = row.encode().unwrap();
            prop_assert_eq!(Rules::decode_first(&bytes).unwrap(), row.rules);
            prop_assert_eq!(BucketRow::decode(&bytes).unwrap(), row);
        }

        #[test]
        fn what_decodes_is_what_encode_would_have_written(
            row in rows(), at in any::<proptest::sample::Index>(), flip in 1..=255u8, cut in any::<bool>(),
        ) {
            let mut bytes = row.encode().unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            if let Ok(other) = BucketRow::decode(&bytes) {
                prop_assert_eq!(other.encode().unwrap(), bytes);
            }
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (BucketRow::decode(&bytes), Rules::decode_first(&bytes));
        }
    }

    #[test]
    fn a_lock_without_versions_is_no_row() {
        let rules = Rules { versioning: Versioning::Enabled, lock: BucketLock::On { default: None } };
        let mut row = BucketRow { rules, created: 1, owner: None, tags: Tags::default() }.encode().unwrap();
        assert!(BucketRow::decode(&row).is_ok());
        row[1] = 2;
        assert!(BucketRow::decode(&row).is_err());
    }
}
