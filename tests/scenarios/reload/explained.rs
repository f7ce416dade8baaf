//! `explain`: each kind of signature that may stand beside an artifact, and what is wrong with it.

use std::path::Path;

use hallmark_signer::Sha256Digest;
use hallmark_tests::proxy::Proxy;
use hallmark_tests::site::{Engine, Options, Site};
use hallmark_tests::vectors;

use super::BUCKET;
use super::commands::run;

/// By whom, and the rules that ask for them.
const SIGNERS: &str = r#"
keys.maker.public_key_file = "openssl.pub"
keys.builder = { public_key_file = "securesystemslib.pub", use = "dsse" }
identities.bot.sigstore = { trusted_root_file = "ours-root.json", identity = "https://ci.example/release@main", issuer = "https://issuer.example" }
identities.build.notation = { trust_anchors_file = "notation-roots.pem", identity = 'x509.subject: C=US, ST=WA, O=Acme\, Inc., CN=build' }
attestations.slsa = { predicate_type = "https://slsa.dev/provenance/v1", builder_id = "https://builder.example/v1" }
"#;
const RULES: &str = r#"
[[buckets.artifacts.rules]]
prefix = "bundle/"
signatures = "required"
keys = ["maker", "bot"]
siblings = ["sigstore"]
enforce = "download"

[[buckets.artifacts.rules]]
prefix = "attestation/"
signatures = "required"
keys = ["builder"]
siblings = ["intoto"]
attestation = "slsa"
enforce = "download"

[[buckets.artifacts.rules]]
prefix = "notation/"
signatures = "required"
keys = ["build"]
siblings = ["notation"]
enforce = "download"
"#;

/// What stands beside the artifact of each of these vectors, and what is said of it.
const EXPLAINED: [(&str, &str, i32, &[&str]); 9] = [
    (
        "bundle/key-npm",
        ".sigstore.json",
        3,
        &[
            "of: maker, bot",
            ".sigstore.json: sealed at 20",
            "missing: 1 more of 1 of: maker, bot",
            "ArtifactSignerUntrusted",
        ],
    ),
    (
        "bundle/key",
        ".sigstore.json",
        0,
        &[
            "siblings    bundle/key.sigstore.json: sealed at 20",
            "maker, of 20",
            ": counts\n",
            "good: seal,maker\n",
        ],
    ),
    (
        "bundle/certificate",
        ".sigstore.json",
        0,
        &["bundle/certificate.sigstore.json: sealed at 20", "bot, of 20", ": counts\n", "good: seal,bot\n"],
    ),
    (
        "bundle/certificate-late",
        ".sigstore.json",
        3,
        &[
            "certificate-late.sigstore.json: of no use: the bundle does not hold against the trusted root",
            "CertExpired",
            "not served: ArtifactSignatureMissing (sibling_unusable)",
        ],
    ),
    (
        "attestation/slsa",
        ".intoto.jsonl",
        0,
        &[
            "attestation/slsa.intoto.jsonl: sealed at 20",
            "builder, of 20",
            ": counts\n",
            "good: seal,builder\n",
        ],
    ),
    (
        "attestation/slsa-other-builder",
        ".intoto.jsonl",
        3,
        &[
            "attestation/slsa-other-builder.intoto.jsonl: sealed at 20",
            "builder, of 20",
            ": does not count: it is not over what the rule asks for\n",
            "missing: 1 more of 1 of: builder",
            "not served: ArtifactAttestationUnmet (attestation_unmet)",
            "what `builder` signed is not the statement about this artifact that the rule for this key asks for",
        ],
    ),
    (
        "attestation/other-key",
        ".intoto.jsonl",
        3,
        &["attestation/other-key.intoto.jsonl: sealed at 20", "ArtifactSignerUntrusted (signer_untrusted)"],
    ),
    (
        "notation/es384",
        ".jws.sig",
        0,
        &["notation/es384.jws.sig: sealed at 20", "build, of 20", ": counts\n", "good: seal,build\n"],
    ),
    (
        "notation/other-common-name",
        ".jws.sig",
        3,
        &["notation/other-common-name.jws.sig: of no use: ", "not the identity", "(sibling_unusable)"],
    ),
];

#[test]
fn every_kind_of_signature_beside_an_artifact_is_explained() {
    let site = Site::new(&Options { tables: RULES.to_owned(), store: Engine::Local, ..Options::default() });
    for needed in ["openssl.pub", "securesystemslib.pub", "ours-root.json", "notation-roots.pem"] {
        std::fs::copy(vectors::folder().join(needed), site.path().join(Path::new(needed))).unwrap();
    }
    site.edit_config(|text| format!("{SIGNERS}{text}"));
    let mut proxy = Proxy::start_at(site);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    for (vector, suffix, _, _) in EXPLAINED {
        let (artifact, beside) = vectors::read(vector);
        assert_eq!(client.put(BUCKET, vector, &artifact).status, 200);
        let put = client.put(BUCKET, &format!("{vector}{suffix}"), &beside);
        assert_eq!(put.status, 200, "{vector}: {}", put.text());
    }
    proxy.kill();
    let explained = |vector: &str, code: i32, words: &[&str]| {
        let object = format!("s3://{BUCKET}/{vector}");
        let (exit, said) = run(&proxy.site, &["explain", "hallmark.toml", &object]);
        assert_eq!(exit, Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word}\n{said}");
        }
    };
    for (vector, _, code, words) in EXPLAINED {
        explained(vector, code, words);
    }

    // Denied, whoever signed; that somebody did is still told.
    let (artifact, _) = vectors::read("bundle/key");
    let sha256 = Sha256Digest::of(&artifact).to_hex();
    proxy
        .site
        .edit_config(|text| format!("{text}\n[[deny]]\nsha256 = \"{sha256}\"\nreason = \"CVE-2026-0001\"\n"));
    let denied = ["not served: ArtifactDenied (denied)", "it is denied by the configuration: CVE-2026-0001"];
    for (vector, who) in [("bundle/key", "maker, of 20"), ("notation/es384", "build, of 20")] {
        explained(vector, 3, &[&denied[..], &[who, ": counts\n"]].concat());
    }
}
