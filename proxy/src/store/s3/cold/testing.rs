//! For tests: a store that says what it is told to, and clients of stores elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use aws_credential_types::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use hallmark_config::{Bucket, KeptIn};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Births, BoundedAnswers};
use crate::name::BucketName;
use crate::store::s3::hot::testing;
use crate::store::s3::places::Places;
use crate::store::s3::probe::Keys;
use crate::store::s3::{Findings, S3Store};

/// A store with versions, locks and tags at `url`.
pub(super) fn store(url: &str) -> S3Store {
    let settings = testing::settings(url);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .interceptor(BoundedAnswers)
        .build();
    let keys =
        Keys { leading_slash: true, double_slash: true, trailing_slash: true, unusual: true, controls: true };
    let found = Findings {
        max_key_bytes: 1024,
        keys,
        versions: true,
        object_lock: true,
        tags: true,
        ..Findings::CAREFUL
    };
    S3Store {
        hot: testing::hot(&settings, "id", "secret"),
        sdk: aws_sdk_s3::Client::from_conf(config),
        places: Places::new(settings.state_bucket, &BTreeMap::new()),
        found: OnceLock::from(found),
        births: Births::default(),
    }
}

/// The same with buckets that are kept elsewhere.
pub(super) fn mapped(url: &str, kept_in: &[(&str, KeptIn)]) -> S3Store {
    let bucket = |kept: &KeptIn| Bucket { kept_in: Some(kept.clone()), ..Bucket::default() };
    let buckets = kept_in.iter().map(|(name, kept)| (BucketName::parse(name).unwrap(), bucket(kept)));
    let places = Places::new(testing::settings(url).state_bucket, &buckets.collect());
    S3Store { places, ..store(url) }
}

/// What was asked, and what is answered.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

pub(super) struct Told {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Told {
    pub(super) fn ok(body: impl Into<String>) -> Self {
        Self { status: 200, body: body.into() }
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        Self { status, body: format!("<Error><Code>{code}</Code></Error>") }
    }
}

/// A store that answers what `tell` says. It ends with the test.
pub(super) struct Canned {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    pub(super) async fn new(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (tell, log) = (Arc::new(tell), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, tell.clone(), log.clone()));
            }
        });
        Self { url, asked }
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn serve(
    mut stream: TcpStream,
    tell: Arc<impl Fn(&Asked) -> Told + Send + Sync + 'static>,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let mut received = Vec::new();
    loop {
        while !received.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let text = String::from_utf8(received.clone()).unwrap();
        let (head, rest) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let mut target = lines.next().unwrap().split(' ');
        let (method, target) = (target.next().unwrap().to_owned(), target.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let decode =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let query = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers: BTreeMap<_, _> =
            headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = rest.as_bytes().to_vec();
        while body.len() < length {
            assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0);
        }
        let asked = Asked {
            path: decode(path),
            query: query.collect(),
            body: String::from_utf8(body).unwrap(),
            method,
            headers,
        };
        let Told { status, body } = tell(&asked);
        let body = if asked.method == "HEAD" { String::new() } else { body };
        log.lock().unwrap().push(asked);
        let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        received.clear();
    }
}
