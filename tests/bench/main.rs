//! Measures the released program: how fast it is beside servers that check nothing, and how much memory it takes.
//!
//! `tests/bench/run` builds and starts this. [`speed`] and [`memory`] say what is measured and how; [`load`] is the
//! client, [`server`] starts and watches what is measured, [`bare`] is one of the peers.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "figures are printed")]

mod bare;
mod load;
mod memory;
mod report;
mod server;
mod speed;

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

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
    /// Peak memory with many large transfers at once.
    Memory(memory::Options),
    /// The bare hyper server that is compared with.
    #[command(hide = true)]
    Bare,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    match arguments.command {
        Some(Command::Bare) => runtime.block_on(bare::serve()),
        Some(Command::Speed(options)) => print!("{}", runtime.block_on(speed::measure(&options))),
        Some(Command::Memory(options)) => print!("{}", runtime.block_on(memory::measure(&options))),
        None => {
            let speed = runtime.block_on(speed::measure(&speed::Options::default()));
            let memory = runtime.block_on(memory::measure(&memory::Options::default()));
            report::write(&speed, &memory);
        }
    }
}

/// An address of this machine that nothing listens on at the moment.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port can be bound");
    listener.local_addr().expect("it has an address")
}
