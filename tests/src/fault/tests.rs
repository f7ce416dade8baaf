//! Before an independent S3 server, with the plain client of the tests.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;

use super::*;
use crate::data::{MIB, assert_same, content};
use crate::raw::{Asked, Connection, End, Response, exchange};
use crate::s3::{Client, completed};
use crate::site::{FULL, Site};

const BUCKET: &str = "artifacts";

struct Lab {
    proxy: FaultProxy,
    client: Client,
    _files: TempDir,
    _store: Runtime,
}

fn lab() -> Lab {
    let (files, store, address) = store();
    let proxy = FaultProxy::start(address);
    let client = Site::client(proxy.address(), FULL);
    client.create_bucket(BUCKET);
    proxy.take_calls();
    Lab { proxy, client, _files: files, _store: store }
}

fn store() -> (TempDir, Runtime, SocketAddr) {
    let files = tempfile::tempdir().unwrap();
    let mut service = S3ServiceBuilder::new(FileSystem::new(files.path()).unwrap());
    service.set_auth(SimpleAuth::from_single(FULL.0, FULL.1));
    let service = service.build();
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = http1::Builder::new();
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (files, runtime, address)
}

impl Lab {
    fn get(&self) -> Response {
        self.client.get(BUCKET, "key")
    }
}

#[test]
fn what_nothing_happens_to_goes_through() {
    let lab = lab();
    let mut connection = Connection::open(lab.proxy.address());
    for length in [0, 1, 70_000, 3 * MIB] {
        let body = content(length, length);
        assert_eq!(lab.client.put_on(&mut connection, BUCKET, "key", &body).status, 200);
        let request = lab.client.request("GET", "/artifacts/key");
        assert_same(&lab.client.send_on(&mut connection, request).body, &body, "through");
        assert_eq!(
            lab.client.head(BUCKET, "key").header("content-length"),
            Some(length.to_string().as_str())
        );
    }
    assert_eq!(lab.client.get(BUCKET, "other").code(), "NoSuchKey");
    let answer = lab.client.put_parts(BUCKET, "parts", &[&content(1, 5 * MIB), b"end"], &[]);
    completed(&answer).unwrap();
    assert_eq!(lab.client.keys(BUCKET, ""), ["key", "parts"]);
    assert_eq!(lab.proxy.under_way(), 0);
}

#[test]
fn requests_are_counted() {
    let lab = lab();
    lab.client.put(BUCKET, "key", b"x");
    lab.get();
    lab.client.list(BUCKET, "list-type=2");
    assert_eq!(lab.proxy.take_ops(), [Op::PutObject, Op::GetObject, Op::ListObjects]);
    lab.client.delete(BUCKET, "key");
    let calls = lab.proxy.take_calls();
    assert_eq!((calls.len(), calls[0].op, calls[0].name.as_str()), (1, Op::DeleteObject, "artifacts/key"));
    assert_eq!(lab.proxy.most_at_once(), 1);
}

#[test]
fn faults_before_the_store_leave_nothing_there() {
    let lab = lab();
    let answers = Answer::error(503, "SlowDown").with("Retry-After", "1");
    for (fault, status, ends_well) in [
        (Fault::Resets, 0, false),
        (Fault::ResetsAfterSent(1000), 0, false),
        (Fault::Answers(answers.clone()), 503, true),
        (Fault::AnswersAtOnce(answers.clone()), 503, true),
        (Fault::made(|call| Answer::error(418, &call.name)), 418, true),
    ] {
        lab.proxy.once(Op::PutObject.naming("key"), fault.clone());
        let put = lab.client.put(BUCKET, "key", &content(1, 70_000));
        assert_eq!(put.status, status, "{fault:?}");
        // Whoever still sends when the connection ends may see that in either way.
        assert_eq!(put.end == End::Complete, ends_well, "{fault:?}: {:?}", put.end);
        assert_eq!(lab.get().status, 404, "{fault:?}");
    }
    assert_eq!(lab.client.put(BUCKET, "key", b"x").status, 200, "once");
    lab.proxy.always(Op::GetObject, Fault::Answers(answers));
    for _ in 0..3 {
        let got = lab.get();
        assert_eq!((got.status, got.code().as_str()), (503, "SlowDown"));
        assert_eq!(got.header("retry-after"), Some("1"));
    }
    lab.proxy.forget();
    assert_eq!(lab.get().status, 200);
}

#[test]
fn what_was_stored_can_be_kept_secret() {
    let lab = lab();
    for (seed, fault, status, end) in [
        (1, Fault::LosesAnswer(Ending::Reset), 0, End::Reset),
        (2, Fault::LosesAnswer(Ending::Close), 0, End::Short),
        (3, Fault::AnswersInstead(Answer::error(500, "InternalError")), 500, End::Complete),
    ] {
        let body = content(seed, 1000);
        lab.proxy.once(Op::PutObject, fault);
        let put = lab.client.put(BUCKET, "key", &body);
        assert_eq!((put.status, put.end), (status, end));
        assert_same(&lab.get().body, &body, "stored");
    }
}

/// An answer that never comes, before and after the store did its work: the client gives up.
#[test]
fn silence() {
    let lab = lab();
    for (fault, stored) in [(Fault::NeverAnswers, 404), (Fault::KeepsAnswer, 200)] {
        lab.proxy.once(Op::PutObject, fault);
        let request = {
            let mut request = lab.client.request("PUT", "/artifacts/key").header("Content-Length", "1");
            request.body = b"x".to_vec();
            lab.client.signer().sign_body(&mut request);
            request
        };
        let mut connection = Connection::open(lab.proxy.address());
        assert!(connection.send(&request.bytes()));
        connection.finish();
        assert_eq!(connection.closing(), End::Complete, "not a byte");
        assert_eq!(lab.get().status, stored);
    }
}

#[test]
fn answers_are_changed_on_their_way() {
    let lab = lab();
    let body = content(1, 200_000);
    assert_eq!(lab.client.put(BUCKET, "key", &body).status, 200);
    let mut garbled = body.clone();
    garbled[150_000] ^= 1;
    let moment = Duration::from_micros(10);
    for (edits, status, want, end) in [
        (vec![Edit::Garble(150_000)], 200, &garbled[..], End::Complete),
        (vec![Edit::CutAt(150_000, Ending::Close)], 200, &body[..150_000], End::Short),
        (vec![Edit::CutAt(0, Ending::Close)], 200, &[], End::Short),
        (vec![Edit::CutAt(200_000, Ending::Close)], 200, &body, End::Complete),
        (vec![Edit::LateHead(moment), Edit::SlowHead(moment)], 200, &body, End::Complete),
        (vec![Edit::SlowBody(10_000, moment), Edit::Status(206)], 206, &body, End::Complete),
        (vec![Edit::Append("more".into())], 200, &body, End::Complete),
        (vec![Edit::Set("Content-Length", "100".into())], 200, &body[..100], End::Complete),
    ] {
        let what = format!("{edits:?}");
        lab.proxy.once(Op::GetObject, Fault::Edits(edits));
        let got = lab.get();
        assert_eq!((got.status, got.end), (status, end), "{what}");
        assert_same(&got.body, want, &what);
    }
    lab.proxy.once(Op::GetObject, Fault::edit(Edit::CutAt(1000, Ending::Reset)));
    assert_eq!(lab.get().end, End::Reset);
}

#[test]
fn headers_are_changed_on_their_way() {
    let lab = lab();
    assert_eq!(lab.client.put(BUCKET, "key", b"x").status, 200);
    let odd = vec![
        Edit::Set("ETag", "\"other\"".into()),
        Edit::Add("x-amz-meta-a", "1".into()),
        Edit::Add("x-amz-meta-a", "2".into()),
        Edit::Remove("Last-Modified"),
    ];
    lab.proxy.once(Op::HeadObject, Fault::Edits(odd));
    let head = lab.client.head(BUCKET, "key");
    assert_eq!((head.header("etag"), head.header("last-modified")), (Some("\"other\""), None));
    assert_eq!(head.headers.iter().filter(|(name, _)| name == "x-amz-meta-a").count(), 2);
    let shorter = |answer: &mut Answer| *answer = Answer::new(200, "y").with("ETag", "\"z\"");
    lab.proxy.once(Op::GetObject, Fault::rewrite(shorter));
    let got = lab.get();
    assert_eq!((got.text().as_str(), got.header("etag")), ("y", Some("\"z\"")));
}

/// What follows an answer is there for whoever reads on.
#[test]
fn bytes_after_the_end() {
    let lab = lab();
    assert_eq!(lab.client.put(BUCKET, "key", b"x").status, 200);
    let another = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlying";
    lab.proxy.once(Op::GetObject, Fault::edit(Edit::Append(another.into())));
    let mut connection = Connection::open(lab.proxy.address());
    let first = lab.client.send_on(&mut connection, lab.client.request("GET", "/artifacts/key"));
    assert_eq!((first.text(), connection.response(Asked::Other).text()), ("x".into(), "lying".into()));
}

#[test]
fn former_answers_come_again() {
    let lab = lab();
    assert_eq!(lab.client.put(BUCKET, "key", b"old").status, 200);
    let (former, missing) = (lab.proxy.record(Op::GetObject), lab.proxy.record(Op::GetObject.naming("none")));
    assert_eq!((lab.get().status, lab.client.get(BUCKET, "none").status), (200, 404));
    assert_eq!(lab.client.put(BUCKET, "key", b"new").status, 200);
    lab.proxy.once(Op::GetObject, Fault::Answers(former.answer()));
    lab.proxy.once(Op::GetObject, Fault::Answers(missing.answer()));
    assert_eq!((lab.get().text().as_str(), lab.get().status, lab.get().text().as_str()), ("old", 404, "new"));
}

#[test]
fn lists_without_end() {
    let lab = lab();
    let endless =
        |call: &Call| Answer::endless_list(BUCKET, &call.parameter("continuation-token").unwrap_or_default());
    lab.proxy.always(Op::ListObjects, Fault::made(endless));
    let page = lab.client.list(BUCKET, "list-type=2");
    assert_eq!((page.element("IsTruncated").as_str(), page.element("Key").as_str()), ("true", "z"));
    let page = lab.client.list(BUCKET, "list-type=2&continuation-token=zz");
    assert_eq!(page.element("NextContinuationToken"), "zzz");
}

#[test]
fn requests_and_answers_can_be_held() {
    let lab = lab();
    let (client, body) = (&lab.client, content(1, 1000));
    for whole in [true, false] {
        let hold = if whole { lab.proxy.hold_whole(Op::PutObject) } else { lab.proxy.hold(Op::PutObject) };
        std::thread::scope(|scope| {
            let put = scope.spawn(|| client.put(BUCKET, "key", &body));
            hold.wait();
            assert_eq!(lab.get().status, 404, "it has not reached the store");
            assert_eq!((lab.proxy.under_way(), hold.is_reached()), (1, true));
            hold.release();
            assert_eq!(put.join().unwrap().status, 200);
        });
        assert_same(&lab.get().body, &body, "released");
        assert_eq!(lab.client.delete(BUCKET, "key").status, 204);
    }
    let hold = lab.proxy.hold_answer(Op::PutObject.after(1));
    assert_eq!(lab.client.put(BUCKET, "first", &body).status, 200);
    std::thread::scope(|scope| {
        let put = scope.spawn(|| client.put(BUCKET, "key", &body));
        hold.wait();
        assert_same(&lab.get().body, &body, "stored");
        hold.sever();
        assert_eq!(put.join().unwrap().status, 0);
    });
    let hold = lab.proxy.hold(Op::DeleteObject);
    std::thread::scope(|scope| {
        let delete = scope.spawn(|| client.delete(BUCKET, "key"));
        hold.wait();
        hold.sever();
        assert_eq!(delete.join().unwrap().status, 0);
    });
    assert_eq!(lab.get().status, 200, "never deleted");
}

#[test]
fn a_request_that_was_held_outlives_its_sender() {
    let lab = lab();
    let hold = lab.proxy.hold_whole(Op::PutObject);
    let mut request = lab.client.request("PUT", "/artifacts/key").header("Content-Length", "1");
    request.body = b"x".to_vec();
    lab.client.signer().sign_body(&mut request);
    let mut connection = Connection::open(lab.proxy.address());
    assert!(connection.send(&request.bytes()));
    hold.wait();
    drop(connection);
    hold.release();
    let begun = std::time::Instant::now();
    while lab.get().status != 200 {
        assert!(begun.elapsed() < crate::raw::DEADLINE, "it never came");
    }
}

#[test]
fn the_store_goes_down_and_comes_back() {
    let mut lab = lab();
    let mut connection = Connection::open(lab.proxy.address());
    let ask = |lab: &Lab, connection: &mut Connection| {
        lab.client.send_on(connection, lab.client.request("GET", "/artifacts/key"))
    };
    assert_eq!(ask(&lab, &mut connection).status, 404);
    lab.proxy.go_down();
    assert_eq!(ask(&lab, &mut connection).status, 0, "open connections end");
    assert!(std::net::TcpStream::connect(lab.proxy.address()).is_err(), "and there are no new ones");
    lab.proxy.resume();
    assert_eq!(lab.get().status, 404);
}

#[test]
fn tls_and_what_is_not() {
    let (_files, _store, address) = store();
    let certificate = Certificate::of("IP:127.0.0.1");
    let tls = FaultProxy::start_tls(address, &certificate);
    let curl = |tool: &[&str]| {
        let sandbox = crate::command::Sandbox::new(tls.address());
        sandbox.run("curl", &[&["-sS", "-o", "out", "-w", "%{http_code}"], tool].concat())
    };
    let authority = certificate.authority().to_string_lossy().into_owned();
    let good = curl(&["--cacert", &authority, &tls.endpoint()]);
    // Nobody signed; but HTTP was spoken.
    assert_eq!(good.good(), "403");
    curl(&[&tls.endpoint()]).bad();
    let other = Certificate::of("IP:127.0.0.1");
    curl(&["--cacert", &other.authority().to_string_lossy(), &tls.endpoint()]).bad();
    // And somebody who speaks TLS to a port that does not.
    let plain = FaultProxy::start(address);
    curl(&["--cacert", &authority, &plain.endpoint().replace("http:", "https:")]).bad();
    let hello = exchange(plain.address(), b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", Asked::Other);
    assert_eq!(hello.status, 400);
}
