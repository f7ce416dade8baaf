//! When a refusal comes: before the body.

use hallmark_tests::raw::{Asked, Connection, End};
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::{Request, UNSIGNED};
use hallmark_tests::site::{NOBODY, READER};

use super::{BUCKET, KEY, lab, put, put_to, sent};

/// Who may not upload is told so before the body is taken: nothing of it was sent, and no `100 Continue` asks for it.
#[test]
fn refusals_come_before_the_body() {
    let (proxy, client) = lab();
    let unknown = Client { access_key: "AKIAUNKNOWN".into(), ..client.clone() };
    let wrong = Client { secret: "another secret than the right one".into(), ..client.clone() };
    for (name, who, code) in [
        ("no grant", proxy.client_of(NOBODY), "AccessDenied"),
        ("may only read", proxy.client_of(READER), "AccessDenied"),
        ("unknown", unknown, "InvalidAccessKeyId"),
        ("wrong secret", wrong, "SignatureDoesNotMatch"),
    ] {
        for expect in [None, Some("100-continue")] {
            let mut request = who.request("PUT", KEY).header("Content-Length", "1000000");
            if let Some(expect) = expect {
                request = request.header("Expect", expect);
            }
            who.signer().sign(&mut request, UNSIGNED);
            let mut connection = Connection::open(who.address);
            connection.send(&request.head());
            let response = connection.response(Asked::Other);
            assert_eq!(
                (response.status, response.code().as_str()),
                (403, code),
                "{name}: {}",
                response.text()
            );
            assert_eq!(response.interim, Vec::<u16>::new(), "{name}: asked for the body");
            // The body that never came cannot be mistaken for the next request.
            assert_ne!(connection.closing(), End::Deadline, "{name}: still open");
        }
    }
    let mut anonymous = client.request("PUT", KEY).header("Content-Length", "1000000");
    anonymous.body.clear();
    let mut connection = Connection::open(client.address);
    connection.send(&anonymous.head());
    assert_eq!(connection.response(Asked::Other).code(), "AccessDenied");
    assert_eq!(client.keys(BUCKET, ""), Vec::<String>::new());
}

/// Who may upload and asks first is asked for the body.
#[test]
fn a_permitted_upload_that_asks_is_asked_to_continue() {
    let (_proxy, client) = lab();
    let mut request = put(&client).header("Expect", "100-continue");
    client.signer().sign_body(&mut request);
    let mut connection = Connection::open(client.address);
    connection.send(&request.head());
    assert_eq!(connection.interim(), 100);
    connection.send(&request.body);
    assert_eq!(connection.response(Asked::Other).status, 200);
}

/// Who waits to be asked for the body, and gets the answer instead, may not use the connection again: botocore would take
/// the head of the next answer for the rest of this one.
#[test]
fn an_answer_without_being_asked_to_continue_is_the_last() {
    let (_proxy, client) = lab();
    let exchange = |request: Request| {
        let mut request = request.header("Expect", "100-continue");
        request.set_header("Content-Length", request.body.len().to_string());
        client.signer().sign_body(&mut request);
        let mut connection = Connection::open(client.address);
        connection.send(&request.head());
        let answer = connection.response(Asked::Other);
        assert_eq!(answer.interim, Vec::<u16>::new());
        (answer.status, answer.header("connection").map(str::to_owned), connection.closing())
    };
    let closed = || Some("close".to_owned());
    // There is no body to go on with.
    assert_eq!(exchange(client.request("PUT", KEY)), (200, closed(), End::Complete));
    // It is not wanted.
    let part = put_to(&client, &format!("{KEY}?partNumber=1&uploadId=none"));
    assert_eq!(exchange(part), (404, closed(), End::Complete));
}

/// What follows a refused head is not taken for a request, whatever it looks like.
#[test]
fn a_refused_body_is_not_the_next_request() {
    let (_proxy, client) = lab();
    let mut smuggled = put_to(&client, "/attacks/smuggled");
    client.signer().sign_body(&mut smuggled);
    let inner = smuggled.bytes();
    let mut outer = client.request("PUT", KEY).header("Content-Length", inner.len().to_string());
    outer.body = inner;
    let wrong = Client { secret: "another secret than the right one".into(), ..client.clone() };
    wrong.signer().sign_body(&mut outer);
    let response = sent(&client, &outer.bytes());
    assert_eq!(response.code(), "SignatureDoesNotMatch");
    assert_eq!(client.keys(BUCKET, ""), Vec::<String>::new());
}
