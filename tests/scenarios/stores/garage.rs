//! Over Garage.

use hallmark_tests::stores::{Kind, Nodes};

#[test]
fn accounts_are_apart() {
    super::accounts_are_apart(Kind::Garage);
}

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
