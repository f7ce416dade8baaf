//! `[identities.<name>]`: who signs with a certificate.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::validity::validity;
use crate::files;
use crate::reader::{Read, Table, Value};
use crate::trust::{Identity, IdentityKind, RevocationCheck};

/// Sigstore's own `trusted_root.json` has 6 KiB; authorities of one's own add little.
const MAX_ROOTS: u64 = 1 << 20;

/// The longest name in a certificate that anybody needs.
const MAX_IDENTITY: usize = 2048;

/// For how long an answer of AWS Signer holds, if nothing is said: every download asks for it.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);
const MAX_AGES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(24 * 3600);

/// `is_key`: whether a key has the same name, and rules could not tell the two apart.
pub(super) fn identity(table: &mut Table<'_>, is_key: Clash) -> Read<Identity> {
    let clash = match is_key {
        Clash::None => Ok(()),
        Clash::Key => Err(table
            .place()
            .problem("there is a key of the same name in [keys]; call one of them otherwise")),
    };
    let kind = table.either(
        ("sigstore", |value: &Value<'_>| value.table(sigstore)),
        ("notation", |value: &Value<'_>| value.table(notation)),
    );
    let validity = validity(table);
    clash?;
    let (kind, config_key) = kind?;
    Ok(Identity { kind, config_key, validity: validity? })
}

/// Whether a name is taken.
#[derive(Clone, Copy)]
pub(super) enum Clash {
    /// It is not.
    None,
    /// A key has it.
    Key,
}

fn sigstore(table: &mut Table<'_>) -> Read<(IdentityKind, String)> {
    let root = table.required("trusted_root_file", "\"trusted_root.json\"", roots);
    let identity = table.required("identity", "\"release@acme.example\"", |value| value.parse(name));
    let issuer = table.required("issuer", "\"https://accounts.example.com\"", |value| value.parse(name));
    let (trusted_root_file, trusted_root, config_key) = root?;
    let kind =
        IdentityKind::Sigstore { trusted_root_file, trusted_root, identity: identity?, issuer: issuer? };
    Ok((kind, config_key))
}

fn notation(table: &mut Table<'_>) -> Read<(IdentityKind, String)> {
    let anchors = table.required("trust_anchors_file", "\"anchors.pem\"", roots);
    let example = "\"x509.subject: C=US, O=acme, CN=build\"";
    let identity = table.required("identity", example, |value| value.parse(notation_identity));
    let revocation = table.optional("revocation", |value| {
        let asked = value.table(revocation)?;
        if identity.as_ref().is_ok_and(|identity| !identity.starts_with("arn:")) {
            let message = "AWS Signer knows of what it signed itself; leave it out, or give the ARN of a signing \
                           profile as `identity`";
            return Err(value.place().problem(message));
        }
        Ok(asked)
    });
    let (trust_anchors_file, trust_anchors, config_key) = anchors?;
    let kind = IdentityKind::Notation {
        trust_anchors_file,
        trust_anchors,
        identity: identity?,
        revocation: revocation?,
    };
    Ok((kind, config_key))
}

fn revocation(table: &mut Table<'_>) -> Read<RevocationCheck> {
    let endpoint = table.optional("endpoint", |value| value.parse(service));
    let profile = table.optional("profile", |value| value.parse(name));
    let max_age = table.or("max_age", MAX_AGE, |value| value.duration(MAX_AGES));
    Ok(RevocationCheck { endpoint: endpoint?, profile: profile?, max_age: max_age? })
}

/// The URL of a service whose word is believed. Nothing but TLS says that it is the service's, so without it only this machine
/// is asked.
fn service(text: &str) -> Result<String, &'static str> {
    let is_host = |host: &str| {
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "443"));
        let in_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        !name.is_empty() && name.chars().all(in_name) && port.parse::<u16>().is_ok()
    };
    let local = |host: &str| host.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    let good = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(host), _) => is_host(host),
        (None, Some(host)) => local(host),
        (None, None) => false,
    };
    if good && text.len() <= MAX_IDENTITY {
        Ok(text.to_owned())
    } else {
        Err(
            "https:// and a host, such as \"https://data-signer.eu-west-1.amazonaws.com\" (http:// only for an address \
             of this machine, with its port)",
        )
    }
}

fn roots(value: &Value<'_>) -> Read<(PathBuf, String, String)> {
    let path = value.path()?;
    let text = files::read_text(&path, MAX_ROOTS).map_err(|message| value.place().problem(message))?;
    if text.trim().is_empty() {
        return Err(value.place().problem("the file is empty"));
    }
    Ok((path, text.as_str().to_owned(), value.place().key().to_owned()))
}

fn name(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() || text.len() > MAX_IDENTITY || text.chars().any(char::is_control) {
        return Err("what stands in the certificate, 1 to 2048 bytes in one line");
    }
    if text.contains('*') {
        return Err("what stands in the certificate, whole: there are no wildcards");
    }
    Ok(text.to_owned())
}

fn notation_identity(text: &str) -> Result<String, &'static str> {
    let subject = text.strip_prefix("x509.subject:").is_some_and(|subject| subject.contains('='));
    if !(subject || text.starts_with("arn:")) {
        return Err("\"x509.subject: C=…, O=…, CN=…\", or the ARN of a signing profile");
    }
    name(text)
}
