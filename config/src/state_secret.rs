//! The state secret and its one text form.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::files;

/// Bytes of the secret.
const BYTES: usize = 32;

/// The longest file: two digits a byte, and a line's end.
const MAX_FILE: u64 = 2 * BYTES as u64 + 2;

const FORM: &str = "the file must hold 32 random bytes as 64 hexadecimal digits on one line; make it with \
    `umask 077; openssl rand -hex 32`";

/// 32 random bytes that authenticate upload ids and the records of uploads in progress: wiped when dropped, shown as
/// `[redacted]`. In its file they are 64 hexadecimal digits, which a line's end may follow.
#[derive(Clone)]
pub struct StateSecret(Zeroizing<[u8; BYTES]>);

impl StateSecret {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// What is wrong with the file, without its name and content: it is not there, it is open to others than its owner,
    /// or it does not hold a secret.
    pub fn load(path: &Path) -> Result<Self, String> {
        Self::parse(&files::read_private_text(path, MAX_FILE)?)
    }

    /// Reads the content of such a file.
    ///
    /// # Errors
    /// Another text; the message does not quote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return Err(FORM.to_owned());
        }
        let mut secret = Zeroizing::new([0; BYTES]);
        for (byte, [high, low]) in secret.iter_mut().zip(pairs) {
            *byte = digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low).ok_or(FORM)?;
        }
        if secret.iter().all(|byte| *byte == 0) {
            return Err("the secret in the file is all zeros".to_owned());
        }
        Ok(Self(secret))
    }

    /// The bytes themselves, for the one place that computes with them.
    pub fn expose(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl fmt::Debug for StateSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn digit(character: u8) -> Option<u8> {
    // A digit is below 16.
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff";

    #[test]
    fn a_secret_is_64_digits_on_one_line() {
        for end in ["", "\n", "\r\n"] {
            let secret = StateSecret::parse(&format!("{DIGITS}{end}")).unwrap();
            let half: Vec<u8> = (0..16).map(|n| n * 0x11).collect();
            assert_eq!(secret.expose().as_slice(), [half.as_slice(), &half].concat());
            assert_eq!(format!("{secret:?}"), "[redacted]");
        }
    }

    #[test]
    fn nothing_else_is_a_secret() {
        let (_, short) = DIGITS.split_at(2);
        for text in [
            String::new(),
            "\n".to_owned(),
            short.to_owned(),
            format!("{DIGITS}00"),
            format!("{DIGITS}\n\n"),
            format!("{DIGITS}\r"),
            format!(" {DIGITS}"),
            format!("0x{short}"),
            format!("+1{short}"),
            format!("0g{short}"),
            format!("\u{e9}{short}"),
        ] {
            assert_eq!(StateSecret::parse(&text).map(|_| ()), Err(FORM.to_owned()), "{text:?}");
        }
        assert!(StateSecret::parse(&"0".repeat(64)).unwrap_err().contains("zeros"));
    }
}
