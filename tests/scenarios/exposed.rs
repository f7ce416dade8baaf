//! Plain HTTP from other addresses than this machine's loopback: what nothing signs is not taken.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::{Asked, Connection};
use hallmark_tests::s3::{Client, checksum, object};
use hallmark_tests::sigv4::{
    CHUNKED, Request, UNSIGNED, UNSIGNED_TRAILER, unsigned_chunk, unsigned_trailers,
};
use hallmark_tests::site::{FULL, Site};

const BUCKET: &str = "artifacts";
const BODY: &[u8] = b"the artifact";

/// An address of this machine that others could reach. Nothing is sent to find it.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// A proxy that listens everywhere, and a client that comes from outside as far as the proxy can see.
fn lab(server: &str) -> Option<(Proxy, Client)> {
    let Some(address) = outward() else {
        println!("SKIPPED: this machine has no address but loopback");
        return None;
    };
    let site = Site::new(&Options { server: server.into(), ..Options::default() });
    site.edit_config(|text| text.replacen("127.0.0.1:0", "0.0.0.0:0", 1));
    let proxy = Proxy::start_at(site);
    let client = Site::client(SocketAddr::new(address, proxy.address().port()), FULL);
    client.create_bucket(BUCKET);
    Some((proxy, client))
}

fn put(client: &Client) -> Request {
    let request = client.request("PUT", &object(BUCKET, "key")).header("Content-Length", "12");
    Request { body: BODY.to_vec(), ..request }
}

fn unsigned(client: &Client) -> Request {
    let mut request = put(client);
    client.signer().sign(&mut request, UNSIGNED);
    request
}

fn unsigned_trailer(client: &Client) -> Request {
    let mut request = put(client)
        .header("Content-Encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", "12")
        .header("x-amz-trailer", "x-amz-checksum-crc32");
    let trailers = unsigned_trailers(&[("x-amz-checksum-crc32", &checksum("crc32", BODY))]);
    request.body = [unsigned_chunk(BODY), trailers].concat();
    request.set_header("Content-Length", request.body.len().to_string());
    client.signer().sign(&mut request, UNSIGNED_TRAILER);
    request
}

fn presigned(client: &Client) -> Request {
    let mut request = client.request("PUT", &object(BUCKET, "key"));
    client.signer().presign(&mut request, 60);
    request.set_header("Content-Length", "12");
    Request { body: BODY.to_vec(), ..request }
}

fn chunked(client: &Client) -> Request {
    let mut request =
        put(client).header("Content-Encoding", "aws-chunked").header("x-amz-decoded-content-length", "12");
    request.remove_header("Content-Length");
    let mut chain = client.signer().sign(&mut request, CHUNKED);
    request.body = [chain.chunk(BODY), chain.chunk(b"")].concat();
    request.set_header("Content-Length", request.body.len().to_string());
    request
}

type Form = (&'static str, fn(&Client) -> Request);

const UNSIGNED_FORMS: [Form; 3] =
    [("unsigned", unsigned), ("unsigned trailer", unsigned_trailer), ("presigned", presigned)];

#[test]
fn bodies_that_nothing_signs_are_refused() {
    let Some((_proxy, client)) = lab("") else { return };
    for (name, build) in UNSIGNED_FORMS {
        let response = client.send_as_is(&build(&client));
        assert_eq!((response.status, response.code().as_str()), (403, "AccessDenied"), "{name}");
        // Before the body is asked for.
        let mut connection = Connection::open(client.address);
        let mut request = build(&client);
        request.headers.push(("Expect".into(), "100-continue".into()));
        connection.send(&request.head());
        let response = connection.response(Asked::Other);
        assert_eq!((response.status, response.interim.len()), (403, 0), "{name}");
    }
    assert_eq!(client.keys(BUCKET, ""), Vec::<String>::new());
    // What is signed may come, and downloads need no such thing.
    for (name, request) in [
        ("chunks", chunked(&client)),
        ("whole", {
            let mut request = put(&client);
            client.signer().sign_body(&mut request);
            request
        }),
    ] {
        let response = client.send_as_is(&request);
        assert_eq!(response.status, 200, "{name}: {}", response.text());
    }
    let mut get = client.request("GET", &object(BUCKET, "key"));
    client.signer().presign(&mut get, 60);
    assert_eq!(client.send_as_is(&get).body, BODY);
    let mut get = client.request("GET", &object(BUCKET, "key"));
    client.signer().sign(&mut get, UNSIGNED);
    assert_eq!(client.send_as_is(&get).body, BODY);
}

#[test]
fn bodies_that_nothing_signs_are_taken_where_the_operator_says_so() {
    let Some((_proxy, client)) = lab("dangerous_unsigned_payload_over_http = true") else { return };
    for (name, build) in UNSIGNED_FORMS {
        let response = client.send_as_is(&build(&client));
        assert_eq!(response.status, 200, "{name}: {}", response.text());
        assert_eq!(client.get(BUCKET, "key").body, BODY, "{name}");
        client.delete(BUCKET, "key");
    }
}

/// Of what an artifact is made stands in the list of its parts alone: that is signed, whatever else an operator lets in.
/// So is what a form may not do without.
#[test]
fn p2_lists_of_parts_are_signed() {
    for server in ["", "dangerous_unsigned_payload_over_http = true"] {
        let Some((_proxy, client)) = lab(server) else { return };
        let upload = client.create_upload(BUCKET, "key", &[]);
        let part = upload.send_part(1, BODY);
        let list = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
            part.etag
        );
        let mut complete = client.request("POST", &upload.target(""));
        complete.body = list.into_bytes();
        complete.set_header("Content-Length", complete.body.len().to_string());
        let (mut unsigned, mut presigned) = (complete.clone(), client.request("POST", &upload.target("")));
        client.signer().sign(&mut unsigned, UNSIGNED);
        client.signer().presign(&mut presigned, 60);
        presigned.set_header("Content-Length", complete.body.len().to_string());
        presigned.body.clone_from(&complete.body);
        for (name, request) in [("unsigned", unsigned), ("presigned", presigned)] {
            let response = client.send_as_is(&request);
            assert!(matches!(response.status, 400 | 403), "{name}: {}", response.text());
            assert!(["AccessDenied", "InvalidRequest"].contains(&response.code().as_str()), "{name}");
        }
        assert_eq!(client.get(BUCKET, "key").status, 404);
        assert_eq!(upload.complete(std::slice::from_ref(&part)).status, 200);

        // The file of a form is not signed, though its policy is.
        let posted = hallmark_tests::form::Form::new(&client, BUCKET, "form").send(BODY);
        let expected = if server.is_empty() { 403 } else { 204 };
        assert_eq!(posted.status, expected, "{}", posted.text());
    }
}

/// From this machine they are taken.
#[test]
fn bodies_that_nothing_signs_are_taken_over_loopback() {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    for (name, build) in UNSIGNED_FORMS {
        let response = client.send_as_is(&build(&client));
        assert_eq!(response.status, 200, "{name}: {}", response.text());
    }
}
