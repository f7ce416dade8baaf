//! A changed configuration: taken over without a restart, as a whole or not at all.

mod certificates;
mod commands;
mod explained;
mod files;
mod halves;
mod requests;
mod seal_keys;
mod settings;

use hallmark_tests::proxy::Options;
use hallmark_tests::raw::{Asked, Connection, End, Response, exchange};
use hallmark_tests::s3::{Client, object};
use hallmark_tests::site::Site;

const BUCKET: &str = "artifacts";
const KEY: &str = "app.tar";

/// A deployment with an admin listener.
fn options() -> Options {
    Options { tables: "[admin]\nlisten = \"127.0.0.1:0\"\n".to_owned(), ..Options::default() }
}

/// What the admin listener answers with 200.
#[track_caller]
fn ask(admin: std::net::SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    let response = exchange(admin, request.as_bytes(), Asked::by("GET"));
    assert_eq!((response.status, response.end), (200, End::Complete), "{}", response.text());
    response.text()
}

/// Asks for an object on a connection that stays open, whatever the answer is.
fn ask_on(
    connection: &mut Connection,
    client: &Client,
    method: &str,
    (bucket, key): (&str, &str),
) -> Response {
    let mut request = client.request(method, &object(bucket, key));
    client.signer().sign_body(&mut request);
    connection.send(&request.head());
    connection.response(Asked::by(method))
}

/// The value of one series.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{series} is not there\n{text}")).parse().expect("a number")
}

/// Revokes the publisher's key.
fn revoke(site: &Site) {
    let named = "public_key_file = \"ci.pub\"";
    site.edit_config(|text| text.replace(named, &format!("{named}\nrevoked = \"stolen\"")));
}
