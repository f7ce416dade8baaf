//! Over Ceph's object gateway.

use hallmark_tests::stores::{Account, Kind};

use super::action::{ACTIONS, Action};
use super::lab::Lab;
use super::{killed, matrix};

fn lab() -> Lab {
    Lab::new(Account::new(Kind::Rgw))
}

#[test]
fn what() {
    let name = std::env::var("ACTION").unwrap();
    let action: Vec<Action> = ACTIONS.into_iter().filter(|a| format!("{a:?}") == name).collect();
    matrix::once(lab(), action[0]);
}

#[test]
fn p6_killed_at_every_request_of_a_small_put() {
    killed::at_every_request(lab(), Action::PutSmall);
}

#[test]
fn p6_killed_at_every_request_of_a_large_put() {
    killed::at_every_request(lab(), Action::PutLarge);
}

#[test]
fn p6_killed_at_every_request_of_a_part() {
    killed::at_every_request(lab(), Action::Part);
}

#[test]
fn p6_killed_at_every_request_of_a_complete() {
    killed::at_every_request(lab(), Action::Complete);
}

#[test]
fn p6_killed_at_every_request_of_a_copy() {
    killed::at_every_request(lab(), Action::Copy);
}

#[test]
fn p6_killed_at_every_request_of_a_delete() {
    killed::at_every_request(lab(), Action::Delete);
}
