//! CompleteMultipartUpload: what it asks for, and its answer.

use super::checksum::{of_element, whole_checksum};
use super::read::{Element, Limits, malformed, once, parse};
use super::write::document;
use super::{Document, NAMESPACE};
use crate::name::ObjectName;
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::{ChecksumKind, WholeChecksum};
use crate::store::{MAX_PARTS, PartNumber};

/// A part has a number, an ETag and in practice one checksum.
const LIMITS: Limits = Limits { depth: 3, elements: 1 + MAX_PARTS as usize * 4, attributes: &[] };

/// The longest ETag of a part that is looked at: 32 hexadecimal digits in quotes.
const MAX_ETAG: usize = 34;

/// The longest checksum that is looked at.
const MAX_CHECKSUM: usize = 64;

/// The body of CompleteMultipartUpload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteRequest {
    /// In ascending order of their numbers, each once; 1 to [`MAX_PARTS`].
    pub parts: Vec<CompletePart>,
}

/// A part that the object is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletePart {
    /// Its number.
    pub number: PartNumber,
    /// The ETag that the client was told, without quotes; unchecked.
    pub etag: Box<str>,
    /// Checksums that it declares, at most one of each algorithm; unchecked.
    pub checksums: Vec<WholeChecksum>,
}

impl CompleteRequest {
    /// Reads the body of CompleteMultipartUpload.
    ///
    /// # Errors
    /// `MalformedXML`, `MaxMessageLengthExceeded`. `InvalidPartOrder`. `InvalidArgument`: a number that no part has.
    pub fn parse(body: &[u8]) -> Result<Self, S3Error> {
        let children = parse(body, &LIMITS)?.named("CompleteMultipartUpload")?;
        if children.is_empty() {
            return Err(malformed("it names no part"));
        }
        if children.len() > usize::from(MAX_PARTS) {
            return Err(malformed("it names more than 10000 parts"));
        }
        let parts: Vec<_> = children.into_iter().map(part).collect::<Result<_, _>>()?;
        // A part that was sent twice may be listed twice.
        if !parts.is_sorted_by(|a, b| a.number <= b.number) {
            let message = "The list of parts was not in ascending order. The parts list must be specified in order \
                           by part number.";
            return Err(S3Error::new(Code::InvalidPartOrder, message));
        }
        Ok(Self { parts })
    }
}

fn part(element: Element) -> Result<CompletePart, S3Error> {
    let (mut number, mut etag, mut checksums) = (None, None, Vec::<WholeChecksum>::new());
    for child in element.named("Part")? {
        match (child.name.as_str(), of_element(&child.name)) {
            ("PartNumber", _) => once(&mut number, child.leaf()?)?,
            ("ETag", _) => once(&mut etag, child.leaf()?)?,
            (_, Some(algorithm)) if checksums.iter().all(|known| known.algorithm != algorithm) => {
                let value = child.leaf()?;
                if value.len() > MAX_CHECKSUM {
                    return Err(malformed("a checksum is too long"));
                }
                checksums.push(WholeChecksum { algorithm, value: value.into() });
            }
            (_, _) => return Err(child.unexpected()),
        }
    }
    let (Some(number), Some(etag)) = (number, etag) else {
        return Err(malformed("a Part has a PartNumber and an ETag"));
    };
    let (number, etag) = (number.trim(), etag.trim());
    if etag.len() > MAX_ETAG || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed("a PartNumber or an ETag is none"));
    }
    let number = number.parse().ok().and_then(PartNumber::new).ok_or_else(|| {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        S3Error::new(Code::InvalidArgument, message).with("ArgumentName", "PartNumber")
    })?;
    let quoted = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"'));
    Ok(CompletePart { number, etag: quoted.unwrap_or(etag).into(), checksums })
}

/// `CompleteMultipartUploadResult`: where the object is (a URL), its ETag (unquoted), its checksum.
///
/// The answer may have been begun with white space behind [`DECLARATION`](super::DECLARATION) already; then
/// [`Document::rest`] follows.
pub fn complete_result(
    location: &str,
    object: &ObjectName,
    etag: &str,
    checksum: Option<(&WholeChecksum, ChecksumKind)>,
) -> Document {
    document("CompleteMultipartUploadResult", Some(NAMESPACE), |xml| {
        xml.text("Location", location);
        xml.text("Bucket", object.bucket.as_str());
        xml.text("Key", object.key.as_str());
        xml.text("ETag", &format!("\"{etag}\""));
        if let Some((checksum, kind)) = checksum {
            whole_checksum(xml, checksum, kind);
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::name::{BucketName, ObjectKey};
    use crate::s3::documents::DECLARATION;
    use crate::s3::payload::ChecksumAlgorithm;

    fn read(inner: &str) -> Result<CompleteRequest, Code> {
        let body = format!("<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>");
        CompleteRequest::parse(body.as_bytes()).map_err(|error| error.code)
    }

    fn one(number: &str, etag: &str) -> String {
        format!("<Part><ETag>{etag}</ETag><PartNumber>{number}</PartNumber></Part>")
    }

    #[test]
    fn lists_of_parts_are_read() {
        let request = read(
            "\n<Part><PartNumber>1</PartNumber><ETag>&quot;d41d&quot;</ETag><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32>\
             <ChecksumSHA1>x</ChecksumSHA1></Part> <Part><ETag> d41d </ETag><PartNumber> 10000 </PartNumber></Part>",
        )
        .unwrap();
        let sum = |algorithm, value: &str| WholeChecksum { algorithm, value: value.into() };
        let expected = |number, checksums| CompletePart {
            number: PartNumber::new(number).unwrap(),
            etag: "d41d".into(),
            checksums,
        };
        let sums = vec![sum(ChecksumAlgorithm::Crc32, "y/Q5Jg=="), sum(ChecksumAlgorithm::Sha1, "x")];
        assert_eq!(request.parts, [expected(1, sums), expected(10_000, vec![])]);
        let etag = "&quot;d41d8cd98f00b204e9800998ecf8427e&quot;";
        let sum = "<ChecksumSHA256>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ChecksumSHA256>";
        let all: String = (1..=10_000)
            .map(|n| format!("<Part><ETag>{etag}</ETag><PartNumber>{n}</PartNumber>{sum}</Part>"))
            .collect();
        assert_eq!(read(&all).unwrap().parts.len(), 10_000);
        let all: String = (1..=10_000).map(|number| one(&number.to_string(), "x")).collect();
        assert_eq!(read(&format!("{all}{}", one("10001", "x"))), Err(Code::MalformedXML));
    }

    #[test]
    fn lists_that_are_none_are_refused() {
        let long = "x".repeat(35);
        for refused in [
            "",
            "<Part/>",
            "<Other/>",
            "text",
            "<Part><PartNumber>1</PartNumber></Part>",
            "<Part><ETag>x</ETag></Part>",
            "<Part><ETag>x</ETag><ETag>x</ETag><PartNumber>1</PartNumber></Part>",
            "<Part><ETag>x</ETag><PartNumber>1</PartNumber><Other/></Part>",
            "<Part><ETag>x</ETag><PartNumber>1</PartNumber><ChecksumMD5>x</ChecksumMD5></Part>",
            "<Part><ETag>x</ETag><PartNumber>1</PartNumber><ChecksumSHA1>x</ChecksumSHA1><ChecksumSHA1>x</ChecksumSHA1></Part>",
            "<Part><ETag><x/></ETag><PartNumber>1</PartNumber></Part>",
            &one("x", "x"),
            &one("-1", "x"),
            &one("+1", "x"),
            &one("", "x"),
            &one("1", &long),
            &"<Part>".repeat(100_000),
        ] {
            assert_eq!(read(refused), Err(Code::MalformedXML), "{refused:.99}");
        }
        assert_eq!(read(&(one("2", "x") + &one("1", "x"))), Err(Code::InvalidPartOrder));
        assert_eq!(read(&(one("1", "x") + &one("1", "y"))).map(|read| read.parts.len()), Ok(2));
        assert_eq!(read(&one("0", "x")), Err(Code::InvalidArgument));
        assert_eq!(read(&one("10001", "x")), Err(Code::InvalidArgument));
        assert_eq!(read(&one("99999999999999999999999", "x")), Err(Code::InvalidArgument));
        assert_eq!(CompleteRequest::parse(b"").unwrap_err().code, Code::MalformedXML);
    }

    #[test]
    fn the_result_is_said_as_s3_says_it() {
        let object = ObjectName {
            bucket: BucketName::parse("builds").unwrap(),
            key: ObjectKey::parse("a&b").unwrap(),
        };
        let sum = WholeChecksum { algorithm: ChecksumAlgorithm::Crc64Nvme, value: "AAAAAAAAAAA=".into() };
        let result = complete_result(
            "http://h/builds/a%26b",
            &object,
            "d41d-2",
            Some((&sum, ChecksumKind::FullObject)),
        );
        let expected = "<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Location>http://h/builds/a%26b</Location><Bucket>builds</Bucket><Key>a&amp;b</Key>\
            <ETag>&quot;d41d-2&quot;</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>\
            <ChecksumType>FULL_OBJECT</ChecksumType></CompleteMultipartUploadResult>";
        assert_eq!(result.bytes(), format!("{DECLARATION}{expected}").as_bytes());
        assert_eq!(result.rest(), expected.as_bytes());
    }

    proptest! {
        #[test]
        fn reading_never_panics(inner in "(<(/?(Part|PartNumber|ETag|ChecksumCRC32))>|1|&quot;|\\PC){0,12}") {
            let _ = read(&inner);
        }
    }
}
