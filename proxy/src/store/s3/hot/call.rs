//! A request to the store.

use hallmark_config::StoreBucket;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::limit::Lasting;
use crate::store::s3::places::Place;

/// A request without its body.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Call<'a> {
    pub(super) method: Method,
    pub(super) bucket: &'a StoreBucket,
    pub(super) key: Option<&'a str>,
    pub(super) query: Vec<(&'a str, &'a str)>,
    pub(in crate::store::s3) headers: HeaderMap,
    pub(super) lasting: Lasting,
}

impl<'a> Call<'a> {
    /// About an object.
    pub(in crate::store::s3) fn new(method: Method, place: &'a Place) -> Self {
        Self { key: Some(&place.key), ..Self::bucket(method, &place.bucket) }
    }

    /// About a bucket.
    pub(in crate::store::s3) fn bucket(method: Method, bucket: &'a StoreBucket) -> Self {
        // Who reads the body of an answer may take time.
        let lasting = if method == Method::GET { Lasting::Read } else { Lasting::Short };
        Self { method, bucket, key: None, query: Vec::new(), headers: HeaderMap::new(), lasting }
    }

    /// With `name=value` in the query, encoded here; without `=` if the value is empty.
    #[must_use]
    pub(in crate::store::s3) fn query(mut self, name: &'a str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    /// With a header, which is signed like all others.
    #[must_use]
    pub(in crate::store::s3) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Whether it leaves everything as it is.
    pub(super) fn reads(&self) -> bool {
        [Method::GET, Method::HEAD].contains(&self.method)
    }

    /// Whether no harm is done if an attempt is done when others have written since: it leaves everything as it is, or
    /// depends on what stands there.
    pub(super) fn may_come_late(&self) -> bool {
        self.reads() || [IF_MATCH, IF_NONE_MATCH].iter().any(|name| self.headers.contains_key(name))
    }

    /// For the log.
    pub(super) fn what(&self) -> String {
        format!("{} {}/{}", self.method, self.bucket, self.key.unwrap_or_default())
    }
}
