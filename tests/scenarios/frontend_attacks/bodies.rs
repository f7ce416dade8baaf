//! Bodies in one piece that are not what was declared.

use hallmark_tests::s3::{Client, checksum};
use hallmark_tests::sigv4::UNSIGNED;

use super::{BODY, lab, put, refused, signed, taken};

#[test]
fn p2_bodies_that_are_not_what_was_declared() {
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
