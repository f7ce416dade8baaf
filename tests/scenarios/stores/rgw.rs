//! Over Ceph's object gateway.

use hallmark_tests::stores::Kind;

#[test]
fn accounts_are_apart() {
    super::accounts_are_apart(Kind::Rgw);
}
