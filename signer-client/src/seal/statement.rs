//! The statement: the bytes that a seal key signs, from what a seal claims and what is observed.

use crate::digest::Sha256Digest;
use crate::dsse::{IN_TOTO, pae};
use crate::key::KeyId;
use crate::seal::claims::Claims;
use crate::tree::TreeRoot;

/// What is known of an artifact without its seal: where it was asked for, and what the store shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed<'a> {
    /// The deployment.
    pub realm: &'a str,
    /// The bucket, as clients name it. Never empty, no `/`.
    pub bucket: &'a str,
    /// The key, unnormalised.
    pub key: &'a str,
    /// The length, bytes.
    pub length: u64,
    /// The digest of the headers that a seal covers, [`SealedHeaders::digest`](crate::SealedHeaders::digest).
    pub headers: Sha256Digest,
}

/// A bucket that is empty or holds a `/`: one statement would stand for two names (`a/b` + `c`, `a` + `b/c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bucket's name is empty or holds a `/`")]
pub struct BucketError;

/// An in-toto statement about one artifact: exact bytes, that a seal key signs as DSSE.
///
/// Only claims and observations together make one, so what is signed or verified is never the word of the line alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    payload: String,
}

impl Statement {
    /// What `claims` and `observed` say, for the key that signs it.
    pub(crate) fn new(claims: &Claims, observed: &Observed<'_>, key: KeyId) -> Result<Self, BucketError> {
        if observed.bucket.is_empty() || observed.bucket.contains('/') {
            return Err(BucketError);
        }
        let Claims { id, op, at, by, src, content, parts, etag } = claims;
        let or_null = |text: Option<String>| text.map_or("null".to_owned(), |text| format!("\"{text}\""));
        let payload = format!(
            concat!(
                r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"{bucket}/{key}","#,
                r#""digest":{{"sha256":"{sha256}"}}}}],"predicateType":"urn:hallmark:seal:v1","#,
                r#""predicate":{{"realm":"{realm}","id":"{id}","op":"{op}","sealedAt":{at},"uploader":{by},"#,
                r#""source":{src},"size":{size},"tree":{tree},"parts":{parts},"etag":"{etag}","#,
                r#""headers":"{headers}","keyid":"{keyid}"}}}}"#,
            ),
            bucket = Escaped(observed.bucket),
            key = Escaped(observed.key),
            sha256 = content.sha256(),
            realm = Escaped(observed.realm),
            id = id.to_hex(),
            op = op,
            at = at,
            by = or_null((!by.is_anonymous()).then(|| by.to_string())),
            src = or_null(src.map(|src| src.to_hex())),
            size = observed.length,
            tree = or_null(content.tree().map(TreeRoot::to_hex)),
            parts = or_null(parts.map(|parts| parts.to_hex())),
            etag = etag,
            headers = observed.headers,
            keyid = key,
        );
        Ok(Self { payload })
    }

    /// Its bytes: JSON, payload of a DSSE envelope of type `application/vnd.in-toto+json`.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// What is signed: the DSSE pre-authentication encoding of its bytes.
    pub fn pae(&self) -> Vec<u8> {
        pae(IN_TOTO, self.payload.as_bytes())
    }

    pub(crate) fn pae_digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.pae())
    }
}

/// A text within a JSON string: `\" \\ \b \t \n \f \r`, `\u00xx` for the other characters below U+0020, everything else
/// (DEL and all that is not ASCII too) as it is.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write as _;
        self.0.chars().try_for_each(|c| match c {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            '\u{8}' => f.write_str("\\b"),
            '\t' => f.write_str("\\t"),
            '\n' => f.write_str("\\n"),
            '\u{c}' => f.write_str("\\f"),
            '\r' => f.write_str("\\r"),
            '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(c)),
            _ => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::fixtures::Sample;

    /// The statement as another reader of JSON sees it.
    #[test]
    fn a_json_reader_finds_what_was_observed() {
        let mut sample = Sample::of_size(3 << 20);
        sample.key = "a \"quoted\" \\ key/\u{8}\t\n\u{c}\r\u{1}\u{1f}\u{7f}\u{80}/ключ/🔑".to_owned();
        let statement = sample.statement();
        let json: serde_json::Value = serde_json::from_str(statement.payload()).unwrap();
        assert_eq!(json["subject"][0]["name"], format!("{}/{}", sample.bucket, sample.key));
        assert_eq!(json["predicate"]["size"], 3 << 20);
        assert_eq!(json["predicate"]["source"], serde_json::Value::Null);
        assert_eq!(json["predicate"]["uploader"], "ci@example.org");
        assert_eq!(json["predicate"]["keyid"], sample.sealer.public_key().id().to_hex());
        let members: Vec<_> = json["predicate"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members.len(), 12, "{members:?}");
    }

    #[test]
    fn a_slash_cannot_move_between_bucket_and_key() {
        let mut sample = Sample::of_size(1);
        for bucket in ["", "a/b", "/"] {
            sample.bucket = bucket.to_owned();
            let key = sample.sealer.public_key().id();
            assert!(
                matches!(Statement::new(&sample.claims, &sample.observed(), key), Err(BucketError)),
                "{bucket}"
            );
        }
    }

    proptest! {
        #[test]
        fn escapes_are_those_of_serde_json(text in any::<String>()) {
            prop_assert_eq!(format!("\"{}\"", Escaped(&text)), serde_json::to_string(&text).unwrap());
        }
    }
}
