//! Seals removed, altered or moved, and lengths, names and headers that they no longer fit.

use std::fmt::Write as _;

use hallmark_proxy::store::StateArea;
use hallmark_tests::data::assert_same;
use hallmark_tests::memory::StoredObject;
use hallmark_tests::site::{Options, Site};

use super::{BUCKET, KEY, Lab, Leaf, OTHER, SIZES, Size, Verdict, only_titles};

/// A change to what is stored of one artifact, its seal included.
type Tamper = fn(&Lab, Size);

/// Changes that every way of asking must notice: those to lengths, headers, names and seals.
#[test]
fn p3_seals() {
    const INVALID: &str = "ArtifactSealInvalid";
    let cases: [(&str, &[Size], Tamper, &str); 19] = [
        (
            "truncated",
            &SIZES,
            |lab, _| edit(lab, |object| object.bytes.truncate(object.bytes.len() - 1)),
            INVALID,
        ),
        (
            "extended",
            &SIZES,
            |lab, _| edit(lab, |object| object.bytes = [object.bytes.as_ref(), b"x"].concat().into()),
            INVALID,
        ),
        ("emptied", &SIZES, |lab, _| edit(lab, |object| object.bytes.clear()), INVALID),
        (
            "seal removed",
            &SIZES,
            |lab, _| edit(lab, |object| object.attributes.hallmark = None),
            "ArtifactUnsealed",
        ),
        (
            "seal emptied",
            &SIZES,
            |lab, _| edit(lab, |object| object.attributes.hallmark = Some(String::new())),
            INVALID,
        ),
        (
            "another version of seals",
            &SIZES,
            |lab, _| edit_seal(lab, |seal| seal.replacen("v=1 ", "v=2 ", 1)),
            INVALID,
        ),
        ("a space more", &SIZES, |lab, _| edit_seal(lab, |seal| seal.replacen(' ', "  ", 1)), INVALID),
        ("a space at the end", &SIZES, |lab, _| edit_seal(lab, |seal| seal + " "), INVALID),
        ("the seal twice", &SIZES, |lab, _| edit_seal(lab, |seal| format!("{seal} {seal}")), INVALID),
        (
            "the seal of another artifact",
            &SIZES,
            |lab, size| {
                lab.upload(BUCKET, OTHER, &size.content(2), &[]);
                let other = lab.store.object(BUCKET, OTHER).attributes.hallmark;
                edit(lab, |object| object.attributes.hallmark = other);
            },
            INVALID,
        ),
        (
            "another artifact under this name",
            &SIZES,
            |lab, size| {
                lab.upload(BUCKET, OTHER, &size.content(2), &[]);
                lab.store.place(BUCKET, KEY, lab.store.object(BUCKET, OTHER));
            },
            INVALID,
        ),
        (
            "the same bytes from another bucket",
            &SIZES,
            |lab, size| {
                lab.client.create_bucket("elsewhere");
                lab.upload("elsewhere", KEY, &size.content(1), &[]);
                lab.store.place(BUCKET, KEY, lab.store.object("elsewhere", KEY));
            },
            INVALID,
        ),
        ("another content type", &SIZES, |lab, _| set(lab, "content-type", Some("text/html")), INVALID),
        ("another content encoding", &SIZES, |lab, _| set(lab, "content-encoding", Some("gzip")), INVALID),
        ("no content encoding", &SIZES, |lab, _| set(lab, "content-encoding", None), INVALID),
        (
            "a content header more",
            &SIZES,
            |lab, _| set(lab, "content-disposition", Some("attachment; filename=other")),
            INVALID,
        ),
        ("other metadata", &SIZES, |lab, _| set(lab, "x-amz-meta-commit", Some("0000000")), INVALID),
        ("metadata removed", &SIZES, |lab, _| set(lab, "x-amz-meta-commit", None), INVALID),
        ("metadata added", &SIZES, |lab, _| set(lab, "x-amz-meta-approved", Some("yes")), INVALID),
    ];
    let mut wrong = String::new();
    for (name, sizes, tamper, code) in cases {
        for size in sizes {
            let lab = Lab::new();
            let original = size.content(1);
            lab.upload(BUCKET, KEY, &original, &[]);
            tamper(&lab, *size);
            writeln!(wrong, "{size:?}, {name}").unwrap();
            lab.ask(BUCKET, &original, Leaf::Last, Verdict::all(code), &mut wrong);
        }
    }
    only_titles(&wrong);
}

fn edit(lab: &Lab, edit: impl FnOnce(&mut StoredObject)) {
    lab.store.edit(BUCKET, KEY, edit);
}

fn edit_seal(lab: &Lab, change: impl FnOnce(String) -> String) {
    edit(lab, |object| object.attributes.hallmark = Some(change(object.hallmark().to_owned())));
}

fn set(lab: &Lab, name: &str, value: Option<&str>) {
    edit(lab, |object| object.set_header(name, value));
}

/// Every field of a seal, changed to another value of the same form.
#[test]
fn p3_seals_field_by_field() {
    let lab = Lab::new();
    let original = Size::Medium.content(1);
    lab.upload(BUCKET, KEY, &original, &[]);
    let sealed = lab.store.object(BUCKET, KEY);
    let fields: Vec<String> = sealed.hallmark().split(' ').map(str::to_owned).collect();
    let names: Vec<_> = fields.iter().map(|field| field.split('=').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "v", "id", "op", "at", "by", "src", "size", "sha256", "tree", "leaves", "parts", "etag", "hdr",
            "key", "sig"
        ]
    );
    let mut wrong = String::new();
    for (index, name) in names.iter().enumerate() {
        let mut altered = vec![("changed", changed(&fields[index])), ("emptied", format!("{name}="))];
        altered.push(("given twice", format!("{} {}", fields[index], fields[index])));
        altered.push(("left out", String::new()));
        for (how, field) in altered {
            let mut line = fields.clone();
            line[index] = field;
            line.retain(|field| !field.is_empty());
            let mut object = sealed.clone();
            object.attributes.hallmark = Some(line.join(" "));
            lab.store.place(BUCKET, KEY, object);
            writeln!(wrong, "{name} {how}").unwrap();
            lab.ask(BUCKET, &original, Leaf::Last, Verdict::all("ArtifactSealInvalid"), &mut wrong);
        }
    }
    lab.store.place(BUCKET, KEY, sealed);
    assert_same(&lab.client.get(BUCKET, KEY).body, &original, "put back as it was");
    only_titles(&wrong);
}

/// Another value that the field might have.
fn changed(field: &str) -> String {
    let (name, value) = field.split_once('=').unwrap();
    let other = match (name, value) {
        ("v", _) => "2".to_owned(),
        ("op", "put") => "adopt".to_owned(),
        ("op", _) => "put".to_owned(),
        ("src" | "parts" | "tree" | "leaves", "-") => "A".repeat(if name == "src" { 22 } else { 43 }),
        // The first character: of every alphabet here, and it carries no spare bits.
        _ if value.starts_with(['1', 'c', 'A']) => value.replacen(value.chars().next().unwrap(), "2", 1),
        _ => value.replacen(value.chars().next().unwrap(), "1", 1),
    };
    assert_ne!(other, value, "{name}");
    format!("{name}={other}")
}

/// Artifacts that were sealed elsewhere: by another key, and by the same key for another realm.
#[test]
fn p3_seals_of_other_deployments() {
    let mut wrong = String::new();
    for size in SIZES {
        for (name, same_key) in [("another key", false), ("another realm", true)] {
            let ours = Lab::new();
            let theirs = if same_key { ours.site_with_same_keys() } else { Site::new(&Options::default()) };
            if same_key {
                theirs.edit_config(|text| text.replacen("realm = \"test\"", "realm = \"elsewhere\"", 1));
            }
            let theirs = Lab::at(theirs);
            let original = size.content(1);
            theirs.upload(BUCKET, KEY, &original, &[]);
            ours.store.place(BUCKET, KEY, theirs.store.object(BUCKET, KEY));
            for record in theirs.store.state_names(StateArea::Records) {
                ours.store.set_state(&record, Some(theirs.store.state(&record)));
            }
            writeln!(wrong, "{size:?}, {name}").unwrap();
            ours.ask(BUCKET, &original, Leaf::Last, Verdict::all("ArtifactSealInvalid"), &mut wrong);
        }
    }
    only_titles(&wrong);
}
