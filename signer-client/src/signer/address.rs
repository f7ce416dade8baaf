//! Addresses of signers, as `--signer` and configurations give them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::pkcs11_uri::Pkcs11Uri;

/// Where a signer is.
///
/// ```
/// use hallmark_signer::signer::SignerAddress;
/// for address in [
///     "file:ci.key",
///     "awskms:alias/ci?region=eu-central-1",
///     "pkcs11:token=releases;object=ci?module-path=/usr/lib/softhsm/libsofthsm2.so",
///     "awssigner:ReleaseProfile",
/// ] {
///     assert!(address.parse::<SignerAddress>().is_ok());
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerAddress {
    /// `file:PATH`: a PEM file.
    File(PathBuf),
    /// `awskms:KEY-ID-OR-ARN-OR-ALIAS[?region=…&endpoint=…&profile=…]`.
    AwsKms(KmsKey),
    /// `pkcs11:…` (RFC 7512).
    Pkcs11(Pkcs11Uri),
    /// `awssigner:PROFILE[?region=…&endpoint=…&profile=…]`: a signing profile by its name or ARN.
    AwsSigner(SigningProfile),
}

/// A key in AWS KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKey {
    /// Key id, ARN, alias (`alias/NAME`) or the alias's ARN.
    pub id: String,
    /// Where KMS is.
    pub place: AwsPlace,
}

/// A signing profile of AWS Signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningProfile {
    /// Its name.
    pub name: String,
    /// The account whose it is; `None`: the caller's.
    pub owner: Option<String>,
    /// Where AWS Signer is.
    pub place: AwsPlace,
}

/// What an address says of AWS. What it does not say is found as AWS tools find it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsPlace {
    /// The region; in an ARN it need not be said again.
    pub region: Option<String>,
    /// The URL of the service.
    pub endpoint: Option<String>,
    /// The profile of the AWS configuration and credentials files.
    pub profile: Option<String>,
}

/// A text that is no address of a signer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AddressError {
    message: String,
    hint: Option<&'static str>,
}

impl AddressError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What to do next, if that is known.
    pub fn what_next(&self) -> Option<&str> {
        self.hint
    }
}

impl FromStr for SignerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        const KINDS: &str = "file:PATH, awskms:KEY, pkcs11:URI or awssigner:PROFILE";
        let (kind, rest) = text.split_once(':').ok_or_else(|| {
            AddressError::new(format!("a signer is given as {KINDS}"))
                .hint("a key file: `file:ci.key`, or `--key ci.key`")
        })?;
        match kind {
            "file" if rest.is_empty() => {
                Err(AddressError::new("`file:` needs the path of a key file after it"))
            }
            "file" => Ok(Self::File(rest.into())),
            "awskms" => aws(rest).map(|(id, place)| Self::AwsKms(KmsKey { id, place })),
            "pkcs11" => Pkcs11Uri::parse(rest).map(Self::Pkcs11),
            "awssigner" => SigningProfile::parse(rest).map(Self::AwsSigner),
            other => {
                let other: String = other.chars().take(40).collect();
                Err(AddressError::new(format!("no signers of the kind `{other}` are known; give {KINDS}")))
            }
        }
    }
}

/// As people name it; secrets do not stand in addresses.
impl fmt::Display for SignerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::AwsKms(key) => write!(f, "the key `{}` in AWS KMS", key.id),
            Self::Pkcs11(uri) => write!(f, "the key {} in a PKCS#11 token", uri.key()),
            Self::AwsSigner(profile) => write!(f, "the signing profile `{}` of AWS Signer", profile.name),
        }
    }
}

impl SigningProfile {
    fn parse(text: &str) -> Result<Self, AddressError> {
        let (id, place) = aws(text)?;
        if !id.starts_with("arn:") {
            return Self::named(&id, None, place);
        }
        let mut fields = id.splitn(6, ':').skip(4);
        let owner = fields.next().filter(|owner| !owner.is_empty()).map(str::to_owned);
        let name = fields.next().and_then(|resource| resource.rsplit("signing-profiles/").next());
        Self::named(name.unwrap_or_default(), owner, place)
    }

    /// Names of profiles are letters, digits and `_` (AWS Signer API, `ProfileName`).
    fn named(name: &str, owner: Option<String>, place: AwsPlace) -> Result<Self, AddressError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(AddressError::new(
                "`awssigner:` needs the name or the ARN of a signing profile after it",
            )
            .hint(
                "a profile's ARN is arn:aws:signer:REGION:ACCOUNT:/signing-profiles/NAME, without a version",
            ));
        }
        Ok(Self { name: name.to_owned(), owner, place })
    }
}

/// An id, and where the service is that knows it.
fn aws(text: &str) -> Result<(String, AwsPlace), AddressError> {
    let (id, query) = text.split_once('?').unwrap_or((text, ""));
    // As other signing tools write it.
    let id = id.strip_prefix("///").unwrap_or(id);
    if id.is_empty() || id.contains(char::is_whitespace) {
        return Err(AddressError::new("the address of the signer names nothing that could sign"));
    }
    let mut place = AwsPlace::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let field = match name {
            "region" => &mut place.region,
            "endpoint" => &mut place.endpoint,
            "profile" => &mut place.profile,
            _ => {
                return Err(AddressError::new("the address of the signer has an unknown part after the `?`")
                    .hint("known are region, endpoint and profile"));
            }
        };
        let value = percent_decode_str(value).decode_utf8().unwrap_or_default();
        if value.is_empty() || field.replace(value.into_owned()).is_some() {
            return Err(AddressError::new(format!(
                "`{name}` stands once, with a value, in the address of a signer"
            )));
        }
    }
    if place.region.is_none() && id.starts_with("arn:") {
        place.region = id.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned);
    }
    Ok((id.to_owned(), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let place = |region: &str| AwsPlace { region: Some(region.to_owned()), ..AwsPlace::default() };
        let kms = |id: &str, place| Ok(SignerAddress::AwsKms(KmsKey { id: id.to_owned(), place }));
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        for (text, expected) in [
            ("file:a b.key", Ok(SignerAddress::File("a b.key".into()))),
            ("awskms:alias/ci", kms("alias/ci", AwsPlace::default())),
            ("awskms:///alias/ci?region=eu-west-3", kms("alias/ci", place("eu-west-3"))),
            (&format!("awskms:{arn}"), kms(arn, place("eu-west-1"))),
            (&format!("awskms:{arn}?region=us-east-2"), kms(arn, place("us-east-2"))),
            (
                "awskms:k?endpoint=http%3A//127.0.0.1:1/&profile=p",
                kms(
                    "k",
                    AwsPlace {
                        region: None,
                        endpoint: Some("http://127.0.0.1:1/".to_owned()),
                        profile: Some("p".to_owned()),
                    },
                ),
            ),
            (
                "awssigner:arn:aws:signer:us-east-1:111122223333:/signing-profiles/Release",
                Ok(SignerAddress::AwsSigner(SigningProfile {
                    name: "Release".to_owned(),
                    owner: Some("111122223333".to_owned()),
                    place: place("us-east-1"),
                })),
            ),
        ] {
            assert_eq!(text.parse::<SignerAddress>(), expected, "{text}");
        }
        for text in [
            "",
            "ci.key",
            "file:",
            "gcpkms:projects/x",
            "awskms:",
            "awskms:?region=x",
            "awskms:a b",
            "awskms:k?colour=blue",
            "awskms:k?region=",
            "awskms:k?region=a&region=b",
            "awssigner:",
            "awssigner:a-b",
            "awssigner:arn:aws:signer:us-east-1:111122223333:/signing-profiles/Release/abcdefghij",
            "pkcs11:token=x",
        ] {
            assert!(text.parse::<SignerAddress>().is_err(), "{text}");
        }
    }
}
