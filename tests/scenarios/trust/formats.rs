//! Siblings that other tools made: what stands in `tests/vectors`, through the front door.

use std::path::{Path, PathBuf};

use super::{BUCKET, KEY, Lab};

const RULE: &str = "keys = [\"ci\"], enforce = \"download\"";

pub(super) fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// An artifact, and what stands beside it.
pub(super) fn read(vector: &str) -> (Vec<u8>, Vec<u8>) {
    let text = std::fs::read_to_string(vectors().join(vector)).unwrap();
    let (head, file) = text.split_once("\n---\n").unwrap();
    let artifact = head.lines().find_map(|line| line.strip_prefix("artifact: ")).unwrap();
    (serde_json::from_str::<String>(artifact).unwrap().into_bytes(), file.as_bytes().to_vec())
}

/// A deployment with these signers and attestations before everything else, and this rule.
fn lab(signers: &str, rule: &str) -> Lab {
    let lab = Lab::new(RULE, "");
    for root in
        ["ours-root.json", "theirs-root.json", "notation-roots.pem", "openssl.pub", "securesystemslib.pub"]
    {
        std::fs::copy(vectors().join(root), lab.proxy.site.path().join(root)).unwrap();
    }
    lab.changed(|text| {
        format!("{signers}\n{}", text.replace(RULE, &format!("{rule}, enforce = \"download\"")))
    })
}

/// What a reader gets of the artifact of `vector` once what is in it stands beside it.
fn with(lab: &Lab, key: &str, suffix: &str, vector: &str) -> Result<String, String> {
    let (artifact, sibling) = read(vector);
    assert_eq!(lab.client.put(BUCKET, key, &artifact).status, 200);
    let missing = lab.reader.get(BUCKET, key);
    assert_eq!(missing.code(), "ArtifactSignatureMissing", "{}", missing.text());
    let put = lab.client.put(BUCKET, &format!("{key}{suffix}"), &sibling);
    if put.status == 400 {
        // It is not what its name says: it is not even taken.
        assert_eq!(lab.client.delete(BUCKET, key).status, 204);
        return Err(put.text());
    }
    assert_eq!(put.status, 200, "{}", put.text());
    let got = lab.reader.get(BUCKET, key);
    let result = match got.status {
        200 => {
            assert_eq!(got.body, artifact);
            Ok(got.header("x-hallmark-verified").unwrap().to_owned())
        }
        _ => Err(got.text()),
    };
    for name in [key.to_owned(), format!("{key}{suffix}")] {
        assert_eq!(lab.client.delete(BUCKET, &name).status, 204);
    }
    result
}

#[track_caller]
fn refused(result: Result<String, String>, code: &str, part: &str) {
    let text = result.unwrap_err();
    assert!(text.contains(code) && text.contains(part), "{text}");
}

#[test]
fn a_bundle_by_a_key_counts() {
    let lab =
        lab("keys.maker.public_key_file = \"openssl.pub\"", "keys = [\"maker\"], siblings = [\"sigstore\"]");
    let verdict = |name: &str| with(&lab, KEY, ".sigstore.json", &format!("bundle/{name}.txt"));
    assert_eq!(verdict("key"), Ok("seal,maker".to_owned()));
    refused(verdict("key-other-artifact"), "ArtifactSignerUntrusted", "no signature");
    refused(verdict("trailing"), "InvalidRequest", "not a Sigstore bundle");
    refused(verdict("certificate"), "ArtifactSignatureMissing", "names no such signer");
}

#[test]
fn a_bundle_by_an_identity_counts() {
    let identity = "identities.bot.sigstore = { trusted_root_file = \"ours-root.json\", \
        identity = \"https://ci.example/release@main\", issuer = \"https://issuer.example\" }";
    let lab = lab(identity, "keys = [\"bot\"], siblings = [\"sigstore\"]");
    let verdict = |name: &str| with(&lab, KEY, ".sigstore.json", &format!("bundle/{name}.txt"));
    assert_eq!(verdict("certificate"), Ok("seal,bot".to_owned()));
    refused(verdict("certificate-theirs"), "ArtifactSignatureMissing", "of no use");
    refused(verdict("certificate-other-artifact"), "ArtifactSignatureMissing", "not about this artifact");
}

#[test]
fn a_notation_envelope_counts() {
    let identity = "identities.build.notation = { trust_anchors_file = \"notation-roots.pem\", \
        identity = 'x509.subject: C=US, ST=WA, O=Acme\\, Inc., CN=build' }";
    let lab = lab(identity, "keys = [\"build\"], siblings = [\"notation\"]");
    let verdict = |name: &str| with(&lab, KEY, ".jws.sig", &format!("notation/{name}.txt"));
    assert_eq!(verdict("es256"), Ok("seal,build".to_owned()));
    assert_eq!(verdict("es384"), Ok("seal,build".to_owned()));
    refused(verdict("changed-signature"), "ArtifactSignatureMissing", "of no use");
    refused(verdict("expired"), "ArtifactSignatureMissing", "of no use");
}

#[test]
fn a_statement_counts_if_it_is_the_one_that_is_asked_for() {
    let signers = "keys.builder = { public_key_file = \"securesystemslib.pub\", use = \"dsse\" }\n\
        attestations.slsa = { predicate_type = \"https://slsa.dev/provenance/v1\", \
        builder_id = \"https://builder.example/v1\", source = \"https://github.com/acme/app\" }";
    let rule = "keys = [\"builder\"], siblings = [\"intoto\"], attestation = \"slsa\"";
    let lab = lab(signers, rule);
    let verdict = |name: &str| with(&lab, KEY, ".intoto.jsonl", &format!("attestation/{name}.txt"));
    assert_eq!(verdict("slsa"), Ok("seal,builder".to_owned()));
    refused(verdict("slsa-other-builder"), "ArtifactAttestationUnmet", "");
    refused(verdict("slsa-other-source"), "ArtifactAttestationUnmet", "");
    refused(verdict("slsa-two-sources"), "ArtifactAttestationUnmet", "");
    refused(verdict("changed-payload"), "ArtifactSignerUntrusted", "");
    refused(verdict("duplicate-in-payload"), "InvalidRequest", "duplicate field");
    refused(verdict("other-payload-type"), "InvalidRequest", "not an in-toto statement");

    // And it must name the artifact, where names are to count.
    let bound = lab.changed(|text| text.replace(rule, &format!("{rule}, bind = \"name\"")));
    refused(
        with(&bound, "elsewhere/x", ".intoto.jsonl", "attestation/slsa.txt"),
        "ArtifactAttestationUnmet",
        "",
    );
}

#[test]
fn roots_that_are_none_are_said_at_the_start() {
    let lab = Lab::new(RULE, "");
    let path = lab.proxy.site.path();
    std::fs::write(path.join("none.json"), "{}").unwrap();
    let lines = "identities.bot.sigstore = { trusted_root_file = \"none.json\", identity = \"https://a.example\", \
        issuer = \"https://b.example\" }\n";
    lab.proxy.site.edit_config(|text| format!("{lines}{text}"));
    let config = hallmark_config::Config::load(&lab.proxy.site.config_file()).unwrap();
    let errors = hallmark_proxy::check(&config).unwrap_err().to_string();
    assert!(errors.contains("hallmark.toml:1:") && errors.contains("not a trusted root"), "{errors}");
}
