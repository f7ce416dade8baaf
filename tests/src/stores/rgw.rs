//! Ceph's object gateway. An account is the one user of a tenant, and a tenant has buckets of its own.
//!
//! Source: Ceph documentation, "Admin Operations" and "RGW Multi-tenancy".

use std::path::PathBuf;

use crate::raw::Response;
use crate::s3::Client;

use super::place::place;
use super::{Account, Kind, unique};

/// The name of the user within its tenant.
const USER: &str = "u";

/// Where the gateway is reached over TLS.
#[derive(Debug)]
pub struct OverTls {
    /// As a URL, by its address.
    pub endpoint: String,
    /// The authority that vouches for it, in PEM.
    pub authority: PathBuf,
}

impl OverTls {
    /// That of the gateway that `tests/run` started.
    ///
    /// # Panics
    /// It was started in another way, or there is none.
    #[track_caller]
    pub fn of_rgw() -> Self {
        let line = Kind::Rgw.place();
        let [_, endpoint, authority] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line} does not say where the gateway is over TLS, as what tests/stores/rgw prints does");
        };
        Self { endpoint: endpoint.to_owned(), authority: authority.into() }
    }
}

#[track_caller]
pub(super) fn account(url: &str) -> Account {
    let administrator = administrator(url);
    let (tenant, secret) = (format!("t{}", unique()), format!("{}{}", unique(), unique()));
    let access_key = format!("k{tenant}");
    let made = administrator.ask(
        "PUT",
        &format!(
            "/admin/user?format=json&tenant={tenant}&uid={USER}&display-name={tenant}\
             &access-key={access_key}&secret-key={secret}"
        ),
        &[],
        &[],
    );
    assert_eq!(made.status, 200, "no user can be made: {}", made.text());
    let address = administrator.address;
    Account { kind: Kind::Rgw, address, access_key, secret, user: format!("{tenant}${USER}") }
}

/// Removes a user and all that it holds, so that the gateway's memory is there for others.
pub(super) fn remove(account: &Account) {
    // Who can make accounts is not known to an account, and a test that failed may have ended the store.
    let Ok(url) = std::env::var(Kind::Rgw.variable()) else { return };
    let removed = std::panic::catch_unwind(|| -> Response {
        let user = account.user.replace('$', "%24");
        administrator(&url).ask("DELETE", &format!("/admin/user?purge-data=true&uid={user}"), &[], &[])
    });
    // What is locked stays until the store goes.
    drop(removed);
}

/// The first of what the script prints.
fn administrator(line: &str) -> Client {
    let url = line.split_whitespace().next().unwrap_or_default();
    let (who, address) = place(url);
    let (access_key, secret) = who.split_once(':').unwrap_or_else(|| {
        panic!("{url} does not say who makes users: http://KEY:SECRET@ADDRESS:PORT of an administrator")
    });
    Client { address, access_key: access_key.to_owned(), secret: secret.to_owned() }
}
