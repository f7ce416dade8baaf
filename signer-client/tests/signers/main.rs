//! The command `hallmark` with keys that lie elsewhere, and openssl as the other side: encrypted files, tokens (SoftHSM),
//! AWS KMS (moto's server over HTTP).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod encrypted;
mod kms;
mod pkcs11;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A directory in which commands run, with nothing of the tester's environment, and an artifact.
struct Bench {
    directory: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { directory: tempfile::tempdir().unwrap(), environment: Vec::new() };
        bench.write("app.tar", b"an artifact\n");
        bench
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Said {
        let program = if program == "hallmark" { env!("CARGO_BIN_EXE_hallmark") } else { program };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.directory.path());
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // No terminal to ask at: there is none in a session of its own.
        let output = command.stdin(std::process::Stdio::null()).output();
        let output = output
            .unwrap_or_else(|error| panic!("this test needs `{program}`: {error} (tests/run installs it)"));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Said { code: output.status.code(), stdout: output.stdout, stderr }
    }

    #[track_caller]
    fn good(&self, program: &str, arguments: &[&str]) -> String {
        let said = self.run(program, arguments);
        assert_eq!(said.code, Some(0), "{program} {arguments:?}: {said:?}");
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    /// Fails with this exit code, an error with these words, and a hint where one is wanted.
    #[track_caller]
    fn bad(&self, arguments: &[&str], code: i32, words: &str, hint: &str) {
        let said = self.run("hallmark", arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        assert!(said.stderr.contains("error: ") && said.stderr.contains(words), "{arguments:?}: {said:?}");
        assert!(hint.is_empty() || said.stderr.contains(hint), "{arguments:?}: {said:?}");
        assert!(!self.path("app.tar.sig").exists() && said.stdout.is_empty(), "{arguments:?}");
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.good("hallmark", &[&["--json"], arguments].concat())).unwrap()
    }

    /// Signs the artifact with this signer; openssl verifies it with the public key that the signer says it has.
    #[track_caller]
    fn signs(&self, signer: &str) {
        let public = self.good("hallmark", &["public-key", "--signer", signer]);
        self.write("signer.pub", &public);
        let said = self.json(&["sign", "--signer", signer, "app.tar"]);
        let verified = ["dgst", "-sha256", "-verify", "signer.pub", "-signature", "app.tar.sig", "app.tar"];
        assert_eq!(self.good("openssl", &verified), "Verified OK\n");
        self.good("hallmark", &["verify", "--signer", "signer.pub", "app.tar"]);
        let shown = self.json(&["public-key", "--signer", signer]);
        assert_eq!((&shown["public_key"], &shown["key_id"]), (&Value::from(public), &said["key_id"]));
        // Low s, whatever the signer made: the highest bit of s is not set, so no zero byte stands before it.
        let der = self.read("app.tar.sig");
        assert!(der[der.len() - 33] != 0 || der[der.len() - 32] < 0x80, "{der:02x?}");
        std::fs::remove_file(self.path("app.tar.sig")).unwrap();
    }
}
