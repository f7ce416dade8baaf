//! A store that plays one version of an artifact against another.

use hallmark_proxy::store::VersionId;
use hallmark_tests::data::assert_same;
use hallmark_tests::raw::{End, Response};
use hallmark_tests::s3::{md5_hex, object};
use hallmark_tests::sigv4::encode;
use hallmark_tests::site::{READER, Site};

use super::{BUCKET, Expect, KEY, Lab, OTHER, SIZES, Size, judge};

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

/// A lab whose bucket keeps versions: two of `KEY` and one of `OTHER`, each of other content.
fn versioned(size: Size) -> (Lab, [VersionId; 3]) {
    let lab = Lab::new();
    assert_eq!(lab.client.set_versioning(BUCKET, "Enabled").status, 200);
    let mut ids = Vec::new();
    for (seed, key) in [(1, KEY), (2, KEY), (3, OTHER)] {
        lab.upload(BUCKET, key, &size.content(seed), &[("x-amz-meta-which", &seed.to_string())]);
        ids.push(lab.store.versions(BUCKET, key).remove(0));
    }
    (lab, ids.try_into().unwrap())
}

fn get(lab: &Lab, key: &str, id: &VersionId) -> Response {
    lab.client.get_version(BUCKET, key, id.as_str())
}

/// No seal covers the name that a store gives to a version. Swapped, each is served as what it is: bytes, headers, ETag
/// and seal are of one version, and who asks for the one by its ETag never gets the other.
#[test]
fn p3_versions_that_were_swapped() {
    for size in SIZES {
        let (lab, [old, new, _]) = versioned(size);
        let bodies = [size.content(1), size.content(2)];
        let etags: Vec<_> = bodies.iter().map(|body| format!("\"{}\"", md5_hex(body))).collect();
        assert_same(&get(&lab, KEY, &old).body, &bodies[0], "before");
        lab.store.swap((BUCKET, KEY, &old), (BUCKET, KEY, &new));
        for (id, now) in [(&old, 1), (&new, 0)] {
            let got = get(&lab, KEY, id);
            judge(&got, &bodies[now], Expect::Served).unwrap_or_else(|why| panic!("{size:?}: {why}"));
            assert_eq!(got.header("etag"), Some(etags[now].as_str()), "{size:?}");
            assert_eq!(got.header("x-amz-meta-which"), Some((now + 1).to_string().as_str()), "{size:?}");
            let query = format!("versionId={}", encode(id.as_str()));
            for (tag, status) in [(now, 206), (1 - now, 412)] {
                let headers = [("Range", "bytes=5-99"), ("If-Match", etags[tag].as_str())];
                let part = lab.client.get_with(BUCKET, KEY, &query, &headers);
                assert_eq!(part.status, status, "{size:?}");
                if status == 206 {
                    assert_same(&part.body, &bodies[now][5..=99], "of the one that was asked for");
                }
            }
        }
    }
}

/// A version of another key is refused, in either place: and in each way to ask for it.
#[test]
fn p3_versions_of_other_keys() {
    for size in SIZES {
        let (lab, [old, new, other]) = versioned(size);
        lab.store.swap((BUCKET, KEY, &old), (BUCKET, OTHER, &other));
        for (key, id) in [(KEY, &old), (OTHER, &other)] {
            let query = format!("versionId={}", encode(id.as_str()));
            let attributes = [("x-amz-object-attributes", "ETag,ObjectSize")];
            for (what, response) in [
                ("whole", get(&lab, key, id)),
                ("head", lab.client.head_version(BUCKET, key, id.as_str())),
                ("range", lab.client.get_with(BUCKET, key, &query, &[("Range", "bytes=0-9")])),
                ("part", lab.client.get_query(BUCKET, key, &format!("{query}&partNumber=1"))),
                ("seal", lab.client.get_query(BUCKET, key, &format!("{query}&hallmark=seal"))),
                ("attributes", lab.client.get_with(BUCKET, key, &format!("attributes&{query}"), &attributes)),
                ("copy", lab.client.copy((BUCKET, key, Some(id.as_str())), BUCKET, "copy", &[])),
            ] {
                judge(&response, &size.content(1), Expect::Refused("ArtifactSealInvalid"))
                    .unwrap_or_else(|why| panic!("{size:?}, {what}: {why}"));
            }
        }
        assert!(lab.store.find(BUCKET, "copy").is_none());
        assert_same(&get(&lab, KEY, &new).body, &size.content(2), "it was left alone");
    }
}

/// An older version is checked like the newest, and each for itself.
#[test]
fn p1_older_versions_that_were_altered() {
    for size in SIZES {
        let (lab, [old, new, _]) = versioned(size);
        lab.store.edit_version(BUCKET, KEY, &old, |object| object.flip(0));
        let bad = get(&lab, KEY, &old);
        judge(&bad, &size.content(1), Expect::Refused("ArtifactDigestMismatch")).unwrap();
        judge(&get(&lab, KEY, &new), &size.content(2), Expect::Served).unwrap();
        judge(&lab.client.get(BUCKET, KEY), &size.content(2), Expect::Served).unwrap();
        lab.store.edit_version(BUCKET, KEY, &old, |object| {
            object.flip(0);
            object.attributes.hallmark = None;
        });
        let unsealed = get(&lab, KEY, &old);
        judge(&unsealed, &size.content(1), Expect::Refused("ArtifactUnsealed")).unwrap();
        judge(&lab.client.get(BUCKET, KEY), &size.content(2), Expect::Served).unwrap();
    }
}

/// Older versions are judged by today's policy, too.
#[test]
fn p5_older_versions_and_a_revoked_key() {
    let lab = Lab::new();
    assert_eq!(lab.client.set_versioning(BUCKET, "Enabled").status, 200);
    let (old, new) = (Size::Medium.content(1), Size::Medium.content(2));
    let header = "x-amz-meta-hallmark-signature";
    lab.upload(BUCKET, KEY, &old, &[(header, &lab.proxy.site.signature("ci", &old))]);
    lab.upload(BUCKET, KEY, &new, &[(header, &lab.proxy.site.signature("other", &new))]);
    let [newest, oldest] = &lab.store.versions(BUCKET, KEY)[..] else { panic!("two versions") };
    let rule = format!(
        "\n[keys.other]\npublic_key_file = \"other.pub\"\n[buckets.{BUCKET}]\n\
         rules = [{{ prefix = \"\", signatures = \"required\", keys = [\"ci\", \"other\"] }}]\n"
    );
    let revoked = lab.reconfigured(|text| {
        let key = "public_key_file = \"ci.pub\"\n";
        text.replacen(key, &format!("{key}revoked = \"lost\"\n"), 1) + &rule
    });
    let reader = Site::client(revoked.proxy.address(), READER);
    let refused = reader.get_version(BUCKET, KEY, oldest.as_str());
    judge(&refused, &old, Expect::Refused("ArtifactKeyRevoked")).unwrap();
    judge(&reader.get_version(BUCKET, KEY, newest.as_str()), &new, Expect::Served).unwrap();
    // Nor does it come back by being copied over the newest.
    let copied = revoked.client.copy((BUCKET, KEY, Some(oldest.as_str())), BUCKET, KEY, &[]);
    judge(&copied, &old, Expect::Refused("ArtifactKeyRevoked")).unwrap();
    judge(&reader.get(BUCKET, KEY), &new, Expect::Served).unwrap();
}
