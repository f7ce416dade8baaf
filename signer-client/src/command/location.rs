//! Names of objects: `s3://bucket/key`.

use std::path::Path;
use std::str::FromStr;

use crate::command::failure::Failure;

/// The longest name of a bucket, bytes; the endpoint is stricter.
const MAX_BUCKET: usize = 255;

/// An object's name.
///
/// Invariants: the bucket is made of `A-Z a-z 0-9 . _ -`, so it is never one of the other things that the SDK takes in
/// its place; the key is not empty. The key stands as it was given: nothing in it is decoded or normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    bucket: Box<str>,
    key: Box<str>,
}

/// Where to upload to: an object's name, or what goes before the file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    bucket: Box<str>,
    key: Box<str>,
}

/// A text that names no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected s3://bucket/key")]
pub(crate) struct LocationError;

/// The parts of `s3://bucket/key`; the key may be empty.
pub(crate) fn bucket_and_key(text: &str) -> Result<(&str, &str), LocationError> {
    let (bucket, key) =
        text.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or(LocationError)?;
    let named = (1..=MAX_BUCKET).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if named { Ok((bucket, key)) } else { Err(LocationError) }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let (bucket, key) = bucket_and_key(text)?;
        if key.is_empty() {
            return Err(LocationError);
        }
        Ok(Self { bucket: bucket.into(), key: key.into() })
    }
}

impl FromStr for Destination {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let (bucket, key) = bucket_and_key(text)?;
        Ok(Self { bucket: bucket.into(), key: key.into() })
    }
}

impl Destination {
    /// The name for `file`: if none was given or it ends in `/`, the file's own name goes after it.
    pub(crate) fn of_file(&self, file: &Path) -> Result<Location, Failure> {
        if !self.key.is_empty() && !self.key.ends_with('/') {
            return Ok(Location { bucket: self.bucket.clone(), key: self.key.clone() });
        }
        let name = file.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            Failure::usage(format!("{} has no name that fits into a key", file.display()))
                .hint("give the whole key: s3://bucket/key")
        })?;
        Ok(Location { bucket: self.bucket.clone(), key: format!("{}{name}", self.key).into() })
    }
}

impl Location {
    /// An object in a bucket whose name was checked.
    pub(crate) fn new(bucket: &str, key: &str) -> Option<Self> {
        bucket_and_key(&format!("s3://{bucket}/{key}")).ok().filter(|_| !key.is_empty())?;
        Some(Self { bucket: bucket.into(), key: key.into() })
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// What a download is called: what stands after the last `/`, if that can be the name of a file in a directory.
    pub(crate) fn file_name(&self) -> Option<&str> {
        let name = self.key.rsplit('/').next()?;
        let separator = |c| c == '\0' || std::path::is_separator(c);
        (!matches!(name, "" | "." | "..") && !name.contains(separator)).then_some(name)
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_have_bucket_and_key() {
        for (text, bucket, key) in [
            ("s3://b/k", "b", "k"),
            ("s3://my-bucket.x/a/b c/%41+?#.tar", "my-bucket.x", "a/b c/%41+?#.tar"),
            ("s3://b//k", "b", "/k"),
            ("s3://b/a/", "b", "a/"),
            ("s3://b/ключ", "b", "ключ"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!((location.bucket(), location.key()), (bucket, key));
            assert_eq!(location.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let both =
            ["", "b/k", "s3:/b/k", "S3://b/k", "s3://b", "s3:///k", "s3://b:c/k", "s3://b c/k", "s3://b?/k"];
        for text in both {
            assert_eq!(text.parse::<Location>(), Err(LocationError), "{text}");
            assert_eq!(text.parse::<Destination>(), Err(LocationError), "{text}");
        }
        assert_eq!("s3://b/".parse::<Location>(), Err(LocationError));
        assert_eq!(format!("s3://{}/k", "b".repeat(256)).parse::<Location>(), Err(LocationError));
    }

    #[test]
    fn a_folder_takes_the_files_name() {
        for (text, expected) in [
            ("s3://b/k", "s3://b/k"),
            ("s3://b/", "s3://b/app.tar"),
            ("s3://b/a/", "s3://b/a/app.tar"),
            ("s3://b//", "s3://b//app.tar"),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.of_file(Path::new("x/app.tar")).unwrap().to_string(), expected);
        }
        let destination: Destination = "s3://b/".parse().unwrap();
        assert!(destination.of_file(Path::new("..")).is_err());
    }

    /// A key is a stranger's text: it must not lead out of the directory.
    #[test]
    fn a_download_stays_in_its_directory() {
        for (key, expected) in [
            ("a/app.tar", Some("app.tar")),
            ("app.tar", Some("app.tar")),
            ("a/", None),
            ("a/..", None),
            ("..", None),
            ("a/.", None),
            ("a/b\0", None),
        ] {
            let location: Location = format!("s3://b/{key}").parse().unwrap();
            assert_eq!(location.file_name(), expected, "{key:?}");
        }
    }
}
