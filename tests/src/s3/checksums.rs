//! Checksums and ETags as clients work them out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The value of `x-amz-checksum-<algorithm>` (or `Content-MD5` for `md5`) for `bytes`.
///
/// # Panics
/// The algorithm is not one of S3's.
pub fn checksum(algorithm: &str, bytes: &[u8]) -> String {
    use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc32IsoHdlc, Crc64Nvme};
    let crc = |algorithm, width: usize| {
        let all = crc_fast::checksum(algorithm, bytes).to_be_bytes();
        all[8 - width..].to_vec()
    };
    BASE64.encode(match algorithm {
        "crc32" => crc(Crc32IsoHdlc, 4),
        "crc32c" => crc(Crc32Iscsi, 4),
        "crc64nvme" => crc(Crc64Nvme, 8),
        "sha1" => Sha1::digest(bytes).to_vec(),
        "sha256" => Sha256::digest(bytes).to_vec(),
        "md5" => Md5::digest(bytes).to_vec(),
        other => panic!("no checksum {other}"),
    })
}

/// MD5 in hexadecimal: the ETag of a plain upload.
pub fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// The ETag of an object that was uploaded in these parts: the MD5 of their MD5s, and how many there are.
pub fn etag_of_parts(parts: &[&[u8]]) -> String {
    let digests: Vec<u8> = parts.iter().flat_map(Md5::digest).collect();
    format!("{}-{}", md5_hex(&digests), parts.len())
}

/// The checksum of type COMPOSITE of these parts: the checksum of their checksums, and how many there are.
///
/// # Panics
/// The algorithm is not one of S3's.
pub fn composite(algorithm: &str, parts: &[&[u8]]) -> String {
    let decoded = |part: &&[u8]| BASE64.decode(checksum(algorithm, part)).expect("it was encoded");
    let sums: Vec<u8> = parts.iter().flat_map(decoded).collect();
    format!("{}-{}", checksum(algorithm, &sums), parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_catalogues() {
        // The check values of each algorithm, over "123456789".
        for (algorithm, value) in [
            ("crc32", "cbf43926"),
            ("crc32c", "e3069283"),
            ("crc64nvme", "ae8b14860a799888"),
            ("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            ("md5", "25f9e794323b453885f5181f1b624d0b"),
        ] {
            assert_eq!(checksum(algorithm, b"123456789"), BASE64.encode(hex::decode(value).unwrap()));
        }
    }

    #[test]
    fn sums_of_parts_are_sums_of_sums() {
        // By `(printf 1234 | openssl dgst -md5 -binary; printf 56789 | openssl dgst -md5 -binary) | md5sum`.
        let parts: [&[u8]; 2] = [b"1234", b"56789"];
        assert_eq!(etag_of_parts(&parts), "d8399932ce6023ac3365f50fbbcde132-2");
        assert_eq!(composite("sha256", &parts), "bnRBBTileCDVQlLT/6fZJGrqcf3O3X6G8kD8V7zZqxQ=-2");
    }
}
