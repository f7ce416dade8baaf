//! DeleteObjects: what it asks for, and what came of it.

use super::read::{Element, Limits, malformed, parse};
use super::write::{Xml, document};
use super::{Document, NAMESPACE};
use crate::name::ObjectKey;
use crate::s3::address::object_key;
use crate::s3::error::{Code, S3Error};
use crate::store::{Deleted, VersionId};

/// Objects that one request may name.
pub const MAX_OBJECTS: usize = 1000;

/// An object has at most a key, a version and three conditions.
const LIMITS: Limits = Limits { depth: 3, elements: 2 + MAX_OBJECTS * 6, attributes: &[] };

/// The body of DeleteObjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRequest {
    /// What the answer names.
    pub reporting: Reporting,
    /// What to delete, and why not where that is clear already; in the order of the document, 1 to [`MAX_OBJECTS`].
    pub objects: Vec<Result<DeleteTarget, Undeleted>>,
}

/// What to delete of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteTarget {
    /// The key.
    pub key: ObjectKey,
    /// This version, for good; `None`: the current one.
    pub version: Option<VersionId>,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedTarget {
    /// What was asked for.
    pub target: DeleteTarget,
    /// What the store did.
    pub deleted: Deleted,
}

/// `Quiet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reporting {
    /// Every key.
    All,
    /// Keys that were not deleted.
    FailuresOnly,
}

/// A key that was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeleted {
    key: String,
    version: Option<String>,
    error: Box<S3Error>,
}

impl Undeleted {
    /// `target` could not be deleted because of `error`.
    pub fn new(target: &DeleteTarget, error: S3Error) -> Self {
        let version = target.version.as_ref().map(|version| version.as_str().to_owned());
        Self { key: target.key.as_str().to_owned(), version, error: Box::new(error) }
    }

    /// Why.
    pub fn error(&self) -> &S3Error {
        &self.error
    }
}

impl DeleteRequest {
    /// Reads the body of DeleteObjects.
    ///
    /// # Errors
    /// `MalformedXML`, or `MaxMessageLengthExceeded`. What is wrong with one key is no error of the whole.
    pub fn parse(body: &[u8]) -> Result<Self, S3Error> {
        let root = parse(body, &LIMITS)?;
        if root.name != "Delete" {
            return Err(root.unexpected());
        }
        let mut quiet = None;
        let mut objects = Vec::new();
        for child in root.children {
            match child.name.as_str() {
                "Object" if objects.len() == MAX_OBJECTS => {
                    return Err(malformed("it names more than 1000 objects"));
                }
                "Object" => objects.push(object(child)?),
                "Quiet" if quiet.is_none() && child.children.is_empty() => {
                    quiet = Some(match child.text.trim() {
                        "true" => Reporting::FailuresOnly,
                        "false" | "" => Reporting::All,
                        _ => return Err(malformed("Quiet is true or false")),
                    });
                }
                _ => return Err(child.unexpected()),
            }
        }
        if objects.is_empty() {
            return Err(malformed("it names no object"));
        }
        Ok(Self { reporting: quiet.unwrap_or(Reporting::All), objects })
    }
}

fn object(object: Element) -> Result<Result<DeleteTarget, Undeleted>, S3Error> {
    let (mut key, mut version, mut condition) = (None, None, None);
    for child in object.children {
        let place = match child.name.as_str() {
            "Key" => &mut key,
            "VersionId" => &mut version,
            "ETag" | "LastModifiedTime" | "Size" => &mut condition,
            _ => return Err(child.unexpected()),
        };
        if !child.children.is_empty() || place.is_some() {
            return Err(child.unexpected());
        }
        *place = Some(child.text);
    }
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| malformed("an object has no key"))?;
    let version = version.filter(|version| !version.is_empty());
    let target = match condition {
        None => target(&key, version.as_deref()),
        Some(_) => Err(S3Error::new(
            Code::NotImplemented,
            "Deleting on a condition is implemented for single objects alone.",
        )),
    };
    Ok(target.map_err(|error| Undeleted { key, version, error: Box::new(error) }))
}

fn target(key: &str, version: Option<&str>) -> Result<DeleteTarget, S3Error> {
    let version = version.map(|version| {
        VersionId::parse(version)
            .ok_or_else(|| S3Error::new(Code::InvalidArgument, "Invalid version id specified"))
    });
    Ok(DeleteTarget { key: object_key(key)?, version: version.transpose()? })
}

/// `DeleteResult`: what came of each object of a [`DeleteRequest`], in its order.
pub fn delete_result(reporting: Reporting, outcomes: &[Result<DeletedTarget, Undeleted>]) -> Document {
    document("DeleteResult", Some(NAMESPACE), |xml| {
        for outcome in outcomes {
            match outcome {
                Ok(_) if reporting == Reporting::FailuresOnly => {}
                Ok(deleted) => xml.element("Deleted", |xml| deleted_element(xml, deleted)),
                Err(Undeleted { key, version, error }) => xml.element("Error", |xml| {
                    xml.text("Key", key);
                    if let Some(version) = version {
                        xml.text("VersionId", version);
                    }
                    xml.text("Code", error.code.as_str());
                    xml.text("Message", &error.message);
                }),
            }
        }
    })
}

fn deleted_element(xml: &mut Xml, DeletedTarget { target, deleted }: &DeletedTarget) {
    xml.text("Key", target.key.as_str());
    if let Some(version) = &target.version {
        xml.text("VersionId", version.as_str());
    }
    if deleted.delete_marker {
        xml.flag("DeleteMarker", true);
        // The one that was made, or the one that was deleted.
        if let Some(version) = &deleted.version {
            xml.text("DeleteMarkerVersionId", version.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Seen = (Reporting, Vec<Result<String, (String, Code)>>);

    fn check(body: &str, expected: &Result<Seen, Code>) {
        let seen = DeleteRequest::parse(body.as_bytes()).map_err(|error| error.code).map(|request| {
            let objects = request.objects.into_iter().map(|object| match object {
                Ok(DeleteTarget { key, version: None }) => Ok(key.as_str().to_owned()),
                Ok(DeleteTarget { key, version: Some(version) }) => Ok(format!("{key} of {version}")),
                Err(failed) => Err((failed.key, failed.error.code)),
            });
            (request.reporting, objects.collect())
        });
        assert_eq!(&seen, expected, "{body}");
    }

    #[test]
    fn requests_are_read() {
        use Reporting::{All, FailuresOnly};
        let ok = |keys: &[&str]| keys.iter().map(|key| Ok((*key).to_owned())).collect::<Vec<_>>();
        check("<Delete><Object><Key>a</Key></Object></Delete>", &Ok((All, ok(&["a"]))));
        check(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n\
             <Object><Key> a &amp;&#x1;</Key><VersionId/></Object>\n<Object><Key>b</Key></Object>\
             <Quiet>true</Quiet></Delete>",
            &Ok((FailuresOnly, ok(&[" a &\u{1}", "b"]))),
        );
        check("<Delete><Quiet>false</Quiet><Object><Key>a</Key></Object></Delete>", &Ok((All, ok(&["a"]))));
        check(
            "<Delete><Object><Key>a</Key><VersionId>null</VersionId></Object></Delete>",
            &Ok((All, ok(&["a of null"]))),
        );
        check("<Delete><Quiet/><Object><Key>a</Key></Object></Delete>", &Ok((All, ok(&["a"]))));
        let many = format!("<Delete>{}</Delete>", "<Object><Key>k</Key></Object>".repeat(1000));
        check(&many, &Ok((All, ok(&["k"; 1000]))));
    }

    #[test]
    fn a_key_that_cannot_be_deleted_does_not_spoil_the_others() {
        let long = "k".repeat(1025);
        let failed = |key: &str, code| Err((key.to_owned(), code));
        check(
            &format!(
                "<Delete><Object><Key>a/../b</Key></Object><Object><Key>{long}</Key></Object>\
                 <Object><Key>c</Key><VersionId>a b</VersionId></Object>\
                 <Object><Key>d</Key><ETag>x</ETag></Object><Object><Key>e</Key></Object></Delete>"
            ),
            &Ok((
                Reporting::All,
                vec![
                    failed("a/../b", Code::InvalidURI),
                    failed(&long, Code::KeyTooLongError),
                    failed("c", Code::InvalidArgument),
                    failed("d", Code::NotImplemented),
                    Ok("e".to_owned()),
                ],
            )),
        );
    }

    #[test]
    fn hostile_requests_are_refused() {
        let too_many = format!("<Delete>{}</Delete>", "<Object><Key>k</Key></Object>".repeat(1001));
        let nested = format!("<Delete>{}", "<Object>".repeat(100_000));
        for body in [
            "",
            "<Delete/>",
            "<Delete><Object/></Delete>",
            "<Delete><Object><Key/></Object></Delete>",
            "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
            "<Delete><Object><Key>a</Key><Other/></Object></Delete>",
            "<Delete><Object><Key><b>a</b></Key></Object></Delete>",
            "<Delete><Object>a</Object></Delete>",
            "<Delete><Object><Key>a</Key></Object><Other/></Delete>",
            "<Delete><Quiet>maybe</Quiet><Object><Key>a</Key></Object></Delete>",
            "<Delete><Quiet/><Quiet/><Object><Key>a</Key></Object></Delete>",
            "<Delete><Object><Key>a</Key></Object>",
            "<delete><Object><Key>a</Key></Object></delete>",
            "<s:Delete><Object><Key>a</Key></Object></s:Delete>",
            "<!DOCTYPE Delete [<!ENTITY a \"k\">]><Delete><Object><Key>&a;</Key></Object></Delete>",
            &too_many,
            &nested,
        ] {
            check(body, &Err(Code::MalformedXML));
        }
    }

    #[test]
    fn results_are_said_as_s3_says_them() {
        let version = |text: &str| VersionId::parse(text);
        let deleted = |key: &str, named: Option<&str>, deleted| {
            let target = DeleteTarget {
                key: ObjectKey::parse(key).unwrap(),
                version: named.and_then(VersionId::parse),
            };
            Ok(DeletedTarget { target, deleted })
        };
        let outcomes = [
            deleted("a&b", None, Deleted::default()),
            deleted("b", Some("v1"), Deleted { version: version("v1"), delete_marker: false }),
            deleted("c", None, Deleted { version: version("m1"), delete_marker: true }),
            deleted("d", Some("m1"), Deleted { version: version("m1"), delete_marker: true }),
            Err(Undeleted {
                key: "c".to_owned(),
                version: Some("v1".to_owned()),
                error: Box::new(S3Error::new(Code::AccessDenied, "Access Denied")),
            }),
        ];
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
        let deleted = "<Deleted><Key>a&amp;b</Key></Deleted>\
            <Deleted><Key>b</Key><VersionId>v1</VersionId></Deleted>\
            <Deleted><Key>c</Key><DeleteMarker>true</DeleteMarker>\
            <DeleteMarkerVersionId>m1</DeleteMarkerVersionId></Deleted>\
            <Deleted><Key>d</Key><VersionId>m1</VersionId><DeleteMarker>true</DeleteMarker>\
            <DeleteMarkerVersionId>m1</DeleteMarkerVersionId></Deleted>";
        let failed = "<Error><Key>c</Key><VersionId>v1</VersionId><Code>AccessDenied</Code>\
            <Message>Access Denied</Message></Error>";
        let all = format!("{head}{deleted}{failed}</DeleteResult>");
        let quiet = format!("{head}{failed}</DeleteResult>");
        assert_eq!(delete_result(Reporting::All, &outcomes).bytes(), all.as_bytes());
        assert_eq!(delete_result(Reporting::FailuresOnly, &outcomes).bytes(), quiet.as_bytes());
    }

    proptest! {
        #[test]
        fn reading_never_panics(inner in "(<(/?(Object|Key|Quiet|VersionId))>|a|&lt;|\\PC){0,12}") {
            let _ = DeleteRequest::parse(inner.as_bytes());
            let _ = DeleteRequest::parse(format!("<Delete>{inner}</Delete>").as_bytes());
        }
    }
}
