//! `[buckets.<name>.kept_in]`, and that no two buckets are kept in places that overlap.

use std::cell::RefCell;

use super::store::Kind;
use crate::name::{StoreBucket, StorePrefix};
use crate::reader::{Place, Read, Table};
use crate::types::{KeptIn, Store};

/// Where the buckets of a file are kept.
pub(super) struct Mappings<'a, 's> {
    kind: Read<Kind>,
    /// `None`: there is none, or what is wrong with it has been reported.
    state_bucket: Option<&'s StoreBucket>,
    /// Buckets that are kept elsewhere: the place of the table, and where.
    kept: RefCell<Vec<(Place<'a>, KeptIn)>>,
    /// Buckets that are kept under their own name.
    own: RefCell<Vec<(Place<'a>, String)>>,
}

impl<'a, 's> Mappings<'a, 's> {
    /// None yet. `kind` and `store`: what they are kept in.
    pub(super) fn new(kind: Read<Kind>, store: Option<&'s Store>) -> Self {
        let state_bucket = match store {
            Some(Store::S3(store)) => Some(&store.state_bucket),
            Some(Store::Local { .. }) | None => None,
        };
        Self { kind, state_bucket, kept: RefCell::default(), own: RefCell::default() }
    }

    /// Reads where the bucket is kept that clients call `name`.
    pub(super) fn read(&self, table: &mut Table<'a>, name: &str) -> Read<Option<KeptIn>> {
        let kept = table.optional("kept_in", |value| {
            let place = value.place().clone();
            if matches!(self.kind, Ok(Kind::Local)) {
                return Err(place.problem(
                    "only a store that speaks S3 (`kind = \"s3\"` in [store]) keeps buckets elsewhere; leave it out",
                ));
            }
            Ok((place, value.table(kept_in)?))
        })?;
        match kept {
            Some((place, kept)) => {
                self.admit(&place, &kept)?;
                self.kept.borrow_mut().push((place, kept.clone()));
                Ok(Some(kept))
            }
            None => {
                self.own.borrow_mut().push((table.place().clone(), name.to_owned()));
                Ok(None)
            }
        }
    }

    fn admit(&self, place: &Place<'a>, new: &KeptIn) -> Read<()> {
        if self.state_bucket == Some(&new.bucket) {
            return Err(place
                .problem("this is the store's `state_bucket`, which is for Hallmark's own; take another"));
        }
        let kept = self.kept.borrow();
        let Some((other, _)) = kept.iter().find(|(_, other)| overlap(other, new)) else { return Ok(()) };
        let line = other.line();
        Err(place.problem(format_args!(
            "overlaps the one in line {line}: an object there could be in two buckets; give each a prefix of its own"
        )))
    }

    /// Reports the buckets that no client can reach, since another one, or Hallmark's own, is kept in the store's bucket of
    /// that name. To be asked when all are read.
    pub(super) fn finish(self) -> Read<()> {
        let (kept, state) = (self.kept.borrow(), self.state_bucket);
        let shadow = |name: &str| {
            let by = kept.iter().find(|(_, kept)| kept.bucket.as_str() == name);
            match by {
                Some((other, _)) => Some(format!(
                    "the bucket of line {} is kept in the store's bucket of this name",
                    other.line()
                )),
                None => state
                    .filter(|state| state.as_str() == name)
                    .map(|_| "the store's bucket of this name is its `state_bucket`".to_owned()),
            }
        };
        let shadowed = self
            .own
            .borrow()
            .iter()
            .filter_map(|(place, name)| {
                let why = shadow(name)?;
                Some(place.problem(format_args!(
                    "{why}, so that no client reaches it; say with `kept_in` where this one is kept"
                )))
            })
            .collect::<Vec<_>>();
        shadowed.first().map_or(Ok(()), |reported| Err(*reported))
    }
}

fn kept_in(table: &mut Table<'_>) -> Read<KeptIn> {
    let bucket = table.required("bucket", "\"acme-releases\"", |value| value.parse(StoreBucket::parse));
    let prefix = table.or("prefix", StorePrefix::none(), |value| value.parse(StorePrefix::parse));
    Ok(KeptIn { bucket: bucket?, prefix: prefix? })
}

/// Whether an object can stand in both.
fn overlap(one: &KeptIn, other: &KeptIn) -> bool {
    let (one_prefix, other_prefix) = (one.prefix.as_str(), other.prefix.as_str());
    one.bucket == other.bucket
        && (one_prefix.starts_with(other_prefix) || other_prefix.starts_with(one_prefix))
}
