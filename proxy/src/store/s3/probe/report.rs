//! What was found out, for people: a table of what a store can do, and what each lack costs.

use std::fmt;

use hallmark_config::StoreBucket;

use super::findings::{AWS_MIN_PART_BYTES, Findings, IfMatch, SourcePin, Writes};
use super::metadata::ALL_BYTES;
use crate::name::MAX_KEY_BYTES;

/// Characters in a line about costs.
const LINE: usize = 72;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    state_bucket: StoreBucket,
    rows: Vec<Row>,
}

/// One thing that a store can do, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What was tried.
    pub what: &'static str,
    /// What was found.
    pub found: String,
    /// What it costs that it is not all there; `None`: it is.
    pub cost: Option<&'static str>,
}

impl Report {
    pub(super) fn new(found: &Findings, state_bucket: &StoreBucket) -> Self {
        let rows = [writing(found), copying(found), parts(found), names(found), governance(found)].concat();
        Self { state_bucket: state_bucket.clone(), rows }
    }

    /// All of it.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What is not all there.
    pub fn lacks(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.cost.is_some())
    }

    /// One line with what was found, and one for each lack.
    pub fn log(&self) {
        let all: Vec<_> = self.rows.iter().map(|row| format!("{}: {}", row.what, row.found)).collect();
        tracing::info!(state_bucket = %self.state_bucket, found = all.join("; "), "the store was tried out");
        for Row { what, found, cost } in self.lacks() {
            tracing::warn!(what, found, cost = cost.unwrap_or_default(), "the store lacks something");
        }
    }
}

/// Aligned; what a lack costs stands below it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or_default();
        for Row { what, found, cost } in &self.rows {
            let sign = if cost.is_some() { '-' } else { '+' };
            writeln!(f, "{sign} {what:width$}  {found}")?;
            for line in lines(cost.unwrap_or_default()) {
                writeln!(f, "  {:width$}  | {line}", "")?;
            }
        }
        Ok(())
    }
}

/// A text in lines that are not longer than [`LINE`] unless a word is.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= LINE => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn writing(found: &Findings) -> Vec<Row> {
    let Writes { absent, if_match, labels: _ } = found.put;
    vec![
        row("write and read back", "bytes, content headers, metadata, listing".to_owned(), true, ""),
        yes(
            "PUT If-None-Match: *",
            absent,
            "minded, of several at once one wins",
            "ignored, or not atomic",
            "clients' `If-None-Match: *` is refused (501), and the proxy does not start with `immutable` buckets. Of \
             two instances that complete one upload at once, the last one wins (P6 holds: both seal the same bytes)",
        ),
        row(
            "PUT If-Match",
            form(if_match).to_owned(),
            if_match != IfMatch::Ignored,
            "clients' `If-Match` on uploads is refused (501)",
        ),
        row(
            "DELETE If-Match",
            form(found.delete_if_match).to_owned(),
            found.delete_if_match != IfMatch::Ignored,
            "clients' `If-Match` on deletions is refused (501)",
        ),
        yes(
            "x-amz-content-sha256",
            found.checksums.content_sha256,
            "compared",
            "ignored",
            "bytes that change on the way to the store are found out only when they are read: they are not served (P1), \
             but the upload is lost. Use https",
        ),
        yes("Content-MD5", found.checksums.content_md5, "compared", "ignored", ""),
        yes("x-amz-checksum-crc32", found.checksums.crc32, "compared", "ignored", ""),
    ]
}

fn copying(found: &Findings) -> Vec<Row> {
    const CARRIED: &str = "costs time: such copies are made by reading and writing the bytes, up to 5 GiB";
    let Writes { absent, if_match, labels } = found.copy;
    vec![
        yes(
            "CopyObject",
            found.copy_replaces,
            "with new attributes",
            "does not take new attributes",
            CARRIED,
        ),
        row(
            "CopyObject onto If-None-Match / If-Match",
            format!("{} / {}", if absent { "minded" } else { "ignored" }, form(if_match)),
            minded(found.copy),
            CARRIED,
        ),
        row(
            "CopyObject bound to its source",
            pinned(found.copy_source).to_owned(),
            found.copy_source != SourcePin::Ignored,
            "costs time: the source is copied aside first, and compared",
        ),
        yes("CopyObject with tags and locks", labels, "kept", "dropped", CARRIED),
        yes(
            "CopyObject of `-N` ETags",
            found.copy_keeps_multipart_etag,
            "kept",
            "new ETag",
            "costs time: uploads in parts are put together again part by part",
        ),
    ]
}

fn parts(found: &Findings) -> Vec<Row> {
    let Writes { absent, if_match, labels } = found.complete;
    let parts = found.parts;
    let least = if parts.min_bytes < AWS_MIN_PART_BYTES { "any length" } else { "at least 5 MiB" };
    vec![
        row("multipart upload", format!("parts of {least} but the last"), true, ""),
        row(
            "Complete If-None-Match / If-Match",
            format!("{} / {}", if absent { "minded" } else { "ignored" }, form(if_match)),
            true,
            "",
        ),
        yes("Create with tags and locks", labels, "kept", "dropped", ""),
        yes(
            "Complete compares ETags of parts",
            parts.etags_compared,
            "yes",
            "no",
            "a part that is replaced while its upload completes is found out only when it is read: it is not served (P1)",
        ),
        yes(
            "Complete may leave parts out",
            parts.left_out,
            "yes",
            "no",
            "an upload that names only some of its parts is refused (501)",
        ),
        yes(
            "an aborted upload stays so",
            parts.aborted_for_good,
            "yes",
            "no",
            "an upload that was aborted may leave garbage in the state bucket",
        ),
        yes(
            "uploads under way are listed",
            parts.uploads_listed,
            "yes",
            "no",
            "what crashes leave of uploads is not removed: let the store remove uploads that are older than 8 days",
        ),
        row(
            "UploadPartCopy",
            found.part_copy.map_or("none", pinned).to_owned(),
            found.part_copy.is_some_and(|pin| pin != SourcePin::Ignored),
            "costs time: parts are made of objects by reading and writing the bytes",
        ),
    ]
}

fn names(found: &Findings) -> Vec<Row> {
    let (keys, metadata) = (found.keys, found.metadata);
    let lacking = |kinds: &[(bool, &'static str)]| {
        let lacking: Vec<_> = kinds.iter().filter(|(kept, _)| !kept).map(|(_, kind)| *kind).collect();
        (
            lacking.is_empty(),
            if lacking.is_empty() { "all kept".to_owned() } else { format!("not {}", lacking.join(", ")) },
        )
    };
    let (all_keys, kept_keys) = lacking(&[
        (keys.leading_slash, "those that begin with `/`"),
        (keys.double_slash, "those with `//`"),
        (keys.trailing_slash, "those that end in `/`"),
        (keys.unusual, "those with unusual characters"),
        (keys.controls, "those with control characters"),
    ]);
    let (all_metadata, kept_metadata) = lacking(&[
        (metadata.underscores, "names with `_`"),
        (metadata.signs, "names with other signs"),
        (metadata.tabs, "values with tabs"),
        (metadata.empty, "empty values"),
    ]);
    vec![
        row(
            "longest key",
            format!("{} bytes", found.max_key_bytes),
            found.max_key_bytes >= MAX_KEY_BYTES,
            "longer keys are refused, those of buckets with a prefix in the store by its length earlier",
        ),
        row("keys", kept_keys, all_keys, "such keys are refused, and never there"),
        row("user metadata", kept_metadata, all_metadata, "uploads with such metadata are refused (501)"),
        row(
            "most user metadata",
            format!("{} bytes or more", metadata.max_bytes),
            metadata.max_bytes >= ALL_BYTES,
            "the seal takes its share, at most 1 KiB: uploads with more metadata than is left are refused (501)",
        ),
    ]
}

fn governance(found: &Findings) -> Vec<Row> {
    const REFUSED: &str = "requests about them are refused (501)";
    vec![
        yes("versions", found.versions, "yes", "no", REFUSED),
        yes("object lock", found.object_lock, "yes", "no", REFUSED),
        yes("tags", found.tags, "yes", "no", REFUSED),
        yes(
            "state bucket without versions",
            !found.state_versioned,
            "yes",
            "it keeps versions",
            "nothing in it is ever gone: suspend its versioning, or let old versions under `scratch/` and `stages/` expire",
        ),
    ]
}

fn row(what: &'static str, found: String, good: bool, cost: &'static str) -> Row {
    Row { what, found, cost: (!good && !cost.is_empty()).then_some(cost) }
}

fn yes(what: &'static str, is: bool, yes: &'static str, no: &'static str, cost: &'static str) -> Row {
    row(what, if is { yes } else { no }.to_owned(), is, cost)
}

fn form(form: IfMatch) -> &'static str {
    match form {
        IfMatch::Quoted => "minded",
        IfMatch::Bare => "minded, without quotes",
        IfMatch::Ignored => "ignored, or not atomic",
    }
}

fn pinned(pin: SourcePin) -> &'static str {
    match pin {
        SourcePin::Standard => "x-amz-copy-source-if-match",
        SourcePin::Ceph => "x-amz-copy-if-match",
        SourcePin::Ignored => "not bound to its source",
    }
}

fn minded(writes: Writes) -> bool {
    writes.absent && writes.if_match != IfMatch::Ignored
}
