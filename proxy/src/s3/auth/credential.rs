//! The `Credential` of a signature: an access key and the scope that the signing key is for.

use super::presented::Place;
use crate::s3::error::S3Error;

const SERVICE: &str = "s3";
const TERMINATOR: &str = "aws4_request";

/// Day, region, service and terminator of a signing key; the last three are always ours.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    date: String,
    region: String,
}

impl Scope {
    /// `yyyyMMdd`.
    pub(super) fn date(&self) -> &str {
        &self.date
    }

    /// The region.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// The service.
    pub(super) fn service(&self) -> &'static str {
        SERVICE
    }

    /// The last word of every scope.
    pub(super) fn terminator(&self) -> &'static str {
        TERMINATOR
    }

    /// As it stands in what is signed.
    pub(super) fn text(&self) -> String {
        format!("{}/{}/{SERVICE}/{TERMINATOR}", self.date, self.region)
    }
}

/// Takes `text` apart and checks that it is for us.
pub(super) fn parse(text: &str, place: Place, region: &str) -> Result<(String, Scope), S3Error> {
    let malformed = |why: String| place.malformed("Credential", &why);
    // From the right: access keys come from the configuration and may hold anything, a slash included.
    let mut fields = text.rsplitn(5, '/');
    let mut field = || fields.next().filter(|field| !field.is_empty());
    let (Some(terminator), Some(service), Some(scope_region), Some(date), Some(access_key)) =
        (field(), field(), field(), field(), field())
    else {
        return Err(malformed(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
                .into(),
        ));
    };
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        let why = format!(
            "incorrect date format \"{date}\". This date in the credential must be in the format \"yyyyMMdd\"."
        );
        return Err(malformed(why));
    }
    if scope_region != region {
        let why = format!("the region '{scope_region}' is wrong; expecting '{region}'");
        return Err(malformed(why).with("Region", region));
    }
    if service != SERVICE {
        let why = format!("incorrect service \"{service}\". This endpoint belongs to \"{SERVICE}\".");
        return Err(malformed(why));
    }
    if terminator != TERMINATOR {
        let why = format!("incorrect terminal \"{terminator}\". This endpoint uses \"{TERMINATOR}\".");
        return Err(malformed(why));
    }
    Ok((access_key.to_owned(), Scope { date: date.to_owned(), region: region.to_owned() }))
}
