//! How it stops: readiness first, then the listener; what is under way finishes, or is cut off so that everybody sees it.

use std::net::TcpStream;
use std::sync::Arc;

use hallmark_proxy::server::{Cut, Phase};
use hallmark_proxy::store::Store;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, Gate, MemoryStore};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{Asked, Connection, End};
use hallmark_tests::s3::{Client, completion, object};
use hallmark_tests::sigv4::UNSIGNED;

use super::{BUCKET, options, ready};

/// More than all buffers between the two hold.
const LENGTH: u64 = 64 * MIB;

/// A proxy that is being used: nobody has read of a download, an upload has sent half of itself, and a connection waits
/// for the next request.
struct Busy {
    proxy: Proxy,
    stored: Vec<u8>,
    download: Connection,
    uploaded: Vec<u8>,
    upload: Connection,
    idle: Connection,
}

fn busy(admin: &str, limits: &str) -> Busy {
    let proxy = Proxy::start_with(&options(admin, limits));
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let (stored, uploaded) = (content(1, LENGTH), content(2, 9 * MIB));
    assert_eq!(client.put(BUCKET, "stored", &stored).status, 200);

    let mut request = client.request("GET", &object(BUCKET, "stored"));
    client.signer().sign_body(&mut request);
    let mut download = Connection::open(client.address);
    download.send(&request.head());
    assert_eq!(download.head().0, 200);

    let upload = half(&client, &uploaded);

    let mut idle = Connection::open(client.address);
    assert_eq!(client.send_on(&mut idle, client.request("HEAD", &object(BUCKET, "stored"))).status, 200);
    Busy { proxy, stored, download, uploaded, upload, idle }
}

/// The first half of an upload, which the proxy has begun to take.
fn half(client: &Client, body: &[u8]) -> Connection {
    let mut request = client
        .request("PUT", &object(BUCKET, "uploaded"))
        .header("Content-Length", body.len().to_string())
        .header("Expect", "100-continue");
    client.signer().sign(&mut request, UNSIGNED);
    let mut upload = Connection::open(client.address);
    upload.send(&request.head());
    assert_eq!(upload.interim(), 100);
    upload.send(&body[..body.len() / 2]);
    upload
}

#[test]
fn what_is_under_way_finishes() {
    let Busy { mut proxy, stored, mut download, uploaded, mut upload, mut idle } =
        busy("drain_delay = \"0\"", "");
    proxy.terminate();
    assert_eq!(idle.closing(), End::Complete, "there is nothing to wait for");
    assert!(TcpStream::connect(proxy.address()).is_err(), "new connections go elsewhere");
    assert_eq!(ready(proxy.admin()), (503, "stopping\n".to_owned()));

    upload.send(&uploaded[uploaded.len() / 2..]);
    let response = upload.response(Asked::Other);
    assert_eq!((response.status, response.end), (200, End::Complete), "{}", response.text());
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(upload.closing(), End::Complete);
    assert_same(&download.rest(), &stored, "all of the download");

    assert!(proxy.ended().success());
    assert!(!proxy.log().contains("cut off what"), "{}", proxy.log());
    proxy.restart();
    assert_same(&proxy.client().get(BUCKET, "uploaded").body, &uploaded, "what was acknowledged");
}

/// A cut download ends in a reset: no client takes what it has for all. A cut upload was never there.
#[test]
fn p1_what_is_not_done_in_time_is_reset() {
    let limits = "drain_timeout = \"500ms\"";
    let Busy { mut proxy, mut download, mut upload, mut idle, .. } = busy("drain_delay = \"0\"", limits);
    proxy.terminate();
    assert!(proxy.ended().success());
    assert_eq!(download.drain(), End::Reset);
    assert_eq!(upload.closing(), End::Reset);
    assert_eq!(idle.closing(), End::Complete);
    let log = proxy.log();
    assert!(log.contains("cut off what was not done in time connections=2 work=0"), "{log}");
    proxy.restart();
    assert_eq!(proxy.client().keys(BUCKET, ""), ["stored"]);
}

#[test]
fn readiness_goes_first_and_a_second_signal_does_not_wait() {
    let Busy { mut proxy, mut download, mut upload, mut idle, .. } = busy("drain_delay = \"5m\"", "");
    let client = proxy.client();
    assert_eq!(ready(proxy.admin()), (200, "ok\n".to_owned()));
    proxy.terminate();
    while ready(proxy.admin()).0 == 200 {}
    assert_eq!(ready(proxy.admin()), (503, "stopping\n".to_owned()));
    // Load balancers have not all noticed yet.
    assert_eq!(client.send_on(&mut idle, client.request("GET", "/")).status, 200);
    assert_eq!(client.put(BUCKET, "late", b"x").status, 200);
    proxy.terminate();
    assert!(proxy.ended().success());
    assert_eq!(download.drain(), End::Reset);
    assert_eq!(upload.closing(), End::Reset);
    assert!(TcpStream::connect(proxy.address()).is_err());
    proxy.restart();
    assert_eq!(proxy.client().keys(BUCKET, ""), ["late", "stored"]);
}

/// A Complete that goes on without its client: the store stands still just before the artifact appears.
fn orphan(limits: &str) -> (InProcess, Client, Gate) {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start_with(&options("", limits), Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let upload = client.create_upload(BUCKET, "key", &[]);
    let parts = [upload.send_part(1, b"all of it")];
    let gate = store.hold(Call::Promote);
    let mut request = client.request("POST", &upload.target(""));
    request.body = completion(&parts).into_bytes();
    request.set_header("Content-Length", request.body.len().to_string());
    client.signer().sign_body(&mut request);
    let mut connection = Connection::open(client.address);
    connection.send(&request.head());
    connection.send(&request.body);
    gate.wait();
    (proxy, client, gate)
}

#[test]
fn p6_work_that_goes_on_without_its_client_is_waited_for() {
    let (mut proxy, _, gate) = orphan("");
    proxy.enter(Phase::Draining);
    gate.release();
    assert_eq!(proxy.ended(), Cut { connections: 0, work: 0 });
    let done = "hallmark_store_calls_total{call=\"stage_drop\",outcome=\"ok\"}";
    assert!(super::value(&proxy.metrics(), done).is_some(), "it was seen through to its end");
}

#[test]
fn p6_but_not_for_ever() {
    let (mut proxy, _, gate) = orphan("drain_timeout = \"100ms\"");
    proxy.enter(Phase::Draining);
    let Cut { connections, work } = proxy.ended();
    assert_eq!(connections, 0);
    assert!(work > 0, "it is still held");
    drop(gate);
}
