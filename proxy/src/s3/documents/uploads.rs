//! The answers about multipart uploads that are not done yet.

use std::time::SystemTime;

use super::checksum::checksum_element;
use super::listing::written;
use super::write::{Xml, document};
use super::{Document, NAMESPACE, Owner, owner_element};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::s3::listing::{Encoding, UploadListing};
use crate::s3::operation::{ChecksumPlan, PartListing, WholeChecksum};
use crate::s3::times::iso8601;
use crate::store::PartNumber;

/// `InitiateMultipartUploadResult`.
pub fn initiated(object: &ObjectName, upload: &str) -> Document {
    document("InitiateMultipartUploadResult", Some(NAMESPACE), |xml| {
        xml.text("Bucket", object.bucket.as_str());
        xml.text("Key", object.key.as_str());
        xml.text("UploadId", upload);
    })
}

/// A page of ListParts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsPage {
    /// In ascending order.
    pub parts: Vec<ListedPart>,
    /// There is more after the last.
    pub more: bool,
}

/// A part that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number.
    pub number: PartNumber,
    /// When it was uploaded.
    pub modified: SystemTime,
    /// Its ETag, unquoted.
    pub etag: String,
    /// Its length, bytes.
    pub size: u64,
    /// Its checksum in the upload's algorithm.
    pub checksum: Option<WholeChecksum>,
}

/// `ListPartsResult`.
pub fn list_parts(
    object: &ObjectName,
    upload: &str,
    listing: &PartListing,
    plan: Option<ChecksumPlan>,
    page: &PartsPage,
    owner: &Owner,
) -> Document {
    document("ListPartsResult", Some(NAMESPACE), |xml| {
        xml.text("Bucket", object.bucket.as_str());
        xml.text("Key", &written(listing.encoding, object.key.as_str()));
        xml.text("UploadId", upload);
        let after = listing.after.map_or(0, PartNumber::number);
        xml.number("PartNumberMarker", after.into());
        let last = page.parts.last().map_or(after, |part| part.number.number());
        xml.number("NextPartNumberMarker", last.into());
        xml.number("MaxParts", listing.limit as u64);
        encoding_type(xml, listing.encoding);
        xml.flag("IsTruncated", page.more);
        for part in &page.parts {
            xml.element("Part", |xml| {
                xml.number("PartNumber", part.number.number().into());
                xml.text("LastModified", &iso8601(part.modified));
                xml.text("ETag", &format!("\"{}\"", part.etag));
                xml.number("Size", part.size);
                if let Some(checksum) = &part.checksum {
                    checksum_element(xml, checksum);
                }
            });
        }
        owner_element(xml, "Initiator", owner);
        owner_element(xml, "Owner", owner);
        xml.text("StorageClass", "STANDARD");
        checksum_plan(xml, plan);
    })
}

/// A page of ListMultipartUploads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadsPage {
    /// In the order of keys and rolled-up prefixes.
    pub entries: Vec<UploadEntry>,
    /// There is more after the last.
    pub more: bool,
}

/// A line of a listing of uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEntry {
    /// An upload.
    Upload {
        /// What it will write.
        key: ObjectKey,
        /// Its id, as clients know it.
        upload: String,
        /// When it was begun.
        initiated: SystemTime,
        /// How the object's checksum will be computed.
        checksum: Option<ChecksumPlan>,
    },
    /// All uploads of keys that begin with this.
    Prefix(String),
}

/// `ListMultipartUploadsResult`; all uploads are `owner`'s.
pub fn list_uploads(
    bucket: &BucketName,
    listing: &UploadListing,
    page: &UploadsPage,
    owner: &Owner,
) -> Document {
    let encoding = listing.encoding;
    document("ListMultipartUploadsResult", Some(NAMESPACE), |xml| {
        xml.text("Bucket", bucket.as_str());
        xml.text("KeyMarker", &written(encoding, &listing.key_marker));
        xml.text("UploadIdMarker", listing.upload_id_marker.as_deref().unwrap_or_default());
        match page.entries.last().filter(|_| page.more) {
            Some(UploadEntry::Upload { key, upload, .. }) => {
                xml.text("NextKeyMarker", &written(encoding, key.as_str()));
                xml.text("NextUploadIdMarker", upload);
            }
            Some(UploadEntry::Prefix(prefix)) => {
                xml.text("NextKeyMarker", &written(encoding, prefix));
                xml.text("NextUploadIdMarker", "");
            }
            None => {}
        }
        xml.text("Prefix", &written(encoding, &listing.prefix));
        if let Some(delimiter) = &listing.delimiter {
            xml.text("Delimiter", &written(encoding, delimiter));
        }
        xml.number("MaxUploads", listing.max_uploads as u64);
        encoding_type(xml, encoding);
        xml.flag("IsTruncated", page.more);
        for entry in &page.entries {
            let UploadEntry::Upload { key, upload, initiated, checksum } = entry else { continue };
            xml.element("Upload", |xml| {
                xml.text("Key", &written(encoding, key.as_str()));
                xml.text("UploadId", upload);
                owner_element(xml, "Initiator", owner);
                owner_element(xml, "Owner", owner);
                xml.text("StorageClass", "STANDARD");
                xml.text("Initiated", &iso8601(*initiated));
                checksum_plan(xml, *checksum);
            });
        }
        for entry in &page.entries {
            if let UploadEntry::Prefix(prefix) = entry {
                xml.element("CommonPrefixes", |xml| xml.text("Prefix", &written(encoding, prefix)));
            }
        }
    })
}

fn encoding_type(xml: &mut Xml, encoding: Encoding) {
    if encoding == Encoding::Url {
        xml.text("EncodingType", "url");
    }
}

fn checksum_plan(xml: &mut Xml, plan: Option<ChecksumPlan>) {
    if let Some(ChecksumPlan { algorithm, kind }) = plan {
        xml.text("ChecksumAlgorithm", algorithm.name());
        xml.text("ChecksumType", kind.name());
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::s3::operation::ChecksumKind;
    use crate::s3::payload::ChecksumAlgorithm;

    const OWNER: &str = "<Initiator><ID>ci</ID><DisplayName>ci</DisplayName></Initiator>\
        <Owner><ID>ci</ID><DisplayName>ci</DisplayName></Owner><StorageClass>STANDARD</StorageClass>";
    const PLAN: ChecksumPlan =
        ChecksumPlan { algorithm: ChecksumAlgorithm::Sha256, kind: ChecksumKind::Composite };

    fn object() -> ObjectName {
        ObjectName { bucket: BucketName::parse("builds").unwrap(), key: ObjectKey::parse("a b").unwrap() }
    }

    fn check(document: &Document, expected: &str) {
        let text = str::from_utf8(document.bytes()).unwrap();
        let (_, inner) = text.split_once("2006-03-01/\">").unwrap();
        assert_eq!(inner.replace(OWNER, "#").replace("1970-01-01T00:00:00.000Z", "@"), expected);
    }

    #[test]
    fn pages_of_parts_are_said_as_s3_says_them() {
        let owner = Owner { id: "ci".to_owned(), display_name: "ci".to_owned() };
        let listing = PartListing { after: PartNumber::new(3), limit: 1, encoding: Encoding::Url };
        let sum = WholeChecksum { algorithm: ChecksumAlgorithm::Sha256, value: "47DE".into() };
        let part = ListedPart {
            number: PartNumber::new(5).unwrap(),
            modified: UNIX_EPOCH,
            etag: "d41d".to_owned(),
            size: 5_242_880,
            checksum: Some(sum),
        };
        let page = PartsPage { parts: vec![part], more: true };
        check(
            &list_parts(&object(), "u", &listing, Some(PLAN), &page, &owner),
            "<Bucket>builds</Bucket><Key>a%20b</Key><UploadId>u</UploadId><PartNumberMarker>3</PartNumberMarker>\
             <NextPartNumberMarker>5</NextPartNumberMarker><MaxParts>1</MaxParts><EncodingType>url</EncodingType>\
             <IsTruncated>true</IsTruncated><Part><PartNumber>5</PartNumber><LastModified>@</LastModified>\
             <ETag>&quot;d41d&quot;</ETag><Size>5242880</Size><ChecksumSHA256>47DE</ChecksumSHA256></Part>#\
             <ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType></ListPartsResult>",
        );
        check(
            &initiated(&object(), "u"),
            "<Bucket>builds</Bucket><Key>a b</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>",
        );
    }

    #[test]
    fn pages_of_uploads_are_said_as_s3_says_them() {
        let owner = Owner { id: "ci".to_owned(), display_name: "ci".to_owned() };
        let listing = UploadListing {
            prefix: String::new(),
            delimiter: Some("/".to_owned()),
            key_marker: "a".to_owned(),
            upload_id_marker: Some("t".to_owned()),
            max_uploads: 2,
            encoding: Encoding::Plain,
        };
        let upload = UploadEntry::Upload {
            key: object().key,
            upload: "u".to_owned(),
            initiated: UNIX_EPOCH,
            checksum: Some(PLAN),
        };
        let entry = "<Upload><Key>a b</Key><UploadId>u</UploadId>#<Initiated>@</Initiated>\
            <ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType></Upload>";
        let prefix = UploadEntry::Prefix("c/".to_owned());
        let position = "<Bucket>builds</Bucket><KeyMarker>a</KeyMarker><UploadIdMarker>t</UploadIdMarker>";
        let limits = "<Prefix></Prefix><Delimiter>/</Delimiter><MaxUploads>2</MaxUploads>";
        let prefixes = "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>";
        let show =
            |entries, more| list_uploads(&object().bucket, &listing, &UploadsPage { entries, more }, &owner);
        check(
            &show(vec![upload.clone(), prefix.clone()], true),
            &format!(
                "{position}<NextKeyMarker>c/</NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker>{limits}\
                 <IsTruncated>true</IsTruncated>{entry}{prefixes}</ListMultipartUploadsResult>"
            ),
        );
        check(
            &show(vec![upload.clone()], true),
            &format!(
                "{position}<NextKeyMarker>a b</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>{limits}\
                 <IsTruncated>true</IsTruncated>{entry}</ListMultipartUploadsResult>"
            ),
        );
        check(
            &show(vec![prefix], false),
            &format!(
                "{position}{limits}<IsTruncated>false</IsTruncated>{prefixes}</ListMultipartUploadsResult>"
            ),
        );
    }
}
