//! Trusted subjects: attributes that the subject of a signer's certificate must have.

use x509_cert::der::Tag;
use x509_cert::der::Tagged as _;
use x509_cert::der::asn1::{Any, Ia5StringRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::name::Name;

use super::identity::NotationIdentityError;

/// Names of attributes (RFC 4514, section 3).
const ATTRIBUTES: [(&str, ObjectIdentifier); 10] = [
    ("CN", ObjectIdentifier::new_unwrap("2.5.4.3")),
    ("SERIALNUMBER", ObjectIdentifier::new_unwrap("2.5.4.5")),
    ("C", ObjectIdentifier::new_unwrap("2.5.4.6")),
    ("L", ObjectIdentifier::new_unwrap("2.5.4.7")),
    ("ST", ObjectIdentifier::new_unwrap("2.5.4.8")),
    ("STREET", ObjectIdentifier::new_unwrap("2.5.4.9")),
    ("O", ObjectIdentifier::new_unwrap("2.5.4.10")),
    ("OU", ObjectIdentifier::new_unwrap("2.5.4.11")),
    ("UID", ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1")),
    ("DC", ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25")),
];

/// Attributes with their values, at least one, each type once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedSubject(Vec<(ObjectIdentifier, String)>);

impl TrustedSubject {
    /// Reads `C=US, O=acme, CN=build`. In a value `\` stands before `,`, `;`, `\`, and before a space at its ends.
    pub(super) fn parse(text: &str) -> Result<Self, NotationIdentityError> {
        let mut attributes: Vec<(ObjectIdentifier, String)> = Vec::new();
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (name, value) = text.split_once('=').ok_or(NotationIdentityError::Subject)?;
            let known = ATTRIBUTES.iter().find(|(known, _)| *known == name.trim());
            let (_, oid) = known.ok_or_else(|| NotationIdentityError::Attribute(name.trim().to_owned()))?;
            let (value, after) = unescaped(value)?;
            if value.is_empty() || attributes.iter().any(|(before, _)| before == oid) {
                return Err(NotationIdentityError::Subject);
            }
            attributes.push((*oid, value));
            rest = after;
        }
        Ok(Self(attributes))
    }

    /// Whether `subject` has each of these attributes, with just this value and no other one of its type.
    pub(super) fn is_in(&self, subject: &Name) -> bool {
        self.0.iter().all(|(oid, expected)| {
            let mut values = subject.iter().filter(|attribute| attribute.oid == *oid);
            let only = values.next().filter(|_| values.next().is_none());
            only.and_then(|attribute| text(&attribute.value)).is_some_and(|value| value == expected)
        })
    }
}

/// A value up to the next comma, and what comes after that.
fn unescaped(text: &str) -> Result<(String, Option<&str>), NotationIdentityError> {
    let mut value = String::new();
    // So much of it stays when spaces are taken from its end.
    let mut kept = 0;
    let mut characters = text.trim_start_matches(' ').chars();
    let mut after = None;
    while let Some(character) = characters.next() {
        match character {
            ',' => {
                after = Some(characters.as_str());
                break;
            }
            ';' => return Err(NotationIdentityError::Subject),
            '\\' => match characters.next() {
                Some(escaped @ (',' | ';' | '\\' | ' ')) => {
                    value.push(escaped);
                    kept = value.len();
                }
                _ => return Err(NotationIdentityError::Subject),
            },
            ' ' => value.push(' '),
            other => {
                value.push(other);
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    Ok((value, after))
}

/// The text of an attribute of one of the types that are in use.
fn text(value: &Any) -> Option<&str> {
    match value.tag() {
        Tag::Utf8String => Utf8StringRef::try_from(value).ok().map(|text| text.as_str()),
        Tag::PrintableString => PrintableStringRef::try_from(value).ok().map(|text| text.as_str()),
        Tag::Ia5String => Ia5StringRef::try_from(value).ok().map(|text| text.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_unescaped() {
        let parse = |text| {
            TrustedSubject::parse(text).map(|subject| subject.0.into_iter().map(|(_, value)| value).collect())
        };
        for (text, expected) in [
            ("C=US, ST=WA,O=acme", vec!["US", "WA", "acme"]),
            (r"  O = acme\, Inc. , CN=a b ", vec!["acme, Inc.", "a b"]),
            (r"CN=\ a\ ,O=\\\;=", vec![" a ", r"\;="]),
        ] {
            assert_eq!(
                parse(text),
                Ok::<Vec<_>, _>(expected.iter().map(|text| (*text).to_owned()).collect()),
                "{text}"
            );
        }
        for bad in [
            "",
            "CN",
            "CN=",
            "CN= ",
            "CN=a,",
            "CN=a,,O=b",
            "CN=a;O=b",
            "CN=a,CN=b",
            r"CN=a\",
            r"CN=a\b",
            "X=a",
            "cn=a",
            "*",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
