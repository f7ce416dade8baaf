//! From pages of the store to a page of ours.
//!
//! Stores differ in what they make of a marker: some begin with a rolled-up prefix again that holds or equals it, some
//! send short or empty pages and more to come, some say that there is more when there is not. So one entry more is asked
//! for than is wanted, prefixes that are not after the marker are dropped, and the next page is asked for where that leaves
//! too few. Each page must lead on, and not many of them make one of ours: a store cannot keep us going.

use std::future::Future;

use super::error::Failure;
use super::frame::Name;
use super::text::Odd;
use crate::store::{GetError, StoreError, StoreFault, Unreachable, VersionId, VersionMarker};

/// The most entries of a page, as in S3.
pub(super) const MAX_PAGE: usize = 1000;

/// The most pages of the store that are read for one of ours.
pub(super) const MAX_PAGES: usize = 32;

/// A listing that can be read page after page.
pub(super) trait Pages {
    /// What is listed.
    type Entry;

    /// What it is called in the log.
    const CALL: &'static str;

    /// The longest marker that makes sense, bytes.
    fn longest_marker(&self) -> usize;

    /// At most `count` lines after `at`; with a version: from within the versions of that key.
    fn page(
        &self,
        at: Option<&VersionMarker>,
        count: usize,
    ) -> impl Future<Output = Result<Page<Self::Entry>, GetError>> + Send;
}

/// What a store answered.
#[derive(Debug)]
pub(super) struct Page<E> {
    /// In order.
    pub(super) lines: Vec<Found<E>>,
    /// Whether it says that there is more.
    pub(super) truncated: bool,
    /// Where it says that it ended: what that may mean. Asked only where there are no lines.
    pub(super) next: Vec<VersionMarker>,
}

/// A line of an answer.
#[derive(Debug)]
pub(super) struct Found<E> {
    /// The key or the rolled-up prefix.
    pub(super) name: Name,
    /// What it is.
    pub(super) what: What,
    /// It, for clients; `None`: none of them can have put it there.
    pub(super) entry: Option<E>,
}

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A rolled-up prefix.
    Rolled,
    /// An object.
    Object,
    /// This version of an object, or this delete marker.
    Version(VersionId),
}

/// What a walk came to.
#[derive(Debug)]
pub(super) struct Walked<E> {
    /// For clients.
    pub(super) entries: Vec<E>,
    /// Objects that are not.
    pub(super) unreachable: Unreachable,
    /// Whether there is more after the last entry.
    pub(super) more: bool,
}

/// Reads pages until there are `limit` entries after `after`, or all.
///
/// # Errors
/// The store failed, or its pages make no sense together.
pub(super) async fn walk<P: Pages>(
    pages: &P,
    after: Option<VersionMarker>,
    limit: usize,
) -> Result<Walked<P::Entry>, GetError> {
    let odd = |odd: Odd| GetError::Store(Failure::malformed(P::CALL, odd.0).into());
    let limit = limit.clamp(1, MAX_PAGE);
    let mut at =
        after.clone().filter(|after| !after.key.is_empty()).map(|after| cut(after, pages.longest_marker()));
    let (mut entries, mut unreachable) = (Vec::new(), Unreachable::default());
    let mut fruitless = false;
    for _ in 0..MAX_PAGES {
        // At least two: one of them may be the prefix that the marker lies in.
        let count = if fruitless { MAX_PAGE } else { (limit - entries.len() + 1).clamp(2, MAX_PAGE) };
        let page = pages.page(at.as_ref(), count).await?;
        if page.lines.len() > count {
            return Err(odd(Odd("a page is longer than was asked for")));
        }
        let (mut reached, before, hidden) = (None, entries.len(), unreachable.count());
        for Found { name, what, entry } in page.lines {
            let around = match at.as_ref().map_or(Standing::After, |at| standing(&name, &what, at)) {
                Standing::After => false,
                Standing::Around => true,
                Standing::Before => return Err(odd(Odd("a page begins before the marker"))),
            };
            if let Some(key) = name.text() {
                reached = Some(VersionMarker { key: key.to_owned(), version: what.version().cloned() });
            }
            if around {
                continue;
            }
            // The marker that was sent may have been a shorter one.
            let passed = |after: &VersionMarker| {
                name.is_after(&after.key) || (name.is(&after.key) && after.version.is_some())
            };
            if !after.as_ref().is_none_or(passed) {
                continue;
            }
            match entry {
                None => unreachable.add(name.into_bytes()),
                Some(_) if entries.len() == limit => return Ok(Walked { entries, unreachable, more: true }),
                Some(entry) => entries.push(entry),
            }
        }
        let hidden = unreachable.count() - hidden;
        if hidden > 0 {
            tracing::warn!(call = P::CALL, hidden, "the store lists keys that no client can have put there");
        }
        if !page.truncated {
            return Ok(Walked { entries, unreachable, more: false });
        }
        if entries.len() == limit {
            return Ok(Walked { entries, unreachable, more: true });
        }
        fruitless = entries.len() == before;
        at = next(at.as_ref(), reached, page.next);
        if at.is_none() {
            return Err(odd(Odd("there is said to be more, but no page leads on")));
        }
    }
    if entries.is_empty() {
        let message = format!("{}: nothing to show on {MAX_PAGES} pages", P::CALL);
        return Err(GetError::Store(StoreError::new(StoreFault::Unavailable, message)));
    }
    Ok(Walked { entries, unreachable, more: true })
}

/// Where the next page begins; `None`: it would be the same one.
fn next(
    at: Option<&VersionMarker>,
    reached: Option<VersionMarker>,
    said: Vec<VersionMarker>,
) -> Option<VersionMarker> {
    let leads = |next: &VersionMarker| at.is_none_or(|at| leads_on(at, next));
    // Of what a page without lines may mean by its end the nearest: what lies behind it cannot be missed.
    let said = said.into_iter().filter(leads).min_by(|a, b| a.key.cmp(&b.key));
    reached.filter(leads).or(said)
}

/// Where a line stands.
enum Standing {
    After,
    /// It is a prefix that the marker lies in, or is; or a version of the marker's key though none of them was to come.
    /// (From a marker that names no version Ceph's gateway begins with all of that key.)
    Around,
    Before,
}

fn standing(name: &Name, what: &What, at: &VersionMarker) -> Standing {
    if name.is_after(&at.key) {
        return Standing::After;
    }
    match what {
        What::Rolled => Standing::Around,
        What::Version(version) if name.is(&at.key) => match &at.version {
            None => Standing::Around,
            Some(at) if at == version => Standing::Before,
            Some(_) => Standing::After,
        },
        What::Object | What::Version(_) => Standing::Before,
    }
}

/// Whether what comes after `next` is less than what comes after `at`. Of two versions of a key that is for the store to
/// know.
fn leads_on(at: &VersionMarker, next: &VersionMarker) -> bool {
    next.key > at.key || (next.key == at.key && next.version.is_some() && next.version != at.version)
}

/// A marker that is not longer than a key can be: no key lies between it and the one meant but that are dropped.
fn cut(mut marker: VersionMarker, longest: usize) -> VersionMarker {
    if marker.key.len() > longest {
        marker.key.truncate(marker.key.floor_char_boundary(longest));
        marker.version = None;
    }
    marker
}

impl What {
    fn version(&self) -> Option<&VersionId> {
        match self {
            Self::Rolled | Self::Object => None,
            Self::Version(version) => Some(version),
        }
    }
}
