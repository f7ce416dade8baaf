//! What went wrong: the exit code, whose verdict it was, what to tell the user.

use std::fmt::Display;
use std::process::ExitCode;

/// How the command ends when it fails. Scripts depend on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Files, network, server.
    Failed = 1,
    /// The command line, or what the environment has to provide.
    Usage = 2,
    /// An artifact, a signature or a seal is not to be trusted.
    Refused = 3,
    /// No such object or bucket.
    NotFound = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Who refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusedBy {
    /// A check made here.
    Client,
    /// The endpoint.
    Server,
}

impl RefusedBy {
    /// The word for it in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A failure as it is reported: `error: …`, then `hint: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// The server's error code, or for a refusal made here the code that the server has for the same.
    pub(crate) code: Option<String>,
    /// Iff it is a refusal.
    pub(crate) refused_by: Option<RefusedBy>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A file, the network or the server failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, code: None, refused_by: None, message: message.into(), hint: None }
    }

    /// The command line, or the environment, is not as it has to be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::failed(message) }
    }

    /// A check that was made here failed.
    pub(crate) fn refused(code: &str, message: impl Into<String>) -> Self {
        let (exit, refused_by) = (Exit::Refused, Some(RefusedBy::Client));
        Self { exit, code: Some(code.to_owned()), refused_by, ..Self::failed(message) }
    }

    /// With what to do next.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// For a file that cannot be read or written.
    pub(crate) fn io(doing: &str, path: &std::path::Path, error: impl Display) -> Self {
        Self::failed(format!("cannot {doing} {}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These are documented: `hallmark --help`.
    #[test]
    fn exit_codes_are_those_documented() {
        for (failure, code) in [
            (Failure::failed(""), 1),
            (Failure::usage(""), 2),
            (Failure::refused("ArtifactDigestMismatch", ""), 3),
        ] {
            assert_eq!(failure.exit as u8, code);
            assert_eq!(failure.refused_by.is_some(), failure.exit == Exit::Refused);
        }
        assert_eq!(Exit::NotFound as u8, 4);
        let help = <crate::command::args::Cli as clap::CommandFactory>::command().render_help().to_string();
        for code in ["0  done", "1  failed", "2  wrong usage", "3  refused", "4  not found"] {
            assert!(help.contains(code), "{code}");
        }
    }
}
