//! `[admin]`

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::server::listen;
use crate::reader::{Read, Table};
use crate::types::{Admin, Server};

/// Load balancers ask every few seconds.
const DRAIN_DELAY: Duration = Duration::from_secs(5);
const DRAIN_DELAYS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(5);

/// `server`: the listener for clients, which this one is not.
pub(super) fn admin(table: &mut Table<'_>, server: &Read<Server>) -> Read<Admin> {
    let taken = server.as_ref().ok().map(|server| server.listen);
    let listen = table.required("listen", "\"127.0.0.1:9001\"", |value| {
        let address = value.parse(listen)?;
        if taken.is_some_and(|taken| same(taken, address)) {
            let message = "the address of `server.listen`, where clients are served; take another port";
            return Err(value.place().problem(message));
        }
        Ok(address)
    });
    let delay = table.or("drain_delay", DRAIN_DELAY, |value| value.duration(DRAIN_DELAYS));
    table.refuse(&["drain_timeout"], "belongs into [limits]");
    Ok(Admin { listen: listen?, drain_delay: delay? })
}

/// Port 0 is another one each time.
fn same(one: SocketAddr, other: SocketAddr) -> bool {
    one == other && one.port() != 0
}
