//! The fields of a Sigstore bundle. None but these may be there, also where their values are for others to read: a field
//! with a mistyped name would be evidence that is left out, and nobody would notice.

use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BundleJson {
    pub(super) media_type: String,
    pub(super) verification_material: Material,
    pub(super) message_signature: Option<Message>,
    pub(super) dsse_envelope: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Material {
    pub(super) public_key: Option<Hint>,
    pub(super) certificate: Option<Certificate>,
    pub(super) x509_certificate_chain: Option<Chain>,
    #[serde(rename = "tlogEntries")]
    tlog_entries: Option<Vec<Entry>>,
    #[serde(rename = "timestampVerificationData")]
    timestamps: Option<Timestamps>,
}

/// At most so many entries of logs, and so many timestamps, are in one bundle: each is verified, and one says it all.
pub(super) const MAX_PROOFS: usize = 4;

/// The longest chain of certificates in one bundle.
pub(super) const MAX_CERTIFICATES: usize = 8;

impl Material {
    /// What there is too much of, if anything.
    pub(super) fn excess(&self) -> Option<&'static str> {
        let count = |entries: Option<usize>| entries.unwrap_or_default();
        let timestamps = self.timestamps.as_ref().and_then(|data| data.timestamps.as_ref());
        let certificates = self.x509_certificate_chain.as_ref().and_then(|chain| chain.certificates.as_ref());
        if count(self.tlog_entries.as_ref().map(Vec::len)) > MAX_PROOFS {
            Some("log entries")
        } else if count(timestamps.map(Vec::len)) > MAX_PROOFS {
            Some("timestamps")
        } else if count(certificates.map(Vec::len)) > MAX_CERTIFICATES {
            Some("certificates")
        } else {
            None
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Message {
    #[serde(rename = "messageDigest")]
    _digest: Option<MessageDigest>,
    pub(super) signature: String,
}

/// Declares objects whose values are not looked at here.
macro_rules! shapes {
    ($($name:ident { $($json:literal $field:ident: $type:ty),+ $(,)? })+) => {
        $(
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(super) struct $name {
                $(#[serde(rename = $json)] $field: Option<$type>,)+
            }
        )+
    };
}

shapes! {
    Hint { "hint" _hint: String }
    Certificate { "rawBytes" _raw_bytes: IgnoredAny }
    Chain { "certificates" certificates: Vec<Certificate> }
    MessageDigest { "algorithm" _algorithm: IgnoredAny, "digest" _digest: IgnoredAny }
    Timestamps { "rfc3161Timestamps" timestamps: Vec<Timestamp> }
    Timestamp { "signedTimestamp" _signed: IgnoredAny }
    Entry {
        "logIndex" _index: IgnoredAny,
        "logId" _log: LogId,
        "kindVersion" _kind: KindVersion,
        "integratedTime" _time: IgnoredAny,
        "inclusionPromise" _promise: Promise,
        "inclusionProof" _proof: Proof,
        "canonicalizedBody" _body: IgnoredAny,
    }
    LogId { "keyId" _key_id: IgnoredAny }
    KindVersion { "kind" _kind: IgnoredAny, "version" _version: IgnoredAny }
    Promise { "signedEntryTimestamp" _signed: IgnoredAny }
    Proof {
        "logIndex" _index: IgnoredAny,
        "rootHash" _root: IgnoredAny,
        "treeSize" _size: IgnoredAny,
        "hashes" _hashes: IgnoredAny,
        "checkpoint" _checkpoint: Checkpoint,
    }
    Checkpoint { "envelope" _envelope: IgnoredAny }
}
