//! The signature of a policy, the document that lets a form be sent. What is signed is the policy as it is in the form.

use std::time::{Duration, SystemTime};

use super::credential;
use super::date::{MAX_EXPIRES, Timestamp};
use super::mechanism::{ALGORITHM, no_tokens};
use super::presented::Place;
use super::signature::Signature;
use super::{Authenticator, Identity, unknown_key};
use crate::s3::error::{Code, S3Error};

/// The fields of a form that say who signed its policy.
#[derive(Debug, Clone, Copy)]
pub struct PolicySignature<'a> {
    /// `policy`: base64, of which nothing is looked at here.
    pub policy: &'a str,
    /// `x-amz-algorithm`.
    pub algorithm: &'a str,
    /// `x-amz-credential`.
    pub credential: &'a str,
    /// `x-amz-date`.
    pub date: &'a str,
    /// `x-amz-signature`.
    pub signature: &'a str,
    /// `x-amz-security-token`, if there is one.
    pub session_token: Option<&'a str>,
}

impl Authenticator {
    /// Whose policy it is. That it is not expired, and holds, is for its reader to see; here it is no older than a
    /// presigned URL can get, a week.
    ///
    /// # Errors
    /// `InvalidArgument` for fields that are not well formed or for another service or region; `AccessDenied` for a
    /// signature of long ago or of the future; `InvalidToken`, `InvalidAccessKeyId`, `SignatureDoesNotMatch`.
    pub fn authenticate_policy(
        &self,
        fields: &PolicySignature<'_>,
        now: SystemTime,
    ) -> Result<Identity, S3Error> {
        let place = Place::Form;
        if fields.session_token.is_some() {
            return Err(no_tokens());
        }
        if fields.algorithm != ALGORITHM {
            return Err(place.malformed("Algorithm", &format!("it only supports \"{ALGORITHM}\".")));
        }
        let (access_key, scope) = credential::parse(fields.credential, place, &self.region)?;
        let timestamp = Timestamp::parse(fields.date).ok_or_else(|| {
            let why = "it must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\".";
            place.malformed("Date", why)
        })?;
        if timestamp.day() != scope.date() {
            let why = "the date in the credential is not that of X-Amz-Date.";
            return Err(place.malformed("Credential", why));
        }
        let signature = Signature::parse(fields.signature.as_bytes()).ok_or_else(|| {
            place.malformed("Signature", "the signature is not 64 lower-case hexadecimal digits.")
        })?;
        timestamp.check_expiry(Duration::from_secs(MAX_EXPIRES), now)?;
        // As for requests, an unknown client's signature is computed as well.
        let (client, key) = self.clients.signing_key(&access_key, &scope);
        let matches = key.sign(fields.policy.as_bytes()).matches(&signature);
        let Some(client) = client else {
            return Err(unknown_key(access_key));
        };
        if !matches {
            let message = "The request signature we calculated does not match the signature you provided. Check your \
                           key and signing method.";
            return Err(S3Error::new(Code::SignatureDoesNotMatch, message)
                .with("AWSAccessKeyId", access_key)
                .with("StringToSign", fields.policy)
                .with("SignatureProvided", signature.to_string()));
        }
        Ok(Identity::Client { client, presigned: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::auth::TestSigner;

    /// The example of AWS's documentation for forms has this key, day, and signature.
    const POLICY: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
    const SIGNATURE: &str = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e";

    fn fields() -> PolicySignature<'static> {
        PolicySignature {
            policy: POLICY,
            algorithm: "AWS4-HMAC-SHA256",
            credential: "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
            date: "20151229T000000Z",
            signature: SIGNATURE,
            session_token: None,
        }
    }

    /// At so many seconds after 2015-12-29.
    fn authenticate(fields: &PolicySignature<'_>, seconds: i64) -> Result<String, Code> {
        let authenticator = Authenticator::new([TestSigner::example().client()], "us-east-1".into());
        let now = TestSigner::now(1_451_347_200 - 1_369_353_600 + seconds);
        authenticator
            .authenticate_policy(fields, now)
            .map(|identity| identity.by())
            .map_err(|error| error.code)
    }

    #[test]
    fn the_documented_signature_is_right() {
        assert_eq!(authenticate(&fields(), 0).as_deref(), Ok("ci@example.org~url"));
    }

    #[test]
    fn everything_else_is_refused() {
        for (fields, code) in [
            (PolicySignature { policy: &POLICY[4..], ..fields() }, Code::SignatureDoesNotMatch),
            (PolicySignature { policy: "", ..fields() }, Code::SignatureDoesNotMatch),
            (PolicySignature { signature: &"0".repeat(64), ..fields() }, Code::SignatureDoesNotMatch),
            (PolicySignature { signature: &SIGNATURE.to_uppercase(), ..fields() }, Code::InvalidArgument),
            (PolicySignature { signature: "", ..fields() }, Code::InvalidArgument),
            (PolicySignature { algorithm: "AWS4-HMAC-SHA1", ..fields() }, Code::InvalidArgument),
            (PolicySignature { session_token: Some(""), ..fields() }, Code::InvalidToken),
            (PolicySignature { date: "20151228T000000Z", ..fields() }, Code::InvalidArgument),
            (PolicySignature { date: "2015-12-29T00:00:00Z", ..fields() }, Code::InvalidArgument),
            // Within the day, but nobody signed that.
            (
                PolicySignature { credential: "foo/20151229/us-east-1/s3/aws4_request", ..fields() },
                Code::InvalidAccessKeyId,
            ),
            (
                PolicySignature {
                    credential: "AKIAIOSFODNN7EXAMPLE/20151229/eu-west-1/s3/aws4_request",
                    ..fields()
                },
                Code::InvalidArgument,
            ),
            (
                PolicySignature {
                    credential: "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/sqs/aws4_request",
                    ..fields()
                },
                Code::InvalidArgument,
            ),
            (PolicySignature { credential: "AKIAIOSFODNN7EXAMPLE", ..fields() }, Code::InvalidArgument),
        ] {
            assert_eq!(authenticate(&fields, 0), Err(code), "{fields:?}");
        }
    }

    #[test]
    fn a_signature_is_good_for_a_week() {
        let week = 7 * 24 * 60 * 60;
        for (seconds, good) in [(-901, false), (-900, true), (week, true), (week + 1, false)] {
            let expected = if good { Ok("ci@example.org~url".to_owned()) } else { Err(Code::AccessDenied) };
            assert_eq!(authenticate(&fields(), seconds), expected, "{seconds}");
        }
    }
}
