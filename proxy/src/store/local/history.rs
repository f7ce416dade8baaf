//! The history of a key: what stands in front, and how that changes.
//!
//! The current object of a key is in the table of objects, so that reading and listing it is one lookup as long as no
//! versions are kept. Everything else is in the table of versions, newest first. Delete markers are never in the
//! table of objects: a key that it does not hold has none of an object in front, and a list passes markers by without
//! reading them. So, after every change:
//!
//! - a row in the table of objects is newer than all of its key in the table of versions;
//! - where there is none, the newest in the table of versions, if any, is a delete marker;
//! - at most one version of a key is `null`; the table of nulls says which, unless it is the current object.

use redb::{AccessGuard, ReadableTable, StorageError};

use super::bucket_row::Rules;
use super::committer::Tables;
use super::fields::damaged;
use super::row::{Head, Marker, Past};
use super::version::{Name, Naming, Rank, split, version_key};
use crate::name::BucketName;
use crate::store::{PutError, Versioning};

/// What stands in front of a key's history.
pub(super) struct Front {
    /// The current object. A row that does not decode counts as none, so that it can be replaced.
    pub(super) object: Option<Head>,
    /// The greatest number in the history; 0 if it is empty.
    seq: u64,
}

/// Where the row of a version lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// In the table of objects.
    Current,
    /// In the table of versions, if anywhere, under this number.
    Past(u64),
}

/// What is put in front.
pub(super) enum Newest<'a> {
    /// An object's row.
    Object(&'a [u8]),
    Marker(&'a Marker),
}

/// A row of the table of versions, and its number.
type Numbered<'t> = (u64, AccessGuard<'t, &'static [u8]>);

/// The newest of a key in the table of versions, and its number.
pub(super) fn newest<'t>(
    versions: &'t impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<Option<Numbered<'t>>, StorageError> {
    let (first, last) = (version_key(key, u64::MAX), version_key(key, 0));
    let Some(entry) = versions.range::<&[u8]>(first.as_slice()..=last.as_slice())?.next() else {
        return Ok(None);
    };
    let (key, row) = entry?;
    Ok(split(key.value()).map(|(_, seq)| (seq, row)))
}

/// Where the version that is called `name` lies; `None`: nowhere.
pub(super) fn seat(
    current: Option<&Head>,
    nulls: &impl ReadableTable<&'static [u8], u64>,
    key: &[u8],
    name: Name,
) -> Result<Option<Seat>, StorageError> {
    if current.is_some_and(|head| head.rank.is_called(name, head.stub.id)) {
        return Ok(Some(Seat::Current));
    }
    Ok(match name {
        Name::Own(seq, _) => Some(Seat::Past(seq)),
        Name::Null => nulls.get(key)?.map(|seq| Seat::Past(seq.value())),
    })
}

impl Front {
    /// The rank of what comes next.
    pub(super) fn next(&self, versioning: Versioning) -> Result<Rank, PutError> {
        let naming = match versioning {
            Versioning::Never => return Ok(Rank::ONLY),
            Versioning::Enabled => Naming::Own,
            Versioning::Suspended => Naming::Null,
        };
        // Only a damaged row can bear the greatest number.
        let seq = self.seq.checked_add(1).ok_or_else(|| PutError::NotStored(damaged()))?;
        Ok(Rank { seq, naming })
    }

    fn is_null(&self) -> bool {
        self.object.as_ref().is_some_and(|head| head.rank.naming == Naming::Null)
    }
}

impl Tables<'_> {
    /// What `bucket` does with what is written into it.
    pub(super) fn rules(&self, bucket: &BucketName) -> Result<Result<Rules, PutError>, redb::Error> {
        let row = self.buckets.get(bucket.as_str())?;
        Ok(match row {
            Some(row) => Rules::decode_first(row.value()).map_err(PutError::NotStored),
            None => Err(PutError::NoSuchBucket),
        })
    }

    /// What stands in front of the history of `key`.
    pub(super) fn front(&self, key: &[u8], versioning: Versioning) -> Result<Front, redb::Error> {
        let row = self.objects.get(key)?;
        let object = row.as_ref().and_then(|row| match Head::decode_first(row.value()) {
            Ok(head) => Some(head),
            Err(error) => {
                tracing::warn!(%error, "a damaged row is being replaced");
                None
            }
        });
        let seq = match (&object, versioning) {
            (Some(head), _) => head.rank.seq,
            (None, Versioning::Never) => 0,
            (None, Versioning::Enabled | Versioning::Suspended) => {
                let past = newest(&self.versions, key)?.map_or(0, |(seq, _)| seq);
                // Which number a damaged row bears is not known: it gets one, under which it can be kept.
                past.saturating_add(u64::from(row.is_some()))
            }
        };
        Ok(Front { object, seq })
    }

    /// Puts `next` in front of the history of `key`, where `front` stood.
    pub(super) fn advance(
        &mut self,
        key: &[u8],
        front: &Front,
        versioning: Versioning,
        next: &Newest<'_>,
    ) -> Result<(), redb::Error> {
        self.changed();
        let keeps = match versioning {
            Versioning::Never => false,
            Versioning::Enabled => true,
            // What is `null` is replaced, wherever it stands. Nothing can protect it: who has locks cannot suspend.
            Versioning::Suspended => {
                if !front.is_null() {
                    self.drop_past_null(key)?;
                }
                !front.is_null()
            }
        };
        let old = match next {
            Newest::Object(row) => self.objects.insert(key, *row)?,
            Newest::Marker(_) => self.objects.remove(key)?,
        };
        if keeps && let Some(old) = old {
            self.versions.insert(version_key(key, front.seq).as_slice(), old.value())?;
            if front.is_null() {
                self.nulls.insert(key, front.seq)?;
            }
        } else if !keeps && let Some(replaced) = &front.object {
            drop(old);
            self.drop_body(&replaced.stub)?;
        }
        if let Newest::Marker(marker) = next {
            let rank = marker.rank;
            self.versions.insert(version_key(key, rank.seq).as_slice(), marker.encode().as_slice())?;
            if rank.naming == Naming::Null {
                self.nulls.insert(key, rank.seq)?;
            }
        }
        Ok(())
    }

    /// Removes the `null` version of `key` that is not the current object.
    fn drop_past_null(&mut self, key: &[u8]) -> Result<(), redb::Error> {
        let Some(seq) = self.nulls.remove(key)?.map(|seq| seq.value()) else { return Ok(()) };
        let row = self.versions.get(version_key(key, seq).as_slice())?;
        let past = row.map(|row| Past::decode(row.value(), Head::decode_first));
        let named = past.is_some_and(|past| match past {
            Ok(Past::Object(head)) => head.rank.naming == Naming::Own,
            Ok(Past::Marker(marker)) => marker.rank.naming == Naming::Own,
            Err(_) => false,
        });
        // Whatever else may be wrong with the index: a version with a name is not deleted in place of another.
        if named { Ok(()) } else { self.drop_past(key, seq) }
    }

    /// Removes a row of the table of versions, and its body.
    fn drop_past(&mut self, key: &[u8], seq: u64) -> Result<(), redb::Error> {
        let row = self.versions.remove(version_key(key, seq).as_slice())?;
        let past = row.map(|row| Past::decode(row.value(), Head::decode_first));
        match past {
            Some(Ok(Past::Object(head))) => self.drop_body(&head.stub),
            Some(Ok(Past::Marker(_))) | None => Ok(()),
            Some(Err(error)) => {
                tracing::warn!(%error, "a damaged row was removed");
                Ok(())
            }
        }
    }

    /// Removes a version for good; what is newest then comes to the front.
    pub(super) fn remove(
        &mut self,
        key: &[u8],
        front: &Front,
        seat: Seat,
        name: Name,
    ) -> Result<(), redb::Error> {
        self.changed();
        match (seat, &front.object) {
            (Seat::Current, Some(current)) => {
                self.objects.remove(key)?;
                self.drop_body(&current.stub)?;
            }
            (Seat::Current, None) => {}
            (Seat::Past(seq), _) => {
                self.drop_past(key, seq)?;
                if name == Name::Null {
                    self.nulls.remove(key)?;
                }
            }
        }
        self.settle(key)
    }

    /// Makes the newest version the current object, if no other is, and it is one.
    fn settle(&mut self, key: &[u8]) -> Result<(), redb::Error> {
        if self.objects.get(key)?.is_some() {
            return Ok(());
        }
        let Some((seq, head)) = newest(&self.versions, key)?
            .map(|(seq, row)| (seq, Past::decode(row.value(), Head::decode_first)))
        else {
            return Ok(());
        };
        let Ok(Past::Object(head)) = head else { return Ok(()) };
        if let Some(row) = self.versions.remove(version_key(key, seq).as_slice())? {
            self.objects.insert(key, row.value())?;
        }
        if head.rank.naming == Naming::Null {
            self.nulls.remove(key)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
