//! The state machine of uploads in parts: whatever clients and fate do in whatever order, what is served and listed is
//! what a simple model of S3 says.
//!
//! Commands are drawn at random and given to two instances of a deployment over one store. The model learns some things
//! from the answers (ETags of parts that were copied, which of two sends of a part counts), and so cannot be asked before
//! they are there what would be legal next: each command makes sense in every state, or does nothing.

mod check;
mod command;
mod completion;
mod ground;
mod machine;
mod model;

use std::env;
use std::sync::Arc;

use hallmark_tests::memory::MemoryStore;
use hallmark_tests::site::{Options, Site};
use proptest::test_runner::{Config, TestError, TestRunner};

use command::Step;
use ground::{Cluster, Ground};
use machine::Machine;

/// Runs so many cases (or those that `PROPTEST_CASES` says) of at most so many steps.
fn run(cases: u32, most: usize, ground: impl Fn() -> Ground) {
    let cases = if env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { cases };
    let site = Arc::new(Site::new(&Options::default()));
    // A case that fails is made smaller, but not for hours: each takes a while.
    let config = Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let run = |steps: Vec<Step>| {
        let mut machine = Machine::new(Cluster::start(Arc::clone(&site), ground()));
        for step in &steps {
            machine.run(step);
            machine.check(step.through);
        }
        machine.check_all();
        Ok(())
    };
    match TestRunner::new(config).run(&command::steps(most), run) {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => {
            let steps: Vec<_> = steps.iter().map(|step| format!("{step:?}")).collect();
            panic!("{reason}\nafter these steps:\n{}", steps.join("\n"))
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn p6_uploads_are_what_a_model_says() {
    run(40, 30, || Ground::Memory(Arc::new(MemoryStore::new())));
}

#[test]
fn p6_uploads_are_what_a_model_says_over_the_embedded_store() {
    run(8, 30, || Ground::Embedded(tempfile::tempdir().unwrap()));
}
