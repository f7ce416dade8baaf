//! A store that plays one version of an artifact against another.

use hallmark_tests::data::assert_same;
use hallmark_tests::raw::{End, Response};
use hallmark_tests::s3::{md5_hex, object};

use super::{BUCKET, KEY, Lab, SIZES};

/// A store that answers with two validly sealed versions in turn: no answer mixes them, and a client that asks for the
/// rest of what it began to read never gets the other's.
#[test]
fn p3_versions_that_take_turns() {
    for size in SIZES {
        let lab = Lab::new();
        let contents = [size.content(1), size.content(2)];
        let versions: Vec<_> = contents
            .iter()
            .map(|content| {
                lab.upload(BUCKET, KEY, content, &[]);
                lab.store.object(BUCKET, KEY)
            })
            .collect();
        let etags: Vec<_> = contents.iter().map(|content| format!("\"{}\"", md5_hex(content))).collect();
        lab.store.alternate(BUCKET, KEY, versions);
        let of = |response: &Response| {
            let etag = response.header("etag").expect("what is served has an ETag");
            &contents[etags.iter().position(|known| known == etag).expect("of one of the two")]
        };
        for round in 0..6 {
            let whole = lab.client.get(BUCKET, KEY);
            if whole.status == 200 {
                assert!(of(&whole).starts_with(&whole.body), "{size:?}: a mixture");
                assert!(whole.end == End::Reset || whole.body.len() == of(&whole).len(), "{size:?}");
            } else {
                assert!(matches!(whole.status, 403 | 503), "{size:?}: {}", whole.text());
            }
            for (first, last) in [(0, 99), (200_000, 299_999)] {
                let part = lab.client.get_range(BUCKET, KEY, &format!("bytes={first}-{last}"));
                if part.status == 206 {
                    assert_same(&part.body, &of(&part)[first..=last], "a range of one version");
                }
                let mut request = lab.client.request("GET", &object(BUCKET, KEY));
                request.set_header("Range", format!("bytes={first}-{last}"));
                request.set_header("If-Match", etags[round % 2].clone());
                let part = lab.client.send(request);
                match part.status {
                    206 => {
                        assert_same(&part.body, &contents[round % 2][first..=last], "the version asked for");
                    }
                    status => assert!(matches!(status, 403 | 412 | 503), "{size:?}: {}", part.text()),
                }
            }
        }
    }
}
