//! Trusted identities: by subject, or by a signing profile of AWS Signer.

use super::subject::TrustedSubject;

/// Who must have signed.
///
/// ```
/// use hallmark_signer::evidence::NotationIdentity;
/// assert!(NotationIdentity::parse("x509.subject: C=US, O=acme, CN=build").is_ok());
/// assert!(NotationIdentity::parse("arn:aws:signer:us-east-1:111122223333:/signing-profiles/Build").is_ok());
/// assert!(NotationIdentity::parse("*").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotationIdentity {
    /// Whose certificate has these attributes in its subject.
    Subject(TrustedSubject),
    /// For whom AWS Signer signed.
    Profile(SigningProfile),
}

/// A text that is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotationIdentityError {
    /// Neither of the two forms.
    #[error("expected `x509.subject: C=…, O=…, CN=…` or the ARN of a signing profile")]
    Form,
    /// Attributes in another form.
    #[error("expected attributes of a subject, each once and with a value, as `C=US, O=acme, CN=build`")]
    Subject,
    /// An attribute that is not known.
    #[error(
        "`{0}` is not an attribute of subjects; CN, SERIALNUMBER, C, L, ST, STREET, O, OU, UID and DC are"
    )]
    Attribute(String),
    /// Not the ARN of a profile.
    #[error(
        "expected `arn:aws:signer:REGION:ACCOUNT:/signing-profiles/NAME`, with or without `/VERSION`, without wildcards"
    )]
    Profile,
}

impl NotationIdentity {
    /// Reads `x509.subject: C=US, O=acme, CN=build` or the ARN of a signing profile or of one of its versions.
    ///
    /// # Errors
    /// Neither of them. Wildcards are not supported.
    pub fn parse(text: &str) -> Result<Self, NotationIdentityError> {
        if let Some(subject) = text.strip_prefix("x509.subject:") {
            return TrustedSubject::parse(subject).map(Self::Subject);
        }
        if text.starts_with("arn:") {
            return SigningProfile::parse(text).map(Self::Profile);
        }
        Err(NotationIdentityError::Form)
    }
}

/// The ARN of a signing profile, or of one version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningProfile {
    arn: String,
    versions: Versions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versions {
    All,
    This,
}

impl SigningProfile {
    fn parse(arn: &str) -> Result<Self, NotationIdentityError> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let [_, partition, "signer", region, account, resource] = parts[..] else {
            return Err(NotationIdentityError::Profile);
        };
        let path: Vec<_> = resource.split('/').collect();
        let versions = match path[..] {
            ["", "signing-profiles", _] => Versions::All,
            ["", "signing-profiles", _, _] => Versions::This,
            _ => return Err(NotationIdentityError::Profile),
        };
        let mut words = [partition, region, account].into_iter().chain(path.into_iter().skip(1));
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if words.all(is_word) {
            Ok(Self { arn: arn.to_owned(), versions })
        } else {
            Err(NotationIdentityError::Profile)
        }
    }

    /// In which region it is.
    pub fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    /// Whether `version` is this version, or one of this profile.
    pub(super) fn has_version(&self, version: &str) -> bool {
        match self.versions {
            Versions::This => self.arn == version,
            Versions::All => version.rsplit_once('/').is_some_and(|(profile, version)| {
                profile == self.arn
                    && !version.is_empty()
                    && version.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_its_versions_and_no_others() {
        const PROFILE: &str = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/Build_1";
        let all = SigningProfile::parse(PROFILE).unwrap();
        let this = SigningProfile::parse(&format!("{PROFILE}/ABCDEFGHIJ")).unwrap();
        for (version, of_all, is_this) in [
            ("/ABCDEFGHIJ", true, true),
            ("/ABCDEFGHIK", true, false),
            ("", false, false),
            ("/", false, false),
            ("2/ABCDEFGHIJ", false, false),
            ("/ABCDEFGHIJ/x", false, false),
        ] {
            let version = format!("{PROFILE}{version}");
            assert_eq!(
                (all.has_version(&version), this.has_version(&version)),
                (of_all, is_this),
                "{version}"
            );
        }
        for bad in [
            "arn:aws:signer:us-east-1:111122223333:/signing-profiles/",
            "arn:aws:signer:us-east-1:111122223333:/signing-profiles/*",
            "arn:aws:signer:*:111122223333:/signing-profiles/a",
            "arn:aws:signer:us-east-1::/signing-profiles/a",
            "arn:aws:signer:us-east-1:111122223333:/signing-jobs/a",
            "arn:aws:signer:us-east-1:111122223333:/signing-profiles/a/b/c",
            "arn:aws:kms:us-east-1:111122223333:/signing-profiles/a",
        ] {
            assert_eq!(SigningProfile::parse(bad), Err(NotationIdentityError::Profile), "{bad}");
        }
    }
}
