//! Just enough of PEM (RFC 7468) to tell a public key from what people mistake for one.

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// How to get from a private key, or a certificate, to what is wanted.
const HOW: &str = "make it with `openssl pkey -in PRIVATE -pubout`";

/// The body of the one PEM block that `text` must be, without white space: equal for equal keys.
///
/// # Errors
/// What is wrong, without quoting the text.
pub(crate) fn public_key_body(text: &str) -> Result<String, String> {
    if text.contains("PRIVATE KEY-----") {
        return Err(format!(
            "this is a private key, which only its owner may have; give the public key: {HOW}"
        ));
    }
    let block = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or_else(|| {
        format!("must be one PEM block, from `{BEGIN}` to `{END}`, and nothing else; {HOW}")
    })?;
    let body: String = block.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    if body.is_empty() || !body.len().is_multiple_of(4) || !body.trim_end_matches('=').bytes().all(base64) {
        return Err("the PEM block is damaged: its inside is not Base64".to_owned());
    }
    Ok(body)
}

/// Whether `text` holds a public key, and no private one.
pub(crate) fn is_public_key(text: &str) -> bool {
    text.contains(BEGIN) && !text.contains("PRIVATE KEY-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_public_key_and_nothing_else() {
        let body = |text: &str| public_key_body(text);
        assert_eq!(
            body("\n-----BEGIN PUBLIC KEY-----\r\nAB CD\r\nEF==\r\n-----END PUBLIC KEY-----\n").unwrap(),
            "ABCDEF=="
        );
        let one = "-----BEGIN PUBLIC KEY-----\nABCD\n-----END PUBLIC KEY-----\n";
        let two = one.repeat(2);
        for (bad, expected) in [
            ("", "must be one PEM block"),
            ("ABCD", "must be one PEM block"),
            ("-----BEGIN CERTIFICATE-----\nABCD\n-----END CERTIFICATE-----", "must be one PEM block"),
            ("-----BEGIN EC PRIVATE KEY-----\nABCD\n-----END EC PRIVATE KEY-----", "this is a private key"),
            ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "damaged"),
            ("-----BEGIN PUBLIC KEY-----\nABC\n-----END PUBLIC KEY-----", "damaged"),
            ("-----BEGIN PUBLIC KEY-----\nA=CD\n-----END PUBLIC KEY-----", "damaged"),
            (&two, "damaged"),
        ] {
            let error = body(bad).unwrap_err();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }
}
