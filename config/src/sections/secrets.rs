//! A client's secret, from a file or from the environment, and names of files with private keys.

use std::path::PathBuf;

use crate::files;
use crate::reader::{Read, Table, Value};
use crate::secret::Secret;

/// Fewer characters than this can be guessed.
const MIN_SECRET: usize = 16;
const MAX_SECRET: usize = 1024;

/// Keys under which people write the secret itself.
const INLINE: &[&str] = &["secret", "secret_key", "secret_access_key", "password"];
const NOT_INLINE: &str = "a secret does not stand in this file; put it into a file of its own, named by \
    `secret_file`, or into an environment variable, named by `secret_env`";

pub(super) fn secret(table: &mut Table<'_>) -> Read<Secret> {
    table.refuse(INLINE, NOT_INLINE);
    table.either(("secret_file", from_file), ("secret_env", from_env))
}

fn from_file(value: &Value<'_>) -> Read<Secret> {
    let path = value.path()?;
    // One byte more for each of the line's end characters.
    let text = files::read_private_text(&path, MAX_SECRET as u64 + 2)
        .map_err(|message| value.place().problem(message))?;
    check(value, &text)
}

/// What opens a key, from a file: nobody types it, and whoever made it decided how long it is.
pub(super) fn passphrase(value: &Value<'_>) -> Read<Secret> {
    let path = value.path()?;
    let text = files::read_private_text(&path, MAX_SECRET as u64 + 2)
        .map_err(|message| value.place().problem(message))?;
    let line = one_line(&text);
    if line.is_empty() || line.contains(['\n', '\r', '\0']) {
        return Err(value.place().problem("the passphrase (or PIN) must be one line"));
    }
    Ok(Secret::new(line.to_owned()))
}

/// The name of a file with a private key, which is read elsewhere.
pub(super) fn private_file(value: &Value<'_>) -> Read<PathBuf> {
    let path = value.path()?;
    files::check_private_key_if_present(&path).map_err(|message| value.place().problem(message))?;
    Ok(path)
}

fn from_env(value: &Value<'_>) -> Read<Secret> {
    let name = value.parse(variable)?;
    let text = value.place().env(&name).map(zeroize::Zeroizing::new);
    let text = text.ok_or_else(|| value.place().problem("this environment variable is not set"))?;
    check(value, &text)
}

fn variable(name: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.bytes().all(fits) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(name.to_owned());
    }
    Err("the name of an environment variable (letters, digits and `_`), not its content")
}

/// The text without its line's end.
fn one_line(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))
}

fn check(value: &Value<'_>, text: &str) -> Read<Secret> {
    let secret = one_line(text);
    let problem = if secret.is_empty() {
        "the secret is empty".to_owned()
    } else if secret.chars().any(char::is_control) || secret.trim() != secret {
        "the secret must be one line without spaces around it".to_owned()
    } else if secret.chars().count() < MIN_SECRET {
        format!(
            "the secret must have at least {MIN_SECRET} characters; make one with `openssl rand -base64 30`"
        )
    } else if secret.len() > MAX_SECRET {
        format!("the secret must have at most {MAX_SECRET} bytes")
    } else {
        return Ok(Secret::new(secret.to_owned()));
    };
    Err(value.place().problem(problem))
}
