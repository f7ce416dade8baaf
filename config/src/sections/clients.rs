//! `[[clients]]` and `[[clients.grants]]`

use super::secrets::secret;
use crate::name::{BucketName, ClientName, NameError, Prefix};
use crate::reader::{Read, Table, Unique, Value};
use crate::types::{BucketScope, Client, Grant, Permission, Permissions};

pub(super) fn clients(value: &Value<'_>) -> Read<Vec<Client>> {
    let (names, access_keys) = (Unique::new(), Unique::new());
    value.tables(|table| {
        let name = table.required("name", "\"ci\"", |value| {
            let name = value.parse(ClientName::parse)?;
            names.admit(value.place(), name.clone())?;
            Ok(name)
        });
        let access_key = table.required("access_key", "\"ci-access\"", |value| {
            let access_key = value.parse(access_key)?;
            access_keys.admit(value.place(), access_key.clone())?;
            Ok(access_key)
        });
        let secret = secret(table);
        let grants = table.or("grants", Vec::new(), |value| value.tables(grant));
        Ok(Client { name: name?, access_key: access_key?, secret: secret?, grants: grants? })
    })
}

/// `/` and `,` and `=` end the access key in an `Authorization` header.
fn access_key(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_graphic() && !b"/,=".contains(&b);
    if (3..=128).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err("3 to 128 visible ASCII characters without `/`, `,` and `=`")
}

fn grant(table: &mut Table<'_>) -> Read<Grant> {
    let bucket = table.required("bucket", "\"releases\"", |value| value.parse(scope));
    let prefix = table.or("prefix", Prefix::all(), |value| value.parse(Prefix::parse));
    let permissions =
        table.required("permissions", "[\"read\"]", |value| permissions(value, &Permission::ALL));
    let (bucket, prefix, permissions) = (bucket?, prefix?, permissions?);

    if !prefix.as_str().is_empty() && permissions.contains(Permission::Admin) {
        return Err(table
            .place()
            .problem("`admin` is about whole buckets; grant it without a prefix, in an entry of its own"));
    }
    Ok(Grant { bucket, prefix, permissions })
}

fn scope(text: &str) -> Result<BucketScope, String> {
    if text == "*" {
        return Ok(BucketScope::All);
    }
    BucketName::parse(text)
        .map(BucketScope::One)
        .map_err(|NameError { rule }| format!("\"*\" for all buckets, or the name of one ({rule})"))
}

/// A list of words of `allowed`; not an empty one, which would look like a grant and be none.
pub(super) fn permissions(value: &Value<'_>, allowed: &[Permission]) -> Read<Permissions> {
    let words: Vec<_> = allowed.iter().map(|permission| (permission.word(), *permission)).collect();
    let permissions = value.set(|entry| entry.word(&words))?;
    if permissions.is_empty() {
        return Err(value.place().problem("is empty; name what is allowed, or leave the entry out"));
    }
    Ok(permissions.into_iter().collect())
}
