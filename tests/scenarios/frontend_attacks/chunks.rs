//! Bodies framed as `aws-chunked`, in their four forms.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::raw::{Asked, Connection, End};
use hallmark_tests::s3::{Client, checksum};
use hallmark_tests::sigv4::{
    CHUNKED, CHUNKED_TRAILER, Chain, UNSIGNED_TRAILER, unsigned_chunk, unsigned_trailers,
};

use super::{BODY, BUCKET, KEY, lab, put, refused, signed, taken};

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
fn p2_bodies_in_signed_chunks() {
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
                400,
                "InvalidRequest",
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
                "InvalidRequest",
            ),
            (
                "a size beyond all bounds",
                |client| {
                    chunks_signed(client, |frames| {
                        frames[0].splice(0..1, b"ffffffffffffffff".iter().copied());
                    })
                },
                400,
                "InvalidChunkSizeError",
            ),
            (
                "a size of too many digits",
                |client| {
                    chunks_signed(client, |frames| {
                        frames[0].splice(0..1, b"00000000000000005".iter().copied());
                    })
                },
                400,
                "InvalidRequest",
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
fn p2_bodies_with_trailers() {
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
fn p2_bodies_that_stop() {
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
fn p2_bodies_of_unannounced_length() {
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

/// The same without even `x-amz-decoded-content-length`: taken whole up to 8 MiB; above, in parts, which nobody sees.
#[test]
fn p2_bodies_of_unknown_length() {
    let (_proxy, client) = lab();
    let send = |length: u64, trailer: &[u8]| {
        let body = content(length, length);
        let mut request = client
            .request("PUT", KEY)
            .header("Content-Encoding", "aws-chunked")
            .header("Transfer-Encoding", "chunked")
            .header("x-amz-trailer", CRC);
        client.signer().sign(&mut request, UNSIGNED_TRAILER);
        let mut framed: Vec<u8> = body.chunks(70_000).flat_map(unsigned_chunk).collect();
        framed.extend(unsigned_trailers(&[(CRC, &checksum("crc32", &body))]));
        framed.extend(trailer);
        let mut sent: Vec<u8> = framed.chunks(65_536).flat_map(unsigned_chunk).collect();
        sent.extend(b"0\r\n\r\n");
        (Connection::open(client.address).exchange(&[&request.head(), &sent], Asked::Other), body)
    };
    for length in [0, 1, 70_000, 8 * MIB, 8 * MIB + 1, 20 * MIB] {
        let (response, body) = send(length, b"");
        assert_eq!(response.status, 200, "{length}: {}", response.text());
        assert_same(&client.get(BUCKET, "key").body, &body, "what was sent");
        client.delete(BUCKET, "key");
    }
    for (length, trailer, status, code) in
        [(70_000, &b"0\r\n\r\n"[..], 400, "InvalidRequest"), (20 * MIB, b"0\r\n\r\n", 400, "InvalidRequest")]
    {
        let (response, _) = send(length, trailer);
        assert_eq!((response.status, response.code().as_str()), (status, code), "{length}");
        assert_eq!(client.keys(BUCKET, ""), Vec::<String>::new(), "{length}");
    }
}
