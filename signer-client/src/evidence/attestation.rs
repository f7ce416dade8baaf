//! Attestations beside an artifact: DSSE envelopes, one to a line (`.intoto.jsonl`, as in-toto's bundles are).

use crate::dsse::{Envelope, EnvelopeError};
use crate::evidence::json::MAX_FILE;

/// At most so many envelopes are read from one file.
pub const MAX_ATTESTATIONS: usize = 16;

/// At most so many signatures stand in the envelopes of one file, all together: each may have to be held against each key
/// that is trusted.
pub const MAX_ATTESTATION_SIGNATURES: usize = 16;

/// A file that does not hold envelopes, one to a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Over [`MAX_FILE`].
    #[error("longer than 65536 bytes")]
    TooLong,
    /// More than [`MAX_ATTESTATIONS`].
    #[error("more than 16 attestations")]
    TooMany,
    /// More than [`MAX_ATTESTATION_SIGNATURES`].
    #[error("more than 16 signatures in its attestations")]
    TooManySignatures,
    /// A line is no envelope. An empty file has one line, which is empty.
    #[error("line {line}: {error}")]
    Line {
        /// Which one, counted from 1.
        line: usize,
        /// What is wrong with it.
        error: EnvelopeError,
    },
}

/// Reads a file of DSSE envelopes, one to a line, at least one; the last line may end in a newline. What they say is known
/// when [`Envelope::verified_statement`] says it.
///
/// # Errors
/// A line that is no envelope, too many of them, or too long a file.
pub fn parse_attestations(file: &[u8]) -> Result<Vec<Envelope>, AttestationError> {
    if file.len() > MAX_FILE {
        return Err(AttestationError::TooLong);
    }
    let lines = file.strip_suffix(b"\n").unwrap_or(file).split(|byte| *byte == b'\n');
    let mut envelopes = Vec::new();
    for (index, line) in lines.enumerate() {
        if index == MAX_ATTESTATIONS {
            return Err(AttestationError::TooMany);
        }
        let envelope = Envelope::parse(line);
        envelopes.push(envelope.map_err(|error| AttestationError::Line { line: index + 1, error })?);
    }
    let signatures: usize = envelopes.iter().map(|envelope| envelope.signatures.len()).sum();
    if signatures > MAX_ATTESTATION_SIGNATURES {
        return Err(AttestationError::TooManySignatures);
    }
    Ok(envelopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"payloadType":"t","payload":"","signatures":[{"sig":"AA=="}]}"#;

    #[test]
    fn every_line_is_an_envelope() {
        let lines = |count| vec![ENVELOPE; count].join("\n");
        for count in [1, 2, MAX_ATTESTATIONS] {
            assert_eq!(parse_attestations(lines(count).as_bytes()).map(|all| all.len()), Ok(count));
            assert_eq!(parse_attestations((lines(count) + "\n").as_bytes()).map(|all| all.len()), Ok(count));
        }
        assert_eq!(
            parse_attestations(lines(MAX_ATTESTATIONS + 1).as_bytes()),
            Err(AttestationError::TooMany)
        );
        let line = |text: &str| match parse_attestations(text.as_bytes()) {
            Err(AttestationError::Line { line, .. }) => line,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(line(""), 1);
        assert_eq!(line("\n"), 1);
        assert_eq!(line(&format!("{ENVELOPE}\n\n")), 2);
        assert_eq!(line(&format!("{ENVELOPE}\n\n{ENVELOPE}")), 2);
        assert_eq!(line(&format!("{ENVELOPE}{ENVELOPE}")), 1);
        assert_eq!(line(&format!("{ENVELOPE}\nx")), 2);
        assert_eq!(parse_attestations(&[b' '; MAX_FILE + 1]), Err(AttestationError::TooLong));
    }

    #[test]
    fn the_signatures_of_a_file_are_bounded_together() {
        let eight = ENVELOPE.replace(r#"{"sig":"AA=="}"#, &[r#"{"sig":"AA=="}"#; 8].join(","));
        let two = [eight.as_str(); 2].join("\n");
        assert_eq!(parse_attestations(two.as_bytes()).map(|all| all.len()), Ok(2));
        let more = format!("{two}\n{ENVELOPE}");
        assert_eq!(parse_attestations(more.as_bytes()), Err(AttestationError::TooManySignatures));
    }
}
