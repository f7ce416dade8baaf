//! Requests that others took and should not have, byte by byte: each is refused with the right words, and stores
//! nothing. Every table stands beside the request that it alters, which is taken.

use std::fmt::Write as _;

use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::{Asked, Connection, End, Response};
use hallmark_tests::s3::{Client, checksum};
use hallmark_tests::sigv4::{
    CHUNKED, CHUNKED_TRAILER, Chain, Request, Signer, UNSIGNED, UNSIGNED_TRAILER, unsigned_chunk,
    unsigned_trailers,
};
use hallmark_tests::site::{NOBODY, READER};

const BUCKET: &str = "attacks";
const KEY: &str = "/attacks/key";
const BODY: &[u8] = b"the artifact";

/// An attack: what it is called, what is sent, and the status and code that it gets. An empty code: the HTTP parser
/// refused it, without a document.
type Attack = (&'static str, fn(&Client) -> Vec<u8>, u16, &'static str);

/// A proxy with an empty bucket.
fn lab() -> (Proxy, Client) {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    (proxy, client)
}

/// Sends each attack on a connection of its own.
#[track_caller]
fn refused(client: &Client, attacks: &[Attack]) {
    let mut wrong = String::new();
    for (name, build, status, code) in attacks {
        let response = sent(client, &build(client));
        if (response.status, response.code().as_str()) != (*status, *code) {
            writeln!(wrong, "{name}: wanted {status} {code}, got {} {}", response.status, response.text())
                .expect("writing to a string");
        }
        let stored = client.keys(BUCKET, "");
        if !stored.is_empty() {
            writeln!(wrong, "{name}: stored {stored:?}").expect("writing to a string");
            stored.iter().for_each(|key| drop(client.delete(BUCKET, key)));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Sends what the attacks of a table alter, and sees it taken.
#[track_caller]
fn taken(client: &Client, build: fn(&Client) -> Vec<u8>) {
    let response = sent(client, &build(client));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(client.get(BUCKET, "key").body, BODY);
    client.delete(BUCKET, "key");
}

fn sent(client: &Client, bytes: &[u8]) -> Response {
    let asked = if bytes.starts_with(b"HEAD ") { Asked::Head } else { Asked::Other };
    Connection::open(client.address).exchange(&[bytes], asked)
}

/// An upload that only wants signing.
fn put(client: &Client) -> Request {
    put_to(client, KEY)
}

fn put_to(client: &Client, target: &str) -> Request {
    let request = client.request("PUT", target).header("Content-Length", BODY.len().to_string());
    Request { body: BODY.to_vec(), ..request }
}

/// Signs with `signer` and gives the bytes.
fn signed_by(signer: &Signer, mut request: Request) -> Vec<u8> {
    signer.sign_body(&mut request);
    request.bytes()
}

fn signed(client: &Client, request: Request) -> Vec<u8> {
    signed_by(&client.signer(), request)
}

/// Signs, and then changes the text of the request's head.
fn edited(client: &Client, request: Request, from: &str, to: &str) -> Vec<u8> {
    let bytes = signed(client, request);
    let text = String::from_utf8(bytes).expect("the head and this body are text");
    assert!(text.contains(from), "{from:?} is not in {text:?}");
    text.replacen(from, to, 1).into_bytes()
}

/// The same request with a further header that the signature does not cover.
fn with_unsigned(client: &Client, header: &str) -> Vec<u8> {
    edited(client, put(client), "\r\n\r\n", &format!("\r\n{header}\r\n\r\n"))
}

fn as_signer(client: &Client, change: fn(&mut Signer)) -> Vec<u8> {
    let mut signer = client.signer();
    change(&mut signer);
    signed_by(&signer, put(client))
}

#[test]
fn signatures_in_headers() {
    let (_proxy, client) = lab();
    taken(&client, |client| signed(client, put(client)));
    refused(
        &client,
        &[
            (
                "Signature Version 2",
                |client| {
                    let request = put(client).header("Date", "Tue, 27 Mar 2007 19:36:42 +0000").header(
                        "Authorization",
                        format!("AWS {}:bWq2s1WEIj+Ydj0vQ697zp+IXMU=", client.access_key),
                    );
                    request.bytes()
                },
                400,
                "InvalidRequest",
            ),
            (
                "another algorithm",
                |client| edited(client, put(client), "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
                400,
                "InvalidRequest",
            ),
            (
                "another region",
                |client| as_signer(client, |signer| signer.region = "eu-west-1".into()),
                400,
                "AuthorizationHeaderMalformed",
            ),
            (
                "another service",
                |client| as_signer(client, |signer| signer.service = "sts".into()),
                400,
                "AuthorizationHeaderMalformed",
            ),
            (
                "another end of the scope",
                |client| as_signer(client, |signer| signer.terminator = "aws5_request".into()),
                400,
                "AuthorizationHeaderMalformed",
            ),
            (
                "an unknown access key",
                |client| as_signer(client, |signer| signer.access_key = "AKIAUNKNOWN".into()),
                403,
                "InvalidAccessKeyId",
            ),
            (
                "another secret",
                |client| as_signer(client, |signer| signer.secret.push('x')),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "16 minutes behind",
                |client| signed_by(&client.signer().shifted(-16 * 60), put(client)),
                403,
                "RequestTimeTooSkewed",
            ),
            (
                "16 minutes ahead",
                |client| signed_by(&client.signer().shifted(16 * 60), put(client)),
                403,
                "RequestTimeTooSkewed",
            ),
            (
                "two Authorization headers",
                |client| with_unsigned(client, "Authorization: AWS4-HMAC-SHA256 Credential=a"),
                400,
                "InvalidArgument",
            ),
            (
                "two Host headers",
                |client| with_unsigned(client, "Host: other.example"),
                400,
                "InvalidRequest",
            ),
            (
                "a host that is not signed",
                |client| edited(client, put(client), "content-length;host;", "content-length;"),
                403,
                "AccessDenied",
            ),
            (
                "another host than the signed one",
                |client| {
                    let host = format!("Host: {}", client.address);
                    edited(client, put(client), &host, "Host: localhost")
                },
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "an x-amz header that is not signed",
                |client| with_unsigned(client, "x-amz-meta-hallmark-signature: MEUCIQ=="),
                403,
                "AccessDenied",
            ),
            (
                "a copy source that is not signed",
                |client| with_unsigned(client, "x-amz-copy-source: /attacks/other"),
                403,
                "AccessDenied",
            ),
            (
                "another method than the signed one",
                |client| edited(client, put_to(client, KEY), "PUT ", "POST "),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "another key than the signed one",
                |client| edited(client, put(client), KEY, "/attacks/yek"),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "a further parameter",
                |client| edited(client, put(client), KEY, "/attacks/key?x-id=PutObject"),
                403,
                "SignatureDoesNotMatch",
            ),
        ],
    );
}

/// The upload as a presigned URL, with a change to the URL before it is signed and one after.
fn presigned(client: &Client, signer: &Signer, expires: u64, edit: fn(String) -> String) -> Vec<u8> {
    let mut request = client.request("PUT", KEY);
    signer.presign(&mut request, expires);
    request.query = edit(request.query);
    request.set_header("Content-Length", BODY.len().to_string());
    request.body = BODY.to_vec();
    request.bytes()
}

#[test]
fn signatures_in_urls() {
    let (_proxy, client) = lab();
    taken(&client, |client| presigned(client, &client.signer(), 7 * 86_400, |query| query));
    refused(
        &client,
        &[
            (
                "8 days",
                |client| presigned(client, &client.signer(), 8 * 86_400, |query| query),
                400,
                "AuthorizationQueryParametersError",
            ),
            (
                "expired",
                |client| presigned(client, &client.signer().shifted(-3600), 3599, |query| query),
                403,
                "AccessDenied",
            ),
            (
                "longer than signed",
                |client| {
                    presigned(client, &client.signer(), 60, |query| {
                        query.replace("Expires=60", "Expires=6000")
                    })
                },
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "not yet",
                |client| presigned(client, &client.signer().shifted(3600), 60, |query| query),
                403,
                "AccessDenied",
            ),
            (
                "another algorithm",
                |client| {
                    presigned(client, &client.signer(), 60, |query| {
                        query.replace("HMAC-SHA256", "ECDSA-P256-SHA256")
                    })
                },
                400,
                "AuthorizationQueryParametersError",
            ),
            (
                "a parameter twice",
                |client| presigned(client, &client.signer(), 60, |query| query + "&X-Amz-Expires=60"),
                400,
                "AuthorizationQueryParametersError",
            ),
            (
                "no signature",
                |client| {
                    presigned(client, &client.signer(), 60, |query| {
                        query.split("&X-Amz-Signature").next().unwrap_or_default().to_owned()
                    })
                },
                400,
                "AuthorizationQueryParametersError",
            ),
            (
                "Signature Version 2",
                |client| {
                    presigned(client, &client.signer(), 60, |_| {
                        "AWSAccessKeyId=AKIATEST&Expires=9999999999&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D".into()
                    })
                },
                400,
                "InvalidRequest",
            ),
            (
                "also signed in the header",
                |client| {
                    let mut request = put(client);
                    client.signer().presign(&mut request, 60);
                    signed(client, request)
                },
                400,
                "InvalidArgument",
            ),
            (
                "an x-amz header that is not signed",
                |client| {
                    let bytes = presigned(client, &client.signer(), 60, |query| query);
                    let text = String::from_utf8(bytes).expect("it is text");
                    text.replacen("\r\n\r\n", "\r\nx-amz-meta-a: b\r\n\r\n", 1).into_bytes()
                },
                403,
                "AccessDenied",
            ),
        ],
    );
}

#[test]
fn bodies_that_are_not_what_was_declared() {
    let (_proxy, client) = lab();
    taken(&client, |client| signed(client, put(client).header("Content-MD5", checksum("md5", BODY))));
    taken(&client, |client| {
        let mut request = put(client);
        client.signer().sign(&mut request, UNSIGNED);
        request.bytes()
    });
    refused(
        &client,
        &[
            (
                "a byte other than signed",
                |client| {
                    let mut bytes = signed(client, put(client));
                    *bytes.last_mut().expect("there is a body") ^= 1;
                    bytes
                },
                400,
                "XAmzContentSHA256Mismatch",
            ),
            (
                "another MD5",
                |client| signed(client, put(client).header("Content-MD5", checksum("md5", b"other"))),
                400,
                "BadDigest",
            ),
            (
                "an MD5 that is none",
                |client| signed(client, put(client).header("Content-MD5", "AAAA")),
                400,
                "InvalidDigest",
            ),
            ("another CRC-32", |client| with_checksum(client, "crc32"), 400, "BadDigest"),
            ("another CRC-32C", |client| with_checksum(client, "crc32c"), 400, "BadDigest"),
            ("another CRC-64/NVME", |client| with_checksum(client, "crc64nvme"), 400, "BadDigest"),
            ("another SHA-1", |client| with_checksum(client, "sha1"), 400, "BadDigest"),
            ("another SHA-256", |client| with_checksum(client, "sha256"), 400, "BadDigest"),
            (
                "a checksum of the wrong length",
                |client| signed(client, put(client).header("x-amz-checksum-crc32", "AAAA")),
                400,
                "InvalidRequest",
            ),
            (
                "no length",
                |client| {
                    let mut request = put(client);
                    request.remove_header("Content-Length");
                    request.body.clear();
                    signed(client, request)
                },
                411,
                "MissingContentLength",
            ),
        ],
    );
}

/// Signed whole, but with the checksum of something else.
fn with_checksum(client: &Client, algorithm: &str) -> Vec<u8> {
    let value = checksum(algorithm, b"other");
    signed(client, put(client).header(&format!("x-amz-checksum-{algorithm}"), value))
}

const CRC: &str = "x-amz-checksum-crc32";

/// An upload in chunks whose frames are made by `frames`; `length` is what it says the decoded body has.
fn chunked(
    client: &Client,
    form: &str,
    length: usize,
    frames: impl FnOnce(&mut Chain) -> Vec<Vec<u8>>,
) -> Vec<u8> {
    let mut request = client
        .request("PUT", KEY)
        .header("Content-Encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", length.to_string());
    if form != CHUNKED {
        request = request.header("x-amz-trailer", CRC);
    }
    let mut chain = client.signer().sign(&mut request, form);
    request.body = frames(&mut chain).concat();
    // Not signed: the length is known when the frames are.
    request.set_header("Content-Length", request.body.len().to_string());
    request.bytes()
}

/// The two chunks of the body.
fn halves() -> (&'static [u8], &'static [u8]) {
    BODY.split_at(5)
}

fn crc() -> String {
    checksum("crc32", BODY)
}

fn chunks_signed(client: &Client, edit: fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    chunked(client, CHUNKED, BODY.len(), |chain| {
        let mut frames = vec![chain.chunk(halves().0), chain.chunk(halves().1), chain.chunk(b"")];
        edit(&mut frames);
        frames
    })
}

fn trailers_signed(client: &Client, trailers: &[(&str, &str)], edit: fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    chunked(client, CHUNKED_TRAILER, BODY.len(), |chain| {
        let mut frames = vec![chain.chunk(BODY), chain.last(), chain.trailers(trailers)];
        edit(&mut frames);
        frames
    })
}

fn trailers_unsigned(client: &Client, trailers: &[(&str, &str)], edit: fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    chunked(client, UNSIGNED_TRAILER, BODY.len(), |_| {
        let mut frames =
            vec![unsigned_chunk(halves().0), unsigned_chunk(halves().1), unsigned_trailers(trailers)];
        edit(&mut frames);
        frames
    })
}

#[test]
fn bodies_in_signed_chunks() {
    let (_proxy, client) = lab();
    taken(&client, |client| chunks_signed(client, |_| {}));
    refused(
        &client,
        &[
            (
                "a byte of a chunk",
                |client| chunks_signed(client, |frames| flip_data(&mut frames[0])),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "a digit of a signature",
                |client| {
                    chunks_signed(client, |frames| {
                        let at = frames[1].iter().position(|byte| *byte == b'=').expect("a signature") + 1;
                        frames[1][at] = if frames[1][at] == b'0' { b'1' } else { b'0' };
                    })
                },
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "chunks in another order",
                |client| chunks_signed(client, |frames| frames.swap(0, 1)),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "a chunk twice",
                |client| chunks_signed(client, |frames| frames.insert(1, frames[0].clone())),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "a chunk left out",
                |client| chunks_signed(client, |frames| drop(frames.remove(1))),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "no final chunk",
                |client| chunks_signed(client, |frames| drop(frames.pop())),
                400,
                "IncompleteBody",
            ),
            (
                "a final chunk that is not signed",
                |client| chunks_signed(client, |frames| frames[2] = b"0\r\n\r\n".to_vec()),
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "a chunk that ends early",
                |client| {
                    chunks_signed(client, |frames| {
                        frames.truncate(2);
                        let length = frames[1].len();
                        frames[1].truncate(length - 4);
                    })
                },
                400,
                "IncompleteBody",
            ),
            (
                "data after the final chunk",
                |client| chunks_signed(client, |frames| frames.push(b"5\r\nmore!\r\n0\r\n\r\n".to_vec())),
                400,
                "InvalidRequest",
            ),
            (
                "a size that is none",
                |client| chunks_signed(client, |frames| frames[0][0] = b'g'),
                400,
                "InvalidChunkSizeError",
            ),
            (
                "a size beyond all bounds",
                |client| {
                    chunks_signed(client, |frames| {
                        frames[0].splice(0..1, b"fffffffffffffffff".iter().copied());
                    })
                },
                400,
                "InvalidChunkSizeError",
            ),
            (
                "less than was announced",
                |client| {
                    chunked(client, CHUNKED, BODY.len() + 1, |chain| {
                        vec![chain.chunk(BODY), chain.chunk(b"")]
                    })
                },
                400,
                "IncompleteBody",
            ),
            (
                "more than was announced",
                |client| {
                    chunked(client, CHUNKED, BODY.len() - 1, |chain| {
                        vec![chain.chunk(BODY), chain.chunk(b"")]
                    })
                },
                400,
                "IncompleteBody",
            ),
            (
                "no length announced",
                |client| {
                    let mut request = client.request("PUT", KEY).header("Content-Encoding", "aws-chunked");
                    let mut chain = client.signer().sign(&mut request, CHUNKED);
                    request.body = [chain.chunk(BODY), chain.chunk(b"")].concat();
                    request.set_header("Content-Length", request.body.len().to_string());
                    request.bytes()
                },
                411,
                "MissingContentLength",
            ),
            (
                "signed chunks in a presigned request",
                |client| {
                    let mut request = client.request("PUT", KEY).header("x-amz-content-sha256", CHUNKED);
                    client.signer().presign(&mut request, 60);
                    request.set_header("Content-Length", BODY.len().to_string());
                    request.body = BODY.to_vec();
                    request.bytes()
                },
                400,
                "InvalidRequest",
            ),
        ],
    );
}

/// Flips a bit of the first byte after the line.
fn flip_data(frame: &mut [u8]) {
    let line = frame.windows(2).position(|pair| pair == b"\r\n").expect("a frame begins with a line");
    frame[line + 2] ^= 1;
}

#[test]
fn bodies_with_trailers() {
    let (_proxy, client) = lab();
    taken(&client, |client| trailers_signed(client, &[(CRC, &crc())], |_| {}));
    taken(&client, |client| trailers_unsigned(client, &[(CRC, &crc())], |_| {}));
    refused(
        &client,
        &[
            (
                "signed, another checksum",
                |client| trailers_signed(client, &[(CRC, &checksum("crc32", b"other"))], |_| {}),
                400,
                "BadDigest",
            ),
            (
                "unsigned, another checksum",
                |client| trailers_unsigned(client, &[(CRC, &checksum("crc32", b"other"))], |_| {}),
                400,
                "BadDigest",
            ),
            (
                "unsigned, a byte of the body",
                |client| trailers_unsigned(client, &[(CRC, &crc())], |frames| flip_data(&mut frames[0])),
                400,
                "BadDigest",
            ),
            (
                "a checksum that is none",
                |client| trailers_unsigned(client, &[(CRC, "AAAA")], |_| {}),
                400,
                "InvalidRequest",
            ),
            (
                "signed, stripped of all trailers",
                |client| {
                    trailers_signed(client, &[(CRC, &crc())], |frames| {
                        frames.pop();
                        frames.push(b"\r\n".to_vec());
                    })
                },
                400,
                "MalformedTrailerError",
            ),
            (
                "signed, stripped of the trailers' signature",
                |client| {
                    trailers_signed(client, &[(CRC, &crc())], |frames| {
                        let trailers = frames.pop().expect("trailers are last");
                        let text = String::from_utf8(trailers).expect("trailers are text");
                        let end = text.find("x-amz-trailer-signature").expect("they are signed");
                        frames.push(format!("{}\r\n", &text[..end]).into_bytes());
                    })
                },
                400,
                "MalformedTrailerError",
            ),
            (
                "signed, a digit of the trailers' signature",
                |client| {
                    trailers_signed(client, &[(CRC, &crc())], |frames| {
                        let trailers = frames.last_mut().expect("trailers are last");
                        let at = trailers.len() - 5;
                        trailers[at] = if trailers[at] == b'0' { b'1' } else { b'0' };
                    })
                },
                403,
                "SignatureDoesNotMatch",
            ),
            (
                "unsigned, stripped of all trailers",
                |client| trailers_unsigned(client, &[], |_| {}),
                400,
                "MalformedTrailerError",
            ),
            (
                "another trailer than announced",
                |client| {
                    trailers_unsigned(client, &[("x-amz-checksum-crc32c", &checksum("crc32c", BODY))], |_| {})
                },
                400,
                "MalformedTrailerError",
            ),
            (
                "a trailer more than announced",
                |client| trailers_unsigned(client, &[(CRC, &crc()), ("x-amz-meta-a", "b")], |_| {}),
                400,
                "MalformedTrailerError",
            ),
            (
                "a trailer twice",
                |client| trailers_unsigned(client, &[(CRC, &crc()), (CRC, &crc())], |_| {}),
                400,
                "MalformedTrailerError",
            ),
            (
                "no end of the trailers",
                |client| {
                    trailers_unsigned(client, &[(CRC, &crc())], |frames| {
                        let trailers = frames.last_mut().expect("trailers are last");
                        trailers.truncate(trailers.len() - 2);
                    })
                },
                400,
                "IncompleteBody",
            ),
            (
                "no final chunk",
                |client| trailers_unsigned(client, &[(CRC, &crc())], |frames| drop(frames.pop())),
                400,
                "IncompleteBody",
            ),
            (
                "data after the trailers",
                |client| {
                    trailers_unsigned(client, &[(CRC, &crc())], |frames| frames.push(b"0\r\n\r\n".to_vec()))
                },
                400,
                "InvalidRequest",
            ),
        ],
    );
}

/// A body that stops before its announced end: the server waits for more until the client says that there is none.
#[test]
fn bodies_that_stop() {
    let (_proxy, client) = lab();
    for (name, bytes) in [
        ("plain", signed(&client, put(&client))),
        ("signed chunks", chunks_signed(&client, |_| {})),
        ("signed trailers", trailers_signed(&client, &[(CRC, &crc())], |_| {})),
        ("unsigned trailers", trailers_unsigned(&client, &[(CRC, &crc())], |_| {})),
    ] {
        let body = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
        for cut in body..bytes.len() {
            let mut connection = Connection::open(client.address);
            connection.send(&bytes[..cut]);
            connection.finish();
            let response = connection.response(Asked::Other);
            // Nobody is owed an answer after hanging up, but there must be no good one.
            assert!(matches!(response.status, 0 | 400), "{name} cut at {cut}: {}", response.text());
            assert_ne!(response.end, End::Deadline, "{name} cut at {cut}");
        }
        assert_eq!(client.keys(BUCKET, ""), Vec::<String>::new(), "{name}");
    }
}

/// As the JavaScript SDK sends a stream: chunks of HTTP around chunks of AWS, and no `Content-Length`.
#[test]
fn bodies_of_unannounced_length() {
    fn in_http_chunks(client: &Client, edit: fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
        let bytes = trailers_unsigned(client, &[(CRC, &crc())], edit);
        let head_end = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8(bytes[..head_end].to_vec()).expect("a head is text");
        let lines = head.split("\r\n").filter(|line| !line.starts_with("Content-Length"));
        let head = lines.collect::<Vec<_>>().join("\r\n").replacen(
            "\r\n\r\n",
            "\r\nTransfer-Encoding: chunked\r\n\r\n",
            1,
        );
        let mut sent = head.into_bytes();
        for part in bytes[head_end..].chunks(7) {
            sent.extend(unsigned_chunk(part));
        }
        sent.extend(b"0\r\n\r\n");
        sent
    }
    let (_proxy, client) = lab();
    taken(&client, |client| in_http_chunks(client, |_| {}));
    refused(
        &client,
        &[
            (
                "a byte of the body",
                |client| in_http_chunks(client, |frames| flip_data(&mut frames[0])),
                400,
                "BadDigest",
            ),
            (
                "no final chunk",
                |client| in_http_chunks(client, |frames| drop(frames.pop())),
                400,
                "IncompleteBody",
            ),
        ],
    );
}

#[test]
fn keys_and_paths() {
    fn put_at(client: &Client, target: &str) -> Vec<u8> {
        signed(client, put_to(client, target))
    }
    let (_proxy, client) = lab();
    refused(
        &client,
        &[
            ("a parent", |client| put_at(client, "/attacks/public/../private"), 400, "InvalidURI"),
            (
                "an encoded parent",
                |client| put_at(client, "/attacks/public/%2e%2e/private"),
                400,
                "InvalidURI",
            ),
            (
                "behind an encoded slash",
                |client| put_at(client, "/attacks/public%2f..%2fprivate"),
                400,
                "InvalidURI",
            ),
            ("itself", |client| put_at(client, "/attacks/./key"), 400, "InvalidURI"),
            ("out of the bucket", |client| put_at(client, "/attacks/../attacks/key"), 400, "InvalidURI"),
            ("not UTF-8", |client| put_at(client, "/attacks/%ff"), 400, "InvalidURI"),
            ("overlong UTF-8", |client| put_at(client, "/attacks/%c0%ae%c0%ae/key"), 400, "InvalidURI"),
            ("half an escape", |client| put_at(client, "/attacks/%4"), 400, "InvalidURI"),
            ("NUL", |client| put_at(client, "/attacks/a%00b"), 400, "InvalidURI"),
            (
                "1025 bytes",
                |client| put_at(client, &format!("/attacks/{}", "k".repeat(1025))),
                400,
                "KeyTooLongError",
            ),
            ("no bucket of this name", |client| put_at(client, "/nowhere/key"), 404, "NoSuchBucket"),
            ("no name of a bucket", |client| put_at(client, "/Attacks/key"), 400, "InvalidBucketName"),
        ],
    );
    // One decoding, no more: what looks like an escape after it is part of the key.
    assert_eq!(sent(&client, &put_at(&client, "/attacks/%252e%252e/key")).status, 200);
    assert_eq!(client.keys(BUCKET, ""), ["%2e%2e/key"]);
}

#[test]
fn unknown_subresources() {
    let (_proxy, client) = lab();
    assert_eq!(client.put(BUCKET, "kept", BODY).status, 200);
    let unknown = [
        "acl",
        "accelerate",
        "analytics",
        "append",
        "attributes",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "tagging",
        "torrent",
        "uploads",
        "versioning",
        "website",
        "hallmark=other",
        "nonsense",
    ];
    for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
        for target in ["/attacks", "/attacks/kept"] {
            for subresource in unknown {
                let target = format!("{target}?{subresource}");
                let response = client.send(client.request(method, &target));
                assert_eq!(response.status, 501, "{method} {target}: {}", response.text());
                if method != "HEAD" {
                    assert_eq!(response.code(), "NotImplemented", "{method} {target}");
                }
            }
        }
    }
    assert_eq!(client.get(BUCKET, "kept").body, BODY);
    assert_eq!(client.keys(BUCKET, ""), ["kept"]);
}

#[test]
fn copies_and_other_headers_that_change_the_meaning() {
    fn put_with(client: &Client, name: &str, value: &str) -> Vec<u8> {
        signed(client, put(client).header(name, value))
    }
    let (_proxy, client) = lab();
    refused(
        &client,
        &[
            ("copy", |client| put_with(client, "x-amz-copy-source", "/attacks/other"), 501, "NotImplemented"),
            ("access list", |client| put_with(client, "x-amz-acl", "public-read"), 501, "NotImplemented"),
            (
                "customer's key",
                |client| put_with(client, "x-amz-server-side-encryption-customer-algorithm", "AES256"),
                501,
                "NotImplemented",
            ),
            ("append", |client| put_with(client, "x-amz-write-offset-bytes", "0"), 501, "NotImplemented"),
            (
                "lock",
                |client| put_with(client, "x-amz-object-lock-mode", "GOVERNANCE"),
                501,
                "NotImplemented",
            ),
            (
                "redirect",
                |client| put_with(client, "x-amz-website-redirect-location", "/"),
                501,
                "NotImplemented",
            ),
            (
                "a publisher's signature that is none",
                |client| put_with(client, "x-amz-meta-hallmark-signature", "nonsense"),
                400,
                "InvalidArgument",
            ),
        ],
    );
}

#[test]
fn framing_that_two_parsers_could_read_in_two_ways() {
    fn framed(client: &Client, edit: fn(String) -> String) -> Vec<u8> {
        let mut request = client.request("PUT", KEY);
        request.body = BODY.to_vec();
        client.signer().sign(&mut request, UNSIGNED);
        let head = String::from_utf8(request.head()).expect("a head is text");
        [edit(head).as_bytes(), BODY].concat()
    }
    fn with(head: &str, lines: &str) -> String {
        head.replacen("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"), 1)
    }
    let (_proxy, client) = lab();
    taken(&client, |client| framed(client, |head| with(&head, "Content-Length: 12")));
    refused(
        &client,
        &[
            (
                "both framings",
                |client| {
                    framed(client, |head| with(&head, "Content-Length: 12\r\nTransfer-Encoding: chunked"))
                },
                400,
                "InvalidRequest",
            ),
            (
                "both framings, in the other order",
                |client| {
                    framed(client, |head| with(&head, "Transfer-Encoding: chunked\r\nContent-Length: 12"))
                },
                400,
                "InvalidRequest",
            ),
            (
                "two lengths",
                |client| framed(client, |head| with(&head, "Content-Length: 12\r\nContent-Length: 5")),
                400,
                "",
            ),
            (
                "a length with a sign",
                |client| framed(client, |head| with(&head, "Content-Length: +12")),
                400,
                "",
            ),
            (
                "two codings",
                |client| framed(client, |head| with(&head, "Transfer-Encoding: gzip, chunked")),
                400,
                "InvalidRequest",
            ),
            (
                "chunked, but not last",
                |client| framed(client, |head| with(&head, "Transfer-Encoding: chunked, identity")),
                400,
                "",
            ),
            (
                "a folded header",
                |client| framed(client, |head| with(&head, "Content-Length: 12\r\nx-folded: a\r\n b")),
                400,
                "",
            ),
            (
                "a space before the colon",
                |client| framed(client, |head| with(&head, "Content-Length : 12")),
                400,
                "",
            ),
            (
                "a huge header section",
                |client| {
                    let filler = format!("x-filler: {}\r\n", "x".repeat(1000)).repeat(2000);
                    let head = format!("PUT {KEY} HTTP/1.1\r\nHost: {}\r\n{filler}\r\n", client.address);
                    head.into_bytes()
                },
                431,
                "",
            ),
            (
                "a thousand headers",
                |client| {
                    let filler = "x: y\r\n".repeat(1000);
                    format!("PUT {KEY} HTTP/1.1\r\nHost: {}\r\n{filler}\r\n", client.address).into_bytes()
                },
                431,
                "",
            ),
            ("no host", |_| format!("GET {KEY} HTTP/1.1\r\n\r\n").into_bytes(), 400, "InvalidRequest"),
            ("no HTTP", |_| b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400, ""),
        ],
    );
}

/// A client that never finishes the head of its request does not hold the connection for ever.
#[test]
fn heads_that_never_end() {
    let options = Options { tables: "[limits]\nheader_timeout = \"1s\"\n".into(), ..Options::default() };
    let proxy = Proxy::start_with(&options);
    for beginning in ["", "PUT /attacks/key HT", "PUT /attacks/key HTTP/1.1\r\nHost: a\r\nx-"] {
        let mut connection = Connection::open(proxy.address());
        connection.send(beginning.as_bytes());
        let response = connection.response(Asked::Other);
        assert_ne!(response.end, End::Deadline, "{beginning:?}: still open");
        assert!(matches!(response.status, 0 | 400 | 408), "{beginning:?}: {}", response.status);
    }
}

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
