//! The trait. Each call takes its [`turn`](super::turn), which notes it and lets go wrong what is to go wrong.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use hallmark_proxy::name::{BucketName, ObjectName};
use hallmark_proxy::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};
use hallmark_proxy::store::{
    Body, BucketInfo, Capabilities, Committed, Deleted, DeletedBucket, Deletion, GetError, Guard, Guards,
    ListPage, ListRequest, ListVersionsRequest, Metadata, NewBucket, PartNumber, Pin, PutError, Source, Span,
    StageId, StagedPart, StateArea, StateName, Store, StoreError, Swept, VersionId, VersionPage, Versioning,
    Write,
};

use super::call::{Call, Mishap};
use super::reading::From;
use super::{Bucket, MemoryStore, index};

#[async_trait]
impl Store for MemoryStore {
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        Ok(Capabilities {
            guards: Guards { absent: !self.contents().minds_nothing, ..Guards::ALL },
            max_key_bytes: 1024,
            max_put_bytes: u64::MAX,
            min_part_bytes: 1,
            leaves_parts_out: true,
            promotes_once: true,
            governance: false,
            metadata: Metadata::ALL,
        })
    }

    async fn put(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        let turn = self.turn::<PutError>(Call::Put, &path(object)).await?;
        self.contents().welcome(object, &write)?;
        let (content, etag) = self.receive(body, length).await?;
        turn.write(|contents| contents.store(object, write, content, &etag)).await
    }

    async fn get(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        let turn = self.turn::<GetError>(Call::Get, &path(object)).await?;
        let mishap = turn.mishap;
        turn.read(|contents| {
            let (found, standing) = contents.find(object, version, pin)?;
            let span = within(&span, found.length(), mishap)?;
            let stream = self.stream(From::Object(found.content()), span.clone(), mishap);
            let length = found.length();
            let head = UnverifiedHead::new(found.attributes, length, found.pin).standing(standing);
            Ok(Unverified::new(head, span, stream))
        })
        .await
    }

    async fn head(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        let turn = self.turn::<GetError>(Call::Head, &path(object)).await?;
        turn.read(|contents| {
            let (found, standing) = contents.find(object, version, None)?;
            let length = found.length();
            Ok(UnverifiedHead::new(found.attributes, length, found.pin).standing(standing))
        })
        .await
    }

    async fn delete(&self, object: &ObjectName, deletion: Deletion) -> Result<Deleted, PutError> {
        if deletion.guard == Guard::Absent {
            return Err(PutError::Unsupported("deleting what is absent"));
        }
        let turn = self.turn::<PutError>(Call::Delete, &path(object)).await?;
        turn.write(|contents| contents.delete(object, &deletion)).await
    }

    async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, PutError>> {
        let mut results = Vec::new();
        for (object, deletion) in deletions {
            results.push(self.delete(object, deletion.clone()).await);
        }
        results
    }

    async fn copy(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        let turn = self.turn::<PutError>(Call::Copy, &path(object)).await?;
        turn.write(|contents| {
            if source.while_staged.as_ref().is_some_and(|stage| !contents.stages.contains_key(stage.as_str()))
            {
                return Err(PutError::NoSuchStage);
            }
            contents.welcome(object, &write)?;
            let found = contents.find(&source.object, source.version.as_ref(), Some(&source.pin));
            let (found, _) = found.map_err(|_| PutError::SourceChanged)?;
            contents.store(object, write, found.content(), etag)
        })
        .await
    }

    async fn stage_open(&self) -> Result<StageId, PutError> {
        let turn = self.turn::<PutError>(Call::StageOpen, "").await?;
        turn.write(|contents| Ok(contents.stage_open())).await
    }

    async fn stage_part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError> {
        let name = format!("{}/{}", stage.as_str(), number.number());
        let turn = self.turn::<PutError>(Call::StagePart, &name).await?;
        self.contents().open_stage(stage)?;
        let (content, _) = self.receive(body, length).await?;
        turn.write(|contents| contents.stage_part(stage, number, content)).await
    }

    async fn stage_close(&self, stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError> {
        let turn = self.turn::<PutError>(Call::StageClose, stage.as_str()).await?;
        turn.write(|contents| contents.stage_close(stage, parts)).await
    }

    async fn stage_read(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        span: Span,
    ) -> Result<UnverifiedBody, GetError> {
        let turn = self.turn::<GetError>(Call::StageRead, stage.as_str()).await?;
        let mishap = turn.mishap;
        turn.read(|contents| {
            let begun = contents.staged(stage, parts)?;
            let length = parts.iter().map(|part| part.length).sum();
            let span = within(&span, length, mishap)?;
            let from = From::Stage { id: stage.clone(), parts: parts.to_vec(), begun };
            let pin = Pin(format!("{} as closed", stage.as_str()));
            Ok(UnverifiedBody::new(pin, span.clone(), self.stream(from, span, mishap)))
        })
        .await
    }

    async fn promote(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        let turn = self.turn::<PutError>(Call::Promote, &path(object)).await?;
        turn.write(|contents| contents.promote(stage, parts, object, write, etag)).await
    }

    async fn stage_drop(&self, stage: &StageId) -> Result<(), StoreError> {
        let turn = self.turn::<StoreError>(Call::StageDrop, stage.as_str()).await?;
        turn.write(|contents| {
            contents.stages.remove(stage.as_str());
            Ok(())
        })
        .await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError> {
        let turn = self.turn::<GetError>(Call::List, request.bucket.as_str()).await?;
        turn.read(|contents| contents.list(&request)).await
    }

    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        let turn = self.turn::<StoreError>(Call::Buckets, "").await?;
        turn.read(|contents| Ok(contents.buckets.keys().filter_map(|name| contents.info(name)).collect()))
            .await
    }

    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        let turn = self.turn::<StoreError>(Call::Bucket, bucket.as_str()).await?;
        turn.read(|contents| Ok(contents.info(bucket.as_str()))).await
    }

    async fn create_bucket(&self, bucket: &BucketName, new: NewBucket) -> Result<bool, PutError> {
        let turn = self.turn::<PutError>(Call::CreateBucket, bucket.as_str()).await?;
        turn.write(|contents| {
            if new.object_lock {
                return Err(PutError::Unsupported("object lock"));
            }
            if contents.buckets.contains_key(bucket.as_str()) {
                return Ok(false);
            }
            let (created, versioning) = (SystemTime::now(), Versioning::Never);
            let made = Bucket { created, owner: new.owner, versioning };
            contents.buckets.insert(bucket.as_str().to_owned(), made);
            Ok(true)
        })
        .await
    }

    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        let turn = self.turn::<StoreError>(Call::DeleteBucket, bucket.as_str()).await?;
        turn.write(|contents| {
            if contents.objects.keys().any(|(of, _)| of == bucket.as_str()) {
                return Ok(DeletedBucket::NotEmpty);
            }
            Ok(match contents.buckets.remove(bucket.as_str()) {
                Some(_) => DeletedBucket::Deleted,
                None => DeletedBucket::NoSuchBucket,
            })
        })
        .await
    }

    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError> {
        let turn = self.turn::<PutError>(Call::StatePut, name.name()).await?;
        turn.write(|contents| {
            match guard {
                Guard::Any => {}
                Guard::Absent if contents.state.contains_key(name) => return Err(PutError::GuardFailed),
                Guard::Absent => {}
                Guard::Matches(_) => return Err(PutError::Unsupported("versions of state objects")),
            }
            contents.state.insert(name.clone(), value);
            Ok(())
        })
        .await
    }

    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError> {
        let turn = self.turn::<StoreError>(Call::StateGet, name.name()).await?;
        turn.read(|contents| {
            Ok(contents.state.get(name).map(|bytes| {
                let range = span.within(bytes.len() as u64).unwrap_or(0..0);
                UnverifiedState::new(bytes.slice(index(range.start)..index(range.end)))
            }))
        })
        .await
    }

    async fn state_list(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let turn = self.turn::<StoreError>(Call::StateList, prefix).await?;
        turn.read(|contents| {
            let mut names: Vec<_> = contents.state.keys().filter(|name| name.area() == area).collect();
            names.sort_by_key(|name| name.name());
            let names = names.into_iter().map(StateName::name).filter(|name| name.starts_with(prefix));
            let names = names.filter(|name| after.is_none_or(|after| *name > after));
            Ok(names.take(limit).map(str::to_owned).collect())
        })
        .await
    }

    async fn state_delete(&self, name: &StateName) -> Result<(), StoreError> {
        let turn = self.turn::<StoreError>(Call::StateDelete, name.name()).await?;
        turn.write(|contents| {
            contents.state.remove(name);
            Ok(())
        })
        .await
    }

    async fn sweep(&self, _pause: Duration) -> Result<Swept, StoreError> {
        Ok(Swept::default())
    }

    async fn list_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        let turn = self.turn::<GetError>(Call::ListVersions, request.bucket.as_str()).await?;
        turn.read(|contents| contents.list_versions(&request)).await
    }

    async fn versioning(&self, bucket: &BucketName) -> Result<Versioning, GetError> {
        let turn = self.turn::<GetError>(Call::Versioning, bucket.as_str()).await?;
        turn.read(|contents| {
            let bucket = contents.buckets.get(bucket.as_str()).ok_or(GetError::NoSuchBucket)?;
            Ok(bucket.versioning)
        })
        .await
    }

    async fn set_versioning(&self, bucket: &BucketName, versioning: Versioning) -> Result<(), PutError> {
        let turn = self.turn::<PutError>(Call::SetVersioning, bucket.as_str()).await?;
        turn.write(|contents| {
            let bucket = contents.buckets.get_mut(bucket.as_str()).ok_or(PutError::NoSuchBucket)?;
            if versioning == Versioning::Never {
                return Err(PutError::Unsupported("forgetting that a bucket kept versions"));
            }
            bucket.versioning = versioning;
            Ok(())
        })
        .await
    }
}

/// What a call on an object goes by.
fn path(object: &ObjectName) -> String {
    format!("{}/{}", object.bucket.as_str(), object.key.as_str())
}

fn within(span: &Span, length: u64, mishap: Option<Mishap>) -> Result<std::ops::Range<u64>, GetError> {
    match mishap {
        Some(Mishap::DeniesSpan) => Err(GetError::OutOfRange),
        Some(_) | None => span.within(length).ok_or(GetError::OutOfRange),
    }
}
