//! The answers to copies.

use std::time::SystemTime;

use super::checksum::{checksum_element, whole_checksum};
use super::write::document;
use super::{Document, NAMESPACE};
use crate::s3::operation::{ChecksumKind, WholeChecksum};
use crate::s3::times::iso8601;

/// `CopyObjectResult`: the ETag (unquoted) of the copy, when it was sealed, the checksum that it bears.
pub fn copy_object_result(
    etag: &str,
    at: SystemTime,
    checksum: Option<(&WholeChecksum, ChecksumKind)>,
) -> Document {
    document("CopyObjectResult", Some(NAMESPACE), |xml| {
        xml.text("LastModified", &iso8601(at));
        xml.text("ETag", &format!("\"{etag}\""));
        if let Some((checksum, kind)) = checksum {
            whole_checksum(xml, checksum, kind);
        }
    })
}

/// `CopyPartResult`: the ETag (unquoted) of the part, and when it was made.
pub fn copy_part_result(etag: &str, at: SystemTime, checksum: Option<&WholeChecksum>) -> Document {
    document("CopyPartResult", Some(NAMESPACE), |xml| {
        xml.text("LastModified", &iso8601(at));
        xml.text("ETag", &format!("\"{etag}\""));
        if let Some(checksum) = checksum {
            checksum_element(xml, checksum);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::s3::payload::ChecksumAlgorithm;

    #[test]
    fn results_are_said_as_s3_says_them() {
        let sum = WholeChecksum { algorithm: ChecksumAlgorithm::Crc32, value: "y/Q5Jg==".into() };
        let common = "<LastModified>1970-01-01T00:00:00.000Z</LastModified><ETag>&quot;d41d&quot;</ETag>";
        let check = |document: &Document, expected: String| {
            assert!(str::from_utf8(document.bytes()).unwrap().ends_with(&expected), "{expected}");
        };
        check(
            &copy_object_result("d41d", UNIX_EPOCH, Some((&sum, ChecksumKind::FullObject))),
            format!(
                "{common}<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>\
                 </CopyObjectResult>"
            ),
        );
        check(
            &copy_part_result("d41d", UNIX_EPOCH, Some(&sum)),
            format!("{common}<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></CopyPartResult>"),
        );
        check(&copy_part_result("d41d", UNIX_EPOCH, None), format!("{common}</CopyPartResult>"));
    }
}
