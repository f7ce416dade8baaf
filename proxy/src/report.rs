//! What the command says on stderr when it cannot go on: `error: …`, then `hint: …` where there is one.

use std::io::{self, Write as _};

use hallmark_config::ConfigErrors;
use hallmark_proxy::server::BindError;

/// Says why the program ends.
pub(crate) fn last_word(error: &anyhow::Error) {
    if let Some(errors) = error.downcast_ref::<ConfigErrors>() {
        return say(&config(errors), None);
    }
    let hint = match error.downcast_ref::<BindError>() {
        Some(BindError::Address { source, .. }) => match source.kind() {
            io::ErrorKind::AddrInUse => Some("--listen ADDRESS:PORT, or stop what listens there"),
            io::ErrorKind::AddrNotAvailable => Some("--listen ADDRESS:PORT with an address of this machine"),
            io::ErrorKind::PermissionDenied => Some("--listen ADDRESS:PORT with a port from 1024"),
            _ => None,
        },
        Some(BindError::Tls(_)) | None => None,
    };
    let error = causes(error);
    // Between here and the TLS library others hand on its words, not its error.
    let distrusted = error.contains("invalid peer certificate").then_some(
        "`store.ca_file` names the authorities that the store's certificate may be by; left out: those of this machine",
    );
    say(&error, hint.or(distrusted));
}

/// Writes an error and what to do about it.
pub(crate) fn say(error: &str, hint: Option<&str>) {
    let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    // There is nobody to tell if stderr is closed.
    let _ = write!(io::stderr(), "error: {error}\n{hint}");
}

/// Writes what is not wrong and should be looked at.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {text}");
}

fn config(errors: &ConfigErrors) -> String {
    match errors.errors().len() {
        0 | 1 => errors.to_string(),
        number => format!("{} has {number} errors:\n{errors}", errors.origin()),
    }
}

/// An error and its causes, each once: some errors name their cause already.
fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_named_once() {
        let cause = || io::Error::other("the disk is full");
        for error in [
            anyhow::Error::new(cause()).context("cannot write"),
            anyhow::Error::new(cause()).context("cannot write: the disk is full"),
        ] {
            assert_eq!(causes(&error), "cannot write: the disk is full");
        }
    }
}
