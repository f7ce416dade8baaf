//! Hallmark and those it is measured beside, all before the same store.

use std::net::SocketAddr;

use super::cases::{Case, Work};
use crate::server::{Cpu, Leaves, Server};

/// Where nginx stands in the list.
pub(super) const NGINX: usize = 1;
/// Where the store itself stands in it.
pub(super) const STORE: usize = 2;
/// Where s3s-proxy stands in it.
pub(super) const S3S: usize = 3;
const RCLONE: usize = 4;

const NAMES: [&str; 5] = ["Hallmark", "nginx", "the store", "s3s-proxy", "rclone serve s3"];

/// A server to be measured.
pub(super) struct Peer {
    pub(super) name: &'static str,
    index: usize,
    server: Option<Server>,
    /// Another with room for all large artifacts in its memory, for [`Work::GetFresh`]; without it the first does that too.
    caching: Option<Server>,
    address: SocketAddr,
}

pub(super) fn names(few: bool) -> &'static [&'static str] {
    if few { &NAMES[..S3S] } else { &NAMES }
}

/// Starts those that are installed.
pub(super) fn start(origin: &Server, few: bool) -> Vec<Peer> {
    let upstream = origin.address();
    let servers = [
        Some(Server::in_front(upstream, Leaves::Small)),
        Server::nginx(upstream),
        None,
        (!few).then(|| Server::s3s_proxy(upstream)).flatten(),
        (!few).then(|| Server::rclone(upstream)).flatten(),
    ];
    let mut peers = Vec::new();
    for (index, (name, server)) in NAMES.into_iter().zip(servers).take(names(few).len()).enumerate() {
        if server.is_none() && index != STORE {
            eprintln!("SKIPPED: {name} is not installed; it is left out of the comparison");
        }
        let address = server.as_ref().map_or(upstream, Server::address);
        let caching = (index == 0).then(|| Server::in_front(upstream, Leaves::Large));
        peers.push(Peer { name, index, server, caching, address });
    }
    peers
}

impl Peer {
    /// Where it takes such work.
    pub(super) fn address(&self, work: Work) -> SocketAddr {
        match (work, &self.caching) {
            (Work::GetFresh, Some(caching)) => caching.address(),
            (Work::Get | Work::GetFresh | Work::Put | Work::Parts, _) => self.address,
        }
    }

    /// Its own processor time, without the store's.
    pub(super) fn cpu(&self) -> Cpu {
        [&self.server, &self.caching].into_iter().flatten().map(Server::cpu).sum()
    }

    /// Whether it is there, and can do that in a way that compares.
    pub(super) fn takes(&self, case: &Case) -> bool {
        let there = self.server.is_some() || self.index == STORE;
        let huge = matches!(case.work, Work::Parts) || case.name.contains("GiB");
        there && !(huge && matches!(self.index, S3S | RCLONE))
    }
}
