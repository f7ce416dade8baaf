//! Digests that can be downloaded without having been uploaded: `<key>.sha256` and the `SHA256SUMS` of a folder, where the
//! bucket's `checksums` says so and nothing else stands under that name.
//!
//! They are made of seals that hold now, of artifacts that would be served to this very client now. What would not is left
//! out of a list; a store that does not answer leaves nothing out, the list fails.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::try_join_all;
use hallmark_config::Permission;
use hallmark_signer::{ChecksumLine, ListedName, Md5Digest};
use http::{Response, StatusCode};

use super::{Answer, Context, S3Service, bodiless};
use crate::gate::{GateError, Recency, Reservation, Turns, Wanted};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::proof::{Admitted, Outgoing, Reader};
use crate::s3::condition::Verdict;
use crate::s3::documents::{self, Document};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::Read;
use crate::s3::range::Resolved;
use crate::s3::response;
use crate::store::{ListEntry, ListRequest};

/// What follows the key of an artifact.
const SUFFIX: &str = ".sha256";
/// What the list of a folder is called.
const LIST: &str = "SHA256SUMS";
/// Objects in a list at most: each is a question to the store.
const MAX_LISTED: usize = 1000;
/// How many lists are made at once, one for each client at most.
const MAX_LISTS: u32 = 4;
/// How many objects of a list are asked for at once: fewer than a client may look beside at once, so that its downloads go on.
const AT_ONCE: usize = 2;
/// What a list may take, bytes: a line with a long name for each object.
const LIST_MEMORY: u64 = 2 << 20;

/// How a document is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
}

/// A document, and when what it says was sealed, or a list made.
struct Sums {
    document: Document,
    at: SystemTime,
    /// Memory that was set aside for it.
    held: Option<Reservation>,
}

/// Whose turn it is to make a list.
pub(super) fn lists() -> Turns {
    Turns::new(MAX_LISTS)
}

impl S3Service {
    /// What is answered in place of `absent`, if nothing stands under `object` and this is the name of digests that can be
    /// told; else `absent`.
    pub(super) async fn checksums(
        &self,
        context: &Context,
        object: &ObjectName,
        read: &Read,
        method: Method,
        absent: GateError,
    ) -> Answer {
        let nothing = matches!(&absent, GateError::Client(error) if error.code == Code::NoSuchKey);
        let plain = read.version.is_none() && read.part.is_none();
        if !(nothing && plain && self.access.shows_checksums(&object.bucket)) {
            return Err(absent);
        }
        let sums = match (object.key.as_str().strip_suffix(SUFFIX), folder(object.key.as_str())) {
            (Some(key), _) => self.sum_of(context, &object.bucket, key).await?,
            (None, Some(folder)) => self.sums_below(context, &object.bucket, folder).await?,
            (None, None) => None,
        };
        match sums {
            Some(sums) => sums.answer(context, read, method),
            None => Err(absent),
        }
    }

    /// The line of one artifact.
    async fn sum_of(
        &self,
        context: &Context,
        bucket: &BucketName,
        key: &str,
    ) -> Result<Option<Sums>, GateError> {
        let Ok(key) = ObjectKey::parse(key) else { return Ok(None) };
        let artifact = ObjectName { bucket: bucket.clone(), key };
        self.reader(context, &artifact)?;
        let found = self.look_at(context, &artifact).await?;
        let sums = found.as_ref().and_then(|found| {
            let document = documents::sha256_line(found.seal()?);
            Some(Sums { document, at: found.modified()?, held: None })
        });
        Ok(sums)
    }

    /// The lines of all that is below a folder, if this client may list and read all of it.
    async fn sums_below(
        &self,
        context: &Context,
        bucket: &BucketName,
        folder: &str,
    ) -> Result<Option<Sums>, GateError> {
        self.access.require(&context.identity, Permission::List, bucket, folder)?;
        let may = |permission| self.access.permits(&context.identity, permission, bucket, folder);
        if !may(Permission::ReadUntrusted) {
            self.access.require(&context.identity, Permission::Read, bucket, folder)?;
        }
        let _turn = self.lists.turn(context.account()).await?;
        let held = Some(self.gate.reserve(context.account(), LIST_MEMORY).await?);
        let names = self.names_below(bucket, folder).await?;
        let mut lines = Vec::new();
        for names in names.chunks(AT_ONCE) {
            let summed = try_join_all(names.iter().map(|name| self.summed(context, folder, name))).await?;
            lines.extend(summed.into_iter().flatten());
        }
        if lines.is_empty() {
            return Ok(None);
        }
        Ok(Some(Sums { document: documents::sha256_lines(&lines), at: SystemTime::now(), held }))
    }

    async fn names_below(&self, bucket: &BucketName, folder: &str) -> Result<Vec<ObjectName>, GateError> {
        let request = ListRequest {
            bucket: bucket.clone(),
            prefix: folder.to_owned(),
            delimiter: None,
            after: None,
            limit: MAX_LISTED,
        };
        let page = self.gate.store().list(request).await?;
        if page.more {
            let message = "There are more than 1000 objects below this folder: ask for the list of a narrower one, or make \
                           it with `hallmark checksums`.";
            return Err(S3Error::new(Code::InvalidRequest, message).into());
        }
        let name = |entry| match entry {
            ListEntry::Object { key, .. } => Some(ObjectName { bucket: bucket.clone(), key }),
            ListEntry::Prefix(_) => None,
        };
        Ok(page.entries.into_iter().filter_map(name).collect())
    }

    /// The line of an artifact in a list; `None`: it is not served to this client, has no name that a list can hold, or stands
    /// where signatures over another one do, which whoever has the artifacts need not have.
    async fn summed(
        &self,
        context: &Context,
        folder: &str,
        name: &ObjectName,
    ) -> Result<Option<ChecksumLine>, GateError> {
        let relative = name.key.as_str().strip_prefix(folder).and_then(|name| ListedName::parse(name).ok());
        let Some(listed) = relative.filter(|_| !self.gate.is_sibling(name)) else { return Ok(None) };
        let found = match self.look_at(context, name).await {
            Err(GateError::Artifact(_)) => None,
            found => found?,
        };
        let seal = found.as_ref().and_then(Admitted::seal);
        Ok(seal.map(|seal| ChecksumLine { sha256: *seal.sha256(), name: listed }))
    }

    /// What stands under a name and is trusted, also for those who may read what is not: a line does not say which of the two
    /// it is about. `None`: nothing.
    async fn look_at(&self, context: &Context, name: &ObjectName) -> Result<Option<Admitted>, GateError> {
        let (reader, client) = (Reader::Trusting, context.account());
        match self.gate.look(Wanted { name, version: None, reader, recency: Recency::Fresh, client }).await {
            Err(GateError::Client(error)) if error.code == Code::NoSuchKey => Ok(None),
            found => found.map(Some),
        }
    }
}

impl Sums {
    fn answer(self, context: &Context, read: &Read, method: Method) -> Answer {
        let Self { document, at, held } = self;
        let etag: String = hex::encode(Md5Digest::of(document.bytes()).as_bytes());
        match read.conditions.without_dates().evaluate(&etag, at) {
            Verdict::Proceed => {}
            Verdict::NotModified => {
                let mut response = response::document(StatusCode::NOT_MODIFIED, document, &context.id);
                response::made_here(response.headers_mut(), &etag, at.max(UNIX_EPOCH), None)?;
                return bodiless(response.map(drop));
            }
            Verdict::PreconditionFailed => {
                let message = "At least one of the pre-conditions you specified did not hold";
                return Err(S3Error::new(Code::PreconditionFailed, message).into());
            }
        }
        // Parts of two lists do not get mixed up by who sends the ETag with the range.
        let part = match read.resolve(&etag, document.bytes().len() as u64)? {
            Resolved::Whole => None,
            Resolved::Part(part) => Some(part),
        };
        let (status, document) = match &part {
            None => (StatusCode::OK, document),
            Some(part) => {
                let unfit = || S3Error::new(Code::InternalError, "The range does not fit the document");
                (StatusCode::PARTIAL_CONTENT, document.part(part).ok_or_else(unfit)?)
            }
        };
        let length = document.bytes().len();
        let mut response: Response<Document> = response::document(status, document, &context.id);
        response::made_here(response.headers_mut(), &etag, at.max(UNIX_EPOCH), Some(length))?;
        if let Some(part) = part {
            response::content_range(response.headers_mut(), &part)?;
        }
        match method {
            Method::Get => Ok(response.map(|document| Outgoing::document_holding(document, held))),
            Method::Head => bodiless(response.map(drop)),
        }
    }
}

/// The folder whose list is called so.
fn folder(key: &str) -> Option<&str> {
    key.strip_suffix(LIST).filter(|folder| folder.is_empty() || folder.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_those_of_folders() {
        for (key, expected) in [
            ("SHA256SUMS", Some("")),
            ("app/1.0/SHA256SUMS", Some("app/1.0/")),
            ("/SHA256SUMS", Some("/")),
            ("app/xSHA256SUMS", None),
            ("SHA256SUMS/x", None),
            ("sha256sums", None),
        ] {
            assert_eq!(folder(key), expected, "{key}");
        }
    }
}
