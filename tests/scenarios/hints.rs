//! What `hallmark` says to who mistyped something: what it can be, and where to look.

use hallmark_tests::command::Sandbox;
use hallmark_tests::proxy::{Proxy, program};
use hallmark_tests::site::{Further, Options, Site};

const BUCKET: &str = "releases";
const DEPLOY: (&str, &str) = ("AKIADEPLOY", "secret-of-the-client-that-may-only-read");

/// A proxy whose client `deploy` may read, and not list; and its home.
fn lab() -> (Proxy, Sandbox) {
    let deploy = Further { name: "deploy", credentials: DEPLOY, grants: &[(BUCKET, "read")] };
    let proxy = Proxy::start_at(Site::with_clients(&Options::default(), &[deploy]));
    let client = proxy.client();
    client.create_bucket(BUCKET);
    assert_eq!(client.put(BUCKET, "app.tar", b"app").status, 200);
    let mut sandbox = Sandbox::new(proxy.address());
    sandbox.set("AWS_ACCESS_KEY_ID", DEPLOY.0);
    sandbox.set("AWS_SECRET_ACCESS_KEY", DEPLOY.1);
    (proxy, sandbox)
}

/// What each of these commands says when it fails.
fn said(sandbox: &Sandbox, location: &str) -> Vec<String> {
    let commands = [&["pull"][..], &["inspect"]];
    let said = commands.iter().map(|command| {
        let ran = sandbox.run(program("hallmark"), &[command, &[location][..]].concat());
        ran.bad();
        ran.stderr
    });
    said.collect()
}

#[test]
fn a_key_that_is_not_there_may_be_misspelt() {
    let (proxy, sandbox) = lab();
    for said in said(&sandbox, "s3://releases/app.tgz") {
        assert!(said.contains("deploy lacks the permission `list` there"), "{said}");
        assert!(
            said.contains("there may be none") && said.contains("hint: is the key spelt right?"),
            "{said}"
        );
    }
    // Which says the same of whatever is not there, and nothing of what is to who may not read it.
    let deploy = Site::client(proxy.address(), DEPLOY);
    let message = |bucket: &str, key: &str| deploy.get(bucket, key).element("Message");
    assert_eq!(message(BUCKET, "app.tgz"), message(BUCKET, "app.tar/x"));
    assert!(message(BUCKET, "app.tgz").contains("there may be none"));
    proxy.client().create_bucket("other");
    assert_eq!(proxy.client().put("other", "app.tar", b"app").status, 200);
    let other = message("other", "app.tar");
    assert!(other.contains("`read`"), "{other}");
    assert_eq!(other, message("other", "app.tgz"));
    assert_eq!(other, message("nowhere", "app.tar"));
}

#[test]
fn another_region_is_named_with_where_to_set_it() {
    let (_proxy, mut sandbox) = lab();
    sandbox.set("AWS_REGION", "eu-north-1");
    for said in said(&sandbox, "s3://releases/app.tar") {
        assert!(said.contains("expecting 'us-east-1'"), "{said}");
        assert!(said.contains("hint: ") && said.contains("--region, AWS_REGION"), "{said}");
    }
}
