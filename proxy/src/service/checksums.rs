//! Digests that can be downloaded without having been uploaded: `<key>.sha256` and the `SHA256SUMS` of a folder, where the
//! bucket's `checksums` says so and nothing else stands under that name.
//!
//! They are made of seals that hold now, of artifacts that would be served to this very client now. What would not is left
//! out of a list; a store that does not answer leaves nothing out, the list fails.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hallmark_config::Permission;
use hallmark_signer::{ChecksumLine, ListedName, Md5Digest};
use http::{Response, StatusCode};

use super::{Answer, Context, S3Service, bodiless};
use crate::gate::{GateError, Recency, Wanted};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::proof::{Admitted, Outgoing, Reader};
use crate::s3::condition::Verdict;
use crate::s3::documents::{self, Document};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::Read;
use crate::s3::response;
use crate::store::{ListEntry, ListRequest};

/// What follows the key of an artifact.
const SUFFIX: &str = ".sha256";
/// What the list of a folder is called.
const LIST: &str = "SHA256SUMS";
/// Objects in a list at most: each is a question to the store.
const MAX_LISTED: usize = 1000;
/// How many lists are made at once; who comes then is asked to come again.
pub(super) const MAX_LISTS: usize = 4;
/// How many objects of a list are asked for at once.
const AT_ONCE: usize = 8;
/// What a list may take while it is made, bytes: a line with a long name for each object.
const LIST_MEMORY: u64 = 2 << 20;

/// How a document is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
}

/// A document, and when the last of what it says was sealed.
struct Sums {
    document: Document,
    at: SystemTime,
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
        let reader = self.reader(context, &artifact)?;
        let found = self.look_at(&artifact, reader).await?;
        let sums = found.as_ref().and_then(|found| {
            Some(Sums { document: documents::sha256_line(found.seal()?), at: found.modified()? })
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
        let reader = if may(Permission::ReadUntrusted) {
            Reader::Inspecting
        } else {
            self.access.require(&context.identity, Permission::Read, bucket, folder)?;
            Reader::Trusting
        };
        let busy = || S3Error::new(Code::SlowDown, "Please reduce your request rate.");
        let _turn = self.lists.try_acquire().map_err(|_| busy())?;
        let _held = self.gate.reserve(context.account(), LIST_MEMORY).await?;
        let names = self.names_below(bucket, folder).await?;
        let looks: Vec<_> = names.iter().map(|name| self.summed(folder, name, reader)).collect();
        let summed: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        let (lines, times): (Vec<_>, Vec<_>) = summed.into_iter().flatten().unzip();
        let Some(at) = times.into_iter().max() else { return Ok(None) };
        Ok(Some(Sums { document: documents::sha256_lines(&lines), at }))
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

    /// The line of an artifact in a list, and when it was sealed; `None`: it is not for this client, or has no name that a
    /// list can hold.
    async fn summed(
        &self,
        folder: &str,
        name: &ObjectName,
        reader: Reader,
    ) -> Result<Option<(ChecksumLine, SystemTime)>, GateError> {
        let relative = name.key.as_str().strip_prefix(folder).and_then(|name| ListedName::parse(name).ok());
        let Some(listed) = relative else { return Ok(None) };
        let found = match self.look_at(name, reader).await {
            Err(GateError::Artifact(_)) => None,
            found => found?,
        };
        let line = |found: &Admitted| {
            let sha256 = *found.seal()?.sha256();
            Some((ChecksumLine { sha256, name: listed }, found.modified()?))
        };
        Ok(found.as_ref().and_then(line))
    }

    /// What stands under a name; `None`: nothing.
    async fn look_at(&self, name: &ObjectName, reader: Reader) -> Result<Option<Admitted>, GateError> {
        let wanted = Wanted { name, version: None, reader, recency: Recency::Fresh };
        match self.gate.look(wanted).await {
            Err(GateError::Client(error)) if error.code == Code::NoSuchKey => Ok(None),
            found => found.map(Some),
        }
    }
}

impl Sums {
    fn answer(self, context: &Context, read: &Read, method: Method) -> Answer {
        let Self { document, at } = self;
        let etag: String = hex::encode(Md5Digest::of(document.bytes()).as_bytes());
        let length = document.bytes().len();
        let (status, send) = match read.conditions.evaluate(&etag, at) {
            Verdict::Proceed => (StatusCode::OK, method == Method::Get),
            Verdict::NotModified => (StatusCode::NOT_MODIFIED, false),
            Verdict::PreconditionFailed => {
                let message = "At least one of the pre-conditions you specified did not hold";
                return Err(S3Error::new(Code::PreconditionFailed, message).into());
            }
        };
        let mut response: Response<Document> = response::document(status, document, &context.id);
        let shown = (status == StatusCode::OK).then_some(length);
        response::made_here(response.headers_mut(), &etag, at.max(UNIX_EPOCH), shown)?;
        if send {
            return Ok(response.map(Outgoing::document));
        }
        bodiless(response.map(drop))
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
