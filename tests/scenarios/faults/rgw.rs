//! Over Ceph's object gateway.

use hallmark_tests::stores::{Account, Kind};

use super::action::{ACTIONS, Action};
use super::lab::Lab;
use super::matrix;

fn lab() -> Lab {
    Lab::new(Account::new(Kind::Rgw))
}

#[test]
fn what() {
    let name = std::env::var("ACTION").unwrap();
    let action: Vec<Action> = ACTIONS.into_iter().filter(|a| format!("{a:?}") == name).collect();
    matrix::once(lab(), action[0]);
}
