//! Measures the released program: how fast it is beside servers that check nothing, and how much memory it takes.
//!
//! `tests/bench/run` builds and starts this. [`speed`], [`large`] and [`memory`] say what is measured and how; [`load`] is
//! the client, [`transfer`] what it does with large artifacts, [`server`] starts and watches what is measured, [`bare`]
//! and [`plain`] are peers.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "figures are printed")]

mod bare;
mod content;
mod front;
mod large;
mod load;
mod machine;
mod memory;
mod origin;
mod plain;
mod report;
mod server;
mod speed;
mod table;
mod transfer;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use clap::{Parser, Subcommand};

use crate::machine::Machine;
use crate::report::Findings;

/// Measures hallmark-proxy. Without a command: everything, written to tests/bench/RESULTS.md.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Requests a second and processor time, beside a bare hyper server and nginx.
    Speed(speed::Options),
    /// One large artifact: whole, in parts, copied, beside the same store without the proxy.
    Large(large::Options),
    /// Before an object store: beside proxies that check nothing, and the store itself.
    Front(front::Options),
    /// Peak memory with many large transfers at once.
    Memory(memory::Options),
    /// The bare hyper server that is compared with.
    #[command(hide = true)]
    Bare,
    /// The object store in memory that proxies are measured before.
    #[command(hide = true)]
    Origin,
    /// The embedded store without the proxy, in a directory.
    #[command(hide = true)]
    Plain {
        /// Where.
        directory: PathBuf,
    },
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    match arguments.command {
        Some(Command::Bare) => runtime.block_on(bare::serve()),
        Some(Command::Origin) => runtime.block_on(origin::serve()),
        Some(Command::Speed(options)) => print!("{}", runtime.block_on(speed::measure(&options))),
        Some(Command::Plain { directory }) => runtime.block_on(plain::serve(&directory)),
        Some(Command::Large(options)) => print!("{}", runtime.block_on(large::measure(&options))),
        Some(Command::Front(options)) => print!("{}", runtime.block_on(front::measure(&options))),
        Some(Command::Memory(options)) => print!("{}", runtime.block_on(memory::measure(&options))),
        None => {
            let machine = Machine::begin();
            let speed = runtime.block_on(speed::measure(&speed::Options::default()));
            let large = runtime.block_on(large::measure(&large::Options::default()));
            let large_in_memory = large_in_memory();
            let front = runtime.block_on(front::measure(&front::Options::default()));
            let memory = runtime.block_on(memory::measure(&memory::Options::default()));
            let others = machine.others();
            report::write(&Findings { front, speed, large, large_in_memory, memory, others });
        }
    }
}

/// A file system that keeps nothing on a disk.
const MEMORY: &str = "/dev/shm";

/// [`large`] again, where no disk holds anybody up; `None`: there is no such place.
fn large_in_memory() -> Option<String> {
    if !Path::new(MEMORY).is_dir() {
        return None;
    }
    let mut again = Process::new(std::env::current_exe().expect("a program knows its own path"));
    // Where temporary directories are made is read from the environment, which cannot be changed in here.
    again.arg("large").env("TMPDIR", MEMORY).stderr(Stdio::inherit());
    let out = again.output().expect("it runs once, so it runs twice");
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

/// An address of this machine that nothing listens on at the moment.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port can be bound");
    listener.local_addr().expect("it has an address")
}
