//! The subcommands, and what happens around each of them.
//!
//! [`args`] says what can be asked for. A file is signed by [`sign`] with a key that [`signing`] goes to, and verified by
//! [`verify`] with one that [`keys`] reads; [`keygen`] makes both, [`public_key`] shows the one of the other. An upload goes through [`push`]: [`hash`], then [`body`] to the endpoint of [`remote`], then the seal
//! that came of it is looked at. A [`download`] goes through [`pull`]: its [`head`] is checked by [`check`], its bytes wait
//! in [`place`] until they were checked too; who [`signed`] it is found out before. Files beside an artifact are read and written by [`sibling`]. What a [`listing`] names below a [`prefix`] is worked on by a [`crew`]: [`audit`]
//! downloads it at a [rate](hallmark_signer::Rate), [`checksums`] lists it, and [`verify_list`] checks files against such a list. What waits
//! for signatures gets one by [`approve`]; what the endpoint makes of it is its [`standing`]. What goes wrong is a [`failure::Failure`], with its exit code, and what to
//! do about it is a [`hint`];
//! all that is printed is printed by [`output`].

mod approve;
mod args;
mod audit;
mod authorities;
mod body;
mod certificate;
mod check;
mod checksums;
mod crew;
mod download;
mod failure;
mod hash;
mod head;
mod hint;
mod inspect;
mod keygen;
mod keys;
mod listing;
mod location;
mod output;
mod place;
mod prefix;
mod problem;
mod public_key;
mod pull;
mod push;
mod remote;
mod service;
mod sibling;
mod sign;
mod signed;
mod signing;
mod standing;
mod told;
mod verify;
mod verify_list;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};
use failure::Failure;
use output::Output;

/// Reads the command line, does what it says, and reports.
pub(crate) fn run() -> ExitCode {
    let Cli { json, command } = Cli::parse();
    let output = Output::new(if json { output::Form::Json } else { output::Form::Text });
    let done = match command {
        Command::Keygen(args) => keygen::run(&args, &output),
        Command::PublicKey(args) => online(public_key::run(&args, &output)),
        Command::Sign(args) => online(sign::run(&args, &output)),
        Command::Verify(args) => verify::run(&args, &output),
        Command::Push(args) => online(push::run(&args, &output)),
        Command::Pull(args) => online(pull::run(&args, &output)),
        Command::Inspect(args) => online(inspect::run(&args, &output)),
        Command::Approve(args) => online(approve::run(&args, &output)),
        Command::Audit(args) => online(audit::run(&args, &output)),
        Command::Checksums(args) => online(checksums::run(&args, &output)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failure(&failure),
    }
}

/// Runs a command that talks to the endpoint. An interrupted one is dropped, and with it what it had not finished: a
/// download's temporary file goes away.
fn online(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let done = runtime.block_on(async {
        tokio::select! {
            done = command => done,
            () = interrupted() => Err(Failure::failed("interrupted")),
        }
    });
    // A token that does not answer is waited for no longer.
    runtime.shutdown_background();
    done
}

/// Ctrl-C, or the request to end.
async fn interrupted() {
    let ctrl_c = async {
        // If the handler cannot be installed, the signal ends the process as it always does.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
}
