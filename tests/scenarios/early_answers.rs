//! Uploads that are answered before all of them has come: the client reads why, however it sends.

use hallmark_tests::command::Sandbox;
use hallmark_tests::data::{self, MIB};
use hallmark_tests::proxy::{Proxy, program};
use hallmark_tests::raw::{Asked, Connection, End};
use hallmark_tests::s3::{Client, object};
use hallmark_tests::sigv4::UNSIGNED;
use hallmark_tests::site::{READER, SIGNED};

/// More than all buffers between the two hold, and as much as clients send at once.
const LENGTH: u64 = 24 * MIB;

/// The head of an upload of so many bytes.
fn begun(client: &Client, length: u64) -> Connection {
    let mut request =
        client.request("PUT", &object(SIGNED, "app.tar")).header("Content-Length", length.to_string());
    client.signer().sign(&mut request, UNSIGNED);
    let mut connection = Connection::open(client.address);
    assert!(connection.send(&request.head()));
    connection
}

/// Many clients send all of the body and only then look for an answer.
#[test]
fn who_sends_everything_before_reading_still_reads_the_refusal() {
    let proxy = Proxy::start();
    let unknown = Client { access_key: "AKIAUNKNOWN".into(), ..proxy.client() };
    let body = vec![7; usize::try_from(LENGTH).unwrap()];
    for (client, code) in [(proxy.client_of(READER), "AccessDenied"), (unknown, "InvalidAccessKeyId")] {
        let mut connection = begun(&client, LENGTH);
        assert!(connection.send(&body), "{code}: the body is taken to its end");
        let response = connection.response(Asked::Other);
        assert_eq!((response.status, response.code().as_str()), (403, code), "{}", response.text());
        assert_eq!(connection.closing(), End::Complete, "{code}");
    }
}

#[test]
fn who_never_ends_is_cut_off() {
    let proxy = Proxy::start();
    let mut connection = begun(&proxy.client_of(READER), 1 << 40);
    let some = vec![7; 1 << 20];
    let sent = (0..1000).take_while(|_| connection.send(&some)).count();
    assert!(sent < 500, "{sent} MiB were taken");
}

#[test]
fn the_command_says_why_a_large_push_was_refused() {
    let proxy = Proxy::start();
    proxy.client().create_bucket(SIGNED);
    let mut sandbox = Sandbox::new(proxy.address());
    let file = data::file(sandbox.home(), 1, 100 * MIB);
    let push = |sandbox: &Sandbox| {
        let ran = sandbox.run(program("hallmark"), &["push", &file.to_string_lossy(), "s3://signed/app.tar"]);
        ran.bad();
        ran.stderr
    };
    let said = push(&sandbox);
    assert!(said.contains("[ArtifactSignatureMissing]"), "{said}");
    sandbox.set("AWS_ACCESS_KEY_ID", READER.0);
    sandbox.set("AWS_SECRET_ACCESS_KEY", READER.1);
    let said = push(&sandbox);
    assert!(said.contains("lacks the permission `write`"), "{said}");
}
