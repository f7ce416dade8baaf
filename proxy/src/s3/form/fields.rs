//! The fields before the file, within bounds.

use std::collections::BTreeMap;

use super::part::Part;
use crate::s3::error::{Code, S3Error};

/// One field's value, bytes.
pub const MAX_FIELD_BYTES: usize = 20 << 10;

/// All that stands before the file together, headers of parts included, bytes. (S3 stops at 20 KB.)
pub const MAX_FIELDS_BYTES: usize = 64 << 10;

/// Parts of a form, the file and those after it included.
pub const MAX_FIELDS: usize = 100;

/// The field whose value is the artifact. It is the last one that counts.
pub(super) const FILE: &str = "file";

/// What stands for the file's name in values.
const FILENAME: &str = "${filename}";

/// The names of all parts so far, each there once: which of two values counts would be anybody's guess.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// Notes the name of another part.
    pub(super) fn add(&mut self, name: &str) -> Result<(), S3Error> {
        if self.0.len() >= MAX_FIELDS {
            return Err(too_large());
        }
        if self.0.iter().any(|known| known == name) {
            if name == FILE {
                let message = "POST requires exactly one file upload per request.";
                return Err(S3Error::new(Code::IncorrectNumberOfFilesInPostRequest, message));
            }
            let message = "A field of the form is given more than once.";
            return Err(S3Error::new(Code::InvalidArgument, message).with("ArgumentName", shorten(name)));
        }
        self.0.push(name.to_owned());
        Ok(())
    }
}

/// Fields while they come in.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    names: Names,
    values: Vec<(String, Vec<u8>)>,
    size: usize,
}

impl Incoming {
    /// Counts the headers of a part.
    pub(super) fn head(&mut self, bytes: usize) -> Result<(), S3Error> {
        self.count(bytes)
    }

    /// Begins the part, which is not the file unless `part.name` says so.
    pub(super) fn begin(&mut self, part: &Part) -> Result<(), S3Error> {
        self.names.add(&part.name)?;
        self.values.push((part.name.clone(), Vec::new()));
        Ok(())
    }

    /// Adds to the field that began last.
    pub(super) fn data(&mut self, data: &[u8]) -> Result<(), S3Error> {
        self.count(data.len())?;
        let Some((_, value)) = self.values.last_mut() else { return Ok(()) };
        if value.len() + data.len() > MAX_FIELD_BYTES {
            return Err(too_large());
        }
        value.extend_from_slice(data);
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), S3Error> {
        self.size = self.size.saturating_add(bytes);
        if self.size > MAX_FIELDS_BYTES { Err(too_large()) } else { Ok(()) }
    }

    /// All fields, now that the file begins, with its name in place of `${filename}`.
    pub(super) fn finish(mut self, file: &Part) -> Result<(Fields, Names), S3Error> {
        self.names.add(&file.name)?;
        let filename = file.filename.as_deref().map(last_component).filter(|name| !name.is_empty());
        let mut fields = BTreeMap::new();
        let mut size = 0;
        for (name, value) in self.values {
            let value = String::from_utf8(value).map_err(|_| {
                let message = "A field of the form is not UTF-8.";
                S3Error::new(Code::InvalidArgument, message).with("ArgumentName", shorten(&name))
            })?;
            let value = expand(value, filename)?;
            size += value.len();
            if size > MAX_FIELDS_BYTES {
                return Err(too_large());
            }
            fields.insert(name, value);
        }
        Ok((Fields(fields), self.names))
    }
}

/// The fields of a form, by names in lower case.
#[derive(Debug)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The value of `name` (lower case).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Fields {
    fn from(fields: [(&str, &str); N]) -> Self {
        Self(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

/// Puts the file's name in place of [`FILENAME`]. A name as long as a part's headers in a field full of them makes
/// megabytes, so the limit of a field is kept here as well.
fn expand(value: String, filename: Option<&str>) -> Result<String, S3Error> {
    let count = value.matches(FILENAME).count();
    if count == 0 {
        return Ok(value);
    }
    let Some(filename) = filename else {
        let message = "The form refers to ${filename}, but its file has no name.";
        return Err(S3Error::new(Code::InvalidArgument, message).with("ArgumentName", FILE));
    };
    if count.saturating_mul(filename.len()).saturating_add(value.len()) > MAX_FIELD_BYTES {
        return Err(too_large());
    }
    Ok(value.replace(FILENAME, filename))
}

/// Some browsers send the whole path, with their system's separators.
fn last_component(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// A name from a request, cut to what a message can bear.
pub(super) fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}

fn too_large() -> S3Error {
    let message = "Your POST request fields preceding the upload file were too large or too many.";
    S3Error::new(Code::MaxPostPreDataLengthExceededError, message)
        .with("MaxPostPreDataLengthBytes", MAX_FIELDS_BYTES.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, filename: Option<&str>) -> Part {
        Part { name: name.to_owned(), filename: filename.map(str::to_owned) }
    }

    fn key(value: &str, filename: Option<&str>) -> Result<String, Code> {
        let mut incoming = Incoming::default();
        incoming.begin(&part("key", None)).unwrap();
        incoming.data(value.as_bytes()).unwrap();
        let finished = incoming.finish(&part(FILE, filename)).map_err(|error| error.code);
        finished.map(|(fields, _)| fields.get("key").unwrap().to_owned())
    }

    #[test]
    fn the_file_s_name_takes_its_place() {
        for (value, filename, expected) in [
            ("a", None, "a"),
            ("u/${filename}", Some("x.txt"), "u/x.txt"),
            ("${filename}-${filename}", Some("/tmp/x"), "x-x"),
            ("${filename}", Some("C:\\Program Files\\dir\\x.txt"), "x.txt"),
            ("${filename}", Some("C:\\\\dir\\\\x"), "x"),
            // Once, not again in what was put in.
            ("${filename}", Some("${filename}"), "${filename}"),
            ("$filename ${FILENAME} ${file}", None, "$filename ${FILENAME} ${file}"),
        ] {
            assert_eq!(key(value, filename).as_deref(), Ok(expected), "{value} {filename:?}");
        }
        for filename in [None, Some(""), Some("dir/"), Some("dir\\")] {
            assert_eq!(key("${filename}", filename), Err(Code::InvalidArgument), "{filename:?}");
        }
        let full = "${filename}".repeat(1000);
        assert_eq!(key(&full, Some(&"x".repeat(100))), Err(Code::MaxPostPreDataLengthExceededError));
    }

    #[test]
    fn names_are_there_once_and_few() {
        let mut names = Names::default();
        for index in 0..MAX_FIELDS {
            names.add(&index.to_string()).unwrap();
        }
        assert_eq!(names.add("more").unwrap_err().code, Code::MaxPostPreDataLengthExceededError);
        for (name, code) in
            [("key", Code::InvalidArgument), (FILE, Code::IncorrectNumberOfFilesInPostRequest)]
        {
            let mut names = Names::default();
            names.add(name).unwrap();
            assert_eq!(names.add(name).unwrap_err().code, code);
        }
    }

    #[test]
    fn values_are_bounded_text() {
        let add = |fields: &[(&str, usize)]| {
            let mut incoming = Incoming::default();
            fields.iter().try_for_each(|(name, size)| {
                incoming.begin(&part(name, None))?;
                incoming.data(&vec![b'v'; *size])
            })
        };
        let code = |result: Result<(), S3Error>| result.map_err(|error| error.code);
        let over = Err(Code::MaxPostPreDataLengthExceededError);
        assert_eq!(code(add(&[("a", MAX_FIELD_BYTES)])), Ok(()));
        assert_eq!(code(add(&[("a", MAX_FIELD_BYTES + 1)])), over);
        let full = [("a", MAX_FIELD_BYTES), ("b", MAX_FIELD_BYTES), ("c", MAX_FIELD_BYTES)];
        let rest = MAX_FIELDS_BYTES - 3 * MAX_FIELD_BYTES;
        assert_eq!(code(add(&[&full[..], &[("d", rest)]].concat())), Ok(()));
        assert_eq!(code(add(&[&full[..], &[("d", rest + 1)]].concat())), over);

        let mut incoming = Incoming::default();
        incoming.begin(&part("key", None)).unwrap();
        incoming.data(b"\xff").unwrap();
        assert_eq!(incoming.finish(&part(FILE, None)).unwrap_err().code, Code::InvalidArgument);
    }
}
