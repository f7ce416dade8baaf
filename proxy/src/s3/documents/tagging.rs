//! `Tagging`: the tags of an object or a bucket.

use super::read::{Element, Limits, malformed, once, parse};
use super::write::document;
use super::{Document, NAMESPACE};
use crate::s3::error::S3Error;
use crate::s3::tags::{Tagged, checked};
use crate::store::Tags;

/// A tag is an element with two more in it. What is too much for a bucket is `InvalidTag` if it is not far too much.
const LIMITS: Limits = Limits { depth: 4, elements: 512, attributes: &[] };

/// Tags as a document.
pub fn tagging(tags: &Tags) -> Document {
    document("Tagging", Some(NAMESPACE), |xml| {
        xml.element("TagSet", |xml| {
            for (name, value) in tags.iter() {
                xml.element("Tag", |xml| {
                    xml.text("Key", name);
                    xml.text("Value", value);
                });
            }
        });
    })
}

/// Reads the tags of an object: the body of PutObjectTagging.
///
/// # Errors
/// `MalformedXML`, `InvalidTag`.
pub fn object_tags(body: &[u8]) -> Result<Tags, S3Error> {
    checked(Tagged::Object, read(body)?)
}

/// Reads the tags of a bucket: the body of PutBucketTagging.
///
/// # Errors
/// `MalformedXML`, `InvalidTag`.
pub fn bucket_tags(body: &[u8]) -> Result<Tags, S3Error> {
    checked(Tagged::Bucket, read(body)?)
}

fn read(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let mut sets = parse(body, &LIMITS)?.named("Tagging")?.into_iter();
    match (sets.next(), sets.next()) {
        (Some(set), None) => set.named("TagSet")?.into_iter().map(tag).collect(),
        (None, _) => Err(malformed("it has no TagSet")),
        (Some(_), Some(second)) => Err(second.unexpected()),
    }
}

fn tag(element: Element) -> Result<(String, String), S3Error> {
    let (mut key, mut value) = (None, None);
    for child in element.named("Tag")? {
        let place = match child.name.as_str() {
            "Key" => &mut key,
            "Value" => &mut value,
            _ => return Err(child.unexpected()),
        };
        once(place, child.leaf()?)?;
    }
    key.zip(value).ok_or_else(|| malformed("a tag has a Key and a Value"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::s3::error::Code;

    fn check(inner: &str, expected: Result<&[(&str, &str)], Code>) {
        let seen = object_tags(format!("<Tagging>{inner}</Tagging>").as_bytes()).map_err(|error| error.code);
        let seen = seen.as_ref().map(|tags| tags.iter().collect::<Vec<_>>()).map_err(|code| *code);
        assert_eq!(seen, expected.map(<[_]>::to_vec), "{inner}");
    }

    #[test]
    fn tags_are_read_strictly() {
        let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
        check("<TagSet/>", Ok(&[]));
        check(
            &format!("<TagSet>{}{}</TagSet>", tag("b", ""), tag("a", "&lt; x")),
            Ok(&[("a", "< x"), ("b", "")]),
        );
        for refused in [
            "",
            "<TagSet/><TagSet/>",
            "<TagSet>a</TagSet>",
            "<TagSet><Tag/></TagSet>",
            "<TagSet><Tag><Key>a</Key></Tag></TagSet>",
            "<TagSet><Tag><Key>a</Key><Value/><Value/></Tag></TagSet>",
            "<TagSet><Tag><Key>a</Key><Value><x/></Value></Tag></TagSet>",
            "<TagSet><Other/></TagSet>",
            "<Other/>",
            "text",
        ] {
            check(refused, Err(Code::MalformedXML));
        }
        check(&format!("<TagSet>{0}{0}</TagSet>", tag("a", "")), Err(Code::InvalidTag));
        check(&format!("<TagSet>{}</TagSet>", tag("aws:a", "")), Err(Code::InvalidTag));
        let many = |count: usize| (0..count).map(|i| tag(&format!("k{i}"), "v")).collect::<String>();
        check(&format!("<TagSet>{}</TagSet>", many(11)), Err(Code::InvalidTag));
        let bucket = |count| {
            let body = format!("<Tagging><TagSet>{}</TagSet></Tagging>", many(count));
            bucket_tags(body.as_bytes()).map(|tags| tags.len()).map_err(|error| error.code)
        };
        assert_eq!((bucket(50), bucket(51)), (Ok(50), Err(Code::InvalidTag)));
        assert_eq!(object_tags(b"<tagging><TagSet/></tagging>").unwrap_err().code, Code::MalformedXML);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tags in prop::collection::btree_map("\\PC{1,20}", "\\PC{0,20}", 0..10)) {
            prop_assume!(!tags.keys().any(|name| name.to_lowercase().starts_with("aws:")));
            let tags = Tags::new(tags).unwrap();
            prop_assert_eq!(object_tags(tagging(&tags).bytes()).unwrap(), tags);
        }
    }
}
