//! Uploads that are about to be completed, before instances of which one is going to die or to sleep.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hallmark_proxy::store::{StateArea, Store};
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::instances::Instances;
use hallmark_tests::memory::{Call, Gate, MemoryStore, Which};
use hallmark_tests::raw::DEADLINE;
use hallmark_tests::s3::{Completed, Upload, completed};
use hallmark_tests::site::{Options, Site};

pub(crate) const BUCKET: &str = "artifacts";

/// The first instance is the one that meets with accidents.
pub(crate) const VICTIM: usize = 0;
pub(crate) const OTHER: usize = 1;

const SOURCE: &str = "source";
const LARGE_SOURCE: &str = "large-source";
const LARGE: u64 = 9 * MIB + 5;

/// What the parts of an upload are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sent; together at most 8 MiB.
    Small,
    /// Sent; together more than that.
    Large,
    /// All of an artifact, of at most 8 MiB.
    Copy,
    /// All of one that is larger, in two parts.
    LargeCopy,
    /// Some of an artifact, and some that were sent.
    Mixed,
}

pub(crate) const KINDS: [Kind; 5] = [Kind::Small, Kind::Large, Kind::Copy, Kind::LargeCopy, Kind::Mixed];

/// Two instances over one store, and something to copy.
pub(crate) struct Lab {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) instances: Instances,
    scenes: usize,
}

/// An upload whose parts came through the victim, to a key where something stands.
pub(crate) struct Scene {
    pub(crate) key: String,
    pub(crate) upload: Upload,
    pub(crate) parts: Vec<Completed>,
    pub(crate) old: Bytes,
    pub(crate) new: Bytes,
}

/// The ETag and the version, or the code of the error.
pub(crate) type Outcome = Result<(String, Option<String>), String>;

/// A Complete that somebody waits for.
pub(crate) struct Asking(Receiver<Outcome>);

impl Lab {
    /// In a bucket that keeps versions: then it can be seen how often something was written.
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let shared: Arc<dyn Store> = Arc::clone(&store) as _;
        // Which calls are made must not depend on what was read before.
        let site = Arc::new(Site::new(&Options::nothing_kept()));
        let instances = Instances::start_at(site, 2, &shared);
        let client = instances.client(VICTIM);
        client.create_bucket(BUCKET);
        for (key, length) in [(SOURCE, 70_000), (LARGE_SOURCE, large().len())] {
            assert_eq!(client.put(BUCKET, key, &large()[..length]).status, 200);
        }
        assert_eq!(client.set_versioning(BUCKET, "Enabled").status, 200);
        Self { store, instances, scenes: 0 }
    }

    pub(crate) fn scene(&mut self, kind: Kind) -> Scene {
        self.scenes += 1;
        let key = format!("key-{}", self.scenes);
        let (client, seed) = (self.instances.client(VICTIM), self.scenes as u64 * 10);
        let old: Bytes = content(seed, 100).into();
        assert_eq!(client.put(BUCKET, &key, &old).status, 200);
        let upload = client.create_upload(BUCKET, &key, &[]);
        let (mut parts, mut new) = (Vec::new(), Vec::new());
        for (number, part) in (1..).zip(kind.parts(seed)) {
            let (completed, bytes) = part.send(&upload, number);
            parts.push(completed);
            new.extend_from_slice(&bytes);
        }
        Scene { key, upload, parts, old, new: new.into() }
    }

    /// The calls of a Complete, as they can be named: each type of call and how many of them come before.
    pub(crate) fn calls(&mut self, kind: Kind) -> Vec<(Call, Which)> {
        let scene = self.scene(kind);
        self.store.take_calls();
        scene.complete(self, VICTIM).unwrap();
        let calls = self.store.take_named_calls();
        // What comes after it nobody waits for.
        let last =
            calls.iter().position(|(call, name)| *call == Call::StateDelete && name.starts_with("uploads/"));
        let calls: Vec<Call> = calls.into_iter().take(last.unwrap() + 1).map(|(call, _)| call).collect();
        let before = |at: usize| calls[..at].iter().filter(|before| **before == calls[at]).count();
        (0..calls.len()).map(|at| (calls[at], calls[at].after(before(at)))).collect()
    }

    /// Kills the victim and starts it again.
    pub(crate) fn restart_victim(&mut self) {
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        self.instances.restart(VICTIM, &store);
    }

    /// Waits until nothing is left of uploads but their answers.
    #[track_caller]
    pub(crate) fn assert_clear(&self, what: &str) {
        assert_eq!(self.instances.client(OTHER).uploads(BUCKET, "").elements("UploadId"), [""; 0], "{what}");
        assert_eq!(self.store.stage_names(), [""; 0], "{what}");
        let left = || {
            let names = self.store.state_names(StateArea::Scratch);
            names.into_iter().map(|name| name.name().to_owned()).find(|name| !name.starts_with("done/"))
        };
        // It is cleared after the answer.
        let begun = std::time::Instant::now();
        while let Some(left) = left() {
            assert!(begun.elapsed() < DEADLINE, "{what}: {left} is left");
            std::thread::yield_now();
        }
    }
}

impl Scene {
    pub(crate) fn through(&self, lab: &Lab, instance: usize) -> Upload {
        self.upload.through(&lab.instances.client(instance))
    }

    pub(crate) fn complete(&self, lab: &Lab, instance: usize) -> Outcome {
        complete(&self.through(lab, instance), &self.parts)
    }

    /// The same without waiting.
    pub(crate) fn ask(&self, lab: &Lab, instance: usize) -> Asking {
        let (upload, parts) = (self.through(lab, instance), self.parts.clone());
        let (tell, told) = channel();
        std::thread::spawn(move || {
            // The test may be over, or have failed.
            let _ = tell.send(complete(&upload, &parts));
        });
        Asking(told)
    }

    /// What stands there now is these bytes, whole and sealed; in so many versions of the key.
    #[track_caller]
    pub(crate) fn assert_serves(&self, lab: &Lab, bytes: &[u8], versions: usize, what: &str) {
        let got = lab.instances.client(OTHER).get(BUCKET, &self.key);
        assert_eq!(
            (got.status, got.header("x-hallmark-verified")),
            (200, Some("seal")),
            "{what}: {}",
            got.text()
        );
        assert_same(&got.body, bytes, what);
        let kept = lab.store.versions(BUCKET, &self.key).len();
        assert_eq!(kept, versions, "{what}: versions of the key");
    }

    /// Whether the upload has become what stands there; what stands there is served, whatever it is.
    #[track_caller]
    pub(crate) fn is_made(&self, lab: &Lab, what: &str) -> bool {
        let made = lab.store.versions(BUCKET, &self.key).len() > 1;
        let (bytes, versions) = if made { (&self.new, 2) } else { (&self.old, 1) };
        self.assert_serves(lab, bytes, versions, what);
        made
    }
}

impl Asking {
    /// Waits until the gate is reached; `Some`: the answer came before that.
    pub(crate) fn until(&self, gate: &Gate) -> Option<Outcome> {
        loop {
            match self.0.try_recv() {
                Ok(outcome) => return Some(outcome),
                Err(TryRecvError::Empty) if gate.is_reached() => return None,
                Err(TryRecvError::Empty) => std::thread::yield_now(),
                Err(TryRecvError::Disconnected) => panic!("the client ended without an answer"),
            }
        }
    }

    pub(crate) fn answer(self) -> Outcome {
        self.0.recv_timeout(DEADLINE).expect("an answer comes")
    }
}

/// Bytes that are made once: that takes longer than to send them.
fn large() -> &'static Bytes {
    static BYTES: OnceLock<Bytes> = OnceLock::new();
    BYTES.get_or_init(|| content(1, LARGE).into())
}

/// Bytes that differ by their seed: at least 8, and at most 9 MiB.
pub(crate) fn distinct(seed: u64, length: u64) -> Bytes {
    let length = usize::try_from(length).unwrap();
    [&seed.to_be_bytes(), &large()[8..length]].concat().into()
}

enum Part {
    Sent(Bytes),
    /// This range of this object, which has these bytes.
    Copied(&'static str, u64, u64),
}

impl Kind {
    fn parts(self, seed: u64) -> Vec<Part> {
        let sent = |seed, length| Part::Sent(distinct(seed, length));
        match self {
            Self::Small => vec![sent(seed + 1, 70_000)],
            Self::Large => vec![sent(seed + 1, 5 * MIB + 7), sent(seed + 2, 4 * MIB)],
            Self::Copy => vec![Part::Copied(SOURCE, 0, 70_000)],
            Self::LargeCopy => {
                vec![Part::Copied(LARGE_SOURCE, 0, 5 * MIB), Part::Copied(LARGE_SOURCE, 5 * MIB, LARGE)]
            }
            Self::Mixed => vec![Part::Copied(LARGE_SOURCE, 0, 5 * MIB), sent(seed + 1, 100)],
        }
    }
}

impl Part {
    fn send(&self, upload: &Upload, number: u64) -> (Completed, Bytes) {
        match self {
            Self::Sent(bytes) => (upload.send_part(number, bytes), bytes.clone()),
            Self::Copied(source, from, to) => {
                let range = format!("bytes={from}-{}", to - 1);
                let headers = [("x-amz-copy-source-range", range.as_str())];
                let response = upload.copy_part(number, (BUCKET, source, None), &headers);
                assert_eq!(response.status, 200, "{}", response.text());
                let range = usize::try_from(*from).unwrap()..usize::try_from(*to).unwrap();
                let completed = Completed::new(number, &response.element("ETag"));
                (completed, large().slice(range))
            }
        }
    }
}

fn complete(upload: &Upload, parts: &[Completed]) -> Outcome {
    let response = upload.complete(parts);
    match completed(&response) {
        Ok(etag) if response.status == 200 => {
            Ok((etag, response.header("x-amz-version-id").map(str::to_owned)))
        }
        Ok(_) => Err(format!("{} without a code", response.status)),
        Err(code) => Err(code),
    }
}
