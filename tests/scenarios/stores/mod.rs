//! Stores that speak S3. What needs a running one lies in a module named `rgw` or `garage`: by these names `tests/run`
//! leaves out, and says so, what cannot be tested.

mod adoption;
mod conformance;
mod garage;
mod https;
mod rgw;
mod s3s_fs;
mod stages;
mod tamper;

use hallmark_tests::stores::{Account, Kind};

/// Tests share a store, and see nothing of each other.
fn accounts_are_apart(kind: Kind) {
    let (one, other) = (Account::new(kind), Account::new(kind));
    for (account, body) in [(&one, b"one"), (&other, b"two")] {
        account.client().create_bucket("artifacts");
        assert_eq!(account.client().put("artifacts", "key", body).status, 200);
    }
    for (account, body) in [(&one, b"one"), (&other, b"two")] {
        assert_eq!(account.client().get("artifacts", "key").body, body);
        let list = account.client().ask("GET", "/", &[], &[]);
        assert_eq!(list.elements("Name"), ["artifacts"], "{}", list.text());
    }
}

/// The tamper matrix over the store `KIND`.
macro_rules! tampering {
    () => {
        mod tamper {
            $crate::stores::tampering!(objects: p1_bytes_that_were_changed p3_seals p3_artifacts_that_change_places
                p3_old_versions p4_another_instance_refuses_as_well);
            $crate::stores::tampering!(records: p3_records p3_seals_in_the_wrong_place);
            $crate::stores::tampering!(uploads: p2_parts_that_were_replaced p2_stages_that_were_ended
                p3_state_that_was_changed);
        }
    };
    ($module:ident: $($test:ident)*) => {$(
        #[test]
        fn $test() {
            super::super::tamper::$module::$test(super::KIND);
        }
    )*};
}
use tampering;

/// Stages, promotions and copies over the store `KIND`, while it fails.
macro_rules! staging {
    () => {
        mod stages {
            $crate::stores::staging!(lost: closing promoting assembling);
            $crate::stores::staging!(fence: copies promotions names);
            $crate::stores::staging!(sweep: what_is_old_goes two_at_once_do_no_harm what_fails_is_done_the_next_time);
        }
    };
    ($module:ident: $($test:ident)*) => {
        mod $module {$(
            #[test]
            fn $test() {
                $crate::stores::stages::$module::$test(super::super::KIND);
            }
        )*}
    };
}
use staging;
