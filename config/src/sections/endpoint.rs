//! The URL of a store.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::types::Addressing;

const FORM: &str = "`http://` or `https://`, a host in lower case and perhaps a port, and nothing after it, such as \
    \"https://s3.example.com:9000\"";

/// A well-formed URL.
pub(super) struct Endpoint {
    /// As it was written.
    pub(super) url: String,
    host: Host,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    Name,
    Address,
}

impl Endpoint {
    /// Checks `text`: scheme, host and port alone. A path, a query or a user would be lost or mean something else to each
    /// of those who use it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(FORM)?;
        // The brackets of an IPv6 address hold colons, so they come first.
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or(FORM)?;
                address.parse::<Ipv6Addr>().map_err(|_| FORM)?;
                (Host::Address, port)
            }
            None => {
                let (host, port) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
                (named(host).ok_or(FORM)?, port)
            }
        };
        if !port.is_empty() {
            port.strip_prefix(':').filter(|digits| is_port(digits)).ok_or(FORM)?;
        }
        Ok(Self { url: text.to_owned(), host })
    }

    /// Whether buckets can be named in this way there.
    pub(super) fn takes(&self, addressing: Addressing) -> Result<(), &'static str> {
        match (addressing, self.host) {
            (Addressing::VirtualHost, Host::Address) => Err(
                "needs an endpoint with a host name: an IP address has no room for a bucket; take \"path\"",
            ),
            (Addressing::Path, Host::Name | Host::Address) | (Addressing::VirtualHost, Host::Name) => Ok(()),
        }
    }
}

fn named(host: &str) -> Option<Host> {
    // Names of containers have underscores.
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    if host.len() > 253 || !host.split('.').all(label) {
        return None;
    }
    Some(if host.parse::<Ipv4Addr>().is_ok() { Host::Address } else { Host::Name })
}

fn is_port(digits: &str) -> bool {
    digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|number| number > 0)
}
