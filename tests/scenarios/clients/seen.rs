//! A second opinion: what our own client is served of what others uploaded.

use std::collections::BTreeMap;

use hallmark_tests::data::assert_same;
use hallmark_tests::raw::Response;

use super::Session;

impl Session {
    /// What our own client is served: `want`, under a seal.
    #[track_caller]
    pub(super) fn sealed(&self, bucket: &str, key: &str, want: &[u8]) -> Response {
        let seen = self.client.get(bucket, key);
        assert_eq!(seen.status, 200, "{bucket}/{key}: {}", seen.text());
        assert_same(&seen.body, want, &format!("{bucket}/{key} as we see it"));
        assert_eq!(seen.header("x-hallmark-verified"), Some("seal"), "{bucket}/{key}");
        seen
    }

    /// The same of an artifact that came in `parts`, by its ETag.
    #[track_caller]
    pub(super) fn sealed_in_parts(&self, bucket: &str, key: &str, want: &[u8], parts: u32) -> Response {
        let seen = self.sealed(bucket, key, want);
        assert_eq!(parts_of(&seen), Some(parts), "{bucket}/{key}: {:?}", seen.header("etag"));
        seen
    }

    /// The same of an artifact that came whole.
    #[track_caller]
    pub(super) fn sealed_whole(&self, bucket: &str, key: &str, want: &[u8]) -> Response {
        let seen = self.sealed(bucket, key, want);
        assert_eq!(parts_of(&seen), None, "{bucket}/{key}: {:?}", seen.header("etag"));
        seen
    }

    /// All artifacts under a prefix, by the rest of their keys.
    #[track_caller]
    pub(super) fn sealed_tree(&self, bucket: &str, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let keys = self.client.keys(bucket, prefix);
        let artifacts = keys.iter().map(|key| {
            let seen = self.client.get(bucket, key);
            assert_eq!(seen.header("x-hallmark-verified"), Some("seal"), "{bucket}/{key}: {}", seen.status);
            (key[prefix.len()..].to_owned(), seen.body)
        });
        artifacts.collect()
    }

    /// That there is no such object.
    #[track_caller]
    pub(super) fn absent(&self, bucket: &str, key: &str) {
        assert_eq!(self.client.head(bucket, key).status, 404, "{bucket}/{key} is there");
    }

    /// That no upload in parts was left unfinished in the bucket.
    #[track_caller]
    pub(super) fn no_uploads(&self, bucket: &str) {
        let uploads = self.client.list(bucket, "uploads=");
        assert_eq!(uploads.status, 200, "{}", uploads.text());
        assert_eq!(uploads.elements("UploadId"), Vec::<String>::new());
    }
}

/// The number after the dash of an ETag.
fn parts_of(seen: &Response) -> Option<u32> {
    let etag = seen.header("etag").expect("artifacts have one");
    let (_, parts) = etag.trim_matches('"').split_once('-')?;
    Some(parts.parse().expect("a number"))
}
