//! What S3 says of a plain private bucket and of the objects in it.

use super::read::{Element, Limits, malformed, once, parse};
use super::write::{Xml, document};
use super::{Document, NAMESPACE, Owner, owner_element};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::Plain;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

const ACL_LIMITS: Limits = Limits { depth: 5, elements: 512, attributes: &["xsi:type"] };

/// The answer to `GET /bucket?<what>`.
///
/// # Errors
/// S3's code where a plain bucket has no such configuration.
pub fn plain(what: Plain, owner: &Owner) -> Result<Document, S3Error> {
    let none = |code, message: &'static str| Err(S3Error::new(code, message));
    let some = |root, content: fn(&mut Xml)| Ok(document(root, Some(NAMESPACE), content));
    match what {
        Plain::Acl => Ok(acl(owner)),
        Plain::Policy => none(Code::NoSuchBucketPolicy, "The bucket policy does not exist"),
        Plain::PolicyStatus => some("PolicyStatus", |xml| xml.flag("IsPublic", false)),
        Plain::PublicAccessBlock => some("PublicAccessBlockConfiguration", |xml| {
            for name in ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
            {
                xml.flag(name, true);
            }
        }),
        Plain::Encryption => some("ServerSideEncryptionConfiguration", |xml| {
            xml.element("Rule", |xml| {
                xml.element("ApplyServerSideEncryptionByDefault", |xml| xml.text("SSEAlgorithm", "AES256"));
                xml.flag("BucketKeyEnabled", false);
            });
        }),
        Plain::Accelerate => some("AccelerateConfiguration", |_| {}),
        Plain::RequestPayment => some("RequestPaymentConfiguration", |xml| xml.text("Payer", "BucketOwner")),
        Plain::Logging => some("BucketLoggingStatus", |_| {}),
        Plain::Notification => some("NotificationConfiguration", |_| {}),
        Plain::OwnershipControls => some("OwnershipControls", |xml| {
            xml.element("Rule", |xml| xml.text("ObjectOwnership", "BucketOwnerEnforced"));
        }),
        Plain::Cors => none(Code::NoSuchCORSConfiguration, "The CORS configuration does not exist"),
        Plain::Lifecycle => {
            none(Code::NoSuchLifecycleConfiguration, "The lifecycle configuration does not exist")
        }
        Plain::Website => none(
            Code::NoSuchWebsiteConfiguration,
            "The specified bucket does not have a website configuration",
        ),
        Plain::Replication => {
            none(Code::ReplicationConfigurationNotFoundError, "The replication configuration was not found")
        }
    }
}

/// `AccessControlPolicy`: the owner may do everything, and nobody else is named.
pub fn acl(owner: &Owner) -> Document {
    document("AccessControlPolicy", Some(NAMESPACE), |xml| {
        owner_element(xml, "Owner", owner);
        xml.element("AccessControlList", |xml| {
            xml.element("Grant", |xml| {
                let grantee = format!("xmlns:xsi=\"{XSI}\" xsi:type=\"CanonicalUser\"");
                xml.element_with("Grantee", &grantee, |xml| {
                    xml.text("ID", &owner.id);
                    xml.text("DisplayName", &owner.display_name);
                });
                xml.text("Permission", "FULL_CONTROL");
            });
        });
    })
}

/// Checks the body of PutBucketAcl and PutObjectAcl: it may say what holds anyway, as [`acl`] does.
///
/// # Errors
/// `NotImplemented`: it grants something to somebody else. `MalformedXML`.
pub fn owner_only(body: &[u8], owner: &Owner) -> Result<(), S3Error> {
    let (mut named, mut grants) = (None, None);
    for child in parse(body, &ACL_LIMITS)?.named("AccessControlPolicy")? {
        match child.name.as_str() {
            "Owner" => once(&mut named, id(child.named("Owner")?)?)?,
            "AccessControlList" => once(&mut grants, child.named("AccessControlList")?)?,
            _ => return Err(child.unexpected()),
        }
    }
    let grants = grants.ok_or_else(|| malformed("it has no AccessControlList"))?;
    let mut is_plain = named.is_none_or(|id| id == owner.id) && !grants.is_empty();
    for element in grants {
        is_plain &= grant(element)? == Some((owner.id.clone(), "FULL_CONTROL".to_owned()));
    }
    if is_plain {
        return Ok(());
    }
    let message = "Access control lists are not implemented: who may do what stands in the configuration.";
    Err(S3Error::new(Code::NotImplemented, message))
}

/// Who gets what; `None`: a grantee of another kind than a user.
fn grant(element: Element) -> Result<Option<(String, String)>, S3Error> {
    let (mut grantee, mut permission) = (None, None);
    for child in element.named("Grant")? {
        match child.name.as_str() {
            "Grantee" => once(&mut grantee, child.children)?,
            "Permission" => once(&mut permission, child.leaf()?)?,
            _ => return Err(child.unexpected()),
        }
    }
    match (grantee, permission) {
        (Some(grantee), Some(permission)) => Ok(id(grantee).ok().map(|id| (id, permission))),
        _ => Err(malformed("a Grant has a Grantee and a Permission")),
    }
}

/// The `ID` of an owner or grantee.
fn id(children: Vec<Element>) -> Result<String, S3Error> {
    let (mut id, mut display_name) = (None, None);
    for child in children {
        let place = match child.name.as_str() {
            "ID" => &mut id,
            "DisplayName" => &mut display_name,
            _ => return Err(child.unexpected()),
        };
        once(place, child.leaf()?)?;
    }
    id.ok_or_else(|| malformed("an owner has no ID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { id: "ci".to_owned(), display_name: "C & I".to_owned() }
    }

    #[test]
    fn a_plain_bucket_is_described_as_s3_describes_it() {
        let inner = |what| {
            let document = plain(what, &owner()).map_err(|error| error.code)?;
            let text = str::from_utf8(document.bytes()).unwrap();
            Ok(text.split_once("2006-03-01/\">").unwrap().1.to_owned())
        };
        let block = "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>\
            <BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>\
            </PublicAccessBlockConfiguration>";
        let acl = "<Owner><ID>ci</ID><DisplayName>C &amp; I</DisplayName></Owner><AccessControlList><Grant>\
            <Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>ci</ID>\
            <DisplayName>C &amp; I</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant>\
            </AccessControlList></AccessControlPolicy>";
        for (what, expected) in [
            (Plain::Acl, Ok(acl)),
            (Plain::Policy, Err(Code::NoSuchBucketPolicy)),
            (Plain::PolicyStatus, Ok("<IsPublic>false</IsPublic></PolicyStatus>")),
            (Plain::PublicAccessBlock, Ok(block)),
            (
                Plain::Encryption,
                Ok("<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
                    </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>\
                    </ServerSideEncryptionConfiguration>"),
            ),
            (Plain::Accelerate, Ok("</AccelerateConfiguration>")),
            (Plain::RequestPayment, Ok("<Payer>BucketOwner</Payer></RequestPaymentConfiguration>")),
            (Plain::Logging, Ok("</BucketLoggingStatus>")),
            (Plain::Notification, Ok("</NotificationConfiguration>")),
            (
                Plain::OwnershipControls,
                Ok("<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>"),
            ),
            (Plain::Cors, Err(Code::NoSuchCORSConfiguration)),
            (Plain::Lifecycle, Err(Code::NoSuchLifecycleConfiguration)),
            (Plain::Website, Err(Code::NoSuchWebsiteConfiguration)),
            (Plain::Replication, Err(Code::ReplicationConfigurationNotFoundError)),
        ] {
            assert_eq!(inner(what), expected.map(str::to_owned), "{what:?}");
        }
    }

    #[test]
    fn a_list_may_say_what_holds_anyway() {
        let check = |body: &str, expected: Result<(), Code>| {
            assert_eq!(owner_only(body.as_bytes(), &owner()).map_err(|error| error.code), expected, "{body}");
        };
        let written = acl(&owner());
        let written = str::from_utf8(written.bytes()).unwrap();
        check(written, Ok(()));
        check(&written.replace("<ID>ci</ID>", "<ID>other</ID>"), Err(Code::NotImplemented));
        check(&written.replace("FULL_CONTROL", "READ"), Err(Code::NotImplemented));
        check(
            &written.replace(
                "<ID>ci</ID><DisplayName>C &amp; I</DisplayName></Grantee>",
                "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>",
            ),
            Err(Code::NotImplemented),
        );
        check("<AccessControlPolicy><AccessControlList/></AccessControlPolicy>", Err(Code::NotImplemented));
        let grant = "<Grant><Grantee><ID>ci</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>";
        let list = |inner: &str| {
            format!(
                "<AccessControlPolicy><AccessControlList>{inner}</AccessControlList></AccessControlPolicy>"
            )
        };
        check(&list(grant), Ok(()));
        check(&list(&format!("{grant}{}", grant.replace("ci", "other"))), Err(Code::NotImplemented));
        for refused in
            ["", "<AccessControlPolicy/>", &list("<Grant/>"), &list("<Other/>"), &list("x"), "<x/>"]
        {
            check(refused, Err(Code::MalformedXML));
        }
    }
}
