//! The client: signed requests on connections that stay open, and bodies that are checked without being kept.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hallmark_tests::data;
use hallmark_tests::sigv4::{Request, Signer, sha256_hex};
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The bucket of every object here.
pub(crate) const BUCKET: &str = "bench";

/// The longest that one request is waited for.
const DEADLINE: Duration = Duration::from_secs(600);

/// A body on its way out.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, Infallible>;

/// A connection of one client. Only ever one request is under way.
pub(crate) struct Connection {
    sender: SendRequest<Outgoing>,
    address: SocketAddr,
    credentials: (String, String),
}

/// What is sent with a request.
pub(crate) struct Payload {
    /// Its bytes.
    pub(crate) body: Outgoing,
    /// How many.
    pub(crate) length: u64,
    /// Their SHA-256, in hexadecimal: it is signed.
    pub(crate) sha256: String,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr, (access_key, secret): (&str, &str)) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("an open socket has options");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("nothing is sent yet");
        // Its errors are seen by whoever waits for an answer.
        tokio::spawn(connection);
        Self { sender, address, credentials: (access_key.to_owned(), secret.to_owned()) }
    }

    /// Sends a signed request and waits for the head of its answer, which must be a 200 or 204.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        target: &str,
        payload: Option<Payload>,
    ) -> Response<Incoming> {
        self.send_with(method, target, &[], payload).await
    }

    /// The same with further headers.
    pub(crate) async fn send_with(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        payload: Option<Payload>,
    ) -> Response<Incoming> {
        let mut request = Request::new(method, target).header("Host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let payload = payload.unwrap_or_else(Payload::none);
        if method == "PUT" || method == "POST" {
            request.set_header("Content-Length", payload.length.to_string());
        }
        Signer::new(&self.credentials.0, &self.credentials.1).sign(&mut request, &payload.sha256);
        let mut builder = http::Request::builder().method(method).uri(target);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(payload.body).expect("the signer writes valid headers");
        let exchange = async {
            self.sender.ready().await.expect("the connection stays open");
            self.sender.send_request(request).await
        };
        let answer = tokio::time::timeout(DEADLINE, exchange).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} {target}: no answer in {DEADLINE:?}"));
        let answer = answer.unwrap_or_else(|error| panic!("{method} {target}: {error}"));
        if !answer.status().is_success() {
            let (status, text) = (answer.status(), text(answer).await);
            panic!("{method} {target}: {status}: {text}");
        }
        answer
    }

    /// Uploads and waits for the end of the answer.
    pub(crate) async fn put(&mut self, target: &str, payload: Payload) {
        let answer = self.send("PUT", target, Some(payload)).await;
        text(answer).await;
    }

    /// Downloads and hands over the pieces as they come.
    ///
    /// # Panics
    /// It ends early.
    pub(crate) async fn get(&mut self, target: &str, mut take: impl FnMut(&Bytes)) {
        let mut body = self.send("GET", target, None).await.into_body();
        loop {
            let frame = tokio::time::timeout(DEADLINE, body.frame()).await;
            match frame.unwrap_or_else(|_| panic!("GET {target}: no byte in {DEADLINE:?}")) {
                None => return,
                Some(Err(error)) => panic!("GET {target}: {error}"),
                Some(Ok(frame)) => frame.data_ref().into_iter().for_each(&mut take),
            }
        }
    }
}

/// The rest of an answer as text.
pub(crate) async fn text(answer: Response<Incoming>) -> String {
    let body = answer.into_body().collect().await.expect("the answer is complete");
    String::from_utf8_lossy(&body.to_bytes()).into_owned()
}

impl Payload {
    /// A document.
    pub(crate) fn text(text: String) -> Self {
        let sha256 = sha256_hex(text.as_bytes());
        Self { length: text.len() as u64, body: Full::new(text.into()).boxed_unsync(), sha256 }
    }

    fn none() -> Self {
        Self { body: Empty::new().boxed_unsync(), length: 0, sha256: sha256_hex(b"") }
    }
}

/// The two contents whose transfer is measured. Client and peers make the same.
#[derive(Debug, Clone)]
pub(crate) struct Contents([Content; 2]);

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    bytes: Bytes,
    sha256: String,
}

impl Contents {
    /// The sizes, bytes.
    pub(crate) const SMALL: u64 = 1 << 10;
    /// See [`Self::SMALL`].
    pub(crate) const LARGE: u64 = 64 << 20;

    pub(crate) fn make() -> Self {
        Self([Self::SMALL, Self::LARGE].map(|size| {
            let bytes = data::content(1, size);
            Content { sha256: sha256_hex(&bytes), bytes: bytes.into() }
        }))
    }

    /// The content of `size` bytes.
    pub(crate) fn of_size(&self, size: u64) -> &Content {
        &self.0[usize::from(size == Self::LARGE)]
    }

    /// What `/bucket/<size>/…` names.
    pub(crate) fn of_target(&self, path: &str) -> Option<&Bytes> {
        let size: u64 = path.split('/').nth(2)?.parse().ok()?;
        self.0.iter().map(|content| &content.bytes).find(|bytes| bytes.len() as u64 == size)
    }
}

impl Content {
    /// The same, ready to be sent.
    pub(crate) fn payload(&self) -> Payload {
        Payload {
            body: Full::new(self.bytes.clone()).boxed_unsync(),
            length: self.bytes.len() as u64,
            sha256: self.sha256.clone(),
        }
    }

    /// Checks pieces that come one after the other, the first at `position` 0.
    pub(crate) fn check(&self, position: &mut usize, piece: &[u8]) {
        let end = *position + piece.len();
        assert!(self.bytes.get(*position..end) == Some(piece), "other bytes came than were stored");
        *position = end;
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}
