//! The answers to ListObjects and ListObjectsV2.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::write::{Xml, document};
use super::{Document, NAMESPACE, Owner};
use crate::name::BucketName;
use crate::s3::listing::{ContinuationToken, Encoding, FetchOwner, ListForm, Listing, last_entry};
use crate::s3::times::iso8601;
use crate::store::{ListEntry, ListPage};

/// What `encoding-type=url` leaves as it is: unreserved characters and `/`.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A key, a prefix or a delimiter as the client wants it written.
pub(super) fn written(encoding: Encoding, text: &str) -> Cow<'_, str> {
    match encoding {
        Encoding::Plain => Cow::Borrowed(text),
        Encoding::Url => Cow::from(utf8_percent_encode(text, URL)),
    }
}

/// `ListBucketResult` for one page of a bucket.
///
/// What it says of objects is the store's word: size and ETag are what a list can know without reading seals.
pub fn list_objects(bucket: &BucketName, listing: &Listing, page: &ListPage, owner: &Owner) -> Document {
    let written = |text| written(listing.encoding, text);
    let owner = match listing.form {
        ListForm::V1 { .. } | ListForm::V2 { owner: FetchOwner::Yes, .. } => Some(owner),
        ListForm::V2 { owner: FetchOwner::No, .. } => None,
    };
    document("ListBucketResult", Some(NAMESPACE), |xml| {
        xml.text("Name", bucket.as_str());
        position(xml, listing, page, written);
        xml.number("MaxKeys", listing.max_keys as u64);
        if let Some(delimiter) = &listing.delimiter {
            xml.text("Delimiter", &written(delimiter));
        }
        if listing.encoding == Encoding::Url {
            xml.text("EncodingType", "url");
        }
        xml.text("IsTruncated", if last_entry(page).is_some() { "true" } else { "false" });
        contents(xml, page, owner, written);
        for entry in &page.entries {
            if let ListEntry::Prefix(prefix) = entry {
                xml.element("CommonPrefixes", |xml| xml.text("Prefix", &written(prefix)));
            }
        }
    })
}

/// Where the page begins and where the next one does.
fn position<'a>(
    xml: &mut Xml,
    listing: &'a Listing,
    page: &'a ListPage,
    written: impl Fn(&'a str) -> Cow<'a, str>,
) {
    match &listing.form {
        ListForm::V1 { marker } => {
            // Never encoded: botocore, which asks for the encoding of its own accord, decodes all the others but
            // not this one in version 1.
            xml.text("Prefix", &listing.prefix);
            xml.text("Marker", &written(marker));
            // Only with a delimiter, as in S3: without one it is the last key, which clients take from the page.
            if let (Some(last), Some(_)) = (last_entry(page), &listing.delimiter) {
                xml.text("NextMarker", &written(last));
            }
        }
        ListForm::V2 { token, start_after, .. } => {
            xml.text("Prefix", &written(&listing.prefix));
            if let Some(start_after) = start_after {
                xml.text("StartAfter", &written(start_after));
            }
            if let Some(token) = token {
                xml.text("ContinuationToken", &token.encode());
            }
            if let Some(next) = ContinuationToken::following(page) {
                xml.text("NextContinuationToken", &next.encode());
            }
            xml.number("KeyCount", page.entries.len() as u64);
        }
    }
}

fn contents<'a>(
    xml: &mut Xml,
    page: &'a ListPage,
    owner: Option<&Owner>,
    written: impl Fn(&'a str) -> Cow<'a, str>,
) {
    for entry in &page.entries {
        let ListEntry::Object { key, size, modified, etag } = entry else { continue };
        xml.element("Contents", |xml| {
            xml.text("Key", &written(key.as_str()));
            xml.text("LastModified", &iso8601(*modified));
            xml.text("ETag", &format!("\"{etag}\""));
            xml.number("Size", *size);
            if let Some(owner) = owner {
                xml.element("Owner", |xml| {
                    xml.text("ID", &owner.id);
                    xml.text("DisplayName", &owner.display_name);
                });
            }
            xml.text("StorageClass", "STANDARD");
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::Uri;

    use super::*;
    use crate::name::ObjectKey;
    use crate::s3::uri::Query;

    fn page(more: bool) -> ListPage {
        let object = |key| ListEntry::Object {
            key: ObjectKey::parse(key).unwrap(),
            size: 5,
            modified: UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
            etag: "d41d".to_owned(),
        };
        ListPage {
            entries: vec![object("a+b/\u{1}é"), ListEntry::Prefix("q x/".to_owned())],
            more,
            ..ListPage::default()
        }
    }

    /// The document for `query` over `page`, without its frame and without what every key says.
    fn check(query: &str, page: &ListPage, expected: &str) {
        let query = Query::parse(&format!("/b?{query}").parse::<Uri>().unwrap()).unwrap();
        let listing = Listing::parse(&query).unwrap();
        let owner = Owner { id: "ci".to_owned(), display_name: "CI".to_owned() };
        let document = list_objects(&BucketName::parse("builds").unwrap(), &listing, page, &owner);
        let text = str::from_utf8(document.bytes()).unwrap();
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>builds</Name>";
        let body = text.strip_prefix(head).unwrap().strip_suffix("</ListBucketResult>").unwrap();
        let facts = "<LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;d41d&quot;</ETag>\
            <Size>5</Size>";
        let owner = "<Owner><ID>ci</ID><DisplayName>CI</DisplayName></Owner>";
        assert_eq!(body.replace(facts, "@").replace(owner, "#"), expected);
    }

    #[test]
    fn version_1() {
        check(
            "",
            &ListPage::default(),
            "<Prefix></Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>",
        );
        check(
            "prefix=a%25&marker=%0A&delimiter=%2F&max-keys=2",
            &page(true),
            "<Prefix>a%</Prefix><Marker>&#xA;</Marker><NextMarker>q x/</NextMarker><MaxKeys>2</MaxKeys>\
             <Delimiter>/</Delimiter><IsTruncated>true</IsTruncated>\
             <Contents><Key>a+b/&#x1;é</Key>@#<StorageClass>STANDARD</StorageClass></Contents>\
             <CommonPrefixes><Prefix>q x/</Prefix></CommonPrefixes>",
        );
        check(
            "prefix=a%25&marker=%25+&delimiter=%25&encoding-type=url",
            &page(true),
            "<Prefix>a%</Prefix><Marker>%25%2B</Marker><NextMarker>q%20x/</NextMarker><MaxKeys>1000</MaxKeys>\
             <Delimiter>%25</Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
             <Contents><Key>a%2Bb/%01%C3%A9</Key>@#<StorageClass>STANDARD</StorageClass></Contents>\
             <CommonPrefixes><Prefix>q%20x/</Prefix></CommonPrefixes>",
        );
    }

    #[test]
    fn the_next_marker_comes_with_a_delimiter_alone() {
        let mut page = page(true);
        page.entries.truncate(1);
        check(
            "max-keys=1",
            &page,
            "<Prefix></Prefix><Marker></Marker><MaxKeys>1</MaxKeys><IsTruncated>true</IsTruncated>\
             <Contents><Key>a+b/&#x1;é</Key>@#<StorageClass>STANDARD</StorageClass></Contents>",
        );
    }

    #[test]
    fn version_2() {
        check(
            "list-type=2&max-keys=0",
            &ListPage::default(),
            "<Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>0</MaxKeys><IsTruncated>false</IsTruncated>",
        );
        check(
            "list-type=2&continuation-token=",
            &ListPage::default(),
            "<Prefix></Prefix><ContinuationToken></ContinuationToken><KeyCount>0</KeyCount>\
             <MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>",
        );
        check(
            "list-type=2&prefix=%25&start-after=%20&continuation-token=AWE&encoding-type=url&delimiter=%20",
            &page(true),
            "<Prefix>%25</Prefix><StartAfter>%20</StartAfter><ContinuationToken>AWE</ContinuationToken>\
             <NextContinuationToken>AXEgeC8</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>\
             <Delimiter>%20</Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
             <Contents><Key>a%2Bb/%01%C3%A9</Key>@<StorageClass>STANDARD</StorageClass></Contents>\
             <CommonPrefixes><Prefix>q%20x/</Prefix></CommonPrefixes>",
        );
        check(
            "list-type=2&fetch-owner=true&start-after=x",
            &page(false),
            "<Prefix></Prefix><StartAfter>x</StartAfter><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>\
             <IsTruncated>false</IsTruncated>\
             <Contents><Key>a+b/&#x1;é</Key>@#<StorageClass>STANDARD</StorageClass></Contents>\
             <CommonPrefixes><Prefix>q x/</Prefix></CommonPrefixes>",
        );
    }
}
