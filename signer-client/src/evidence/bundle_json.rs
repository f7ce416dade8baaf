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
    _tlog_entries: Option<Vec<Entry>>,
    #[serde(rename = "timestampVerificationData")]
    _timestamps: Option<Timestamps>,
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
    Chain { "certificates" _certificates: Vec<Certificate> }
    MessageDigest { "algorithm" _algorithm: IgnoredAny, "digest" _digest: IgnoredAny }
    Timestamps { "rfc3161Timestamps" _timestamps: Vec<Timestamp> }
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
