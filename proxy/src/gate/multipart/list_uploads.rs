//! ListMultipartUploads: a client's own uploads to a bucket, in the order of keys.
//!
//! They are read off the names of their markers, a thousand at a time; only keys too long for a name need a look into the
//! marker. What lies under a rolled-up prefix is passed over without being listed.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::find::NAMES;
use super::id::UploadId;
use super::marker::{MAX_BYTES, Marker};
use super::names::{self, KEY_BYTES};
use crate::gate::{Gate, GateError, Reservation};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::s3::error::{Code, S3Error};
use crate::s3::listing::{MAX_UPLOADS, UploadListing};
use crate::store::{Span, StateArea, StateName, StoreError, StoreFault};

/// What a page takes, bytes: a thousand names, and a thousand uploads with keys of ordinary length.
const PAGE_MEMORY: u64 = 1024 * 1024;

/// Listings of names for one page that bring neither an upload nor a rolled-up prefix for it: more of them show that the
/// store lists without end what nobody put there.
const MAX_FRUITLESS: usize = 20;

/// Uploads whose keys have the same first 96 bytes and more are listed in order by looking at all of them: at the first
/// so many.
const MAX_GROUP: usize = NAMES;

/// Markers that are read at once.
const READS: usize = 16;

/// A page of uploads, and the memory that it takes.
#[derive(Debug)]
pub struct UploadPage {
    /// By key, uploads to one key by the time they were begun, rolled-up prefixes among them.
    pub entries: Vec<UploadEntry>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<UploadMarker>,
    /// Given back when the page is no longer needed.
    pub held: Reservation,
}

/// A line of a listing of uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEntry {
    /// An upload in progress.
    Upload {
        /// To which key.
        key: ObjectKey,
        /// Its id; it knows when it was begun.
        id: UploadId,
    },
    /// All keys that begin with this.
    Prefix(String),
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadMarker {
    /// The last key, or the last rolled-up prefix.
    pub key: String,
    /// The last upload to that key.
    pub id: Option<UploadId>,
}

impl Gate {
    /// A page of `client`'s uploads to `bucket`.
    ///
    /// # Errors
    /// `InvalidArgument`: the upload to begin after is none of the client's to that key; or the store failed.
    pub async fn list_uploads(
        &self,
        bucket: &BucketName,
        client: &str,
        listing: &UploadListing,
    ) -> Result<UploadPage, GateError> {
        let held = self.budget.reserve(client, PAGE_MEMORY).await?;
        let mut walk = Walk::new(self, bucket, client, listing)?;
        walk.run().await?;
        let Walk { mut entries, limit, .. } = walk;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|last| match last {
            UploadEntry::Upload { key, id } => {
                UploadMarker { key: key.as_str().to_owned(), id: Some(id.clone()) }
            }
            UploadEntry::Prefix(prefix) => UploadMarker { key: prefix.clone(), id: None },
        });
        Ok(UploadPage { entries, next, held })
    }
}

/// One page in the making.
struct Walk<'a> {
    gate: &'a Gate,
    bucket: &'a BucketName,
    client: &'a str,
    listing: &'a UploadListing,
    /// Begin after this key; may be empty.
    after: &'a str,
    /// The upload to that key to begin after.
    after_id: Option<UploadId>,
    limit: usize,
    /// What all names of this client's markers begin with.
    base: String,
    /// The next listing begins after this name.
    position: Option<String>,
    /// One more than the limit, if there are so many.
    entries: Vec<UploadEntry>,
}

impl<'a> Walk<'a> {
    fn new(
        gate: &'a Gate,
        bucket: &'a BucketName,
        client: &'a str,
        listing: &'a UploadListing,
    ) -> Result<Self, GateError> {
        let base = names::markers(bucket, client);
        let (mut after_id, mut position) = (None, None);
        let key = listing.key_marker.as_str();
        if !key.is_empty() {
            let part = names::key_part(key);
            let cut = part.ends_with('~');
            let within = match &listing.upload_id_marker {
                Some(id) => {
                    let object = ObjectKey::parse(key)
                        .map(|key| ObjectName { bucket: bucket.clone(), key })
                        .map_err(|_| unknown_marker())?;
                    let id = UploadId::verify(id, &gate.multipart.keys, &object, client)
                        .ok_or_else(unknown_marker)?;
                    let within = names::upload_part(&id);
                    after_id = Some(id);
                    within
                }
                None => names::LAST.to_owned(),
            };
            // Keys that are cut are not in order there: all of them are looked at.
            position = Some(if cut { format!("{base}{part}") } else { format!("{base}{part}/{within}") });
        }
        let limit = listing.max_uploads.min(MAX_UPLOADS);
        Ok(Self {
            gate,
            bucket,
            client,
            listing,
            after: key,
            after_id,
            limit,
            base,
            position,
            entries: Vec::new(),
        })
    }

    async fn run(&mut self) -> Result<(), GateError> {
        if self.limit == 0 {
            return Ok(());
        }
        let prefix = self.listing.prefix.as_bytes();
        let prefix = match prefix.split_at_checked(KEY_BYTES) {
            Some((begin, [_, ..])) => format!("{}{}~/", self.base, hex::encode(begin)),
            Some(_) | None => format!("{}{}", self.base, hex::encode(prefix)),
        };
        let mut fruitless = 0;
        while fruitless < MAX_FRUITLESS {
            let after = self.position.as_deref();
            let names = self.gate.store.state_list(StateArea::Scratch, &prefix, after, NAMES).await?;
            let Some(last) = names.last() else { return Ok(()) };
            // What the store says is in order may not be.
            if Some(last.as_str()) <= after || names.len() > NAMES {
                break;
            }
            self.position = Some(last.clone());
            let before = self.entries.len();
            self.page(&names).await?;
            if self.full() {
                return Ok(());
            }
            if self.entries.len() == before {
                fruitless += 1;
            }
        }
        let message = "the names of uploads have no end";
        Err(StoreError::new(StoreFault::Protocol, message).into())
    }

    fn full(&self) -> bool {
        self.entries.len() > self.limit
    }

    /// Takes uploads from a page of names. Where the rest of the page is passed over, the position says so.
    async fn page(&mut self, names: &[String]) -> Result<(), GateError> {
        let mut rolled = None;
        for name in names {
            if self.full() {
                return Ok(());
            }
            let Some((part, upload)) = name.strip_prefix(&self.base).and_then(|rest| rest.split_once('/'))
            else {
                continue;
            };
            if part.ends_with('~') {
                rolled = self.group(part).await?;
                self.position = Some(format!("{}{part}/{}", self.base, names::LAST));
                break;
            }
            let Some((key, id)) = self.read(part, upload) else { continue };
            rolled = self.take(key, id);
        }
        if let Some(rolled) = rolled.filter(|rolled| rolled.len() <= KEY_BYTES) {
            // Everything that begins with it is said.
            let behind = Some(format!("{}{}{}", self.base, hex::encode(rolled), names::LAST));
            self.position = behind.max(self.position.take());
        }
        Ok(())
    }

    /// The upload whose marker has this name.
    fn read(&self, part: &str, upload: &str) -> Option<(ObjectKey, UploadId)> {
        let key = String::from_utf8(hex::decode(part.strip_suffix('.')?).ok()?).ok()?;
        let object = ObjectName { bucket: self.bucket.clone(), key: ObjectKey::parse(&key).ok()? };
        let (_, id) = upload.split_once('~')?;
        let id = UploadId::verify(id, &self.gate.multipart.keys, &object, self.client)?;
        let same = names::upload_part(&id) == upload && names::key_part(&key) == part;
        same.then_some((object.key, id))
    }

    /// Takes the uploads whose keys begin alike and are cut in the names of their markers, in order. Says under which prefix
    /// the last one was rolled up.
    async fn group(&mut self, part: &str) -> Result<Option<String>, GateError> {
        let (gate, bucket, client) = (self.gate, self.bucket, self.client);
        let prefix = format!("{}{part}/", self.base);
        let names = gate.store.state_list(StateArea::Scratch, &prefix, None, MAX_GROUP).await?;
        if names.len() == MAX_GROUP {
            tracing::warn!(%bucket, client, "there are more uploads to keys with the same beginning than are listed");
        }
        let read = |name: String| async move {
            let Some(name) = StateName::new(StateArea::Scratch, name) else { return Ok(None) };
            let stored = gate.store.state_get(&name, Span::Bytes(0..MAX_BYTES)).await?;
            let marker = stored
                .and_then(|stored| Marker::discover(stored, &gate.multipart.keys, &name, bucket, client));
            Ok::<_, GateError>(marker.map(|marker| (marker.object.key, marker.id)))
        };
        let found: Vec<_> = stream::iter(names.into_iter().map(read)).buffered(READS).try_collect().await?;
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        found.sort_by(|(a, a_id), (b, b_id)| (a, order(a_id)).cmp(&(b, order(b_id))));
        let mut rolled = None;
        for (key, id) in found {
            if self.full() {
                break;
            }
            rolled = self.take(key, id);
        }
        Ok(rolled)
    }

    /// Takes an upload, unless it is not asked for. Says under which prefix it was rolled up.
    fn take(&mut self, key: ObjectKey, id: UploadId) -> Option<String> {
        let rest = key.as_str().strip_prefix(self.listing.prefix.as_str())?;
        let delimiter = self.listing.delimiter.as_deref();
        if let Some((end, delimiter)) = delimiter.and_then(|text| rest.find(text).zip(Some(text))) {
            let rest = rest.get(..end + delimiter.len()).unwrap_or_default();
            let rolled = format!("{}{rest}", self.listing.prefix);
            let said = matches!(self.entries.last(), Some(UploadEntry::Prefix(last)) if *last == rolled);
            // A marker that is a rolled-up prefix, or lies in it, stands for all of it.
            if !said && rolled.as_str() > self.after {
                self.entries.push(UploadEntry::Prefix(rolled.clone()));
            }
            return Some(rolled);
        }
        let wanted = match &self.after_id {
            Some(last) if key.as_str() == self.after => order(&id) > order(last),
            Some(_) | None => key.as_str() > self.after,
        };
        if wanted {
            self.entries.push(UploadEntry::Upload { key, id });
        }
        None
    }
}

/// Uploads to one key are listed by the time they were begun.
fn order(id: &UploadId) -> (u64, &str) {
    (id.created(), id.as_str())
}

fn unknown_marker() -> S3Error {
    let message = "The upload-id-marker is not the id of an upload to the key that is the key-marker.";
    S3Error::new(Code::InvalidArgument, message).with("ArgumentName", "upload-id-marker")
}
