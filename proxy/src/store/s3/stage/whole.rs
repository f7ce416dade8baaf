//! What a closed stage is known by.

use hallmark_signer::{Md5Digest, SealedEtag};
use http::Method;

use super::super::S3Store;
use super::super::cold::error::Failure;
use super::super::hot::{Call, pin};
use super::super::probe::Parts;
use super::{EMPTY, Stage, is_missing};
use crate::store::StagedPart;

/// The object that comes of these parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::s3) struct Whole {
    /// Its length, bytes.
    pub(in crate::store::s3) length: u64,
    sign: Sign,
}

/// By what it is told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    /// Its ETag, which is computed from those of its parts.
    Etag(String),
    /// Where nobody knows how the store makes ETags, as with some ways to encrypt: the number of its parts, which stands in
    /// the ETag, beside its length. Two lists of as many parts and as many bytes look the same; whoever takes the one
    /// for the other makes an object that no download accepts.
    Count(usize),
}

/// What stands under the name of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::s3) enum Closed {
    /// The object that is meant, of this ETag.
    As(String),
    /// Another one.
    Otherwise,
    /// Nothing.
    Not,
}

impl Whole {
    /// Of these parts.
    ///
    /// # Errors
    /// The number of a part that there can be in no stage.
    pub(in crate::store::s3) fn of(parts: &[StagedPart], rules: Parts) -> Result<Self, u16> {
        let mut length = 0u64;
        let mut digests = Vec::with_capacity(parts.len());
        for part in parts {
            let number = part.number.number();
            length = length.checked_add(part.length).ok_or(number)?;
            if part.length > 0 || rules.empty {
                digests.push(Md5Digest::from_hex(&part.pin.0).ok());
            }
            if rules.composed && Md5Digest::from_hex(&part.pin.0).is_err() {
                return Err(number);
            }
        }
        let count = digests.len();
        // Ten thousand parts are all there can be.
        let composed = || SealedEtag::of_parts(digests.into_iter().flatten()).map(|etag| etag.to_string());
        let sign = match rules.composed {
            // What was put under the name of a stage that has no part to be made of.
            true if count == 0 => Sign::Etag(EMPTY.to_owned()),
            true => Sign::Etag(composed().map_err(|_| parts.last().map_or(0, |part| part.number.number()))?),
            false => Sign::Count(count),
        };
        Ok(Self { length, sign })
    }

    /// Its ETag, where that can be known without a look.
    pub(in crate::store::s3) fn etag(&self) -> Option<&str> {
        match &self.sign {
            Sign::Etag(etag) => Some(etag),
            Sign::Count(_) => None,
        }
    }

    fn is(&self, length: u64, etag: &str) -> bool {
        let same = match &self.sign {
            Sign::Etag(known) => known == etag,
            Sign::Count(0) => !etag.contains('-'),
            Sign::Count(count) => etag.rsplit_once('-').is_some_and(|(_, parts)| parts == count.to_string()),
        };
        same && self.length == length
    }
}

impl S3Store {
    /// Looks at what stands under the name of a stage.
    pub(in crate::store::s3) async fn closed(&self, stage: &Stage, whole: &Whole) -> Result<Closed, Failure> {
        let head = match self.hot.call(&Call::new(Method::HEAD, &stage.place), &Default::default()).await {
            Ok(head) => head,
            Err(failed) if is_missing(&failed.failure) => return Ok(Closed::Not),
            Err(failed) => return Err(failed.failure),
        };
        let said = head.length().and_then(|length| Ok((length, pin(&head.headers)?.0)));
        let (length, etag) =
            said.map_err(|malformed| Failure::malformed("HEAD of a stage", malformed.why()))?;
        Ok(if whole.is(length, &etag) { Closed::As(etag) } else { Closed::Otherwise })
    }

    /// The ETag of a closed stage, if that is of these parts: known, or looked for.
    pub(in crate::store::s3) async fn etag_of(
        &self,
        stage: &Stage,
        whole: &Whole,
    ) -> Result<Closed, Failure> {
        match whole.etag() {
            Some(etag) => Ok(Closed::As(etag.to_owned())),
            None => self.closed(stage, whole).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{PartNumber, Pin};

    const RULES: Parts = Parts {
        min_bytes: 1,
        copied_min_bytes: 1,
        left_out: true,
        etags_compared: true,
        aborted_for_good: true,
        uploads_listed: true,
        composed: true,
        empty: false,
    };

    fn part(number: u64, length: u64, pin: &str) -> StagedPart {
        StagedPart { number: PartNumber::new(number).unwrap(), length, pin: Pin(pin.to_owned()) }
    }

    #[test]
    fn an_etag_is_composed_as_stores_do() {
        // Observed: parts of 5 MiB of zeros, and of "tail".
        let zeros = Md5Digest::of(&vec![0; 5 << 20]).to_hex();
        let tail = Md5Digest::of(b"tail").to_hex();
        let parts = [part(1, 5 << 20, &zeros), part(7, 4, &tail)];
        let whole = Whole::of(&parts, RULES).unwrap();
        assert_eq!(whole.length, (5 << 20) + 4);
        let joined: Vec<u8> = [zeros, tail].iter().flat_map(|md5| hex::decode(md5).unwrap()).collect();
        let etag = format!("{}-2", Md5Digest::of(&joined).to_hex());
        assert_eq!(whole.etag(), Some(etag.as_str()));
        assert!(whole.is(whole.length, &etag) && !whole.is(1, &etag) && !whole.is(whole.length, "x-2"));
    }

    #[test]
    fn empty_parts_count_where_the_store_takes_them() {
        let parts = [part(1, 1, &"0".repeat(32)), part(2, 0, EMPTY)];
        let suffix = |rules| Whole::of(&parts, rules).unwrap().etag().unwrap()[33..].to_owned();
        assert_eq!(suffix(RULES), "1");
        assert_eq!(suffix(Parts { empty: true, ..RULES }), "2");
        let none = Whole::of(&[part(1, 0, EMPTY)], RULES).unwrap();
        assert_eq!((none.length, none.etag()), (0, Some(EMPTY)));
    }

    #[test]
    fn parts_that_cannot_be_are_named() {
        let pin = "0".repeat(32);
        assert_eq!(Whole::of(&[part(1, 1, &pin), part(3, u64::MAX, &pin)], RULES), Err(3));
        assert_eq!(Whole::of(&[part(1, 1, &pin), part(4, 1, "nothing")], RULES), Err(4));
    }

    #[test]
    fn where_etags_are_opaque_count_and_length_speak() {
        let rules = Parts { composed: false, ..RULES };
        let whole = Whole::of(&[part(1, 5, "opaque"), part(2, 6, "too")], rules).unwrap();
        assert_eq!(whole.etag(), None);
        assert!(whole.is(11, "anything-2"));
        assert!(!whole.is(11, "anything-3") && !whole.is(12, "anything-2") && !whole.is(11, "anything"));
    }
}
