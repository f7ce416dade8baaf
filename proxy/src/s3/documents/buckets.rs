//! The answer to ListBuckets.

use super::write::document;
use super::{Document, NAMESPACE, Owner};
use crate::s3::listing::{BucketListing, ContinuationToken, MAX_BUCKETS};
use crate::s3::times::iso8601;
use crate::store::BucketInfo;

/// `ListAllMyBucketsResult`: what `listing` asks for of `buckets`, which are sorted by name and which the client may
/// see; all of them are in `region`.
pub fn list_buckets(
    listing: &BucketListing,
    buckets: &[BucketInfo],
    owner: &Owner,
    region: &str,
) -> Document {
    let here = listing.region.as_deref().is_none_or(|wanted| wanted == region);
    let prefix = listing.prefix.as_deref().unwrap_or_default();
    let after = listing.token.as_ref().and_then(ContinuationToken::after).unwrap_or_default();
    let mut wanted = buckets
        .iter()
        .filter(|bucket| here && bucket.name.as_str().starts_with(prefix) && bucket.name.as_str() > after);
    let page: Vec<_> = wanted.by_ref().take(listing.limit.unwrap_or(MAX_BUCKETS)).collect();
    let next = page.last().filter(|_| wanted.next().is_some());

    document("ListAllMyBucketsResult", Some(NAMESPACE), |xml| {
        xml.element("Owner", |xml| {
            xml.text("ID", &owner.id);
            xml.text("DisplayName", &owner.display_name);
        });
        xml.element("Buckets", |xml| {
            for bucket in &page {
                xml.element("Bucket", |xml| {
                    xml.text("Name", bucket.name.as_str());
                    xml.text("CreationDate", &iso8601(bucket.created));
                });
            }
        });
        if let Some(last) = next {
            let token = ContinuationToken::after_name(last.name.as_str());
            xml.text("ContinuationToken", &token.encode());
        }
        if let Some(prefix) = &listing.prefix {
            xml.text("Prefix", prefix);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::name::BucketName;

    fn check(listing: &BucketListing, expected: &str) {
        let buckets = ["apps", "builds", "builds-old"].map(|name| BucketInfo {
            name: BucketName::parse(name).unwrap(),
            created: UNIX_EPOCH,
            owner: None,
        });
        let owner = Owner { id: "ci".to_owned(), display_name: "C & I".to_owned() };
        let document = list_buckets(listing, &buckets, &owner, "eu-central-1");
        let text = str::from_utf8(document.bytes()).unwrap();
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Owner><ID>ci</ID><DisplayName>C &amp; I</DisplayName></Owner>";
        let created = "<CreationDate>1970-01-01T00:00:00.000Z</CreationDate>";
        let body = text.strip_prefix(head).unwrap().strip_suffix("</ListAllMyBucketsResult>").unwrap();
        assert_eq!(body.replace(created, "@"), expected);
    }

    #[test]
    fn buckets_are_listed_in_pages() {
        check(
            &BucketListing::default(),
            "<Buckets><Bucket><Name>apps</Name>@</Bucket><Bucket><Name>builds</Name>@</Bucket>\
             <Bucket><Name>builds-old</Name>@</Bucket></Buckets>",
        );
        let first = BucketListing { limit: Some(2), ..BucketListing::default() };
        check(
            &first,
            "<Buckets><Bucket><Name>apps</Name>@</Bucket><Bucket><Name>builds</Name>@</Bucket></Buckets>\
             <ContinuationToken>AWJ1aWxkcw</ContinuationToken>",
        );
        let second = BucketListing { token: Some(ContinuationToken::parse("AWJ1aWxkcw").unwrap()), ..first };
        check(&second, "<Buckets><Bucket><Name>builds-old</Name>@</Bucket></Buckets>");
        check(
            &BucketListing { prefix: Some("b".to_owned()), limit: Some(1), ..BucketListing::default() },
            "<Buckets><Bucket><Name>builds</Name>@</Bucket></Buckets>\
             <ContinuationToken>AWJ1aWxkcw</ContinuationToken><Prefix>b</Prefix>",
        );
        check(
            &BucketListing { region: Some("us-east-1".to_owned()), ..BucketListing::default() },
            "<Buckets></Buckets>",
        );
    }
}
