//! The keys that authenticate what uploads in progress leave in the store and in clients' hands.
//!
//! A store can be written to by others, and ids come from anybody. So each id, marker and record bears a MAC: HMAC-SHA256,
//! cut to 16 bytes, over length-prefixed fields, under a key of its own purpose. The keys come by HKDF-SHA256 (RFC 5869)
//! from the state secret, which all instances share, and are bound to the realm. While a secret is being changed the one
//! before it is accepted too.

use hallmark_config::{Realm, StateSecret};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const SALT: &[u8] = b"hallmark-state-v1";

/// Bytes of a MAC.
pub const TAG_BYTES: usize = 16;

/// A MAC.
pub type Tag = [u8; TAG_BYTES];

/// What a MAC is for: one can never be taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The id of an upload, in its client's hands.
    UploadId,
    /// The marker of an upload.
    Marker,
    /// The record of a part.
    Part,
    /// What the parts are that were copied by reference.
    Source,
    /// What an upload is about to become.
    Plan,
    /// What an upload has become.
    Done,
}

impl Purpose {
    const ALL: [Self; 6] = [Self::UploadId, Self::Marker, Self::Part, Self::Source, Self::Plan, Self::Done];

    fn label(self) -> &'static str {
        match self {
            Self::UploadId => "upload-id",
            Self::Marker => "marker",
            Self::Part => "part",
            Self::Source => "source",
            Self::Plan => "plan",
            Self::Done => "done",
        }
    }
}

/// The keys of one deployment: of the state secret, and of the one before it.
pub struct StateKeys {
    current: Epoch,
    previous: Option<Epoch>,
}

/// The keys of one secret.
struct Epoch {
    /// Tells secrets apart in ids; two may have the same, and then both are tried.
    hint: u8,
    macs: [Hmac<Sha256>; Purpose::ALL.len()],
}

impl StateKeys {
    /// The keys of `secret`, and of the one `previous` to it, in `realm`.
    pub fn new(secret: &StateSecret, previous: Option<&StateSecret>, realm: &Realm) -> Self {
        let epoch = |secret| Epoch::new(secret, realm);
        Self { current: epoch(secret), previous: previous.map(epoch) }
    }

    /// The MAC of `fields`.
    pub fn tag(&self, purpose: Purpose, fields: &[&[u8]]) -> Tag {
        self.current.tag(purpose, fields)
    }

    /// Whether `tag` is the MAC of `fields` under the current secret or the previous one.
    pub fn verify(&self, purpose: Purpose, fields: &[&[u8]], tag: &Tag) -> bool {
        self.epochs().any(|epoch| epoch.verify(purpose, fields, tag))
    }

    /// Tells the current secret apart, in ids.
    pub(crate) fn hint(&self) -> u8 {
        self.current.hint
    }

    /// As [`verify`](Self::verify), under secrets with this hint only.
    pub(crate) fn verify_hinted(&self, hint: u8, purpose: Purpose, fields: &[&[u8]], tag: &Tag) -> bool {
        self.epochs().filter(|epoch| epoch.hint == hint).any(|epoch| epoch.verify(purpose, fields, tag))
    }

    fn epochs(&self) -> impl Iterator<Item = &Epoch> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl Epoch {
    fn new(secret: &StateSecret, realm: &Realm) -> Self {
        let keys = Hkdf::<Sha256>::new(Some(SALT), secret.expose());
        let expand = |label: &str| {
            let mut key = [0; 32];
            keys.expand_multi_info(&[label.as_bytes(), b"\0", realm.as_str().as_bytes()], &mut key)
                .unwrap_or_else(|_| unreachable!("HKDF gives up to 255 times this many bytes"));
            key
        };
        let [hint, ..] = expand("epoch");
        let mac = |purpose: Purpose| {
            Hmac::new_from_slice(&expand(purpose.label()))
                .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"))
        };
        Self { hint, macs: Purpose::ALL.map(mac) }
    }

    fn tag(&self, purpose: Purpose, fields: &[&[u8]]) -> Tag {
        let [upload_id, marker, part, source, plan, done] = &self.macs;
        let mac = match purpose {
            Purpose::UploadId => upload_id,
            Purpose::Marker => marker,
            Purpose::Part => part,
            Purpose::Source => source,
            Purpose::Plan => plan,
            Purpose::Done => done,
        };
        let mut mac = mac.clone();
        for field in fields {
            // The length in front: no other fields run together to the same bytes.
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut tag = [0; TAG_BYTES];
        tag.iter_mut().zip(whole).for_each(|(tag, byte)| *tag = byte);
        tag
    }

    fn verify(&self, purpose: Purpose, fields: &[&[u8]], tag: &Tag) -> bool {
        self.tag(purpose, fields).ct_eq(tag).into()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Keys of the secret whose bytes are all `n`, and of that whose bytes are all `previous`.
    pub(crate) fn keys(n: u8, previous: Option<u8>, realm: &str) -> StateKeys {
        let secret = |n: u8| StateSecret::parse(&hex::encode([n; 32])).unwrap();
        StateKeys::new(&secret(n), previous.map(secret).as_ref(), &Realm::parse(realm).unwrap())
    }

    #[test]
    fn a_mac_is_for_one_purpose_realm_and_secret() {
        let fields: &[&[u8]] = &[b"a", b"bc"];
        let keys_of = keys(1, None, "r");
        for made in Purpose::ALL {
            let tag = keys_of.tag(made, fields);
            for read in Purpose::ALL {
                assert_eq!(keys_of.verify(read, fields, &tag), made == read, "{made:?} as {read:?}");
            }
            assert!(!keys(1, None, "s").verify(made, fields, &tag));
            assert!(!keys(2, None, "r").verify(made, fields, &tag));
            assert!(keys(2, Some(1), "r").verify(made, fields, &tag), "the previous secret");
            assert!(!keys(3, Some(2), "r").verify(made, fields, &tag), "the one before that");
        }
    }

    #[test]
    fn fields_cannot_run_together() {
        let keys = keys(1, None, "r");
        let tag = keys.tag(Purpose::Part, &[b"a", b"bc"]);
        for other in [&[&b"ab"[..], b"c"][..], &[b"abc"], &[b"a", b"bc", b""], &[b"a", b"b"], &[b"bc", b"a"]]
        {
            assert!(!keys.verify(Purpose::Part, other, &tag));
        }
        for at in 0..TAG_BYTES {
            let mut wrong = tag;
            wrong[at] ^= 1;
            assert!(!keys.verify(Purpose::Part, &[b"a", b"bc"], &wrong));
        }
    }

    /// Another implementation of RFC 5869 and RFC 2104 gives the same, so the derivation is the documented one.
    #[test]
    fn keys_are_derived_as_documented() {
        use sha2::Digest;
        fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
            let mut block = [0; 64];
            block[..key.len()].copy_from_slice(key);
            let padded = |pad: u8| block.map(|byte| byte ^ pad);
            let inner = Sha256::digest([&padded(0x36), text].concat());
            Sha256::digest([&padded(0x5c)[..], &inner].concat()).into()
        }
        let extracted = hmac(SALT, &[7; 32]);
        let key = hmac(&extracted, b"marker\0realm\x01");
        let expected = hmac(&key, b"\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\0");
        assert_eq!(keys(7, None, "realm").tag(Purpose::Marker, &[b"a", b""]), expected[..TAG_BYTES]);
    }
}
