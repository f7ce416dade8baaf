//! Where buckets are: the body of CreateBucket and the answer to GetBucketLocation.

use super::read::{Element, SMALL, parse};
use super::write::document;
use super::{Document, NAMESPACE};
use crate::s3::error::{Code, S3Error};

/// The region that S3 leaves unsaid.
const UNSAID: &str = "us-east-1";

/// `LocationConstraint`; empty for us-east-1, as in S3.
pub fn location_constraint(region: &str) -> Document {
    document("LocationConstraint", Some(NAMESPACE), |xml| {
        xml.escape(if region == UNSAID { "" } else { region });
    })
}

/// Checks the body of CreateBucket: nothing, or `CreateBucketConfiguration` with the region there is.
///
/// # Errors
/// `IllegalLocationConstraintException`: another region. `NotImplemented`: it asks for anything else.
/// `MalformedXML`.
pub fn create_bucket(body: &[u8], region: &str) -> Result<(), S3Error> {
    if body.is_empty() {
        return Ok(());
    }
    let root = parse(body, &SMALL)?;
    let is_bare = root.children.is_empty() && !root.text.trim().is_empty();
    if root.name != "CreateBucketConfiguration" || is_bare {
        return Err(root.unexpected());
    }
    for child in &root.children {
        if child.name != "LocationConstraint" {
            let message = "The bucket configuration asks for functionality that is not implemented.";
            return Err(S3Error::new(Code::NotImplemented, message).with("Element", child.shown_name()));
        }
    }
    let wanted = match root.children.as_slice() {
        [] => "",
        [Element { text, children, .. }] if children.is_empty() => text.trim(),
        [child, ..] => return Err(child.unexpected()),
    };
    if wanted.is_empty() || wanted == region {
        return Ok(());
    }
    let message = format!("The location constraint is not this endpoint's region, which is {region}.");
    Err(S3Error::new(Code::IllegalLocationConstraintException, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<(), Code>) {
        assert_eq!(
            create_bucket(body.as_bytes(), "eu-central-1").map_err(|error| error.code),
            expected,
            "{body}"
        );
    }

    #[test]
    fn a_bucket_is_made_where_we_are() {
        let configuration = |inner: &str| {
            format!("<CreateBucketConfiguration xmlns=\"{NAMESPACE}\">{inner}</CreateBucketConfiguration >")
        };
        let constraint =
            |region: &str| configuration(&format!("\n  <LocationConstraint>{region}</LocationConstraint>\n"));
        check("", Ok(()));
        check("<CreateBucketConfiguration/>", Ok(()));
        check(&constraint("eu-central-1"), Ok(()));
        check(&constraint(""), Ok(()));
        check(&constraint("eu"), Err(Code::IllegalLocationConstraintException));
        check(&constraint("<a/>"), Err(Code::MalformedXML));
        check(&configuration("<Location/>"), Err(Code::NotImplemented));
        check(&configuration("<Tags><Tag/></Tags>"), Err(Code::NotImplemented));
        check(&configuration("eu"), Err(Code::MalformedXML));
        check("<Other/>", Err(Code::MalformedXML));
        check("eu-central-1", Err(Code::MalformedXML));
        let twice = "<LocationConstraint>eu-central-1</LocationConstraint>".repeat(2);
        check(&configuration(&twice), Err(Code::MalformedXML));
    }

    #[test]
    fn us_east_1_goes_unsaid() {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
        for (region, text) in [("us-east-1", ""), ("eu-central-1", "eu-central-1")] {
            let expected = format!("{head}{text}</LocationConstraint>");
            assert_eq!(location_constraint(region).bytes(), expected.as_bytes());
        }
    }
}
