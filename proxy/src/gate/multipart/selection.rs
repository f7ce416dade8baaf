//! Complete's list against what is recorded of the parts. The client's list decides, never the store's.

use std::collections::BTreeMap;

use hallmark_signer::{
    Md5Digest, PartChecksums, PartTable, Parts, PartsError, SealedEtag, Sha256Digest, TreeRoot,
};

use super::part::{PartContent, PartRecord, SourceId};
use super::readback::ListedPart;
use crate::gate::upload::too_large;
use crate::s3::documents::CompletePart;
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::{ChecksumPlan, CompleteUpload};
use crate::s3::payload::DeclaredChecksum;
use crate::store::{PartNumber, StagedPart};

/// All parts but the last must have so many bytes.
const MIN_PART: u64 = 5 << 20;

/// What a client says when it completes an upload.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The parts that the object is to have, in their order: at least one.
    pub parts: Vec<CompletePart>,
    /// What is declared of the whole, and on what the write depends.
    pub whole: CompleteUpload,
}

fn md5(part: &CompletePart) -> Option<Md5Digest> {
    Md5Digest::from_hex(&part.etag).ok()
}

impl Completion {
    /// What a client says. A part that it lists twice in a row was sent twice: the later line counts, as in S3.
    pub fn new(mut parts: Vec<CompletePart>, whole: CompleteUpload) -> Self {
        parts.dedup_by(|later, earlier| {
            let same = later.number == earlier.number;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self { parts, whole }
    }

    /// Tells lists of parts apart: a repeated Complete from another one. `None`: an ETag in it is none that a part has.
    pub(super) fn digest(&self) -> Option<Sha256Digest> {
        let mut text = Vec::with_capacity(self.parts.len().saturating_mul(18));
        for part in &self.parts {
            text.extend_from_slice(&part.number.number().to_be_bytes());
            text.extend_from_slice(md5(part)?.as_bytes());
        }
        Some(Sha256Digest::of(&text))
    }
}

/// The parts of an object that is to be, each of which its client sent and named: only [`select`] makes it.
#[derive(Debug)]
pub(in crate::gate) struct Selection {
    list: Vec<ListedPart>,
    size: u64,
    etag: SealedEtag,
    table: PartTable,
    checksum: Option<DeclaredChecksum>,
}

impl Selection {
    /// What lies in the stage, and the trees over it.
    pub(super) fn list(&self) -> &[ListedPart] {
        &self.list
    }

    /// The parts as the store knows them.
    pub(super) fn staged(&self) -> Vec<StagedPart> {
        self.list.iter().map(|part| part.staged.clone()).collect()
    }

    /// The parts as the window knows them.
    pub(super) fn trees(&self) -> Vec<(PartNumber, TreeRoot)> {
        self.list.iter().map(|part| (part.staged.number, part.tree)).collect()
    }

    /// Bytes of all parts together.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The ETag of the object: `-N`.
    pub(in crate::gate) fn etag(&self) -> SealedEtag {
        self.etag
    }

    /// Lengths and checksums of the parts.
    pub(in crate::gate) fn table(&self) -> &PartTable {
        &self.table
    }

    /// The checksum of the object, of the kind that was asked for when the upload was begun.
    pub(in crate::gate) fn checksum(&self) -> Option<&DeclaredChecksum> {
        self.checksum.as_ref()
    }
}

/// Finds the parts that `completion` lists among the records of the upload, and compares everything that was declared of
/// them and can be compared without their bytes.
///
/// # Errors
/// What S3 says to it: `InvalidPartOrder`, `InvalidPart`, `InvalidRequest`, `EntityTooSmall`, `EntityTooLarge`,
/// `BadDigest`.
pub(super) fn select(
    records: &BTreeMap<PartNumber, PartRecord>,
    plan: Option<ChecksumPlan>,
    completion: &Completion,
    max_size: u64,
) -> Result<Selection, S3Error> {
    in_order(&completion.parts)?;
    let mut list = Vec::with_capacity(completion.parts.len());
    let (mut md5s, mut sums) = (Vec::new(), Vec::new());
    for part in &completion.parts {
        let record = record_of(part, records)?;
        let PartContent::Staged { tree, checksum, pin } = &record.content else {
            // Those by reference were carried before.
            return Err(S3Error::internal());
        };
        compare_checksum(part, checksum.as_ref())?;
        let staged = StagedPart { number: record.number, length: record.length, pin: pin.clone() };
        md5s.push(record.etag);
        sums.push((record.length, checksum.as_ref()));
        list.push(ListedPart { staged, tree: *tree });
    }
    let lengths: Vec<u64> = list.iter().map(|part| part.staged.length).collect();
    large_enough(&completion.parts, &lengths)?;
    let size = lengths.iter().try_fold(0u64, |sum, length| sum.checked_add(*length));
    let size = size.ok_or_else(too_large)?;
    compare_size(size, completion, max_size)?;
    let checksum = match plan {
        None => None,
        Some(plan) => {
            let sums = sums.iter().map(|(length, sum)| sum.map(|sum| (*length, sum)));
            // A record without it is not of this upload's time: all parts were computed one.
            let sums: Vec<_> = sums.collect::<Option<_>>().ok_or_else(S3Error::internal)?;
            Some(plan.of_parts(sums).ok_or_else(S3Error::internal)?)
        }
    };
    compare_whole(plan, checksum.as_ref(), &completion.whole)?;
    let table = table(&list, plan, &sums).map_err(|_| S3Error::internal())?;
    let etag = SealedEtag::of_parts(md5s).map_err(|_| S3Error::internal())?;
    Ok(Selection { list, size, etag, table, checksum })
}

/// Parts by reference that may be all the bytes of one artifact.
pub(super) struct Whole {
    /// Which.
    pub(super) source: SourceId,
    /// The lengths of the parts: together, so many of its first bytes.
    pub(super) lengths: Vec<u64>,
    /// The ETag of the object: `-N`.
    pub(super) etag: SealedEtag,
}

/// Whether the parts that `completion` lists are, in order, bytes of one artifact from its first on.
///
/// # Errors
/// As [`select`].
pub(super) fn whole_of(
    records: &BTreeMap<PartNumber, PartRecord>,
    completion: &Completion,
    max_size: u64,
) -> Result<Option<Whole>, S3Error> {
    in_order(&completion.parts)?;
    let (mut source, mut lengths, mut md5s, mut end) = (None, Vec::new(), Vec::new(), 0);
    for part in &completion.parts {
        let record = record_of(part, records)?;
        match &record.content {
            PartContent::Referenced { source: of, range }
                if range.start == end && source.is_none_or(|source| source == *of) =>
            {
                (source, end) = (Some(*of), range.end);
            }
            PartContent::Referenced { .. } | PartContent::Staged { .. } => return Ok(None),
        }
        // Nobody computed any: such uploads are without a checksum.
        compare_checksum(part, None)?;
        lengths.push(record.length);
        md5s.push(record.etag);
    }
    let Some(source) = source else { return Ok(None) };
    large_enough(&completion.parts, &lengths)?;
    compare_size(end, completion, max_size)?;
    compare_whole(None, None, &completion.whole)?;
    let etag = SealedEtag::of_parts(md5s).map_err(|_| S3Error::internal())?;
    Ok(Some(Whole { source, lengths, etag }))
}

/// Compares what can be compared without the bytes of parts by reference, before any of them are moved.
///
/// # Errors
/// As [`select`].
pub(super) fn check_list(
    records: &BTreeMap<PartNumber, PartRecord>,
    plan: Option<ChecksumPlan>,
    completion: &Completion,
    max_size: u64,
) -> Result<(), S3Error> {
    in_order(&completion.parts)?;
    let mut lengths = Vec::with_capacity(completion.parts.len());
    for part in &completion.parts {
        let record = record_of(part, records)?;
        let checksum = match &record.content {
            PartContent::Staged { checksum, .. } => checksum.as_ref(),
            PartContent::Referenced { .. } => None,
        };
        compare_checksum(part, checksum)?;
        lengths.push(record.length);
    }
    large_enough(&completion.parts, &lengths)?;
    let size = lengths.iter().try_fold(0u64, |sum, length| sum.checked_add(*length));
    compare_size(size.ok_or_else(too_large)?, completion, max_size)?;
    // Where one was planned it is compared when all parts have theirs.
    if plan.is_none() { compare_whole(None, None, &completion.whole) } else { Ok(()) }
}

/// The length of the whole against what is allowed and what was declared.
fn compare_size(size: u64, completion: &Completion, max_size: u64) -> Result<(), S3Error> {
    if size > max_size {
        return Err(too_large());
    }
    if completion.whole.size.is_some_and(|declared| declared != size) {
        let message = "The provided 'x-amz-mp-object-size' header does not match what was computed.";
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    Ok(())
}

fn in_order(parts: &[CompletePart]) -> Result<(), S3Error> {
    if parts.is_empty() {
        let message =
            "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(S3Error::new(Code::MalformedXML, message));
    }
    if parts.is_sorted_by(|a, b| a.number < b.number) {
        return Ok(());
    }
    let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
    Err(S3Error::new(Code::InvalidPartOrder, message))
}

fn record_of<'r>(
    part: &CompletePart,
    records: &'r BTreeMap<PartNumber, PartRecord>,
) -> Result<&'r PartRecord, S3Error> {
    let record = records.get(&part.number).filter(|record| Some(record.etag) == md5(part));
    record.ok_or_else(|| invalid_part(part))
}

fn invalid_part(part: &CompletePart) -> S3Error {
    let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                   specified entity tag may not match the part's entity tag.";
    S3Error::new(Code::InvalidPart, message)
        .with("PartNumber", part.number.number().to_string())
        .with("ETag", &*part.etag)
}

/// A checksum that the client gives for a part must be the one that was computed. It need not give any: each was compared
/// when the part came in.
fn compare_checksum(part: &CompletePart, computed: Option<&DeclaredChecksum>) -> Result<(), S3Error> {
    for declared in &part.checksums {
        let same = computed
            .is_some_and(|sum| sum.algorithm() == declared.algorithm && *sum.value() == *declared.value);
        if !same {
            return Err(invalid_part(part));
        }
    }
    Ok(())
}

fn large_enough(parts: &[CompletePart], lengths: &[u64]) -> Result<(), S3Error> {
    let Some((_, first)) = lengths.split_last() else { return Ok(()) };
    match parts.iter().zip(first).find(|(_, length)| **length < MIN_PART) {
        None => Ok(()),
        Some((part, length)) => {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            Err(S3Error::new(Code::EntityTooSmall, message)
                .with("ProposedSize", length.to_string())
                .with("MinSizeAllowed", MIN_PART.to_string())
                .with("PartNumber", part.number.number().to_string())
                .with("ETag", &*part.etag))
        }
    }
}

/// What the client declares of the whole against what was computed.
fn compare_whole(
    plan: Option<ChecksumPlan>,
    computed: Option<&DeclaredChecksum>,
    whole: &CompleteUpload,
) -> Result<(), S3Error> {
    if let (Some(kind), Some(planned)) = (whole.kind, plan.map(|plan| plan.kind))
        && kind != planned
    {
        let message = format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            planned.name()
        );
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    let Some(declared) = &whole.checksum else { return Ok(()) };
    let Some(computed) = computed else {
        let message =
            "The upload was created without a checksum algorithm, so none can be compared at its end.";
        return Err(S3Error::new(Code::InvalidRequest, message));
    };
    if declared.algorithm != computed.algorithm() {
        let message = format!(
            "The upload was created using a {} checksum.",
            computed.algorithm().name().to_lowercase()
        );
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    // Of a composite checksum some clients leave away the number of parts.
    let value = computed.value();
    let same = *declared.value == *value
        || value.split_once('-').is_some_and(|(encoded, _parts)| *declared.value == *encoded);
    if same {
        return Ok(());
    }
    let message =
        format!("The {} you specified did not match the calculated checksum.", computed.algorithm().name());
    Err(S3Error::new(Code::BadDigest, message))
}

fn table(
    list: &[ListedPart],
    plan: Option<ChecksumPlan>,
    sums: &[(u64, Option<&DeclaredChecksum>)],
) -> Result<PartTable, PartsError> {
    let parts = Parts::new(list.iter().map(|part| part.staged.length))?;
    let checksums = match plan {
        None => None,
        Some(plan) => {
            let values = sums.iter().filter_map(|(_, sum)| sum.map(DeclaredChecksum::value));
            Some(PartChecksums::new(plan.algorithm.name(), values)?)
        }
    };
    PartTable::new(parts, checksums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_part_that_is_listed_twice_the_later_line_counts() {
        let part = |number, etag: &str| CompletePart {
            number: PartNumber::new(number).unwrap(),
            etag: etag.into(),
            checksums: Vec::new(),
        };
        let listed = vec![part(1, "a"), part(1, "b"), part(2, "c"), part(2, "d"), part(2, "e"), part(3, "f")];
        let completion = Completion::new(listed, CompleteUpload::default());
        let etags: Vec<_> = completion.parts.iter().map(|part| &*part.etag).collect();
        assert_eq!(etags, ["b", "e", "f"]);
    }
}
