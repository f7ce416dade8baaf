//! Copies: a new seal for a new name over bytes that a seal covers already. No byte passes through here.
//!
//! The source is judged as a download of it would be, by today's policy and whoever asks: what is not served is not
//! copied either, so no copy carries an artifact out of a quarantine. Then the upload rule of the destination decides.
//! The digests of the new seal are those of the source's seal; the store makes the bytes, of exactly the version that
//! was judged. Were they altered, there or here, every download of the copy finds it out as it would for the source.

use hallmark_signer::{
    By, CHECKSUM_HEADER, Claims, Hallmark, LeafHash, MAX_INLINE, Op, PARTS_HEADER, PartTable, RecordRef,
    SealId, SealLine, SealedEtag, SealedHeaders, tree,
};

use super::newest::Ready;
use super::record::Contents;
use super::upload::{Upload, internal, no_randomness, too_large};
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, ArtifactFault, Reader};
use crate::s3::condition::{CopyConditions, PutCondition};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::HeaderDirective;
use crate::s3::payload::DeclaredChecksum;
use crate::store::{Attributes, Lock, PutError, Source, Tags, VersionId};
use crate::trust::{Form, Taken, Taking};

/// How often a copy begins again because the source changed between the look at it and the copy.
const MAX_TRIES: usize = 3;

/// For each leaf: its hash, and the same again in the record.
const LEAF_MEMORY: u64 = 64;

/// A copy that its client may make: read there, write here.
pub struct Copy {
    /// What is copied.
    pub source: ObjectName,
    /// Which version of it; `None`: the current one.
    pub version: Option<VersionId>,
    /// On what of the source it depends.
    pub conditions: CopyConditions,
    /// Under which name.
    pub name: ObjectName,
    /// Who makes it, as the seal says.
    pub by: By,
    /// What becomes of content headers and user metadata.
    pub headers: HeaderDirective,
    /// Labels of the copy; no seal covers them.
    pub tags: Tags,
    /// What protects the copy; no seal covers it.
    pub lock: Lock,
    /// On what of the destination it depends.
    pub condition: PutCondition,
}

/// A copy that is sealed, durable and visible.
#[derive(Debug, Clone)]
pub struct Copied {
    /// The sealed ETag, unquoted: the source's.
    pub etag: SealedEtag,
    /// When it was sealed, milliseconds since 1970.
    pub at: u64,
    /// What the store calls the version that was copied.
    pub source_version: Option<VersionId>,
    /// What the store calls the version that was made.
    pub version: Option<VersionId>,
    /// The checksum that came with the source.
    pub checksum: Option<DeclaredChecksum>,
}

impl Gate {
    /// Copies an artifact.
    ///
    /// # Errors
    /// The source must not be served, or the destination's rule refuses it; nothing has changed then. Or the store
    /// failed.
    pub async fn copy(&self, copy: &Copy, client: &str) -> Result<Copied, GateError> {
        let mut tries = 1;
        loop {
            match self.try_copy(copy, client).await {
                Err(Failure::SourceChanged) if tries < MAX_TRIES => tries += 1,
                Err(Failure::SourceChanged) => return Err(PutError::SourceChanged.into()),
                Err(Failure::Refused(error)) => return Err(self.explain(&copy.name, &copy.condition, error)),
                Ok(copied) => return Ok(copied),
            }
        }
    }

    /// The source of a copy: admitted as for a download, sealed, and as the client's conditions want it.
    ///
    /// # Errors
    /// It must not be served, bears no seal, or the conditions do not hold.
    pub(super) async fn copy_source(
        &self,
        source: &ObjectName,
        version: Option<&VersionId>,
        conditions: &CopyConditions,
        client: &str,
    ) -> Result<Admitted, GateError> {
        let found = self.head(source, version, Reader::Trusting, client).await?;
        let Some(at) = found.modified() else { return Err(ArtifactFault::Unsealed.into()) };
        if !conditions.hold(&found.etag(), at) {
            let message = "At least one of the pre-conditions you specified did not hold";
            return Err(S3Error::new(Code::PreconditionFailed, message).into());
        }
        Ok(found)
    }

    async fn try_copy(&self, copy: &Copy, client: &str) -> Result<Copied, Failure> {
        let (from, version) = (&copy.source, copy.version.as_ref());
        let source = self.copy_source(from, version, &copy.conditions, client).await?;
        if source.length() > self.limits.max_object_size {
            return Err(GateError::from(too_large()).into());
        }
        if copy.changes_nothing() {
            return Err(GateError::from(to_itself()).into());
        }
        let mut headers = copy.headers(&source)?;
        self.attach(&copy.name, &mut headers)?;
        let (form, worth) = self.form_of_copy(&copy.name, &source, client).await?;
        let _held = self.budget.reserve(client, tree::leaf_count(source.length()) * LEAF_MEMORY).await?;
        let inherited = self.inherit(&source, None).await?;
        let upload = Upload {
            name: copy.name.clone(),
            by: copy.by.clone(),
            headers,
            condition: copy.condition.clone(),
            tags: copy.tags.clone(),
            lock: copy.lock.clone(),
        };
        let ground = self.ground(&upload.name, &upload.condition, &upload.by, &worth).await?;
        let at = self.time_for(&upload.name, self.clock.now());
        let (line, taken) = self.seal_copy(&upload, &source, &inherited, (at, form, ground.taking)).await?;
        let seal = source.seal().ok_or(ArtifactFault::Unsealed)?;
        let ready = Ready {
            name: &upload.name,
            by: &upload.by,
            headers: &upload.headers,
            content: (seal.sha256(), seal.size()),
            sealed: (at, Op::Copy),
            form,
            key: line.key_hint(),
            ground: &ground,
            taken: &taken,
        };
        let version = self.put_copy(ready, &upload, &source, &inherited, &line).await?;
        let checksum = upload.headers.get(CHECKSUM_HEADER).and_then(DeclaredChecksum::from_metadata);
        Ok(Copied {
            etag: inherited.etag,
            at,
            source_version: source.standing().version.clone(),
            version,
            checksum,
        })
    }

    /// What a copy takes over from its source: all of it under the source's seal. `parts` are those that the copy was
    /// made in, where they are others than the source's.
    pub(super) async fn inherit(
        &self,
        source: &Admitted,
        parts: Option<(SealedEtag, PartTable)>,
    ) -> Result<Inherited, GateError> {
        let seal = source.seal().ok_or(ArtifactFault::Unsealed)?;
        let (etag, parts) = match parts {
            Some((etag, table)) => (etag, Some(table)),
            None => (seal.etag(), source.part_table()?),
        };
        let leaves = source.leaf_hashes(&*self.store).await?;
        Ok(Inherited { etag, parts, leaves })
    }

    /// Judges the destination's rule and makes the seal of a copy, `at` a time.
    pub(super) async fn seal_copy(
        &self,
        upload: &Upload,
        source: &Admitted,
        inherited: &Inherited,
        (at, form, taking): (u64, Form, Taking),
    ) -> Result<(SealLine, Taken), GateError> {
        let seal = source.seal().ok_or(ArtifactFault::Unsealed)?;
        let (content, made) = ((seal.sha256(), seal.size()), (at, Op::Copy));
        let taken = self.judge(upload, &upload.headers, content, made, (form, taking)).await?;
        let large = seal.size() > MAX_INLINE;
        let claims = Claims {
            id: SealId::random().map_err(no_randomness)?,
            op: Op::Copy,
            at,
            by: upload.by.clone(),
            src: Some(seal.id()),
            content: seal.content().clone(),
            parts: inherited.parts.as_ref().filter(|_| large).map(PartTable::digest),
            etag: inherited.etag,
        };
        Ok((self.sign(&upload.name, &upload.headers, claims).await?, taken))
    }

    /// Has the store make the copy: the record first, for whoever reads the copy needs it.
    async fn put_copy(
        &self,
        ready: Ready<'_>,
        upload: &Upload,
        source: &Admitted,
        inherited: &Inherited,
        line: &SealLine,
    ) -> Result<Option<VersionId>, Failure> {
        let reference = self.record_copy(&upload.name, source, inherited, line).await?;
        if let Err(error) = self.confirm(ready).await {
            if let Some(reference) = &reference {
                self.forget_record(reference).await;
            }
            return Err(error.into());
        }
        let hallmark = match &reference {
            Some(reference) => Hallmark::Record(*reference).to_string(),
            None => line.to_string(),
        };
        let attributes = Attributes { headers: upload.headers.clone(), hallmark: Some(hallmark) };
        let from = Source {
            object: source.name().clone(),
            version: source.version().cloned(),
            pin: source.pin().clone(),
            while_staged: None,
        };
        let etag = inherited.etag.to_string();
        let put = self
            .store
            .copy(&from, &upload.name, upload.write(attributes, ready.ground.guard.clone()), &etag)
            .await;
        let changed = matches!(put, Err(PutError::SourceChanged));
        match self.settle_sealed(upload, line, reference.as_ref(), put).await {
            Err(_) if changed => Err(Failure::SourceChanged),
            settled => Ok(settled?),
        }
    }

    /// Writes the record of a copy of more than 8 MiB.
    pub(super) async fn record_copy(
        &self,
        name: &ObjectName,
        source: &Admitted,
        inherited: &Inherited,
        line: &SealLine,
    ) -> Result<Option<RecordRef>, GateError> {
        if source.length() <= MAX_INLINE {
            return Ok(None);
        }
        let reference = RecordRef::random().map_err(no_randomness)?;
        let contents = Contents { leaves: &inherited.leaves, sum: None, parts: inherited.parts.as_ref() };
        self.write_record(name, &reference, line, contents).await?;
        Ok(Some(reference))
    }
}

/// What a copy takes over from its source, or is said to have come in.
pub(super) struct Inherited {
    pub(super) etag: SealedEtag,
    pub(super) parts: Option<PartTable>,
    /// Of an artifact of more than 8 MiB; the seal of a smaller one holds them.
    leaves: Vec<LeafHash>,
}

impl Copy {
    /// S3 refuses to copy an object to itself as it is. A version that is named is made the current one again.
    fn changes_nothing(&self) -> bool {
        let same = self.source == self.name && self.version.is_none();
        same && matches!(self.headers, HeaderDirective::Copy)
    }

    /// The headers of the copy. What we keep among them about the bytes goes with the bytes.
    fn headers(&self, source: &Admitted) -> Result<SealedHeaders, GateError> {
        let HeaderDirective::Replace(headers) = &self.headers else { return Ok(source.headers().clone()) };
        let mut headers = headers.clone();
        for name in [CHECKSUM_HEADER, PARTS_HEADER] {
            if let Some(value) = source.headers().get(name) {
                // Fails only if the name were there already, and clients' own `hallmark` metadata is dropped on arrival.
                headers.insert(name, value).map_err(|_| internal())?;
            }
        }
        Ok(headers)
    }
}

/// How a try ended.
enum Failure {
    /// Another version of the source stands there now.
    SourceChanged,
    Refused(GateError),
}

impl<E: Into<GateError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

fn to_itself() -> S3Error {
    let message = "This copy request is illegal because it is trying to copy an object to itself without changing the \
                   object's metadata, storage class, website redirect location or encryption attributes.";
    S3Error::new(Code::InvalidRequest, message)
}
