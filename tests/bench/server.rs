//! What is measured: processes that are started here, and what the system says of them.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallmark_tests::proxy::program;
use hallmark_tests::site::{FULL, Options, Site};
use tempfile::TempDir;

use crate::machine::TICKS;

/// Which artifacts have room in a server's cache of leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaves {
    /// Small ones.
    Small,
    /// Large ones, too.
    Large,
}

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

/// What precedes the address in the line that says that a server is ready.
const READY: &str = "listening on http://";

/// What the program is told beside where the store is. Its buckets are not those of the other servers, whose objects bear no
/// seals.
const IN_FRONT: &str = r#"
[buckets.bench.kept_in]
bucket = "hallmark-bench"

[buckets.fresh]
freshness = "5m"

[buckets.fresh.kept_in]
bucket = "hallmark-fresh"
"#;

/// For the store in memory, which does not look at them.
const STORE_CREDENTIALS: &str =
    "[default]\naws_access_key_id = AKIASTORE\naws_secret_access_key = secret-of-the-store\n";

/// Processor time, seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// In the program.
    pub(crate) user: f64,
    /// In the kernel on its behalf.
    pub(crate) system: f64,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Goes after the child.
    files: Files,
}

enum Files {
    None,
    Hallmark { site: Site },
    Plain { _directory: TempDir },
    Nginx { directory: TempDir },
}

impl Server {
    /// The program itself on the embedded store, with the usual configuration of tests and what `options` adds. It
    /// logs, as it does by default, and a line for each Complete.
    pub(crate) fn hallmark(options: &Options) -> Self {
        let site = Site::new(options);
        let (child, address) = start_hallmark(&site);
        Self { child, address, files: Files::Hallmark { site } }
    }

    /// Kills the program and starts it again on what it left; the address is another.
    ///
    /// # Panics
    /// It is another server.
    pub(crate) fn restart(&mut self) {
        let Files::Hallmark { site } = &self.files else { panic!("only Hallmark is started again") };
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
        (self.child, self.address) = start_hallmark(site);
    }

    /// The rest of the last line of the program's log that has `text` in it.
    pub(crate) fn last_logged(&self, text: &str) -> Option<String> {
        let Files::Hallmark { site } = &self.files else { return None };
        let log = fs::read_to_string(log_file(site)).expect("the log can be read");
        log.lines().rev().find_map(|line| Some(line.split_once(text)?.1.trim().to_owned()))
    }

    /// The program itself before the store at `upstream`, and one bucket whose artifacts need
    /// not be asked for again every time.
    pub(crate) fn in_front(upstream: SocketAddr, leaves: Leaves) -> Self {
        let cache = match leaves {
            Leaves::Small => "leaves = \"1 MiB\"\n",
            Leaves::Large => "leaves = \"512 MiB\"\n",
        };
        let tables = IN_FRONT.to_owned();
        let site = Site::new(&Options { cache: cache.to_owned(), tables, ..Options::default() });
        site.write_private("store.credentials", STORE_CREDENTIALS);
        site.write_private("state.secret", &format!("{}\n", "5a".repeat(32)));
        let store = format!(
            "[state]\nsecret_file = \"state.secret\"\n\n[store]\nkind = \"s3\"\nendpoint = \"http://{upstream}\"\n\
             region = \"us-east-1\"\ncredentials_file = \"store.credentials\"\nstate_bucket = \"hallmark-state\"\n"
        );
        site.edit_config(|text| text.replace("[store]\nkind = \"local\"\npath = \"data\"\n", &store));
        let (child, address) = start_hallmark(&site);
        Self { child, address, files: Files::Hallmark { site } }
    }

    /// The store in memory that proxies stand before.
    pub(crate) fn origin() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program knows its own path"));
        command.arg("origin");
        let (child, address) = start(command);
        Self { child, address, files: Files::None }
    }

    /// s3s-proxy before the store at `upstream`; `None` where it is not installed.
    pub(crate) fn s3s_proxy(upstream: SocketAddr) -> Option<Self> {
        let address = crate::free_address();
        let mut command = Command::new(find("s3s-proxy")?);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--endpoint-url", &format!("http://{upstream}")]);
        command
            .env("AWS_ACCESS_KEY_ID", FULL.0)
            .env("AWS_SECRET_ACCESS_KEY", FULL.1)
            .env("AWS_REGION", "us-east-1");
        // It would wrap uploads in chunks with a trailer, which the store in memory does not unwrap.
        command.env("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required").env("RUST_LOG", "warn");
        Some(Self::listening(command, address))
    }

    /// rclone, serving S3 before the store at `upstream`; `None` where it is not installed.
    pub(crate) fn rclone(upstream: SocketAddr) -> Option<Self> {
        let address = crate::free_address();
        let mut command = Command::new(find("rclone")?);
        command.args(["serve", "s3", ":s3:", "--addr", &address.to_string(), "--config", "/dev/null"]);
        command.args(["--auth-key", &format!("{},{}", FULL.0, FULL.1), "--s3-provider", "Other"]);
        command.args(["--s3-endpoint", &format!("http://{upstream}"), "--s3-region", "us-east-1"]);
        command.args([
            "--s3-access-key-id",
            FULL.0,
            "--s3-secret-access-key",
            FULL.1,
            "--log-level",
            "ERROR",
        ]);
        Some(Self::listening(command, address))
    }

    /// Starts a server that takes connections at `address` when it is ready.
    fn listening(mut command: Command, address: SocketAddr) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the server starts");
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < START, "{command:?} did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address, files: Files::None }
    }

    /// The embedded store without the proxy.
    pub(crate) fn plain() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let mut command = Command::new(std::env::current_exe().expect("a program knows its own path"));
        command.arg("plain").arg(directory.path());
        let (child, address) = start(command);
        Self { child, address, files: Files::Plain { _directory: directory } }
    }

    /// The bare hyper server.
    pub(crate) fn bare() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program knows its own path"));
        command.arg("bare");
        let (child, address) = start(command);
        Self { child, address, files: Files::None }
    }

    /// nginx before the server at `upstream`; `None` where it is not installed.
    pub(crate) fn nginx(upstream: SocketAddr) -> Option<Self> {
        let program = find("nginx")?;
        let directory = tempfile::tempdir().expect("a directory can be made");
        let address = crate::free_address();
        fs::write(directory.path().join("nginx.conf"), nginx_configuration(address, upstream))
            .expect("a file can be written");
        let child = nginx(&program, directory.path()).spawn().expect("nginx starts");
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < START, "nginx did not start: {}", log_of(directory.path()));
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, address, files: Files::Nginx { directory } })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time of the process and its children so far.
    pub(crate) fn cpu(&self) -> Cpu {
        let pid = self.child.id();
        children(pid).into_iter().chain([pid]).map(cpu_of).sum()
    }

    /// A field of `/proc/<pid>/status` in MiB: `VmRSS`, or `VmHWM` for its peak.
    pub(crate) fn memory(&self, field: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it is running");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let kib: f64 = line
            .and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
            .expect("the system counts memory");
        kib / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Files::Nginx { directory } = &self.files {
            // Killed, it would leave its workers behind.
            if let Some(program) = find("nginx") {
                let _ = nginx(&program, directory.path()).args(["-s", "stop"]).status();
            }
        } else {
            // It may have died by itself, and then the client has said so.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl std::ops::Sub for Cpu {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { user: self.user - other.user, system: self.system - other.system }
    }
}

impl std::iter::Sum for Cpu {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self { user: a.user + b.user, system: a.system + b.system })
    }
}

impl Cpu {
    /// Both kinds.
    pub(crate) fn total(self) -> f64 {
        self.user + self.system
    }
}

fn hallmark(site: &Site) -> Command {
    let log = OpenOptions::new().append(true).create(true).open(log_file(site)).expect("a file can be made");
    let mut command = Command::new(program("hallmark-proxy"));
    command.arg("--config").arg(site.config_file()).current_dir(site.path()).stderr(log);
    command.env("HALLMARK_LOG", "info,hallmark_proxy::gate::multipart::complete=debug");
    command
}

/// Starts Hallmark; if it does not start, its log is shown.
fn start_hallmark(site: &Site) -> (Child, SocketAddr) {
    try_start(hallmark(site)).unwrap_or_else(|| {
        panic!("Hallmark did not start: {}", fs::read_to_string(log_file(site)).unwrap_or_default())
    })
}

fn log_file(site: &Site) -> PathBuf {
    site.path().join("log")
}

/// Starts a server that says on its standard output where it listens.
fn start(command: Command) -> (Child, SocketAddr) {
    try_start(command).expect("the server says where it listens")
}

/// The same; `None`: it ended without.
fn try_start(mut command: Command) -> Option<(Child, SocketAddr)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let ready = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, address) = line.split_once(READY)?;
        address.trim().parse().ok()
    });
    Some((child, ready?))
}

/// Fields 14 and 15 of `/proc/<pid>/stat`.
fn cpu_of(pid: u32) -> Cpu {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is a name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11);
    let mut next = || fields.next().and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / TICKS;
    Cpu { user: next(), system: next() }
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|path| path.join(program))
        .find(|path| path.is_file())
}

fn nginx(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("-p").arg(directory).args(["-c", "nginx.conf", "-e", "error.log"]).stdin(Stdio::null());
    command
}

fn log_of(directory: &Path) -> String {
    fs::read_to_string(directory.join("error.log")).unwrap_or_default()
}

/// Bodies pass through as they come, in large buffers: with the defaults a large download costs nginx nearly three
/// times as much. It logs requests, as the others do where they log by default.
fn nginx_configuration(address: SocketAddr, upstream: SocketAddr) -> String {
    let workers = crate::report::cores();
    format!(
        "daemon off;
worker_processes {workers};
pid nginx.pid;
error_log error.log;
events {{ worker_connections 1024; }}
http {{
    access_log access.log;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    client_max_body_size 0;
    client_body_buffer_size 512k;
    keepalive_requests 100000000;
    tcp_nodelay on;
    upstream bare {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://bare;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_request_buffering off;
            proxy_buffers 16 256k;
            proxy_buffer_size 256k;
            proxy_busy_buffers_size 1m;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
"
    )
}
