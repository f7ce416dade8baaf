//! Memory is bounded whatever clients do: who asks for more than there is waits, and is told to come back.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::{Asked, Connection, Response, exchange};
use hallmark_tests::s3::{Client, object};
use hallmark_tests::sigv4::UNSIGNED;
use hallmark_tests::site::READER;

const BUCKET: &str = "artifacts";

/// The least budget there is. Each of the three clients, and all that are anonymous, may hold a quarter of it: 8 MiB and a little more.
fn lab() -> (Proxy, Client) {
    let tables = "[limits]\nmemory_budget = \"33 MiB\"\n".into();
    let proxy = Proxy::start_with(&Options { tables, ..Options::default() });
    let client = proxy.client();
    client.create_bucket(BUCKET);
    (proxy, client)
}

/// Sends so much of an upload.
fn begun(client: &Client, key: &str, body: &[u8], length: usize) -> Connection {
    let mut request =
        client.request("PUT", &object(BUCKET, key)).header("Content-Length", body.len().to_string());
    client.signer().sign(&mut request, UNSIGNED);
    let mut connection = Connection::open(client.address);
    connection.send(&request.head());
    connection.send(&body[..length]);
    connection
}

#[track_caller]
fn slowed_down(response: &Response) {
    assert_eq!((response.status, response.code().as_str()), (503, "SlowDown"), "{}", response.text());
}

#[test]
fn p7_uploads_wait_for_memory_and_are_slowed_down() {
    let (proxy, client) = lab();
    let body = content(1, 6 * MIB);
    let mut held = begun(&client, "held", &body, body.len() - 1);
    // The proxy took it all, or this would still be on its way.
    std::thread::scope(|scope| {
        // Not for others: each client has its own share.
        let other = proxy.client_of(READER);
        assert_eq!(client.put(BUCKET, "small", b"x").status, 200);
        let refused = scope.spawn(|| client.put(BUCKET, "refused", &body));
        assert_eq!(other.get(BUCKET, "small").body, b"x");
        slowed_down(&refused.join().unwrap());
    });
    assert_eq!(client.keys(BUCKET, ""), ["small"]);
    // What was held is finished, and what it held is free again.
    held.send(&body[body.len() - 1..]);
    assert_eq!(held.response(Asked::Other).status, 200);
    assert_eq!(client.put(BUCKET, "refused", &body).status, 200);
    assert_same(&client.get(BUCKET, "held").body, &body, "what was held");
}

/// One that waits gets its turn when there is memory again.
#[test]
fn p7_uploads_that_wait_get_their_turn() {
    let (_proxy, client) = lab();
    let body = content(1, 8 * MIB);
    let mut held = begun(&client, "held", &body, body.len() - 1);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.put(BUCKET, "waits", &body));
        held.send(&body[body.len() - 1..]);
        assert_eq!(held.response(Asked::Other).status, 200);
        assert_eq!(waits.join().unwrap().status, 200);
    });
}

/// An upload that ends, in whatever way, gives its memory back.
#[test]
fn p7_uploads_that_break_off_hold_nothing() {
    let (_proxy, client) = lab();
    let body = content(1, 8 * MIB);
    for _ in 0..10 {
        drop(begun(&client, "broken", &body, body.len() - 1));
    }
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    assert_eq!(client.keys(BUCKET, ""), ["key"]);
}

/// Uploads that are streamed need little each, and are counted all the same.
#[test]
fn p7_streamed_uploads_are_counted() {
    let (_proxy, client) = lab();
    let body = content(1, 20 * MIB);
    let held: Vec<_> =
        (0..5).map(|number| begun(&client, &format!("held-{number}"), &body, 100_000)).collect();
    slowed_down(&client.put(BUCKET, "refused", &body));
    drop(held);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    assert_eq!(client.keys(BUCKET, ""), ["key"]);
}

/// Downloads that nobody takes hold a leaf each, and not more of them are begun than there is memory for.
#[test]
fn p7_downloads_that_stall_are_counted() {
    let (proxy, client) = lab();
    let body = content(1, 64 * MIB);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    let begin = || {
        let mut request = client.request("GET", &object(BUCKET, "key"));
        client.signer().sign_body(&mut request);
        let mut connection = Connection::open(client.address);
        connection.send(&request.head());
        connection
    };
    // A client's share of the budget holds a leaf and what comes with it for each of six.
    let mut held: Vec<_> = (0..6).map(|_| begin()).collect();
    let mut heads = 0;
    for connection in &mut held {
        heads += usize::from(connection.head().0 == 200);
    }
    assert_eq!(heads, 6);
    slowed_down(&client.get(BUCKET, "key"));
    let other = proxy.client_of(READER);
    assert_same(&other.get(BUCKET, "key").body, &body, "another client's");
    drop(held);
    assert_same(&client.get(BUCKET, "key").body, &body, "and now this one's");
}

/// Of uploads that fit one after the other none is refused because all are half way.
#[test]
fn p7_uploads_at_once_do_not_starve_each_other() {
    let (_proxy, client) = lab();
    let body = content(1, 8 * MIB);
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..6)
            .map(|number| {
                let (client, body) = (&client, &body);
                scope.spawn(move || client.put(BUCKET, &format!("key-{number}"), body).status)
            })
            .collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 6]);
}

/// The least budget and many clients: the share of one still holds the largest upload that is not streamed.
#[test]
fn p7_the_share_of_one_client_holds_one_upload() {
    let clients: String = (0..6)
        .map(|number| {
            format!("[[clients]]\nname = \"c{number}\"\naccess_key = \"AKIA{number}\"\nsecret_file = \"ci.secret\"\ngrants = []\n")
        })
        .collect();
    let tables = format!("[limits]\nmemory_budget = \"33 MiB\"\n{clients}");
    let proxy = Proxy::start_with(&Options { tables, ..Options::default() });
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let put = client.put(BUCKET, "key", &content(1, 8 * MIB));
    assert_eq!(put.status, 200, "{}", put.text());
    // And one of which nobody said that it is longer.
    let body = content(2, 20 * MIB);
    let mut request =
        client.request("PUT", &object(BUCKET, "unknown")).header("Transfer-Encoding", "chunked");
    client.signer().sign(&mut request, UNSIGNED);
    let mut connection = Connection::open(client.address);
    connection.send(&request.head());
    connection.send(format!("{:x}\r\n", body.len()).as_bytes());
    connection.send(&body);
    connection.send(b"\r\n0\r\n\r\n");
    let put = connection.response(Asked::Other);
    assert_eq!(put.status, 200, "{}", put.text());
    assert_same(&client.get(BUCKET, "unknown").body, &body, "what nobody said the length of");
}

/// Anybody can begin to send a form, and nobody knows yet whose it is: that leaves those alone who read without a name.
#[test]
fn p7_forms_that_nobody_signed_do_not_keep_readers_out() {
    let tables =
        format!("[limits]\nmemory_budget = \"33 MiB\"\n[buckets.{BUCKET}]\nanonymous = [\"read\"]\n");
    let proxy = Proxy::start_with(&Options { tables, ..Options::default() });
    let client = proxy.client();
    client.create_bucket(BUCKET);
    assert_eq!(client.put(BUCKET, "key", b"for everybody").status, 200);
    let head = format!(
        "POST /{BUCKET} HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n",
        client.address
    );
    // 64 KiB each. Who is told to go on is waited for.
    let mut forms: Vec<_> = (0..128).map(|_| Connection::open(client.address)).collect();
    for form in &mut forms {
        form.send(head.as_bytes());
        assert_eq!(form.interim(), 100);
    }
    let request =
        format!("GET /{BUCKET}/key HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", client.address);
    let got = exchange(client.address, request.as_bytes(), Asked::Other);
    assert_eq!((got.status, got.body.as_slice()), (200, &b"for everybody"[..]), "{}", got.text());
}
