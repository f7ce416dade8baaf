//! Signatures in the `Authorization` header.

use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::Signer;

use super::{KEY, edited, lab, put, put_to, refused, signed, signed_by, taken, with_unsigned};

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
