//! Records that are read back, and those that are refused.

mod multipart;

use proptest::prelude::*;

use super::*;
use crate::digest::Sha256Digest;
use crate::leaves::ExpectedLeaf;
use crate::seal::fixtures::Sample;
use crate::seal::{ContentDigests, Observed, verify};
use crate::tree::LEAF_SIZE;
use crate::verdicts::NoVerdicts;

/// A seal for an artifact of so many leaves, whose bytes nobody has, and its record.
fn large(leaves: u64) -> (Seal, Vec<LeafHash>, Vec<u8>) {
    let mut sample = Sample::of_size(0);
    let hashes: Vec<_> = (0..leaves).map(|n| LeafHash::of(&n.to_be_bytes())).collect();
    let size = leaves * LEAF_SIZE - 7;
    let digest = Sha256Digest::of(b"the artifact");
    sample.claims.content = ContentDigests::new(size, digest, Some(tree::root(&hashes)), vec![]).unwrap();
    let observed = Observed { length: size, ..sample.observed() };
    let line = sample.sealer.seal(sample.claims.clone(), &observed).unwrap();
    let seal = verify(&line, &observed, &sample.keys(), &NoVerdicts).unwrap();
    let record = encode(&line, &hashes, None, None).unwrap();
    (seal, hashes, record)
}

fn header(bytes: &[u8]) -> Result<RecordHeader, RecordError> {
    match RecordHeader::parse(bytes)? {
        ParsedHeader::Complete(header) => Ok(header),
        ParsedHeader::NeedsMore(length) => panic!("needs {length} bytes"),
    }
}

/// Whether the header of a record, or one of its pages, is not what was sealed.
fn refuses(seal: &Seal, record: &[u8]) -> bool {
    let verdict = RecordHeader::parse(record).and_then(|parsed| match parsed {
        ParsedHeader::NeedsMore(length) => {
            assert!(length > record.len() as u64);
            Err(RecordError::Magic)
        }
        ParsedHeader::Complete(header) => header.verify(seal),
    });
    let verdict = verdict.and_then(|pages| {
        (0..pages.count()).try_for_each(|page| {
            let range = pages.range(page).unwrap();
            pages.page(page, &record[range.start as usize..range.end as usize]).map(|_| ())
        })
    });
    verdict.is_err()
}

#[test]
fn a_record_gives_back_its_leaves() {
    for count in [9, 10, 1023, 1024, 1025, 2048, 5000] {
        let (seal, hashes, record) = large(count);
        let pages = header(&record).unwrap().verify(&seal).unwrap();
        assert_eq!(pages.count(), count.div_ceil(1024));
        for index in [0, 8, 1023, 1024, count - 1, count] {
            let expected = hashes.get(index as usize).map(|hash| {
                let range = index * LEAF_SIZE..seal.size().min((index + 1) * LEAF_SIZE);
                ExpectedLeaf::of_page(range, *hash)
            });
            let number = Pages::page_of_leaf(index);
            let Some(range) = pages.range(number) else {
                assert_eq!(expected, None);
                continue;
            };
            let bytes = &record[range.start as usize..range.end as usize];
            let page = pages.page(number, bytes).unwrap();
            assert_eq!(page.leaf(index), expected);
            assert_eq!(page.leaf(page.leaves().end), None);
            assert_eq!(page.leaves().start.checked_sub(1).and_then(|before| page.leaf(before)), None);
        }
        let last = pages.range(pages.count() - 1).unwrap();
        assert_eq!(last.end, record.len() as u64);
    }
}

#[test]
fn a_real_artifact_is_checked_by_its_record() {
    let sample = Sample::of_size(9 * LEAF_SIZE + 1);
    let seal = sample.verified();
    let record = encode(seal.line(), &sample.leaves, Some("CRC32:FULL_OBJECT:AAAAAA=="), None).unwrap();
    let read = header(&record).unwrap();
    assert_eq!(read.sum(), Some("CRC32:FULL_OBJECT:AAAAAA=="));
    let pages = read.verify(&seal).unwrap();
    let range = pages.range(0).unwrap();
    let page = pages.page(0, &record[range.start as usize..]).unwrap();
    for index in page.leaves() {
        let expected = page.leaf(index).unwrap();
        let range = expected.range();
        assert_eq!(expected.check(&sample.bytes[range.start as usize..range.end as usize]), Ok(()));
    }
    assert_eq!(page.leaf(9).map(|leaf| leaf.range()), Some(9 * LEAF_SIZE..9 * LEAF_SIZE + 1));
}

#[test]
fn a_prefix_says_how_much_is_missing() {
    let (_, _, record) = large(2000);
    let text = std::str::from_utf8(&record[..100]).unwrap();
    let length: u64 = text[MAGIC.len()..].split('\n').next().unwrap().parse().unwrap();
    assert_eq!(record.len() as u64, length + 2000 * 32);
    for prefix in [64, 100, length as usize - 1] {
        assert_eq!(RecordHeader::parse(&record[..prefix]), Ok(ParsedHeader::NeedsMore(length)));
    }
    for prefix in [length as usize, length as usize + 1, record.len()] {
        assert!(matches!(RecordHeader::parse(&record[..prefix]), Ok(ParsedHeader::Complete(_))));
    }
    for prefix in [0, 1, MAGIC.len(), MAGIC.len() + 1] {
        assert_eq!(RecordHeader::parse(&record[..prefix]), Err(RecordError::Magic));
    }
}

#[test]
fn the_header_counts_its_own_digits() {
    for rest in (1..2000).chain(99_960..99_990).chain(999_960..999_990) {
        if let Some(length) = header_length(rest) {
            assert_eq!(format!("{MAGIC}{length}\n").len() + rest, length);
        }
    }
    assert_eq!(header_length(MAX_HEADER as usize - MAX_FIRST_LINE), Some(MAX_HEADER as usize));
    assert_eq!(header_length(MAX_HEADER as usize - MAX_FIRST_LINE + 1), None);
}

#[test]
fn what_does_not_fit_the_seal_makes_no_record() {
    let (seal, mut hashes, _) = large(1500);
    let line = seal.line();
    assert_eq!(encode(line, &hashes[..1499], None, None), Err(RecordError::PageCount));
    hashes.swap(0, 1400);
    assert_eq!(encode(line, &hashes, None, None), Err(RecordError::Root));
    let inline = Sample::of_size(8 * LEAF_SIZE);
    assert_eq!(encode(&inline.seal(), &inline.leaves, None, None), Err(RecordError::Misplaced));
}

#[test]
fn malformed_headers_are_refused() {
    let (seal, _, record) = large(1500);
    let length = RecordHeader::parse(&record).map(|parsed| match parsed {
        ParsedHeader::Complete(header) => header.length as usize,
        ParsedHeader::NeedsMore(_) => 0,
    });
    let text = std::str::from_utf8(&record[..length.unwrap()]).unwrap();
    let (_, body) = text.split_once('\n').unwrap();
    let with = |body: &str| {
        let length = header_length(body.len()).unwrap();
        header(format!("{MAGIC}{length}\n{body}").as_bytes()).and_then(|header| header.verify(&seal))
    };
    assert!(with(body).is_ok());
    let inline = Sample::of_size(8 * LEAF_SIZE).seal().to_string();
    let other = large(1500).0.line().to_string();
    let line = seal.line().to_string();
    let (head, roots) = body.split_once("pages 2\n").unwrap();
    let (one, two) = roots.split_once('\n').unwrap();
    for (body, expected) in [
        (body.replace("parts -", "parts 3x8"), RecordError::Parts),
        (body.replace("parts -", "parts 3x8,1x8"), RecordError::Header("parts")),
        (body.replace("parts -", "parts"), RecordError::Header("parts")),
        (body.replace("parts -", "parts "), RecordError::Header("parts")),
        (body.replace("checksums -", "checksums CRC32:AA=="), RecordError::Header("checksums")),
        (body.replace("parts -\nchecksums -\n", "checksums -\nparts -\n"), RecordError::Header("parts")),
        (body.replace("sum -", "sum  x"), RecordError::Header("sum")),
        (body.replace("sum -", "sum"), RecordError::Header("sum")),
        (body.replace("sum -\n", ""), RecordError::Header("sum")),
        (body.replace("pages 2", "pages 3"), RecordError::Header("pages")),
        (body.replace("pages 2", "pages 02"), RecordError::Header("pages")),
        (body.replace("pages 2", "page 2"), RecordError::Header("pages")),
        (body.trim_end().to_owned(), RecordError::Header("last newline")),
        (format!("{body}\n"), RecordError::Header("page root")),
        (body.replace('\n', "\r\n"), RecordError::Line(LineError::Value("sig"))),
        (body.replace(&line, &inline), RecordError::Misplaced),
        (body.replace(&line, &other), RecordError::OtherSeal),
        (body.replace(&line, ""), RecordError::Line(LineError::Field("v"))),
        (format!("{head}pages 2\n{two}{one}\n"), RecordError::Root),
        (format!("{head}pages 1\n{one}\n"), RecordError::PageCount),
        (format!("{head}pages 3\n{one}\n{one}\n{two}"), RecordError::PageCount),
    ] {
        assert_eq!(with(&body), Err(expected), "{body}");
    }
    for (first, expected) in [
        ("hallmark-record-v2 9\n", RecordError::Magic),
        ("hallmark-record-v1 x\n", RecordError::Magic),
        ("hallmark-record-v1 012\n", RecordError::Magic),
        ("hallmark-record-v1 1048577\n", RecordError::TooLong),
        ("hallmark-record-v1 00000000000000000000000001\n", RecordError::Magic),
        ("hallmark-record-v1 5\n", RecordError::Header("length")),
    ] {
        assert_eq!(RecordHeader::parse(format!("{first}{body}").as_bytes()), Err(expected), "{first}");
    }
}

#[test]
fn pages_that_were_cut_altered_or_moved_are_refused() {
    let (seal, _, record) = large(3 * 1024 + 5);
    let pages = header(&record).unwrap().verify(&seal).unwrap();
    let bytes = |page| {
        let range = pages.range(page).unwrap();
        record[range.start as usize..range.end as usize].to_vec()
    };
    for page in 0..4 {
        let good = bytes(page);
        assert!(pages.page(page, &good).is_ok());
        let refused = Err(RecordError::Page(page));
        assert_eq!(pages.page(page, &good[..good.len() - 32]), refused);
        assert_eq!(pages.page(page, &good[..good.len() - 1]), refused);
        assert_eq!(pages.page(page, &[good.as_slice(), &[0; 32]].concat()), refused);
        assert_eq!(pages.page(page, &[]), refused);
        for other in (0..4).filter(|other| *other != page) {
            assert_eq!(pages.page(page, &bytes(other)), refused);
        }
        let mut moved = good.clone();
        moved.rotate_left(32);
        assert_eq!(pages.page(page, &moved), refused);
        let mut altered = good;
        altered[77] ^= 0x10;
        assert_eq!(pages.page(page, &altered), refused);
    }
    assert_eq!(pages.page(4, &[]), Err(RecordError::NoSuchPage(4)));
    assert_eq!(pages.range(4), None);
    assert_eq!(pages.range(u64::MAX), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A changed byte is refused, by the header or by the page that it is in.
    #[test]
    fn any_one_byte_change_is_refused(at in any::<prop::sample::Index>(), change in 1..=255u8) {
        thread_local!(static RECORD: (Seal, Vec<LeafHash>, Vec<u8>) = large(1030));
        RECORD.with(|(seal, _, record)| {
            let mut changed = record.clone();
            changed[at.index(record.len())] ^= change;
            assert!(refuses(seal, &changed));
        });
    }

    #[test]
    fn no_bytes_make_it_panic(head in "hallmark-record-v1 [0-9]{1,8}\n", rest in any::<Vec<u8>>()) {
        let _ = RecordHeader::parse(&[head.as_bytes(), &rest].concat());
        let _ = RecordHeader::parse(&rest);
    }
}
