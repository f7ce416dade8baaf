//! Records of artifacts that came in parts.

use super::*;
use crate::{Md5Digest, Op, SealId, SealedEtag};

/// An artifact of so many leaves that came in these parts, its seal, its leaves, its table.
struct Multipart {
    sample: Sample,
    size: u64,
    hashes: Vec<LeafHash>,
    table: PartTable,
}

impl Multipart {
    fn new(lengths: &[u64], checksums: Option<PartChecksums>) -> Self {
        let table = PartTable::new(Parts::new(lengths.iter().copied()).unwrap(), checksums).unwrap();
        let size = table.parts().size();
        let hashes: Vec<_> = (0..leaf_count(size)).map(|leaf| LeafHash::of(&leaf.to_be_bytes())).collect();
        let mut sample = Sample::of_size(0);
        let digest = Sha256Digest::of(b"the artifact");
        sample.claims.content = ContentDigests::new(size, digest, Some(tree::root(&hashes)), vec![]).unwrap();
        sample.claims.op = Op::Mpu;
        sample.claims.etag = SealedEtag::of_parts(vec![Md5Digest::of(b""); lengths.len()]).unwrap();
        sample.claims.parts = Some(table.digest());
        Self { sample, size, hashes, table }
    }

    /// Eleven leaves in three parts.
    fn small() -> Self {
        let checksums = PartChecksums::parse("CRC32:AAAAAA==,AAAAAQ==,AAAAAg==").unwrap();
        Self::new(&[5 << 20, 5 << 20, 77], Some(checksums))
    }

    fn line(&self) -> SealLine {
        let observed = Observed { length: self.size, ..self.sample.observed() };
        self.sample.sealer.seal(self.sample.claims.clone(), &observed).unwrap()
    }

    fn seal(&self) -> Seal {
        let observed = Observed { length: self.size, ..self.sample.observed() };
        verify(&self.line(), &observed, &self.sample.keys(), &NoVerdicts).unwrap()
    }

    fn record(&self) -> Vec<u8> {
        encode(&self.line(), &self.hashes, None, Some(&self.table)).unwrap()
    }
}

#[test]
fn a_record_gives_back_its_parts() {
    for (lengths, checksums) in [
        (vec![9 << 20], None),
        (vec![9 << 20], Some("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")),
        (vec![5 << 20, 5 << 20, 77], None),
        (vec![5 << 20, 6 << 20, 0], Some("CRC32:AAAAAA==,AAAAAQ==,AAAAAg==")),
        (vec![1 << 10; 10_000], None),
    ] {
        let checksums = checksums.map(|text| PartChecksums::parse(text).unwrap());
        let multipart = Multipart::new(&lengths, checksums);
        let pages = header(&multipart.record()).unwrap().verify(&multipart.seal()).unwrap();
        assert_eq!(pages.part_table(), Some(&multipart.table));
    }
    let (seal, _, record) = large(9);
    assert_eq!(header(&record).unwrap().verify(&seal).unwrap().part_table(), None);
}

#[test]
fn the_lines_are_those_of_the_format() {
    let record = Multipart::small().record();
    let text = String::from_utf8_lossy(&record);
    let lines: Vec<_> = text.lines().skip(2).take(4).collect();
    assert_eq!(
        lines,
        ["parts 2x5242880,1x77", "checksums CRC32:AAAAAA==,AAAAAQ==,AAAAAg==", "sum -", "pages 1"]
    );
}

#[test]
fn a_table_goes_with_a_seal_that_has_its_digest() {
    let good = Multipart::small();
    let refused = |multipart: &Multipart, table: Option<&PartTable>| {
        encode(&multipart.line(), &multipart.hashes, None, table).err()
    };
    assert_eq!(refused(&good, Some(&good.table)), None);
    assert_eq!(refused(&good, None), Some(RecordError::Parts));
    let bare = PartTable::new(good.table.parts().clone(), None).unwrap();
    assert_eq!(refused(&good, Some(&bare)), Some(RecordError::Parts));
    let other = Multipart::new(&[5 << 20, 77, 5 << 20], good.table.checksums().cloned());
    assert_eq!(refused(&good, Some(&other.table)), Some(RecordError::Parts));

    // Digests that are right, of parts that are not the artifact's: a sealer's mistake.
    for lengths in [&[5 << 20, 5 << 20, 78][..], &[5 << 20, (5 << 20) + 77], &[5 << 20, 5 << 20, 76, 1]] {
        let mut wrong = Multipart::small();
        wrong.table = PartTable::new(Parts::new(lengths.iter().copied()).unwrap(), None).unwrap();
        wrong.sample.claims.parts = Some(wrong.table.digest());
        assert_eq!(refused(&wrong, Some(&wrong.table)), Some(RecordError::Parts), "{lengths:?}");
    }

    let (seal, hashes, _) = large(9);
    assert_eq!(encode(seal.line(), &hashes, None, Some(&good.table)), Err(RecordError::Parts));
}

/// Nothing is known of the parts of what was adopted, or copied from what was.
#[test]
fn an_etag_of_parts_may_stand_without_a_table() {
    let mut multipart = Multipart::small();
    multipart.sample.claims.parts = None;
    let record = encode(&multipart.line(), &multipart.hashes, None, None).unwrap();
    let pages = header(&record).unwrap().verify(&multipart.seal()).unwrap();
    assert_eq!(pages.part_table(), None);
}

/// As for the promotion of a large artifact, whose bytes nobody reads.
#[test]
fn a_copy_is_sealed_from_what_was_verified_of_its_source() {
    let source = Multipart::new(&[1 << 30, 1 << 30, 7], None);
    let (seal, record) = (source.seal(), source.record());
    let pages = header(&record).unwrap().verify(&seal).unwrap();
    let hashes: Vec<_> = (0..pages.count())
        .flat_map(|number| {
            let range = pages.range(number).unwrap();
            let page = pages.page(number, &record[range.start as usize..range.end as usize]).unwrap();
            page.hashes().to_vec()
        })
        .collect();
    assert_eq!(hashes, source.hashes);

    let mut copy = Multipart::small();
    copy.sample.claims.op = Op::Copy;
    copy.sample.claims.id = SealId::random().unwrap();
    copy.sample.claims.src = Some(seal.id());
    copy.sample.claims.content = seal.content().clone();
    copy.sample.claims.parts = seal.parts().copied();
    copy.sample.claims.etag = seal.etag();
    copy.sample.key = "elsewhere".to_owned();
    copy.size = seal.size();
    let record = encode(&copy.line(), &hashes, None, pages.part_table()).unwrap();
    let copied = header(&record).unwrap().verify(&copy.seal()).unwrap();
    assert_eq!(copied.part_table(), Some(&source.table));
    assert_eq!(header(&record).unwrap().verify(&seal), Err(RecordError::OtherSeal));
}

#[test]
fn tables_that_were_altered_are_refused() {
    let multipart = Multipart::small();
    let record = multipart.record();
    let length = match RecordHeader::parse(&record) {
        Ok(ParsedHeader::Complete(header)) => header.length as usize,
        other => panic!("{other:?}"),
    };
    let (_, body) = std::str::from_utf8(&record[..length]).unwrap().split_once('\n').unwrap();
    let (parts, checksums) = ("parts 2x5242880,1x77\n", "checksums CRC32:AAAAAA==,AAAAAQ==,AAAAAg==\n");
    let with = |lines: &str| {
        let body = body.replace(&format!("{parts}{checksums}"), lines);
        let length = header_length(body.len()).unwrap();
        let read = header(format!("{MAGIC}{length}\n{body}").as_bytes());
        read.and_then(|header| header.verify(&multipart.seal())).map(|_| ())
    };
    assert_eq!(with(&format!("{parts}{checksums}")), Ok(()));
    for (lines, expected) in [
        ("parts -\nchecksums -\n".to_owned(), RecordError::Parts),
        (format!("{parts}checksums -\n"), RecordError::Parts),
        (format!("parts -\n{checksums}"), RecordError::Header("checksums")),
        (format!("parts 1x77,2x5242880\n{checksums}"), RecordError::Parts),
        (format!("{parts}checksums CRC32:AAAAAA==,AAAAAg==,AAAAAQ==\n"), RecordError::Parts),
        (format!("{parts}checksums CRC32C:AAAAAA==,AAAAAQ==,AAAAAg==\n"), RecordError::Parts),
        (format!("{parts}checksums CRC32:AAAAAA==,AAAAAQ==\n"), RecordError::Header("checksums")),
        (format!("{checksums}{parts}"), RecordError::Header("parts")),
        (checksums.to_owned(), RecordError::Header("parts")),
        (parts.to_owned(), RecordError::Header("checksums")),
        (format!("parts 1x5242880,1x5242880,1x77\n{checksums}"), RecordError::Header("parts")),
        (format!("parts 10001x1\n{checksums}"), RecordError::Header("parts")),
    ] {
        assert_eq!(with(&lines), Err(expected), "{lines}");
    }
}

/// What [`MAX_HEADER`] promises.
#[test]
fn the_largest_headers_fit() {
    const PARTS: u64 = 10_000;
    let line = Multipart::small().line();
    let read = |lengths: &mut dyn Iterator<Item = u64>, checksum: Option<&str>, tib: u64| {
        let checksums = checksum
            .map(|value| PartChecksums::new("CRC64NVMECRC64NV", vec![value; PARTS as usize]).unwrap());
        let table = PartTable::new(Parts::new(lengths).unwrap(), checksums).unwrap();
        assert!(table.parts().size() <= tib << 40, "{}", table.parts().size());
        let roots = vec![PageRoot::new([0xff; 32]); (tib << 10) as usize];
        let text = super::super::header(&line, Some(&table), Some(&"x".repeat(128)), &roots);
        text.and_then(|text| header(text.as_bytes())).map(|header| header.table == Some(table))
    };
    // 4990 of ten digits, the others of nine: no table for 5 TiB is longer.
    let mut different =
        (0..PARTS).map(|part| if part < 4990 { 1_000_000_000 + part } else { 100_000_000 + part });
    let (longest, sha256) = ("x".repeat(64), "x".repeat(44));
    assert_eq!(read(&mut different, Some(&longest), 5), Ok(true));
    let mut equal = (0..PARTS).map(|part| if part < PARTS - 1 { 1_429_000_000 } else { 1 });
    assert_eq!(read(&mut equal, Some(&sha256), 13), Ok(true));
    let mut too_many = (0..PARTS).map(|part| part + 1);
    assert_eq!(read(&mut too_many, Some(&longest), 13), Err(RecordError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A changed byte is refused, by the header or by the page that it is in.
    #[test]
    fn any_one_byte_change_is_refused(at in any::<prop::sample::Index>(), change in 1..=255u8) {
        thread_local!(static RECORD: (Seal, Vec<u8>) = {
            let multipart = Multipart::small();
            (multipart.seal(), multipart.record())
        });
        RECORD.with(|(seal, record)| {
            let mut changed = record.clone();
            changed[at.index(record.len())] ^= change;
            assert!(refuses(seal, &changed));
        });
    }

    #[test]
    fn no_table_makes_it_panic(parts in "[0-9x,-]{0,12}", checksums in "[A-Z0-9:,=-]{0,16}", junk in ".*") {
        thread_local!(static LINE: String = Multipart::small().line().to_string());
        let line = LINE.with(Clone::clone);
        for (parts, checksums) in [(&parts, &checksums), (&junk, &checksums), (&parts, &junk)] {
            let body = format!("{line}\nparts {parts}\nchecksums {checksums}\nsum -\npages 0\n");
            let length = header_length(body.len()).unwrap();
            let _ = RecordHeader::parse(format!("{MAGIC}{length}\n{body}").as_bytes());
        }
    }
}
