//! What S3 says of objects and uploads, as simply as it can be said.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hallmark_tests::s3::{Completed, Upload, md5_hex};
use md5::{Digest as _, Md5};

use super::command::{Condition, KEYS, List, MIN_PART};

pub(super) type Codes = BTreeSet<&'static str>;

/// A line of a Complete: number and ETag.
pub(super) type Lines = Vec<(u64, String)>;

#[derive(Default)]
pub(super) struct Model {
    pub(super) objects: [Option<Object>; KEYS],
    /// In the order in which they were begun.
    pub(super) uploads: Vec<Began>,
}

#[derive(Clone)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    /// Without quotes.
    pub(super) etag: String,
    /// The line of its seal, which is of this write alone.
    pub(super) seal: String,
}

pub(super) struct Began {
    pub(super) key: usize,
    pub(super) upload: Upload,
    pub(super) parts: BTreeMap<u64, Part>,
    pub(super) state: State,
}

pub(super) struct Part {
    pub(super) etag: String,
    pub(super) bytes: Bytes,
    pub(super) origin: Origin,
}

#[derive(Clone)]
pub(super) enum Origin {
    Sent,
    /// Sent through two instances at once. What is recorded of it may not be what the store has; then it counts as not
    /// sent, and the model does not know.
    Contested,
    /// The bytes of the object under this key, or some of them; if that one is replaced before they are needed, they are
    /// lost.
    Referenced {
        key: usize,
        seal: String,
    },
    /// The same, but the bytes may have been carried over by a Complete that was refused.
    PerhapsCarried {
        key: usize,
        seal: String,
    },
}

pub(super) enum State {
    Open,
    /// A Complete that was to succeed got no answer, and is all that may follow, or an Abort.
    Interrupted(Interrupted),
    Completed {
        lines: Lines,
        etag: String,
    },
    Aborted,
    /// Aborted after a Complete that got no answer: that one may be answered still, and changes nothing any more.
    Ended {
        lines: Lines,
        etag: String,
    },
}

#[derive(Clone)]
pub(super) struct Interrupted {
    pub(super) lines: Lines,
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    /// Its parts were fixed.
    pub(super) closed: bool,
    /// What it is about to become was fixed.
    pub(super) planned: bool,
    /// It became that.
    pub(super) made: bool,
    /// Since then something else was done to the key.
    pub(super) touched: bool,
}

/// What may come of a Complete.
pub(super) struct Verdict {
    /// The object's bytes and ETag, if it may succeed.
    pub(super) makes: Option<(Bytes, String)>,
    /// With what it may be refused.
    pub(super) codes: Codes,
}

impl Verdict {
    pub(super) fn refused(code: &'static str) -> Self {
        Self { makes: None, codes: [code].into() }
    }
}

impl Part {
    pub(super) fn sent(bytes: Bytes) -> Self {
        Self { etag: md5_hex(&bytes), bytes, origin: Origin::Sent }
    }
}

impl Model {
    pub(super) fn latest(&self, back: usize) -> Option<usize> {
        let count = self.uploads.len();
        (count > 0).then(|| count - 1 - back % count)
    }

    /// Something was done to a key; by an upload, if that is said.
    pub(super) fn touch(&mut self, key: usize, by: Option<usize>) {
        let others = self.uploads.iter_mut().enumerate().filter(|(number, _)| Some(*number) != by);
        for (_, began) in others.filter(|(_, began)| began.key == key) {
            if let State::Interrupted(interrupted) = &mut began.state {
                interrupted.touched = true;
            }
        }
    }

    /// What S3 says to this list.
    pub(super) fn judge(&self, upload: usize, lines: &Lines, condition: Condition) -> Verdict {
        let began = &self.uploads[upload];
        if lines.is_empty() {
            return Verdict::refused("MalformedXML");
        }
        if !lines.is_sorted_by(|a, b| a.0 < b.0) {
            return Verdict::refused("InvalidPartOrder");
        }
        match &began.state {
            State::Open | State::Interrupted(_) => {}
            State::Completed { .. } | State::Aborted | State::Ended { .. } => {
                return Verdict::refused("NoSuchUpload");
            }
        }
        let listed =
            |(number, etag): &(u64, String)| began.parts.get(number).filter(|part| part.etag == *etag);
        let parts: Vec<Option<&Part>> = lines.iter().map(listed).collect();
        let (mut codes, mut certain) = (Codes::new(), false);
        for part in parts.iter().flatten() {
            let lost = |key: &usize, seal: &String| {
                self.objects[*key].as_ref().is_none_or(|object| object.seal != *seal)
            };
            match &part.origin {
                Origin::Contested => codes.extend(["InvalidPart"]),
                Origin::Referenced { key, seal } | Origin::PerhapsCarried { key, seal }
                    if lost(key, seal) =>
                {
                    codes.extend(["ConditionalRequestConflict", "NoSuchKey"]);
                    certain |= matches!(part.origin, Origin::Referenced { .. });
                }
                Origin::Sent | Origin::Referenced { .. } | Origin::PerhapsCarried { .. } => {}
            }
        }
        let Some(parts) = parts.into_iter().collect::<Option<Vec<&Part>>>() else {
            codes.extend(["InvalidPart"]);
            return Verdict { makes: None, codes };
        };
        let first = parts.iter().rev().skip(1);
        if first.clone().any(|part| (part.bytes.len() as u64) < MIN_PART) {
            codes.extend(["EntityTooSmall"]);
            return Verdict { makes: None, codes };
        }
        if condition == Condition::Absent && self.objects[began.key].is_some() {
            codes.extend(["PreconditionFailed"]);
            return Verdict { makes: None, codes };
        }
        let bytes = parts.iter().map(|part| &part.bytes[..]).collect::<Vec<_>>().concat();
        let etag = etag_of(lines);
        Verdict { makes: (!certain).then(|| (bytes.into(), etag)), codes }
    }
}

impl Began {
    /// The lines that `list` means for this upload.
    pub(super) fn lines(&self, list: List) -> Lines {
        match &self.state {
            State::Interrupted(Interrupted { lines, .. }) => return lines.clone(),
            State::Completed { lines, .. } | State::Ended { lines, .. } if matches!(list, List::Sound) => {
                return lines.clone();
            }
            State::Open | State::Completed { .. } | State::Ended { .. } | State::Aborted => {}
        }
        let line = |(number, part): (&u64, &Part)| (*number, part.etag.clone());
        let all: Lines = self.parts.iter().map(line).collect();
        match list {
            List::Sound => {
                let last = self.parts.keys().next_back();
                let large =
                    |number: &u64, part: &Part| part.bytes.len() as u64 >= MIN_PART || Some(number) == last;
                self.parts.iter().filter(|(number, part)| large(number, part)).map(line).collect()
            }
            List::All => all,
            List::AllButFirst => all.into_iter().skip(1).collect(),
            List::Reversed => all.into_iter().rev().collect(),
            List::Twice => all.iter().chain(&all).cloned().collect(),
            List::WrongEtag => {
                let mut lines = all;
                lines.last_mut().into_iter().for_each(|(_, etag)| *etag = md5_hex(etag.as_bytes()));
                lines
            }
            List::Missing => {
                let missing = (5_000, md5_hex(b"never sent"));
                let after = all.partition_point(|(number, _)| *number < missing.0);
                let mut lines = all;
                lines.insert(after, missing);
                lines
            }
            List::Empty => Vec::new(),
        }
    }

    /// A Complete with these parts was refused: on its way it may have carried some of them over.
    pub(super) fn carried_perhaps(&mut self, lines: &Lines) {
        for (number, _) in lines {
            if let Some(part) = self.parts.get_mut(number)
                && let Origin::Referenced { key, seal } = part.origin.clone()
            {
                part.origin = Origin::PerhapsCarried { key, seal };
            }
        }
    }

    /// Whether it is among the uploads in progress.
    pub(super) fn is_listed(&self) -> bool {
        match &self.state {
            State::Open | State::Interrupted(_) => true,
            State::Completed { .. } | State::Aborted | State::Ended { .. } => false,
        }
    }
}

/// What a list means: a part that is listed twice in a row was sent twice.
pub(super) fn meant(mut lines: Lines) -> Lines {
    lines.dedup();
    lines
}

/// As a client has to send them.
pub(super) fn completed(lines: &Lines) -> Vec<Completed> {
    lines.iter().map(|(number, etag)| Completed::new(*number, etag)).collect()
}

/// The ETag of an object: of the ETags of its parts, whatever those are.
fn etag_of(lines: &Lines) -> String {
    let digests: Vec<u8> = lines.iter().flat_map(|(_, etag)| hex::decode(etag).unwrap()).collect();
    format!("{}-{}", hex::encode(Md5::digest(&digests)), lines.len())
}
