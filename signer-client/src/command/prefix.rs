//! Names of many objects: `s3://bucket[/prefix]`.

use std::fmt;
use std::str::FromStr;

use crate::command::failure::{Exit, Failure};
use crate::command::location::{Location, LocationError, bucket_and_key};

/// All objects of a bucket whose keys begin so; with an empty prefix, all of them.
///
/// Invariant: the bucket is as that of a [`Location`]. The prefix stands as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix {
    bucket: Box<str>,
    prefix: Box<str>,
}

impl FromStr for Prefix {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let whole = text.strip_prefix("s3://").is_some_and(|rest| !rest.contains('/'));
        let folder = if whole { format!("{text}/") } else { text.to_owned() };
        let (bucket, prefix) = bucket_and_key(&folder)?;
        Ok(Self { bucket: bucket.into(), prefix: prefix.into() })
    }
}

impl Prefix {
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.prefix
    }

    /// The object with this key, if it is one of them.
    pub(crate) fn object(&self, key: &str) -> Option<Location> {
        let key = key.starts_with(&*self.prefix).then_some(key)?;
        Location::new(&self.bucket, key)
    }

    /// The failure of a command that has nothing to do: who mistyped a prefix must not hear that all is well.
    pub(crate) fn nothing(&self) -> Failure {
        let message = format!("no object is below {self}");
        Failure { exit: Exit::NotFound, ..Failure::failed(message) }
    }

    /// What a key is called in the folder that the prefix names or lies in.
    pub(crate) fn relative<'a>(&self, location: &'a Location) -> &'a str {
        let folder = self.prefix.rfind('/').map_or(0, |slash| slash + 1);
        location.key().get(folder..).unwrap_or_default()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_below_the_folder() {
        for (text, key, relative) in [
            ("s3://b", "a/b", Some("a/b")),
            ("s3://b/", "/a", Some("/a")),
            ("s3://b/app/", "app/1/x y", Some("1/x y")),
            ("s3://b/app/1", "app/1.0/x", Some("1.0/x")),
            ("s3://b/app/", "app/", Some("")),
            ("s3://b/app/", "other/x", None),
            ("s3://b/", "", None),
        ] {
            let prefix: Prefix = text.parse().unwrap();
            let location = prefix.object(key);
            assert_eq!(location.as_ref().map(|location| prefix.relative(location)), relative, "{text} {key}");
        }
        for text in ["", "b/k", "s3://", "s3:///k", "s3://b:c"] {
            assert_eq!(text.parse::<Prefix>(), Err(LocationError), "{text}");
        }
    }
}
