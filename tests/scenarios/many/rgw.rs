//! Over Ceph's object gateway.

use hallmark_tests::stores::{Account, Kind};

use super::fleet::Fleet;
use super::{restarts, sharing};

fn fleet(number: usize) -> Fleet {
    Fleet::start(number, Account::new(Kind::Rgw))
}

#[test]
fn p6_two_instances_share_everything() {
    let fleet = fleet(2);
    sharing::uploads_are_visible_everywhere(&fleet);
    sharing::uploads_in_parts_wander(&fleet);
}

#[test]
fn p6_three_instances_share_everything() {
    let fleet = fleet(3);
    sharing::uploads_are_visible_everywhere(&fleet);
    sharing::uploads_in_parts_wander(&fleet);
}

#[test]
fn p6_writers_of_one_key_on_three_instances() {
    let fleet = fleet(3);
    sharing::one_creates_a_key(&fleet);
    sharing::one_replaces_what_it_saw(&fleet);
    sharing::one_writes_last(&fleet);
}

#[test]
fn p6_three_instances_complete_one_upload() {
    sharing::all_complete_at_once(&fleet(3));
}

#[test]
fn p6_a_rolling_restart_under_load() {
    restarts::nothing_acknowledged_is_lost(fleet(3));
}
