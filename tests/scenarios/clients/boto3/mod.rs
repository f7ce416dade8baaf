//! boto3, as programs use it, over plain HTTP.

mod checksums;
mod forms;
mod transfers;

use std::path::Path;

use hallmark_tests::command::{Ran, script};
use serde_json::{Value, json};

use super::{BUCKET, Session, Tool, client_tests, texts};

pub(super) struct Boto3<'a>(pub(super) &'a Session);

impl Boto3<'_> {
    /// Runs one of the script's actions, in the usual bucket if the arguments name no other.
    pub(super) fn run(&self, action: &str, arguments: Value) -> Ran {
        self.script(&with_action(action, arguments))
    }

    /// Runs several, one after the other.
    fn run_all(&self, actions: impl IntoIterator<Item = (&'static str, Value)>) -> Ran {
        self.script(&actions.into_iter().map(|(action, arguments)| with_action(action, arguments)).collect())
    }

    fn script(&self, argument: &Value) -> Ran {
        let script = script("boto3_client.py");
        self.0.sandbox.run_installed("python", &[script.as_os_str(), argument.to_string().as_ref()])
    }

    /// What the action says, in JSON.
    #[track_caller]
    fn ask(&self, action: &str, arguments: Value) -> Value {
        super::parsed(&self.run(action, arguments).good())
    }

    /// What a method of the client answers.
    #[track_caller]
    fn call(&self, method: &str, parameters: &Value) -> Value {
        self.ask("call", json!({ "method": method, "parameters": parameters }))
    }

    /// A URL for a method of the client.
    #[track_caller]
    fn presign(&self, key: &str, method: &str, parameters: &Value) -> String {
        let arguments = json!({ "key": key, "method": method, "parameters": parameters });
        self.run("presign", arguments).good().trim().to_owned()
    }
}

fn with_action(action: &str, mut arguments: Value) -> Value {
    arguments["action"] = action.into();
    if arguments.get("bucket").is_none() {
        arguments["bucket"] = BUCKET.into();
    }
    arguments
}

impl Tool for Boto3<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run("put", json!({ "file": file, "key": key }))
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run("get", json!({ "file": to, "key": key }))
    }

    fn range(&self, key: &str, first: u64, last: u64, to: &Path) -> Option<Ran> {
        Some(self.run("get", json!({ "file": to, "key": key, "range": format!("bytes={first}-{last}") })))
    }

    fn list(&self) -> Vec<String> {
        texts(&self.run("list", json!({})).good())
    }

    fn delete(&self, key: &str) -> Ran {
        self.run("delete", json!({ "key": key }))
    }
}

client_tests!(|session| Box::new(Boto3(session)), ranges);
