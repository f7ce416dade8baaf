//! What the tests of this module share.

use hallmark_config::BucketName;
use proptest::prelude::*;

use crate::name::{ObjectKey, ObjectName};

pub(super) fn object(bucket: &str, key: &str) -> ObjectName {
    ObjectName { bucket: BucketName::parse(bucket).unwrap(), key: ObjectKey::parse(key).unwrap() }
}

/// Keys around the length at which names cut them, often with the same beginning.
pub(super) fn any_key() -> impl Strategy<Value = String> {
    let begin = prop_oneof![Just(0usize), Just(90), Just(94), Just(95), Just(96), Just(97)];
    (begin, "[a-b/~é]{1,4}").prop_map(|(begin, end)| format!("{}{end}", "k".repeat(begin)))
}
