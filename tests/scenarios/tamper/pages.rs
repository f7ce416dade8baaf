//! An artifact of more leaves than fit in one page of its record.

use hallmark_tests::data::MIB;
use hallmark_tests::raw::End;

use super::{BUCKET, Expect, KEY, Lab, judge};

/// Leaves of a page.
const PAGE: u64 = 1024;
const LENGTH: u64 = (PAGE + 2) * MIB + 5;

/// Zeros, so that the store need not keep them.
#[test]
fn p1_records_of_two_pages() {
    let lab = Lab::new();
    lab.store.keep_no_bytes();
    let part = vec![0; 16 * MIB as usize];
    let mut parts = vec![&part[..]; (LENGTH / part.len() as u64) as usize];
    parts.push(&part[..(LENGTH % part.len() as u64) as usize]);
    let put = lab.client.put_unsigned(BUCKET, KEY, &parts);
    assert_eq!(put.status, 200, "{}", put.text());
    let record = lab.record(KEY);
    let sealed = lab.store.state(&record);
    let text = String::from_utf8_lossy(&sealed[..1000]).into_owned();
    assert!(text.contains("\npages 2\n"), "{text}");

    let second = PAGE * MIB;
    // In the first page, across, in the second, and the last leaf.
    let ranges = [
        (second - 100, second - 1, [true, false]),
        (second - 1, second, [true, true]),
        (second, second + 99, [false, true]),
        (LENGTH - 5, LENGTH - 1, [false, true]),
    ];
    let check = |what: &str, bad_page: Option<usize>| {
        for (first, last, pages) in ranges {
            let response = lab.client.get_range(BUCKET, KEY, &format!("bytes={first}-{last}"));
            let length = usize::try_from(last + 1 - first).unwrap();
            let expect = match bad_page {
                Some(page) if pages[page] && (page == 0 || !pages[0]) => {
                    Expect::Refused("ArtifactSealInvalid")
                }
                // The page before was good, and a byte of it asked for.
                Some(page) if pages[page] => Expect::Cut(1),
                _ => Expect::Served,
            };
            judge(&response, &part[..length], expect)
                .unwrap_or_else(|why| panic!("{what}, {first} to {last}: {why}"));
        }
        assert_eq!(lab.client.head(BUCKET, KEY).status, 200, "{what}");
    };
    check("as it was sealed", None);

    // The pages stand at the end: 1024 hashes, then 3.
    let hashes = sealed.len() - (PAGE as usize + 3) * 32;
    for (what, offset, bad_page) in [
        ("the first hash", hashes, 0),
        ("the last hash of the first page", hashes + (PAGE as usize - 1) * 32, 0),
        ("the first hash of the second page", hashes + PAGE as usize * 32, 1),
        ("the last byte", sealed.len() - 1, 1),
    ] {
        let mut altered = sealed.to_vec();
        altered[offset] ^= 1;
        lab.store.set_state(&record, Some(altered.into()));
        check(what, Some(bad_page));
    }
    lab.store.set_state(&record, Some(sealed.slice(..sealed.len() - 32)));
    check("cut within the second page", Some(1));

    // The whole ends where the good page does.
    let whole = lab.client.get(BUCKET, KEY);
    assert_eq!(whole.end, End::Reset);
    assert!(
        whole.body.len() as u64 <= second && whole.body.iter().all(|byte| *byte == 0),
        "{}",
        whole.body.len()
    );
}
