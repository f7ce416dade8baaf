//! Parts that are made of artifacts, by reference or carried.

use bytes::Bytes;
use hallmark_proxy::store::{StateArea, StoreFault};
use hallmark_tests::data::{MIB, assert_same};
use hallmark_tests::memory::{Call, Mishap};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Completed, Upload, completed};

use super::copies::{BROKEN, COPY, sealed};
use super::{BUCKET, Expect, KEY, Lab, OTHER, SIGNED, Size, judge};

/// The ranges in which a client copies `length` bytes, as headers have them.
fn ranges(length: u64, step: u64) -> Vec<String> {
    let starts = (0..length).step_by(usize::try_from(step).unwrap());
    starts.map(|start| format!("bytes={start}-{}", (start + step).min(length) - 1)).collect()
}

/// What a Complete has to say of a part that was copied.
#[track_caller]
fn copied(number: u64, response: &Response) -> Completed {
    assert_eq!((response.status, response.code().as_str()), (200, ""), "part {number}: {}", response.text());
    Completed::new(number, &response.element("ETag"))
}

/// Copies `KEY` as clients copy what is large: all of it, in order.
fn in_order(lab: &Lab, key: &str, size: Size) -> (Upload, Vec<Completed>) {
    let upload = lab.client.create_upload(BUCKET, key, &[("x-amz-meta-made", "by a client")]);
    let parts = (1..).zip(ranges(size.bytes(), 5 * MIB)).map(|(number, range)| {
        copied(number, &upload.copy_part(number, (BUCKET, KEY, None), &[("x-amz-copy-source-range", &range)]))
    });
    let parts = parts.collect();
    (upload, parts)
}

/// Copies so that bytes have to be carried in the end: all but the first part, under numbers of their own.
fn rearranged(lab: &Lab, key: &str, size: Size) -> (Upload, Vec<Completed>, usize) {
    let (upload, parts) = in_order(lab, key, size);
    (upload, parts[1..].to_vec(), usize::try_from(5 * MIB).unwrap())
}

/// As `aws s3 mv` does with a large artifact: nothing of it passes through the proxy.
#[test]
fn p8_copies_in_parts_without_a_byte() {
    for size in [Size::Medium, Size::Large] {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        let moved = (lab.store.bytes_read(), lab.store.bytes_written());
        let (upload, parts) = in_order(&lab, COPY, size);
        let response = upload.complete(&parts);
        let etag = completed(&response).unwrap_or_else(|code| panic!("{code}: {}", response.text()));
        assert_eq!((lab.store.bytes_read(), lab.store.bytes_written()), moved, "{size:?}");
        assert!(etag.ends_with(&format!("-{}", parts.len())), "{etag}");
        let got = lab.another().client.get(BUCKET, COPY);
        judge(&got, &original, Expect::Served).unwrap();
        assert_eq!(got.header("etag"), Some(format!("\"{etag}\"").as_str()));
        assert_eq!(got.header("x-amz-meta-made"), Some("by a client"));
        assert_eq!(got.header("x-hallmark-verified"), Some("seal"));
        assert_eq!(sealed(&lab.client, COPY, "op"), "copy");
        assert_eq!(sealed(&lab.client, COPY, "src"), sealed(&lab.client, KEY, "id"));
        assert_eq!(sealed(&lab.client, COPY, "sha256"), sealed(&lab.client, KEY, "sha256"));
        assert_eq!(completed(&upload.complete(&parts)), Ok(etag), "repeated");
        assert_eq!(lab.client.delete(BUCKET, KEY).status, 204);
        judge(&lab.client.get(BUCKET, COPY), &original, Expect::Served).unwrap();
    }
}

/// Parts in any other order or number are other bytes: they are read as downloads are, and make an artifact like any.
#[test]
fn copies_in_parts_that_are_not_the_whole() {
    let lab = Lab::new();
    let size = Size::Large;
    let original = size.content(1);
    lab.upload(BUCKET, KEY, &original, &[]);
    let (upload, parts, from) = rearranged(&lab, COPY, size);
    completed(&upload.complete(&parts)).unwrap();
    assert_same(&lab.client.get(BUCKET, COPY).body, &original[from..], "all but the first part");
    assert_eq!(sealed(&lab.client, COPY, "op"), "mpu");

    let (upload, mut parts) = in_order(&lab, COPY, size);
    parts.truncate(1);
    completed(&upload.complete(&parts)).unwrap();
    assert_same(&lab.client.get(BUCKET, COPY).body, &original[..from], "the first part");

    // A part that was sent between parts that were copied.
    let (upload, mut parts) = in_order(&lab, COPY, size);
    parts[1] = upload.send_part(2, b"sent");
    completed(&upload.complete(&parts)).unwrap();
    assert_same(
        &lab.client.get(BUCKET, COPY).body,
        &[&original[..from], b"sent"].concat(),
        "copied and sent",
    );
}

/// A source whose seal does not hold is part of nothing: neither where its parts are copied, nor where it was broken since.
#[test]
fn p4_parts_of_what_has_no_good_seal() {
    for (name, breaks, code) in BROKEN {
        let lab = Lab::new();
        let size = Size::Large;
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        lab.upload(BUCKET, OTHER, &size.content(2), &[]);
        lab.upload(BUCKET, COPY, b"what was there before", &[]);
        let whole = in_order(&lab, COPY, size);
        let (part, list, _) = rearranged(&lab, COPY, size);
        breaks(&lab);
        let upload = lab.client.create_upload(BUCKET, COPY, &[]);
        for (number, range) in [(1, None), (1, Some("bytes=0-5242879")), (1, Some("bytes=7-99")), (2, None)] {
            let headers: Vec<_> = range.map(|range| ("x-amz-copy-source-range", range)).into_iter().collect();
            let response = upload.copy_part(number, (BUCKET, KEY, None), &headers);
            judge(&response, &original, Expect::Refused(code))
                .unwrap_or_else(|why| panic!("{name}, {range:?}: {why}"));
        }
        assert_eq!(upload.parts("").elements("PartNumber"), Vec::<String>::new(), "{name}");
        for (upload, parts) in [whole, (part, list)] {
            for through in [&lab, &lab.another()] {
                let response = upload.through(&through.client).complete(&parts);
                judge(&response, &original, Expect::Refused(code))
                    .unwrap_or_else(|why| panic!("{name}: {why}"));
            }
            assert!(!upload.parts("").elements("PartNumber").is_empty(), "{name}: the upload stays open");
        }
        assert_eq!(lab.client.get(BUCKET, COPY).body, b"what was there before", "{name}");
    }
}

/// Bytes that are carried are checked like those of a download, and not one that is wrong gets into a part.
#[test]
fn p1_parts_of_bytes_that_were_altered() {
    let lab = Lab::new();
    let size = Size::Large;
    let original = size.content(1);
    lab.upload(BUCKET, KEY, &original, &[]);
    let (rearranged, list, _) = rearranged(&lab, COPY, size);
    let (whole, all) = in_order(&lab, COPY, size);
    lab.store.edit(BUCKET, KEY, |object| object.flip(original.len() - 1));
    let upload = lab.client.create_upload(BUCKET, "carried", &[("x-amz-checksum-algorithm", "CRC32")]);
    for range in [format!("bytes=0-{}", original.len() - 1), format!("bytes=5-{}", original.len() - 1)] {
        let response = upload.copy_part(1, (BUCKET, KEY, None), &[("x-amz-copy-source-range", &range)]);
        assert!(response.status == 403 || response.status == 200, "{}", response.text());
        assert_eq!(response.code(), "ArtifactDigestMismatch", "{range}");
        assert_eq!(upload.parts("").elements("PartNumber"), Vec::<String>::new());
    }
    // A leaf that is as it was can be carried.
    copied(1, &upload.copy_part(1, (BUCKET, KEY, None), &[("x-amz-copy-source-range", "bytes=0-70000")]));

    let response = rearranged.complete(&list);
    assert_eq!(response.code(), "ArtifactDigestMismatch", "{}", response.text());
    assert!(lab.store.find(BUCKET, COPY).is_none());

    // By reference nobody looks at them, until somebody downloads the copy.
    completed(&whole.complete(&all)).unwrap();
    judge(&lab.client.get(BUCKET, COPY), &original, Expect::Cut(size.last_leaf())).unwrap();
    let last = original.len() - 1;
    let end = lab.client.get_range(BUCKET, COPY, &format!("bytes={last}-{last}"));
    judge(&end, &original[last..], Expect::Refused("ArtifactDigestMismatch")).unwrap();
}

/// Between a part by reference and the Complete the source is another one, or gone, or not to be served any more.
#[test]
fn p5_references_to_what_has_changed_since() {
    for (name, status, code) in [
        ("replaced", 409, "ConditionalRequestConflict"),
        ("replaced by the same bytes", 409, "ConditionalRequestConflict"),
        ("deleted", 409, "ConditionalRequestConflict"),
        ("not to be served", 403, "ArtifactSignatureMissing"),
    ] {
        for way in ["whole", "rearranged"] {
            let lab = Lab::new();
            let size = Size::Large;
            let original = size.content(1);
            lab.upload(BUCKET, KEY, &original, &[]);
            let (upload, parts) = if way == "whole" {
                in_order(&lab, COPY, size)
            } else {
                let (upload, parts, _) = rearranged(&lab, COPY, size);
                (upload, parts)
            };
            let mut through = lab.another();
            match name {
                "replaced" => lab.upload(BUCKET, KEY, &size.content(2), &[]),
                "replaced by the same bytes" => lab.upload(BUCKET, KEY, &original, &[]),
                "deleted" => assert_eq!(lab.client.delete(BUCKET, KEY).status, 204),
                _ => {
                    let rule = format!(
                        "\n[buckets.{BUCKET}]\nrules = [{{ key = \"{KEY}\", signatures = \"required\", keys = [\"ci\"] }}]\n"
                    );
                    through = lab.reconfigured(|text| text + &rule);
                }
            }
            let response = upload.through(&through.client).complete(&parts);
            assert_eq!(
                (response.status, response.code().as_str()),
                (status, code),
                "{name}, {way}: {}",
                response.text()
            );
            assert!(lab.store.find(BUCKET, COPY).is_none(), "{name}, {way}");
            assert_eq!(upload.parts("").status, 200, "{name}, {way}: the upload stays open");
        }
    }
}

/// The rule of the destination is for parts that are copied, too. Where they are the whole of what is signed, its signature
/// comes along, unless the client gives one.
#[test]
fn p2_copies_in_parts_to_where_signatures_are_asked_for() {
    let lab = Lab::new();
    let size = Size::Large;
    let original = size.content(1);
    let signature = lab.proxy.site.signature("ci", &original);
    let header = "x-amz-meta-hallmark-signature";
    let (none, signed) = (&[][..], &[(header, signature.as_str())][..]);
    let foreign = lab.proxy.site.signature("other", &original);
    let foreign = &[(header, foreign.as_str())][..];
    for (source, headers, expected) in [
        (none, none, Err("ArtifactSignatureMissing")),
        (foreign, none, Err("ArtifactSignerUntrusted")),
        (signed, foreign, Err("ArtifactSignerUntrusted")),
        (none, signed, Ok(())),
        (signed, none, Ok(())),
    ] {
        lab.upload(BUCKET, KEY, &original, source);
        let upload = lab.client.create_upload(SIGNED, KEY, headers);
        let parts: Vec<_> = (1..)
            .zip(ranges(size.bytes(), 5 * MIB))
            .map(|(number, range)| {
                let range = [("x-amz-copy-source-range", range.as_str())];
                copied(number, &upload.copy_part(number, (BUCKET, KEY, None), &range))
            })
            .collect();
        let answer = completed(&upload.complete(&parts)).map(|_| ());
        assert_eq!(answer, expected.map_err(str::to_owned));
        assert_eq!(lab.store.find(SIGNED, KEY).is_some(), expected.is_ok());
        if expected.is_ok() {
            assert_eq!(lab.client.get(SIGNED, KEY).header("x-hallmark-verified"), Some("seal,ci"));
        }
    }
}

/// What parts refer to is kept beside the upload: changed, or another upload's, it is as if it were not there.
#[test]
fn p3_references_that_are_not_ours() {
    let lab = Lab::new();
    let size = Size::Large;
    let original = size.content(1);
    lab.upload(BUCKET, KEY, &original, &[]);
    let sources = |lab: &Lab| -> Vec<_> {
        let names = lab.store.state_names(StateArea::Scratch).into_iter();
        names.filter(|name| name.name().starts_with("sources/")).collect()
    };
    let (upload, parts) = in_order(&lab, COPY, size);
    let [ours] = &sources(&lab)[..] else { panic!("one source") };
    let good = lab.store.state(ours);
    lab.upload(BUCKET, OTHER, &size.content(2), &[]);
    let other = lab.client.create_upload(BUCKET, COPY, &[]);
    copied(1, &other.copy_part(1, (BUCKET, OTHER, None), &[]));
    let theirs = sources(&lab).into_iter().find(|name| name != ours).unwrap();
    let mut changed = good.to_vec();
    let at =
        changed.windows(KEY.len()).position(|window| window == KEY.as_bytes()).expect("it names the key");
    changed[at + KEY.len() - 1] ^= 1;
    for (name, forged) in [
        ("gone", None),
        ("empty", Some(Bytes::new())),
        ("changed", Some(changed.into())),
        ("of another upload", Some(lab.store.state(&theirs))),
    ] {
        lab.store.set_state(ours, forged);
        for through in [&lab, &lab.another()] {
            let response = upload.through(&through.client).complete(&parts);
            let refusal = (response.status, response.code());
            assert_eq!(refusal, (409, "ConditionalRequestConflict".into()), "{name}: {}", response.text());
        }
        assert!(lab.store.find(BUCKET, COPY).is_none(), "{name}");
    }
    lab.store.set_state(ours, Some(good));
    completed(&upload.complete(&parts)).unwrap();
    judge(&lab.client.get(BUCKET, COPY), &original, Expect::Served).unwrap();
}

/// A Complete of a copy that stands still before its last step, is finished elsewhere, and wakes up when all is over.
#[test]
fn p6_copies_that_wake_up_when_all_is_over() {
    for (before, after) in [
        ("nothing", "overwritten"),
        ("nothing", "deleted"),
        ("something", "overwritten"),
        ("something", "deleted"),
    ] {
        let lab = Lab::new();
        let other = lab.another();
        lab.upload(BUCKET, KEY, &Size::Large.content(1), &[]);
        if before == "something" {
            lab.upload(BUCKET, COPY, b"what was there before", &[]);
        }
        let (upload, parts) = in_order(&lab, COPY, Size::Large);
        let gate = lab.store.hold(Call::Copy);
        std::thread::scope(|scope| {
            let asleep = scope.spawn(|| upload.complete(&parts));
            gate.wait();
            completed(&upload.through(&other.client).complete(&parts)).unwrap();
            if after == "overwritten" {
                lab.upload(BUCKET, COPY, b"newer", &[]);
            } else {
                assert_eq!(other.client.delete(BUCKET, COPY).status, 204);
            }
            gate.release();
            asleep.join().unwrap();
        });
        let got = lab.client.get(BUCKET, COPY);
        if after == "overwritten" {
            assert_eq!(got.body, b"newer", "over {before}");
        } else {
            assert_eq!(got.status, 404, "over {before}: what was deleted has come back");
        }
    }
}

/// A copy that died after it was made, and is repeated after something newer: that stays.
#[test]
fn p6_copies_repeated_after_they_died() {
    let lab = Lab::new();
    lab.upload(BUCKET, KEY, &Size::Large.content(1), &[]);
    let (upload, parts) = in_order(&lab, COPY, Size::Large);
    lab.store.go_wrong(Call::Copy, Mishap::PersistsAndFails(StoreFault::Timeout));
    lab.store.go_wrong(Call::Head.naming(COPY).after(1), Mishap::Fails(StoreFault::Timeout));
    let died = upload.complete(&parts);
    assert!(died.status >= 500, "{}", died.text());
    lab.store.forget_mishaps();
    lab.upload(BUCKET, COPY, b"newer", &[]);
    for through in [&lab.another(), &lab] {
        completed(&upload.through(&through.client).complete(&parts)).unwrap();
        assert_eq!(lab.client.get(BUCKET, COPY).body, b"newer");
    }
}

/// The store rolls all that is kept of the upload back to before its Complete, once the copy was deleted: nothing comes back.
#[test]
fn p3_copies_whose_state_was_rolled_back() {
    for newer in ["overwritten", "deleted"] {
        let lab = Lab::new();
        lab.upload(BUCKET, KEY, &Size::Large.content(1), &[]);
        let (upload, parts) = in_order(&lab, COPY, Size::Large);
        lab.store.go_wrong(Call::Copy, Mishap::Fails(StoreFault::Unavailable));
        assert_eq!(upload.complete(&parts).status, 503);
        let names = lab.store.state_names(StateArea::Scratch);
        let before: Vec<_> = names.into_iter().map(|name| (name.clone(), lab.store.state(&name))).collect();
        assert!(before.iter().any(|(name, _)| name.name().starts_with("plans/")), "{before:?}");
        completed(&upload.complete(&parts)).unwrap();
        match newer {
            "overwritten" => lab.upload(BUCKET, COPY, b"newer", &[]),
            _ => assert_eq!(lab.client.delete(BUCKET, COPY).status, 204),
        }
        for forget in ["done/", "plans/"] {
            for (name, bytes) in &before {
                lab.store.set_state(name, Some(bytes.clone()));
            }
            for name in lab.store.state_names(StateArea::Scratch) {
                if name.name().starts_with("done/") || name.name().starts_with(forget) {
                    lab.store.set_state(&name, None);
                }
            }
            for through in [&lab, &lab.another()] {
                upload.through(&through.client).complete(&parts);
                let got = lab.client.get(BUCKET, COPY);
                match newer {
                    "overwritten" => assert_eq!(got.body, b"newer", "without {forget}"),
                    _ => assert_eq!(got.status, 404, "without {forget}"),
                }
            }
        }
    }
}

/// Parts by reference that are carried in the end: whatever fails on the way, what the client was told of them stays true.
#[test]
fn p6_carrying_parts_can_fail_and_be_repeated() {
    for failing in 0..4 {
        let lab = Lab::new();
        let size = Size::Large;
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        let (upload, parts, from) = rearranged(&lab, COPY, size);
        lab.store
            .go_wrong(Call::StatePut.naming("parts/").after(failing), Mishap::Fails(StoreFault::Unavailable));
        let first = completed(&upload.complete(&parts));
        lab.store.forget_mishaps();
        let again = completed(&upload.through(&lab.another().client).complete(&parts));
        assert!(again.is_ok(), "record {failing} failed: {first:?}, then {again:?}");
        assert_same(&lab.client.get(BUCKET, COPY).body, &original[from..], "carried");
    }
}

/// A list that is refused moves no byte of the artifacts that its parts refer to.
#[test]
fn p7_lists_that_are_refused_move_nothing() {
    let lab = Lab::new();
    let size = Size::Large;
    lab.upload(BUCKET, KEY, &size.content(1), &[]);
    let (upload, good, _) = rearranged(&lab, COPY, size);
    let missing = Completed::new(7, "d41d8cd98f00b204e9800998ecf8427e");
    let small = upload.send_part(9, b"a last part");
    let before_small = upload.send_part(8, b"too small for any other");
    let moved = (lab.store.bytes_read(), lab.store.bytes_written());
    for (list, headers, code) in [
        (vec![good[0].clone(), missing], vec![], "InvalidPart"),
        (vec![good[0].clone(), before_small, small.clone()], vec![], "EntityTooSmall"),
        (vec![small, good[0].clone()], vec![], "InvalidPartOrder"),
        (good.clone(), vec![("x-amz-mp-object-size", "7")], "InvalidRequest"),
    ] {
        let response = upload.complete_with(&list, &headers);
        assert_eq!(response.code(), code, "{}", response.text());
        assert_eq!((lab.store.bytes_read(), lab.store.bytes_written()), moved, "{code}");
    }
}
