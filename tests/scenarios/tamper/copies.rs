//! Copies of what was tampered with: refused at once where the seal shows it, and at each download of the copy where
//! only the bytes do.

use std::fmt::Write as _;

use hallmark_tests::data::assert_same;
use hallmark_tests::memory::Call;
use hallmark_tests::s3::{Client, object};
use hallmark_tests::site::{READER, SIGNED, Site};

use super::{BUCKET, Expect, KEY, Lab, OTHER, SIZES, Size, judge, only_titles};

pub(super) const COPY: &str = "build/copy.tar";
const HEADER: &str = "x-amz-meta-hallmark-signature";

/// A field of the seal that is shown with an artifact.
#[track_caller]
pub(super) fn sealed(client: &Client, key: &str, field: &str) -> String {
    let head = client.head(BUCKET, key);
    let seal =
        head.header("x-amz-meta-hallmark").unwrap_or_else(|| panic!("{key} has no seal: {}", head.code()));
    let value = seal.split(' ').find_map(|word| word.strip_prefix(field)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {field} in {seal}")).to_owned()
}

/// Something that is done to a source, and what it is refused for then.
type Break = (&'static str, fn(&Lab), &'static str);

/// What is done to a source, so that its seal does not hold.
pub(super) const BROKEN: [Break; 6] = [
    (
        "no seal",
        |lab| lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = None),
        "ArtifactUnsealed",
    ),
    (
        "a seal that is none",
        |lab| lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = Some("v=2".into())),
        "ArtifactSealInvalid",
    ),
    (
        "relabelled",
        |lab| lab.store.edit(BUCKET, KEY, |object| object.set_header("content-type", Some("text/html"))),
        "ArtifactSealInvalid",
    ),
    (
        "signed by nobody",
        |lab| lab.store.edit(BUCKET, KEY, |object| object.set_header(HEADER, Some("AAAA"))),
        "ArtifactSealInvalid",
    ),
    (
        "another artifact",
        |lab| {
            let mut other = lab.store.object(BUCKET, OTHER);
            other.pin = lab.store.object(BUCKET, KEY).pin;
            lab.store.place(BUCKET, KEY, other);
        },
        "ArtifactSealInvalid",
    ),
    (
        "shorter",
        |lab| lab.store.edit(BUCKET, KEY, |object| object.bytes.truncate(object.bytes.len() - 1)),
        "ArtifactSealInvalid",
    ),
];

/// A source whose seal does not hold is not copied, to nowhere and by nobody.
#[test]
fn p4_copies_of_what_has_no_good_seal() {
    let mut wrong = String::new();
    for size in SIZES {
        for (name, breaks, code) in BROKEN {
            let lab = Lab::new();
            let original = size.content(1);
            lab.upload(BUCKET, KEY, &original, &[]);
            lab.upload(BUCKET, OTHER, &size.content(2), &[]);
            breaks(&lab);
            writeln!(wrong, "{size:?}, {name}").unwrap();
            for (bucket, key, headers) in [
                (BUCKET, COPY, &[][..]),
                (BUCKET, OTHER, &[]),
                (SIGNED, KEY, &[]),
                (BUCKET, COPY, &[("x-amz-metadata-directive", "REPLACE")]),
                (BUCKET, KEY, &[("x-amz-metadata-directive", "REPLACE")]),
            ] {
                lab.store.take_calls();
                let response = lab.client.copy((BUCKET, KEY, None), bucket, key, headers);
                if let Err(why) = judge(&response, &original, Expect::Refused(code)) {
                    writeln!(wrong, "  to {bucket}/{key}: {why}").unwrap();
                }
                assert!(!lab.store.take_calls().contains(&Call::Copy), "{size:?}, {name}");
            }
            assert!(lab.store.find(BUCKET, COPY).is_none() && lab.store.find(SIGNED, KEY).is_none());
            assert_same(&lab.client.get(BUCKET, OTHER).body, &size.content(2), "what stood there");
        }
    }
    only_titles(&wrong);
}

/// The record of a large source: without it, or with other hashes in it, there is nothing that a copy could inherit.
#[test]
fn p4_copies_of_what_has_no_good_record() {
    let original = Size::Large.content(1);
    type Change = fn(&mut Vec<u8>);
    let cases: [(&str, Change); 3] = [
        ("emptied", Vec::clear),
        ("first byte", |bytes| bytes[0] ^= 1),
        ("the last hash", |bytes| *bytes.last_mut().unwrap() ^= 1),
    ];
    for (name, change) in cases {
        let lab = Lab::new();
        lab.upload(BUCKET, KEY, &original, &[]);
        let record = lab.record(KEY);
        let mut bytes = lab.store.state(&record).to_vec();
        change(&mut bytes);
        lab.store.set_state(&record, Some(bytes.into()));
        let response = lab.client.copy((BUCKET, KEY, None), BUCKET, COPY, &[]);
        judge(&response, &original, Expect::Refused("ArtifactSealInvalid"))
            .unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(lab.store.find(BUCKET, COPY).is_none(), "{name}");
    }
}

/// Bytes are not read to be copied. If they are not those that were sealed, the copy is served as little as the source.
#[test]
fn p1_copies_of_bytes_that_were_altered() {
    for size in SIZES {
        for at in ["before", "while it is made", "after"] {
            let lab = Lab::new();
            let original = size.content(1);
            lab.upload(BUCKET, KEY, &original, &[]);
            let last = original.len() - 1;
            match at {
                "before" => lab.store.edit(BUCKET, KEY, |object| object.flip(last)),
                "after" => {}
                _ => lab.store.before(Call::Copy, move |store| {
                    store.edit(BUCKET, KEY, |object| object.flip(last));
                }),
            }
            let response = lab.client.copy((BUCKET, KEY, None), BUCKET, COPY, &[]);
            assert_eq!(response.status, 200, "{size:?}, {at}: {}", response.text());
            if at == "after" {
                lab.store.edit(BUCKET, COPY, |object| object.flip(last));
            }
            let good = match size {
                Size::Small => Expect::Refused("ArtifactDigestMismatch"),
                Size::Medium | Size::Large => Expect::Cut(size.last_leaf()),
            };
            let whole = lab.client.get(BUCKET, COPY);
            judge(&whole, &original, good).unwrap_or_else(|why| panic!("{size:?}, {at}: {why}"));
            let range = format!("bytes={last}-{last}");
            let end = lab.client.get_range(BUCKET, COPY, &range);
            judge(&end, &original[last..], Expect::Refused("ArtifactDigestMismatch"))
                .unwrap_or_else(|why| panic!("{size:?}, {at}: {why}"));
        }
    }
}

/// The seal of a copy is for its own name: copies that are exchanged in the store are refused.
#[test]
fn p3_copies_that_were_exchanged() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        assert_eq!(lab.client.copy((BUCKET, KEY, None), BUCKET, COPY, &[]).status, 200);
        let (source, copy) = (lab.store.object(BUCKET, KEY), lab.store.object(BUCKET, COPY));
        lab.store.place(BUCKET, KEY, copy);
        lab.store.place(BUCKET, COPY, source);
        for key in [KEY, COPY] {
            judge(&lab.client.get(BUCKET, key), &original, Expect::Refused("ArtifactSealInvalid"))
                .unwrap_or_else(|why| panic!("{size:?}, {key}: {why}"));
        }
    }
}

/// What a rule keeps from being served is not carried to where no rule is, whatever its client may read itself.
#[test]
fn p5_copies_out_of_a_quarantine() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        lab.upload(BUCKET, OTHER, &original, &[(HEADER, &lab.proxy.site.signature("ci", &original))]);
        let rule = |keys: &str| {
            format!(
                "\n[buckets.{BUCKET}]\nrules = [{{ prefix = \"build/\", signatures = \"required\", keys = [\"{keys}\"] }}]\n"
            )
        };
        let ruled = lab.reconfigured(|text| text + &rule("ci"));
        let revoked = lab.reconfigured(|text| {
            let key = "public_key_file = \"ci.pub\"\n";
            text.replacen(key, &format!("{key}revoked = \"lost\"\n"), 1) + &rule("ci")
        });
        for (now, key, code) in [
            (&ruled, KEY, "ArtifactSignatureMissing"),
            (&revoked, KEY, "ArtifactSignatureMissing"),
            (&revoked, OTHER, "ArtifactKeyRevoked"),
        ] {
            // This client may look at it.
            let seen = now.client.get(BUCKET, key);
            assert_eq!((seen.status, seen.header("x-hallmark-verified")), (200, Some("seal-only")));
            let response = now.client.copy((BUCKET, key, None), BUCKET, "elsewhere", &[]);
            judge(&response, &original, Expect::Refused(code))
                .unwrap_or_else(|why| panic!("{size:?}: {why}"));
            let upload = now.client.create_upload(BUCKET, "elsewhere", &[]);
            for headers in [&[][..], &[("x-amz-copy-source-range", "bytes=5-9")]] {
                let response = upload.copy_part(1, (BUCKET, key, None), headers);
                judge(&response, &original, Expect::Refused(code))
                    .unwrap_or_else(|why| panic!("{size:?}: {why}"));
            }
        }
        assert!(lab.store.find(BUCKET, "elsewhere").is_none());
        let response = ruled.client.copy((BUCKET, OTHER, None), BUCKET, "elsewhere", &[]);
        assert_eq!(response.status, 200, "signed, it may go: {}", response.text());
        let reader = Site::client(ruled.proxy.address(), READER);
        assert_same(&reader.get(BUCKET, "elsewhere").body, &original, "the copy");
    }
}

/// Where unsealed objects are served they are served; a seal is made only of one.
#[test]
fn p4_copies_of_unsealed_objects_that_are_served() {
    let lab = Lab::new();
    lab.upload(BUCKET, KEY, b"unsealed", &[]);
    lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = None);
    let lenient = lab.reconfigured(|text| text + "\n[buckets.artifacts]\ndangerous_serve_unsealed = true\n");
    assert_eq!(lenient.client.get(BUCKET, KEY).body, b"unsealed");
    for headers in [&[][..], &[("x-amz-metadata-directive", "REPLACE")]] {
        for key in [COPY, KEY] {
            if key == KEY && headers.is_empty() {
                continue;
            }
            let response = lenient.client.copy((BUCKET, KEY, None), BUCKET, key, headers);
            judge(&response, b"unsealed", Expect::Refused("ArtifactUnsealed")).unwrap();
        }
    }
    let upload = lenient.client.create_upload(BUCKET, COPY, &[]);
    let response = upload.copy_part(1, (BUCKET, KEY, None), &[]);
    judge(&response, b"unsealed", Expect::Refused("ArtifactUnsealed")).unwrap();
}

/// The source is replaced between the look at it and the copy: what is copied is what the new seal says.
#[test]
fn p3_sources_replaced_while_they_are_copied() {
    for size in SIZES {
        let lab = Lab::new();
        let (old, new) = (size.content(1), size.content(2));
        lab.upload(BUCKET, KEY, &new, &[("x-amz-meta-which", "new")]);
        let newer = lab.store.object(BUCKET, KEY);
        lab.upload(BUCKET, KEY, &old, &[("x-amz-meta-which", "old")]);
        lab.store.before(Call::Copy, move |store| store.place(BUCKET, KEY, newer));
        let response = lab.client.copy((BUCKET, KEY, None), BUCKET, COPY, &[]);
        assert_eq!(response.status, 200, "{}", response.text());
        let got = lab.client.get(BUCKET, COPY);
        assert_same(&got.body, &new, "the one that stands there now");
        assert_eq!(got.header("x-amz-meta-which"), Some("new"));
        assert_eq!(sealed(&lab.client, COPY, "src"), sealed(&lab.client, KEY, "id"));
        assert_ne!(sealed(&lab.client, COPY, "sha256"), "");
    }
}

/// A source that never stands still is not copied, and what stood at the destination stays.
#[test]
fn p3_sources_that_take_turns() {
    let lab = Lab::new();
    lab.upload(BUCKET, COPY, b"what was there before", &[]);
    for round in 0..20 {
        lab.upload(BUCKET, KEY, &Size::Medium.content(round), &[]);
        let other = lab.store.object(BUCKET, KEY);
        lab.store.before(Call::Copy.after(usize::try_from(round).unwrap()), move |store| {
            store.place(BUCKET, KEY, other);
        });
    }
    lab.upload(BUCKET, KEY, &Size::Medium.content(99), &[]);
    let response = lab.client.copy((BUCKET, KEY, None), BUCKET, COPY, &[]);
    assert_eq!((response.status, response.code().as_str()), (409, "ConditionalRequestConflict"));
    assert_eq!(lab.client.get(BUCKET, COPY).body, b"what was there before");
}

/// A copy of any size moves no byte through the proxy, and bears a seal that says what it is a copy of.
#[test]
fn p8_copies_without_a_byte() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        let moved = (lab.store.bytes_read(), lab.store.bytes_written());
        let response = lab.client.copy((BUCKET, KEY, None), BUCKET, COPY, &[]);
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!((lab.store.bytes_read(), lab.store.bytes_written()), moved, "{size:?}");
        let source = lab.client.get(BUCKET, KEY);
        for client in [&lab.client, &lab.another().client] {
            let got = client.get(BUCKET, COPY);
            judge(&got, &original, Expect::Served).unwrap();
            assert_eq!(got.header("x-hallmark-verified"), Some("seal"));
            for name in ["etag", "content-type", "content-encoding", "x-amz-meta-commit"] {
                assert_eq!(got.header(name), source.header(name), "{size:?}: {name}");
            }
        }
        assert_eq!(sealed(&lab.client, COPY, "op"), "copy");
        assert_eq!(sealed(&lab.client, COPY, "src"), sealed(&lab.client, KEY, "id"));
        assert_ne!(sealed(&lab.client, COPY, "id"), sealed(&lab.client, KEY, "id"));
        // The copy stands by itself.
        lab.store.remove(BUCKET, KEY);
        judge(&lab.client.get(BUCKET, COPY), &original, Expect::Served).unwrap();
    }
}

/// A store that says it copied, and did not, is believed no further than the next download.
#[test]
fn p2_copies_that_the_store_did_not_make() {
    use hallmark_proxy::store::StoreFault;
    use hallmark_tests::memory::Mishap;
    for (mishap, statuses) in [
        (Mishap::Fails(StoreFault::Unavailable), &[503][..]),
        (Mishap::PersistsAndFails(StoreFault::Unavailable), &[200]),
    ] {
        let lab = Lab::new();
        let original = Size::Large.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        lab.upload(BUCKET, COPY, b"what was there before", &[]);
        lab.store.go_wrong(Call::Copy, mishap);
        let response = lab.client.copy((BUCKET, KEY, None), BUCKET, COPY, &[]);
        assert!(statuses.contains(&response.status), "{mishap:?}: {}", response.text());
        let got = lab.client.send(lab.client.request("GET", &object(BUCKET, COPY)));
        let expected = if response.status == 200 { original.as_slice() } else { b"what was there before" };
        assert_same(&got.body, expected, "what the answer said");
    }
}
