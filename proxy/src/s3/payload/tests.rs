use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Request};
use http_body::Frame;
use proptest::prelude::*;

use super::*;
use crate::s3::auth::{Authenticator, TestSigner};

type BoxError = Box<dyn Error + Send + Sync>;

/// A body of the given frames that claims from the beginning to be at its end.
struct Frames(VecDeque<Result<Frame<Bytes>, BoxError>>);

impl Frames {
    fn of(pieces: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(pieces.into_iter().map(|piece| Ok(Frame::data(piece.into()))).collect())
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

/// How a body is framed, as `x-amz-content-sha256` says it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Unsigned,
    Signed,
    SignedTrailer,
    UnsignedTrailer,
}

impl Form {
    const CHUNKED: [Self; 3] = [Self::Signed, Self::SignedTrailer, Self::UnsignedTrailer];

    fn text(self) -> &'static str {
        match self {
            Self::Unsigned => "UNSIGNED-PAYLOAD",
            Self::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    /// The claim of a request that was verified, with its signature.
    fn claim(self) -> (PayloadClaim, String) {
        verified(&[
            ("host", "s3.amazonaws.com"),
            ("x-amz-content-sha256", self.text()),
            ("x-amz-date", "20130524T000000Z"),
        ])
    }

    /// The framed body, with the signature of the request to begin with.
    fn frame(self, seed: &str, chunks: &[&[u8]], trailer: (&str, &str)) -> Vec<u8> {
        match self {
            Self::Unsigned => chunks.concat(),
            Self::Signed => TestSigner::example().frame(seed, chunks, None),
            Self::SignedTrailer => TestSigner::example().frame(seed, chunks, Some(trailer)),
            Self::UnsignedTrailer => {
                let mut out = Vec::new();
                for chunk in chunks {
                    out.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(format!("0\r\n{}:{}\r\n\r\n", trailer.0, trailer.1).as_bytes());
                out
            }
        }
    }

    /// The headers that belong to it.
    fn headers(self) -> HeaderMap {
        match self {
            Self::Unsigned | Self::Signed => HeaderMap::new(),
            Self::SignedTrailer | Self::UnsignedTrailer => headers(&[("x-amz-trailer", CRC.0)]),
        }
    }
}

const CRC: (&str, &str) = ("x-amz-checksum-crc32", "");

fn crc32(data: &[u8]) -> String {
    STANDARD.encode(crc_fast::crc32_iso_hdlc(data).to_be_bytes())
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).unwrap();
    pairs.iter().map(|(n, value)| (name(n), HeaderValue::from_bytes(value.as_bytes()).unwrap())).fold(
        HeaderMap::new(),
        |mut all, (name, value)| {
            all.append(name, value);
            all
        },
    )
}

/// What a PUT of `/examplebucket/chunkObject.txt` with these signed headers says of its body, and its signature.
fn verified(signed: &[(&str, &str)]) -> (PayloadClaim, String) {
    let signer = TestSigner::example();
    let payload = signed.iter().find(|(name, _)| *name == "x-amz-content-sha256").unwrap().1;
    let signature = signer.sign("PUT", "/examplebucket/chunkObject.txt", &[], signed, payload);
    let mut request = Request::builder().method("PUT").uri("/examplebucket/chunkObject.txt");
    for (name, value) in signed {
        request = request.header(*name, *value);
    }
    let request = request.header("authorization", signer.authorization(signed, &signature)).body(()).unwrap();
    let authenticator = Authenticator::new([signer.client()], "us-east-1".into());
    let authenticated = authenticator.authenticate(&request.into_parts().0, TestSigner::now(0)).unwrap();
    (authenticated.into_parts().1, signature)
}

/// Reads to the end: the verdict, and all that was handed out before it.
fn read(
    body: Frames,
    claim: PayloadClaim,
    headers: &HeaderMap,
) -> (Result<CheckedPayload, S3Error>, Vec<u8>) {
    let mut data = Vec::new();
    let mut payload = match Payload::new(body, claim, headers) {
        Ok(payload) => payload,
        Err(error) => return (Err(error), data),
    };
    loop {
        match payload.next().now_or_never().unwrap() {
            Ok(Step::Data(piece)) => {
                assert!(!piece.is_empty());
                data.extend_from_slice(&piece);
            }
            Ok(Step::End(end)) => {
                assert_eq!(end.length(), data.len() as u64);
                assert!(payload.next().now_or_never().unwrap().is_err());
                let sha256 = Sha256Digest::new(Sha256::digest(&data).into());
                return (end.check(&sha256, &Md5::digest(&data).into()), data);
            }
            Err(error) => {
                assert_eq!(payload.next().now_or_never().unwrap().unwrap_err(), error);
                return (Err(error), data);
            }
        }
    }
}

fn code(verdict: (Result<CheckedPayload, S3Error>, Vec<u8>)) -> Option<Code> {
    verdict.0.err().map(|error| error.code)
}

/// The 65 KiB of AWS's documentation, with the signatures printed there.
#[test]
fn the_published_examples_decode() {
    let data = vec![b'a'; 66_560];
    let base = [
        ("content-encoding", "aws-chunked"),
        ("content-length", "66824"),
        ("host", "s3.amazonaws.com"),
        ("x-amz-content-sha256", Form::Signed.text()),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    let chunk = |size: &str, signature: &str, data: &[u8]| {
        [format!("{size};chunk-signature={signature}\r\n").as_bytes(), data, b"\r\n"].concat()
    };
    let body = [
        chunk("10000", "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", &data[..65_536]),
        chunk("400", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", &data[65_536..]),
        chunk("0", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", b""),
    ]
    .concat();
    assert_eq!(body.len(), 66_824);
    let (verdict, read_data) = read(Frames::of([body]), verified(&base).0, &headers(&base));
    assert_eq!((verdict.unwrap().length(), &read_data), (66_560, &data));

    let mut with_trailer = base.to_vec();
    with_trailer.retain(|(name, _)| *name != "content-length");
    with_trailer[2].1 = Form::SignedTrailer.text();
    with_trailer.push(("x-amz-trailer", "x-amz-checksum-crc32c"));
    let body = [
        chunk("10000", "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2", &data[..65_536]),
        chunk("400", "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7", &data[65_536..]),
        b"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n".to_vec(),
        b"x-amz-checksum-crc32c:sOO8/Q==\r\n".to_vec(),
        b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
            .to_vec(),
    ];
    let (verdict, read_data) =
        read(Frames::of(body.clone()), verified(&with_trailer).0, &headers(&with_trailer));
    assert_eq!(verdict.unwrap().checksum().unwrap().value(), "sOO8/Q==");
    assert_eq!(read_data, data);

    // The same trailer with the end of line that the documentation prints.
    let mut body = body.concat();
    let at = body.windows(10).position(|window| window == b"sOO8/Q==\r\n").unwrap() + 8;
    body.insert(at, b'\n');
    let (verdict, _) = read(Frames::of([body]), verified(&with_trailer).0, &headers(&with_trailer));
    assert_eq!(verdict.unwrap().checksum().unwrap().algorithm(), ChecksumAlgorithm::Crc32c);
}

#[test]
fn a_plain_body_is_what_it_was_declared_to_be() {
    let verdict = |body: &str, pairs: &[(&str, &str)]| {
        read(Frames::of([body.into()]), PayloadClaim::Unsigned, &headers(pairs)).0
    };
    for pairs in [
        &[][..],
        &[("content-length", "9")],
        &[("transfer-encoding", "chunked")],
        &[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")],
        &[
            ("x-amz-checksum-algorithm", "CRC32"),
            ("x-amz-checksum-mode", "ENABLED"),
            ("x-amz-checksum-type", "COMPOSITE"),
        ],
        &[("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-sdk-checksum-algorithm", "crc32")],
        &[("x-amz-checksum-crc32c", "4waSgw==")],
        &[("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")],
        &[("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=")],
        &[("x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=")],
    ] {
        let checked = verdict("123456789", pairs).unwrap();
        assert_eq!(checked.length(), 9);
        let declared = pairs.iter().find(|(_, value)| value.ends_with('=') && value.len() != 24);
        assert_eq!(checked.checksum().map(|sum| sum.value().len()), declared.map(|(_, value)| value.len()));
    }

    use Code::*;
    for (what, pairs, code) in [
        ("shorter", &[("content-length", "10")][..], IncompleteBody),
        ("longer", &[("content-length", "8")], IncompleteBody),
        ("signed length", &[("content-length", "+9")], InvalidArgument),
        ("negative length", &[("content-length", "-9")], InvalidArgument),
        ("empty length", &[("content-length", "")], InvalidArgument),
        ("huge length", &[("content-length", "18446744073709551616")], InvalidArgument),
        ("two lengths", &[("content-length", "9"), ("content-length", "9")], InvalidArgument),
        ("both framings", &[("content-length", "9"), ("transfer-encoding", "chunked")], InvalidRequest),
        ("a compressed body", &[("transfer-encoding", "gzip, chunked")], NotImplemented),
        (
            "a compressed body, said apart",
            &[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")],
            NotImplemented,
        ),
        ("aws-chunked, but not", &[("content-encoding", "gzip, AWS-chunked")], InvalidRequest),
        ("decoded, but not", &[("x-amz-decoded-content-length", "9")], InvalidRequest),
        ("trailer, but none", &[("x-amz-trailer", "x-amz-checksum-crc32")], InvalidRequest),
        ("wrong MD5", &[("content-md5", "JfnnlDI7RTiF9RgfG2JNCg==")], BadDigest),
        ("no MD5", &[("content-md5", "JfnnlDI7RTiF9RgfG2JN")], InvalidDigest),
        ("bad MD5", &[("content-md5", "25f9e794323b453885f5181f1b624d0b")], InvalidDigest),
        (
            "two MD5",
            &[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="), ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")],
            InvalidArgument,
        ),
        ("wrong CRC", &[("x-amz-checksum-crc32", "y/Q5Jw==")], BadDigest),
        ("wrong CRC32C", &[("x-amz-checksum-crc32c", "y/Q5Jg==")], BadDigest),
        ("wrong CRC64", &[("x-amz-checksum-crc64nvme", "rosUhgp5mIk=")], BadDigest),
        ("wrong SHA-1", &[("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEA=")], BadDigest),
        (
            "wrong SHA-256",
            &[("x-amz-checksum-sha256", "AeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=")],
            BadDigest,
        ),
        ("long CRC", &[("x-amz-checksum-crc32", "rosUhgp5mIg=")], InvalidRequest),
        ("no base64", &[("x-amz-checksum-crc32", "y/Q5Jg")], InvalidRequest),
        ("composite", &[("x-amz-checksum-crc32", "y/Q5Jg==-2")], InvalidRequest),
        ("no checksum", &[("x-amz-checksum-crc32", "")], InvalidRequest),
        ("not ASCII", &[("x-amz-checksum-crc32", "é")], InvalidRequest),
        ("unknown", &[("x-amz-checksum-md4", "y/Q5Jg==")], InvalidRequest),
        (
            "two of a kind",
            &[("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32", "y/Q5Jg==")],
            InvalidRequest,
        ),
        (
            "two kinds",
            &[("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw==")],
            InvalidRequest,
        ),
        (
            "other algorithm",
            &[("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-sdk-checksum-algorithm", "SHA1")],
            InvalidRequest,
        ),
        ("algorithm alone", &[("x-amz-sdk-checksum-algorithm", "CRC32")], InvalidRequest),
    ] {
        assert_eq!(verdict("123456789", pairs).expect_err(what).code, code, "{what}");
    }

    let message = |pairs: &[(&str, &str)]| verdict("123456789", pairs).unwrap_err().message;
    assert_eq!(
        message(&[("x-amz-checksum-crc32", "AAAAAA==")]),
        "The CRC32 you specified did not match the calculated checksum."
    );
    assert_eq!(
        message(&[("x-amz-checksum-crc32", "AAAA")]),
        "Value for x-amz-checksum-crc32 header is invalid."
    );
}

#[test]
fn a_signed_digest_is_compared() {
    let claim = |bytes: &[u8]| PayloadClaim::Digest(Sha256Digest::new(Sha256::digest(bytes).into()));
    let verdict = |bytes: &[u8]| code(read(Frames::of([b"data".to_vec()]), claim(bytes), &HeaderMap::new()));
    assert_eq!(verdict(b"data"), None);
    assert_eq!(verdict(b"other"), Some(Code::XAmzContentSHA256Mismatch));
}

#[test]
fn every_flaw_of_the_framing_is_refused_with_its_code() {
    use Code::*;
    let (_, seed) = Form::Signed.claim();
    let (_, trailer_seed) = Form::SignedTrailer.claim();
    let [one, two] = [&b"one"[..], &b"twotwo"[..]];
    let crc = crc32(b"onetwotwo");
    let signed = Form::Signed.frame(&seed, &[one, two], CRC);
    let signed_trailer = Form::SignedTrailer.frame(&trailer_seed, &[one, two], (CRC.0, &crc));
    let unsigned = Form::UnsignedTrailer.frame("", &[one, two], (CRC.0, &crc));
    let edit = |body: &[u8], from: &str, to: &str| {
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(from), "{from} in {body}");
        body.replacen(from, to, 1).into_bytes()
    };
    let swapped = {
        // Each chunk with its own signature, in the other order.
        let end = |at: usize| at + signed[at..].windows(2).position(|w| w == b"\r\n").unwrap() + 2;
        let first = end(0) + 5;
        let second = end(first) + 8;
        [&signed[first..second], &signed[..first], &signed[second..]].concat()
    };
    let dropped = signed[signed.windows(2).position(|w| w == b"6;").unwrap()..].to_vec();
    let bad_crc = Form::SignedTrailer.frame(&trailer_seed, &[one, two], (CRC.0, "AAAAAA=="));
    let other_trailer =
        Form::SignedTrailer.frame(&trailer_seed, &[one, two], ("x-amz-checksum-crc32c", &crc));
    let mut upper_case = signed.clone();
    upper_case[18..82].make_ascii_uppercase();
    let not_announced = Form::SignedTrailer.frame(&seed, &[one, two], (CRC.0, &crc));
    let other_seed = Form::Signed.frame(&"0".repeat(64), &[one, two], CRC);
    let cut = |body: &[u8], by: usize| body[..body.len() - by].to_vec();
    let add = |body: &[u8], more: &str| [body, more.as_bytes()].concat();
    let crc_line = format!("{}:{crc}\r\n", CRC.0);
    let long = "0".repeat(512);

    for (what, form, body, refusal) in [
        ("right", Form::Signed, signed.clone(), None),
        ("right", Form::SignedTrailer, signed_trailer.clone(), None),
        ("right", Form::UnsignedTrailer, unsigned.clone(), None),
        ("leading zeros", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "0000000000000003\r\n"), None),
        (
            "LF CRLF after the trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, &crc, &format!("{crc}\n")),
            None,
        ),
        ("no body", Form::Signed, Vec::new(), Some(IncompleteBody)),
        ("no body", Form::UnsignedTrailer, Vec::new(), Some(IncompleteBody)),
        ("no last CRLF", Form::Signed, cut(&signed, 2), Some(IncompleteBody)),
        ("half of the last CRLF", Form::Signed, cut(&signed, 1), Some(IncompleteBody)),
        ("no last chunk", Form::Signed, cut(&signed, 85), Some(IncompleteBody)),
        ("no trailers", Form::SignedTrailer, cut(&signed_trailer, 93 + 31), Some(IncompleteBody)),
        ("no trailers", Form::UnsignedTrailer, cut(&unsigned, crc_line.len() + 2), Some(IncompleteBody)),
        (
            "an end before the trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, &crc_line, ""),
            Some(MalformedTrailerError),
        ),
        (
            "no trailer signature",
            Form::SignedTrailer,
            edit(&signed_trailer, "x-amz-trailer-signature", "x-amz-trailer-signatura"),
            Some(MalformedTrailerError),
        ),
        ("data after the end", Form::Signed, add(&signed, "x"), Some(InvalidRequest)),
        ("CRLF after the end", Form::UnsignedTrailer, add(&unsigned, "\r\n"), Some(InvalidRequest)),
        ("a second body", Form::Signed, [signed.clone(), signed.clone()].concat(), Some(InvalidRequest)),
        ("other data", Form::Signed, edit(&signed, "one", "One"), Some(SignatureDoesNotMatch)),
        ("other data", Form::UnsignedTrailer, edit(&unsigned, "one", "One"), Some(BadDigest)),
        ("swapped chunks", Form::Signed, swapped, Some(SignatureDoesNotMatch)),
        ("dropped chunk", Form::Signed, dropped, Some(SignatureDoesNotMatch)),
        ("another request's chunks", Form::Signed, other_seed, Some(SignatureDoesNotMatch)),
        (
            "last chunk unsigned",
            Form::Signed,
            edit(&signed, "0;chunk-signature=", "0\r\n\r\n"),
            Some(InvalidRequest),
        ),
        ("unsigned chunk", Form::Signed, unsigned.clone(), Some(InvalidRequest)),
        ("signed chunk", Form::UnsignedTrailer, signed_trailer.clone(), Some(InvalidRequest)),
        ("long signature", Form::Signed, edit(&signed, "signature=", "signature=0"), Some(InvalidRequest)),
        ("upper-case signature", Form::Signed, upper_case, Some(InvalidRequest)),
        ("further extension", Form::Signed, edit(&signed, "\r\n", ";a=b\r\n"), Some(InvalidRequest)),
        ("extension", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "3;a=b\r\n"), Some(InvalidRequest)),
        ("bare LF", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "3\n"), Some(InvalidRequest)),
        (
            "bare LF after data",
            Form::UnsignedTrailer,
            edit(&unsigned, "one\r\n", "one\n"),
            Some(InvalidRequest),
        ),
        ("bare CR", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "3\r\r\n"), Some(InvalidRequest)),
        (
            "LF CRLF after a size",
            Form::UnsignedTrailer,
            edit(&unsigned, "3\r\n", "3\n\r\n"),
            Some(InvalidRequest),
        ),
        (
            "bare LF after the trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, "==\r\n\r\n", "==\n\n"),
            Some(IncompleteBody),
        ),
        (
            "LF LF CRLF after the trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, "==\r\n", "==\n\n\r\n"),
            Some(InvalidRequest),
        ),
        (
            "bare LF after the signature",
            Form::SignedTrailer,
            add(&cut(&signed_trailer, 4), "\n\r\n"),
            Some(MalformedTrailerError),
        ),
        (
            "no CRLF after data",
            Form::UnsignedTrailer,
            edit(&unsigned, "one\r\n", "onex\r\n"),
            Some(InvalidRequest),
        ),
        ("no size", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "\r\n"), Some(InvalidRequest)),
        ("negative size", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "-3\r\n"), Some(InvalidRequest)),
        ("signed size", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "+3\r\n"), Some(InvalidRequest)),
        ("size with 0x", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "0x3\r\n"), Some(InvalidRequest)),
        ("size with space", Form::UnsignedTrailer, edit(&unsigned, "3\r\n", "3 \r\n"), Some(InvalidRequest)),
        (
            "size of 17 digits",
            Form::UnsignedTrailer,
            edit(&unsigned, "3\r\n", "00000000000000003\r\n"),
            Some(InvalidRequest),
        ),
        (
            "largest size",
            Form::UnsignedTrailer,
            edit(&unsigned, "3\r\n", "ffffffffffffffff\r\n"),
            Some(InvalidChunkSizeError),
        ),
        (
            "over 5 GiB",
            Form::UnsignedTrailer,
            edit(&unsigned, "3\r\n", "140000001\r\n"),
            Some(InvalidChunkSizeError),
        ),
        ("long header", Form::UnsignedTrailer, long.clone().into_bytes(), Some(InvalidRequest)),
        (
            "long trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, ":", &format!(":{long}")),
            Some(MalformedTrailerError),
        ),
        (
            "two trailers",
            Form::UnsignedTrailer,
            edit(&unsigned, &crc_line, &format!("{crc_line}{crc_line}")),
            Some(MalformedTrailerError),
        ),
        (
            "a further trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, &crc_line, &format!("a:b\r\n{crc_line}")),
            Some(MalformedTrailerError),
        ),
        (
            "other trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, "crc32:", "crc32c:"),
            Some(MalformedTrailerError),
        ),
        ("other trailer, signed", Form::SignedTrailer, other_trailer, Some(MalformedTrailerError)),
        ("trailer not announced", Form::Signed, not_announced, Some(MalformedTrailerError)),
        (
            "upper-case trailer",
            Form::UnsignedTrailer,
            edit(&unsigned, "x-amz-c", "X-amz-c"),
            Some(MalformedTrailerError),
        ),
        ("space in the trailer", Form::UnsignedTrailer, edit(&unsigned, ":", ": "), Some(InvalidRequest)),
        ("no checksum", Form::UnsignedTrailer, edit(&unsigned, &crc, ""), Some(InvalidRequest)),
        ("wrong checksum", Form::UnsignedTrailer, edit(&unsigned, &crc, "AAAAAA=="), Some(BadDigest)),
        ("wrong checksum, signed", Form::SignedTrailer, bad_crc, Some(BadDigest)),
        (
            "changed checksum",
            Form::SignedTrailer,
            edit(&signed_trailer, &crc, "AAAAAA=="),
            Some(SignatureDoesNotMatch),
        ),
    ] {
        for size in [1, 7, usize::MAX] {
            let pieces = body.chunks(size.min(body.len()).max(1)).map(<[u8]>::to_vec);
            let verdict = read(Frames::of(pieces), form.claim().0, &form.headers());
            assert_eq!(code(verdict), refusal, "{what} in {form:?}, {size} bytes at a time");
        }
    }
}

#[test]
fn the_length_of_the_data_is_exact() {
    use Code::*;
    let crc = crc32(b"onetwo");
    let body = |form: Form, seed: &str| form.frame(seed, &[b"one", b"two"], (CRC.0, &crc));
    for form in Form::CHUNKED {
        for (pairs, refusal) in [
            (&[][..], None),
            (&[("x-amz-decoded-content-length", "6")], None),
            (&[("x-amz-decoded-content-length", "6"), ("content-length", "999")], None),
            (&[("x-amz-decoded-content-length", "6"), ("transfer-encoding", "chunked")], None),
            (&[("x-amz-decoded-content-length", "5")], Some(IncompleteBody)),
            (&[("x-amz-decoded-content-length", "2")], Some(IncompleteBody)),
            (&[("x-amz-decoded-content-length", "7")], Some(IncompleteBody)),
            (&[("content-length", "999")], Some(MissingContentLength)),
            (&[("x-amz-decoded-content-length", "-1")], Some(InvalidArgument)),
            (&[("x-amz-decoded-content-length", "6 ")], Some(InvalidArgument)),
            (&[("x-amz-decoded-content-length", "0x6")], Some(InvalidArgument)),
        ] {
            let mut all = form.headers();
            all.extend(headers(pairs));
            let (claim, seed) = form.claim();
            let verdict = read(Frames::of([body(form, &seed)]), claim, &all);
            assert_eq!(code(verdict), refusal, "{pairs:?} in {form:?}");
        }
    }
}

#[test]
fn a_trailer_is_announced_and_alone() {
    let refused = |form: Form, pairs: &[(&str, &str)]| {
        code(read(Frames::of([]), form.claim().0, &headers(pairs))) == Some(Code::InvalidRequest)
    };
    let announced = ("x-amz-trailer", "x-amz-checksum-crc32");
    assert!(refused(Form::Signed, &[announced]));
    assert!(refused(Form::Unsigned, &[announced]));
    for form in [Form::SignedTrailer, Form::UnsignedTrailer] {
        assert!(refused(form, &[]));
        assert!(refused(form, &[("x-amz-trailer", "x-amz-meta-a")]));
        assert!(refused(form, &[("x-amz-trailer", "x-amz-checksum-crc32,x-amz-checksum-sha1")]));
        assert!(refused(form, &[announced, ("x-amz-checksum-crc32", "y/Q5Jg==")]));
        assert!(refused(form, &[announced, ("x-amz-sdk-checksum-algorithm", "SHA256")]));
        assert!(!refused(form, &[announced, ("x-amz-sdk-checksum-algorithm", "CRC32")]));
    }
}

#[test]
fn the_end_of_the_data_stays_back_when_a_check_fails() {
    let pairs = headers(&[("x-amz-checksum-crc32", "AAAAAA==")]);
    let (verdict, data) = read(Frames::of([vec![0; 100_000], vec![0; 100]]), PayloadClaim::Unsigned, &pairs);
    assert_eq!((verdict.unwrap_err().code, data.len()), (Code::BadDigest, 100_000));
}

/// Whatever the sender declares, in whichever way.
#[test]
fn a_checksum_that_the_sender_did_not_declare_is_computed() {
    let data = b"123456789".to_vec();
    let known = [
        (ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
        (ChecksumAlgorithm::Crc32c, "4waSgw=="),
        (ChecksumAlgorithm::Crc64Nvme, "rosUhgp5mIg="),
        (ChecksumAlgorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
        (ChecksumAlgorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
    ];
    for (wanted, expected) in known {
        let read = |payload: Payload<Frames>| {
            let payload = payload.wanting(wanted);
            let (_, checked) = payload.collect(100).now_or_never().unwrap().unwrap();
            assert_eq!(checked.wanted().map(DeclaredChecksum::value), Some(expected));
            assert_eq!(checked.wanted().map(DeclaredChecksum::algorithm), Some(wanted));
            checked.checksum().map(DeclaredChecksum::algorithm)
        };
        let body = || Frames::of([b"1234".to_vec(), b"56789".to_vec()]);
        let plain = Payload::new(body(), PayloadClaim::Unsigned, &HeaderMap::new()).unwrap();
        assert_eq!(plain.checksum_algorithm(), None);
        assert_eq!(read(plain), None);
        for (declared, value) in known {
            let in_header = headers(&[(declared.header(), value)]);
            let payload = Payload::new(body(), PayloadClaim::Unsigned, &in_header).unwrap();
            assert_eq!(payload.checksum_algorithm(), Some(declared));
            assert_eq!(read(payload), Some(declared));
            let form = Form::UnsignedTrailer;
            let (claim, seed) = form.claim();
            let framed = form.frame(&seed, &[&data], (declared.header(), value));
            let announced = headers(&[("x-amz-trailer", declared.header())]);
            let payload = Payload::new(Frames::of([framed]), claim, &announced).unwrap();
            assert_eq!(payload.checksum_algorithm(), Some(declared));
            assert_eq!(read(payload), Some(declared));
        }
    }
    let body = Frames::of([data]);
    let payload = Payload::new(body, PayloadClaim::Unsigned, &HeaderMap::new()).unwrap();
    let (_, checked) = payload.collect(100).now_or_never().unwrap().unwrap();
    assert_eq!(checked.wanted(), None);
}

#[test]
fn small_pieces_are_put_together() {
    let pieces = std::iter::repeat_n(vec![7; 10], 10_000).chain([vec![8; 80_000]]).chain([vec![9; 10]]);
    let mut payload = Payload::new(Frames::of(pieces), PayloadClaim::Unsigned, &HeaderMap::new()).unwrap();
    let mut sizes = Vec::new();
    while let Step::Data(piece) = payload.next().now_or_never().unwrap().unwrap() {
        sizes.push(piece.len());
    }
    assert_eq!(sizes, [65_540, 34_460, 80_000, 10]);
}

#[test]
fn a_body_that_fails_is_incomplete_unless_it_says_why() {
    let verdict = |last: Result<Frame<Bytes>, BoxError>| {
        let frames = [Ok(Frame::data(Bytes::from_static(b"data"))), last];
        code(read(Frames(frames.into()), PayloadClaim::Unsigned, &HeaderMap::new()))
    };
    assert_eq!(verdict(Err("reset".into())), Some(Code::IncompleteBody));
    let timeout = S3Error::new(Code::RequestTimeout, "Too slow.");
    assert_eq!(verdict(Err(timeout.into())), Some(Code::RequestTimeout));
    assert_eq!(verdict(Ok(Frame::trailers(HeaderMap::new()))), Some(Code::MalformedTrailerError));
}

#[test]
fn a_document_has_a_limit() {
    let collect = |limit: usize, pairs: &[(&str, &str)]| {
        let body = Frames::of([b"<a/>".to_vec(), b"<b/>".to_vec()]);
        let payload = Payload::new(body, PayloadClaim::Unsigned, &headers(pairs)).unwrap();
        payload.collect(limit).now_or_never().unwrap().map_err(|error| error.code)
    };
    let (document, _) = collect(8, &[]).unwrap();
    assert_eq!(&document[..], b"<a/><b/>");
    assert_eq!(collect(7, &[]).unwrap_err(), Code::MaxMessageLengthExceeded);
    assert_eq!(collect(7, &[("content-length", "8")]).unwrap_err(), Code::MaxMessageLengthExceeded);
    assert_eq!(collect(9, &[("content-length", "9")]).unwrap_err(), Code::IncompleteBody);
    assert_eq!(collect(9, &[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")]).unwrap_err(), Code::BadDigest);
}

fn forms() -> impl Strategy<Value = Form> {
    prop::sample::select(&Form::CHUNKED[..])
}

fn chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5)
}

/// Cuts `bytes` at `cuts`, which count from the beginning and wrap around.
fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
    at.sort_unstable();
    at.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
}

fn framed(form: Form, chunks: &[Vec<u8>]) -> (PayloadClaim, Vec<u8>) {
    let (claim, seed) = form.claim();
    let parts: Vec<_> = chunks.iter().map(Vec::as_slice).collect();
    (claim, form.frame(&seed, &parts, (CRC.0, &crc32(&chunks.concat()))))
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_data(form in forms(), chunks in chunks(), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let (claim, body) = framed(form, &chunks);
        let (verdict, data) = read(Frames::of(cut(&body, &cuts)), claim, &form.headers());
        prop_assert!(verdict.is_ok(), "{verdict:?}");
        prop_assert_eq!(data, chunks.concat());
    }

    #[test]
    fn any_chunking_gives_the_same_refusal(form in forms(), chunks in chunks(), at in any::<prop::sample::Index>(), to in any::<u8>(), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let mut body = framed(form, &chunks).1;
        let at = at.index(body.len());
        body[at] = to;
        let verdict = |pieces| read(Frames::of(pieces), form.claim().0, &form.headers()).0.map(|checked| *checked.sha256());
        let whole = verdict(vec![body.clone()]);
        prop_assert_eq!(verdict(cut(&body, &cuts)), whole);
    }

    #[test]
    fn no_change_of_a_byte_passes(form in forms(), chunks in chunks(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (claim, mut body) = framed(form, &chunks);
        let at = at.index(body.len());
        let from = std::mem::replace(&mut body[at], to);
        prop_assume!(from != to);
        let (verdict, data) = read(Frames::of([body]), claim, &form.headers());
        // The size of a chunk may be written in either case; nothing else has two spellings.
        let respelt = from.eq_ignore_ascii_case(&to) && data == chunks.concat();
        prop_assert!(verdict.is_err() || respelt);
    }

    #[test]
    fn no_beginning_of_a_body_passes(form in forms(), chunks in chunks(), length in any::<prop::sample::Index>()) {
        let (claim, body) = framed(form, &chunks);
        let (verdict, _) = read(Frames::of([body[..length.index(body.len())].to_vec()]), claim, &form.headers());
        prop_assert_eq!(verdict.unwrap_err().code, Code::IncompleteBody);
    }

    #[test]
    fn nothing_panics(form in forms(), body in prop::collection::vec(any::<u8>(), 0..200), text in "([0-9a-f]{1,3}(;chunk-signature=[0-9a-f]{64})?|x-amz-[a-z-]{0,20}:|\r\n|[a-z\r\n]){0,12}", length in any::<Option<u64>>()) {
        for body in [body, text.into_bytes()] {
            let mut all = form.headers();
            if let Some(length) = length {
                all.insert("x-amz-decoded-content-length", length.into());
            }
            let _ = read(Frames::of([body]), form.claim().0, &all);
        }
    }
}

#[test]
fn a_part_needs_a_sha256_only_where_one_was_declared() {
    let right = Sha256Digest::of(b"artifact");
    let base64 = STANDARD.encode(right.as_bytes());
    let sum = ("x-amz-checksum-sha256", base64.as_str());
    let cases = [
        (PayloadClaim::Unsigned, None, None, false),
        (PayloadClaim::Unsigned, Some(("x-amz-checksum-crc32", "AAAAAA==")), None, false),
        (PayloadClaim::Digest(right), None, None, true),
        (PayloadClaim::Unsigned, Some(sum), None, true),
        (PayloadClaim::Unsigned, None, Some(ChecksumAlgorithm::Sha256), true),
        (PayloadClaim::Unsigned, None, Some(ChecksumAlgorithm::Crc32), false),
    ];
    for (claim, header, wanted, needed) in cases {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let mut payload = Payload::new(Frames::of([b"artifact".to_vec()]), claim, &headers).unwrap();
        if let Some(algorithm) = wanted {
            payload = payload.wanting(algorithm);
        }
        assert_eq!(payload.needs_sha256(), needed, "{header:?} {wanted:?}");
        while let Ok(step) = payload.next().now_or_never().unwrap() {
            if let Step::End(end) = step {
                let verdict = end.check_part(None, &Md5::digest(b"artifact").into());
                // Never taken for right without having been compared.
                assert_eq!(verdict.err().map(|error| error.code), needed.then_some(Code::InternalError));
                break;
            }
        }
    }
}
