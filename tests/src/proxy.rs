//! The real program as a child process.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use crate::raw::DEADLINE;
use crate::s3::Client;
use crate::site::{FULL, Site};

pub use crate::site::Options;

/// What the program prints on its standard output when it takes connections; `http://` or `https://` and the address follow.
const READY: &str = "hallmark-proxy: listening on ";
/// What it prints before, where the configuration has `[admin]`.
const ADMIN: &str = "hallmark-proxy: health and metrics on http://";

/// Credentials for AWS in a site's folder, if a test writes them.
pub const AWS_CREDENTIALS: &str = "aws.credentials";
/// And AWS tools' configuration, the same.
pub const AWS_CONFIG: &str = "aws.config";

/// What it logs when it has read its configuration again.
const TAKEN: &str = "the changed configuration holds from now on";
const REFUSED: &str = "the changed configuration was refused";

/// A running proxy. It dies with this value; if the test is failing then, its log is shown.
#[derive(Debug)]
pub struct Proxy {
    /// Its files, perhaps those of other instances as well.
    pub site: Arc<Site>,
    address: SocketAddr,
    child: Child,
    log: Log,
}

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Proxy {
    /// Starts one with the usual configuration.
    pub fn start() -> Self {
        Self::start_with(&Options::default())
    }

    /// Starts one with another configuration.
    pub fn start_with(options: &Options) -> Self {
        Self::start_at(Site::new(options))
    }

    /// Starts one on files that are there.
    pub fn start_at(site: impl Into<Arc<Site>>) -> Self {
        let site = site.into();
        let log = Log::default();
        let (child, address) = spawn(&site, &log);
        Self { site, address, child, log }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The client that may do everything.
    pub fn client(&self) -> Client {
        self.client_of(FULL)
    }

    /// The client with other credentials.
    pub fn client_of(&self, credentials: (&str, &str)) -> Client {
        Site::client(self.address, credentials)
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The most memory that it ever had, KiB.
    ///
    /// # Panics
    /// It does not run.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a process has memory");
        line.trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// Where health and metrics are.
    ///
    /// # Panics
    /// The configuration has no `[admin]`.
    #[track_caller]
    pub fn admin(&self) -> SocketAddr {
        let log = self.log();
        let address = log.lines().rev().find_map(|line| line.strip_prefix(ADMIN));
        address.expect("the configuration asks for it").parse().expect("an address follows")
    }

    /// Asks it to stop (`SIGTERM`).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to read its configuration again (`SIGHUP`), and waits until it has. Whether it took it over.
    pub fn reload(&self) -> bool {
        self.reloaded_by(|| self.signal(Signal::HUP))
    }

    /// Does something that makes it read its configuration again, and waits until it has. Whether it took it over.
    ///
    /// # Panics
    /// It does not.
    pub fn reloaded_by(&self, act: impl FnOnce()) -> bool {
        let count = |words: &str| self.log().matches(words).count();
        let (taken, refused) = (count(TAKEN), count(REFUSED));
        act();
        let until = Instant::now() + DEADLINE;
        loop {
            if count(TAKEN) > taken {
                return true;
            }
            if count(REFUSED) > refused {
                return false;
            }
            assert!(Instant::now() < until, "it does not read its configuration:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("it has a number");
        kill_process(pid, signal).expect("a child can be signalled");
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it (`SIGKILL`) and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Starts it again on the same files; the address is another.
    pub fn restart(&mut self) {
        self.kill();
        (self.child, self.address) = spawn(&self.site, &self.log);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have died by itself; the test says so then.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the proxy\n{}", self.log());
        }
    }
}

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the lines of `stream` until it ends, and hands the address on when it comes.
    fn follow(&self, stream: impl Read + Send + 'static, ready: Option<Sender<SocketAddr>>) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let endpoint = line.strip_prefix(READY).and_then(|endpoint| endpoint.split_once("://"));
                if let (Some(ready), Some((_, address))) = (&ready, endpoint) {
                    // Nobody listens any more after the first.
                    let _ = ready.send(address.trim().parse().expect("an address follows"));
                }
                writeln!(log.0.lock().unwrap_or_else(PoisonError::into_inner), "{line}")
                    .expect("writing to a string");
            }
        });
    }
}

fn spawn(site: &Site, log: &Log) -> (Child, SocketAddr) {
    let mut child = Command::new(program("hallmark-proxy"))
        .arg("--config")
        .arg(site.config_file())
        .current_dir(site.path())
        // What a test wants AWS tools to find, and nothing of the user's.
        .env("AWS_SHARED_CREDENTIALS_FILE", site.path().join(AWS_CREDENTIALS))
        .env("AWS_CONFIG_FILE", site.path().join(AWS_CONFIG))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the proxy can be started");
    let (sender, ready) = channel();
    log.follow(child.stdout.take().expect("it is piped"), Some(sender));
    log.follow(child.stderr.take().expect("it is piped"), None);
    let address = wait(&ready, &mut child, log);
    (child, address)
}

fn wait(ready: &Receiver<SocketAddr>, child: &mut Child, log: &Log) -> SocketAddr {
    match ready.recv_timeout(DEADLINE) {
        Ok(address) => address,
        Err(RecvTimeoutError::Timeout) => {
            let _ = child.kill();
            panic!("the proxy did not become ready:\n{}", log.text())
        }
        Err(RecvTimeoutError::Disconnected) => {
            let status = child.wait();
            panic!("the proxy ended before it was ready ({status:?}):\n{}", log.text())
        }
    }
}

/// A program of this workspace, built in the same profile as the tests.
///
/// # Panics
/// It is not there, or older than its sources.
pub fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a program knows its own path");
    // target/<profile>/deps/<test>
    let profile = tests.ancestors().nth(2).expect("tests lie in deps");
    let program = profile.join(name);
    let hint = "run tests/run, or: cargo build -p hallmark-proxy -p hallmark-signer --bins";
    assert!(program.is_file(), "{} is not built; {hint}", program.display());
    if let Some(source) = newer_source(&program) {
        panic!("{} is older than {}; {hint}", program.display(), source.display());
    }
    program
}

/// A source of `program` (by the list that cargo keeps beside it) that changed since.
fn newer_source(program: &Path) -> Option<PathBuf> {
    let built = modified(program)?;
    let list = fs::read_to_string(program.with_extension("d")).ok()?;
    let (_, sources) = list.split_once(": ")?;
    sources
        .replace("\\ ", "\0")
        .split_whitespace()
        .map(|source| PathBuf::from(source.replace('\0', " ")))
        .find(|source| modified(source).is_some_and(|changed| changed > built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// The environment in which AWS tools find the proxy and these credentials, and nothing else.
pub fn aws_environment(
    address: SocketAddr,
    (access_key, secret): (&str, &str),
) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", access_key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}
