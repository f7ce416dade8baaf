//! What the work cannot do without: hashes and signatures, each measured alone on one core.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use hallmark_signer::PrivateKey;
use md5::Md5;
use sha2::{Digest, Sha256};

use super::cases::{Case, Work};
use crate::table::median;

/// Bytes hashed at a time: they stay in the cache, as a leaf that was just received does.
const BLOCK: usize = 256 << 10;
const BLOCKS: usize = 1024;
const SIGNATURES: u32 = 100;

/// Seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floor {
    /// For a byte.
    sha256: f64,
    /// For a byte.
    md5: f64,
    /// For a signature.
    sign: f64,
    /// For a byte, while every core does the same: cores that share a unit for it take longer then.
    shared: f64,
}

impl Floor {
    pub(super) fn measure() -> Self {
        let block = vec![7; BLOCK];
        Self {
            sha256: per_byte::<Sha256>(&block),
            md5: per_byte::<Md5>(&block),
            sign: signing(),
            shared: hashing_on_every_core(&block),
        }
    }

    /// The seconds that one request of a case needs beside passing bytes on.
    pub(super) fn of(&self, case: &Case) -> f64 {
        let bytes = case.size as f64;
        match (case.work, case.is_small()) {
            (Work::Get, _) => self.sha256 * bytes,
            (Work::GetFresh, _) => 0.0,
            // The client's signature of the body and the seal's digest are the same hash.
            (Work::Put, true) => (self.sha256 + self.md5) * bytes + self.sign,
            // The whole, and its leaves; the ETag.
            (Work::Put | Work::Parts, _) => (2.0 * self.sha256 + self.md5) * bytes + self.sign,
        }
    }

    pub(super) fn signature(floors: &[Self]) -> f64 {
        median(floors.iter().map(|floor| floor.sign).collect())
    }

    /// What was measured, in words.
    pub(super) fn describe(floors: &[Self]) -> String {
        let middle = |of: fn(&Self) -> f64| median(floors.iter().map(of).collect());
        let gib = (1u64 << 30) as f64;
        format!(
            "Alone on one core in the same rounds: SHA-256 {:.0} ms/GiB, MD5 {:.0} ms/GiB, a P-256 signature {:.0} us. While \
             every core hashes, as they do under load, SHA-256 takes {:.0} ms/GiB of each.\n",
            middle(|floor| floor.sha256) * gib * 1e3,
            middle(|floor| floor.md5) * gib * 1e3,
            middle(|floor| floor.sign) * 1e6,
            middle(|floor| floor.shared) * gib * 1e3
        )
    }
}

fn per_byte<D: Digest>(block: &[u8]) -> f64 {
    let (began, mut hasher) = (Instant::now(), D::new());
    (0..BLOCKS).for_each(|_| hasher.update(black_box(block)));
    black_box(hasher.finalize());
    began.elapsed().as_secs_f64() / (BLOCK * BLOCKS) as f64
}

fn hashing_on_every_core(block: &[u8]) -> f64 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let times = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| per_byte::<Sha256>(block))).collect();
        threads.into_iter().map(|thread| thread.join().expect("hashing does not fail")).collect()
    });
    median(times)
}

fn signing() -> f64 {
    let key = PrivateKey::generate().expect("a key can be made").into_blob_key();
    let digest = hallmark_signer::BlobHasher::new().finish().expect("it is no envelope");
    let began = Instant::now();
    for _ in 0..SIGNATURES {
        black_box(key.sign(black_box(&digest)));
    }
    began.elapsed().as_secs_f64() / f64::from(SIGNATURES)
}
