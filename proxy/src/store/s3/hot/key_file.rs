//! Credentials in a file of the form of `~/.aws/credentials`.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

/// The largest file that is read, bytes.
const MAX_BYTES: u64 = 64 << 10;
/// Permissions of others than the owner.
const OTHERS: u32 = 0o077;

/// What a file looks like from outside: another look, another content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

/// Looks at the file without reading it.
pub(super) fn look(path: &Path) -> Result<Seen, String> {
    let seen = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Seen { inode: seen.ino(), length: seen.len(), modified: seen.modified().ok() })
}

/// Reads the keys of `profile`. Their owner must be the only one who can read them.
pub(super) fn read(path: &Path, profile: &str) -> Result<Credentials, String> {
    let fault = |reason: &str| format!("{}: {reason}", path.display());
    let unread = |error: std::io::Error| fault(&error.to_string());
    let file = std::fs::File::open(path).map_err(unread)?;
    if file.metadata().map_err(unread)?.mode() & OTHERS != 0 {
        return Err(fault("it is open to others than its owner; chmod 600"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unread)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(fault("it is too long"));
    }
    parse(&text, profile).map_err(|reason| fault(&reason))
}

fn parse(text: &str, profile: &str) -> Result<Credentials, String> {
    let (mut inside, mut known) = (false, false);
    let [mut id, mut secret, mut token] = [None, None, None];
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.strip_suffix(']').is_some_and(|name| name.trim() == profile);
            known |= inside;
        } else if inside {
            // What stands in a line is not shown: it may be a secret.
            let (name, value) = line.split_once('=').ok_or("a line is not of the form `name = value`")?;
            let slot = match name.trim() {
                "aws_access_key_id" => &mut id,
                "aws_secret_access_key" => &mut secret,
                "aws_session_token" => &mut token,
                // Other settings of the profile are for other tools.
                _ => continue,
            };
            if slot.replace(value.trim().to_owned()).is_some() {
                return Err(format!("`{}` is given twice in [{profile}]", name.trim()));
            }
        }
    }
    if !known {
        return Err(format!("there is no [{profile}] in it"));
    }
    let given = |key: Option<String>, name| {
        key.filter(|key| !key.is_empty()).ok_or_else(|| format!("[{profile}] has no `{name}`"))
    };
    let id = given(id, "aws_access_key_id")?;
    let secret = given(secret, "aws_secret_access_key")?;
    Ok(Credentials::new(id, secret, token.filter(|token| !token.is_empty()), None, "file"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const FILE: &str = "# comment\n[other]\naws_access_key_id=X\n\n[ store ]\nregion = a\n\
        aws_access_key_id = ID\naws_secret_access_key=sec=ret\n";

    #[test]
    fn the_keys_of_a_profile_are_read() {
        let found = parse(FILE, "store").unwrap();
        assert_eq!(
            (found.access_key_id(), found.secret_access_key(), found.session_token()),
            ("ID", "sec=ret", None)
        );
        let with_token = format!("{FILE}aws_session_token = T\n");
        assert_eq!(parse(&with_token, "store").unwrap().session_token(), Some("T"));
    }

    #[test]
    fn what_is_missing_is_said_without_secrets() {
        for (text, profile, reason) in [
            (FILE, "default", "there is no [default] in it"),
            (FILE, "other", "[other] has no `aws_secret_access_key`"),
            ("[a]\nsecret", "a", "a line is not of the form `name = value`"),
            ("[a]\naws_access_key_id=\n", "a", "[a] has no `aws_access_key_id`"),
            (
                "[a]\naws_access_key_id=1\naws_access_key_id=2\n",
                "a",
                "`aws_access_key_id` is given twice in [a]",
            ),
        ] {
            assert_eq!(parse(text, profile).unwrap_err(), reason);
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        fs::write(&path, FILE).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path, "store").unwrap_err().contains("open to others"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        read(&path, "store").unwrap();
    }
}
