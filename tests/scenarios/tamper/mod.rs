//! The tamper matrix: what is stored is changed behind the proxy's back, and each way of asking for it gets the exact
//! refusal. Bytes that leave are always a beginning of what was uploaded and was checked. Nothing is kept in memory
//! here: what caches make of it is for `caches` to say.

mod bytes;
mod copies;
mod multipart;
mod pages;
mod part_copies;
mod policies;
mod records;
mod seal_keys;
mod seals;
mod signatures;
mod unsealed;
mod versions;

use std::fmt::Write as _;
use std::sync::Arc;

use hallmark_proxy::store::{StateArea, StateName, Store};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::raw::{End, Response};
use hallmark_tests::s3::Client;
use hallmark_tests::site::{Options, SIGNED, Site};

const BUCKET: &str = "artifacts";
const KEY: &str = "build/app.tar";
/// Another artifact in the same bucket, of the same length.
const OTHER: &str = "build/other.tar";

/// How artifacts of different sizes are kept: the least and the most of each way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Size {
    /// One leaf, checked whole.
    Small,
    /// A few leaves, whose hashes stand in the seal.
    Medium,
    /// Seal and hashes stand in a record.
    Large,
}

pub(crate) const SIZES: [Size; 3] = [Size::Small, Size::Medium, Size::Large];

impl Size {
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Small => 300_000,
            Self::Medium => 3 * MIB + 5,
            Self::Large => 9 * MIB + 5,
        }
    }

    pub(crate) fn content(self, seed: u64) -> Vec<u8> {
        content(seed, self.bytes())
    }

    /// Where the last leaf begins.
    pub(crate) fn last_leaf(self) -> usize {
        usize::try_from((self.bytes() - 1) / MIB * MIB).unwrap()
    }
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// The true bytes.
    Served,
    /// 403 with this code and no byte.
    Refused(&'static str),
    /// A reset, after at most so many bytes, all of them true. It may overtake even the head of the answer.
    Cut(usize),
    /// This, and no byte.
    Status(u16, &'static str),
}

/// What the four ways of asking get: whole, a range in a leaf that was left alone (the first, or for changes to the
/// first leaf the last), a range in one that was not, and HEAD.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) whole: Expect,
    pub(crate) good: Expect,
    pub(crate) bad: Expect,
    pub(crate) head: Expect,
}

impl Verdict {
    /// The same for all.
    pub(crate) const fn all(code: &'static str) -> Self {
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
        Self::at(Site::new(&Options::nothing_kept()))
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
        let site = Site::new(&Options::nothing_kept());
        // The state secret was made when the proxy started.
        let keys = ["seal.key", "seal.pub", "ci.key", "ci.pub", "other.key", "other.pub", "state.secret"];
        for name in keys {
            std::fs::copy(self.proxy.site.path().join(name), site.path().join(name)).unwrap();
        }
        site
    }

    /// Another instance of the same deployment.
    fn another(&self) -> Self {
        self.reconfigured(|text| text)
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
        ask(&self.client, (bucket, KEY), original, bad, verdict, wrong);
    }
}

/// Asks for an artifact in the four ways.
pub(crate) fn ask(
    client: &Client,
    (bucket, key): (&str, &str),
    original: &[u8],
    bad: Leaf,
    verdict: Verdict,
    wrong: &mut String,
) {
    let first = range(0, 99);
    // As long as the shortest last leaf: it lies wholly in the last.
    let last = range(original.len() - 5, original.len() - 1);
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
    check("whole", &client.get(bucket, key), &(0..original.len()), verdict.whole);
    check("good", &client.get_range(bucket, key, &of(&good)), &good, verdict.good);
    check("bad", &client.get_range(bucket, key, &of(&bad)), &bad, verdict.bad);
    check("head", &client.head(bucket, key), &(0..0), verdict.head);
}

fn range(first: usize, last: usize) -> std::ops::Range<usize> {
    first..last + 1
}

/// Which leaf was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    First,
    Middle,
    Last,
}

/// Whether a response is what was expected; `original` is what was uploaded and asked for.
pub(crate) fn judge(response: &Response, original: &[u8], expect: Expect) -> Result<(), String> {
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
            matches!(response.status, 0 | 200 | 206)
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

/// Fails if there is anything but titles.
#[track_caller]
pub(crate) fn only_titles(wrong: &str) {
    assert!(!wrong.lines().any(|line| line.starts_with(' ')), "\n{wrong}");
}
