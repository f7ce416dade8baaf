//! The answers to CreateMultipartUpload, ListParts and ListMultipartUploads.

use std::borrow::Cow;
use std::time::SystemTime;

use super::listing::written;
use super::write::{Xml, document};
use super::{Document, NAMESPACE, Owner};
use crate::name::{BucketName, ObjectName};
use crate::s3::listing::{Encoding, UploadListing};
use crate::s3::operation::{ChecksumPlan, PartListing};
use crate::s3::payload::DeclaredChecksum;
use crate::s3::times::iso8601;
use crate::store::PartNumber;

/// A page of an upload's parts.
#[derive(Debug)]
pub struct PartsPage<'a> {
    /// What the upload will write.
    pub object: &'a ObjectName,
    /// Its id.
    pub upload: &'a str,
    /// What checksum it will have.
    pub checksum: Option<ChecksumPlan>,
    /// The parts, by number.
    pub parts: Vec<ListedPart<'a>>,
    /// Whether there are more.
    pub more: bool,
}

/// A part of an upload.
#[derive(Debug)]
pub struct ListedPart<'a> {
    /// Its number.
    pub number: PartNumber,
    /// When it was finished.
    pub modified: SystemTime,
    /// Its ETag, unquoted.
    pub etag: String,
    /// Its length, bytes.
    pub size: u64,
    /// Its checksum.
    pub checksum: Option<&'a DeclaredChecksum>,
}

/// A page of uploads.
#[derive(Debug)]
pub struct UploadsPage<'a> {
    /// By key, with rolled-up prefixes among them.
    pub entries: Vec<ListedUpload<'a>>,
    /// The last key or rolled-up prefix of the page, and the last upload to that key; `None`: there is no more.
    pub next: Option<(&'a str, Option<&'a str>)>,
}

/// A line of a page of uploads.
#[derive(Debug)]
pub enum ListedUpload<'a> {
    /// An upload in progress.
    Upload {
        /// To which key.
        key: &'a str,
        /// Its id.
        id: &'a str,
        /// When it was begun.
        initiated: SystemTime,
    },
    /// All keys that begin with this.
    Prefix(&'a str),
}

/// `InitiateMultipartUploadResult`.
pub fn upload_created(object: &ObjectName, upload: &str) -> Document {
    document("InitiateMultipartUploadResult", Some(NAMESPACE), |xml| {
        xml.text("Bucket", object.bucket.as_str());
        xml.text("Key", object.key.as_str());
        xml.text("UploadId", upload);
    })
}

/// `ListPartsResult`.
pub fn list_parts(listing: &PartListing, page: &PartsPage<'_>, owner: &Owner) -> Document {
    document("ListPartsResult", Some(NAMESPACE), |xml| {
        xml.text("Bucket", page.object.bucket.as_str());
        xml.text("Key", &written(listing.encoding, page.object.key.as_str()));
        encoding(xml, listing.encoding);
        xml.text("UploadId", page.upload);
        xml.number("PartNumberMarker", listing.after.map_or(0, |after| after.number().into()));
        // S3 says it on the last page too.
        if let Some(last) = page.parts.last() {
            xml.number("NextPartNumberMarker", last.number.number().into());
        }
        xml.number("MaxParts", listing.limit as u64);
        xml.text("IsTruncated", if page.more { "true" } else { "false" });
        for part in &page.parts {
            xml.element("Part", |xml| {
                xml.number("PartNumber", part.number.number().into());
                xml.text("LastModified", &iso8601(part.modified));
                xml.text("ETag", &format!("\"{}\"", part.etag));
                xml.number("Size", part.size);
                if let Some(checksum) = part.checksum {
                    xml.text(&format!("Checksum{}", checksum.algorithm().name()), checksum.value());
                }
            });
        }
        people(xml, owner);
        if let Some(ChecksumPlan { algorithm, kind }) = page.checksum {
            xml.text("ChecksumAlgorithm", algorithm.name());
            xml.text("ChecksumType", kind.name());
        }
    })
}

/// `ListMultipartUploadsResult`. All uploads of a page are `owner`'s.
pub fn list_uploads(
    bucket: &BucketName,
    listing: &UploadListing,
    page: &UploadsPage<'_>,
    owner: &Owner,
) -> Document {
    let written = |text| written(listing.encoding, text);
    document("ListMultipartUploadsResult", Some(NAMESPACE), |xml| {
        xml.text("Bucket", bucket.as_str());
        xml.text("KeyMarker", &written(&listing.key_marker));
        xml.text("UploadIdMarker", listing.upload_id_marker.as_deref().unwrap_or_default());
        if let Some((key, id)) = page.next {
            xml.text("NextKeyMarker", &written(key));
            xml.text("NextUploadIdMarker", id.unwrap_or_default());
        }
        xml.text("Prefix", &written(&listing.prefix));
        if let Some(delimiter) = &listing.delimiter {
            xml.text("Delimiter", &written(delimiter));
        }
        encoding(xml, listing.encoding);
        xml.number("MaxUploads", listing.max_uploads as u64);
        xml.text("IsTruncated", if page.next.is_some() { "true" } else { "false" });
        uploads(xml, page, owner, written);
    })
}

fn uploads<'a>(
    xml: &mut Xml,
    page: &UploadsPage<'a>,
    owner: &Owner,
    written: impl Fn(&'a str) -> Cow<'a, str>,
) {
    for entry in &page.entries {
        if let ListedUpload::Upload { key, id, initiated } = entry {
            xml.element("Upload", |xml| {
                xml.text("Key", &written(key));
                xml.text("UploadId", id);
                people(xml, owner);
                xml.text("Initiated", &iso8601(*initiated));
            });
        }
    }
    for entry in &page.entries {
        if let ListedUpload::Prefix(prefix) = entry {
            xml.element("CommonPrefixes", |xml| xml.text("Prefix", &written(prefix)));
        }
    }
}

fn encoding(xml: &mut Xml, encoding: Encoding) {
    if encoding == Encoding::Url {
        xml.text("EncodingType", "url");
    }
}

fn people(xml: &mut Xml, owner: &Owner) {
    for role in ["Initiator", "Owner"] {
        xml.element(role, |xml| {
            xml.text("ID", &owner.id);
            xml.text("DisplayName", &owner.display_name);
        });
    }
    xml.text("StorageClass", "STANDARD");
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::name::ObjectKey;
    use crate::s3::operation::ChecksumKind;
    use crate::s3::payload::ChecksumAlgorithm;

    const PEOPLE: &str = "<Initiator><ID>ci</ID><DisplayName>CI</DisplayName></Initiator>\
        <Owner><ID>ci</ID><DisplayName>CI</DisplayName></Owner><StorageClass>STANDARD</StorageClass>";

    #[track_caller]
    fn check(document: &Document, root: &str, expected: &str) {
        let frame = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        );
        let text = str::from_utf8(document.bytes()).unwrap();
        let body = text.strip_prefix(&frame).unwrap().strip_suffix(&format!("</{root}>")).unwrap();
        assert_eq!(body.replace(PEOPLE, "@"), expected);
    }

    fn object() -> ObjectName {
        let (bucket, key) = (BucketName::parse("builds"), ObjectKey::parse("a <b>"));
        ObjectName { bucket: bucket.unwrap(), key: key.unwrap() }
    }

    fn owner() -> Owner {
        Owner { id: "ci".to_owned(), display_name: "CI".to_owned() }
    }

    fn time() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)
    }

    #[test]
    fn a_new_upload_says_its_id() {
        let expected = "<Bucket>builds</Bucket><Key>a &lt;b&gt;</Key><UploadId>U</UploadId>";
        check(&upload_created(&object(), "U"), "InitiateMultipartUploadResult", expected);
    }

    #[test]
    fn parts_are_listed() {
        let object = object();
        let mut page =
            PartsPage { object: &object, upload: "U", checksum: None, parts: Vec::new(), more: false };
        let listing = PartListing { after: None, limit: 1000, encoding: Encoding::Plain };
        check(
            &list_parts(&listing, &page, &owner()),
            "ListPartsResult",
            "<Bucket>builds</Bucket><Key>a &lt;b&gt;</Key><UploadId>U</UploadId>\
             <PartNumberMarker>0</PartNumberMarker><MaxParts>1000</MaxParts><IsTruncated>false</IsTruncated>@",
        );
        let checksum = DeclaredChecksum::of_bytes(ChecksumAlgorithm::Crc32c, &[0; 4]).unwrap();
        let part = |number, checksum| ListedPart {
            number: PartNumber::new(number).unwrap(),
            modified: time(),
            etag: "e".to_owned(),
            size: 5,
            checksum,
        };
        page.parts = vec![part(3, Some(&checksum)), part(10_000, None)];
        page.more = true;
        page.checksum =
            Some(ChecksumPlan { algorithm: ChecksumAlgorithm::Crc32c, kind: ChecksumKind::FullObject });
        let listing = PartListing { after: PartNumber::new(2), limit: 2, encoding: Encoding::Url };
        check(
            &list_parts(&listing, &page, &owner()),
            "ListPartsResult",
            "<Bucket>builds</Bucket><Key>a%20%3Cb%3E</Key><EncodingType>url</EncodingType><UploadId>U</UploadId>\
             <PartNumberMarker>2</PartNumberMarker><NextPartNumberMarker>10000</NextPartNumberMarker>\
             <MaxParts>2</MaxParts><IsTruncated>true</IsTruncated>\
             <Part><PartNumber>3</PartNumber><LastModified>2026-01-02T03:04:05.678Z</LastModified>\
             <ETag>&quot;e&quot;</ETag><Size>5</Size><ChecksumCRC32C>AAAAAA==</ChecksumCRC32C></Part>\
             <Part><PartNumber>10000</PartNumber><LastModified>2026-01-02T03:04:05.678Z</LastModified>\
             <ETag>&quot;e&quot;</ETag><Size>5</Size></Part>@\
             <ChecksumAlgorithm>CRC32C</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>",
        );
    }

    #[test]
    fn uploads_are_listed() {
        let bucket = BucketName::parse("builds").unwrap();
        let mut listing = UploadListing {
            prefix: String::new(),
            delimiter: None,
            key_marker: String::new(),
            upload_id_marker: None,
            max_uploads: 1000,
            encoding: Encoding::Plain,
        };
        let mut page = UploadsPage { entries: Vec::new(), next: None };
        check(
            &list_uploads(&bucket, &listing, &page, &owner()),
            "ListMultipartUploadsResult",
            "<Bucket>builds</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker><Prefix></Prefix>\
             <MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>",
        );
        listing.delimiter = Some("/".to_owned());
        listing.key_marker = "k m".to_owned();
        listing.upload_id_marker = Some("I".to_owned());
        listing.encoding = Encoding::Url;
        let upload = ListedUpload::Upload { key: "q k", id: "U", initiated: time() };
        page.entries = vec![ListedUpload::Prefix("p x/"), upload];
        page.next = Some(("q k", Some("U")));
        check(
            &list_uploads(&bucket, &listing, &page, &owner()),
            "ListMultipartUploadsResult",
            "<Bucket>builds</Bucket><KeyMarker>k%20m</KeyMarker><UploadIdMarker>I</UploadIdMarker>\
             <NextKeyMarker>q%20k</NextKeyMarker><NextUploadIdMarker>U</NextUploadIdMarker><Prefix></Prefix>\
             <Delimiter>/</Delimiter><EncodingType>url</EncodingType><MaxUploads>1000</MaxUploads>\
             <IsTruncated>true</IsTruncated><Upload><Key>q%20k</Key><UploadId>U</UploadId>@\
             <Initiated>2026-01-02T03:04:05.678Z</Initiated></Upload>\
             <CommonPrefixes><Prefix>p%20x/</Prefix></CommonPrefixes>",
        );
    }
}
