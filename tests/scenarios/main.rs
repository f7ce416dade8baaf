//! Hallmark through its front door. A module per subject; those in `clients` need other people's programs, which
//! `tests/run` installs, and are what `tests/run --quick` leaves out.
//!
//! A test whose name begins with `p1_` to `p8_` stands for the promise of that number: `tests/run p3_` runs those of one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what a test says is shown when it fails")]

mod admin;
mod adopt;
mod bulk;
mod caches;
mod certified;
mod checksum_files;
mod clients;
mod command;
mod complete;
mod conditions;
mod conformance;
mod copies;
mod crash;
mod cut_downloads;
mod early_answers;
mod exposed;
mod faults;
mod forms;
mod frontend_attacks;
mod governance;
mod hints;
mod immutable;
mod instances;
mod many;
mod memory;
mod multipart_crash;
mod multipart_instances;
mod multipart_model;
mod objects;
mod open_access;
mod openssl;
mod part_numbers;
mod readme;
mod reload;
mod rotated;
mod seal_certificates;
mod seal_signers;
mod store_faults;
mod stores;
mod tamper;
mod trust;
mod unanswered_certifier;
mod unknown_length;
mod uploads;
mod versions;
mod virtual_hosts;
