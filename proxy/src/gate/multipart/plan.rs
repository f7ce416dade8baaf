//! What an upload is about to become, and what it has become: two state objects that make Complete repeatable.
//!
//! A *plan* is written once, after every check has passed and before anything is visible. It fixes the seal and what goes
//! with it, so that whoever carries on, here or on another instance, ends with the same artifact. A *done* record holds
//! the answer. Both bear MACs: one that does not fit is as if it were not there.

use bytes::Bytes;
use hallmark_signer::{
    PARTS_HEADER, RecordRef, SIGNATURE_HEADER, SealLine, SealedEtag, SealedHeaders, Sha256Digest,
};
use serde::{Deserialize, Serialize};

use super::id::UploadId;
use super::names;
use super::part::SourceId;
use crate::gate::upload::{Uploaded, declare, internal};
use crate::gate::{Gate, GateError};
use crate::proof::{Purpose, authenticated};
use crate::s3::condition::PutCondition;
use crate::s3::payload::DeclaredChecksum;
use crate::store::{Guard, Pin, PutError, Span, StateName, VersionId};

/// The longest plan, bytes: a seal line and a table of parts take 4 KiB at most.
const MAX_BYTES: u64 = 64 * 1024;

const VERSION: u8 = 1;

/// What was asked for: a Complete with the same parts on the same condition is the same Complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// [`Completion::digest`](super::Completion::digest).
    pub(super) list: Sha256Digest,
    /// On what the write depends.
    pub(super) condition: String,
}

impl Asked {
    pub(super) fn new(list: Sha256Digest, condition: &PutCondition) -> Self {
        let condition = match condition {
            PutCondition::None => "none".to_owned(),
            PutCondition::Absent => "absent".to_owned(),
            PutCondition::Exists => "exists".to_owned(),
            PutCondition::Matches(tag) => format!("matches {tag}"),
            PutCondition::Differs(tag) => format!("differs {tag}"),
        };
        Self { list, condition }
    }
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) asked: Asked,
    pub(super) line: SealLine,
    /// What was sealed.
    pub(super) sha256: Sha256Digest,
    /// When it was sealed, milliseconds since 1970.
    pub(super) at: u64,
    pub(super) etag: SealedEtag,
    /// Of an artifact of more than 8 MiB.
    pub(super) record: Option<RecordRef>,
    /// On what the write depends, towards the store.
    pub(super) guard: Guard,
    /// Whether nothing but the order of two uploads is lost where a later one of the key came first: the client asked for
    /// nothing.
    pub(super) overtakable: bool,
    /// What we add to the headers that the client named.
    pub(super) added: Added,
    /// What is copied, where the parts are all the bytes of one artifact.
    pub(super) source: Option<SourceId>,
}

#[derive(Serialize, Deserialize)]
struct PlanFields {
    v: u8,
    list: String,
    condition: String,
    line: String,
    sha256: String,
    at: u64,
    etag: String,
    record: Option<String>,
    guard: GuardField,
    overtakable: bool,
    sum: Option<String>,
    table: Option<String>,
    signatures: Option<String>,
    source: Option<[u8; 16]>,
}

#[derive(Serialize, Deserialize)]
enum GuardField {
    Any,
    Absent,
    Matches(String),
}

/// The answer of a Complete that succeeded.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) list: Sha256Digest,
    pub(super) uploaded: Uploaded,
}

#[derive(Serialize, Deserialize)]
struct DoneFields {
    v: u8,
    list: String,
    etag: String,
    version: Option<String>,
    sum: Option<String>,
}

/// What stands among the headers of an artifact beside those that the client named when it began the upload.
#[derive(Debug, Clone, Default)]
pub(super) struct Added {
    /// The checksum of the whole.
    pub(super) sum: Option<DeclaredChecksum>,
    /// The part table of an artifact of at most 8 MiB.
    pub(super) table: Option<String>,
    /// The publishers' signatures of a copied artifact, where the client gave none.
    pub(super) signatures: Option<String>,
}

impl Added {
    /// All headers: those that are sealed are those that are stored, since both come from here.
    pub(super) fn to(&self, named: &SealedHeaders) -> Result<SealedHeaders, GateError> {
        let mut headers = named.clone();
        if let Some(sum) = &self.sum {
            declare(&mut headers, sum)?;
        }
        for (name, value) in [(PARTS_HEADER, &self.table), (SIGNATURE_HEADER, &self.signatures)] {
            if let Some(value) = value {
                // Fails only if the name were there already, and clients' own `hallmark` metadata is dropped on arrival.
                headers.insert(name, value).map_err(|_| internal())?;
            }
        }
        Ok(headers)
    }
}

impl Plan {
    fn encode(&self) -> Option<Vec<u8>> {
        let fields = PlanFields {
            v: VERSION,
            list: self.asked.list.to_hex(),
            condition: self.asked.condition.clone(),
            line: self.line.to_string(),
            sha256: self.sha256.to_hex(),
            at: self.at,
            etag: self.etag.to_string(),
            record: self.record.as_ref().map(RecordRef::to_string),
            guard: match &self.guard {
                Guard::Any => GuardField::Any,
                Guard::Absent => GuardField::Absent,
                Guard::Matches(pin) => GuardField::Matches(pin.0.clone()),
            },
            overtakable: self.overtakable,
            sum: self.added.sum.as_ref().map(DeclaredChecksum::to_metadata),
            table: self.added.table.clone(),
            signatures: self.added.signatures.clone(),
            source: self.source.map(|source| *source.as_bytes()),
        };
        serde_json::to_vec(&fields).ok()
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let fields: PlanFields =
            serde_json::from_slice(value).ok().filter(|f: &PlanFields| f.v == VERSION)?;
        Some(Self {
            asked: Asked { list: Sha256Digest::from_hex(&fields.list).ok()?, condition: fields.condition },
            line: SealLine::parse(&fields.line).ok()?,
            sha256: Sha256Digest::from_hex(&fields.sha256).ok()?,
            at: fields.at,
            etag: SealedEtag::parse(&fields.etag).ok()?,
            record: fields.record.map(|text| RecordRef::parse(&text)).transpose().ok()?,
            guard: match fields.guard {
                GuardField::Any => Guard::Any,
                GuardField::Absent => Guard::Absent,
                GuardField::Matches(pin) => Guard::Matches(Pin(pin)),
            },
            overtakable: fields.overtakable,
            added: Added { sum: checksum(fields.sum)?, table: fields.table, signatures: fields.signatures },
            source: fields.source.map(SourceId::new),
        })
    }

    /// What the client is told in the end.
    pub(super) fn done(&self, version: Option<VersionId>) -> Done {
        let uploaded = Uploaded { etag: self.etag, version, checksum: self.added.sum.clone(), waits: None };
        Done { list: self.asked.list, uploaded }
    }
}

impl Done {
    fn encode(&self) -> Option<Vec<u8>> {
        let Uploaded { etag, version, checksum, waits: _ } = &self.uploaded;
        let fields = DoneFields {
            v: VERSION,
            list: self.list.to_hex(),
            etag: etag.to_string(),
            version: version.as_ref().map(|version| version.as_str().to_owned()),
            sum: checksum.as_ref().map(DeclaredChecksum::to_metadata),
        };
        serde_json::to_vec(&fields).ok()
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let fields: DoneFields =
            serde_json::from_slice(value).ok().filter(|f: &DoneFields| f.v == VERSION)?;
        let version = match fields.version {
            None => None,
            Some(version) => Some(VersionId::parse(&version)?),
        };
        let uploaded = Uploaded {
            etag: SealedEtag::parse(&fields.etag).ok()?,
            version,
            checksum: checksum(fields.sum)?,
            waits: None,
        };
        Some(Self { list: Sha256Digest::from_hex(&fields.list).ok()?, uploaded })
    }
}

fn checksum(text: Option<String>) -> Option<Option<DeclaredChecksum>> {
    match text {
        None => Some(None),
        Some(text) => DeclaredChecksum::from_metadata(&text).map(Some),
    }
}

impl Gate {
    /// What this upload is about to become; `None`: nobody has said so yet.
    pub(super) async fn planned(&self, id: &UploadId) -> Result<Option<Plan>, GateError> {
        let value = self.state(Purpose::Plan, &names::plan(id)).await?;
        Ok(value.as_deref().and_then(Plan::decode))
    }

    /// Says what this upload is about to become, unless that was said before: [`PutError::GuardFailed`].
    ///
    /// A store that cannot evaluate that with the write is asked before and after it. Between the two others may write
    /// plans, and each may be read by anybody: what is read last counts, for whoever reads it.
    pub(super) async fn write_plan(&self, id: &UploadId, plan: &Plan) -> Result<Proposed, PlanError> {
        let value = plan.encode().ok_or_else(internal)?;
        let name = names::plan(id);
        let value = authenticated(&self.multipart.keys, Purpose::Plan, &name, &value);
        if value.len() as u64 > MAX_BYTES {
            return Err(internal().into());
        }
        match self.store.state_put(&name, value.clone(), Guard::Absent).await {
            Ok(()) => return Ok(Proposed::Stands),
            Err(PutError::Unsupported(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if self.planned(id).await?.is_some() {
            return Err(PutError::GuardFailed.into());
        }
        self.store.state_put(&name, value, Guard::Any).await?;
        Ok(match self.planned(id).await? {
            Some(read) if read.line.id() == plan.line.id() => Proposed::Stands,
            Some(read) => Proposed::Overwritten(Box::new(read)),
            // Whoever was faster has come to an end and cleared his plan away, which was ours or his.
            None => return Err(PutError::GuardFailed.into()),
        })
    }

    /// What this upload has become.
    pub(super) async fn done(&self, id: &UploadId) -> Result<Option<Done>, GateError> {
        let value = self.state(Purpose::Done, &names::done(id)).await?;
        Ok(value.as_deref().and_then(Done::decode))
    }

    /// Keeps the answer for whoever asks again. The first one counts: a Complete that was overtaken by another one, and by a
    /// later upload of the key, knows less of what was made. Gives the one that counts.
    pub(super) async fn write_done(&self, id: &UploadId, done: &Done) -> Result<Done, GateError> {
        let value = done.encode().ok_or_else(internal)?;
        let name = names::done(id);
        let value = authenticated(&self.multipart.keys, Purpose::Done, &name, &value);
        match self.store.state_put(&name, value.clone(), Guard::Absent).await {
            Ok(()) => return Ok(done.clone()),
            // Where the store cannot tell, two answers at once may both be written. They differ in the version at most, and
            // a store that keeps versions can tell.
            Err(PutError::GuardFailed | PutError::Conflict | PutError::Unsupported(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(first) = self.done(id).await? {
            return Ok(first);
        }
        // What is there, if anything, was not written by us.
        self.store.state_put(&name, value, Guard::Any).await?;
        Ok(done.clone())
    }

    async fn state(&self, purpose: Purpose, name: &StateName) -> Result<Option<Bytes>, GateError> {
        let Some(stored) = self.store.state_get(name, Span::Bytes(0..MAX_BYTES)).await? else {
            return Ok(None);
        };
        let value = stored.authenticate(&self.multipart.keys, purpose, name);
        if value.is_none() {
            tracing::error!(name = name.name(), "the state of an upload is not what was written");
        }
        Ok(value)
    }
}

/// What came of writing a plan.
#[derive(Debug)]
pub(super) enum Proposed {
    /// It stands.
    Stands,
    /// This one stands. Ours stood there as well, and others may have begun to carry it out.
    Overwritten(Box<Plan>),
}

/// Why a plan was not written, or may not have been.
#[derive(Debug)]
pub(super) enum PlanError {
    /// The store said so.
    Store(PutError),
    /// It cannot be written at all.
    Refused(GateError),
}

impl From<PutError> for PlanError {
    fn from(error: PutError) -> Self {
        Self::Store(error)
    }
}

impl From<GateError> for PlanError {
    fn from(error: GateError) -> Self {
        Self::Refused(error)
    }
}
