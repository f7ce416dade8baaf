//! The answer to GetObjectAttributes.

use super::checksum::{checksum_element, whole_checksum};
use super::write::document;
use super::{Document, NAMESPACE};
use crate::s3::operation::{AttributesRequest, ChecksumKind, ObjectAttribute, WholeChecksum};
use crate::store::PartNumber;

/// What is known of an artifact: all of it from a seal whose verdict is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAttributes<'a> {
    /// The sealed ETag, without quotes.
    pub etag: &'a str,
    /// Its length, bytes.
    pub size: u64,
    /// The checksum that its uploader declared.
    pub checksum: Option<(&'a WholeChecksum, ChecksumKind)>,
    /// The parts it came in; `None`: it did not come in parts.
    pub parts: Option<KnownParts>,
}

/// The parts of an artifact, or some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownParts {
    /// How many there are.
    pub total: usize,
    /// Those after the request's marker, as many as it asks for, in ascending order.
    pub page: Vec<KnownPart>,
    /// There is more after the last.
    pub more: bool,
}

/// A part of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPart {
    /// Its number.
    pub number: PartNumber,
    /// Its length, bytes.
    pub size: u64,
    /// Its checksum.
    pub checksum: Option<WholeChecksum>,
}

/// `GetObjectAttributesResponse`: what `wanted` asks of what is `known`.
pub fn object_attributes(wanted: &AttributesRequest, known: &KnownAttributes<'_>) -> Document {
    let asks = |attribute| wanted.attributes.contains(&attribute);
    document("GetObjectAttributesResponse", Some(NAMESPACE), |xml| {
        if asks(ObjectAttribute::ETag) {
            // Without quotes, unlike everywhere else: as S3 does.
            xml.text("ETag", known.etag);
        }
        if let (true, Some((checksum, kind))) = (asks(ObjectAttribute::Checksum), known.checksum) {
            xml.element("Checksum", |xml| whole_checksum(xml, checksum, kind));
        }
        if let (true, Some(parts)) = (asks(ObjectAttribute::ObjectParts), &known.parts) {
            xml.element("ObjectParts", |xml| {
                let after = wanted.parts_after.map_or(0, PartNumber::number);
                xml.number("PartsCount", parts.total as u64);
                xml.number("PartNumberMarker", after.into());
                let last = parts.page.last().map_or(after, |part| part.number.number());
                xml.number("NextPartNumberMarker", last.into());
                xml.number("MaxParts", wanted.max_parts as u64);
                xml.flag("IsTruncated", parts.more);
                for part in &parts.page {
                    xml.element("Part", |xml| {
                        xml.number("PartNumber", part.number.number().into());
                        xml.number("Size", part.size);
                        if let Some(checksum) = &part.checksum {
                            checksum_element(xml, checksum);
                        }
                    });
                }
            });
        }
        if asks(ObjectAttribute::StorageClass) {
            xml.text("StorageClass", "STANDARD");
        }
        if asks(ObjectAttribute::ObjectSize) {
            xml.number("ObjectSize", known.size);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::payload::ChecksumAlgorithm;

    #[test]
    fn what_was_asked_for_is_said() {
        let sum = WholeChecksum { algorithm: ChecksumAlgorithm::Sha256, value: "47DE-6".into() };
        let part = KnownPart {
            number: PartNumber::new(4).unwrap(),
            size: 5_242_880,
            checksum: Some(WholeChecksum { algorithm: ChecksumAlgorithm::Sha256, value: "47DE".into() }),
        };
        let known = KnownAttributes {
            etag: "d41d-6",
            size: 31_457_280,
            checksum: Some((&sum, ChecksumKind::Composite)),
            parts: Some(KnownParts { total: 6, page: vec![part], more: true }),
        };
        let check = |attributes: &[ObjectAttribute], expected: &str| {
            let wanted = AttributesRequest {
                attributes: attributes.to_vec(),
                parts_after: PartNumber::new(3),
                max_parts: 1,
            };
            let document = object_attributes(&wanted, &known);
            let text = str::from_utf8(document.bytes()).unwrap();
            let (_, inner) = text.split_once("2006-03-01/\">").unwrap();
            assert_eq!(inner.strip_suffix("</GetObjectAttributesResponse>"), Some(expected));
        };
        check(&[ObjectAttribute::ETag], "<ETag>d41d-6</ETag>");
        check(&[ObjectAttribute::ObjectSize], "<ObjectSize>31457280</ObjectSize>");
        check(
            &ObjectAttribute::ALL,
            "<ETag>d41d-6</ETag><Checksum><ChecksumSHA256>47DE-6</ChecksumSHA256>\
             <ChecksumType>COMPOSITE</ChecksumType></Checksum><ObjectParts><PartsCount>6</PartsCount>\
             <PartNumberMarker>3</PartNumberMarker><NextPartNumberMarker>4</NextPartNumberMarker><MaxParts>1</MaxParts>\
             <IsTruncated>true</IsTruncated><Part><PartNumber>4</PartNumber><Size>5242880</Size>\
             <ChecksumSHA256>47DE</ChecksumSHA256></Part></ObjectParts><StorageClass>STANDARD</StorageClass>\
             <ObjectSize>31457280</ObjectSize>",
        );
    }
}
