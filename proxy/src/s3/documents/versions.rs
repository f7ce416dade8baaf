//! The answer to ListObjectVersions.

use std::time::SystemTime;

use super::listing::written;
use super::write::{Xml, document};
use super::{Document, NAMESPACE, Owner, owner_element};
use crate::name::{BucketName, ObjectKey};
use crate::s3::listing::{Encoding, VersionListing};
use crate::s3::times::iso8601;
use crate::store::{VersionEntry, VersionId, VersionPage};

/// `ListVersionsResult` for one page of a bucket. What it says of objects is the store's word.
pub fn list_versions(
    bucket: &BucketName,
    listing: &VersionListing,
    page: &VersionPage,
    owner: &Owner,
) -> Document {
    let encoding = listing.encoding;
    document("ListVersionsResult", Some(NAMESPACE), |xml| {
        xml.text("Name", bucket.as_str());
        xml.text("Prefix", &written(encoding, &listing.prefix));
        xml.text("KeyMarker", &written(encoding, &listing.key_marker));
        xml.text("VersionIdMarker", listing.version_marker.as_ref().map_or("", VersionId::as_str));
        match page.entries.last().filter(|_| page.more) {
            Some(
                VersionEntry::Object { key, version, .. } | VersionEntry::DeleteMarker { key, version, .. },
            ) => {
                xml.text("NextKeyMarker", &written(encoding, key.as_str()));
                xml.text("NextVersionIdMarker", version.as_str());
            }
            Some(VersionEntry::Prefix(prefix)) => xml.text("NextKeyMarker", &written(encoding, prefix)),
            None => {}
        }
        xml.number("MaxKeys", listing.max_keys as u64);
        if let Some(delimiter) = &listing.delimiter {
            xml.text("Delimiter", &written(encoding, delimiter));
        }
        if encoding == Encoding::Url {
            xml.text("EncodingType", "url");
        }
        xml.flag("IsTruncated", page.more);
        for entry in &page.entries {
            match entry {
                VersionEntry::Object { key, version, latest, size, modified, etag } => {
                    xml.element("Version", |xml| {
                        place(xml, encoding, key, version, *latest, *modified);
                        xml.text("ETag", &format!("\"{etag}\""));
                        xml.number("Size", *size);
                        owner_element(xml, "Owner", owner);
                        xml.text("StorageClass", "STANDARD");
                    });
                }
                VersionEntry::DeleteMarker { key, version, latest, modified } => {
                    xml.element("DeleteMarker", |xml| {
                        place(xml, encoding, key, version, *latest, *modified);
                        owner_element(xml, "Owner", owner);
                    });
                }
                VersionEntry::Prefix(_) => {}
            }
        }
        for entry in &page.entries {
            if let VersionEntry::Prefix(prefix) = entry {
                xml.element("CommonPrefixes", |xml| xml.text("Prefix", &written(encoding, prefix)));
            }
        }
    })
}

/// What versions and delete markers have in common.
fn place(
    xml: &mut Xml,
    encoding: Encoding,
    key: &ObjectKey,
    version: &VersionId,
    latest: bool,
    modified: SystemTime,
) {
    xml.text("Key", &written(encoding, key.as_str()));
    xml.text("VersionId", version.as_str());
    xml.flag("IsLatest", latest);
    xml.text("LastModified", &iso8601(modified));
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::Uri;

    use super::*;
    use crate::s3::uri::Query;

    #[test]
    fn pages_are_said_as_s3_says_them() {
        let key = || ObjectKey::parse("a b").unwrap();
        let version = |text| VersionId::parse(text).unwrap();
        let marker = VersionEntry::DeleteMarker {
            key: key(),
            version: version("v2"),
            latest: true,
            modified: UNIX_EPOCH,
        };
        let object = VersionEntry::Object {
            key: key(),
            version: VersionId::null(),
            latest: false,
            size: 3,
            modified: UNIX_EPOCH,
            etag: "d41d".to_owned(),
        };
        let prefix = VersionEntry::Prefix("c/".to_owned());
        let owner = Owner { id: "ci".to_owned(), display_name: "CI".to_owned() };
        let check = |query: &str, entries: &[VersionEntry], more, expected: &str| {
            let query = Query::parse(&format!("/b?{query}").parse::<Uri>().unwrap()).unwrap();
            let listing = VersionListing::parse(&query).unwrap();
            let page = VersionPage { entries: entries.to_vec(), more };
            let document = list_versions(&BucketName::parse("builds").unwrap(), &listing, &page, &owner);
            let text = str::from_utf8(document.bytes()).unwrap();
            let (_, inner) = text.split_once("<Name>builds</Name>").unwrap();
            let shown = inner
                .replace("<LastModified>1970-01-01T00:00:00.000Z</LastModified>", "@")
                .replace("<Owner><ID>ci</ID><DisplayName>CI</DisplayName></Owner>", "#");
            assert_eq!(shown.strip_suffix("</ListVersionsResult>"), Some(expected));
        };
        check(
            "versions&max-keys=2&key-marker=a&version-id-marker=v3",
            &[marker.clone(), object.clone()],
            true,
            "<Prefix></Prefix><KeyMarker>a</KeyMarker><VersionIdMarker>v3</VersionIdMarker>\
             <NextKeyMarker>a b</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker><MaxKeys>2</MaxKeys>\
             <IsTruncated>true</IsTruncated>\
             <DeleteMarker><Key>a b</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest>@#</DeleteMarker>\
             <Version><Key>a b</Key><VersionId>null</VersionId><IsLatest>false</IsLatest>@\
             <ETag>&quot;d41d&quot;</ETag><Size>3</Size>#<StorageClass>STANDARD</StorageClass></Version>",
        );
        check(
            "versions&prefix=%20&delimiter=/&encoding-type=url",
            &[marker, prefix.clone()],
            true,
            "<Prefix>%20</Prefix><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>\
             <NextKeyMarker>c/</NextKeyMarker><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter>\
             <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
             <DeleteMarker><Key>a%20b</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest>@#</DeleteMarker>\
             <CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>",
        );
        check(
            "versions",
            &[prefix],
            false,
            "<Prefix></Prefix><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker><MaxKeys>1000</MaxKeys>\
             <IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>",
        );
    }
}
