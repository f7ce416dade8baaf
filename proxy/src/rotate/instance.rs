//! What a running instance says of its seal keys, by its admin listener.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hallmark_signer::PublicKey;

use super::Step;

/// How long an instance may take for each step of its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer, bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// The keys of one instance: first the one that makes its seals.
pub(super) struct Instance(Vec<PublicKey>);

impl Instance {
    /// Asks the admin listener at `address`, `HOST:PORT`: one question on a connection of its own.
    pub(super) fn ask(address: &str) -> anyhow::Result<Self> {
        let socket = address.to_socket_addrs()?.next().context("the name has no address")?;
        let mut stream = TcpStream::connect_timeout(&socket, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write!(stream, "GET /seal-keys HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(MAX_ANSWER).read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("that is no answer of an admin listener")?;
        if !head.starts_with("HTTP/1.1 200 ") {
            bail!("it answers `{}`", head.lines().next().unwrap_or_default().escape_debug());
        }
        Ok(Self(PublicKey::all_from_pem(body)?))
    }

    /// Whether it is as far as a configuration at this `step`, and how far it is.
    pub(super) fn state(&self, step: Step, new: &PublicKey) -> (bool, &'static str) {
        let (signs, trusts) = (self.0.first() == Some(new), self.0.contains(new));
        let alone = self.0.len() == 1;
        match (signs, trusts) {
            // Anywhere else that instance has forgotten the old key, and refuses what that has sealed.
            (true, _) if alone => (step == Step::Done, "makes seals with the new key, and accepts no others"),
            (true, _) => (step != Step::Done, "makes seals with the new key, and accepts others"),
            (false, true) => (
                matches!(step, Step::Trust | Step::Sign),
                "accepts seals by the new key, and makes none with it",
            ),
            (false, false) => (step == Step::Trust, "does not accept seals by the new key"),
        }
    }
}
