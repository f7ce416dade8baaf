//! `[server]`

use std::net::{Ipv4Addr, SocketAddr};

use super::secrets::private_file;
use crate::reader::{Place, Read, Table, Value};
use crate::types::{Server, Tls};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9000);
const REGION: &str = "us-east-1";

pub(super) fn server(table: &mut Table<'_>) -> Read<Server> {
    let listen = table.or("listen", LISTEN, |value| value.parse(listen));
    let tls = table.optional("tls", |value| value.table(tls));
    let domains = table.or("domains", Vec::new(), domains);
    let region = table.or("region", REGION.to_owned(), |value| value.parse(region));
    let unsigned = table.or("dangerous_unsigned_payload_over_http", false, Value::boolean);
    Ok(Server {
        listen: listen?,
        tls: tls?,
        domains: domains?,
        region: region?,
        dangerous_unsigned_payload_over_http: unsigned?,
    })
}

fn tls(table: &mut Table<'_>) -> Read<Tls> {
    let certificate_file = table.required("certificate_file", "\"tls.crt\"", Value::path);
    let key_file = table.required("key_file", "\"tls.key\"", private_file);
    Ok(Tls { certificate_file: certificate_file?, key_file: key_file? })
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| {
        "an IP address and a port, such as \"127.0.0.1:9000\", or \"0.0.0.0:9000\" for all of this machine's addresses"
    })
}

fn domains(value: &Value<'_>) -> Read<Vec<String>> {
    let mut seen: Vec<(Place<'_>, String)> = Vec::new();
    value.list(|entry| {
        let domain = entry.parse(domain)?;
        let under = |inner: &str, outer: &str| {
            inner.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        // Under nested domains, `a.b.example.com` would be two buckets.
        let clash = seen.iter().find(|(_, other)| under(&domain, other) || under(other, &domain));
        if let Some((place, _)) = clash {
            let line = place.line();
            return Err(entry.place().problem(format_args!(
                "overlaps the one in line {line}: a host name could mean two buckets; keep one of them"
            )));
        }
        seen.push((entry.place().clone(), domain.clone()));
        Ok(domain)
    })
}

fn domain(text: &str) -> Result<String, &'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(label) && text.parse::<Ipv4Addr>().is_err() {
        return Ok(text.to_owned());
    }
    Err("a host name in lower case, without port or scheme, such as \"s3.example.com\"")
}

pub(super) fn region(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err("1 to 64 of a-z 0-9 -")
}
