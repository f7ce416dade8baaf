//! What those see who run Hallmark: health, metrics, and how it stops.

mod health;
mod metrics;
mod stopping;
mod supervised;

use std::net::SocketAddr;

use hallmark_tests::proxy::Options;
use hallmark_tests::raw::{Asked, End, Response, exchange};

const BUCKET: &str = "artifacts";

/// A deployment with an admin listener, and further lines for `[admin]` and `[limits]`.
fn options(admin: &str, limits: &str) -> Options {
    let tables = format!("[admin]\nlisten = \"127.0.0.1:0\"\n{admin}\n[limits]\n{limits}\n");
    Options { tables, ..Options::default() }
}

/// Asks the admin listener.
fn ask(admin: SocketAddr, method: &str, path: &str) -> Response {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    let response = exchange(admin, request.as_bytes(), Asked::by(method));
    assert_eq!(response.end, End::Complete);
    response
}

/// What `/readyz` says.
fn ready(admin: SocketAddr) -> (u16, String) {
    let response = ask(admin, "GET", "/readyz");
    (response.status, response.text())
}

/// The value of one series, if it is there.
fn value(text: &str, series: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(value.parse().expect("a number"))
}
