//! What requests cost at the store.

use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::Call;
use hallmark_tests::s3::completed;

use super::{BUCKET, FRESH, KEY, Lab};

const NONE: &[Call] = &[];
const HEAD: &[Call] = &[Call::Head];
const GET: &[Call] = &[Call::Get];

#[test]
fn what_is_kept_costs_a_head() {
    let lab = Lab::new();
    for length in [0, 1000, MIB, 3 * MIB, 8 * MIB, 9 * MIB + 5] {
        let body = content(1, length);
        lab.put(BUCKET, &body, &[]);
        // One read of a record brings its first page, too.
        let first = if length > 8 * MIB { &[Call::Get, Call::StateGet][..] } else { GET };
        lab.get(BUCKET, "first", first, &body);
        lab.get(BUCKET, "again", HEAD, &body);
        lab.calls("its headers", HEAD, |client| client.head(BUCKET, KEY));
        if length > 0 {
            let last = body.len() - 1;
            let end = &body[last.saturating_sub(9)..];
            for range in [format!("bytes={}-{last}", last.saturating_sub(9)), "bytes=-10".to_owned()] {
                let part = lab.calls(&range, HEAD, |client| client.get_range(BUCKET, KEY, &range));
                assert_eq!((part.status, part.body.as_slice()), (206, end), "{length} {range}");
            }
            let range = format!("bytes={length}-");
            let beyond = lab.calls("beyond", HEAD, |client| client.get_range(BUCKET, KEY, &range));
            assert_eq!((beyond.status, beyond.code().as_str()), (416, "InvalidRange"));
        }
        let whole = lab.calls("a part", HEAD, |client| client.get_query(BUCKET, KEY, "partNumber=1"));
        assert!(whole.body == body, "{length}");
    }
}

#[test]
fn within_freshness_nothing_is_asked() {
    let lab = Lab::new();
    for length in [0, 1000, 3 * MIB, 9 * MIB + 5] {
        let body = content(2, length);
        lab.put(FRESH, &body, &[]);
        assert!(lab.client.get(FRESH, KEY).body == body);
        lab.get(FRESH, "again", NONE, &body);
        let head = lab.calls("its headers", NONE, |client| client.head(FRESH, KEY));
        assert_eq!(head.header("content-length"), Some(body.len().to_string().as_str()));
        let etag = head.header("etag").unwrap();
        let same = [("If-None-Match", etag)];
        let got = lab.calls("same", NONE, |client| client.get_with(FRESH, KEY, "", &same));
        assert_eq!(got.status, 304);
        let other = [("If-Match", "\"other\"")];
        let got = lab.calls("other", NONE, |client| client.get_with(FRESH, KEY, "", &other));
        assert_eq!(got.status, 412);
        for document in ["hallmark=seal", "hallmark=sha256", "partNumber=1"] {
            let got = lab.calls(document, NONE, |client| client.get_query(FRESH, KEY, document));
            assert!(matches!(got.status, 200 | 206), "{document}");
        }
        if length > 0 {
            let got = lab.calls("range", NONE, |client| client.get_range(FRESH, KEY, "bytes=0-9"));
            assert!(got.status == 206 && got.body == body[..10], "{length}");
            // For another version: all of this one.
            let other = [("Range", "bytes=0-9"), ("If-Range", "\"other\"")];
            let got = lab.calls("if-range", NONE, |client| client.get_with(FRESH, KEY, "", &other));
            assert!(got.status == 200 && got.body == body, "{length}");
        }
    }
}

#[test]
fn parts_of_what_came_in_parts_are_kept() {
    let lab = Lab::new();
    let parts = [content(1, 5 * MIB + 7), content(2, 4 * MIB)];
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    completed(&lab.client.put_parts(FRESH, KEY, &slices, &[])).unwrap();
    assert!(lab.client.get(FRESH, KEY).body == parts.concat());
    for (number, part) in (1..).zip(&parts) {
        let query = format!("partNumber={number}");
        let got = lab.calls(&query, NONE, |client| client.get_query(FRESH, KEY, &query));
        assert!(got.status == 206 && got.body == *part, "{query}: {}", got.status);
    }
}

/// Whoever needs more than half of the cache goes by it, so that it is not emptied for one who gains nothing.
#[test]
fn large_artifacts_leave_the_cache_alone() {
    let lab = Lab::with("leaves = \"8 MiB\"");
    let (small, large) = (content(1, 2 * MIB), content(2, 5 * MIB));
    for (key, body) in [("small", &small), ("large", &large)] {
        assert_eq!(lab.client.put(BUCKET, key, body).status, 200);
        assert!(lab.client.get(BUCKET, key).body == **body);
    }
    for (key, body, expected) in [("large", &large, GET), ("small", &small, HEAD)] {
        let got = lab.calls(key, expected, |client| client.get(BUCKET, key));
        assert!(got.body == **body, "{key}");
    }
    // Ranges of it fit.
    let range = |client: &hallmark_tests::s3::Client| client.get_range(BUCKET, "large", "bytes=100-199");
    lab.calls("a range", GET, range);
    assert!(lab.calls("a range again", HEAD, range).body == large[100..200]);
}

#[test]
fn caches_that_are_off_keep_nothing() {
    for off in ["leaves = \"0\"", "heads = \"0\""] {
        let lab = Lab::with(off);
        let body = content(1, 3 * MIB);
        lab.put(BUCKET, &body, &[]);
        for _ in 0..3 {
            lab.get(BUCKET, off, GET, &body);
        }
    }
}

/// Caches so small that everything is given up again and again.
#[test]
fn p1_tiny_caches_serve_what_was_uploaded() {
    let lab = Lab::with("verdicts = \"1 KiB\"\nheads = \"8 KiB\"\nrecords = \"8 KiB\"\nleaves = \"5 MiB\"");
    let bodies: Vec<_> = (0..6)
        .map(|number| content(number, [700, 2 * MIB, 3 * MIB / 2, 9 * MIB + 1, 0, MIB][number as usize]))
        .collect();
    for (number, body) in bodies.iter().enumerate() {
        assert_eq!(lab.client.put(BUCKET, &format!("key-{number}"), body).status, 200);
    }
    for turn in 0..4 {
        for (number, body) in bodies.iter().enumerate() {
            for bucket_key in [number, (number + turn) % bodies.len()] {
                let got = lab.client.get(BUCKET, &format!("key-{bucket_key}"));
                assert!(got.body == bodies[bucket_key], "turn {turn}, {bucket_key}");
            }
            if !body.is_empty() {
                let got = lab.client.get_range(BUCKET, &format!("key-{number}"), "bytes=-300");
                assert!(got.body == body[body.len() - 300..], "turn {turn}, {number}");
            }
        }
    }
}
