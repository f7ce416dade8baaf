//! The names of all objects below a prefix, a page at a time.
//!
//! What a list says is the endpoint's word, and behind it the store's: a name that it leaves out is not noticed. What it
//! names is looked at.

use std::collections::VecDeque;

use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;

use crate::command::failure::Failure;
use crate::command::location::Location;
use crate::command::prefix::Prefix;
use crate::command::remote::Remote;
use crate::command::service;

/// So many pages in a row may bring no key beyond the last one: all of them versions of one key, or nothing.
const MAX_IDLE_PAGES: u32 = 10_000;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What stands there now.
    Current,
    /// All versions.
    Versions,
}

/// An object that a list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) location: Location,
    /// `None`: the current one.
    pub(crate) version: Option<String>,
}

/// A list that is being read.
pub(crate) struct Listing<'a> {
    remote: &'a Remote,
    prefix: &'a Prefix,
    scope: Scope,
    page: VecDeque<Entry>,
    /// Where the next page begins; `None` after the last.
    next: Option<Place>,
    /// The last key, which all that follow are beyond.
    last: Option<String>,
    idle_pages: u32,
}

/// A place in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    /// A token, or a key.
    after: Option<String>,
    version: Option<String>,
}

/// A page as it came.
struct Page {
    /// Keys with versions.
    names: Vec<(Option<String>, Option<String>)>,
    encoding: Option<EncodingType>,
    next: Option<Place>,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(remote: &'a Remote, prefix: &'a Prefix, scope: Scope) -> Self {
        let next = Some(Place::default());
        Self { remote, prefix, scope, page: VecDeque::new(), next, last: None, idle_pages: 0 }
    }

    /// The next object.
    pub(crate) async fn next(&mut self) -> Result<Option<Entry>, Failure> {
        loop {
            if let Some(entry) = self.page.pop_front() {
                return Ok(Some(entry));
            }
            let Some(place) = self.next.take() else { return Ok(None) };
            let page = match self.scope {
                Scope::Current => self.ask(&place).await?,
                Scope::Versions => self.ask_for_versions(&place).await?,
            };
            if page.next.as_ref() == Some(&place) {
                return Err(self.nonsense("it goes on where it stands"));
            }
            let before = self.last.clone();
            for (key, version) in page.names {
                let entry = self.entry(key.as_deref(), version, page.encoding.as_ref())?;
                self.page.push_back(entry);
            }
            self.idle_pages = if self.last == before { self.idle_pages + 1 } else { 0 };
            if self.idle_pages > MAX_IDLE_PAGES {
                return Err(self.nonsense("it does not come to an end"));
            }
            self.next = page.next;
        }
    }

    /// Asks for a page of what stands there now.
    async fn ask(&self, place: &Place) -> Result<Page, Failure> {
        let request = self
            .remote
            .client
            .list_objects_v2()
            .bucket(self.prefix.bucket())
            .prefix(self.prefix.as_str())
            .encoding_type(EncodingType::Url)
            .set_continuation_token(place.after.clone());
        let answer = request.send().await.map_err(|error| self.failure(&error))?;
        let next = match (answer.is_truncated(), answer.next_continuation_token()) {
            (Some(true), None) => return Err(self.nonsense("it breaks off")),
            (Some(true), Some(token)) => Some(Place { after: Some(token.to_owned()), version: None }),
            (Some(false) | None, _) => None,
        };
        let names = answer.contents().iter().map(|object| (object.key().map(str::to_owned), None)).collect();
        Ok(Page { names, encoding: answer.encoding_type().cloned(), next })
    }

    /// Asks for a page of all versions. What was deleted is no version of anything.
    async fn ask_for_versions(&self, place: &Place) -> Result<Page, Failure> {
        let request = self
            .remote
            .client
            .list_object_versions()
            .bucket(self.prefix.bucket())
            .prefix(self.prefix.as_str())
            .encoding_type(EncodingType::Url)
            .set_key_marker(place.after.clone())
            .set_version_id_marker(place.version.clone());
        let answer = request.send().await.map_err(|error| self.failure(&error))?;
        let encoding = answer.encoding_type().cloned();
        let next = match (answer.is_truncated(), answer.next_key_marker()) {
            (Some(true), None) => return Err(self.nonsense("it breaks off")),
            (Some(true), Some(key)) => Some(Place {
                after: Some(self.decoded(key, encoding.as_ref())?),
                version: answer.next_version_id_marker().map(str::to_owned),
            }),
            (Some(false) | None, _) => None,
        };
        let name = |version: &aws_sdk_s3::types::ObjectVersion| {
            (version.key().map(str::to_owned), version.version_id().map(str::to_owned))
        };
        Ok(Page { names: answer.versions().iter().map(name).collect(), encoding, next })
    }

    fn entry(
        &mut self,
        key: Option<&str>,
        version: Option<String>,
        encoding: Option<&EncodingType>,
    ) -> Result<Entry, Failure> {
        let key = self.decoded(key.unwrap_or_default(), encoding)?;
        let beyond = match (&self.last, self.scope) {
            (None, _) => true,
            (Some(last), Scope::Current) => *last < key,
            (Some(last), Scope::Versions) => *last <= key,
        };
        if !beyond {
            return Err(self.nonsense("its keys are not in order"));
        }
        let location =
            self.prefix.object(&key).ok_or_else(|| self.nonsense("it names what was not asked for"))?;
        self.last = Some(key);
        Ok(Entry { location, version })
    }

    fn decoded(&self, text: &str, encoding: Option<&EncodingType>) -> Result<String, Failure> {
        if encoding != Some(&EncodingType::Url) {
            return Ok(text.to_owned());
        }
        // Amazon writes a space as `+`, others as `%20`; all of them a plus sign as `%2B`.
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8();
        decoded.map(Into::into).map_err(|_| self.nonsense("a key in it is no text"))
    }

    fn nonsense(&self, reason: &str) -> Failure {
        Failure::failed(format!("the list of {} that came makes no sense: {reason}", self.prefix))
    }

    fn failure<E: service::ServiceError>(&self, error: &service::SdkFailure<E>) -> Failure {
        service::failure(&format!("list {}", self.prefix), &self.remote.endpoint, error)
    }
}
