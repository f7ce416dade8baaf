//! How the sender of a form wants to be told that it worked.

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use percent_encoding::utf8_percent_encode;

use super::fields::Fields;
use crate::name::ObjectName;
use crate::s3::error::S3Error;
use crate::s3::uri::NAME;

/// The answer to a form that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Success {
    /// 204 and nothing more.
    NoContent,
    /// 200 without a body.
    Ok,
    /// 201 with [`post_response`](crate::s3::documents::post_response).
    Created,
    /// 303 to [`Redirect::location`].
    Redirect(Redirect),
}

/// Where a browser is sent next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect(Uri);

impl Success {
    /// What the fields ask for. As in S3, a redirection comes before a status, and one that is no URL of the web, or a
    /// status that is none of the three, counts as absent.
    pub(super) fn of(fields: &Fields) -> Self {
        let target = fields.get("success_action_redirect").or_else(|| fields.get("redirect"));
        if let Some(redirect) = target.and_then(Redirect::parse) {
            return Self::Redirect(redirect);
        }
        match fields.get("success_action_status") {
            Some("200") => Self::Ok,
            Some("201") => Self::Created,
            _ => Self::NoContent,
        }
    }
}

impl Redirect {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok().filter(|_| text.is_ascii())?;
        let is_web = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        (is_web && has_host).then_some(Self(uri))
    }

    /// `Location`, with what was stored in the query.
    ///
    /// # Errors
    /// `InternalError` if it could not be a header; but URL and query are visible ASCII.
    pub fn location(&self, object: &ObjectName, etag: &str) -> Result<HeaderValue, S3Error> {
        let encode = |text: &str| utf8_percent_encode(text, NAME).to_string();
        let mut location = self.0.to_string();
        location.push(if self.0.query().is_some() { '&' } else { '?' });
        let (bucket, key) = (encode(object.bucket.as_str()), encode(object.key.as_str()));
        location.extend(["bucket=", &bucket, "&key=", &key, "&etag=%22", &encode(etag), "%22"]);
        HeaderValue::try_from(location).map_err(|_| S3Error::internal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{BucketName, ObjectKey};

    #[test]
    fn browsers_are_sent_where_the_form_says() {
        let object = ObjectName {
            bucket: BucketName::parse("builds").unwrap(),
            key: ObjectKey::parse("a b/ü&x=\r\n\"").unwrap(),
        };
        let query = "bucket=builds&key=a%20b%2F%C3%BC%26x%3D%0D%0A%22&etag=%22d41d-2%22";
        for (target, expected) in [
            ("http://h.example/done", Some(format!("http://h.example/done?{query}"))),
            ("https://h.example:8443/a?b=c", Some(format!("https://h.example:8443/a?b=c&{query}"))),
            ("http://h.example", Some(format!("http://h.example/?{query}"))),
            ("HTTP://h.example/#there", Some(format!("http://h.example/?{query}"))),
            ("", None),
            ("/done", None),
            ("//h.example/done", None),
            ("h.example", None),
            ("javascript:alert(1)", None),
            ("ftp://h.example/", None),
            ("http://", None),
            ("http:///done", None),
            ("http://h.example/\r\nSet-Cookie: a=b", None),
            ("http://h.example/a b", None),
            ("http://h.example/é", None),
        ] {
            let success = Success::of(&Fields::from([("redirect", target)]));
            let location = match &success {
                Success::Redirect(redirect) => Some(redirect.location(&object, "d41d-2").unwrap()),
                Success::NoContent => None,
                Success::Ok | Success::Created => panic!("{success:?}"),
            };
            assert_eq!(location, expected.map(|text| HeaderValue::try_from(text).unwrap()), "{target:?}");
        }
    }

    #[test]
    fn a_status_counts_without_a_redirection() {
        for (status, expected) in [
            ("200", Success::Ok),
            ("201", Success::Created),
            ("204", Success::NoContent),
            ("404", Success::NoContent),
            ("", Success::NoContent),
            ("0201", Success::NoContent),
        ] {
            assert_eq!(Success::of(&Fields::from([("success_action_status", status)])), expected);
        }
        let both = [("success_action_redirect", "ftp://x/"), ("success_action_status", "201")];
        assert_eq!(Success::of(&Fields::from(both)), Success::Created);
        let both = [("success_action_redirect", "http://x/"), ("success_action_status", "201")];
        assert!(matches!(Success::of(&Fields::from(both)), Success::Redirect(_)));
        let old = [("success_action_redirect", "http://new/"), ("redirect", "http://old/")];
        assert_eq!(
            Success::of(&Fields::from(old)),
            Success::Redirect(Redirect("http://new/".parse().unwrap()))
        );
        assert_eq!(Success::of(&Fields::from([])), Success::NoContent);
    }
}
