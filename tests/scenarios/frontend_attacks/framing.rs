//! HTTP itself: framing that two parsers could read in two ways, and heads without end.

use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::{Asked, Connection, End};
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::{UNSIGNED, unsigned_chunk};

use super::{BODY, BUCKET, KEY, lab, refused, taken};

/// The same head with further lines.
fn with_lines(head: &str, lines: &str) -> String {
    head.replacen("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"), 1)
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
    let (_proxy, client) = lab();
    taken(&client, |client| framed(client, |head| with_lines(&head, "Content-Length: 12")));
    refused(
        &client,
        &[
            (
                "both framings",
                |client| {
                    framed(client, |head| {
                        with_lines(&head, "Content-Length: 12\r\nTransfer-Encoding: chunked")
                    })
                },
                400,
                "IncompleteBody",
            ),
            (
                "two lengths",
                |client| framed(client, |head| with_lines(&head, "Content-Length: 12\r\nContent-Length: 5")),
                400,
                "",
            ),
            (
                "a length with a sign",
                |client| framed(client, |head| with_lines(&head, "Content-Length: +12")),
                400,
                "",
            ),
            (
                "two codings",
                |client| framed(client, |head| with_lines(&head, "Transfer-Encoding: gzip, chunked")),
                501,
                "NotImplemented",
            ),
            (
                "two codings, said apart",
                |client| {
                    framed(client, |head| {
                        with_lines(&head, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked")
                    })
                },
                501,
                "NotImplemented",
            ),
            (
                "chunked, but not last",
                |client| framed(client, |head| with_lines(&head, "Transfer-Encoding: chunked, identity")),
                400,
                "",
            ),
            (
                "a folded header",
                |client| framed(client, |head| with_lines(&head, "Content-Length: 12\r\nx-folded: a\r\n b")),
                400,
                "",
            ),
            (
                "a space before the colon",
                |client| framed(client, |head| with_lines(&head, "Content-Length : 12")),
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

/// Where both framings are given, `Transfer-Encoding` counts and the connection closes after the answer (RFC 9112,
/// section 6.3): what one of the two framings would take for a further request is never answered.
#[test]
fn what_is_smuggled_behind_two_framings_is_not_answered() {
    let (_proxy, client) = lab();
    let mut smuggled = client.request("PUT", "/attacks/smuggled").header("Content-Length", "1");
    smuggled.body = b"x".to_vec();
    client.signer().sign_body(&mut smuggled);
    let inner = smuggled.bytes();
    let chunk = unsigned_chunk(&inner);
    // By the chunks the body ends before the smuggled request; and by the length.
    let (by_chunks, by_length) = ([b"0\r\n\r\n", &inner[..]].concat(), [&chunk[..], b"0\r\n\r\n"].concat());
    let size_line = chunk.len() - inner.len() - 2;
    for (name, body, length) in
        [("after the last chunk", &by_chunks, by_chunks.len()), ("after the length", &by_length, size_line)]
    {
        let (length, coding) = (format!("Content-Length: {length}"), "Transfer-Encoding: chunked");
        for lines in [format!("{length}\r\n{coding}"), format!("{coding}\r\n{length}")] {
            let mut request = client.request("PUT", KEY);
            client.signer().sign(&mut request, UNSIGNED);
            let head = String::from_utf8(request.head()).expect("a head is text");
            let mut connection = Connection::open(client.address);
            connection.send(with_lines(&head, &lines).as_bytes());
            connection.send(body);
            let response = connection.response(Asked::Other);
            assert_eq!(response.status, 200, "{name}: {}", response.text());
            assert!(matches!(connection.closing(), End::Complete | End::Reset), "{name}: still open");
            assert_eq!(client.keys(BUCKET, ""), ["key"], "{name}");
            client.delete(BUCKET, "key");
        }
    }
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
