//! Uploads by form, as browsers send them, with a policy that boto3 signs.

use std::fs;
use std::path::Path;

use hallmark_tests::data::{self, MIB};
use serde_json::{Value, json};

use super::super::{BUCKET, Session, lab};
use super::Boto3;

impl Boto3<'_> {
    /// Uploads by form; gives the answer.
    #[track_caller]
    fn post(&self, file: &Path, key: &str, mut further: Value) -> Value {
        further["file"] = file.to_string_lossy().as_ref().into();
        further["key"] = key.into();
        self.ask("post", further)
    }
}

fn code(answer: &Value) -> &str {
    let text = answer["text"].as_str().unwrap();
    text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code)
}

fn files(session: &Session) -> [std::path::PathBuf; 2] {
    [data::file(session.sandbox.home(), 1, 70_000), data::file(session.sandbox.home(), 2, 20 * MIB)]
}

#[test]
fn uploads() {
    let (_proxy, session) = lab();
    for file in files(&session) {
        let answer = Boto3(&session).post(&file, "app ü", json!({}));
        assert_eq!(answer["status"], 204, "{answer}");
        session.sealed(BUCKET, "app ü", &fs::read(file).unwrap());
    }
}

#[test]
fn fields() {
    let (_proxy, session) = lab();
    let [file, _] = files(&session);
    let fields = json!({
        "Content-Type": "application/x-tar",
        "x-amz-meta-build": "7",
        "success_action_status": "201",
    });
    let conditions = json!([
        { "Content-Type": "application/x-tar" },
        ["starts-with", "$x-amz-meta-build", ""],
        { "success_action_status": "201" },
        ["content-length-range", 1, 70_000],
    ]);
    let further = json!({ "fields": fields, "conditions": conditions });
    let answer = Boto3(&session).post(&file, "builds/${filename}", further);
    assert_eq!(answer["status"], 201, "{answer}");
    let key = format!("builds/{}", file.file_name().unwrap().to_str().unwrap());
    assert!(answer["text"].as_str().unwrap().contains(&format!("<Key>{key}</Key>")), "{answer}");
    let seen = session.sealed(BUCKET, &key, &fs::read(file).unwrap());
    assert_eq!(seen.header("content-type"), Some("application/x-tar"));
    assert_eq!(seen.header("x-amz-meta-build"), Some("7"));
}

#[test]
fn refusals() {
    let (_proxy, session) = lab();
    let [small, large] = files(&session);
    let tool = Boto3(&session);
    let length = |least: u64, most: u64| json!({ "conditions": [["content-length-range", least, most]] });
    for (what, file, further, status, want) in [
        ("too large", &large, length(0, MIB), 400, "EntityTooLarge"),
        ("one byte too large", &small, length(0, 69_999), 400, "EntityTooLarge"),
        ("too small", &small, length(70_001, MIB), 400, "EntityTooSmall"),
        ("another key", &small, json!({ "replaced": { "key": "other" } }), 403, "AccessDenied"),
        (
            "a field that the policy does not know",
            &small,
            json!({ "replaced": { "x-amz-meta-build": "7" } }),
            403,
            "AccessDenied",
        ),
        (
            "another signature",
            &small,
            json!({ "replaced": { "x-amz-signature": "0".repeat(64) } }),
            403,
            "SignatureDoesNotMatch",
        ),
        ("an old kind of signature", &small, json!({ "plain": true }), 400, "InvalidRequest"),
    ] {
        let answer = tool.post(file, "key", further);
        assert_eq!((answer["status"].as_u64(), code(&answer)), (Some(status), want), "{what}: {answer}");
    }
    assert_eq!(session.client.keys(BUCKET, ""), Vec::<String>::new());
}
