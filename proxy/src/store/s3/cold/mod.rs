//! Everything that is not hot, by aws-sdk-s3.

pub(super) mod error;
pub(super) mod reason;

use super::{S3Store, unbuilt};
use crate::name::{BucketName, ObjectName};
use crate::store::{
    BucketInfo, BucketLock, DefaultRetention, Deleted, DeletedBucket, Deletion, GetError, LegalHold,
    ListPage, ListRequest, ListVersionsRequest, NewBucket, PutError, Retention, Retentions, StoreError, Tags,
    VersionId, VersionPage, Versioning,
};

impl S3Store {
    pub(super) async fn delete_objects(
        &self,
        deletions: &[(ObjectName, Deletion)],
    ) -> Vec<Result<Deleted, PutError>> {
        deletions.iter().map(|_| Err(PutError::NotStored(unbuilt("delete_objects")))).collect()
    }

    pub(super) async fn list_objects(&self, _request: ListRequest) -> Result<ListPage, GetError> {
        Err(GetError::Store(unbuilt("list_objects")))
    }

    pub(super) async fn list_buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        Err(unbuilt("list_buckets"))
    }

    pub(super) async fn find_bucket(&self, _bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        Err(unbuilt("find_bucket"))
    }

    pub(super) async fn make_bucket(&self, _bucket: &BucketName, _new: NewBucket) -> Result<bool, PutError> {
        Err(PutError::NotStored(unbuilt("make_bucket")))
    }

    pub(super) async fn remove_bucket(&self, _bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        Err(unbuilt("remove_bucket"))
    }

    pub(super) async fn list_object_versions(
        &self,
        _request: ListVersionsRequest,
    ) -> Result<VersionPage, GetError> {
        Err(GetError::Store(unbuilt("list_object_versions")))
    }

    pub(super) async fn bucket_versioning(&self, _bucket: &BucketName) -> Result<Versioning, GetError> {
        Err(GetError::Store(unbuilt("bucket_versioning")))
    }

    pub(super) async fn set_bucket_versioning(
        &self,
        _bucket: &BucketName,
        _versioning: Versioning,
    ) -> Result<(), PutError> {
        Err(PutError::NotStored(unbuilt("set_bucket_versioning")))
    }

    pub(super) async fn bucket_lock(&self, _bucket: &BucketName) -> Result<BucketLock, GetError> {
        Err(GetError::Store(unbuilt("bucket_lock")))
    }

    pub(super) async fn set_bucket_lock(
        &self,
        _bucket: &BucketName,
        _default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        Err(PutError::NotStored(unbuilt("set_bucket_lock")))
    }

    pub(super) async fn tags_of_bucket(&self, _bucket: &BucketName) -> Result<Tags, GetError> {
        Err(GetError::Store(unbuilt("tags_of_bucket")))
    }

    pub(super) async fn set_tags_of_bucket(&self, _bucket: &BucketName, _tags: Tags) -> Result<(), PutError> {
        Err(PutError::NotStored(unbuilt("set_tags_of_bucket")))
    }

    pub(super) async fn tags_of_object(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        Err(GetError::Store(unbuilt("tags_of_object")))
    }

    pub(super) async fn set_tags_of_object(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        Err(PutError::NotStored(unbuilt("set_tags_of_object")))
    }

    pub(super) async fn set_object_retention(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _retention: Option<Retention>,
        _retentions: Retentions,
    ) -> Result<(), PutError> {
        Err(PutError::NotStored(unbuilt("set_object_retention")))
    }

    pub(super) async fn set_object_legal_hold(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _hold: LegalHold,
    ) -> Result<(), PutError> {
        Err(PutError::NotStored(unbuilt("set_object_legal_hold")))
    }
}
