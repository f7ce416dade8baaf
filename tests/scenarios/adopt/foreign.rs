//! Objects that came into the store without Hallmark.

use hallmark_config::{Config, SignerName};
use hallmark_proxy::adopt::Lists;
use hallmark_proxy::gate::{OldContents, OldHeaders, Order, Writing};
use hallmark_proxy::store::StoreFault;
use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::{Call, Mishap};

use super::{ADOPT, FREE, HEADER, Lab, RULED, field, outcome};

#[test]
fn what_a_publisher_signed_is_sealed_and_nothing_else() {
    let lab = Lab::new("keys = [\"ci\"]");
    let lengths = [0, 1000, 3 * MIB + 5, 9 * MIB + 5];
    for (index, length) in lengths.into_iter().enumerate() {
        let body = content(index as u64, length);
        let signature = lab.site.signature("ci", &body);
        let headers = [
            (HEADER, signature.as_str()),
            ("x-amz-meta-note", "whoever wrote this"),
            ("content-disposition", "inline"),
        ];
        lab.foreign(RULED, &format!("good{index}"), &body, &headers);
    }
    lab.foreign(RULED, "unsigned", b"body", &[]);
    lab.foreign(RULED, "stranger", b"body", &[(HEADER, &lab.site.signature("other", b"body"))]);
    lab.foreign(RULED, "of-others", b"body", &[(HEADER, &lab.site.signature("ci", b"others"))]);
    let put =
        lab.client().put_with(RULED, "sealed", b"body", &[(HEADER, &lab.site.signature("ci", b"body"))]);
    assert_eq!(put.status, 200);
    lab.store.place(RULED, "damaged", lab.store.object(RULED, "sealed"));

    let pretended = Order { writing: Writing::Pretended, ..ADOPT };
    let dry = lab.do_it("s3://ruled", pretended);
    assert_eq!(lab.reader().get(RULED, "good1").code(), "ArtifactUnsealed");
    let (summary, told) = lab.do_it("s3://ruled", ADOPT);
    assert_eq!((summary, &told), (dry.0, &dry.1));
    assert_eq!(
        told,
        outcome(&[
            ("damaged", "ArtifactSealInvalid"),
            ("good0", "ci"),
            ("good1", "ci"),
            ("good2", "ci"),
            ("good3", "ci"),
            ("of-others", "ArtifactSignerUntrusted"),
            ("stranger", "ArtifactSignerUntrusted"),
            ("unsigned", "ArtifactSignatureMissing"),
        ])
    );
    assert_eq!((summary.objects, summary.sealed_before, summary.sealed, summary.problems), (9, 1, 4, 4));
    assert_eq!(summary.sealed_bytes, lengths.iter().sum::<u64>());
    for (index, length) in lengths.into_iter().enumerate() {
        let (key, body) = (format!("good{index}"), content(index as u64, length));
        let got = lab.reader().get(RULED, &key);
        assert_eq!((got.status, got.header("x-hallmark-verified")), (200, Some("seal,ci")));
        assert!(got.body == body, "{key}");
        assert_eq!((field(&got, "op"), field(&got, "by")), ("adopt".to_owned(), "-".to_owned()));
        assert_eq!(got.header("content-type"), Some("binary/octet-stream"));
        assert_eq!((got.header("x-amz-meta-note"), got.header("content-disposition")), (None, None));
        if length > 5 {
            let part = lab.reader().get_range(RULED, &key, &format!("bytes={}-", length - 5));
            assert_eq!((part.status, &part.body[..]), (206, &body[body.len() - 5..]));
        }
    }
    for key in ["unsigned", "stranger", "of-others", "damaged"] {
        assert_eq!(lab.reader().get(RULED, key).status, 403, "{key}");
    }
    // Repeated, it has nothing more to do.
    let (summary, _) = lab.do_it("s3://ruled/good", ADOPT);
    assert_eq!((summary.objects, summary.sealed_before, summary.problems), (4, 4, 0));
}

#[test]
fn what_a_list_names_is_sealed_where_no_rule_asks_for_more() {
    let lab = Lab::new("keys = [\"ci\"]");
    lab.foreign(FREE, "app/1/a", b"a", &[]);
    lab.foreign(FREE, "app/1/b", b"changed", &[]);
    lab.foreign(FREE, "app/1/c", b"c", &[]);
    lab.foreign(FREE, "app/1/dsse", b"DSSEv1 1 a 1 b", &[]);
    lab.foreign(RULED, "a", b"a", &[]);
    let lines: [(&str, &[u8]); 4] =
        [("a", b"a"), ("b", b"b"), ("gone", b"gone"), ("dsse", b"DSSEv1 1 a 1 b")];
    let file = lab.list("SHA256SUMS", &lines);
    let lists = Lists::read(&[file], None).unwrap();
    let (summary, told) = lab.do_it_with("s3://free/app/1/", ADOPT, &lists);
    assert_eq!(
        told,
        outcome(&[
            ("app/1/a", "List"),
            ("app/1/b", "ArtifactDigestMismatch"),
            ("app/1/c", "NotProven"),
            ("app/1/dsse", "LooksLikeDsse"),
            ("app/1/gone", "NoSuchKey"),
        ])
    );
    assert_eq!((summary.objects, summary.problems), (4, 4));
    assert_eq!(lab.reader().get(FREE, "app/1/a").body, b"a");
    for key in ["app/1/b", "app/1/c", "app/1/dsse"] {
        assert_eq!(lab.reader().get(FREE, key).code(), "ArtifactUnsealed", "{key}");
    }
    // A list satisfies no rule.
    let (_, told) = lab.do_it_with("s3://ruled/", ADOPT, &lists);
    assert_eq!(told["a"], "ArtifactSignatureMissing");
}

#[test]
fn a_list_from_anywhere_is_signed_by_a_key_that_is_valid_now() {
    let lab = Lab::new("keys = [\"ci\"]");
    let file = lab.list("SHA256SUMS", &[("a", b"a")]);
    let read = |lab: &Lab, name: &str| {
        let config = Config::load(&lab.site.config_file()).unwrap();
        Lists::read(std::slice::from_ref(&file), Some((&config, &SignerName::parse(name).unwrap())))
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let refused = |result: Result<(), String>, why: &str| {
        let error = result.unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    refused(read(&lab, "ci"), "SHA256SUMS.sig");
    let signature = lab.site.signature("ci", &std::fs::read(&file).unwrap());
    std::fs::write(file.with_file_name("SHA256SUMS.sig"), &signature).unwrap();
    assert_eq!(read(&lab, "ci"), Ok(()));
    refused(read(&lab, "b"), "not by the key `b`");
    refused(read(&lab, "nobody"), "no key `nobody`");
    let lab = lab.changed(|text| text.replace("[keys.ci]\n", "[keys.ci]\nrevoked = \"stolen\"\n"));
    refused(read(&lab, "ci"), "revoked");
    std::fs::write(&file, "").unwrap();
    refused(read(&lab.changed(|text| text.replace("revoked = \"stolen\"\n", "")), "ci"), "not over this");
}

#[test]
fn what_nobody_vouches_for_takes_the_operators_word() {
    let lab = Lab::new("keys = [\"ci\"]");
    lab.foreign(FREE, "a", b"a", &[("x-amz-meta-note", "kept")]);
    lab.foreign(FREE, "dsse", b"DSSEv1 1 a 1 b", &[]);
    assert_eq!(lab.client().put(FREE, "sealed", b"body").status, 200);
    lab.store.place(FREE, "damaged", lab.store.object(FREE, "sealed"));
    let (_, told) = lab.do_it("s3://free", ADOPT);
    assert_eq!(told["a"], "NotProven");
    let trusting = Order { contents: OldContents::TrustStore, headers: OldHeaders::TrustStore, ..ADOPT };
    let (_, told) = lab.do_it("s3://free", trusting);
    assert_eq!(
        told,
        outcome(&[("a", "Operator"), ("damaged", "ArtifactSealInvalid"), ("dsse", "LooksLikeDsse")])
    );
    let got = lab.reader().get(FREE, "a");
    assert_eq!((got.body.as_slice(), got.header("x-amz-meta-note")), (&b"a"[..], Some("kept")));
    assert_eq!(got.header("content-type"), Some("text/html"));
}

#[test]
fn what_cannot_be_read_or_written_is_told_and_the_rest_goes_on() {
    let lab = Lab::new("keys = [\"ci\"]");
    let large = content(1, 9 * MIB);
    for (key, body) in [("a", &b"a"[..]), ("b", b"b"), ("c", b"c"), ("large", &large)] {
        lab.foreign(FREE, key, body, &[]);
    }
    let trusting = Order { contents: OldContents::TrustStore, ..ADOPT };
    lab.store.go_wrong(Call::Get.naming("a"), Mishap::BreaksAfter(0));
    lab.store.go_wrong(Call::Head.naming("b"), Mishap::Fails(StoreFault::Unavailable));
    lab.store.go_wrong(Call::Copy.naming("large"), Mishap::Fails(StoreFault::Unavailable));
    let (summary, told) = lab.do_it("s3://free", trusting);
    assert_eq!((summary.sealed, summary.problems), (1, 3), "{told:?}");
    assert_eq!(
        [&told["b"], &told["c"], &told["large"]],
        ["ServiceUnavailable", "Operator", "ServiceUnavailable"]
    );
    // The record of what was not stored is gone.
    assert_eq!(lab.store.take_calls().iter().filter(|call| **call == Call::StateDelete).count(), 1);
    let (summary, _) = lab.do_it("s3://free", trusting);
    assert_eq!((summary.sealed_before, summary.sealed, summary.problems), (1, 3, 0));
    assert!(lab.reader().get(FREE, "large").body == large);
}

#[test]
fn a_rule_may_refuse_adopted_artifacts() {
    let lab = Lab::new("keys = [\"ci\"], refuse_ops = [\"adopt\"]");
    lab.foreign(RULED, "a", b"a", &[(HEADER, &lab.site.signature("ci", b"a"))]);
    let (_, told) = lab.do_it("s3://ruled", ADOPT);
    assert_eq!(told["a"], "ArtifactSealKindRefused");
    assert_eq!(lab.reader().get(RULED, "a").code(), "ArtifactUnsealed");
}

/// Signatures beside it came into the store without Hallmark as well.
#[test]
fn signatures_beside_it_are_sealed_with_it_if_they_count() {
    let lab = Lab::new("all_of = [\"release\"], siblings = [\"sig\"]");
    for (name, key) in [("app.tar", "b"), ("one.tar", "b")] {
        lab.foreign(RULED, name, b"body", &[(HEADER, &lab.site.signature("ci", b"body"))]);
        lab.foreign(RULED, &format!("{name}.c.sig"), b"<script>", &[]);
        if name == "app.tar" {
            lab.foreign(
                RULED,
                &format!("{name}.{key}.sig"),
                lab.site.signature(key, b"body").as_bytes(),
                &[],
            );
        }
    }
    let dry = lab.do_it("s3://ruled", Order { writing: Writing::Pretended, ..ADOPT });
    let (summary, told) = lab.do_it("s3://ruled", ADOPT);
    assert_eq!(dry, (summary, told.clone()));
    assert_eq!(
        told,
        outcome(&[
            ("app.tar", "ci,b"),
            ("app.tar.c.sig", "ArtifactSignatureMissing"),
            ("one.tar", "ArtifactRoleUnmet"),
            ("one.tar.c.sig", "ArtifactSignatureMissing"),
        ])
    );
    assert_eq!((summary.objects, summary.sealed, summary.problems), (5, 2, 3));
    let got = lab.reader().get(RULED, "app.tar");
    assert_eq!((got.status, got.header("x-hallmark-verified")), (200, Some("seal,ci,b")));
    let sibling = lab.reader().get(RULED, "app.tar.b.sig");
    assert_eq!((sibling.status, sibling.header("content-disposition")), (200, Some("attachment")));
    assert_eq!(lab.reader().get(RULED, "app.tar.c.sig").code(), "ArtifactUnsealed");
}

#[test]
fn what_is_put_there_meanwhile_is_not_blessed() {
    let lab = Lab::new("keys = [\"ci\"]");
    lab.foreign(FREE, "other", b"evil!", &[]);
    let other = lab.store.object(FREE, "other");
    lab.store.remove(FREE, "other");
    let trusting = Order { contents: OldContents::TrustStore, ..ADOPT };
    // Between the look and the read, and between the read and the seal.
    for call in [Call::Get, Call::Copy] {
        lab.foreign(FREE, "a", b"first", &[]);
        let evil = other.clone();
        lab.store.before(call, move |store| store.place(FREE, "a", evil));
        let (_, told) = lab.do_it("s3://free", trusting);
        assert!(!["Operator", "List"].contains(&told["a"].as_str()), "{call:?}: {told:?}");
        assert_eq!(lab.reader().get(FREE, "a").code(), "ArtifactUnsealed", "{call:?}");
        assert!(lab.store.object(FREE, "a").attributes.hallmark.is_none());
    }
    // A store that says it does not know.
    lab.foreign(FREE, "a", b"first", &[]);
    lab.store.go_wrong(Call::Copy, Mishap::PersistsAndFails(StoreFault::Timeout));
    assert_eq!(lab.do_it("s3://free", trusting).1["a"], "Operator");
    assert_eq!(lab.reader().get(FREE, "a").body, b"first");
    // A store that gives other bytes than it has: what was read is what is sealed.
    let file = lab.list("sums", &[("a", b"first")]);
    let lists = Lists::read(&[file], None).unwrap();
    lab.foreign(FREE, "a", b"first", &[]);
    lab.store.before(Call::Copy, move |store| store.edit(FREE, "a", |object| object.flip(0)));
    lab.do_it_with("s3://free", ADOPT, &lists);
    assert_ne!(lab.reader().get(FREE, "a").status, 200);
}

/// A client uploads the same bytes at the last moment, to a store that calls them what it called those before.
#[test]
fn an_upload_of_the_same_bytes_is_not_taken_back() {
    let lab = Lab::new("keys = [\"ci\"]");
    let trusting = Order { contents: OldContents::TrustStore, ..ADOPT };
    // With its seal on it, and in a record.
    for body in [b"body".to_vec(), content(1, 9 * MIB)] {
        let put = lab.client().put_with(FREE, "a", &body, &[("x-amz-meta-note", "acknowledged")]);
        assert_eq!(put.status, 200);
        let mut late = lab.store.object(FREE, "a");
        lab.foreign(FREE, "a", &body, &[]);
        late.pin = lab.store.object(FREE, "a").pin;
        // The look after the read.
        let placed = late.clone();
        lab.store.before(Call::Get, move |store| {
            store.before(Call::Head, move |store| store.place(FREE, "a", placed));
        });
        let (summary, told) = lab.do_it("s3://free/a", trusting);
        assert_eq!(told, outcome(&[("a", "ChangedMeanwhile")]));
        assert_eq!((summary.sealed, summary.problems), (0, 1));
        assert_eq!(lab.store.object(FREE, "a").attributes, late.attributes);
        let got = lab.reader().get(FREE, "a");
        assert_eq!((got.status, got.header("x-amz-meta-note")), (200, Some("acknowledged")));
        assert!(got.body == body);
    }
}

/// Where a list speaks for the bytes, nobody has looked at what is in the header.
#[test]
fn signatures_that_nobody_known_made_are_left_behind() {
    let lab = Lab::new("keys = [\"ci\"]");
    let [ci, other] = ["ci", "other"].map(|key| lab.site.signature(key, b"body"));
    let of_others = lab.site.signature("ci", b"others");
    let both = format!("{other},{ci},{of_others}");
    let cases = [("ci", ci.as_str()), ("other", &other), ("of-others", &of_others), ("both", &both)];
    for (key, value) in cases {
        lab.foreign(FREE, key, b"body", &[(HEADER, value)]);
    }
    let file = lab.list("SHA256SUMS", &cases.map(|(key, _)| (key, &b"body"[..])));
    let lists = Lists::read(&[file], None).unwrap();
    let (summary, _) = lab.do_it_with("s3://free/", ADOPT, &lists);
    assert_eq!((summary.sealed, summary.problems), (4, 0));
    for (key, kept) in [("ci", Some(&ci)), ("other", None), ("of-others", None), ("both", Some(&ci))] {
        let got = lab.reader().get(FREE, key);
        assert_eq!((got.status, got.header(HEADER)), (200, kept.map(String::as_str)), "{key}");
    }
    // Who vouches for all headers vouches for these.
    lab.foreign(FREE, "trusted", b"body", &[(HEADER, &other)]);
    let trusting = Order { contents: OldContents::TrustStore, headers: OldHeaders::TrustStore, ..ADOPT };
    assert_eq!(lab.do_it("s3://free/trusted", trusting).1["trusted"], "Operator");
    assert_eq!(lab.reader().get(FREE, "trusted").header(HEADER), Some(other.as_str()));
}
