//! What AWS Signer has revoked since it signed it. AWS Signer is a server of these tests, as far as its documentation goes; AWS
//! itself was not asked.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use hallmark_tests::aws_signer::{AwsSigner, Says};
use hallmark_tests::proxy::{AWS_CONFIG, AWS_CREDENTIALS, Options, Proxy};
use hallmark_tests::raw::{DEADLINE, Response};
use hallmark_tests::s3::Client;
use hallmark_tests::site::{READER, Site};
use hallmark_tests::vectors;
use serde_json::Value;

use super::{BUCKET, KEY, refused};

const ENVELOPE: &str = "app.tar.jws.sig";
const PROFILE: &str = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/Build";
const JOB: &str = "arn:aws:signer:us-east-1:111122223333:/signing-jobs/0";

/// A proxy whose rule asks for a signature by a signing profile.
struct Lab {
    proxy: Proxy,
    client: Client,
    reader: Client,
    artifact: Vec<u8>,
}

impl Lab {
    /// `revocation`: the value of the configuration; `more`: of the rule.
    fn start(revocation: &str, more: &str) -> Self {
        Self::with(revocation, "", &format!("keys = [\"aws\"], {more}"))
    }

    /// `lines`: before all tables; `rule`: who must have signed.
    fn with(revocation: &str, lines: &str, rule: &str) -> Self {
        let site = Site::new(&Options {
            tables: format!(
                "[buckets.{BUCKET}]\nrules = [{{ prefix = \"\", signatures = \"required\", \
                 siblings = [\"notation\"], {rule} }}]\n"
            ),
            ..Options::default()
        });
        site.edit_config(|text| {
            format!(
                "identities.aws.notation = {{ trust_anchors_file = \"roots.pem\", identity = \"{PROFILE}\", \
                 revocation = {revocation} }}\n{lines}\n{text}"
            )
        });
        fs::copy(vectors::folder().join("authority-roots.pem"), site.path().join("roots.pem")).unwrap();
        let keys = "[default]\naws_access_key_id = AKIAHALLMARK\naws_secret_access_key = secret\n";
        fs::write(site.path().join(AWS_CREDENTIALS), keys).unwrap();
        let proxy = Proxy::start_at(site);
        let (client, reader) = (proxy.client(), proxy.client_of(READER));
        client.create_bucket(BUCKET);
        let (artifact, _) = vectors::read("notation/profile");
        Self { proxy, client, reader, artifact }
    }

    fn of(signer: &AwsSigner, max_age: &str) -> Self {
        let revocation = format!("{{ endpoint = \"{}\", max_age = \"{max_age}\" }}", signer.endpoint());
        Self::start(&revocation, "enforce = \"download\"")
    }

    /// Puts the artifact there with what stands in a vector beside it.
    fn put(&self, vector: &str) {
        let (artifact, envelope) = vectors::read(vector);
        assert_eq!(self.client.put(BUCKET, KEY, &artifact).status, 200);
        assert_eq!(self.client.put(BUCKET, ENVELOPE, &envelope).status, 200);
    }

    fn get(&self) -> Response {
        self.reader.get(BUCKET, KEY)
    }

    #[track_caller]
    fn is_served(&self) {
        let got = self.get();
        assert_eq!(
            (got.status, got.header("x-hallmark-verified")),
            (200, Some("seal,aws")),
            "{}",
            got.text()
        );
        assert_eq!(got.body, self.artifact);
    }

    /// As soon as it is asked again after there was no answer.
    #[track_caller]
    fn is_served_again(&self) {
        let begun = Instant::now();
        while self.get().status == 503 && begun.elapsed() < DEADLINE {}
        self.is_served();
    }

    /// Nobody knows whether it may be served, which may pass.
    #[track_caller]
    fn is_not_known(&self) {
        let got = self.get();
        assert_eq!(got.header("retry-after"), Some("2"));
        assert_eq!((got.status, got.code().as_str()), (503, "ServiceUnavailable"), "{}", got.text());
        assert!(got.text().contains("revoked a signature is not known"), "{}", got.text());
    }
}

#[test]
fn p5_what_aws_signer_has_revoked_is_not_served() {
    let signer = AwsSigner::start();
    let lab = Lab::of(&signer, "0s");
    lab.put("notation/profile");
    lab.is_served();
    for (entity, told) in
        [(JOB, JOB), (PROFILE, PROFILE), ("0f0f", "a certificate of its chain"), ("", "a certificate")]
    {
        signer.says(Says::revoked(&[entity]));
        let got = lab.get();
        refused("revoked", &got, "ArtifactKeyRevoked");
        assert!(got.text().contains(&format!("AWS Signer has revoked {told}")), "{}", got.text());
        signer.says(Says::revoked(&[]));
        lab.is_served();
    }
}

#[test]
fn p4_nothing_is_served_on_a_signature_of_which_aws_signer_does_not_say_whether_it_is_revoked() {
    let signer = AwsSigner::start();
    let lab = Lab::of(&signer, "0s");
    lab.put("notation/profile");
    let no_answers = [
        Says::Answer(500, "{}".to_owned()),
        Says::Answer(403, "{\"message\":\"no\",\"code\":\"AccessDenied\"}".to_owned()),
        Says::Answer(200, String::new()),
        Says::Answer(200, "{}".to_owned()),
        Says::Answer(200, "{\"revokedEntities\":null}".to_owned()),
        Says::Answer(200, "<html>".to_owned()),
        Says::Nothing,
    ];
    for no_answer in no_answers {
        signer.says(Says::revoked(&[]));
        lab.is_served_again();
        signer.says(no_answer);
        lab.is_not_known();
        let asked = signer.asked().len();
        lab.is_not_known();
        assert_eq!(signer.asked().len(), asked, "it is left alone for a moment");
    }
    signer.says(Says::revoked(&[]));
    lab.is_served_again();
}

#[test]
fn what_is_asked_is_what_the_api_wants() {
    let signer = AwsSigner::start();
    let lab = Lab::of(&signer, "0s");
    lab.put("notation/profile");
    lab.is_served();
    let asked = signer.asked();
    let head = asked.first().unwrap();
    let (_, query) = head.lines().next().unwrap().split_once("GET /revocations?").unwrap();
    let query = query.strip_suffix(" HTTP/1.1").unwrap();
    assert!(head.to_ascii_lowercase().contains("/us-east-1/signer/aws4_request"), "{head}");
    let mut values = BTreeMap::<&str, Vec<String>>::new();
    for (name, value) in query.split('&').map(|pair| pair.split_once('=').unwrap()) {
        let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned();
        values.entry(name).or_default().push(value);
    }
    assert_eq!(values.remove("platformId").unwrap(), ["Notation-OCI-SHA384-ECDSA"]);
    assert_eq!(values.remove("jobArn").unwrap(), [JOB]);
    assert_eq!(values.remove("profileVersionArn").unwrap(), [format!("{PROFILE}/ABCDEFGHIJ")]);
    assert_eq!(values.remove("signatureTimestamp").unwrap(), ["2026-02-01T00:00:00Z"]);
    assert_eq!(values.remove("certificateHashes").unwrap(), certificates(&lab.proxy.site));
    assert!(values.is_empty(), "{values:?}");
}

/// The hashes of the chain in the vector, as AWS's documentation has openssl make them.
fn certificates(site: &Site) -> Vec<String> {
    let (_, envelope) = vectors::read("notation/profile");
    let envelope: Value = serde_json::from_slice(&envelope).unwrap();
    let chain = envelope["header"]["x5c"].as_array().unwrap();
    let openssl = |arguments: &str| site.openssl(&arguments.split(' ').collect::<Vec<_>>());
    let hashes: Vec<_> = chain
        .iter()
        .map(|certificate| {
            let pem = format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                certificate.as_str().unwrap()
            );
            fs::write(site.path().join("one.pem"), pem).unwrap();
            openssl("x509 -in one.pem -out folded.pem");
            openssl("asn1parse -in folded.pem -strparse 4 -noout -out tbs");
            let said = openssl("dgst -sha384 -r tbs");
            said.split(' ').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(hashes.len(), 3);
    [(0, 1), (1, 2), (2, 2)].map(|(of, by)| format!("{}{}", hashes[of], hashes[by])).to_vec()
}

#[test]
fn only_what_is_good_in_all_else_is_asked_about() {
    let signer = AwsSigner::start();
    let lab = Lab::of(&signer, "0s");
    for vector in ["profile-other", "profile-late", "profile-under-a-root", "es384"] {
        lab.put(&format!("notation/{vector}"));
        assert_eq!(lab.get().status, 403, "{vector}");
        assert_eq!(lab.client.delete(BUCKET, ENVELOPE).status, 204);
    }
    assert_eq!(signer.asked().len(), 0);
}

#[test]
fn an_answer_holds_for_as_long_as_the_configuration_says_and_within_one_policy() {
    let signer = AwsSigner::start();
    let lab = Lab::of(&signer, "1h");
    lab.put("notation/profile");
    for _ in 0..3 {
        lab.is_served();
    }
    assert_eq!(signer.asked().len(), 1);
    signer.says(Says::revoked(&[JOB]));
    lab.is_served();
    let edit = || lab.proxy.site.edit_config(|text| text.replace("\"1h\"", "\"2h\""));
    assert!(lab.proxy.reloaded_by(edit));
    for _ in 0..3 {
        refused("another policy", &lab.get(), "ArtifactKeyRevoked");
    }
    assert_eq!(signer.asked().len(), 2);
}

#[test]
fn what_is_revoked_is_not_taken_either() {
    let signer = AwsSigner::start();
    let revocation = format!("{{ endpoint = \"{}\", max_age = \"0s\" }}", signer.endpoint());
    // The envelope comes first: the artifact is taken when it is signed.
    let lab = Lab::start(&revocation, "");
    let (artifact, envelope) = vectors::read("notation/profile");
    assert_eq!(lab.client.put(BUCKET, ENVELOPE, &envelope).status, 200);
    signer.says(Says::revoked(&[JOB]));
    refused("revoked", &lab.client.put(BUCKET, KEY, &artifact), "ArtifactKeyRevoked");
    signer.says(Says::Answer(200, "{}".to_owned()));
    assert_eq!(lab.client.put(BUCKET, KEY, &artifact).status, 503);
    assert_eq!(lab.client.get(BUCKET, KEY).status, 404);
    signer.says(Says::revoked(&[]));
    let begun = Instant::now();
    while lab.client.put(BUCKET, KEY, &artifact).status == 503 && begun.elapsed() < DEADLINE {}
    lab.is_served();
}

#[test]
fn what_the_environment_calls_aws_is_not_asked_what_is_revoked() {
    let store = AwsSigner::start();
    let lab = Lab::start("{}", "enforce = \"download\"");
    let config = format!("[default]\nendpoint_url = {}\n", store.endpoint());
    fs::write(lab.proxy.site.path().join(AWS_CONFIG), config).unwrap();
    lab.put("notation/profile");
    // AWS itself is not reached by tests, or does not know these credentials.
    lab.is_not_known();
    assert_eq!(store.asked().len(), 0);
}

/// An envelope may be by several identities of one profile, of which some do not count any more.
#[test]
fn p4_who_does_not_count_does_not_hide_that_nothing_is_known_of_who_does() {
    let signer = AwsSigner::start();
    let revocation = format!("{{ endpoint = \"{}\", max_age = \"0s\" }}", signer.endpoint());
    let former = format!(
        "identities.former = {{ not_after = 2026-01-01T00:00:00Z, notation = {{ trust_anchors_file = \"roots.pem\", \
         identity = \"{PROFILE}\" }} }}"
    );
    let lab = Lab::with(&revocation, &former, "keys = [\"former\", \"aws\"], enforce = \"download\"");
    lab.put("notation/profile");
    lab.is_served();
    signer.says(Says::Answer(500, "{}".to_owned()));
    lab.is_not_known();
    // What may be served is not replaced by what waits for signatures.
    assert_eq!(lab.client.put(BUCKET, KEY, b"unsigned").status, 503);
    signer.says(Says::revoked(&[]));
    lab.is_served_again();
}

#[test]
fn who_does_not_count_by_the_configuration_is_not_asked_about() {
    let signer = AwsSigner::start();
    let revocation = format!("{{ endpoint = \"{}\", max_age = \"0s\" }}", signer.endpoint());
    let over = "identities.aws.revoked = \"account taken over\"";
    let lab = Lab::with(&revocation, over, "keys = [\"aws\"], enforce = \"download\"");
    lab.put("notation/profile");
    let got = lab.get();
    refused("revoked", &got, "ArtifactKeyRevoked");
    assert!(got.text().contains("account taken over"), "{}", got.text());
    assert_eq!(signer.asked().len(), 0);
}
