//! The list of what stands below a prefix, page by page.

use hallmark_config::BucketName;

use crate::name::ObjectName;
use crate::store::{GetError, ListEntry, ListRequest, Store};

/// Keys in a page.
const PAGE: usize = 1000;

/// All objects of a bucket whose keys begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Below {
    /// Which bucket.
    pub bucket: BucketName,
    /// May be empty.
    pub prefix: String,
}

impl Below {
    /// What stands before the names of files in lists: the folder that the prefix names or lies in.
    pub fn folder(&self) -> &str {
        let end = self.prefix.rfind('/').map_or(0, |slash| slash + 1);
        self.prefix.get(..end).unwrap_or_default()
    }
}

impl std::fmt::Display for Below {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Why the list ends early.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The store does not give it.
    #[error("the objects cannot be listed")]
    Store(#[from] GetError),
    /// It would never end, or leave something out.
    #[error("the store's list of objects makes no sense: {0}")]
    Nonsense(&'static str),
}

/// A walk through the list.
pub(super) struct Walk<'w> {
    store: &'w dyn Store,
    below: &'w Below,
    after: Option<String>,
    unreachable: Option<Vec<u8>>,
    more: bool,
}

/// Names in the list, some at a time.
pub(super) struct Names {
    /// Of objects.
    pub(super) objects: Vec<ObjectName>,
    /// Of what no client can ask for; each is told once.
    pub(super) unreachable: Vec<Vec<u8>>,
    /// There are more of those, by number.
    pub(super) omitted: usize,
}

impl<'w> Walk<'w> {
    pub(super) fn new(store: &'w dyn Store, below: &'w Below) -> Self {
        Self { store, below, after: None, unreachable: None, more: true }
    }

    /// The next names; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Names>, WalkError> {
        if !self.more {
            return Ok(None);
        }
        let request = ListRequest {
            bucket: self.below.bucket.clone(),
            prefix: self.below.prefix.clone(),
            delimiter: None,
            after: self.after.clone(),
            limit: PAGE,
        };
        let page = self.store.list(request).await?;
        let mut names = Vec::new();
        for entry in page.entries {
            let ListEntry::Object { key, .. } = entry else {
                return Err(WalkError::Nonsense("it has folders, and was not asked for them"));
            };
            let onwards = self.after.as_deref().is_none_or(|after| after < key.as_str());
            if !onwards || !key.as_str().starts_with(&self.below.prefix) {
                return Err(WalkError::Nonsense("it is not in order"));
            }
            self.after = Some(key.as_str().to_owned());
            names.push(ObjectName { bucket: self.below.bucket.clone(), key });
        }
        if page.more && names.is_empty() {
            return Err(WalkError::Nonsense("it does not go on"));
        }
        self.more = page.more;
        let (mut unreachable, omitted) = page.unreachable.into_names();
        unreachable.retain(|name| self.unreachable.as_ref().is_none_or(|told| name > told));
        if let Some(last) = unreachable.last() {
            self.unreachable = Some(last.clone());
        }
        Ok(Some(Names { objects: names, unreachable, omitted }))
    }
}
