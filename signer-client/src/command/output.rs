//! All that is printed: results on stdout; progress, notes and errors on stderr.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::command::failure::{Failure, RefusedBy};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lines for people.
    Text,
    /// One JSON object.
    Json,
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Bytes,
    Objects,
}

/// Where everything is written to.
pub(crate) struct Output {
    form: Form,
}

impl Output {
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The result: `lines` of a label and a value, or `json`.
    pub(crate) fn result(&self, json: &Value, lines: &[(&str, String)]) -> Result<(), Failure> {
        let text = match self.form {
            Form::Json => format!("{json}\n"),
            Form::Text => {
                let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
                let line = |(label, value): &(&str, String)| format!("{label:width$}  {}\n", visible(value));
                lines.iter().map(line).collect()
            }
        };
        self.bytes(text.as_bytes())
    }

    /// One of many results: a line.
    pub(crate) fn entry(&self, json: &Value, line: &str) -> Result<(), Failure> {
        match self.form {
            Form::Json => self.bytes(format!("{json}\n").as_bytes()),
            Form::Text => self.bytes(format!("{}\n", visible(line)).as_bytes()),
        }
    }

    /// One of many things that went wrong where standard output is for something else.
    pub(crate) fn remark(&self, json: &Value, line: &str) -> Result<(), Failure> {
        match self.form {
            Form::Json => self.entry(json, line),
            Form::Text => {
                error_line("problem", line);
                Ok(())
            }
        }
    }

    /// Data as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        written.map_err(|error| Failure::failed(format!("cannot write to standard output: {error}")))
    }

    /// Something that the user should know though nothing failed.
    pub(crate) fn note(&self, text: &str) {
        error_line("note", text);
    }

    /// Reports why the command ends.
    pub(crate) fn failure(&self, failure: &Failure) -> ExitCode {
        let Failure { exit, code, refused_by, message, hint } = failure;
        match code {
            Some(code) => error_line("error", &format!("{message} [{code}]")),
            None => error_line("error", message),
        }
        if let Some(hint) = hint {
            error_line("hint", hint);
        }
        if self.form == Form::Json {
            let error = json!({
                "exit": *exit as u8,
                "code": code,
                "refused_by": refused_by.map(RefusedBy::as_str),
                "message": message,
                "hint": hint,
            });
            // The exit code says it too, whatever becomes of this.
            let _ = self.bytes(format!("{}\n", json!({ "error": error })).as_bytes());
        }
        (*exit).into()
    }

    /// A progress bar over `size` bytes; hidden unless a person watches.
    pub(crate) fn bar(&self, what: &'static str, size: u64) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(size), self.progress()).with_message(what);
        let template =
            "{msg:>9} {bar:30} {binary_bytes:>11} of {binary_total_bytes} {binary_bytes_per_sec:>13}";
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Counts bytes, or objects, of which nobody knows how many there will be; hidden unless a person watches.
    pub(crate) fn counter(&self, what: &'static str, counted: Counted) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, self.progress()).with_message(what);
        let template = match counted {
            Counted::Bytes => "{msg:>9} {binary_bytes:>11} {binary_bytes_per_sec:>13} {elapsed:>6}",
            Counted::Objects => "{msg:>9} {human_pos:>11} {elapsed:>6}",
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    fn progress(&self) -> ProgressDrawTarget {
        let watched = self.form == Form::Text && std::io::stderr().is_terminal();
        if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
    }
}

/// A line on stderr. Nobody is left to tell if that fails.
fn error_line(label: &str, text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{label}: {}", visible(text));
}

/// The text with control characters escaped: names and messages of strangers must not command the terminal.
fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_command_the_terminal() {
        assert_eq!(visible("ключ 1"), "ключ 1");
        assert_eq!(visible("a\x1b[2Jb\r\nc\u{9b}"), "a\\u{1b}[2Jb\\r\\nc\\u{9b}");
    }
}
