//! Presigned URLs.

use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::Signer;

use super::{BODY, KEY, lab, put, refused, signed, taken};

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
                403,
                "AccessDenied",
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
