//! Tags of buckets and objects: the store's word.

use aws_sdk_s3::types::{Tag, Tagging};

use super::super::S3Store;
use super::super::places::Place;
use super::error::Failure;
use super::reason::Reason;
use super::text;
use super::wire::{ContentMd5, once};
use crate::name::{BucketName, ObjectName};
use crate::store::{GetError, MAX_BUCKET_TAGS, PutError, StoreError, Tags, VersionId};

/// What stores without them are said not to support.
const TAGS: &str = "tags";

impl S3Store {
    pub(in crate::store::s3) async fn tags_of_bucket(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        const CALL: &str = "GetBucketTagging";
        let kept = self.places.bucket(bucket).ok_or(GetError::NoSuchBucket)?.bucket;
        let answer = self.sdk.get_bucket_tagging().bucket(kept.as_str()).send().await;
        match answer.map_err(|e| Failure::of(CALL, &e)) {
            Ok(answer) => Ok(tags(CALL, answer.tag_set)?),
            Err(failure) => match failure.reason() {
                Some(Reason::NoTags) => Ok(Tags::default()),
                Some(Reason::NotImplemented) => {
                    self.require_store_bucket(&kept).await.map(|()| Tags::default())
                }
                _ => Err(failure.into()),
            },
        }
    }

    pub(in crate::store::s3) async fn set_tags_of_bucket(
        &self,
        bucket: &BucketName,
        tags: Tags,
    ) -> Result<(), PutError> {
        let kept = self.places.bucket(bucket).ok_or(PutError::NoSuchBucket)?.bucket;
        let set = if tags.is_empty() {
            let call = self.sdk.delete_bucket_tagging().bucket(kept.as_str());
            let set = call.customize().config_override(once()).send().await;
            set.map(drop).map_err(|e| Failure::of("DeleteBucketTagging", &e))
        } else {
            let call = self.sdk.put_bucket_tagging().bucket(kept.as_str()).tagging(tagging(&tags)?);
            let set = call.customize().config_override(once()).interceptor(ContentMd5).send().await;
            set.map(drop).map_err(|e| Failure::of("PutBucketTagging", &e))
        };
        match set {
            Err(failure) if failure.reason() == Some(Reason::NoTags) && tags.is_empty() => Ok(()),
            set => set.map_err(|failure| failure.optional(TAGS)),
        }
    }

    pub(in crate::store::s3) async fn tags_of_object(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        const CALL: &str = "GetObjectTagging";
        let place = self.place(object)?;
        let version = self.version_of(&place, version).await?;
        let call = self.sdk.get_object_tagging().bucket(place.bucket.as_str()).key(&place.key);
        let answer = call.set_version_id(version.as_ref().map(ToString::to_string)).send().await;
        match answer.map_err(|e| Failure::of(CALL, &e)) {
            Ok(answer) => Ok((tags(CALL, answer.tag_set)?, version)),
            Err(failure) => match failure.reason() {
                Some(Reason::NoTags) => Ok((Tags::default(), version)),
                Some(Reason::NotImplemented) => {
                    self.current_version(&place).await.map(|_| (Tags::default(), version))
                }
                _ if failure.is_absence() => Err(self.missing(&place, version.as_ref()).await),
                _ => Err(failure.into()),
            },
        }
    }

    pub(in crate::store::s3) async fn set_tags_of_object(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        if !self.findings().tags {
            return Err(PutError::Unsupported(TAGS));
        }
        let place = self.place(object)?;
        let version = self.version_of(&place, version).await.map_err(unreadable)?;
        let named = version.as_ref().map(ToString::to_string);
        let (bucket, key) = (place.bucket.as_str(), &place.key);
        // Also where there are none: Ceph's gateway loses the ETag from its lists when tags are deleted.
        let call = self.sdk.put_object_tagging().bucket(bucket).key(key).set_version_id(named);
        let call = call.tagging(tagging(&tags)?).customize().config_override(once()).interceptor(ContentMd5);
        let set = call.send().await.map(drop).map_err(|e| Failure::of("PutObjectTagging", &e));
        match set {
            Ok(()) => Ok(version),
            Err(failure) if failure.reason() == Some(Reason::NotImplemented) => {
                Err(PutError::Unsupported(TAGS))
            }
            Err(failure) => Err(self.unchangeable(&place, version.as_ref(), failure).await),
        }
    }

    /// The version that a call is about, so that it is about the same one that is answered: not every store names it in
    /// answers about tags. `None`: the bucket keeps none.
    async fn version_of(
        &self,
        place: &Place,
        version: Option<&VersionId>,
    ) -> Result<Option<VersionId>, GetError> {
        match self.named(version)? {
            Some(version) => Ok(Some(version.clone())),
            None if self.findings().versions => self.current_version(place).await,
            None => Ok(None),
        }
    }

    async fn current_version(&self, place: &Place) -> Result<Option<VersionId>, GetError> {
        const CALL: &str = "HeadObject";
        let call = self.sdk.head_object().bucket(place.bucket.as_str()).key(&place.key);
        match call.send().await.map_err(|e| Failure::of(CALL, &e)) {
            Ok(answer) if self.findings().versions => {
                let version = answer.version_id().map(|version| text::version(Some(version)));
                version.transpose().map_err(|odd| Failure::malformed(CALL, odd.0).into())
            }
            Ok(_) => Ok(None),
            Err(failure) if failure.is_absence() => Err(self.missing(place, None).await),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Why a write was not begun: what it is about cannot be found.
fn unreadable(error: GetError) -> PutError {
    match error {
        GetError::NoSuchBucket => PutError::NoSuchBucket,
        GetError::NoSuchVersion => PutError::NoSuchVersion,
        GetError::NoSuchKey | GetError::DeleteMarker(_) => PutError::NoSuchKey,
        GetError::NoSuchStage => PutError::NoSuchStage,
        GetError::OutOfRange | GetError::Changed => {
            PutError::NotStored(Failure::malformed("HeadObject", "it speaks of a range").into())
        }
        GetError::Store(error) => PutError::NotStored(error),
    }
}

fn tagging(tags: &Tags) -> Result<Tagging, PutError> {
    let unbuilt = |e: aws_sdk_s3::error::BuildError| {
        PutError::NotStored(StoreError::from(Failure::malformed("Tagging", &e.to_string())))
    };
    let tags = tags.iter().map(|(name, value)| Tag::builder().key(name).value(value).build());
    let tags = tags.collect::<Result<_, _>>().map_err(unbuilt)?;
    Tagging::builder().set_tag_set(Some(tags)).build().map_err(unbuilt)
}

fn tags(call: &str, said: Vec<Tag>) -> Result<Tags, Failure> {
    if said.len() > MAX_BUCKET_TAGS {
        return Err(Failure::malformed(call, "more tags than anything can have"));
    }
    let tags = Tags::new(said.into_iter().map(|tag| (tag.key, tag.value)));
    tags.ok_or_else(|| Failure::malformed(call, "a tag is there twice"))
}
