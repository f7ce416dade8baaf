//! Where a key lies in a token: PKCS#11 URIs (RFC 7512).

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::address::AddressError;

/// The longest URI that is read, bytes.
const MAX_URI: usize = 4096;

/// A PKCS#11 URI that names one private key: `pkcs11:token=releases;object=ci?module-path=/usr/lib/….so`.
///
/// Of the path, `token`, `serial`, `slot-id`, `object`, `id` and `type=private` are understood; of the query, `module-path`
/// and `pin-source`. Anything else is refused rather than passed over: it would have narrowed down what is meant. So is
/// `pin-value`, since what stands on a command line is seen by everybody on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Uri {
    /// The library to load; `None`: the environment names it.
    pub(super) module: Option<PathBuf>,
    /// The token's label.
    pub(super) token: Option<String>,
    /// The token's serial number.
    pub(super) serial: Option<String>,
    /// The number of the slot.
    pub(super) slot: Option<u64>,
    /// The key's label.
    pub(super) object: Option<String>,
    /// The key's id.
    pub(super) id: Option<Vec<u8>>,
    /// The file with the PIN; `None`: it is asked for.
    pub(super) pin_file: Option<PathBuf>,
}

impl Pkcs11Uri {
    /// Reads what comes after `pkcs11:`.
    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_URI {
            return Err(AddressError::new("the PKCS#11 URI is too long"));
        }
        let mut uri = Self {
            module: None,
            token: None,
            serial: None,
            slot: None,
            object: None,
            id: None,
            pin_file: None,
        };
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        for (name, value) in attributes(path, ';')? {
            match name {
                "token" => once(name, &mut uri.token, decoded(name, value)?)?,
                "serial" => once(name, &mut uri.serial, decoded(name, value)?)?,
                "slot-id" => once(name, &mut uri.slot, value.parse().map_err(|_| malformed(name))?)?,
                "object" => once(name, &mut uri.object, decoded(name, value)?)?,
                "id" => once(name, &mut uri.id, percent_decode_str(value).collect())?,
                "type" if value == "private" => {}
                "type" => return Err(AddressError::new("only `type=private` can sign")),
                other => return Err(unknown(other)),
            }
        }
        for (name, value) in attributes(query, '&')? {
            match name {
                "module-path" => once(name, &mut uri.module, decoded(name, value)?.into())?,
                "pin-source" => {
                    let source = decoded(name, value)?;
                    let path = source.strip_prefix("file:").unwrap_or(&source);
                    if path.starts_with('|') {
                        return Err(AddressError::new("`pin-source` names a file; no program is run"));
                    }
                    once(name, &mut uri.pin_file, path.into())?;
                }
                "pin-value" => {
                    return Err(AddressError::new("a PIN does not stand in an address, where others see it").hint(
                        "put it into a file named by `pin-source`, or into the environment variable HALLMARK_PIN",
                    ));
                }
                other => return Err(unknown(other)),
            }
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(AddressError::new("the PKCS#11 URI names no key")
                .hint("give its label (`object=`) or its id (`id=%01`): pkcs11:token=releases;object=ci"));
        }
        Ok(uri)
    }

    /// Words for the key, for people.
    pub(super) fn key(&self) -> String {
        match (&self.object, &self.id) {
            (Some(label), _) => format!("`{label}`"),
            (None, Some(id)) => format!("with the id {}", hex::encode(id)),
            (None, None) => "without a name".to_owned(),
        }
    }

    /// Words for the token, for people.
    #[cfg(feature = "pkcs11")]
    pub(super) fn token(&self) -> String {
        match (&self.token, &self.serial, self.slot) {
            (Some(label), ..) => label.clone(),
            (None, Some(serial), _) => format!("with the serial number {serial}"),
            (None, None, Some(slot)) => format!("in slot {slot}"),
            (None, None, None) => "of any name".to_owned(),
        }
    }
}

fn attributes(text: &str, separator: char) -> Result<Vec<(&str, &str)>, AddressError> {
    text.split(separator)
        .filter(|attribute| !attribute.is_empty())
        .map(|attribute| attribute.split_once('=').ok_or_else(without_value))
        .collect()
}

fn decoded(name: &str, value: &str) -> Result<String, AddressError> {
    let text = percent_decode_str(value).decode_utf8().map_err(|_| malformed(name))?;
    // Labels of nothing would be found in any token; a NUL would end a path early.
    if text.is_empty() || text.contains('\0') { Err(malformed(name)) } else { Ok(text.into_owned()) }
}

fn once<T>(name: &str, field: &mut Option<T>, value: T) -> Result<(), AddressError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(AddressError::new(format!("`{name}` stands twice in the PKCS#11 URI"))),
    }
}

/// What stands in place of an attribute is not shown: it may be a piece of a PIN.
fn without_value() -> AddressError {
    AddressError::new("an attribute of the PKCS#11 URI has no `=`".to_owned())
        .hint("for example: pkcs11:token=releases;object=ci?module-path=/usr/lib/softhsm/libsofthsm2.so")
}

fn malformed(name: &str) -> AddressError {
    AddressError::new(format!("`{name}` in the PKCS#11 URI is not as it has to be"))
        .hint("for example: pkcs11:token=releases;object=ci?module-path=/usr/lib/softhsm/libsofthsm2.so")
}

fn unknown(name: &str) -> AddressError {
    AddressError::new(format!("`{name}` in a PKCS#11 URI is not understood"))
        .hint("known are token, serial, slot-id, object, id, type; after the `?` module-path and pin-source")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_read_and_what_is_not_understood_refused() {
        let uri = Pkcs11Uri::parse(
            "token=my%20token;serial=42;slot-id=3;object=ci%3b;id=%01%FF;type=private\
             ?module-path=/usr/lib/x.so&pin-source=file:/etc/pin",
        );
        let expected = Pkcs11Uri {
            module: Some("/usr/lib/x.so".into()),
            token: Some("my token".to_owned()),
            serial: Some("42".to_owned()),
            slot: Some(3),
            object: Some("ci;".to_owned()),
            id: Some(vec![1, 255]),
            pin_file: Some("/etc/pin".into()),
        };
        assert_eq!(uri, Ok(expected));
        for (text, good) in [
            ("object=ci", true),
            ("id=%01", true),
            ("object=ci?pin-source=/etc/pin", true),
            ("", false),
            ("token=releases", false),
            ("object", false),
            ("object=", false),
            ("object=%ff", false),
            ("object=a%00b", false),
            ("object=ci;object=other", false),
            ("object=ci;type=public", false),
            ("object=ci;slot-id=x", false),
            ("object=ci;library-version=3", false),
            ("object=ci?pin-value=1234", false),
            ("object=ci?pin-source=%7C/bin/pin", false),
            ("object=ci?module-name=softhsm2", false),
        ] {
            assert_eq!(Pkcs11Uri::parse(text).is_ok(), good, "{text}");
        }
        assert!(Pkcs11Uri::parse(&format!("object={}", "x".repeat(MAX_URI))).is_err());
    }

    #[test]
    fn a_pin_is_not_repeated() {
        let error = Pkcs11Uri::parse("object=ci?pin-value=271828").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("271828"));
    }
}
