//! Over Ceph's object gateway.

use hallmark_tests::stores::{Account, Kind};

use super::action::Action;
use super::lab::Lab;
use super::{few, killed, lists, long_put, matrix, reread, stuck, tls};

fn lab() -> Lab {
    Lab::new(Account::new(Kind::Rgw))
}

#[test]
fn p4_every_request_of_a_put_can_fail() {
    matrix::once(lab, Action::PutSmall, "");
    matrix::once(lab, Action::PutLarge, "");
}

#[test]
fn p4_every_request_of_a_part_can_fail() {
    matrix::once(lab, Action::Part, "");
}

#[test]
fn p4_every_request_of_a_complete_can_fail() {
    matrix::once(lab, Action::CompleteSmall, "");
}

/// What a small one does not ask for.
#[test]
fn p4_the_record_of_a_complete_can_fail() {
    matrix::once(lab, Action::CompleteLarge, "/records/");
}

#[test]
fn p4_every_request_of_a_copy_can_fail() {
    matrix::once(lab, Action::Copy, "");
}

#[test]
fn p4_every_request_of_a_download_can_fail() {
    for action in [Action::GetSmall, Action::GetLarge, Action::GetRange, Action::Head] {
        matrix::once(lab, action, "");
    }
}

#[test]
fn p4_every_request_of_a_list_or_a_delete_can_fail() {
    for action in [Action::List, Action::Delete] {
        matrix::once(lab, action, "");
    }
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
fn p6_killed_at_every_request_of_a_copy() {
    killed::at_every_request(lab(), Action::Copy);
}

#[test]
fn p6_killed_at_every_request_of_a_delete() {
    killed::at_every_request(lab(), Action::Delete);
}

#[test]
fn p7_a_stuck_bucket_and_others() {
    stuck::others_are_served(&Lab::with(
        Account::new(Kind::Rgw),
        "answer_timeout = \"5s\"\nmax_requests = 1000",
    ));
}

#[test]
fn p7_who_needs_two_places_at_the_store_gets_both() {
    // Nothing comes from memory.
    let lines = "answer_timeout = \"10s\"\nmax_requests = 5\n[cache]\nleaves = \"0\"";
    few::nobody_waits_for_itself(&Lab::with(Account::new(Kind::Rgw), lines));
}

#[test]
fn p7_a_stuck_store() {
    let lines = "answer_timeout = \"10s\"\nattempts = 1\nmax_requests = 16";
    stuck::who_waits_too_long_is_turned_away(&Lab::with(Account::new(Kind::Rgw), lines), 16);
}

#[test]
fn what_is_damaged_or_hidden_once_is_read_again() {
    reread::once_and_for_good(lab());
}

#[test]
fn p7_more_than_the_store_takes_at_once() {
    long_put::more_than_the_store_takes(&lab());
}

#[test]
fn p4_stores_that_cannot_show_what_they_are() {
    tls::who_cannot_show_what_it_is_gets_nothing(Account::new(Kind::Rgw));
}

#[test]
fn pages_that_make_no_sense() {
    lists::pages_that_make_no_sense(&lab());
}

#[test]
fn p7_lists_without_end() {
    lists::lists_without_end(&lab());
}
