//! Records: the seal of an artifact of more than 2^23 bytes, with its leaf hashes.
//!
//! A record is a text, the header, and right after it the leaf hashes, 32 bytes each, in pages of 1024:
//!
//! ```text
//! hallmark-record-v1 <length of the header in bytes, all lines with their newlines, decimal>
//! <seal line>
//! parts <count>x<bytes>[,<count>x<bytes>...], or -
//! checksums <algorithm>:<base64>[,<base64>...], or -
//! sum <value of `x-amz-meta-hallmark-sum`, or ->
//! pages <number of pages, decimal>
//! <root of the first page, 43 characters of base64url>
//! <root of the second page>
//! ...
//! ```
//!
//! Every line ends with one newline. The seal signs the tree, the page roots combine to it, and each page is checked
//! against its root: so a range costs the header and one page, and nothing in a record is trusted.
//!
//! `sum` is there when the uploader's checksum came after the body, and so after the object's headers had gone to the
//! store. It counts as one of those headers: the seal's `hdr` covers it.
//!
//! `parts` and `checksums` are the table of an artifact that came in parts: `parts` holds runs of parts of the same
//! length, in order, at most 10000 parts in all; `checksums` one checksum for each part, all of the same length, at most
//! 64 characters. The seal's `parts` is the SHA-256 of both: of the text after `parts `, and where there are checksums of
//! a newline and the text after `checksums ` (see [`PartTable::digest`]). It is `-` where both are. The number of parts
//! is that of the seal's ETag, their length together the artifact's.

mod pages;

use std::fmt::Write as _;

pub use pages::{LeafPage, Pages};

use crate::parts::{PartChecksums, PartTable, Parts};
use crate::seal::{LineError, MAX_INLINE, MAX_LINE, Seal, SealLine};
use crate::text::from_decimal;
use crate::tree::{self, LeafHash, PageRoot, leaf_count};

/// The longest header, bytes. Enough for artifacts of 5 TiB in 10000 parts, each of another length and with the longest
/// checksum; for 13 TiB in 10000 parts that but for the last have one length, with SHA-256 checksums; and for 23 TiB
/// without parts.
pub const MAX_HEADER: u64 = 1 << 20;

/// What a record begins with.
const MAGIC: &str = "hallmark-record-v1 ";

/// The longest first line, bytes.
const MAX_FIRST_LINE: usize = MAGIC.len() + "1048576\n".len();

/// The length of a line with a page root, bytes.
const ROOT_LINE: u64 = 44;

/// A record that cannot be made, or bytes that are not a record, not this seal's, or not what it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a record of this version.
    #[error("not a record of version 1")]
    Magic,
    /// A header over [`MAX_HEADER`].
    #[error("the record's header is longer than 2^20 bytes")]
    TooLong,
    /// A header that is not well formed, at this line.
    #[error("the record's header is not well formed: `{0}`")]
    Header(&'static str),
    /// The seal line is not well formed.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The seal of an artifact of at most 2^23 bytes: its place is on the object.
    #[error("the seal of an artifact of at most 2^23 bytes stands in a record, not on the object")]
    Misplaced,
    /// A table of parts, or none, that is not the seal's.
    #[error("the record's table of parts is not what was sealed")]
    Parts,
    /// The record holds another seal.
    #[error("the record is of another seal")]
    OtherSeal,
    /// Not as many pages as the artifact needs.
    #[error("the record has not as many pages of leaf hashes as the artifact needs")]
    PageCount,
    /// Leaf hashes, or page roots, over which the tree has another root.
    #[error("the record's hashes are not those that were sealed")]
    Root,
    /// No such page.
    #[error("the record has no page {0}")]
    NoSuchPage(u64),
    /// A page that was cut, altered or put in the place of another.
    #[error("page {0} of the record is not what was sealed")]
    Page(u64),
}

impl RecordError {
    /// The failing step, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Magic | Self::TooLong | Self::Header(_) => "record_syntax",
            Self::Line(error) => error.label(),
            Self::Misplaced => "seal_misplaced",
            Self::Parts => "record_parts",
            Self::OtherSeal => "record_other_seal",
            Self::PageCount => "record_page_count",
            Self::Root => "record_root",
            Self::NoSuchPage(_) => "record_no_such_page",
            Self::Page(_) => "record_page",
        }
    }
}

/// The bytes of the record for an artifact of more than 2^23 bytes with this seal and these leaves.
///
/// # Errors
/// The seal is of a smaller artifact, the parts or leaves are not those it signed, or there are too many.
pub fn encode(
    line: &SealLine,
    leaves: &[LeafHash],
    sum: Option<&str>,
    parts: Option<&PartTable>,
) -> Result<Vec<u8>, RecordError> {
    let content = line.content();
    if content.size() <= MAX_INLINE {
        return Err(RecordError::Misplaced);
    }
    check_parts(line, parts)?;
    let roots = tree::page_roots(leaves);
    if leaves.len() as u64 != leaf_count(content.size()) {
        return Err(RecordError::PageCount);
    }
    if content.tree() != Some(&tree::combine(&roots)) {
        return Err(RecordError::Root);
    }
    if !sum.is_none_or(is_sum) {
        return Err(RecordError::Header("sum"));
    }
    let mut record = header(line, parts, sum, &roots)?.into_bytes();
    record.reserve_exact(leaves.len() * 32);
    leaves.iter().for_each(|leaf| record.extend_from_slice(leaf.as_bytes()));
    Ok(record)
}

/// The header with these lines.
fn header(
    line: &SealLine,
    table: Option<&PartTable>,
    sum: Option<&str>,
    roots: &[PageRoot],
) -> Result<String, RecordError> {
    let parts = table.map_or_else(|| "-".to_owned(), |table| table.parts().to_string());
    let checksums = table.and_then(PartTable::checksums);
    let checksums = checksums.map_or_else(|| "-".to_owned(), PartChecksums::to_string);
    let sum = sum.unwrap_or("-");
    let mut rest =
        format!("{line}\nparts {parts}\nchecksums {checksums}\nsum {sum}\npages {}\n", roots.len());
    for root in roots {
        // Writing to a String does not fail.
        let _ = writeln!(rest, "{}", root.to_base64url());
    }
    let length = header_length(rest.len()).ok_or(RecordError::TooLong)?;
    Ok(format!("{MAGIC}{length}\n{rest}"))
}

/// Whether the table is the one that the seal covers, and the artifact's; a seal without one wants none.
fn check_parts(line: &SealLine, table: Option<&PartTable>) -> Result<(), RecordError> {
    let fits = match (line.parts(), table) {
        (None, None) => true,
        (Some(digest), Some(table)) => {
            *digest == table.digest() && table.fits(line.content().size(), line.etag())
        }
        (None, Some(_)) | (Some(_), None) => false,
    };
    if fits { Ok(()) } else { Err(RecordError::Parts) }
}

/// The length of a header whose lines after the first have `rest` bytes: it counts its own digits.
fn header_length(rest: usize) -> Option<usize> {
    let length = |digits: usize| MAGIC.len() + digits + 1 + rest;
    (1..=7)
        .find(|digits| length(*digits).to_string().len() == *digits)
        .map(length)
        .filter(|length| *length as u64 <= MAX_HEADER)
}

/// What came of reading the beginning of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made for a download and taken apart at once")]
pub enum ParsedHeader {
    /// The header was all there.
    Complete(RecordHeader),
    /// The header has so many bytes: read these and parse them. A record that has not so many is not one.
    NeedsMore(u64),
}

/// The header of a record: well formed, and the claim of whoever could write to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHeader {
    length: u64,
    line: SealLine,
    sum: Option<Box<str>>,
    /// Not shown to anybody before [`Self::verify`].
    table: Option<PartTable>,
    roots: Vec<PageRoot>,
}

impl RecordHeader {
    /// Reads the header from the beginning of a record: `prefix` is the whole record or at least its first 64 bytes;
    /// bytes past the header are ignored. 8 KiB hold the headers of artifacts of up to 160 GiB, but for checksums of
    /// parts and parts of many lengths.
    ///
    /// # Errors
    /// Not a record, or a header that is not well formed or longer than [`MAX_HEADER`].
    pub fn parse(prefix: &[u8]) -> Result<ParsedHeader, RecordError> {
        let rest = prefix.strip_prefix(MAGIC.as_bytes()).ok_or(RecordError::Magic)?;
        let digits = rest.iter().take(MAX_FIRST_LINE - MAGIC.len()).position(|b| *b == b'\n');
        let digits =
            digits.and_then(|end| std::str::from_utf8(&rest[..end]).ok()).ok_or(RecordError::Magic)?;
        let length = from_decimal(digits, u64::MAX).ok_or(RecordError::Magic)?;
        if length > MAX_HEADER {
            return Err(RecordError::TooLong);
        }
        // Not over 2^20, so it fits.
        let Some(header) = prefix.get(..length as usize) else {
            return Ok(ParsedHeader::NeedsMore(length));
        };
        let lines =
            header.get(MAGIC.len() + digits.len() + 1..).and_then(|lines| std::str::from_utf8(lines).ok());
        parse_lines(length, lines.ok_or(RecordError::Header("length"))?).map(ParsedHeader::Complete)
    }

    /// The seal line, to be verified; then [`Self::verify`].
    pub fn seal_line(&self) -> &SealLine {
        &self.line
    }

    /// The value of [`CHECKSUM_HEADER`](crate::CHECKSUM_HEADER), where it is not among the object's headers: to be
    /// added to them before they are compared with the seal.
    pub fn sum(&self) -> Option<&str> {
        self.sum.as_deref()
    }

    /// Checks the header against the verified seal.
    ///
    /// # Errors
    /// It holds another seal, a table of parts that was not sealed, a wrong number of pages, or page roots that are not
    /// those of the sealed tree.
    pub fn verify(self, seal: &Seal) -> Result<Pages, RecordError> {
        Pages::verify(self, seal)
    }
}

/// The lines of a header after the first.
fn parse_lines(length: u64, text: &str) -> Result<RecordHeader, RecordError> {
    let mut lines = text.strip_suffix('\n').ok_or(RecordError::Header("last newline"))?.split('\n');
    let line = lines.next().filter(|line| line.len() <= MAX_LINE).ok_or(RecordError::Header("seal"))?;
    let line = SealLine::parse(line)?;
    if line.content().size() <= MAX_INLINE {
        return Err(RecordError::Misplaced);
    }
    let table = table(&mut lines)?;
    let sum = match lines.next().and_then(|line| line.strip_prefix("sum ")) {
        Some("-") => None,
        Some(sum) if is_sum(sum) => Some(sum.into()),
        _ => return Err(RecordError::Header("sum")),
    };
    let pages = lines.next().and_then(|line| line.strip_prefix("pages "));
    let pages = pages.and_then(|text| from_decimal(text, MAX_HEADER / ROOT_LINE));
    let root = |line| PageRoot::from_base64url(line).map_err(|_| RecordError::Header("page root"));
    let roots = lines.map(root).collect::<Result<Vec<_>, _>>()?;
    if pages != Some(roots.len() as u64) {
        return Err(RecordError::Header("pages"));
    }
    Ok(RecordHeader { length, line, sum, table, roots })
}

/// The lines `parts` and `checksums`.
fn table<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Option<PartTable>, RecordError> {
    let mut value = |name: &'static str| {
        let value = lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.ok_or(RecordError::Header(name))
    };
    let (parts, checksums) = (value("parts")?, value("checksums")?);
    let malformed = |_| RecordError::Header("checksums");
    let checksums = match checksums {
        "-" => None,
        text => Some(PartChecksums::parse(text).map_err(malformed)?),
    };
    match parts {
        "-" if checksums.is_none() => Ok(None),
        "-" => Err(RecordError::Header("checksums")),
        text => {
            let parts = Parts::parse(text).map_err(|_| RecordError::Header("parts"))?;
            PartTable::new(parts, checksums).map(Some).map_err(malformed)
        }
    }
}

/// 2 to 128 characters of visible ASCII: not `-`, which stands for none.
fn is_sum(text: &str) -> bool {
    (2..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
