//! The command `hallmark`: makes keys, signs and verifies files, uploads and downloads artifacts and checks what the
//! endpoint says of them, on the client's own machine.
//!
//! Everything is in [`command`]; what signs and verifies is in the library.

mod command;

fn main() -> std::process::ExitCode {
    command::run()
}
