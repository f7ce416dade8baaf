//! Runs other people's programs: in a home of their own, with nothing of the tester's environment.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::proxy::aws_environment;
use crate::site::FULL;

/// The longest that a program may run. Not a measure of speed: one that reaches it hangs.
const DEADLINE: Duration = Duration::from_secs(300);

/// A home directory and an environment for programs.
#[derive(Debug)]
pub struct Sandbox {
    home: TempDir,
    environment: Vec<(OsString, OsString)>,
}

/// What became of a program.
#[derive(Debug)]
pub struct Ran {
    /// The command line, for messages.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

impl Sandbox {
    /// A home in which AWS tools find the proxy at `address`.
    pub fn new(address: SocketAddr) -> Self {
        let mut sandbox =
            Self { home: tempfile::tempdir().expect("a directory can be made"), environment: Vec::new() };
        let home = sandbox.home.path().to_owned();
        sandbox.set("HOME", &home);
        sandbox.set("TMPDIR", &home);
        sandbox.set("LANG", "C.UTF-8");
        sandbox.set("LC_ALL", "C.UTF-8");
        sandbox.set("PYTHONDONTWRITEBYTECODE", "1");
        // Not even the tester's configuration in the usual place.
        sandbox.set("AWS_CONFIG_FILE", home.join("aws-config"));
        sandbox.set("AWS_SHARED_CREDENTIALS_FILE", home.join("aws-credentials"));
        if let Some(path) = std::env::var_os("PATH") {
            sandbox.set("PATH", path);
        }
        for (name, value) in aws_environment(address, FULL) {
            sandbox.set(name, value);
        }
        sandbox
    }

    /// The home directory, where programs run.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in the home directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Sets an environment variable.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.as_ref().to_owned()));
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// It is not installed, or does not end.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, arguments: &[S]) -> Ran {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).current_dir(self.home()).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = format!("{command:?}").chars().rev().take(400).collect::<String>();
        let line = line.chars().rev().collect::<String>();
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{}: {error} (tests/run installs what tests need)", program.as_ref().to_string_lossy())
        });
        finish(child, line)
    }

    /// A program of the Python environment that `tests/run` makes.
    #[track_caller]
    pub fn run_installed<S: AsRef<OsStr>>(&self, program: &str, arguments: &[S]) -> Ran {
        self.run(installed(program), arguments)
    }
}

/// Where a program of the Python environment is.
///
/// # Panics
/// It is not there.
#[track_caller]
pub fn installed(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin").join(program);
    assert!(path.is_file(), "tests/.venv has no {program}: run tests/run once, which makes it");
    path
}

/// A script among `tests/clients`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Reads both streams to their ends, which come when the program has ended, or been killed for not ending.
fn finish(mut child: Child, line: String) -> Ran {
    let (sender, ends) = channel();
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("it is piped")),
        Box::new(child.stderr.take().expect("it is piped")),
    ];
    for (index, mut stream) in streams.into_iter().enumerate() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            let _ = sender.send((index, bytes));
        });
    }
    let until = Instant::now() + DEADLINE;
    let mut read = [Vec::new(), Vec::new()];
    for _ in 0..2 {
        match ends.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok((index, bytes)) => read[index] = bytes,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{line} does not end");
            }
        }
    }
    let status = child.wait().expect("a child can be waited for");
    let [stdout, stderr] = read;
    Ran { line, status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }
}

impl Ran {
    /// Asserts that it reported success; gives its standard output.
    #[track_caller]
    pub fn good(&self) -> String {
        let out = String::from_utf8_lossy(&self.stdout).into_owned();
        assert!(self.status.success(), "{}\n{}\n{out}\n{}", self.line, self.status, self.stderr);
        out
    }

    /// Asserts that it reported failure; gives all that it said.
    #[track_caller]
    pub fn bad(&self) -> String {
        let out = String::from_utf8_lossy(&self.stdout).into_owned();
        assert!(!self.status.success(), "reported success:\n{}\n{out}\n{}", self.line, self.stderr);
        out + &self.stderr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_see_nothing_of_the_testers_environment() {
        let sandbox = Sandbox::new("127.0.0.1:1".parse().unwrap());
        let environment = sandbox.run("env", &[] as &[&str]).good();
        assert!(environment.contains("AWS_ENDPOINT_URL=http://127.0.0.1:1\n"), "{environment}");
        assert!(!environment.contains("CARGO"), "{environment}");
        assert_eq!(sandbox.run("sh", &["-c", "echo no >&2; exit 3"]).bad(), "no\n");
    }
}
