//! Buckets and their listings.

use bytes::Bytes;
use hallmark_config::Permission;
use http::StatusCode;

use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::gate::GateError;
use crate::name::BucketName;
use crate::proof::Outgoing;
use crate::s3::documents::{self, Owner};
use crate::s3::error::{Code, S3Error};
use crate::s3::listing::{BucketListing, Listing};
use crate::s3::payload::Payload;
use crate::s3::response;
use crate::store::{DeletedBucket, ListPage, NewBucket};

/// What a page of a listing may take before it is written out: a thousand keys of ordinary length, bytes.
pub(super) const PAGE_MEMORY: u64 = 256 * 1024;

/// The longest document that configures a bucket or an object, bytes: fifty tags of characters that take four each.
const MAX_CONFIGURATION: usize = 128 * 1024;

/// The region where buckets may be made again.
const FIRST_REGION: &str = "us-east-1";

impl S3Service {
    /// `GET /`: the buckets in which the client may do something.
    pub(super) async fn list_buckets(&self, context: &Context, listing: &BucketListing) -> Answer {
        if context.identity.client().is_none() {
            return Err(S3Error::new(Code::AccessDenied, "Access Denied").into());
        }
        let mut buckets = self.gate.store().buckets().await?;
        buckets.retain(|bucket| self.access.sees(&context.identity, &bucket.name));
        let document = documents::list_buckets(listing, &buckets, &owner(context), &self.region);
        documented(response::document(StatusCode::OK, document, &context.id))
    }

    /// `PUT /bucket`
    pub(super) async fn create_bucket(
        &self,
        context: &Context,
        bucket: &BucketName,
        object_lock: bool,
        upload: Upload,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Admin, bucket, "")?;
        let body = self.configuration(context, upload).await?;
        documents::create_bucket(&body, &self.region)?;
        let name = context.identity.client().map(|client| client.name.to_string());
        let new = NewBucket { owner: name.clone(), object_lock };
        if self.gate.store().create_bucket(bucket, new).await? {
            return bodiless(response::bucket_created(bucket, &context.id));
        }
        let there = self.gate.store().bucket(bucket).await?;
        let error = match there.and_then(|there| there.owner) {
            Some(owner) if Some(&owner) != name.as_ref() => S3Error::new(
                Code::BucketAlreadyExists,
                "The requested bucket name is not available. Select a different name and try again.",
            ),
            // Where the store does not know who made it, whoever may make buckets there owns it. In the first of its
            // regions S3 says yes to that, and clients rely on it; but not where the bucket would be another one.
            Some(_) | None if self.region == FIRST_REGION && !object_lock => {
                return bodiless(response::bucket_created(bucket, &context.id));
            }
            Some(_) | None => S3Error::new(
                Code::BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it.",
            ),
        };
        Err(error.with("BucketName", bucket.as_str()).into())
    }

    /// The small document that came with a request.
    pub(super) async fn configuration(&self, context: &Context, upload: Upload) -> Result<Bytes, GateError> {
        let Upload { parts, claim, body } = upload;
        let payload = Payload::new(self.gate.paced(body), claim, &parts.headers)?;
        let (body, _held) = self.gate.receive_document(payload, MAX_CONFIGURATION, context.account()).await?;
        Ok(body)
    }

    /// That this client may know of the bucket.
    pub(super) fn require_sight_of_bucket(
        &self,
        context: &Context,
        bucket: &BucketName,
    ) -> Result<(), S3Error> {
        if self.access.sees(&context.identity, bucket) {
            Ok(())
        } else {
            Err(S3Error::new(Code::AccessDenied, "Access Denied"))
        }
    }

    /// `HEAD /bucket`
    pub(super) async fn head_bucket(&self, context: &Context, bucket: &BucketName) -> Answer {
        self.require_sight_of_bucket(context, bucket)?;
        self.require_bucket(bucket).await?;
        bodiless(response::bucket_found(&self.region, &context.id)?)
    }

    /// `DELETE /bucket`
    pub(super) async fn delete_bucket(&self, context: &Context, bucket: &BucketName) -> Answer {
        self.access.require(&context.identity, Permission::Admin, bucket, "")?;
        match self.gate.store().delete_bucket(bucket).await? {
            DeletedBucket::Deleted => bodiless(response::empty(StatusCode::NO_CONTENT, &context.id)),
            DeletedBucket::NoSuchBucket => Err(GateError::no_such_bucket(bucket)),
            DeletedBucket::NotEmpty => {
                let error = S3Error::new(Code::BucketNotEmpty, "The bucket you tried to delete is not empty");
                Err(error.with("BucketName", bucket.as_str()).into())
            }
        }
    }

    /// `GET /bucket?location`
    pub(super) async fn bucket_location(&self, context: &Context, bucket: &BucketName) -> Answer {
        self.require_sight_of_bucket(context, bucket)?;
        self.require_bucket(bucket).await?;
        let document = documents::location_constraint(&self.region);
        documented(response::document(StatusCode::OK, document, &context.id))
    }

    /// `GET /bucket`
    pub(super) async fn list_objects(
        &self,
        context: &Context,
        bucket: &BucketName,
        listing: &Listing,
    ) -> Answer {
        self.access.require(&context.identity, Permission::List, bucket, &listing.prefix)?;
        let mut held = self.gate.reserve(context.account(), PAGE_MEMORY).await?;
        let page = match listing.request(bucket) {
            Some(request) => self.gate.store().list(request).await?,
            None => {
                self.require_bucket(bucket).await?;
                ListPage::default()
            }
        };
        let document = documents::list_objects(bucket, listing, &page, &owner(context));
        // The page goes now; the document stays until a client that may be slow has taken it.
        drop(page);
        held.at_least(document.bytes().len() as u64).await?;
        let response = response::document(StatusCode::OK, document, &context.id);
        Ok(response.map(|document| Outgoing::document_holding(document, held)))
    }

    /// That there is such a bucket.
    pub(super) async fn require_bucket(&self, bucket: &BucketName) -> Result<(), GateError> {
        match self.gate.store().bucket(bucket).await? {
            Some(_) => Ok(()),
            None => Err(GateError::no_such_bucket(bucket)),
        }
    }

    /// That the client has `permission` for some keys of `bucket` at least, before its body is read to see which.
    pub(super) fn require_somewhere(
        &self,
        context: &Context,
        permission: Permission,
        bucket: &BucketName,
    ) -> Result<(), S3Error> {
        if self.access.permits_somewhere(&context.identity, permission, bucket) {
            Ok(())
        } else {
            self.access.require(&context.identity, permission, bucket, "")
        }
    }
}

/// Whoever asks owns what it is shown, as far as S3's documents are concerned.
pub(super) fn owner(context: &Context) -> Owner {
    let name = context.identity.client().map_or("anonymous", |client| client.name.as_str());
    Owner { id: name.to_owned(), display_name: name.to_owned() }
}
