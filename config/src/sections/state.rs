//! `[state]`

use std::path::{Path, PathBuf};

use super::store::Kind;
use crate::reader::{Read, Table, Value};
use crate::state_secret::StateSecret;
use crate::types::{Generated, Seal, SealKey, State};

/// In the folder of the seal key, if the file names no other.
const DEFAULT_NAME: &str = "state.secret";

const SHARED: &str = "all instances that share a store that speaks S3 need the same secret, so none is made; make it with \
    `umask 077; openssl rand -hex 32 > state.secret` and add `secret_file = \"state.secret\"`";

const NO_FOLDER: &str = "the seal key is in no folder where the secret could be; make it with \
    `umask 077; openssl rand -hex 32 > state.secret` and add `secret_file = \"state.secret\"`";

/// `seal`: its key's folder is where the secret is, unless another file is named.
/// `kind`: of the store; what several instances can share needs a secret that they share, too.
pub(super) fn state(table: &mut Table<'_>, seal: &Read<Seal>, kind: Read<Kind>) -> Read<State> {
    let named = table.optional("secret_file", secret_file);
    let previous = table.optional("previous_secret_file", |value| {
        let path = secret_file(value)?;
        Ok((value.place().clone(), path))
    });
    let (secret_file, generated) = match (named?, seal) {
        (Some(path), _) => (path, Generated::Never),
        (None, _) if matches!(kind, Ok(Kind::S3)) => return Err(table.missing("secret_file", SHARED)),
        (None, Ok(seal)) => match &seal.key {
            SealKey::File(path) => (default_file(table, path)?, Generated::WhenAbsent),
            SealKey::Signer(_) => return Err(table.missing("secret_file", NO_FOLDER)),
        },
        (None, Err(reported)) => return Err(*reported),
    };
    let previous = previous?.map(|(place, path)| {
        if path == secret_file {
            return Err(place.problem("the same file as the secret of today; leave it out"));
        }
        Ok(path)
    });
    Ok(State { secret_file, generated, previous_secret_file: previous.transpose()? })
}

/// The name of a file with a state secret, which is there.
fn secret_file(value: &Value<'_>) -> Read<PathBuf> {
    let path = value.path()?;
    StateSecret::load(&path).map_err(|message| value.place().problem(message))?;
    Ok(path)
}

fn default_file(table: &Table<'_>, seal_key: &Path) -> Read<PathBuf> {
    let path = seal_key.with_file_name(DEFAULT_NAME);
    if path.exists() {
        StateSecret::load(&path).map_err(|message| {
            table.place().problem(format_args!("`{DEFAULT_NAME}` in the folder of the seal key: {message}"))
        })?;
    }
    Ok(path)
}
