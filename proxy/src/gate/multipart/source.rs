//! What parts were copied from by reference: the artifact, and the version of it that was proven.

use bytes::Bytes;
use hallmark_signer::SealId;
use serde::{Deserialize, Serialize};

use super::id::UploadId;
use super::names;
use super::part::SourceId;
use crate::gate::upload::internal;
use crate::gate::{Gate, GateError};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::proof::{Purpose, StateKeys, UnverifiedState, authenticated};
use crate::store::{Guard, Pin, Span, VersionId};

/// The longest source, bytes: keys and the names of versions have 1024 at most, and six times that when escaped.
const MAX_BYTES: u64 = 32 * 1024;

/// The artifact that parts of an upload were copied from. That the client may read it was found when they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedSource {
    /// Which one.
    pub object: ObjectName,
    /// Which version, where the bucket keeps versions.
    pub version: Option<VersionId>,
    /// Its seal.
    pub seal: SealId,
    /// What the store calls its bytes.
    pub pin: Pin,
    /// How many there are.
    pub size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    bucket: String,
    key: String,
    version: Option<String>,
    seal: String,
    pin: String,
    size: u64,
}

impl CopiedSource {
    /// As it is stored, and under which id: the same source always has the same.
    fn encode(&self, keys: &StateKeys, upload: &UploadId) -> Option<(SourceId, Bytes)> {
        let fields = Fields {
            bucket: self.object.bucket.as_str().to_owned(),
            key: self.object.key.as_str().to_owned(),
            version: self.version.as_ref().map(|version| version.as_str().to_owned()),
            seal: self.seal.to_string(),
            pin: self.pin.0.clone(),
            size: self.size,
        };
        let value = serde_json::to_vec(&fields).ok()?;
        let id = SourceId::new(keys.tag(Purpose::Source, &[upload.random(), &value]));
        let stored = authenticated(keys, Purpose::Source, &names::source(upload, id), &value);
        (stored.len() as u64 <= MAX_BYTES).then_some((id, stored))
    }

    /// Reads what [`encode`](Self::encode) wrote; `None`: it did not.
    fn decode(stored: UnverifiedState, keys: &StateKeys, upload: &UploadId, id: SourceId) -> Option<Self> {
        let value = stored.authenticate(keys, Purpose::Source, &names::source(upload, id))?;
        let fields: Fields = serde_json::from_slice(&value).ok()?;
        let bucket = BucketName::parse(&fields.bucket).ok()?;
        let key = ObjectKey::parse(&fields.key).ok()?;
        let version = match fields.version {
            None => None,
            Some(version) => Some(VersionId::parse(&version)?),
        };
        Some(Self {
            object: ObjectName { bucket, key },
            version,
            seal: SealId::parse(&fields.seal).ok()?,
            pin: Pin(fields.pin),
            size: fields.size,
        })
    }
}

impl Gate {
    /// Writes down what parts of an upload are about to be copied from by reference.
    ///
    /// # Errors
    /// The store failed.
    pub async fn put_source(&self, upload: &UploadId, source: &CopiedSource) -> Result<SourceId, GateError> {
        let Some((id, value)) = source.encode(&self.multipart.keys, upload) else {
            tracing::error!(?upload, source = %source.object, "the source of a part cannot be written down");
            return Err(internal());
        };
        self.store.state_put(&names::source(upload, id), value, Guard::Any).await?;
        Ok(id)
    }

    /// What [`put_source`](Self::put_source) wrote; `None`: it is not there, or not what was written.
    ///
    /// # Errors
    /// The store failed.
    pub async fn source(&self, upload: &UploadId, id: SourceId) -> Result<Option<CopiedSource>, GateError> {
        let name = names::source(upload, id);
        let stored = self.store.state_get(&name, Span::Bytes(0..MAX_BYTES)).await?;
        let source = stored.map(|stored| CopiedSource::decode(stored, &self.multipart.keys, upload, id));
        if matches!(source, Some(None)) {
            tracing::error!(?upload, "the source of a part is not what was written");
        }
        Ok(source.flatten())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{any_key, object};
    use super::*;
    use crate::proof::test_keys as keys;

    proptest! {
        #[test]
        fn a_source_is_read_back_for_its_upload_and_id_alone(
            key in any_key(), version in prop::option::of("[!-~]{1,40}"), pin in "\\PC{0,40}", size: u64,
            at: usize, change in 1u8..,
        ) {
            let keys = keys(1, None, "r");
            let upload = |created| UploadId::new(&keys, &object("bbb", "k"), "ci", created).unwrap();
            let (ours, other) = (upload(1), upload(1));
            let source = CopiedSource {
                object: object("source", &key),
                version: version.and_then(|version| VersionId::parse(&version)),
                seal: SealId::new([3; 16]),
                pin: Pin(pin),
                size,
            };
            let (id, stored) = source.encode(&keys, &ours).unwrap();
            prop_assert_eq!(source.encode(&keys, &ours).unwrap().0, id, "the same source, the same id");
            let read = |stored: &[u8], upload, id| {
                CopiedSource::decode(UnverifiedState::new(Bytes::copy_from_slice(stored)), &keys, upload, id)
            };
            prop_assert_eq!(read(&stored, &other, id), None);
            prop_assert_eq!(read(&stored, &ours, SourceId::new([0; 16])), None);
            let mut changed = stored.to_vec();
            changed[at % stored.len()] ^= change;
            prop_assert_eq!(read(&changed, &ours, id), None);
            prop_assert_eq!(read(&stored, &ours, id), Some(source));
        }
    }
}
