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
    let Writes { absent, if_match, labels } = found.put;
    let checksums = found.checksums;
    vec![
        row("write and read back", "bytes, content headers, metadata, lists".to_owned(), true, ""),
        yes(
            "PUT If-None-Match: *",
            absent,
            "minded; of several at once one wins",
            "ignored, or not atomic",
            "`immutable` cannot be kept: Hallmark does not start with it. Clients' `If-None-Match: *` is refused (501). \
             Instances that complete the same upload at once may each store it: the same bytes, sealed twice",
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
            "PUT with tags and locks",
            labels,
            "kept",
            "dropped",
            "clients' tags and locks on uploads are refused (501)",
        ),
        yes(
            "x-amz-content-sha256",
            checksums.content_sha256,
            "compared with what arrives",
            "not compared",
            "bytes that change on their way to the store are found out only when they are read. They are not served (P1), \
             but the upload is lost: use https",
        ),
        row("Content-MD5", compared(checksums.content_md5), true, ""),
        row("x-amz-checksum-crc32", compared(checksums.crc32), true, ""),
    ]
}

fn copying(found: &Findings) -> Vec<Row> {
    const CARRIED: &str = "costs time: such copies, and uploads in parts that end so, are made by reading and writing the \
        bytes, up to 5 GiB; larger ones are refused (501)";
    let Writes { absent, if_match, labels } = found.copy;
    vec![
        yes("CopyObject", found.copy_replaces, "takes new attributes", "takes no new attributes", CARRIED),
        row(
            "CopyObject If-None-Match / If-Match",
            guards(absent, if_match),
            (absent || !found.put.absent)
                && (if_match == found.put.if_match || found.put.if_match == IfMatch::Bare),
            CARRIED,
        ),
        row(
            "CopyObject bound to its source",
            pinned(found.copy_source).to_owned(),
            found.copy_source != SourcePin::Ignored,
            "costs time: the source is copied aside first, and compared",
        ),
        row(
            "CopyObject with tags and locks",
            if labels { "kept" } else { "dropped" }.to_owned(),
            labels || !found.put.labels,
            CARRIED,
        ),
        yes(
            "CopyObject of what came in parts",
            found.copy_keeps_multipart_etag,
            "keeps its ETag",
            "gives it another ETag",
            "costs time: uploads in parts are put together a second time, part by part",
        ),
    ]
}

fn parts(found: &Findings) -> Vec<Row> {
    let Writes { absent, if_match, labels } = found.complete;
    let parts = found.parts;
    let least = |bytes| if bytes < AWS_MIN_PART_BYTES { "of any length" } else { "of at least 5 MiB" };
    vec![
        row("parts of uploads", format!("{} but the last", least(parts.min_bytes)), true, ""),
        row("Complete If-None-Match / If-Match", guards(absent, if_match), true, ""),
        row("Create with tags and locks", if labels { "kept" } else { "dropped" }.to_owned(), true, ""),
        yes(
            "Complete and ETags of parts",
            parts.etags_compared,
            "compared",
            "not compared",
            "a part that somebody replaces while its upload completes is found out only when it is read: it is not served \
             (P1), but the upload is lost",
        ),
        yes(
            "Complete without some parts",
            parts.left_out,
            "done",
            "refused",
            "an upload that is completed with only some of its parts is refused (501)",
        ),
        yes(
            "uploads that were aborted",
            parts.aborted_for_good,
            "stay so",
            "can still be completed",
            "aborted uploads may leave garbage in the state bucket",
        ),
        yes(
            "uploads under way",
            parts.uploads_listed,
            "listed",
            "not listed",
            "what crashes leave of uploads is not removed (P6 holds, but the store fills): have the store remove uploads \
             that are older than 8 days",
        ),
        row(
            "UploadPartCopy bound to its source",
            found.part_copy.map_or("there is no UploadPartCopy", pinned).to_owned(),
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
            if lacking.is_empty() {
                "all kept".to_owned()
            } else {
                format!("all but: {}", lacking.join(", "))
            },
        )
    };
    let (all_keys, kept_keys) = lacking(&[
        (keys.leading_slash, "leading `/`"),
        (keys.double_slash, "`//`"),
        (keys.trailing_slash, "trailing `/`"),
        (keys.unusual, "unusual signs"),
        (keys.controls, "control signs"),
    ]);
    let (all_metadata, kept_metadata) = lacking(&[
        (metadata.underscores, "`_` in names"),
        (metadata.signs, "other signs in names"),
        (metadata.tabs, "tabs"),
        (metadata.empty, "empty values"),
    ]);
    vec![
        row(
            "longest key",
            format!("{} bytes", found.max_key_bytes),
            found.max_key_bytes >= MAX_KEY_BYTES,
            "longer keys are refused; what stands before a bucket's keys in the store counts",
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

fn compared(is: bool) -> String {
    if is { "compared with what arrives" } else { "not compared" }.to_owned()
}

fn guards(absent: bool, if_match: IfMatch) -> String {
    format!("{} / {}", if absent { "minded" } else { "ignored" }, form(if_match))
}

fn form(form: IfMatch) -> &'static str {
    match form {
        IfMatch::Quoted => "minded",
        IfMatch::Bare => "minded, without quotes",
        IfMatch::Ignored => "ignored",
    }
}

fn pinned(pin: SourcePin) -> &'static str {
    match pin {
        SourcePin::Standard => "x-amz-copy-source-if-match",
        SourcePin::Ceph => "x-amz-copy-if-match",
        SourcePin::Ignored => "not bound",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(found: &Findings) -> Report {
        Report::new(found, &StoreBucket::parse("the-state").unwrap())
    }

    fn row<'r>(report: &'r Report, what: &str) -> &'r Row {
        report.rows().iter().find(|row| row.what == what).unwrap()
    }

    #[test]
    fn a_store_that_can_do_nothing_lacks_what_can_be_lacked() {
        let report = report(&Findings::CAREFUL);
        let put = row(&report, "PUT If-None-Match: *");
        assert_eq!(put.found, "ignored, or not atomic");
        assert!(put.cost.unwrap().contains("`immutable`"));
        assert!(row(&report, "write and read back").cost.is_none());
        assert_eq!(row(&report, "longest key").found, "255 bytes");
        assert!(report.lacks().count() >= 15);
    }

    #[test]
    fn it_is_a_table_for_people() {
        let mut found = Findings::CAREFUL;
        found.put.absent = true;
        let text = report(&found).to_string();
        let rows = text.lines().filter(|line| line.starts_with(['+', '-']));
        assert!(text.contains("\n+ PUT If-None-Match: *"), "{text}");
        assert!(text.contains("\n- PUT If-Match "), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        assert_eq!(rows.count(), report(&found).rows().len());
    }

    #[test]
    fn lines_are_broken_between_words() {
        let text = "a word and another one ".repeat(20);
        let lines = lines(&text);
        assert!(lines.iter().all(|line| line.len() <= LINE && !line.is_empty()));
        assert_eq!(lines.join(" "), text.trim());
        assert!(super::lines("").is_empty());
    }
}
