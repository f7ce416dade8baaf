//! The suite of stores over stores that speak S3, through the store that speaks to them: a test for each check and each
//! store, so that a failure says what of which.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use hallmark_config::S3Store as Settings;
use hallmark_proxy::store::conformance::{Check, Demands};
use hallmark_proxy::store::s3::S3Store;
use hallmark_tests::stores::{Account, Kind, settings};

/// A test for each check; a function `check` beside it gets the name.
macro_rules! a_test_each {
    ($($module:ident: $($check:ident)*;)*) => {$(
        mod $module {$(
            #[test]
            fn $check() {
                super::check(concat!(stringify!($module), "::", stringify!($check)));
            }
        )*}
    )*};
}
pub(super) use a_test_each;

/// One check in an account of its own.
pub(super) fn over(kind: Kind, name: &str) {
    let account = Account::new(kind);
    at(account.endpoint(), &account.credentials(), name);
}

/// One check over the store that is there, with credentials in the form of AWS tools.
pub(super) fn at(endpoint: String, credentials: &str, name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    fs::write(&file, credentials).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    run(&settings(endpoint, file), name);
}

fn run(settings: &Settings, name: &str) {
    let check = Check::named(name).expect("the suite has a check of that name");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = S3Store::connect(settings, &BTreeMap::new()).await.expect("the store can be reached");
        check.run(Arc::new(store), Demands::OfS3).await;
    });
}
