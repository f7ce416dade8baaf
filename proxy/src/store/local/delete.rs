//! Deletions: of what stands there, or behind a marker, or of one version for good.

use std::time::SystemTime;

use redb::ReadableTable as _;

use super::LocalStore;
use super::bucket_row::Rules;
use super::committer::Tables;
use super::history::{Front, Newest, Seat, seat};
use super::id::{Id, unix_ms};
use super::index::object_key;
use super::locks::protects;
use super::objects::holds;
use super::row::{Head, Marker, Past};
use super::version::{Name, version_key};
use crate::name::ObjectName;
use crate::store::{
    BucketLock, Deleted, Deletion, Guard, PutError, Retentions, StoreError, VersionId, Versioning,
};

impl LocalStore {
    pub(super) async fn delete_object(
        &self,
        object: &ObjectName,
        deletion: Deletion,
    ) -> Result<Deleted, PutError> {
        let object = object.clone();
        let marker = Id::new().map_err(PutError::NotStored)?;
        let change =
            move |tables: &mut Tables<'_>| delete(tables, &object, &deletion, marker, SystemTime::now());
        self.committer.submit(change).await?
    }

    pub(super) async fn delete_objects(
        &self,
        deletions: &[(ObjectName, Deletion)],
    ) -> Vec<Result<Deleted, PutError>> {
        let owned =
            deletions.iter().map(|(object, deletion)| Ok((object.clone(), deletion.clone(), Id::new()?)));
        let done = match owned.collect::<Result<Vec<_>, StoreError>>() {
            Ok(owned) => {
                let change = move |tables: &mut Tables<'_>| {
                    let now = SystemTime::now();
                    let each =
                        owned.iter().map(|(object, deletion, id)| delete(tables, object, deletion, *id, now));
                    each.collect::<Result<Vec<_>, _>>()
                };
                self.committer.submit(change).await.map_err(PutError::from)
            }
            Err(error) => Err(PutError::NotStored(error)),
        };
        done.unwrap_or_else(|error| deletions.iter().map(|_| Err(error.clone())).collect())
    }
}

/// `id` is for the delete marker, if there is to be one.
fn delete(
    tables: &mut Tables<'_>,
    object: &ObjectName,
    deletion: &Deletion,
    id: Id,
    now: SystemTime,
) -> Result<Result<Deleted, PutError>, redb::Error> {
    let Deletion { version, guard, retentions } = deletion;
    if *guard == Guard::Absent {
        return Ok(Err(PutError::Unsupported("deleting what is absent")));
    }
    let rules = match tables.rules(&object.bucket)? {
        Ok(rules) => rules,
        Err(refused) => return Ok(Err(refused)),
    };
    let key = object_key(object);
    let front = tables.front(&key, rules.versioning)?;
    if !holds(guard, front.object.as_ref().map(|head| &head.stub)) {
        return Ok(Err(PutError::GuardFailed));
    }
    match version {
        Some(version) => delete_version(tables, &key, &front, rules, version, *retentions, now),
        None => hide(tables, &key, &front, rules.versioning, id, now),
    }
}

/// Deletes what stands there, or puts a delete marker in front of it.
fn hide(
    tables: &mut Tables<'_>,
    key: &[u8],
    front: &Front,
    versioning: Versioning,
    id: Id,
    now: SystemTime,
) -> Result<Result<Deleted, PutError>, redb::Error> {
    if versioning == Versioning::Never {
        // By the key and not by what stands there: a row that does not decode goes as well.
        if tables.objects.remove(key)?.is_some() {
            tables.changed();
        }
        front.object.as_ref().map_or(Ok(()), |head| tables.drop_body(&head.stub))?;
        return Ok(Ok(Deleted::default()));
    }
    let rank = match front.next(versioning) {
        Ok(rank) => rank,
        Err(refused) => return Ok(Err(refused)),
    };
    let marker = Marker { id, modified: unix_ms(now), rank };
    tables.advance(key, front, versioning, &Newest::Marker(&marker))?;
    Ok(Ok(Deleted { version: Some(marker.name()), delete_marker: true }))
}

/// Deletes one version, if nothing protects it.
fn delete_version(
    tables: &mut Tables<'_>,
    key: &[u8],
    front: &Front,
    rules: Rules,
    version: &VersionId,
    retentions: Retentions,
    now: SystemTime,
) -> Result<Result<Deleted, PutError>, redb::Error> {
    let deleted = |delete_marker| {
        let version = (rules.versioning != Versioning::Never).then(|| version.clone());
        Ok(Ok(Deleted { version, delete_marker }))
    };
    let Some(name) = Name::parse(version) else { return deleted(false) };
    let Some(seat) = seat(front.object.as_ref(), &tables.nulls, key, name)? else { return deleted(false) };
    let there = match (seat, &front.object) {
        (Seat::Current, current) => current.clone().map(|head| Ok(Past::Object(head))),
        (Seat::Past(seq), _) => {
            let row = tables.versions.get(version_key(key, seq).as_slice())?;
            row.map(|row| Past::decode(row.value(), Head::decode_first))
        }
    };
    let delete_marker = match there {
        None => return deleted(false),
        Some(Ok(Past::Object(head))) if !head.rank.is_called(name, head.stub.id) => return deleted(false),
        Some(Ok(Past::Marker(marker))) if !marker.rank.is_called(name, marker.id) => return deleted(false),
        Some(Ok(Past::Object(head))) if protects(&head.lock, retentions, now) => {
            return Ok(Err(PutError::Locked));
        }
        Some(Ok(Past::Object(_))) => false,
        Some(Ok(Past::Marker(_))) => true,
        // It cannot be read, and where nothing can be locked, nothing protects it.
        Some(Err(error)) => match rules.lock {
            BucketLock::Off => false,
            BucketLock::On { .. } => return Ok(Err(PutError::NotStored(error))),
        },
    };
    tables.remove(key, front, seat, name)?;
    deleted(delete_marker)
}
