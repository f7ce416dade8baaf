//! The commands of the README do what it says they do.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use hallmark_tests::data::content;
use hallmark_tests::proxy::{Proxy, aws_environment, program};
use hallmark_tests::raw::DEADLINE;
use hallmark_tests::site::{Engine, FULL, Options, Site};

const CHECK: &str = "<!-- tests/scenarios/readme.rs runs this block as it stands -->\n";
const APPROVE: &str = "<!-- tests/scenarios/readme.rs configures this as it stands, and runs its commands as those that they name -->\n";

/// The first block in this language that follows the mark.
fn block(mark: &str, language: &str) -> String {
    block_of("README.md", mark, language)
}

fn block_of(page: &str, mark: &str, language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let page = fs::read_to_string(page).expect("the page is there");
    let (_, rest) = page.split_once(mark).expect("the page marks it");
    let (_, rest) = rest.split_once(&format!("```{language}\n")).expect("there is a block");
    let (block, _) = rest.split_once("```").expect("the block ends");
    block.to_owned()
}

/// What "Check without Hallmark" says, with a shell, curl, openssl and sha256sum alone.
#[test]
fn p8_the_readmes_commands_check_an_artifact_without_hallmark() {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket("releases");
    let body = content(1, 300_000);
    let signature = proxy.site.signature("ci", &body);
    let headers = [("x-amz-meta-hallmark-signature", signature.as_str())];
    let stored = client.put_with("releases", "app/1.4.2/app.tar.gz", &body, &headers);
    assert_eq!(stored.status, 200, "{}", stored.text());

    let out = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &block(CHECK, "sh")])
        .current_dir(proxy.site.path())
        .env("AWS_ACCESS_KEY_ID", FULL.0)
        .env("AWS_SECRET_ACCESS_KEY", FULL.1)
        .env("AWS_ENDPOINT_URL", proxy.endpoint())
        .output()
        .expect("bash is there");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(said, "Verified OK\napp.tar.gz: OK\nVerified OK\napp.tar.gz is what was sealed\n");
}

/// Those who have a part in "Approve", each at a machine of their own.
struct People {
    folder: PathBuf,
    address: SocketAddr,
}

impl People {
    /// The access key is the name after the company's; the secret is in the file that the configuration names.
    fn environment(&self, name: &str) -> Vec<(&'static str, String)> {
        let secret = fs::read_to_string(self.folder.join(format!("{name}.secret"))).unwrap();
        aws_environment(self.address, (&format!("acme-{name}"), secret.trim()))
    }

    fn machine(&self, name: &str, files: &[&str]) {
        let machine = self.folder.join("machines").join(name);
        fs::create_dir_all(&machine).unwrap();
        for file in files {
            fs::copy(self.folder.join(file), machine.join(file)).unwrap();
        }
    }

    fn run(&self, name: &str, line: &str) -> (Output, String) {
        let path = program("hallmark").parent().unwrap().display().to_string();
        let out = Command::new("bash")
            .args(["-euo", "pipefail", "-c", line])
            .current_dir(self.folder.join("machines").join(name))
            .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
            .envs(self.environment(name))
            .output()
            .expect("bash is there");
        let said = String::from_utf8([out.stdout.clone(), out.stderr.clone()].concat()).unwrap();
        (out, said)
    }
}

/// CI signs, a manager approves, deploy pulls: with the configuration and the commands that "Approve" prints.
#[test]
fn what_the_readme_says_about_approvals_is_so() {
    let site = Site::new(&Options { store: Engine::Local, ..Options::default() });
    for name in ["alice", "bob", "carol"] {
        site.make_key(name);
    }
    let printed = block(APPROVE, "toml");
    // "bob and carol likewise".
    let (_, alice) = printed.split_once("name = \"alice\"").expect("alice is a client");
    let (alice, _) = alice.split_once("[[clients]]").expect("others follow");
    let likewise = |name: &str| format!("[[clients]]\nname = \"{name}\"{}", alice.replace("alice", name));
    site.edit_config(|_| {
        format!(
            "realm = \"acme-artifacts\"\n[server]\nlisten = \"127.0.0.1:0\"\n[seal]\nkey_file = \"seal.key\"\n\
             [store]\nkind = \"local\"\npath = \"data\"\n{printed}\n{}{}",
            likewise("bob"),
            likewise("carol"),
        )
    });
    for name in ["admin", "ci", "alice", "bob", "carol", "deploy"] {
        site.write_private(&format!("{name}.secret"), &format!("a-secret-of-{name}-and-nobody-else\n"));
    }
    let proxy = Proxy::start_at(site);
    let people = People { folder: proxy.site.path().to_owned(), address: proxy.address() };
    Site::client(people.address, ("acme-admin", "a-secret-of-admin-and-nobody-else"))
        .create_bucket("releases");
    let body = content(1, 300_000);
    fs::write(people.folder.join("app.tar.gz"), &body).unwrap();
    people.machine("ci", &["ci.key", "app.tar.gz"]);
    people.machine("alice", &["alice.key", "seal.pub"]);
    people.machine("bob", &["bob.key", "seal.pub"]);
    people.machine("deploy", &["ci.pub", "seal.pub"]);

    let commands = block(APPROVE, "sh");
    let [push, approve, inspect, pull] = commands.lines().collect::<Vec<_>>()[..] else {
        panic!("{commands}")
    };
    let told = |line: &str, name: &str| assert!(line.ends_with(&format!("# as {name}")), "{line}");
    let good = |name: &str, line: &str| {
        let (out, said) = people.run(name, line);
        assert!(out.status.success(), "{line}: {said}");
        said
    };
    told(push, "ci");
    good("ci", push);
    told(approve, "alice");
    good("alice", approve);
    let (_, shown) = inspect.split_once("# ").expect("it says what is shown");
    let said = good("alice", inspect);
    assert!(shown.split('…').all(|words| said.contains(words.trim())), "{shown}: {said}");

    // "The last one is refused until a second of `release` has approved (here bob, with `--key bob.key`)."
    told(pull, "deploy");
    let (out, said) = people.run("deploy", pull);
    assert!(out.status.code() == Some(3) && said.contains("ArtifactRoleUnmet"), "{said}");
    assert!(!people.folder.join("machines/deploy/app.tar.gz").exists());
    good("bob", &approve.replace("--key alice.key", "--key bob.key"));
    good("deploy", pull);
    assert!(fs::read(people.folder.join("machines/deploy/app.tar.gz")).unwrap() == body);
}

/// What "If it has leaked" says of the log: the digests of what was sealed last under each name.
#[test]
fn a_list_of_digests_can_be_made_of_the_log() {
    let proxy = Proxy::start();
    let client = proxy.client();
    for bucket in ["releases", "other"] {
        client.create_bucket(bucket);
    }
    let puts: [(&str, &str, &[u8]); 4] = [
        ("releases", "app/x.tar", b"old"),
        ("releases", "app/x.tar", b"new"),
        ("other", "app/x.tar", b"other"),
        // Whoever uploads cannot have a line say something of another name.
        ("releases", "a sha256=0 bucket=releases key=b", b"spaced"),
    ];
    for (bucket, key, body) in puts {
        assert_eq!(client.put(bucket, key, body).status, 200);
    }
    let begun = Instant::now();
    while proxy.log().matches(" seals: ").count() < puts.len() && begun.elapsed() < DEADLINE {
        std::thread::yield_now();
    }
    fs::write(proxy.site.path().join("proxy.log"), proxy.log()).unwrap();
    let commands = block_of("deploy/keys.md", CHECK, "sh");
    let out = Command::new("sh").args(["-euc", &commands]).current_dir(proxy.site.path()).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    let list = fs::read_to_string(proxy.site.path().join("releases.sha256")).unwrap();
    let digest = |body: &[u8]| hallmark_signer::Sha256Digest::of(body).to_hex();
    let expected = format!("{}  {}\n{}  app/x.tar\n", digest(b"spaced"), puts[3].1, digest(b"new"));
    assert_eq!(list, expected, "{}", proxy.log());
}
