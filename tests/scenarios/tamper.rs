//! The tamper matrix: what is stored is changed behind the proxy's back, and each way of asking for it gets the exact
//! refusal. Bytes that leave are always a beginning of what was uploaded and was checked.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hallmark_proxy::store::{StateArea, StateName, Store, StoreFault};
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore, Mishap, StoredObject};
use hallmark_tests::raw::{End, Response};
use hallmark_tests::s3::{Client, md5_hex, object};
use hallmark_tests::site::{Options, SIGNED, Site};
use sha2::{Digest as _, Sha256};

const BUCKET: &str = "artifacts";
const KEY: &str = "build/app.tar";
/// Another artifact in the same bucket, of the same length.
const OTHER: &str = "build/other.tar";

/// How artifacts of different sizes are kept: the least and the most of each way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Size {
    /// One leaf, checked whole.
    Small,
    /// A few leaves, whose hashes stand in the seal.
    Medium,
    /// Seal and hashes stand in a record.
    Large,
}

const SIZES: [Size; 3] = [Size::Small, Size::Medium, Size::Large];

impl Size {
    fn bytes(self) -> u64 {
        match self {
            Self::Small => 300_000,
            Self::Medium => 3 * MIB + 5,
            Self::Large => 9 * MIB + 5,
        }
    }

    fn content(self, seed: u64) -> Vec<u8> {
        content(seed, self.bytes())
    }

    /// Where the last leaf begins.
    fn last_leaf(self) -> usize {
        usize::try_from((self.bytes() - 1) / MIB * MIB).unwrap()
    }
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// The true bytes.
    Served,
    /// 403 with this code and no byte.
    Refused(&'static str),
    /// A reset, after at most so many bytes, all of them true.
    Cut(usize),
    /// This, and no byte.
    Status(u16, &'static str),
}

/// What the four ways of asking get: whole, a range in a leaf that was left alone (the first, or for changes to the
/// first leaf the last), a range in one that was not, and HEAD.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    whole: Expect,
    good: Expect,
    bad: Expect,
    head: Expect,
}

impl Verdict {
    /// The same for all.
    const fn all(code: &'static str) -> Self {
        let refused = Expect::Refused(code);
        Self { whole: refused, good: refused, bad: refused, head: refused }
    }
}

struct Lab {
    proxy: InProcess,
    store: Arc<MemoryStore>,
    client: Client,
}

impl Lab {
    fn new() -> Self {
        Self::at(Site::new(&Options::default()))
    }

    /// A deployment with files of its own.
    fn at(site: Site) -> Self {
        let lab = Self::over(Arc::new(MemoryStore::new()), site);
        lab.client.create_bucket(BUCKET);
        lab.client.create_bucket(SIGNED);
        lab
    }

    fn over(store: Arc<MemoryStore>, site: Site) -> Self {
        let proxy = InProcess::start_at(site, Arc::clone(&store) as Arc<dyn Store>);
        let client = proxy.client();
        Self { proxy, store, client }
    }

    /// Files with the same keys as this deployment's.
    fn site_with_same_keys(&self) -> Site {
        let site = Site::new(&Options::default());
        for name in ["seal.key", "seal.pub", "ci.key", "ci.pub", "other.key", "other.pub"] {
            std::fs::copy(self.proxy.site.path().join(name), site.path().join(name)).unwrap();
        }
        site
    }

    /// The same deployment after its configuration was changed.
    fn reconfigured(&self, edit: impl FnOnce(String) -> String) -> Self {
        let site = self.site_with_same_keys();
        site.edit_config(edit);
        Self::over(Arc::clone(&self.store), site)
    }

    /// Uploads with headers that can be tampered with.
    #[track_caller]
    fn upload(&self, bucket: &str, key: &str, body: &[u8], headers: &[(&str, &str)]) {
        let mut all = vec![
            ("Content-Type", "application/x-tar"),
            ("Content-Encoding", "identity"),
            ("x-amz-meta-commit", "4f2a91c"),
        ];
        all.extend_from_slice(headers);
        let response = self.client.put_with(bucket, key, body, &all);
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// The record of the one large artifact.
    #[track_caller]
    fn record(&self, key: &str) -> StateName {
        let hallmark = self.store.object(BUCKET, key);
        let reference = hallmark.hallmark().split(' ').find_map(|field| field.strip_prefix("ref="));
        let reference = reference.expect("a large artifact refers to its record");
        let names = self.store.state_names(StateArea::Records);
        names.into_iter().find(|name| name.name().contains(reference)).expect("the record is there")
    }

    /// Asks in the four ways.
    fn ask(&self, bucket: &str, original: &[u8], bad: Leaf, verdict: Verdict, wrong: &mut String) {
        let first = range(0, 99);
        let last = range(original.len() - 100, original.len() - 1);
        let middle = range(MIB as usize + 1000, MIB as usize + 1099);
        let (good, bad) = match bad {
            Leaf::First => (last, first),
            Leaf::Middle => (first, middle),
            Leaf::Last => (first, last),
        };
        let mut check = |what: &str, response: &Response, range: &std::ops::Range<usize>, expect| {
            let range = range.start.min(original.len())..range.end.min(original.len());
            if let Err(why) = judge(response, &original[range], expect) {
                writeln!(wrong, "  {what}: wanted {expect:?}: {why}").unwrap();
            }
        };
        let of = |range: &std::ops::Range<usize>| format!("bytes={}-{}", range.start, range.end - 1);
        check("whole", &self.client.get(bucket, KEY), &(0..original.len()), verdict.whole);
        check("good", &self.client.get_range(bucket, KEY, &of(&good)), &good, verdict.good);
        check("bad", &self.client.get_range(bucket, KEY, &of(&bad)), &bad, verdict.bad);
        check("head", &self.client.head(bucket, KEY), &(0..0), verdict.head);
    }
}

fn range(first: usize, last: usize) -> std::ops::Range<usize> {
    first..last + 1
}

/// Which leaf was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaf {
    First,
    Middle,
    Last,
}

/// Whether a response is what was expected; `original` is what was uploaded and asked for.
fn judge(response: &Response, original: &[u8], expect: Expect) -> Result<(), String> {
    let got = format!(
        "{} {} with {} bytes, ended {:?}: {:.300}",
        response.status,
        response.code(),
        response.body.len(),
        response.end,
        if response.status >= 400 { response.text() } else { String::new() }
    );
    let holds = match expect {
        Expect::Served => {
            matches!(response.status, 200 | 206) && response.end == End::Complete && response.body == original
        }
        Expect::Refused(code) => {
            response.status == 403
                && response.code() == code
                && response.header("x-hallmark-refused").is_some()
                && response.header("cache-control") == Some("no-store")
                && response.end == End::Complete
                && no_object_bytes(response, original)
        }
        Expect::Cut(most) => {
            response.status == 200
                && response.end == End::Reset
                && response.body.len() <= most
                && original.starts_with(&response.body)
        }
        Expect::Status(status, code) => {
            response.status == status && response.code() == code && no_object_bytes(response, original)
        }
    };
    if holds { Ok(()) } else { Err(got) }
}

/// The body is our own document: nothing of the headers or the bytes of the artifact is in it.
fn no_object_bytes(response: &Response, original: &[u8]) -> bool {
    let ours = response.body.is_empty() || response.body.starts_with(b"<?xml");
    let artifact = ["etag", "x-amz-meta-commit", "x-amz-meta-hallmark", "content-encoding", "last-modified"];
    let bare = artifact.iter().all(|name| response.header(name).is_none());
    ours && bare && (original.len() < 16 || !response.body.windows(16).any(|part| original.starts_with(part)))
}

/// A change to the stored bytes.
type Change = fn(&mut StoredObject, Size);

/// A changed byte in each leaf; and objects of another length. The seal itself stays.
#[test]
fn bytes() {
    let late = |size: Size| match size {
        Size::Small => Expect::Refused("ArtifactDigestMismatch"),
        Size::Medium | Size::Large => Expect::Cut(size.last_leaf()),
    };
    const MISMATCH: Expect = Expect::Refused("ArtifactDigestMismatch");
    let mut wrong = String::new();
    for size in SIZES {
        let one_leaf = size == Size::Small;
        // In an artifact of one leaf no range is good.
        let good = if one_leaf { MISMATCH } else { Expect::Served };
        let flipped = Verdict { whole: MISMATCH, good, bad: MISMATCH, head: Expect::Served };
        let cases: [(&str, Leaf, Change, Verdict); 5] = [
            ("first byte", Leaf::First, |object, _| object.flip(0), flipped),
            (
                "middle",
                if one_leaf { Leaf::First } else { Leaf::Middle },
                |object, size| object.flip(if size == Size::Small { 150_000 } else { MIB as usize + 70_000 }),
                Verdict { whole: if one_leaf { MISMATCH } else { Expect::Cut(MIB as usize) }, ..flipped },
            ),
            (
                "last byte",
                Leaf::Last,
                |object, _| object.flip(object.bytes.len() - 1),
                Verdict { whole: late(size), ..flipped },
            ),
            (
                "shorter than the store says",
                Leaf::Last,
                |object, _| {
                    object.claimed_length = Some(object.bytes.len() as u64);
                    object.bytes.truncate(object.bytes.len() - 1);
                },
                Verdict { whole: late(size), ..flipped },
            ),
            (
                "a leaf in the place of another",
                Leaf::First,
                |object, size| {
                    let mut bytes = object.bytes.to_vec();
                    if size == Size::Small {
                        bytes.swap(0, 1);
                    } else {
                        bytes.copy_within(MIB as usize..2 * MIB as usize, 0);
                    }
                    object.bytes = bytes.into();
                },
                flipped,
            ),
        ];
        for (name, leaf, change, verdict) in cases {
            let lab = Lab::new();
            let original = size.content(1);
            lab.upload(BUCKET, KEY, &original, &[]);
            lab.store.edit(BUCKET, KEY, |object| change(object, size));
            writeln!(wrong, "{size:?}, {name}").unwrap();
            lab.ask(BUCKET, &original, leaf, verdict, &mut wrong);
        }
    }
    only_titles(&wrong);
}

/// Fails if there is anything but titles.
#[track_caller]
fn only_titles(wrong: &str) {
    assert!(!wrong.lines().any(|line| line.starts_with(' ')), "\n{wrong}");
}

/// A change to what is stored of one artifact, its seal included.
type Tamper = fn(&Lab, Size);

/// Changes that every way of asking must notice: those to lengths, headers, names and seals.
#[test]
fn seals() {
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
fn seals_field_by_field() {
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
fn seals_of_other_deployments() {
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

/// Where the hash of a leaf stands in a record.
#[track_caller]
fn hash_at(record: &[u8], leaf: &[u8]) -> usize {
    let hash = Sha256::new().chain_update([0]).chain_update(leaf).finalize();
    let found = record.windows(32).position(|window| window == hash.as_slice());
    found.expect("a record holds the hash of each leaf")
}

/// A change to the record's bytes; `at` are the places of the hashes of the first two leaves.
type RecordChange = fn(&mut Vec<u8>, at: [usize; 2]);

#[test]
fn records() {
    const INVALID: Expect = Expect::Refused("ArtifactSealInvalid");
    // HEAD needs what the record says first, and no hashes.
    const HASHES: Verdict = Verdict { whole: INVALID, good: INVALID, bad: INVALID, head: Expect::Served };
    const ALL: Verdict = Verdict::all("ArtifactSealInvalid");
    let cases: [(&str, RecordChange, Verdict); 9] = [
        ("first byte", |bytes, _| bytes[0] ^= 1, ALL),
        ("a letter of the seal", |bytes, _| flip_after(bytes, b"sha256="), ALL),
        ("the seal's signature", |bytes, _| flip_after(bytes, b"sig="), ALL),
        ("emptied", |bytes, _| bytes.clear(), ALL),
        ("cut within the seal", |bytes, _| bytes.truncate(40), ALL),
        ("a hash", |bytes, [first, _]| bytes[first] ^= 1, HASHES),
        ("hashes in another order", |bytes, [first, second]| swap(bytes, first, second), HASHES),
        ("a hash twice", |bytes, [first, second]| bytes.copy_within(first..first + 32, second), HASHES),
        ("cut within the hashes", |bytes, [_, second]| bytes.truncate(second + 16), HASHES),
    ];
    let mut wrong = String::new();
    let original = Size::Large.content(1);
    for (name, change, verdict) in cases {
        let lab = Lab::new();
        lab.upload(BUCKET, KEY, &original, &[]);
        let record = lab.record(KEY);
        let mut bytes = lab.store.state(&record).to_vec();
        let leaf = usize::try_from(MIB).unwrap();
        let at = [hash_at(&bytes, &original[..leaf]), hash_at(&bytes, &original[leaf..2 * leaf])];
        change(&mut bytes, at);
        lab.store.set_state(&record, Some(bytes.into()));
        writeln!(wrong, "{name}").unwrap();
        lab.ask(BUCKET, &original, Leaf::Last, verdict, &mut wrong);
    }

    let lab = Lab::new();
    lab.upload(BUCKET, KEY, &original, &[]);
    let record = lab.record(KEY);
    lab.upload(BUCKET, OTHER, &Size::Large.content(2), &[]);
    lab.store.set_state(&record, Some(lab.store.state(&lab.record(OTHER))));
    writeln!(wrong, "of another artifact").unwrap();
    lab.ask(BUCKET, &original, Leaf::Last, ALL, &mut wrong);
    lab.store.set_state(&record, None);
    writeln!(wrong, "missing").unwrap();
    lab.ask(BUCKET, &original, Leaf::Last, ALL, &mut wrong);
    only_titles(&wrong);
}

fn flip_after(bytes: &mut [u8], text: &[u8]) {
    let at = bytes.windows(text.len()).position(|window| window == text).expect("the record has the field");
    let letter = &mut bytes[at + text.len()];
    *letter = if *letter == b'B' { b'C' } else { b'B' };
}

fn swap(bytes: &mut [u8], first: usize, second: usize) {
    let (head, tail) = bytes.split_at_mut(second);
    head[first..first + 32].swap_with_slice(&mut tail[..32]);
}

/// A seal on the object where a record must be, and the reverse.
#[test]
fn seals_in_the_wrong_place() {
    let lab = Lab::new();
    let mut wrong = String::new();
    let (small, large) = (Size::Small.content(1), Size::Large.content(1));
    lab.upload(BUCKET, OTHER, &large, &[]);
    let reference = lab.store.object(BUCKET, OTHER).hallmark().to_owned();
    lab.upload(BUCKET, KEY, &small, &[]);
    lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = Some(reference));
    writeln!(wrong, "a reference on a small artifact").unwrap();
    lab.ask(BUCKET, &small, Leaf::First, Verdict::all("ArtifactSealInvalid"), &mut wrong);

    lab.upload(BUCKET, KEY, &large, &[]);
    let record = lab.store.state(&lab.record(KEY));
    let text = String::from_utf8_lossy(&record).into_owned();
    let begin = text.find("v=1 id=").expect("the record holds the seal");
    let line = text[begin..].split(|letter: char| !matches!(letter, ' '..='~')).next().unwrap_or_default();
    lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = Some(line.to_owned()));
    writeln!(wrong, "the seal itself on a large artifact").unwrap();
    lab.ask(BUCKET, &large, Leaf::Last, Verdict::all("ArtifactSealInvalid"), &mut wrong);
    only_titles(&wrong);
}

/// A store that answers with two validly sealed versions in turn: no answer mixes them, and a client that asks for the
/// rest of what it began to read never gets the other's.
#[test]
fn versions_that_take_turns() {
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

/// The publisher's signature is part of what is sealed: whatever becomes of it in the store breaks the seal.
#[test]
fn stored_signatures() {
    const HEADER: &str = "x-amz-meta-hallmark-signature";
    let mut wrong = String::new();
    let original = Size::Medium.content(1);
    let lab = Lab::new();
    let site = &lab.proxy.site;
    let good = site.signature("ci", &original);
    lab.upload(SIGNED, KEY, &original, &[(HEADER, &good)]);
    let sealed = lab.store.object(SIGNED, KEY);
    let served =
        Verdict { whole: Expect::Served, good: Expect::Served, bad: Expect::Served, head: Expect::Served };
    for (name, value, verdict) in [
        ("as uploaded", Some(good.clone()), served),
        ("removed", None, Verdict::all("ArtifactSealInvalid")),
        ("by another key", Some(site.signature("other", &original)), Verdict::all("ArtifactSealInvalid")),
        ("of other bytes", Some(site.signature("ci", b"other")), Verdict::all("ArtifactSealInvalid")),
        ("(r, n-s)", Some(mirrored(&good)), Verdict::all("ArtifactSealInvalid")),
        ("twice", Some(format!("{good},{good}")), Verdict::all("ArtifactSealInvalid")),
    ] {
        let mut object = sealed.clone();
        object.set_header(HEADER, value.as_deref());
        lab.store.place(SIGNED, KEY, object);
        writeln!(wrong, "{name}").unwrap();
        lab.ask(SIGNED, &original, Leaf::Last, verdict, &mut wrong);
    }
    only_titles(&wrong);
}

/// Where a rule asks for a signature, an upload without a good one is refused and leaves what was there.
#[test]
fn signatures_of_uploads() {
    const HEADER: &str = "x-amz-meta-hallmark-signature";
    for size in SIZES {
        let lab = Lab::new();
        let site = &lab.proxy.site;
        let (first, second) = (size.content(1), size.content(2));
        lab.upload(SIGNED, KEY, &first, &[(HEADER, &site.signature("ci", &first))]);
        for (name, value, code) in [
            ("none", None, "ArtifactSignatureMissing"),
            ("by another key", Some(site.signature("other", &second)), "ArtifactSignerUntrusted"),
            ("of other bytes", Some(site.signature("ci", &first)), "ArtifactSignerUntrusted"),
        ] {
            let headers: Vec<_> = value.as_deref().map(|value| (HEADER, value)).into_iter().collect();
            let response = lab.client.put_with(SIGNED, KEY, &second, &headers);
            assert_eq!((response.status, response.code().as_str()), (403, code), "{size:?}, {name}");
            assert_same(&lab.client.get(SIGNED, KEY).body, &first, name);
        }
        // Either form of one signature is as good as the other, and neither is another signer.
        let good = site.signature("ci", &second);
        for value in [mirrored(&good), format!("{},{good}", site.signature("other", &second))] {
            let response = lab.client.put_with(SIGNED, KEY, &second, &[(HEADER, &value)]);
            assert_eq!(response.status, 200, "{size:?}: {}", response.text());
            let response = lab.client.get(SIGNED, KEY);
            assert_same(&response.body, &second, "signed");
            assert_eq!(response.header("x-hallmark-verified"), Some("seal,ci"));
        }
    }
}

/// Trust is judged at every download, by the policy of today.
#[test]
fn policies_that_changed_since() {
    const HEADER: &str = "x-amz-meta-hallmark-signature";
    let (signed, unsigned) = ("build/signed", "build/unsigned");
    let lab = Lab::new();
    let original = Size::Medium.content(1);
    lab.upload(BUCKET, signed, &original, &[(HEADER, &lab.proxy.site.signature("ci", &original))]);
    lab.upload(BUCKET, unsigned, &original, &[]);
    let rule = |key: &str| {
        format!(
            "\n[buckets.{BUCKET}]\nrules = [{{ prefix = \"\", signatures = \"required\", keys = [\"{key}\"] }}]\n"
        )
    };
    let other_key = "\n[keys.other]\npublic_key_file = \"other.pub\"\n";
    for (name, tables, revoked, of_signed, of_unsigned) in [
        ("no rule", String::new(), false, None, None),
        ("a rule", rule("ci"), false, None, Some("ArtifactSignatureMissing")),
        (
            "a rule for another key",
            rule("other") + other_key,
            false,
            Some("ArtifactSignerUntrusted"),
            Some("ArtifactSignatureMissing"),
        ),
        ("a revoked key", rule("ci"), true, Some("ArtifactKeyRevoked"), Some("ArtifactSignatureMissing")),
    ] {
        let now = lab.reconfigured(|text| {
            let revocation = "public_key_file = \"ci.pub\"\nrevoked = \"lost\"\n";
            let text =
                if revoked { text.replacen("public_key_file = \"ci.pub\"\n", revocation, 1) } else { text };
            text + &tables
        });
        for (key, code) in [(signed, of_signed), (unsigned, of_unsigned)] {
            let expect = code.map_or(Expect::Served, Expect::Refused);
            for response in [now.client.get(BUCKET, key), now.client.get_range(BUCKET, key, "bytes=0-")] {
                judge(&response, &original, expect).unwrap_or_else(|why| panic!("{name}, {key}: {why}"));
            }
            let head = now.client.head(BUCKET, key);
            judge(&head, &[], expect).unwrap_or_else(|why| panic!("{name}, HEAD {key}: {why}"));
        }
    }
}

/// A disturbance on the way from the store is read over; one that stays is not served.
#[test]
fn bytes_that_arrive_wrong_once() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        for offset in [0, original.len() - 1] {
            lab.store.go_wrong(Call::Get, Mishap::Garbles(offset));
            let response = lab.client.get(BUCKET, KEY);
            judge(&response, &original, Expect::Served)
                .unwrap_or_else(|why| panic!("{size:?}, byte {offset}: {why}"));
        }
    }
}

/// A store that breaks off is no reason to serve less than all as if it were all.
#[test]
fn bytes_that_break_off() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        for after in [0, 100_000, original.len() - 1] {
            // Once more for the proxy's own second try.
            lab.store.go_wrong(Call::Get, Mishap::BreaksAfter(after));
            lab.store.go_wrong(Call::Get, Mishap::BreaksAfter(0));
            let response = lab.client.get(BUCKET, KEY);
            let whole_leaves = after / MIB as usize * MIB as usize;
            let expect = match whole_leaves {
                0 => Expect::Status(503, "ServiceUnavailable"),
                length => Expect::Cut(length),
            };
            judge(&response, &original, expect)
                .unwrap_or_else(|why| panic!("{size:?}, after {after}: {why}"));
            lab.store.forget_mishaps();
        }
        lab.store.go_wrong(Call::Get, Mishap::Fails(StoreFault::Timeout));
        let response = lab.client.get(BUCKET, KEY);
        judge(&response, &original, Expect::Status(504, "GatewayTimeout")).unwrap();
    }
}

/// The order of the P-256 group.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The other signature that verifies: (r, n-s).
fn mirrored(signature: &str) -> String {
    let der = BASE64.decode(signature).unwrap();
    let r_end = 4 + usize::from(der[3]);
    let (r, s) = (&der[4..r_end], &der[r_end + 2..]);
    let mut other = [0; 32];
    let mut borrow = 0;
    for place in 0..32 {
        let digit = s.len().checked_sub(place + 1).map_or(0, |at| i16::from(s[at]));
        let difference = i16::from(ORDER[31 - place]) - digit - borrow;
        borrow = i16::from(difference < 0);
        other[31 - place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let body = [integer(r), integer(&other)].concat();
    BASE64.encode([vec![0x30, u8::try_from(body.len()).unwrap()], body].concat())
}

/// A DER integer, as short as it can be.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let begin = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let mut value = bytes[begin..].to_vec();
    if value[0] >= 0x80 {
        value.insert(0, 0);
    }
    [vec![0x02, u8::try_from(value.len()).unwrap()], value].concat()
}

#[test]
fn openssl_takes_both_forms_of_a_signature() {
    let site = Site::new(&Options::default());
    std::fs::write(site.path().join("artifact"), "artifact").unwrap();
    let good = site.signature("ci", b"artifact");
    for signature in [good.clone(), mirrored(&good)] {
        std::fs::write(site.path().join("artifact.sig"), BASE64.decode(signature).unwrap()).unwrap();
        site.openssl(&["dgst", "-sha256", "-verify", "ci.pub", "-signature", "artifact.sig", "artifact"]);
    }
    assert_ne!(good, mirrored(&good));
    assert_eq!(good, mirrored(&mirrored(&good)));
}
