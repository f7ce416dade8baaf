//! Stores that speak S3. What needs a running one lies in a module named `rgw` or `garage`: by these names `tests/run`
//! leaves out, and says so, what cannot be tested.

mod garage;
mod rgw;

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
