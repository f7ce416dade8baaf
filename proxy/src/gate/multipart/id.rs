//! Ids of uploads, as clients hand them back.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallmark_signer::RandomError;

use crate::name::ObjectName;
use crate::proof::{Purpose, StateKeys, TAG_BYTES, Tag};

const VERSION: u8 = 1;
const RANDOM_BYTES: usize = 16;
const CREATED_BYTES: usize = 8;
/// Version, epoch, random bytes, time, tag: a multiple of 3, so that the text has no spare bits.
const BYTES: usize = 2 + RANDOM_BYTES + CREATED_BYTES + TAG_BYTES;

/// The id of an upload: 56 characters of base64url, authenticated, and bound to bucket, key and client.
///
/// Only [`UploadId::new`] and [`UploadId::verify`] make it, so whoever holds one knows that this proxy (or another instance)
/// gave it to that client for that object. Whether the upload is still there is for its marker to say.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UploadId {
    random: [u8; RANDOM_BYTES],
    created: u64,
    text: Box<str>,
}

impl UploadId {
    /// A new one, for an upload of `object` that `client` began at `created` (milliseconds since 1970).
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(
        keys: &StateKeys,
        object: &ObjectName,
        client: &str,
        created: u64,
    ) -> Result<Self, RandomError> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|_| RandomError)?;
        let hint = keys.hint();
        let bound = Bound { hint, random: &random, created, object, client };
        let tag = bound.with_fields(|fields| keys.tag(Purpose::UploadId, fields));
        let bytes = [&[VERSION, hint][..], &random, &created.to_be_bytes(), &tag].concat();
        Ok(Self { random, created, text: URL_SAFE_NO_PAD.encode(bytes).into() })
    }

    /// Reads an id that [`UploadId::new`] made for `client` and `object`; `None`: it did not.
    pub fn verify(text: &str, keys: &StateKeys, object: &ObjectName, client: &str) -> Option<Self> {
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let ([version, hint], rest) = bytes.split_first_chunk::<2>()?;
        let (random, rest) = rest.split_first_chunk::<RANDOM_BYTES>()?;
        let (created, rest) = rest.split_first_chunk::<CREATED_BYTES>()?;
        let tag: &Tag = rest.try_into().ok()?;
        let created = u64::from_be_bytes(*created);
        let bound = Bound { hint: *hint, random, created, object, client };
        let authentic = bound.with_fields(|fields| keys.verify_hinted(*hint, Purpose::UploadId, fields, tag));
        (*version == VERSION && authentic).then(|| Self { random: *random, created, text: text.into() })
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What no other upload has: names its records.
    pub fn random(&self) -> &[u8; RANDOM_BYTES] {
        &self.random
    }

    /// [`random`](Self::random) in 22 characters of base64url.
    pub fn short(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.random)
    }

    /// When the upload was begun, milliseconds since 1970.
    pub fn created(&self) -> u64 {
        self.created
    }
}

/// What the tag of an id covers.
struct Bound<'a> {
    hint: u8,
    random: &'a [u8],
    created: u64,
    object: &'a ObjectName,
    client: &'a str,
}

impl Bound<'_> {
    fn with_fields<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (bucket, key) = (self.object.bucket.as_str(), self.object.key.as_str());
        let head = [VERSION, self.hint];
        then(&[
            &head,
            self.random,
            &self.created.to_be_bytes(),
            bucket.as_bytes(),
            key.as_bytes(),
            self.client.as_bytes(),
        ])
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// In the log an upload goes by its random bytes: with the whole id its client's permissions could be used.
impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::object;
    use super::*;
    use crate::proof::test_keys as keys;

    #[test]
    fn an_id_is_for_one_object_client_and_deployment() {
        let ours = keys(1, None, "r");
        let id = UploadId::new(&ours, &object("b1b", "key"), "ci", 1_700_000_000_123).unwrap();
        assert_eq!(id.as_str().len(), 56);
        let read = |keys: &StateKeys, bucket, key, client| {
            UploadId::verify(id.as_str(), keys, &object(bucket, key), client)
        };
        let found = read(&ours, "b1b", "key", "ci").unwrap();
        assert_eq!((&found, found.created(), found.short()), (&id, 1_700_000_000_123, id.short()));
        assert_eq!(read(&ours, "b2b", "key", "ci"), None);
        assert_eq!(read(&ours, "b1b", "kez", "ci"), None);
        assert_eq!(read(&ours, "b1b", "key", "cj"), None);
        assert_eq!(read(&ours, "b1b", "keyc", "i"), None);
        assert_eq!(read(&keys(1, None, "s"), "b1b", "key", "ci"), None);
        assert_eq!(read(&keys(2, None, "r"), "b1b", "key", "ci"), None);
        assert_eq!(read(&keys(2, Some(1), "r"), "b1b", "key", "ci"), Some(id.clone()));
        assert_eq!(read(&keys(3, Some(2), "r"), "b1b", "key", "ci"), None);
    }

    #[test]
    fn two_ids_are_never_the_same() {
        let keys = keys(1, None, "r");
        let new = || UploadId::new(&keys, &object("bbb", "k"), "ci", 0).unwrap();
        assert_ne!(new().random(), new().random());
    }

    proptest! {
        #[test]
        fn any_change_of_an_id_is_refused(at in 0usize..56, to in any::<char>(), cut in 0usize..56) {
            let keys = keys(1, Some(2), "r");
            let object = object("bbb", "k");
            let id = UploadId::new(&keys, &object, "ci", 5).unwrap();
            let mut text: Vec<char> = id.as_str().chars().collect();
            prop_assume!(text[at] != to);
            text[at] = to;
            let text: String = text.into_iter().collect();
            prop_assert_eq!(UploadId::verify(&text, &keys, &object, "ci"), None);
            prop_assert_eq!(UploadId::verify(&id.as_str()[..cut], &keys, &object, "ci"), None);
            let long = format!("{id}{to}");
            prop_assert_eq!(UploadId::verify(&long, &keys, &object, "ci"), None);
        }
    }
}
