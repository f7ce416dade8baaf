//! Over Ceph's object gateway.

use hallmark_tests::stores::{Kind, OverTls};

const KIND: Kind = Kind::Rgw;

#[test]
fn accounts_are_apart() {
    super::accounts_are_apart(KIND);
}

#[test]
fn what_was_there_before_is_adopted_and_sealed_anew() {
    super::adoption::is_adopted_and_sealed_anew(KIND);
}

#[test]
fn all_ways_over_tls() {
    super::https::all_ways(&OverTls::of_rgw());
}

#[test]
fn p4_a_gateway_by_another_authority_is_not_used() {
    super::https::by_another_authority_nothing_starts(&OverTls::of_rgw());
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
