//! State objects that bear a MAC: of uploads in progress, which any instance may have written.

use bytes::Bytes;

use super::secret::{Purpose, StateKeys, TAG_BYTES};
use super::unverified::UnverifiedState;
use crate::store::StateName;

/// Puts the MAC of `value`, and of the name it is stored under, in front of it.
pub fn authenticated(keys: &StateKeys, purpose: Purpose, name: &StateName, value: &[u8]) -> Bytes {
    let tag = keys.tag(purpose, &[name.name().as_bytes(), value]);
    [&tag, value].concat().into()
}

impl UnverifiedState {
    /// The value that [`authenticated`] wrote, as it is, under `name` and for this purpose; `None`: it did not.
    ///
    /// It may be an older one than was written last: a store can put back what it once had.
    pub fn authenticate(self, keys: &StateKeys, purpose: Purpose, name: &StateName) -> Option<Bytes> {
        let mut value = self.0;
        let tag = *value.first_chunk::<TAG_BYTES>()?;
        let value = value.split_off(TAG_BYTES);
        keys.verify(purpose, &[name.name().as_bytes(), &value], &tag).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::secret::tests::keys;
    use super::*;
    use crate::store::StateArea;

    fn name(name: &str) -> StateName {
        StateName::new(StateArea::Scratch, name).unwrap()
    }

    #[test]
    fn a_value_is_for_one_name_and_purpose() {
        let keys = keys(1, None, "r");
        let stored = authenticated(&keys, Purpose::Plan, &name("a/b"), b"value");
        let read = |purpose, at| UnverifiedState::new(stored.clone()).authenticate(&keys, purpose, &name(at));
        assert_eq!(read(Purpose::Plan, "a/b").as_deref(), Some(&b"value"[..]));
        assert_eq!(read(Purpose::Done, "a/b"), None);
        assert_eq!(read(Purpose::Plan, "a/c"), None);
        assert_eq!(read(Purpose::Plan, "a/bv"), None);
    }

    proptest! {
        #[test]
        fn any_change_of_a_value_is_refused(value: Vec<u8>, at: usize, change in 1u8.., cut: usize) {
            let (keys, name) = (keys(1, Some(2), "r"), name("n"));
            let stored = authenticated(&keys, Purpose::Marker, &name, &value);
            let open = |bytes: &[u8]| {
                UnverifiedState::new(Bytes::copy_from_slice(bytes)).authenticate(&keys, Purpose::Marker, &name)
            };
            prop_assert_eq!(open(&stored), Some(Bytes::from(value)));
            let mut changed = stored.to_vec();
            changed[at % stored.len()] ^= change;
            prop_assert_eq!(open(&changed), None);
            prop_assert_eq!(open(&stored[..cut % stored.len()]), None);
            prop_assert_eq!(open(&[&stored[..], &[change]].concat()), None);
        }
    }
}
