//! Over Garage.

use hallmark_tests::stores::{Kind, Nodes};

const KIND: Kind = Kind::Garage;

#[test]
fn accounts_are_apart() {
    super::accounts_are_apart(KIND);
}

mod conformance {
    use super::super::conformance::{a_test_each, over};

    fn check(name: &str) {
        over(super::KIND, name);
    }

    hallmark_proxy::for_each_conformance_check!(a_test_each);
}

super::tampering!();

super::staging!();

/// What tests of faults stand on.
#[test]
fn nodes_die_and_come_back() {
    let nodes = Nodes::start(3);
    let account = nodes.account();
    let client = account.client();
    client.create_bucket("artifacts");
    assert_eq!(client.put("artifacts", "key", b"bytes").status, 200);
    nodes.kill(2);
    assert_eq!(client.get("artifacts", "key").body, b"bytes");
    nodes.kill(3);
    assert_eq!(client.get("artifacts", "key").status, 503);
    nodes.resume(2);
    assert_eq!(client.get("artifacts", "key").body, b"bytes");
    assert_eq!(client.put("artifacts", "key", b"other").status, 200);
}
