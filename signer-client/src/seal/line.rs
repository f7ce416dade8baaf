//! The seal line: the form in which a seal stands on an object.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::Sha256Digest;
use crate::key::KeyHint;
use crate::seal::claims::{Claims, ClaimsError, ContentDigests, MAX_NUMBER};
use crate::seal::fields::{By, Op, SealId, SealedEtag};
use crate::signature::Signature;
use crate::text::{from_decimal, to_base64url};
use crate::tree::{LeafHash, TreeRoot};

/// The longest line that is read, bytes; the longest that can be made is shorter.
pub const MAX_LINE: usize = 1024;

/// At most so many leaf hashes stand in a line.
const MAX_LEAVES: usize = 8;

/// A seal as it stands on an object: well formed, and the claim of whoever could write to the store.
///
/// Almost nothing of it can be read before [`verify`](crate::verify) made a [`Seal`](crate::Seal) of it. `Display`
/// reproduces the text it was read from, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealLine {
    pub(super) claims: Claims,
    pub(super) headers: Sha256Digest,
    pub(super) key: KeyHint,
    pub(super) signature: Signature,
}

/// A text that is no seal line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Over [`MAX_LINE`].
    #[error("the seal is longer than 1024 bytes")]
    TooLong,
    /// A seal of another version than 1.
    #[error("the seal is of a version that this version of Hallmark does not know")]
    UnknownVersion,
    /// A field that is missing, or not at its place.
    #[error("`{0}` is missing from the seal, or not at its place")]
    Field(&'static str),
    /// A field whose value is not well formed.
    #[error("the value of `{0}` in the seal is not well formed")]
    Value(&'static str),
    /// Something after the last field.
    #[error("the seal goes on after its last field")]
    Trailing,
    /// Fields that do not go together.
    #[error("the seal contradicts itself: {0}")]
    Claims(#[from] ClaimsError),
    /// A text that is not the one which this seal has.
    #[error("the seal is not in its canonical form")]
    NotCanonical,
}

impl LineError {
    /// The failing step, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::UnknownVersion => "seal_version",
            Self::TooLong | Self::Field(_) | Self::Value(_) | Self::Trailing | Self::NotCanonical => {
                "seal_syntax"
            }
            Self::Claims(_) => "seal_contradiction",
        }
    }
}

impl SealLine {
    /// Reads a line.
    ///
    /// # Errors
    /// Not a line of version 1 in its one form, or fields that do not go together.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        if text.len() > MAX_LINE {
            return Err(LineError::TooLong);
        }
        let mut fields = Fields(text.split(' '));
        if fields.next("v")? != "1" {
            return Err(LineError::UnknownVersion);
        }
        let id = fields.parse("id", |text| SealId::parse(text).ok())?;
        let op = fields.parse("op", Op::parse)?;
        let at = fields.parse("at", number)?;
        let by = fields.parse("by", |text| By::parse(text).ok())?;
        let src = fields.parse("src", |text| optional(text, |text| SealId::parse(text).ok()))?;
        let size = fields.parse("size", number)?;
        let sha256 = fields.parse("sha256", digest)?;
        let tree = fields.parse("tree", |text| optional(text, |text| TreeRoot::from_base64url(text).ok()))?;
        let leaves = fields.parse("leaves", leaves)?;
        let parts = fields.parse("parts", |text| optional(text, digest))?;
        let etag = fields.parse("etag", |text| SealedEtag::parse(text).ok())?;
        let headers = fields.parse("hdr", digest)?;
        let key = fields.parse("key", |text| KeyHint::parse(text).ok())?;
        let signature = fields.parse("sig", |text| Signature::from_seal_text(text).ok())?;
        if fields.0.next().is_some() {
            return Err(LineError::Trailing);
        }
        let content = ContentDigests::new(size, sha256, tree, leaves)?;
        let claims = Claims { id, op, at, by, src, content, parts, etag };
        claims.check()?;
        let line = Self { claims, headers, key, signature };
        if line.to_string() == text { Ok(line) } else { Err(LineError::NotCanonical) }
    }

    /// The name it claims, for logs.
    pub fn id(&self) -> SealId {
        self.claims.id
    }

    /// The key it claims, for logs and to look keys up.
    pub fn key_hint(&self) -> KeyHint {
        self.key
    }

    /// The length it claims, bytes; sets in which form the seal may stand (see [`Hallmark`](crate::Hallmark)).
    pub fn size(&self) -> u64 {
        self.claims.content.size()
    }

    /// The content it claims, for records, which are checked against the verified seal later.
    pub(crate) fn content(&self) -> &ContentDigests {
        &self.claims.content
    }

    /// The digest of the table of parts it claims, for records as well.
    pub(crate) fn parts(&self) -> Option<&Sha256Digest> {
        self.claims.parts.as_ref()
    }

    /// The ETag it claims, for records as well.
    pub(crate) fn etag(&self) -> SealedEtag {
        self.claims.etag
    }
}

impl fmt::Display for SealLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claims { id, op, at, by, src, content, parts, etag } = &self.claims;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let leaves: Vec<u8> = content.leaves().iter().flat_map(|leaf| *leaf.as_bytes()).collect();
        write!(f, "v=1 id={id} op={op} at={at} by={by} src={}", or_dash(src.map(|src| src.to_string())))?;
        write!(f, " size={} sha256={}", content.size(), content.sha256().to_base64url())?;
        write!(f, " tree={}", or_dash(content.tree().map(TreeRoot::to_base64url)))?;
        write!(f, " leaves={}", or_dash((!leaves.is_empty()).then(|| to_base64url(&leaves))))?;
        write!(f, " parts={}", or_dash(parts.as_ref().map(Sha256Digest::to_base64url)))?;
        write!(f, " etag={etag} hdr={}", self.headers.to_base64url())?;
        write!(f, " key={} sig={}", self.key, self.signature.to_seal_text())
    }
}

/// The fields of a line, in order.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn next(&mut self, name: &'static str) -> Result<&'a str, LineError> {
        let field = self.0.next().and_then(|field| field.strip_prefix(name));
        field.and_then(|field| field.strip_prefix('=')).ok_or(LineError::Field(name))
    }

    fn parse<T>(&mut self, name: &'static str, parse: impl Fn(&'a str) -> Option<T>) -> Result<T, LineError> {
        parse(self.next(name)?).ok_or(LineError::Value(name))
    }
}

fn number(text: &str) -> Option<u64> {
    from_decimal(text, MAX_NUMBER)
}

fn digest(text: &str) -> Option<Sha256Digest> {
    Sha256Digest::from_base64url(text).ok()
}

/// `None`: not well formed; `Some(None)`: `-`.
fn optional<'a, T>(text: &'a str, parse: impl Fn(&'a str) -> Option<T>) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { parse(text).map(Some) }
}

/// Leaf hashes, one after the other; none for `-`.
fn leaves(text: &str) -> Option<Vec<LeafHash>> {
    if text == "-" {
        return Some(Vec::new());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    let fits = rest.is_empty() && (1..=MAX_LEAVES).contains(&hashes.len());
    fits.then(|| hashes.iter().copied().map(LeafHash::new).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::fixtures::{Sample, claims};
    use crate::tree::LEAF_SIZE;

    #[test]
    fn the_line_is_the_one_of_the_design() {
        let mut sample = Sample::of_size(0);
        sample.claims.id = SealId::new([0; 16]);
        let line = sample.seal().to_string();
        let (head, sig) = line.split_once(" sig=").unwrap();
        let hdr = sample.headers.to_base64url();
        let key = sample.sealer.public_key().id().hint();
        assert_eq!(
            head,
            format!(
                "v=1 id=AAAAAAAAAAAAAAAAAAAAAA op=put at=1795000000123 by=ci@example.org src=- size=0 \
                 sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU tree=- leaves=- parts=- \
                 etag=d41d8cd98f00b204e9800998ecf8427e hdr={hdr} key={key}"
            )
        );
        assert_eq!(sig.len(), 86);
    }

    #[test]
    fn the_longest_line_fits() {
        let mut sample = Sample::of_size(8 * LEAF_SIZE);
        sample.claims.at = MAX_NUMBER;
        sample.claims.by = By::presigned(&"x".repeat(48)).unwrap();
        sample.claims.op = Op::Copy;
        sample.claims.src = Some(SealId::new([0xff; 16]));
        sample.claims.etag = SealedEtag::multipart(crate::Md5Digest::of(b""), 10_000).unwrap();
        let line = sample.seal().to_string();
        // A larger artifact has `parts` (43 characters for 1) and nine more digits, but no leaves (342).
        assert!(line.len() + 42 + 9 <= MAX_LINE, "{}", line.len());
        assert_eq!(SealLine::parse(&line), Ok(sample.seal()));
    }

    #[test]
    fn what_is_not_in_order_is_refused() {
        let sample = Sample::of_size(LEAF_SIZE + 1);
        let line = sample.seal().to_string();
        let fields: Vec<_> = line.split(' ').collect();
        assert_eq!(SealLine::parse(&line), Ok(sample.seal()));
        for index in 0..fields.len() {
            let mut missing = fields.clone();
            missing.remove(index);
            assert!(SealLine::parse(&missing.join(" ")).is_err());
            let mut twice = fields.clone();
            twice.insert(index, fields[index]);
            assert!(SealLine::parse(&twice.join(" ")).is_err());
            if index > 0 {
                let mut swapped = fields.clone();
                swapped.swap(index - 1, index);
                assert!(SealLine::parse(&swapped.join(" ")).is_err());
            }
        }
        for (text, expected) in [
            (format!("{line} "), LineError::Trailing),
            (format!("{line}\n"), LineError::Value("sig")),
            (format!("{line} x=y"), LineError::Trailing),
            (format!(" {line}"), LineError::Field("v")),
            (line.replace("v=1 ", "v=2 "), LineError::UnknownVersion),
            (line.replace("v=1 ", "v=1  "), LineError::Field("id")),
            (line.replace("op=put", "op=PUT"), LineError::Value("op")),
            (line.replace("src=-", "src="), LineError::Value("src")),
            (line.replace("at=1795", "at=01795"), LineError::Value("at")),
            (line.replace("at=1795", "at=99991795"), LineError::Value("at")),
            (line.replace("src=-", "src=AAAAAAAAAAAAAAAAAAAAAA"), ClaimsError::Source.into()),
            (line.replace("op=put", "op=copy"), ClaimsError::Source.into()),
            (line.replace("op=put", "op=mpu"), ClaimsError::Etag.into()),
            (line.replace(" hdr=", "-1 hdr="), ClaimsError::Etag.into()),
            (line.replace("size=1048577", "size=1048576"), ClaimsError::Tree.into()),
            (line.replace("size=1048577", "size=2097153"), ClaimsError::Leaves.into()),
            (line.replace("size=1048577", "size=8388609"), ClaimsError::Leaves.into()),
            (
                line.replace(" op=put", " op=reseal")
                    .replace(" hdr=", "-2 hdr=")
                    .replace("parts=-", "parts=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
                ClaimsError::Parts.into(),
            ),
            (format!("{line}{}", "x".repeat(MAX_LINE)), LineError::TooLong),
        ] {
            assert_eq!(SealLine::parse(&text), Err(expected), "{text}");
        }
    }

    #[test]
    fn leaves_are_under_the_tree() {
        let sample = Sample::of_size(2 * LEAF_SIZE);
        let [one, two] = [0, 1].map(|index| *sample.leaves[index].as_bytes());
        let sealed = to_base64url(&[one, two].concat());
        let line = sample.seal().to_string();
        assert!(line.contains(&sealed));
        for (leaves, expected) in [
            (to_base64url(&[two, one].concat()), ClaimsError::Root),
            (to_base64url(&[one, one].concat()), ClaimsError::Root),
            (to_base64url(&one), ClaimsError::Leaves),
            (to_base64url(&[one, two, two].concat()), ClaimsError::Leaves),
            ("-".to_owned(), ClaimsError::Leaves),
        ] {
            assert_eq!(SealLine::parse(&line.replace(&sealed, &leaves)), Err(expected.into()));
        }
        for leaves in
            [to_base64url(&[one.to_vec(), two[1..].to_vec()].concat()), String::new(), "=".to_owned()]
        {
            assert_eq!(SealLine::parse(&line.replace(&sealed, &leaves)), Err(LineError::Value("leaves")));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_made_is_read_as_it_was(claims in claims(), headers in any::<[u8; 32]>()) {
            let mut sample = Sample::of_size(0);
            sample.headers = Sha256Digest::new(headers);
            let observed = crate::Observed { length: claims.content.size(), ..sample.observed() };
            let line = sample.sealer.seal(claims, &observed).unwrap();
            prop_assert!(line.to_string().len() <= MAX_LINE);
            prop_assert_eq!(SealLine::parse(&line.to_string()), Ok(line));
        }

        #[test]
        fn no_text_makes_it_panic(text in "v=1 id=[A-Za-z0-9_-]{22} op=put at=[0-9]{1,20} by=.{0,9} src=.{0,9} size=.*") {
            let _ = SealLine::parse(&text);
        }
    }
}
