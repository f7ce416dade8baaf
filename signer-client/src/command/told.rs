//! What a seal says, for people and for comparisons.

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use hallmark_signer::{By, KeyHint, SealId, SealLine, SealedEtag, Sha256Digest, TreeRoot};
use serde_json::{Value, json};

/// The claims of a seal line, as told by whoever answered. The library does not give them out before it verified them
/// with the seal's key. A client without that key takes the endpoint's word for the seal, and compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) id: SealId,
    pub(crate) op: String,
    /// Milliseconds since 1970 (UTC).
    pub(crate) at: u64,
    pub(crate) by: By,
    pub(crate) src: Option<SealId>,
    pub(crate) size: u64,
    pub(crate) sha256: Sha256Digest,
    pub(crate) tree: Option<TreeRoot>,
    pub(crate) parts: Option<Sha256Digest>,
    pub(crate) etag: SealedEtag,
    pub(crate) headers: Sha256Digest,
    pub(crate) key: KeyHint,
    /// All of it.
    pub(crate) line: String,
}

impl Told {
    /// What this line says. A line that was parsed is in its one form, so its fields can be found again by name; `None`
    /// would be a fault of this module.
    pub(crate) fn by(line: &SealLine) -> Option<Self> {
        let line = line.to_string();
        let field = |name: &str| {
            line.split(' ').find_map(|field| field.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
        };
        let optional = |name: &str| field(name).map(|text| (text != "-").then_some(text));
        Some(Self {
            id: SealId::parse(field("id")?).ok()?,
            op: field("op")?.to_owned(),
            at: field("at")?.parse().ok()?,
            by: By::parse(field("by")?).ok()?,
            src: optional("src")?.map(SealId::parse).transpose().ok()?,
            size: field("size")?.parse().ok()?,
            sha256: Sha256Digest::from_base64url(field("sha256")?).ok()?,
            tree: optional("tree")?.map(TreeRoot::from_base64url).transpose().ok()?,
            parts: optional("parts")?.map(Sha256Digest::from_base64url).transpose().ok()?,
            etag: SealedEtag::parse(field("etag")?).ok()?,
            headers: Sha256Digest::from_base64url(field("hdr")?).ok()?,
            key: KeyHint::parse(field("key")?).ok()?,
            line: line.clone(),
        })
    }

    /// When, in ISO 8601.
    pub(crate) fn time(&self) -> String {
        let time = i64::try_from(self.at).ok().map(DateTime::from_millis);
        let text = time.and_then(|time| time.fmt(DateTimeFormat::DateTime).ok());
        // No calendar has a name for the year that such a seal claims.
        text.unwrap_or_else(|| format!("{} ms since 1970", self.at))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "op": self.op,
            "at": self.time(),
            "at_ms": self.at,
            "by": (!self.by.is_anonymous()).then(|| self.by.to_string()),
            "src": self.src.map(|src| src.to_string()),
            "size": self.size,
            "sha256": self.sha256.to_hex(),
            "tree": self.tree.map(|tree| tree.to_hex()),
            "parts": self.parts.map(|parts| parts.to_hex()),
            "etag": self.etag.to_string(),
            "headers": self.headers.to_hex(),
            "key": self.key.to_string(),
            "line": self.line,
        })
    }

    /// A line for each field.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let by = if self.by.is_anonymous() { "anonymous".to_owned() } else { self.by.to_string() };
        let lines = [
            ("seal", Some(self.id.to_string())),
            ("operation", Some(self.op.clone())),
            ("sealed at", Some(self.time())),
            ("uploader", Some(by)),
            ("source", self.src.map(|src| src.to_string())),
            ("size", Some(self.size.to_string())),
            ("sha256", Some(self.sha256.to_hex())),
            ("tree", self.tree.map(|tree| tree.to_hex())),
            ("parts", self.parts.map(|parts| parts.to_hex())),
            ("etag", Some(self.etag.to_string())),
            ("headers", Some(self.headers.to_hex())),
            ("seal key", Some(self.key.to_string())),
        ];
        lines.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use hallmark_signer::{Claims, ContentDigests, Observed, Op, PrivateKey, Sealer, UploadHasher};

    use super::*;

    #[test]
    fn it_tells_what_was_sealed() {
        let mut hasher = UploadHasher::of_unknown_length();
        hasher.update(&vec![7; (1 << 20) + 1]);
        let (content, md5) = hasher.finish().unwrap();
        let claims = Claims {
            id: SealId::random().unwrap(),
            op: Op::Copy,
            at: 1_795_000_000_123,
            by: By::presigned("ci").unwrap(),
            src: Some(SealId::new([3; 16])),
            content: ContentDigests::of(&content).unwrap(),
            parts: None,
            etag: SealedEtag::single(md5),
        };
        let headers = Sha256Digest::of(b"headers");
        let observed = Observed { realm: "local", bucket: "b", key: "k", length: content.size(), headers };
        let sealer = Sealer::new(PrivateKey::generate().unwrap().into_seal_key());
        let line = sealer.seal(claims.clone(), &observed).unwrap();
        let told = Told::by(&line).unwrap();
        let expected = Told {
            id: claims.id,
            op: "copy".to_owned(),
            at: claims.at,
            by: claims.by,
            src: claims.src,
            size: content.size(),
            sha256: *content.sha256(),
            tree: content.tree().copied(),
            parts: None,
            etag: claims.etag,
            headers,
            key: sealer.public_key().id().hint(),
            line: line.to_string(),
        };
        assert_eq!(told, expected);
        assert_eq!(told.time(), "2026-11-18T11:06:40.123Z");
        assert!(told.lines().iter().all(|(_, value)| !value.is_empty()));
    }
}
