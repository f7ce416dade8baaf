//! What a client wants listed: the parameters of ListObjects, ListObjectsV2 and ListBuckets, and paging tokens.

mod uploads;
mod versions;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub(in crate::s3) use uploads::UPLOAD_PARAMETERS;
pub use uploads::{MAX_UPLOADS, UploadListing};
pub(in crate::s3) use versions::VERSION_PARAMETERS;
pub use versions::VersionListing;

use super::error::{Code, S3Error};
use super::uri::Query;
use crate::name::{BucketName, MAX_KEY_BYTES};
use crate::store::{ListEntry, ListPage, ListRequest};

/// The largest page of keys, and the default.
pub const MAX_KEYS: usize = 1000;
/// The largest page of buckets, and the default.
pub const MAX_BUCKETS: usize = 10_000;

/// Parameters of ListObjects, version 1.
pub(in crate::s3) const V1_PARAMETERS: &[&str] =
    &["prefix", "delimiter", "max-keys", "encoding-type", "marker"];
/// Parameters of ListObjectsV2.
pub(in crate::s3) const V2_PARAMETERS: &[&str] = &[
    "list-type",
    "prefix",
    "delimiter",
    "max-keys",
    "encoding-type",
    "continuation-token",
    "start-after",
    "fetch-owner",
];
/// Parameters of ListBuckets.
pub(in crate::s3) const BUCKET_PARAMETERS: &[&str] =
    &["prefix", "max-buckets", "continuation-token", "bucket-region"];

/// What to list of a bucket, and how to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Only keys that begin with this; may be empty.
    pub prefix: String,
    /// Where keys are rolled up. Never empty.
    pub delimiter: Option<String>,
    /// Keys and rolled-up prefixes on the page: 0 to [`MAX_KEYS`].
    pub max_keys: usize,
    /// How keys are written.
    pub encoding: Encoding,
    /// What distinguishes the two versions.
    pub form: ListForm,
}

/// `encoding-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Plain,
    /// `url`: percent-encoded, for keys that XML cannot carry.
    Url,
}

/// What distinguishes the two versions of ListObjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListForm {
    /// Version 1.
    V1 {
        /// Begin after this; may be empty.
        marker: String,
    },
    /// Version 2.
    V2 {
        /// Where the page before this one ended; goes before `start_after`.
        token: Option<ContinuationToken>,
        /// Begin after this.
        start_after: Option<String>,
        /// Whether the owner is named with each key.
        owner: FetchOwner,
    },
}

/// `fetch-owner`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchOwner {
    /// `true`.
    Yes,
    /// `false`, and the default.
    No,
}

impl Listing {
    /// Reads the parameters of either version.
    ///
    /// # Errors
    /// `InvalidArgument`: a value that S3 does not know, or a repeated parameter.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let form = match query.get("list-type")? {
            None => ListForm::V1 { marker: text(query, "marker")?.unwrap_or_default() },
            Some("2") => ListForm::V2 {
                token: query.get("continuation-token")?.map(ContinuationToken::parse).transpose()?,
                start_after: text(query, "start-after")?,
                owner: match query.get("fetch-owner")? {
                    None | Some("" | "false") => FetchOwner::No,
                    Some("true") => FetchOwner::Yes,
                    Some(other) => return Err(invalid("fetch-owner", other, "fetch-owner is true or false")),
                },
            },
            Some(other) => return Err(invalid("list-type", other, "Invalid List Type specified in Request")),
        };
        Ok(Self {
            prefix: text(query, "prefix")?.unwrap_or_default(),
            delimiter: text(query, "delimiter")?.filter(|delimiter| !delimiter.is_empty()),
            max_keys: number(query, "max-keys")?.unwrap_or(MAX_KEYS).min(MAX_KEYS),
            encoding: encoding(query)?,
            form,
        })
    }

    /// What to ask the store for. `None`: nothing (`max-keys=0`); the answer is an empty page.
    pub fn request(&self, bucket: &BucketName) -> Option<ListRequest> {
        let after = match &self.form {
            ListForm::V1 { marker } => Some(marker.as_str()),
            ListForm::V2 { token: Some(token), start_after, .. } => token.after().or(start_after.as_deref()),
            ListForm::V2 { token: None, start_after, .. } => start_after.as_deref(),
        };
        (self.max_keys > 0).then(|| ListRequest {
            bucket: bucket.clone(),
            prefix: self.prefix.clone(),
            delimiter: self.delimiter.clone(),
            after: after.filter(|after| !after.is_empty()).map(str::to_owned),
            limit: self.max_keys,
        })
    }
}

/// What to list of the buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketListing {
    /// Only names that begin with this.
    pub prefix: Option<String>,
    /// Names on the page: 1 to [`MAX_BUCKETS`]; `None`: no limit was given.
    pub limit: Option<usize>,
    /// Where the page before this one ended.
    pub token: Option<ContinuationToken>,
    /// Only buckets of this region. All of ours are in the one that is configured.
    pub region: Option<String>,
}

impl BucketListing {
    /// Reads the parameters.
    ///
    /// # Errors
    /// `InvalidArgument`: a value that S3 does not know, or a repeated parameter.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let limit = number(query, "max-buckets")?;
        if limit.is_some_and(|limit| !(1..=MAX_BUCKETS).contains(&limit)) {
            let given = query.get("max-buckets")?.unwrap_or_default();
            return Err(invalid("max-buckets", given, "max-buckets is 1 to 10000"));
        }
        Ok(Self {
            prefix: text(query, "prefix")?,
            limit,
            token: query.get("continuation-token")?.map(ContinuationToken::parse).transpose()?,
            region: text(query, "bucket-region")?,
        })
    }
}

/// Where a page ended, as clients hand it back: base64url of a version byte and the last entry.
///
/// It says nothing that the page did not, and whatever it holds is compared with names and no more: it needs no MAC.
/// The empty token, which some clients send on their first request, stands for the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContinuationToken(Option<Box<str>>);

impl ContinuationToken {
    const VERSION: u8 = 1;

    /// The token for what follows `page`. `None`: nothing does.
    pub fn following(page: &ListPage) -> Option<Self> {
        last_entry(page).map(Self::after_name)
    }

    /// The token for what follows `name`.
    pub fn after_name(name: &str) -> Self {
        Self(Some(name.into()))
    }

    /// Reads a token that [`Self::encode`] wrote.
    ///
    /// # Errors
    /// `InvalidArgument`: it did not.
    pub fn parse(token: &str) -> Result<Self, S3Error> {
        if token.is_empty() {
            return Ok(Self(None));
        }
        let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| match bytes.split_first() {
            Some((&Self::VERSION, name)) if (1..=MAX_KEY_BYTES).contains(&name.len()) => {
                String::from_utf8(name.to_vec()).ok()
            }
            _ => None,
        });
        let name = name.ok_or_else(|| {
            invalid("continuation-token", token, "The continuation token provided is incorrect")
        })?;
        Ok(Self(Some(name.into())))
    }

    /// As it goes to the client.
    pub fn encode(&self) -> String {
        let name = self.0.iter().flat_map(|name| [&[Self::VERSION], name.as_bytes()]);
        URL_SAFE_NO_PAD.encode(name.flatten().copied().collect::<Vec<_>>())
    }

    /// The entry it stands behind.
    pub fn after(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// The last key or rolled-up prefix of a page that is not the last one.
pub(in crate::s3) fn last_entry(page: &ListPage) -> Option<&str> {
    match page.entries.last().filter(|_| page.more)? {
        ListEntry::Object { key, .. } => Some(key.as_str()),
        ListEntry::Prefix(prefix) => Some(prefix),
    }
}

/// `encoding-type`.
pub(in crate::s3) fn encoding(query: &Query) -> Result<Encoding, S3Error> {
    match query.get("encoding-type")? {
        None => Ok(Encoding::Plain),
        Some("url") => Ok(Encoding::Url),
        Some(other) => Err(invalid("encoding-type", other, "Invalid Encoding Method specified in Request")),
    }
}

/// A parameter that names are compared with. NUL can be in no name, and no XML document could say it back.
fn text(query: &Query, name: &str) -> Result<Option<String>, S3Error> {
    match query.get(name)? {
        Some(value) if value.contains('\0') => Err(invalid(name, "", "A NUL character is in the value")),
        value => Ok(value.map(str::to_owned)),
    }
}

fn number(query: &Query, name: &str) -> Result<Option<usize>, S3Error> {
    let Some(value) = query.get(name)? else { return Ok(None) };
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    // S3's limit: 2^31 - 1.
    let number = value.parse::<i32>().ok().filter(|_| digits).and_then(|number| usize::try_from(number).ok());
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(invalid(name, value, "Provided value not an integer or within integer range")),
    }
}

fn invalid(name: &str, value: &str, message: &'static str) -> S3Error {
    S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name).with("ArgumentValue", value)
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::*;

    use super::*;

    fn parse(query: &str) -> Result<Listing, Code> {
        let query = Query::parse(&format!("/b?{query}").parse::<Uri>().unwrap()).unwrap();
        Listing::parse(&query).map_err(|error| error.code)
    }

    /// `query` asks the store for (prefix, delimiter, after, limit).
    fn check(query: &str, expected: Option<(&str, Option<&str>, Option<&str>, usize)>) {
        let bucket = BucketName::parse("builds").unwrap();
        let request = parse(query).unwrap().request(&bucket);
        let seen = request.as_ref().map(|request| {
            (request.prefix.as_str(), request.delimiter.as_deref(), request.after.as_deref(), request.limit)
        });
        assert_eq!(seen, expected, "{query}");
    }

    #[test]
    fn parameters_reach_the_store() {
        let token = ContinuationToken::after_name("k/9").encode();
        check("", Some(("", None, None, 1000)));
        check("prefix=a%2F&delimiter=%2F&marker=a/b&max-keys=7", Some(("a/", Some("/"), Some("a/b"), 7)));
        check("prefix=&delimiter=&marker=", Some(("", None, None, 1000)));
        check("max-keys=1001", Some(("", None, None, 1000)));
        check("max-keys=2147483647", Some(("", None, None, 1000)));
        check("max-keys=0", None);
        check("list-type=2&start-after=x", Some(("", None, Some("x"), 1000)));
        check("list-type=2&start-after=", Some(("", None, None, 1000)));
        check(&format!("list-type=2&continuation-token={token}"), Some(("", None, Some("k/9"), 1000)));
        check(
            &format!("list-type=2&start-after=x&continuation-token={token}"),
            Some(("", None, Some("k/9"), 1000)),
        );
        check("list-type=2&continuation-token=", Some(("", None, None, 1000)));
        check("list-type=2&start-after=x&continuation-token=", Some(("", None, Some("x"), 1000)));
        check("prefix=%0A&delimiter=%20", Some(("\n", Some(" "), None, 1000)));
    }

    #[test]
    fn values_that_s3_does_not_know_are_refused() {
        for query in [
            "max-keys=blah",
            "max-keys=-1",
            "max-keys=%2B1",
            "max-keys=",
            "max-keys=2147483648",
            "max-keys=1&max-keys=1",
            "prefix=a&prefix=b",
            "prefix=%00",
            "encoding-type=base64",
            "encoding-type=",
            "list-type=1",
            "list-type=",
            "list-type=2&fetch-owner=maybe",
            "list-type=2&continuation-token=garbage!",
            "list-type=2&continuation-token=AQ",
            "list-type=2&continuation-token=AmE",
            "list-type=2&continuation-token=AWE=",
            "list-type=2&continuation-token=Af8",
        ] {
            assert_eq!(parse(query), Err(Code::InvalidArgument), "{query}");
        }
    }

    #[test]
    fn pages_of_buckets_are_bounded() {
        let parse = |query: &str| {
            let query = Query::parse(&format!("/?{query}").parse::<Uri>().unwrap()).unwrap();
            BucketListing::parse(&query).map_err(|error| error.code)
        };
        assert_eq!(parse(""), Ok(BucketListing::default()));
        let listing = parse("prefix=a&max-buckets=10000&bucket-region=eu&continuation-token=").unwrap();
        assert_eq!((listing.prefix.as_deref(), listing.limit), (Some("a"), Some(10_000)));
        for query in ["max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=x"] {
            assert_eq!(parse(query), Err(Code::InvalidArgument), "{query}");
        }
    }

    proptest! {
        #[test]
        fn a_token_leads_back_to_where_the_page_ended(name in "\\PC{1,40}") {
            let token = ContinuationToken::after_name(&name).encode();
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            let read = ContinuationToken::parse(&token).unwrap();
            prop_assert_eq!(read.after(), Some(name.as_str()));
            prop_assert_eq!(read.encode(), token);
        }

        #[test]
        fn a_token_that_is_accepted_has_one_form(token in "[A-Za-z0-9_=+/-]{0,12}") {
            if let Ok(read) = ContinuationToken::parse(&token) {
                prop_assert_eq!(read.encode(), token);
            }
        }
    }
}
