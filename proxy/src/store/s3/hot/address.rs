//! Where requests go: URLs of buckets and objects.

use std::fmt::Write as _;

use hallmark_config::{Addressing, StoreBucket};
use http::Uri;
use http::uri::{Authority, Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What SigV4 leaves as it is; everything else is encoded, once.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In a path, slashes are kept: also several in a row, and at the end.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Where the store is, and how a request names its bucket.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    addressing: Addressing,
}

impl Endpoint {
    /// Reads `http[s]://host[:port]`; `None`: it is something else.
    pub(in crate::store::s3) fn parse(url: &str, addressing: Addressing) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme))?;
        let authority = parts.authority.filter(|authority| !authority.as_str().contains('@'))?;
        let bare = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        bare.then_some(Self { scheme, authority, addressing })
    }

    /// Whether connections are encrypted.
    pub(super) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The URL of a bucket, or of a key in it, with a query. Values may be empty: then there is no `=` either.
    pub(super) fn url(&self, bucket: &StoreBucket, key: Option<&str>, query: &[(&str, &str)]) -> String {
        let (scheme, authority, bucket) = (&self.scheme, &self.authority, bucket.as_str());
        let mut url = match self.addressing {
            // A wildcard certificate covers one label.
            Addressing::VirtualHost if self.scheme == Scheme::HTTP || !bucket.contains('.') => {
                format!("{scheme}://{bucket}.{authority}")
            }
            Addressing::VirtualHost | Addressing::Path => format!("{scheme}://{authority}/{bucket}"),
        };
        if let Some(key) = key {
            url.push('/');
            url.extend(utf8_percent_encode(key, PATH));
        }
        for (index, (name, value)) in query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            if !value.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(url, "={}", utf8_percent_encode(value, QUERY));
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, addressing: Addressing) -> Endpoint {
        Endpoint::parse(url, addressing).unwrap()
    }

    #[test]
    fn keys_are_encoded_once_and_kept_as_they_are() {
        let store = endpoint("http://127.0.0.1:9000", Addressing::Path);
        let bucket = StoreBucket::parse("bucket").unwrap();
        for (key, path) in [
            ("a/b", "a/b"),
            ("/a//b/", "/a//b/"),
            ("a b+c", "a%20b%2Bc"),
            ("a%2Fb", "a%252Fb"),
            ("\u{e9}", "%C3%A9"),
            ("~-_.*'()!$&,;=:@?#", "~-_.%2A%27%28%29%21%24%26%2C%3B%3D%3A%40%3F%23"),
        ] {
            let url = store.url(&bucket, Some(key), &[]);
            assert_eq!(url, format!("http://127.0.0.1:9000/bucket/{path}"));
            let uri: Uri = url.parse().unwrap();
            assert_eq!(uri.path(), format!("/bucket/{path}"));
        }
        let query = [("partNumber", "7"), ("uploadId", "a+b/c="), ("versions", "")];
        assert_eq!(
            store.url(&bucket, None, &query),
            "http://127.0.0.1:9000/bucket?partNumber=7&uploadId=a%2Bb%2Fc%3D&versions"
        );
    }

    #[test]
    fn a_bucket_is_named_in_the_path_or_in_the_host() {
        for (url, addressing, bucket, expected) in [
            ("http://s3.test:80", Addressing::VirtualHost, "abc", "http://abc.s3.test:80/k"),
            ("http://s3.test", Addressing::VirtualHost, "a.bc", "http://a.bc.s3.test/k"),
            ("https://s3.test", Addressing::VirtualHost, "abc", "https://abc.s3.test/k"),
            ("https://s3.test", Addressing::VirtualHost, "a.bc", "https://s3.test/a.bc/k"),
            ("https://s3.test/", Addressing::Path, "abc", "https://s3.test/abc/k"),
        ] {
            let bucket = StoreBucket::parse(bucket).unwrap();
            assert_eq!(endpoint(url, addressing).url(&bucket, Some("k"), &[]), expected);
        }
    }

    #[test]
    fn an_endpoint_is_a_scheme_and_a_host() {
        for url in
            ["", "s3.test", "ftp://s3.test", "http://s3.test/path", "http://s3.test?a", "http://a:b@s3.test"]
        {
            assert!(Endpoint::parse(url, Addressing::Path).is_none(), "{url}");
        }
    }
}
