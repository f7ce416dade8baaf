//! `VersioningConfiguration`: whether a bucket keeps versions.

use super::read::{SMALL, malformed, once, parse};
use super::write::document;
use super::{Document, NAMESPACE};
use crate::s3::error::{Code, S3Error};
use crate::store::Versioning;

/// The answer to GetBucketVersioning; empty for a bucket that never kept any.
pub fn versioning_configuration(versioning: Versioning) -> Document {
    document("VersioningConfiguration", Some(NAMESPACE), |xml| match versioning {
        Versioning::Never => {}
        Versioning::Enabled => xml.text("Status", "Enabled"),
        Versioning::Suspended => xml.text("Status", "Suspended"),
    })
}

/// Reads the body of PutBucketVersioning: `Enabled` or `Suspended`.
///
/// # Errors
/// `NotImplemented`: deletion with a second factor. `MalformedXML`.
pub fn versioning(body: &[u8]) -> Result<Versioning, S3Error> {
    let (mut status, mut mfa) = (None, None);
    for child in parse(body, &SMALL)?.named("VersioningConfiguration")? {
        let place = match child.name.as_str() {
            "Status" => &mut status,
            "MfaDelete" => &mut mfa,
            _ => return Err(child.unexpected()),
        };
        once(place, child.leaf()?)?;
    }
    match mfa.as_deref() {
        None | Some("Disabled") => {}
        Some("Enabled") => {
            return Err(S3Error::new(Code::NotImplemented, "MFA delete is not implemented."));
        }
        Some(_) => return Err(malformed("MfaDelete is Enabled or Disabled")),
    }
    match status.as_deref() {
        Some("Enabled") => Ok(Versioning::Enabled),
        Some("Suspended") => Ok(Versioning::Suspended),
        Some(_) | None => Err(malformed("Status is Enabled or Suspended")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inner: &str, expected: Result<Versioning, Code>) {
        let body = format!("<VersioningConfiguration>{inner}</VersioningConfiguration>");
        assert_eq!(versioning(body.as_bytes()).map_err(|error| error.code), expected, "{inner}");
    }

    #[test]
    fn configurations_are_read_strictly() {
        check("<Status>Enabled</Status>", Ok(Versioning::Enabled));
        check("<MfaDelete>Disabled</MfaDelete><Status>Suspended</Status>", Ok(Versioning::Suspended));
        check("<MfaDelete>Enabled</MfaDelete><Status>Enabled</Status>", Err(Code::NotImplemented));
        for refused in [
            "",
            "<Status/>",
            "<Status>enabled</Status>",
            "<Status>Enabled</Status><Status>Suspended</Status>",
            "<Status>Enabled</Status><Other/>",
            "<Status><x/></Status>",
            "<Status>Enabled</Status><MfaDelete>x</MfaDelete>",
        ] {
            check(refused, Err(Code::MalformedXML));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for status in [Versioning::Enabled, Versioning::Suspended] {
            assert_eq!(versioning(versioning_configuration(status).bytes()).unwrap(), status);
        }
        let never = versioning_configuration(Versioning::Never);
        assert!(never.bytes().ends_with(b"2006-03-01/\"></VersioningConfiguration>"));
    }
}
