//! Multipart uploads, up to their end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallmark_config::Permission;
use hallmark_signer::By;
use http::StatusCode;
use http::header::ETAG;

use super::bucket::owner;
use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::gate::multipart::{Marker, NewUpload, PartContent, PartRecord, UploadEntry};
use crate::gate::{GateError, Reservation};
use crate::name::{BucketName, ObjectName};
use crate::proof::Outgoing;
use crate::s3::condition::PutCondition;
use crate::s3::documents::{self, Document, ListedPart, PartsPage, UploadsPage};
use crate::s3::error::S3Error;
use crate::s3::listing::UploadListing;
use crate::s3::operation::{CreateUpload, PartListing, WholeChecksum};
use crate::s3::payload::DeclaredChecksum;
use crate::s3::response;
use crate::store::PartNumber;

impl S3Service {
    /// `POST /bucket/key?uploads`
    pub(super) async fn create_upload(
        &self,
        context: &Context,
        object: ObjectName,
        create: CreateUpload,
    ) -> Answer {
        self.require_upload(context, &object, &PutCondition::None, &create.lock)?;
        self.require_headers_fit(&create.headers)?;
        let by = By::parse(&context.identity.by()).map_err(|_| S3Error::internal())?;
        let CreateUpload { headers, tags, lock, checksum } = create;
        let new = NewUpload { object, by, headers, tags, lock, checksum };
        let marker = self.gate.create_upload(new, context.account()).await?;
        let document = documents::initiated(&marker.object, marker.id.as_str());
        let mut response = response::document(StatusCode::OK, document, &context.id);
        if let Some(plan) = marker.checksum {
            response::checksum_plan(response.headers_mut(), plan);
        }
        documented(response)
    }

    /// `PUT /bucket/key?partNumber=…&uploadId=…`
    pub(super) async fn upload_part(
        &self,
        context: &Context,
        object: ObjectName,
        id: &str,
        number: PartNumber,
        upload: Upload,
    ) -> Answer {
        // Before the body is taken: a client that waits for `100 Continue` need not send it.
        let marker = self.own_upload(context, &object, id).await?;
        let payload = self.payload(upload)?;
        let part = self.gate.upload_part(&marker, number, payload).await?;
        let mut response = response::empty(StatusCode::OK, &context.id);
        response.headers_mut().insert(ETAG, response::quoted_etag(&part.etag.to_hex())?);
        if let Some(checksum) = checksum(&part) {
            response::part_checksum(response.headers_mut(), checksum)?;
        }
        bodiless(response)
    }

    /// `GET /bucket/key?uploadId=…`
    pub(super) async fn list_parts(
        &self,
        context: &Context,
        object: ObjectName,
        id: &str,
        listing: PartListing,
    ) -> Answer {
        let marker = self.own_upload(context, &object, id).await?;
        let page = self.gate.list_parts(&marker, listing.after, listing.limit).await?;
        let parts = page.parts.iter().map(listed_part).collect();
        let shown = PartsPage { parts, more: page.more };
        let plan = marker.checksum;
        let document = documents::list_parts(&object, id, &listing, plan, &shown, &owner(context));
        drop(shown);
        page_answer(context, document, page.held).await
    }

    /// `GET /bucket?uploads`: the client's own.
    pub(super) async fn list_uploads(
        &self,
        context: &Context,
        bucket: &BucketName,
        listing: &UploadListing,
    ) -> Answer {
        // Who may write may know what he began, whatever else there is.
        if !self.access.permits(&context.identity, Permission::List, bucket, &listing.prefix) {
            self.require_somewhere(context, Permission::Write, bucket)?;
        }
        self.require_bucket(bucket).await?;
        let page = self.gate.list_uploads(bucket, context.account(), listing).await?;
        let (entries, more) = (page.entries.into_iter().map(listed_upload).collect(), page.next.is_some());
        let shown = UploadsPage { entries, more };
        let document = documents::list_uploads(bucket, listing, &shown, &owner(context));
        drop(shown);
        page_answer(context, document, page.held).await
    }

    /// `DELETE /bucket/key?uploadId=…`
    pub(super) async fn abort_upload(&self, context: &Context, object: ObjectName, id: &str) -> Answer {
        let marker = self.own_upload(context, &object, id).await?;
        self.gate.abort_upload(&marker).await?;
        bodiless(response::empty(StatusCode::NO_CONTENT, &context.id))
    }

    /// The upload with this id, if it is the client's and he may (still) write there.
    pub(super) async fn own_upload(
        &self,
        context: &Context,
        object: &ObjectName,
        id: &str,
    ) -> Result<Marker, GateError> {
        self.require_write(context, object)?;
        self.gate.find_upload(object, id, context.account()).await
    }
}

/// The answer with a page, whose memory is held until the client has taken it. What has to be escaped makes a document
/// several times as long as what it was made of.
async fn page_answer(context: &Context, document: Document, mut held: Reservation) -> Answer {
    held.at_least(document.bytes().len() as u64).await?;
    let response = response::document(StatusCode::OK, document, &context.id);
    Ok(response.map(|document| Outgoing::document_holding(document, held)))
}

fn listed_part(record: &PartRecord) -> ListedPart {
    let whole =
        |sum: &DeclaredChecksum| WholeChecksum { algorithm: sum.algorithm(), value: sum.value().into() };
    ListedPart {
        number: record.number,
        modified: time(record.at),
        etag: record.etag.to_hex(),
        size: record.length,
        checksum: checksum(record).map(whole),
    }
}

fn listed_upload(entry: UploadEntry) -> documents::UploadEntry {
    match entry {
        UploadEntry::Upload { key, id } => documents::UploadEntry::Upload {
            key,
            upload: id.as_str().to_owned(),
            initiated: time(id.created()),
            // Only the marker says it: a page would take a thousand reads.
            checksum: None,
        },
        UploadEntry::Prefix(prefix) => documents::UploadEntry::Prefix(prefix),
    }
}

pub(super) fn checksum(part: &PartRecord) -> Option<&DeclaredChecksum> {
    match &part.content {
        PartContent::Staged { checksum, .. } => checksum.as_ref(),
        PartContent::Referenced { .. } => None,
    }
}

/// Milliseconds since 1970.
fn time(at: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at)
}
