//! What becomes of calls when the store does as it likes.

mod reads;
mod writes;

use std::time::{Duration, Instant};

use hallmark_config::S3Store as Settings;

use super::testing::{Act, Server, answer, hot, settings, store};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::store::s3::S3Store;
use crate::store::s3::probe::{Findings, IfMatch, Keys, Writes};

/// Long enough for a busy machine, short enough to wait for.
const PATIENCE: Duration = Duration::from_millis(500);

fn object() -> ObjectName {
    ObjectName { bucket: BucketName::parse("bucket").unwrap(), key: ObjectKey::parse("a b/c").unwrap() }
}

fn capable() -> Findings {
    Findings {
        put: Writes { absent: true, if_match: IfMatch::Quoted, labels: true },
        delete_if_match: IfMatch::Quoted,
        versions: true,
        keys: Keys {
            leading_slash: true,
            double_slash: true,
            trailing_slash: true,
            unusual: true,
            controls: true,
        },
        ..Findings::CAREFUL
    }
}

/// A store that does this, and how it is spoken to.
async fn server(acts: impl IntoIterator<Item = Act>) -> (Server, S3Store) {
    server_with(acts, |settings| settings).await
}

async fn server_with(
    acts: impl IntoIterator<Item = Act>,
    change: fn(Settings) -> Settings,
) -> (Server, S3Store) {
    let server = Server::start(acts).await;
    let settings = change(settings(&server.url));
    (server, store(hot(&settings, "id", "secret"), &settings, capable()))
}

fn impatient(settings: Settings) -> Settings {
    Settings { answer_timeout: PATIENCE, attempts: 1, ..settings }
}

/// A refusal with this code.
fn refusal(status: u16, headers: &str, code: &str) -> String {
    answer(status, headers, &format!("<Error><Code>{code}</Code><Message>words</Message></Error>"))
}

fn found(headers: &str, body: &str) -> String {
    answer(200, &format!("etag: \"abc\"\r\n{headers}"), body)
}

fn at_once(begun: Instant) {
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}
