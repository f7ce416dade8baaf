//! Siblings that other tools made: what stands in `tests/vectors`, through the front door.

use hallmark_tests::vectors;

use super::{BUCKET, KEY, Lab};

const RULE: &str = "keys = [\"ci\"], enforce = \"download\"";

/// A deployment with these signers and attestations before everything else, and this rule.
fn lab(signers: &str, rule: &str) -> Lab {
    let lab = Lab::new(RULE, "");
    for root in
        ["ours-root.json", "theirs-root.json", "notation-roots.pem", "openssl.pub", "securesystemslib.pub"]
    {
        std::fs::copy(vectors::folder().join(root), lab.proxy.site.path().join(root)).unwrap();
    }
    lab.changed(|text| {
        format!("{signers}\n{}", text.replace(RULE, &format!("{rule}, enforce = \"download\"")))
    })
}

/// What a reader gets of the artifact of `vector` once what is in it stands beside it.
fn with(lab: &Lab, key: &str, suffix: &str, vector: &str) -> Result<String, String> {
    with_in(lab, BUCKET, key, suffix, vector)
}

/// The same in another bucket.
fn with_in(lab: &Lab, bucket: &str, key: &str, suffix: &str, vector: &str) -> Result<String, String> {
    let (artifact, sibling) = vectors::read(vector);
    assert_eq!(lab.client.put(bucket, key, &artifact).status, 200);
    let missing = lab.reader.get(bucket, key);
    assert_eq!(missing.code(), "ArtifactSignatureMissing", "{}", missing.text());
    let put = lab.client.put(bucket, &format!("{key}{suffix}"), &sibling);
    if put.status == 400 {
        // It is not what its name says: it is not even taken.
        assert_eq!(lab.client.delete(bucket, key).status, 204);
        return Err(put.text());
    }
    assert_eq!(put.status, 200, "{}", put.text());
    let got = lab.reader.get(bucket, key);
    let result = match got.status {
        200 => {
            assert_eq!(got.body, artifact);
            Ok(got.header("x-hallmark-verified").unwrap().to_owned())
        }
        _ => Err(got.text()),
    };
    for name in [key.to_owned(), format!("{key}{suffix}")] {
        assert_eq!(lab.client.delete(bucket, &name).status, 204);
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
    let verdict = |name: &str| with(&lab, KEY, ".sigstore.json", &format!("bundle/{name}"));
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
    let verdict = |name: &str| with(&lab, KEY, ".sigstore.json", &format!("bundle/{name}"));
    assert_eq!(verdict("certificate"), Ok("seal,bot".to_owned()));
    refused(verdict("certificate-theirs"), "ArtifactSignatureMissing", "of no use");
    refused(verdict("certificate-other-artifact"), "ArtifactSignatureMissing", "not about this artifact");
}

/// Of `bot`, with this between `identity` and `issuer`, and this in its table.
fn bot(identity: &str, issuer: &str, more: &str) -> String {
    format!(
        "identities.bot = {{ sigstore = {{ trusted_root_file = \"ours-root.json\", identity = \"{identity}\", \
         issuer = \"{issuer}\" }}{more} }}\nattestations.tested.predicate_type = \"https://example.com/tested/v1\""
    )
}

const IDENTITY: &str = "https://ci.example/release@main";
const ISSUER: &str = "https://issuer.example";

#[test]
fn a_bundle_counts_by_the_whole_identity_and_its_issuer() {
    let rule = "keys = [\"bot\"], siblings = [\"sigstore\"]";
    let verdict = |identity: &str, issuer: &str| {
        let lab = lab(&bot(identity, issuer, ""), rule);
        with(&lab, KEY, ".sigstore.json", "bundle/certificate")
    };
    assert_eq!(verdict(IDENTITY, ISSUER), Ok("seal,bot".to_owned()));
    for other in [
        "https://ci.example/release@mai",
        "https://ci.example/release@main2",
        "https://CI.example/release@main",
    ] {
        let by = format!("signed by `{IDENTITY}`, not by the identity that is trusted");
        refused(verdict(other, ISSUER), "ArtifactSignatureMissing", &by);
    }
    for other in ["https://issuer.example/", "https://issuer", "http://issuer.example"] {
        let by = format!("signed by somebody known to `{ISSUER}`, not by the identity that is trusted");
        refused(verdict(IDENTITY, other), "ArtifactSignatureMissing", &by);
    }
}

/// Judged by the log's time and by the seal's.
#[test]
fn a_bundle_counts_while_its_identity_is_valid() {
    let rule = "keys = [\"bot\"], siblings = [\"sigstore\"]";
    let verdict = |more: &str| {
        let lab = lab(&bot(IDENTITY, ISSUER, more), rule);
        with(&lab, KEY, ".sigstore.json", "bundle/certificate")
    };
    let good = Ok("seal,bot".to_owned());
    let long = ", not_before = 2026-01-01T00:00:00Z, not_after = 2999-01-01T00:00:00Z";
    assert_eq!(verdict(long), good);
    assert_eq!(verdict(", revoked = \"left\", revoked_at = 2999-01-01T00:00:00Z"), good);
    let outside = "that is outside the key's validity";
    refused(verdict(", not_before = 2998-01-01T00:00:00Z"), "ArtifactKeyNotValid", outside);
    refused(verdict(", not_after = 2026-01-01T00:00:00Z"), "ArtifactKeyNotValid", outside);
    // Valid when it was sealed, and not yet when the log saw it: each of its times must be good.
    let between = format!(", not_before = {}", later_than_logged("bundle/certificate"));
    refused(verdict(&between), "ArtifactKeyNotValid", outside);
    let revoked = "by `bot`, and revoked: left";
    refused(verdict(", revoked = \"left\""), "ArtifactKeyRevoked", revoked);
    refused(
        verdict(", revoked = \"left\", revoked_at = 2026-01-01T00:00:00Z"),
        "ArtifactKeyRevoked",
        revoked,
    );
}

/// A second after the log saw what is in the vector, in TOML.
fn later_than_logged(vector: &str) -> String {
    let (_, bundle) = vectors::read(vector);
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    let logged = &bundle["verificationMaterial"]["tlogEntries"][0]["integratedTime"];
    let logged: u64 = logged.as_str().unwrap().parse().unwrap();
    hallmark_config::UnixMs((logged + 1) * 1000).to_string()
}

#[test]
fn a_certificate_counts_for_a_name_if_it_signed_that() {
    let named = "keys = [\"bot\"], siblings = [\"sigstore\"], attestation = \"tested\", bind = \"name\"";
    let lab = lab(&bot(IDENTITY, ISSUER, ""), named)
        .changed(|text| text.replace("[buckets.approved]", "[buckets.releases]"));
    lab.client.create_bucket("releases");
    let verdict = |key: &str, vector: &str| {
        with_in(&lab, "releases", key, ".sigstore.json", &format!("bundle/{vector}"))
    };
    assert_eq!(verdict(KEY, "certificate-statement"), Ok("seal,bot".to_owned()));
    let unmet = "what `bot` signed is not the statement about this artifact";
    refused(verdict("b.tar", "certificate-statement"), "ArtifactAttestationUnmet", unmet);
    refused(verdict(KEY, "certificate"), "ArtifactAttestationUnmet", unmet);
    refused(verdict(KEY, "certificate-other-subject"), "ArtifactSignatureMissing", "not about this artifact");
}

#[test]
fn a_notation_envelope_counts() {
    let identity = "identities.build.notation = { trust_anchors_file = \"notation-roots.pem\", \
        identity = 'x509.subject: C=US, ST=WA, O=Acme\\, Inc., CN=build' }";
    let lab = lab(identity, "keys = [\"build\"], siblings = [\"notation\"]");
    let verdict = |name: &str| with(&lab, KEY, ".jws.sig", &format!("notation/{name}"));
    assert_eq!(verdict("es256"), Ok("seal,build".to_owned()));
    assert_eq!(verdict("es384"), Ok("seal,build".to_owned()));
    refused(verdict("changed-signature"), "ArtifactSignatureMissing", "of no use");
    refused(verdict("expired"), "ArtifactSignatureMissing", "of no use");
}

#[test]
fn a_notation_envelope_counts_while_its_identity_is_valid() {
    let verdict = |identity: &str, more: &str| {
        let identity = format!(
            "identities.build = {{ notation = {{ trust_anchors_file = \"notation-roots.pem\", identity = '{identity}' }}{more} }}"
        );
        let lab = lab(&identity, "keys = [\"build\"], siblings = [\"notation\"]");
        with(&lab, KEY, ".jws.sig", "notation/es256")
    };
    let whole = "x509.subject: C=US, ST=WA, O=Acme\\, Inc., CN=build";
    assert_eq!(verdict(whole, ", not_after = 2999-01-01T00:00:00Z"), Ok("seal,build".to_owned()));
    refused(
        verdict(whole, ", not_before = 2998-01-01T00:00:00Z"),
        "ArtifactKeyNotValid",
        "outside the key's validity",
    );
    refused(
        verdict(whole, ", not_after = 2026-01-01T00:00:00Z"),
        "ArtifactKeyNotValid",
        "outside the key's validity",
    );
    refused(verdict(whole, ", revoked = \"left\""), "ArtifactKeyRevoked", "by `build`, and revoked: left");
    let other = "x509.subject: C=US, ST=WA, O=Acme\\, Inc., CN=builder";
    refused(verdict(other, ""), "ArtifactSignatureMissing", "not the identity");
}

#[test]
fn a_statement_counts_if_it_is_the_one_that_is_asked_for() {
    let signers = "keys.builder = { public_key_file = \"securesystemslib.pub\", use = \"dsse\" }\n\
        attestations.slsa = { predicate_type = \"https://slsa.dev/provenance/v1\", \
        builder_id = \"https://builder.example/v1\", source = \"https://github.com/acme/app\" }";
    let rule = "keys = [\"builder\"], siblings = [\"intoto\"], attestation = \"slsa\"";
    let lab = lab(signers, rule);
    let verdict = |name: &str| with(&lab, KEY, ".intoto.jsonl", &format!("attestation/{name}"));
    assert_eq!(verdict("slsa"), Ok("seal,builder".to_owned()));
    refused(verdict("slsa-other-builder"), "ArtifactAttestationUnmet", "");
    refused(verdict("slsa-other-source"), "ArtifactAttestationUnmet", "");
    refused(verdict("slsa-two-sources"), "ArtifactAttestationUnmet", "");
    refused(verdict("changed-payload"), "ArtifactSignerUntrusted", "");
    refused(verdict("duplicate-in-payload"), "InvalidRequest", "duplicate field");
    refused(verdict("other-payload-type"), "InvalidRequest", "not an in-toto statement");

    // And it must name the artifact, where names are to count.
    let bound = lab.changed(|text| text.replace(rule, &format!("{rule}, bind = \"name\"")));
    refused(with(&bound, "elsewhere/x", ".intoto.jsonl", "attestation/slsa"), "ArtifactAttestationUnmet", "");
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
