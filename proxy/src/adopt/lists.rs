//! Lists of digests that the operator brings, as `hallmark checksums` and `sha256sum` write them. They come from outside of
//! the store, or are signed by a key of the configuration.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hallmark_config::{Config, ConfigErrors, SignerName, UnixMs};
use hallmark_signer::evidence::{DetachedError, MAX_FILE, parse_detached};
use hallmark_signer::{
    BlobHasher, ChecksumList, ChecksumListError, ListedName, LooksLikeDsse, MAX_CHECKSUM_LIST, Sha256Digest,
};

use super::walk::Below;
use crate::app::Keys;
use crate::gate::Clock;
use crate::name::{ObjectKey, ObjectName};
use crate::trust::NotVouched;

/// At most so many lists.
const MAX_LISTS: usize = 16;

/// What lists say of objects. Their names are those below the folder that a prefix names or lies in.
#[derive(Debug, Clone, Default)]
pub struct Lists(ChecksumList);

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListFileError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It is longer than a list may be.
    #[error("{}: too long", .0.display())]
    TooLong(PathBuf),
    /// It is no list.
    #[error("{}: {error}", path.display())]
    List {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: ChecksumListError,
    },
    /// Two of them say different things.
    #[error("the lists have two digests for `{0}`")]
    Differ(String),
    /// Too many.
    #[error("more than 16 lists")]
    TooMany,
    /// Its signature is none.
    #[error("{}: {error}", path.display())]
    Signature {
        /// The file of the signature.
        path: PathBuf,
        /// What is wrong with it.
        error: DetachedError,
    },
    /// It passes for something else that was signed.
    #[error("{}: {error}", path.display())]
    Dsse {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: LooksLikeDsse,
    },
    /// It is not signed by whom it should be.
    #[error("{}: {error}", path.display())]
    NotVouched {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: NotVouched,
    },
    /// Keys of the configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

impl Lists {
    /// Reads the lists in these files. With `signer` each must be signed by that key of the configuration, valid now: the
    /// signature of `FILE` is in `FILE.sig`.
    ///
    /// # Errors
    /// One of them is no list, not signed by that key, or says something else than another one.
    pub fn read(files: &[PathBuf], signer: Option<(&Config, &SignerName)>) -> Result<Self, ListFileError> {
        if files.len() > MAX_LISTS {
            return Err(ListFileError::TooMany);
        }
        let policy = match signer {
            Some((config, signer)) => Some((Keys::read_or_errors(config)?.trusted.policy, signer)),
            None => None,
        };
        let mut all = ChecksumList::default();
        for path in files {
            // Read once: what was signed is what is believed.
            let bytes = read(path, MAX_CHECKSUM_LIST)?;
            if let Some((policy, signer)) = &policy {
                let mut hasher = BlobHasher::new();
                hasher.update(&bytes);
                let blob =
                    hasher.finish().map_err(|error| ListFileError::Dsse { path: path.clone(), error })?;
                let mut beside = path.clone().into_os_string();
                beside.push(".sig");
                let beside = PathBuf::from(beside);
                let signature = parse_detached(&read(&beside, MAX_FILE as u64)?);
                let signature =
                    signature.map_err(|error| ListFileError::Signature { path: beside, error })?;
                let now = UnixMs(Clock::default().now());
                policy
                    .vouched_for(&blob, signer, &signature, now)
                    .map_err(|error| ListFileError::NotVouched { path: path.clone(), error })?;
            }
            let list = ChecksumList::parse(&bytes);
            let list = list.map_err(|error| ListFileError::List { path: path.clone(), error })?;
            all.join(list).map_err(|name| ListFileError::Differ(name.as_str().to_owned()))?;
        }
        Ok(Self(all))
    }

    /// What they say of an object below a prefix.
    pub(super) fn digest(&self, below: &Below, object: &ObjectName) -> Option<&Sha256Digest> {
        let name = object.key.as_str().strip_prefix(below.folder())?;
        self.0.find(&ListedName::parse(name).ok()?)
    }

    /// All objects below a prefix that they name.
    pub(super) fn names<'l>(&'l self, below: &'l Below) -> impl Iterator<Item = ObjectName> + 'l {
        self.0.iter().filter_map(|(name, _)| {
            let key = format!("{}{}", below.folder(), name.as_str());
            let key = ObjectKey::parse(&key).ok().filter(|_| key.starts_with(&below.prefix))?;
            Some(ObjectName { bucket: below.bucket.clone(), key })
        })
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ListFileError> {
    let failed = |error| ListFileError::Io { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit { Err(ListFileError::TooLong(path.to_owned())) } else { Ok(bytes) }
}
