//! The file of the state secret: read at start, and made there if the configuration names none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hallmark_config::{Config, Generated, Realm, State, StateSecret};
use zeroize::Zeroizing;

use crate::proof::StateKeys;

/// Reads the state secrets, or makes the first one.
///
/// # Errors
/// The configuration's key that names the file (or the folder), and what is wrong; never what is in the file.
pub(crate) fn keys(config: &Config) -> Result<StateKeys, (String, String)> {
    read(&config.state, &config.realm)
}

fn read(state: &State, realm: &Realm) -> Result<StateKeys, (String, String)> {
    let secret = match state.generated {
        Generated::Never => StateSecret::load(&state.secret_file).map_err(at("state.secret_file"))?,
        Generated::WhenAbsent => load_or_make(&state.secret_file).map_err(|message| {
            let name = state.secret_file.file_name().unwrap_or_default().display();
            at("seal.key_file")(format!("`{name}` in the same folder: {message}"))
        })?,
    };
    let previous = state.previous_secret_file.as_deref().map(StateSecret::load).transpose();
    let previous = previous.map_err(at("state.previous_secret_file"))?;
    Ok(StateKeys::new(&secret, previous.as_ref(), realm))
}

fn at(key: &str) -> impl Fn(String) -> (String, String) {
    move |message| (key.to_owned(), message)
}

fn load_or_make(path: &Path) -> Result<StateSecret, String> {
    // Asked of the name, not of what it leads to: a link to nowhere is somebody's mistake.
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path).map_err(|error| format!("the file is not there and cannot be made: {error}"))?;
        }
        Err(_) | Ok(_) => {}
    }
    // Whoever made it.
    StateSecret::load(path)
}

/// Makes the file in one step, durably, for its owner alone. If another process made it meanwhile, that one's stays.
fn make(path: &Path) -> io::Result<()> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(io::Error::other)?;
    let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(secret.as_slice()))));
    let draft = draft(path)?;
    let made = write(&draft, text.as_bytes()).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // Under another name it is of no use.
    let removed = fs::remove_file(&draft);
    made.and(removed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// A name that no other process writes to.
fn draft(path: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", hex::encode(random)));
    Ok(name.into())
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn state(secret_file: PathBuf, generated: Generated) -> State {
        State { secret_file, generated, previous_secret_file: None }
    }

    fn realm() -> Realm {
        Realm::parse("r").unwrap()
    }

    #[test]
    fn the_secret_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.secret");
        let first = load_or_make(&path).unwrap();
        assert_eq!(load_or_make(&path).unwrap().expose(), first.expose());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays");
        let other = tempfile::tempdir().unwrap();
        assert_ne!(load_or_make(&other.path().join("state.secret")).unwrap().expose(), first.expose());
    }

    #[test]
    fn all_who_start_at_once_have_the_same_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.secret");
        let start = std::sync::Barrier::new(8);
        let secrets: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let begin = || {
                start.wait();
                *load_or_make(&path).unwrap().expose()
            };
            let starters: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_key_that_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |state: State| read(&state, &realm()).err().unwrap();
        let (key, message) = refused(state(dir.path().join("no/state.secret"), Generated::WhenAbsent));
        assert_eq!(key, "seal.key_file");
        assert!(
            message
                .starts_with("`state.secret` in the same folder: the file is not there and cannot be made")
        );
        let (key, _) = refused(state(dir.path().join("state.secret"), Generated::Never));
        assert_eq!(key, "state.secret_file");
        assert!(!dir.path().join("state.secret").exists(), "a file that is named is not made");

        let good = dir.path().join("good");
        make(&good).unwrap();
        let previous = State {
            previous_secret_file: Some(dir.path().join("none")),
            ..state(good.clone(), Generated::Never)
        };
        assert_eq!(refused(previous).0, "state.previous_secret_file");

        let [short, open, link] = ["short", "open", "link"].map(|name| dir.path().join(name));
        fs::write(&short, "0011\n").unwrap();
        fs::set_permissions(&short, fs::Permissions::from_mode(0o600)).unwrap();
        fs::copy(&good, &open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(dir.path().join("nowhere"), &link).unwrap();
        for bad in [short, open, link] {
            let (key, message) = refused(state(bad.clone(), Generated::WhenAbsent));
            assert_eq!(key, "seal.key_file");
            assert!(!message.contains("0011"), "{message}");
            assert!(fs::symlink_metadata(&bad).is_ok(), "what is there stays");
        }
        assert!(!dir.path().join("nowhere").exists());
    }
}
