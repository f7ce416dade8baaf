//! Stores for tests: behind a URL, with keys of our own; and a server that does what a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use hallmark_config::{Addressing, S3Store as Settings, StoreBucket, StoreCredentials};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Endpoint, Hot, KeySource, Keyring, Limit};
use crate::store::s3::S3Store;
use crate::store::s3::cold::Births;
use crate::store::s3::places::Places;
use crate::store::s3::probe::Findings;

/// Settings for a store at `url`.
pub(in crate::store::s3) fn settings(url: &str) -> Settings {
    Settings {
        endpoint: Some(url.to_owned()),
        region: Some("us-east-1".to_owned()),
        addressing: Addressing::Path,
        credentials: StoreCredentials::Chain { profile: None },
        ca_file: None,
        state_bucket: StoreBucket::parse("state-bucket").unwrap(),
        connect_timeout: Duration::from_secs(1),
        answer_timeout: Duration::from_secs(2),
        max_requests: 8,
        attempts: 3,
    }
}

/// The hot client for these settings, with these keys.
pub(in crate::store::s3) fn hot(settings: &Settings, id: &str, secret: &str) -> Hot {
    let keys = Credentials::new(id, secret, None, None, "test");
    let keyring = Keyring::new(KeySource::Chain(SharedCredentialsProvider::new(keys)));
    let endpoint = Endpoint::parse(settings.endpoint.as_deref().unwrap(), settings.addressing).unwrap();
    let limit = Limit::new(settings.max_requests);
    Hot::new(settings, endpoint, "us-east-1", None, Arc::new(keyring), limit).unwrap()
}

/// A store of which this is known; only its hot calls work.
pub(in crate::store::s3) fn store(hot: Hot, settings: &Settings, findings: Findings) -> S3Store {
    let config = aws_sdk_s3::Config::builder().behavior_version_latest().build();
    let places = Places::new(settings.state_bucket.clone(), &Default::default());
    let sdk = aws_sdk_s3::Client::from_conf(config);
    S3Store { hot, sdk, places, found: OnceLock::from(findings), births: Births::default() }
}

/// What the server does with the next request.
#[derive(Debug, Clone)]
pub(in crate::store::s3) enum Act {
    /// Reads all of it and answers.
    Answer(String),
    /// Reads all of it, says this and closes the connection.
    Cut(String),
    /// Answers before it reads the body.
    Early(String),
    /// Reads all of it and says nothing more.
    Hang,
    /// Reads the head, and says nothing more.
    Deaf,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::s3) struct Seen {
    pub(in crate::store::s3) head: String,
    /// Bytes of the body, when it was complete or the connection ended.
    pub(in crate::store::s3) body: usize,
}

/// A store that does what the test says, request by request; when there is nothing left to do it hangs.
pub(in crate::store::s3) struct Server {
    pub(in crate::store::s3) url: String,
    seen: watch::Receiver<Vec<Seen>>,
}

/// An answer with these header lines and body.
pub(in crate::store::s3) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

impl Server {
    pub(in crate::store::s3) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, seen) = watch::channel(Vec::new());
        let (sender, acts) =
            (Arc::new(sender), Arc::new(Mutex::new(acts.into_iter().collect::<VecDeque<_>>())));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(BufReader::new(connection), acts.clone(), sender.clone()));
            }
        });
        Self { url, seen }
    }

    /// The requests, when there are so many.
    pub(in crate::store::s3) async fn seen(&self, count: usize) -> Vec<Seen> {
        self.seen.clone().wait_for(|seen| seen.len() >= count).await.unwrap().clone()
    }

    /// Those that came until now.
    pub(in crate::store::s3) fn count(&self) -> usize {
        self.seen.borrow().len()
    }
}

async fn serve(
    mut connection: BufReader<TcpStream>,
    acts: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<watch::Sender<Vec<Seen>>>,
) {
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head).await.unwrap_or_default() == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        let act = acts.lock().unwrap().pop_front().unwrap_or(Act::Hang);
        if let Act::Early(answer) = &act {
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
        let (mut body, mut buffer) = (0, vec![0; 64 << 10]);
        while body < length && !matches!(act, Act::Deaf) {
            match connection.read(&mut buffer).await {
                Ok(read) if read > 0 => body += read,
                _ => break,
            }
        }
        seen.send_modify(|seen| seen.push(Seen { head, body }));
        match act {
            Act::Answer(answer) => connection.write_all(answer.as_bytes()).await.unwrap(),
            Act::Cut(text) => {
                connection.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Act::Early(_) => return,
            Act::Hang | Act::Deaf => std::future::pending().await,
        }
    }
}
