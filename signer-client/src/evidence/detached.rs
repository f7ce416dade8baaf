//! Detached signatures: a file that holds nothing else. cosign writes base64 of the DER, openssl the DER itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::signature::Signature;

/// A file that is no detached signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither a DER-encoded ECDSA P-256 signature (as `openssl dgst -sha256 -sign` makes it) nor one line with its padded \
     base64 (as `cosign sign-blob --key` makes it)"
)]
pub struct DetachedError;

/// Reads a detached signature: the DER of an ECDSA P-256 signature, or one line with its standard base64, padded, with or
/// without a newline at its end. No file is both: DER has an INTEGER's tag (0x02) where base64 has a letter.
///
/// ```
/// use hallmark_signer::evidence::{DetachedError, parse_detached};
/// let cosign = "MAYCAQECAQE=";
/// assert_eq!(parse_detached(cosign.as_bytes()), parse_detached(b"\x30\x06\x02\x01\x01\x02\x01\x01"));
/// assert_eq!(parse_detached(format!("{cosign}\n").as_bytes()), parse_detached(cosign.as_bytes()));
/// assert_eq!(parse_detached(format!("{cosign}\n\n").as_bytes()), Err(DetachedError));
/// ```
///
/// # Errors
/// Anything else.
pub fn parse_detached(file: &[u8]) -> Result<Signature, DetachedError> {
    if let Ok(signature) = Signature::from_der(file) {
        return Ok(signature);
    }
    let line = file.strip_suffix(b"\n").unwrap_or(file);
    let der = STANDARD.decode(line).map_err(|_| DetachedError)?;
    Signature::from_der(&der).map_err(|_| DetachedError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_around_the_signature() {
        let der = hex::decode("3006020101020101").unwrap();
        let base64 = STANDARD.encode(&der);
        assert_eq!(parse_detached(&der).unwrap().to_der(), der);
        for bad in [
            String::new(),
            "\n".to_owned(),
            format!(" {base64}"),
            format!("{base64} "),
            format!("{base64}\r\n"),
            format!("\n{base64}"),
            format!("{base64}\n{base64}"),
            base64.trim_end_matches('=').to_owned(),
            base64.replace("QE=", "QF="),
            STANDARD.encode([&der[..], &[0]].concat()),
            STANDARD.encode(&base64),
            hex::encode(&der),
        ] {
            assert_eq!(parse_detached(bad.as_bytes()), Err(DetachedError), "{bad:?}");
        }
        for bad in [[&der[..], b"\n"].concat(), [&der[..], &der].concat(), der[..7].to_vec()] {
            assert_eq!(parse_detached(&bad), Err(DetachedError), "{bad:02x?}");
        }
    }
}
