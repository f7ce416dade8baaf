//! A verified seal in the formats of others: DSSE, `sha256sum`.

use crate::dsse::{Envelope, EnvelopeSignature, IN_TOTO};
use crate::seal::verify::Seal;

impl Seal {
    /// The signed statement in a DSSE envelope, with the signature in DER and the whole key id.
    pub fn envelope(&self) -> Envelope {
        let keyid = Some(self.signer().id().to_hex());
        let signature = EnvelopeSignature { keyid, sig: self.line().signature.to_der() };
        Envelope {
            payload_type: IN_TOTO.to_owned(),
            payload: self.statement().payload().as_bytes().to_vec(),
            signatures: vec![signature],
        }
    }

    /// A line for `sha256sum -c`: `<hex>  <name>\n`.
    ///
    /// The name is what a download is usually called: the last segment of the key that is not empty (`artifact` if there
    /// is none). Where it holds a backslash, newline or carriage return, those are escaped and the line begins with a
    /// backslash, as `sha256sum` does it; `-`, which would mean standard input, becomes `./-`.
    pub fn sha256sum_line(&self) -> String {
        let observed = self.observed();
        let name = observed.key.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or("artifact");
        let name = if name == "-" { "./-" } else { name };
        let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == name { "" } else { "\\" };
        format!("{mark}{}  {escaped}\n", self.sha256())
    }
}

#[cfg(test)]
mod tests {
    use crate::seal::fixtures::Sample;
    use crate::verdicts::NoVerdicts;

    #[test]
    fn the_envelope_verifies_with_the_whole_key() {
        let sample = Sample::of_size(5);
        let seal = sample.verified();
        let envelope = crate::dsse::Envelope::parse(seal.envelope().to_json().as_bytes()).unwrap();
        let key = sample.sealer.public_key();
        assert_eq!(envelope.verified_by([("seal", key)], &NoVerdicts), Ok(vec!["seal"]));
        assert_eq!(envelope.payload, sample.statement().payload().as_bytes());
        assert_eq!(envelope.signatures[0].keyid, Some(key.id().to_hex()));
    }

    #[test]
    fn names_are_those_of_downloads() {
        for (key, mark, name) in [
            ("a/b/app.tar", "", "app.tar"),
            ("app.tar", "", "app.tar"),
            ("a/b/", "", "b"),
            ("//", "", "artifact"),
            ("a/ b *c", "", " b *c"),
            ("a/-", "", "./-"),
            ("a\\b", "\\", "a\\\\b"),
            ("a\nb\r", "\\", "a\\nb\\r"),
        ] {
            let mut sample = Sample::of_size(5);
            sample.key = key.to_owned();
            let seal = sample.verified();
            assert_eq!(seal.sha256sum_line(), format!("{mark}{}  {name}\n", seal.sha256()), "{key}");
        }
    }
}
