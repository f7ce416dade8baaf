//! The marker of an upload: that it is there, and what was said when it was begun.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use hallmark_signer::{By, SealedHeaders};
use serde::{Deserialize, Serialize};

use super::id::UploadId;
use super::names;
use super::plan::Added;
use crate::gate::{GateError, Upload};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::proof::{Purpose, StateKeys, UnverifiedState, authenticated};
use crate::s3::condition::PutCondition;
use crate::s3::payload::{ChecksumAlgorithm, ChecksumKind, ChecksumPlan};
use crate::store::{LegalHold, Lock, Retention, RetentionMode, StageId, StateName, Tags};

/// The longest marker, bytes: the head of a request has no room for more than a part of it.
pub(super) const MAX_BYTES: u64 = 256 * 1024;

/// An upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Its id.
    pub id: UploadId,
    /// What it will be.
    pub object: ObjectName,
    /// Whose it is: a client's name, or `-`.
    pub client: String,
    /// Who makes it, as the seal will say.
    pub by: By,
    /// Content headers and user metadata.
    pub headers: SealedHeaders,
    /// Labels of the version.
    pub tags: Tags,
    /// What will protect the version.
    pub lock: Lock,
    /// What checksum the client wants of it.
    pub checksum: Option<ChecksumPlan>,
    /// Where the parts lie.
    pub stage: StageId,
}

impl Marker {
    /// The upload as it is judged and sealed.
    pub(super) fn upload(&self, added: &Added, condition: &PutCondition) -> Result<Upload, GateError> {
        Ok(Upload {
            name: self.object.clone(),
            by: self.by.clone(),
            headers: added.to(&self.headers)?,
            condition: condition.clone(),
            tags: self.tags.clone(),
            lock: self.lock.clone(),
        })
    }

    /// When the upload was begun, milliseconds since 1970.
    pub fn created(&self) -> u64 {
        self.id.created()
    }

    /// Where it stands.
    pub fn name(&self) -> StateName {
        names::marker(&self.object, &self.client, &self.id)
    }

    /// As it is stored; `None`: it is longer than a marker may be.
    pub(super) fn encode(&self, keys: &StateKeys) -> Option<Bytes> {
        let pairs = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let fields = Fields {
            v: VERSION,
            key: self.object.key.as_str().to_owned(),
            client: self.client.clone(),
            by: self.by.to_string(),
            headers: self.headers.iter().map(pairs).collect(),
            tags: self.tags.iter().map(pairs).collect(),
            retention: self.lock.retention.map(Into::into),
            hold: self.lock.legal_hold.map(Into::into),
            checksum: self
                .checksum
                .map(|plan| (plan.algorithm.name().to_owned(), plan.kind.name().to_owned())),
            stage: self.stage.as_str().to_owned(),
        };
        let value = serde_json::to_vec(&fields).ok()?;
        let marker = authenticated(keys, Purpose::Marker, &self.name(), &value);
        (marker.len() as u64 <= MAX_BYTES).then_some(marker)
    }

    /// Reads what [`encode`](Self::encode) wrote of the upload `id` of `client` to `object`; `None`: it did not.
    pub(super) fn decode(
        stored: UnverifiedState,
        keys: &StateKeys,
        id: &UploadId,
        object: &ObjectName,
        client: &str,
    ) -> Option<Self> {
        let fields = Fields::read(stored, keys, &names::marker(object, client, id))?;
        // The name has a part of the key and a digest of the client: here they are whole.
        let same = fields.key == object.key.as_str() && fields.client == client;
        if same { fields.marker(id.clone(), object.clone()) } else { None }
    }

    /// Reads what [`encode`](Self::encode) wrote under `name`, which was found among the uploads of `client` to `bucket`;
    /// `None`: it did not.
    pub(super) fn discover(
        stored: UnverifiedState,
        keys: &StateKeys,
        name: &StateName,
        bucket: &BucketName,
        client: &str,
    ) -> Option<Self> {
        let fields = Fields::read(stored, keys, name)?;
        let object = ObjectName { bucket: bucket.clone(), key: ObjectKey::parse(&fields.key).ok()? };
        let (_, id) = name.name().rsplit_once('~')?;
        let id = UploadId::verify(id, keys, &object, client)?;
        let same = fields.client == client && names::marker(&object, client, &id) == *name;
        if same { fields.marker(id, object) } else { None }
    }
}

impl Fields {
    fn read(stored: UnverifiedState, keys: &StateKeys, name: &StateName) -> Option<Self> {
        let value = stored.authenticate(keys, Purpose::Marker, name)?;
        let fields: Self = serde_json::from_slice(&value).ok()?;
        (fields.v == VERSION).then_some(fields)
    }

    fn marker(self, id: UploadId, object: ObjectName) -> Option<Marker> {
        let fields = self;
        let mut headers = SealedHeaders::default();
        fields.headers.iter().try_for_each(|(name, value)| headers.insert(name, value)).ok()?;
        let checksum = match fields.checksum {
            None => None,
            Some((algorithm, kind)) => {
                let (algorithm, kind) =
                    (ChecksumAlgorithm::of_name(&algorithm)?, ChecksumKind::of_name(&kind)?);
                Some(ChecksumPlan { algorithm, kind })
            }
        };
        Some(Marker {
            id,
            object,
            client: fields.client,
            by: By::parse(&fields.by).ok()?,
            headers,
            tags: Tags::new(fields.tags)?,
            lock: Lock {
                retention: fields.retention.map(Into::into),
                legal_hold: fields.hold.map(Into::into),
            },
            checksum,
            stage: StageId::parse(&fields.stage)?,
        })
    }
}

/// The form of the value; a marker of another one is none.
const VERSION: u8 = 1;

/// What a marker says, as it is stored. The id is in its name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    v: u8,
    key: String,
    client: String,
    by: String,
    headers: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    retention: Option<StoredRetention>,
    hold: Option<StoredHold>,
    /// The names of the algorithm and of the kind.
    checksum: Option<(String, String)>,
    stage: String,
}

/// Milliseconds since 1970.
#[derive(Serialize, Deserialize)]
enum StoredRetention {
    Governance(u64),
    Compliance(u64),
}

#[derive(Serialize, Deserialize)]
enum StoredHold {
    On,
    Off,
}

impl From<Retention> for StoredRetention {
    fn from(Retention { mode, until }: Retention) -> Self {
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        match mode {
            RetentionMode::Governance => Self::Governance(until),
            RetentionMode::Compliance => Self::Compliance(until),
        }
    }
}

impl From<StoredRetention> for Retention {
    fn from(stored: StoredRetention) -> Self {
        let (mode, until) = match stored {
            StoredRetention::Governance(until) => (RetentionMode::Governance, until),
            StoredRetention::Compliance(until) => (RetentionMode::Compliance, until),
        };
        Self { mode, until: UNIX_EPOCH + Duration::from_millis(until) }
    }
}

impl From<LegalHold> for StoredHold {
    fn from(hold: LegalHold) -> Self {
        match hold {
            LegalHold::On => Self::On,
            LegalHold::Off => Self::Off,
        }
    }
}

impl From<StoredHold> for LegalHold {
    fn from(stored: StoredHold) -> Self {
        match stored {
            StoredHold::On => Self::On,
            StoredHold::Off => Self::Off,
        }
    }
}

#[cfg(test)]
mod tests;
