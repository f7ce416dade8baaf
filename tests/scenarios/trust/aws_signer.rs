//! `hallmark sign --signer awssigner:…`, and what the endpoint makes of it. AWS Signer is a server of these tests, as far as its
//! documentation goes; AWS itself was not asked.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallmark_tests::aws_signer::{AwsSigner, JOB, PROFILE, Says};
use hallmark_tests::command::Sandbox;
use hallmark_tests::proxy::{AWS_CREDENTIALS, Options, Proxy, program};
use hallmark_tests::site::{READER, Site};
use serde_json::{Value, json};

use super::{BUCKET, KEY, refused};

/// Where `hallmark` runs, with an artifact in it.
fn sandbox(proxy: &Proxy) -> Sandbox {
    let sandbox = Sandbox::new(proxy.address());
    fs::write(sandbox.path(KEY), "an artifact\n").unwrap();
    sandbox
}

fn signer(service: &AwsSigner, profile: &str) -> String {
    format!("awssigner:{profile}?region=eu-west-1&endpoint={}", service.endpoint())
}

fn hallmark(sandbox: &Sandbox, arguments: &[&str]) -> hallmark_tests::command::Ran {
    sandbox.run(program("hallmark"), arguments)
}

#[test]
fn a_signing_profile_signs_a_descriptor() {
    let service = AwsSigner::start();
    let sandbox = sandbox(&Proxy::start());
    let said = hallmark(&sandbox, &["--json", "sign", "--signer", &signer(&service, "Release"), KEY]).good();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["job"], &said["profile"]), (&"1".into(), &"Release".into()));
    let envelope = sandbox.path("app.tar.jws.sig");
    let jws: Value = serde_json::from_slice(&fs::read(&envelope).unwrap()).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(jws["payload"].as_str().unwrap()).unwrap();
    let sum = sandbox.run("sha256sum", &[KEY]).good();
    let digest = format!("sha256:{}", sum.split(' ').next().unwrap());
    assert_eq!(
        serde_json::from_slice::<Value>(&payload).unwrap(),
        json!({ "targetArtifact": { "mediaType": "application/octet-stream", "digest": digest, "size": 12 } })
    );

    // Nothing that was not signed well is written.
    fs::remove_file(&envelope).unwrap();
    let bad = |arguments: &[&str], code: i32, words: [&str; 2]| {
        let ran = hallmark(&sandbox, arguments);
        assert_eq!(ran.status.code(), Some(code), "{arguments:?}: {}", ran.stderr);
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{arguments:?}: {}", ran.stderr);
        assert!(!envelope.exists() && ran.stdout.is_empty(), "{arguments:?}");
    };
    bad(
        &["sign", "--signer", &signer(&service, "Nobody"), KEY],
        2,
        ["ResourceNotFoundException", "hint: are its name, the region"],
    );
    bad(&["sign", "--signer", &signer(&service, "Liar"), KEY], 3, ["error: ", "signature"]);
    bad(&["public-key", "--signer", &signer(&service, "Release")], 2, ["no public key", "ARN"]);
    bad(
        &["push", "--signer", &signer(&service, "Release"), KEY, "s3://b/k"],
        2,
        ["signs no digests", "hallmark sign"],
    );
}

#[test]
fn what_a_signing_profile_signed_is_served_until_it_is_revoked() {
    let service = AwsSigner::start();
    let site = Site::new(&Options {
        tables: format!(
            "[identities.aws.notation]\ntrust_anchors_file = \"root.crt\"\nidentity = \"{PROFILE}\"\n\
             revocation = {{ endpoint = \"{}\", max_age = \"0s\" }}\n[buckets.{BUCKET}]\nrules = [{{ prefix = \"\", \
             signatures = \"required\", keys = [\"aws\"], siblings = [\"notation\"], enforce = \"download\" }}]\n",
            service.endpoint()
        ),
        ..Options::default()
    });
    fs::copy(service.root(), site.path().join("root.crt")).unwrap();
    let keys = "[default]\naws_access_key_id = AKIAHALLMARK\naws_secret_access_key = secret\n";
    fs::write(site.path().join(AWS_CREDENTIALS), keys).unwrap();
    let proxy = Proxy::start_at(site);
    let (client, reader, sandbox) = (proxy.client(), proxy.client_of(READER), sandbox(&proxy));
    client.create_bucket(BUCKET);
    for (file, arguments) in
        [(KEY, vec![]), ("app.tar.jws.sig", vec!["sign", "--signer", &signer(&service, "Release"), KEY])]
    {
        if !arguments.is_empty() {
            assert_eq!(reader.get(BUCKET, KEY).code(), "ArtifactSignatureMissing");
            hallmark(&sandbox, &arguments).good();
        }
        hallmark(&sandbox, &["push", file, &format!("s3://{BUCKET}/{file}")]).good();
    }
    let served = reader.get(BUCKET, KEY);
    assert_eq!((served.status, served.header("x-hallmark-verified")), (200, Some("seal,aws")));
    assert_eq!(served.body, b"an artifact\n");
    assert_eq!(service.asked().len(), 1);

    service.says(Says::revoked(&[JOB]));
    let gone = reader.get(BUCKET, KEY);
    refused("revoked", &gone, "ArtifactKeyRevoked");
    assert!(gone.text().contains(&format!("AWS Signer has revoked {JOB}")), "{}", gone.text());
}
