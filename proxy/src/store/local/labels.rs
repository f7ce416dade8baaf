//! What may change of a version once it is written: tags, retention, legal hold. Its row is written anew, where it is.

use std::time::SystemTime;

use redb::ReadableTable as _;

use super::LocalStore;
use super::bucket_row::Rules;
use super::committer::Tables;
use super::history::{Seat, seat};
use super::index::object_key;
use super::locks::retain;
use super::lookup;
use super::row::{Head, Past, Row};
use super::version::{Name, version_key};
use crate::name::ObjectName;
use crate::store::{
    BucketLock, GetError, LegalHold, PutError, Retention, Retentions, Tags, VersionId, Versioning,
};

impl LocalStore {
    pub(super) async fn find_tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        let (object, version) = (object.clone(), version.cloned());
        let found =
            self.index.look(move |view| Ok(lookup::version(view, &object, version.as_ref()))).await??;
        Ok((found.row.tags, found.name))
    }

    pub(super) async fn put_tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        self.amend(object, version, move |row, _| {
            row.tags = tags;
            Ok(())
        })
        .await
    }

    pub(super) async fn put_retention(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        retention: Option<Retention>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        let change = move |row: &mut Row, rules: Rules| {
            lockable(rules)?;
            retain(&mut row.head.lock, retention, retentions, SystemTime::now())
        };
        self.amend(object, version, change).await.map(|_| ())
    }

    pub(super) async fn put_legal_hold(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        hold: LegalHold,
    ) -> Result<(), PutError> {
        let change = move |row: &mut Row, rules: Rules| {
            lockable(rules)?;
            row.head.lock.legal_hold = Some(hold);
            Ok(())
        };
        self.amend(object, version, change).await.map(|_| ())
    }

    async fn amend(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        change: impl FnOnce(&mut Row, Rules) -> Result<(), PutError> + Send + 'static,
    ) -> Result<Option<VersionId>, PutError> {
        let (object, version) = (object.clone(), version.cloned());
        self.committer.submit(move |tables| amend(tables, &object, version.as_ref(), change)).await?
    }
}

fn lockable(rules: Rules) -> Result<(), PutError> {
    match rules.lock {
        BucketLock::On { .. } => Ok(()),
        BucketLock::Off => Err(PutError::NoObjectLock),
    }
}

/// Changes the row of a version, and says which version it was where the bucket keeps any.
fn amend(
    tables: &mut Tables<'_>,
    object: &ObjectName,
    version: Option<&VersionId>,
    change: impl FnOnce(&mut Row, Rules) -> Result<(), PutError>,
) -> Result<Result<Option<VersionId>, PutError>, redb::Error> {
    let rules = match tables.rules(&object.bucket)? {
        Ok(rules) => rules,
        Err(refused) => return Ok(Err(refused)),
    };
    let key = object_key(object);
    let found = match version {
        None => current(tables, &key)?,
        Some(version) => named(tables, &key, version)?,
    };
    let changed = found.and_then(|(seat, mut row)| {
        change(&mut row, rules)?;
        let name = (rules.versioning != Versioning::Never).then(|| row.head.name());
        let row = row.encode().ok_or(PutError::Unsupported("tags over 4 GiB"))?;
        Ok((seat, row, name))
    });
    let (seat, row, name) = match changed {
        Ok(changed) => changed,
        Err(refused) => return Ok(Err(refused)),
    };
    tables.changed();
    match seat {
        Seat::Current => tables.objects.insert(key.as_slice(), row.as_slice())?,
        Seat::Past(seq) => tables.versions.insert(version_key(&key, seq).as_slice(), row.as_slice())?,
    };
    Ok(Ok(name))
}

type Found = Result<(Seat, Row), PutError>;

fn current(tables: &Tables<'_>, key: &[u8]) -> Result<Found, redb::Error> {
    Ok(match tables.objects.get(key)? {
        Some(row) => Row::decode(row.value()).map(|row| (Seat::Current, row)).map_err(PutError::NotStored),
        // Nothing, or a delete marker.
        None => Err(PutError::NoSuchKey),
    })
}

fn named(tables: &Tables<'_>, key: &[u8], version: &VersionId) -> Result<Found, redb::Error> {
    let Some(name) = Name::parse(version) else { return Ok(Err(PutError::NoSuchVersion)) };
    let row = tables.objects.get(key)?;
    let head = row.as_ref().and_then(|row| Head::decode_first(row.value()).ok());
    let past = match seat(head.as_ref(), &tables.nulls, key, name)? {
        Some(Seat::Current) => return current(tables, key),
        Some(Seat::Past(seq)) => {
            let row = tables.versions.get(version_key(key, seq).as_slice())?;
            row.map(|row| (seq, Past::decode(row.value(), Row::decode)))
        }
        None => None,
    };
    Ok(match past {
        Some((seq, Ok(Past::Object(row)))) if row.head.rank.is_called(name, row.head.stub.id) => {
            Ok((Seat::Past(seq), row))
        }
        Some((_, Ok(Past::Marker(marker)))) if marker.rank.is_called(name, marker.id) => {
            Err(PutError::NoSuchKey)
        }
        Some((_, Err(error))) => Err(PutError::NotStored(error)),
        Some((_, Ok(Past::Object(_) | Past::Marker(_)))) | None => Err(PutError::NoSuchVersion),
    })
}
