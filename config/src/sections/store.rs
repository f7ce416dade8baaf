//! `[store]`

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::server::region;
use crate::files;
use crate::name::StoreBucket;
use crate::reader::{Read, Table, Value};
use crate::types::{Addressing, S3Store, Store, StoreCredentials};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A directory on this machine, of this instance alone.
    Local,
    /// Elsewhere, for any number of instances.
    S3,
}

const KINDS: &[(&str, Kind)] = &[("local", Kind::Local), ("s3", Kind::S3)];
const ADDRESSINGS: &[(&str, Addressing)] =
    &[("path", Addressing::Path), ("virtual_host", Addressing::VirtualHost)];

/// The keys of each kind: those of the other one are told from unknown ones.
const OF_LOCAL: &[&str] = &["path"];
const OF_S3: &[&str] = &[
    "endpoint",
    "region",
    "addressing",
    "profile",
    "credentials_file",
    "ca_file",
    "state_bucket",
    "connect_timeout",
    "answer_timeout",
    "max_requests",
    "attempts",
];

/// Keys under which people write the credentials themselves.
const INLINE: &[&str] = &["access_key", "access_key_id", "secret_key", "secret_access_key", "session_token"];
const NOT_INLINE: &str = "credentials do not stand in this file; put them into a file of their own, named by \
    `credentials_file`, or where AWS tools find them";

/// In the file of the credentials, if no other is named.
const PROFILE: &str = "default";
/// Far more than the credentials of anybody.
const MAX_CREDENTIALS_FILE: u64 = 64 << 10;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30);
/// As long as any request waits for a store.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=ANSWER_TIMEOUT;
const MAX_REQUESTS: usize = 256;
/// One for each kind of request that must not wait for the others: downloads and uploads, copies that pass through, what is
/// read beside them, what is soon over, and the question whether the store is there.
const REQUESTS: RangeInclusive<usize> = 5..=65_536;
const ATTEMPTS: usize = 3;
const TRIES: RangeInclusive<usize> = 1..=10;

/// The kind and the rest of it: what follows from the kind can be said also of a store that is wrong elsewhere.
pub(super) fn store(table: &mut Table<'_>) -> (Read<Kind>, Read<Store>) {
    let kind = table.or("kind", Kind::Local, |value| value.word(KINDS));
    let store = match kind {
        Ok(Kind::Local) => {
            table.refuse(OF_S3, "belongs to a store that speaks S3; set `kind = \"s3\"`, or leave it out");
            table.required("path", "\"/var/lib/hallmark\"", Value::path).map(|path| Store::Local { path })
        }
        Ok(Kind::S3) => {
            table.refuse(OF_LOCAL, "belongs to a store of the kind \"local\"; leave it out");
            s3(table).map(|store| Store::S3(Box::new(store)))
        }
        // What else belongs here is not known, so nothing more is said about it.
        Err(reported) => {
            table.pass_over(OF_LOCAL);
            table.pass_over(OF_S3);
            Err(reported)
        }
    };
    (kind, store)
}

fn s3(table: &mut Table<'_>) -> Read<S3Store> {
    table.refuse(INLINE, NOT_INLINE);
    let endpoint = table.optional("endpoint", |value| value.parse(Endpoint::parse));
    let region = table.optional("region", |value| value.parse(region));
    let addressing = table.optional("addressing", |value| {
        let addressing = value.word(ADDRESSINGS)?;
        if let Ok(Some(endpoint)) = &endpoint {
            endpoint.takes(addressing).map_err(|why| value.place().problem(format_args!("{why}")))?;
        }
        Ok(addressing)
    });
    let credentials = credentials(table);
    let ca_file = table.optional("ca_file", Value::path);
    let state_bucket =
        table.required("state_bucket", "\"hallmark-state\"", |value| value.parse(StoreBucket::parse));
    let connect_timeout =
        table.or("connect_timeout", CONNECT_TIMEOUT, |value| value.duration(CONNECT_TIMEOUTS));
    let answer_timeout = table.or("answer_timeout", ANSWER_TIMEOUT, |value| value.duration(ANSWER_TIMEOUTS));
    let max_requests = table.or("max_requests", MAX_REQUESTS, |value| value.integer(REQUESTS));
    let attempts = table.or("attempts", ATTEMPTS, |value| value.integer(TRIES));
    let endpoint = endpoint?;
    let usual = if endpoint.is_some() { Addressing::Path } else { Addressing::VirtualHost };
    Ok(S3Store {
        endpoint: endpoint.map(|endpoint| endpoint.url),
        region: region?,
        addressing: addressing?.unwrap_or(usual),
        credentials: credentials?,
        ca_file: ca_file?,
        state_bucket: state_bucket?,
        connect_timeout: connect_timeout?,
        answer_timeout: answer_timeout?,
        max_requests: max_requests?,
        attempts: attempts?,
    })
}

fn credentials(table: &mut Table<'_>) -> Read<StoreCredentials> {
    let profile = table.optional("profile", |value| value.parse(profile));
    let file = table.optional("credentials_file", credentials_file);
    let (profile, file) = (profile?, file?);
    Ok(match file {
        Some(path) => StoreCredentials::File { path, profile: profile.unwrap_or_else(|| PROFILE.to_owned()) },
        None => StoreCredentials::Chain { profile },
    })
}

/// The name of a file with credentials, which is there. What is in it is read elsewhere, and again when it has changed.
fn credentials_file(value: &Value<'_>) -> Read<PathBuf> {
    let path = value.path()?;
    files::read_private_text(&path, MAX_CREDENTIALS_FILE)
        .map_err(|message| value.place().problem(message))?;
    Ok(path)
}

fn profile(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
    if (1..=128).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err("the name of a profile, 1 to 128 of A-Z a-z 0-9 . _ @ + -")
}
