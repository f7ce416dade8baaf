//! Publisher signatures: by a build's or a person's key over the artifact's bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Sha256Digest;
use crate::key::{KeyId, PublicKey};
use crate::signature::{MAX_DER, Signature};
use crate::verdicts::{Signed, Verdicts};

/// The user metadata that carries publisher signatures.
pub const SIGNATURE_HEADER: &str = "x-amz-meta-hallmark-signature";

/// At most so many signatures on one artifact, or in one envelope.
pub const MAX_SIGNATURES: usize = 8;

/// At most so many keys are tried for one artifact.
pub const MAX_CANDIDATES: usize = 16;

/// The longest value of [`SIGNATURE_HEADER`], bytes: signatures in base64, with commas between them.
const MAX_VALUE: usize = MAX_SIGNATURES * (MAX_DER.div_ceil(3) * 4 + 1) - 1;

/// The signatures in a [`SIGNATURE_HEADER`]: 1 to 8, well formed, by nobody knows whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherSignatures(Vec<Signature>);

/// A value of [`SIGNATURE_HEADER`] that is not well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublisherSignaturesError {
    /// More than [`MAX_SIGNATURES`].
    #[error("more than 8 signatures")]
    TooMany,
    /// Not standard base64 of a DER signature on P-256.
    #[error(
        "signature {number} is not the padded base64 of a DER-encoded ECDSA P-256 signature, \
         as `openssl dgst -sha256 -sign … | base64 -w0` makes it"
    )]
    Malformed {
        /// Which one, counted from 1.
        number: usize,
    },
}

/// More candidate keys than [`MAX_CANDIDATES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than 16 keys are candidates for one artifact")]
pub struct TooManyKeys;

impl PublisherSignatures {
    /// Reads `<base64 DER>[,<base64 DER>…]`, without spaces.
    ///
    /// # Errors
    /// Too many, or one that is not well formed.
    pub fn parse(value: &str) -> Result<Self, PublisherSignaturesError> {
        if value.len() > MAX_VALUE || value.split(',').count() > MAX_SIGNATURES {
            return Err(PublisherSignaturesError::TooMany);
        }
        let signature = |(index, text)| {
            let der = STANDARD.decode(text).ok();
            der.and_then(|der| Signature::from_der(&der).ok())
                .ok_or(PublisherSignaturesError::Malformed { number: index + 1 })
        };
        value.split(',').enumerate().map(signature).collect::<Result<_, _>>().map(Self)
    }

    /// The value for these signatures.
    ///
    /// # Errors
    /// None, or more than [`MAX_SIGNATURES`].
    pub fn new(signatures: Vec<Signature>) -> Result<Self, PublisherSignaturesError> {
        match signatures.len() {
            0 => Err(PublisherSignaturesError::Malformed { number: 1 }),
            1..=MAX_SIGNATURES => Ok(Self(signatures)),
            _ => Err(PublisherSignaturesError::TooMany),
        }
    }

    /// The value of the header.
    pub fn to_value(&self) -> String {
        let texts: Vec<_> = self.0.iter().map(|signature| STANDARD.encode(signature.to_der())).collect();
        texts.join(",")
    }

    /// The signatures.
    pub fn signatures(&self) -> &[Signature] {
        &self.0
    }

    /// The names of those candidates whose key made one of the signatures over the artifact with this digest. A key
    /// counts once, under the first of its names, however many signatures it made: so the length of the answer is what
    /// a threshold is compared with.
    ///
    /// # Errors
    /// More than 16 candidates.
    pub fn verified_by<'k, N>(
        &self,
        artifact: &Sha256Digest,
        candidates: impl IntoIterator<Item = (N, &'k PublicKey)>,
        verdicts: &dyn Verdicts,
    ) -> Result<Vec<N>, TooManyKeys> {
        verified_by(Signed::Blob(artifact), &self.0, candidates, verdicts)
    }
}

/// See [`PublisherSignatures::verified_by`].
pub(crate) fn verified_by<'k, N>(
    signed: Signed<'_>,
    signatures: &[Signature],
    candidates: impl IntoIterator<Item = (N, &'k PublicKey)>,
    verdicts: &dyn Verdicts,
) -> Result<Vec<N>, TooManyKeys> {
    let mut tried: Vec<KeyId> = Vec::new();
    let mut names = Vec::new();
    for (index, (name, key)) in candidates.into_iter().enumerate() {
        if index == MAX_CANDIDATES {
            return Err(TooManyKeys);
        }
        if tried.contains(&key.id()) {
            continue;
        }
        tried.push(key.id());
        if signatures.iter().any(|signature| signed.verify(signature, key, verdicts).is_ok()) {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::{BlobDigest, BlobHasher};
    use crate::key::{BlobKey, PrivateKey};
    use crate::verdicts::NoVerdicts;
    use crate::verdicts::tests::AllVerdicts;

    fn key() -> BlobKey {
        PrivateKey::generate().unwrap().into_blob_key()
    }

    fn blob(content: &str) -> BlobDigest {
        let mut hasher = BlobHasher::new();
        hasher.update(content.as_bytes());
        hasher.finish().unwrap()
    }

    /// (r, n - s), which verifies too.
    fn other_s(signature: &Signature) -> Signature {
        let (r, s) = signature.as_ecdsa().split_scalars();
        Signature::from_ecdsa(p256::ecdsa::Signature::from_scalars(r, -s).unwrap())
    }

    #[test]
    fn a_key_counts_once() {
        let (one, two, blob) = (key(), key(), blob("artifact"));
        let by_one = one.sign(&blob);
        let signatures =
            PublisherSignatures::new(vec![by_one, other_s(&by_one), by_one, two.sign(&blob)]).unwrap();
        let signatures = PublisherSignatures::parse(&signatures.to_value()).unwrap();
        let candidates = [
            ("one", one.public_key()),
            ("one again", one.public_key()),
            ("nobody", key().public_key()),
            ("two", two.public_key()),
        ]
        .map(|(name, key)| (name, key.clone()));
        let candidates = || candidates.iter().map(|(name, key)| (*name, key));
        let verdicts = AllVerdicts::default();
        for _ in 0..2 {
            let names = signatures.verified_by(blob.sha256(), candidates(), &verdicts);
            assert_eq!(names, Ok(vec!["one", "two"]));
        }
        let names = signatures.verified_by(&Sha256Digest::of(b"another"), candidates(), &verdicts);
        assert_eq!(names, Ok(vec![]));
    }

    /// openssl and key services do not choose the lower s.
    #[test]
    fn the_higher_s_is_accepted() {
        let (key, blob) = (key(), blob("artifact"));
        let high = other_s(&key.sign(&blob));
        assert!(Signature::from_seal_text(&high.to_seal_text()).is_err());
        let value = PublisherSignatures::new(vec![high]).unwrap().to_value();
        let signatures = PublisherSignatures::parse(&value).unwrap();
        assert_eq!(
            signatures.verified_by(blob.sha256(), [((), key.public_key())], &NoVerdicts),
            Ok(vec![()])
        );
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let (key, blob) = (key(), blob("artifact"));
        let signatures = PublisherSignatures::new(vec![key.sign(&blob)]).unwrap();
        let candidates = |count| std::iter::repeat_n(((), key.public_key()), count);
        assert_eq!(signatures.verified_by(blob.sha256(), candidates(16), &NoVerdicts), Ok(vec![()]));
        assert_eq!(signatures.verified_by(blob.sha256(), candidates(17), &NoVerdicts), Err(TooManyKeys));
    }

    #[test]
    fn values_are_strict() {
        let signature = key().sign(&blob("artifact"));
        let one = STANDARD.encode(signature.to_der());
        let list = |count| vec![one.as_str(); count].join(",");
        for count in 1..=8 {
            let parsed = PublisherSignatures::parse(&list(count)).unwrap();
            assert_eq!(parsed.signatures(), vec![signature; count]);
            assert_eq!(parsed.to_value(), list(count));
        }
        assert_eq!(PublisherSignatures::parse(&list(9)), Err(PublisherSignaturesError::TooMany));
        for (value, number) in [
            (String::new(), 1),
            (format!("{one},"), 2),
            (format!(",{one}"), 1),
            (format!("{one}, {one}"), 2),
            (format!(" {one}"), 1),
            (one.trim_end_matches('=')[1..].to_owned(), 1),
            ("AAAA".to_owned(), 1),
        ] {
            assert_eq!(
                PublisherSignatures::parse(&value),
                Err(PublisherSignaturesError::Malformed { number }),
                "{value}"
            );
        }
    }
}
