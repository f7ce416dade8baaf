//! Requests that others took and should not have, byte by byte: each is refused with the right words, and stores
//! nothing. Every table stands beside the request that it alters, which is taken.

mod bodies;
mod chunks;
mod framing;
mod refusals;
mod signatures;
mod targets;
mod urls;

use std::fmt::Write as _;

use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{Asked, Connection, Response};
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::{Request, Signer};

const BUCKET: &str = "attacks";
const KEY: &str = "/attacks/key";
const BODY: &[u8] = b"the artifact";

/// An attack: what it is called, what is sent, and the status and code that it gets. An empty code: the HTTP parser
/// refused it, without a document.
type Attack = (&'static str, fn(&Client) -> Vec<u8>, u16, &'static str);

/// A proxy with an empty bucket.
fn lab() -> (Proxy, Client) {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    (proxy, client)
}

/// Sends each attack on a connection of its own.
#[track_caller]
fn refused(client: &Client, attacks: &[Attack]) {
    let mut wrong = String::new();
    for (name, build, status, code) in attacks {
        let response = sent(client, &build(client));
        if (response.status, response.code().as_str()) != (*status, *code) {
            writeln!(wrong, "{name}: wanted {status} {code}, got {} {}", response.status, response.text())
                .expect("writing to a string");
        }
        let stored = client.keys(BUCKET, "");
        if !stored.is_empty() {
            writeln!(wrong, "{name}: stored {stored:?}").expect("writing to a string");
            stored.iter().for_each(|key| drop(client.delete(BUCKET, key)));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Sends what the attacks of a table alter, and sees it taken.
#[track_caller]
fn taken(client: &Client, build: fn(&Client) -> Vec<u8>) {
    let response = sent(client, &build(client));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(client.get(BUCKET, "key").body, BODY);
    client.delete(BUCKET, "key");
}

fn sent(client: &Client, bytes: &[u8]) -> Response {
    let asked = if bytes.starts_with(b"HEAD ") { Asked::Head } else { Asked::Other };
    Connection::open(client.address).exchange(&[bytes], asked)
}

/// An upload that only wants signing.
fn put(client: &Client) -> Request {
    put_to(client, KEY)
}

fn put_to(client: &Client, target: &str) -> Request {
    let request = client.request("PUT", target).header("Content-Length", BODY.len().to_string());
    Request { body: BODY.to_vec(), ..request }
}

/// Signs with `signer` and gives the bytes.
fn signed_by(signer: &Signer, mut request: Request) -> Vec<u8> {
    signer.sign_body(&mut request);
    request.bytes()
}

fn signed(client: &Client, request: Request) -> Vec<u8> {
    signed_by(&client.signer(), request)
}

/// Signs, and then changes the text of the request's head.
fn edited(client: &Client, request: Request, from: &str, to: &str) -> Vec<u8> {
    let bytes = signed(client, request);
    let text = String::from_utf8(bytes).expect("the head and this body are text");
    assert!(text.contains(from), "{from:?} is not in {text:?}");
    text.replacen(from, to, 1).into_bytes()
}

/// The same request with a further header that the signature does not cover.
fn with_unsigned(client: &Client, header: &str) -> Vec<u8> {
    edited(client, put(client), "\r\n\r\n", &format!("\r\n{header}\r\n\r\n"))
}
