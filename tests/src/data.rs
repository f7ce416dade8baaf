//! Content for objects: pseudo-random, the same for the same seed, of any size.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// One MiB, bytes; also the size of a leaf.
pub const MIB: u64 = 1 << 20;

/// Sizes at which something changes: nothing, the least, and either side of where streaming and records begin; and
/// one that is large enough to be split by clients that are not told otherwise.
pub const SIZES: [u64; 6] = [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 100 * MIB];

/// An xorshift generator (Marsaglia, xorshift64*).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of `seed`.
    pub fn new(seed: u64) -> Self {
        // Zero is the one state that the generator never leaves.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number under `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// `length` bytes of `seed`'s content.
pub fn content(seed: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length).expect("content fits in memory")];
    Random::new(seed).fill(&mut bytes);
    bytes
}

/// Writes `content(seed, length)` to a new file in `directory`.
pub fn file(directory: &Path, seed: u64, length: u64) -> PathBuf {
    let path = directory.join(format!("content-{seed}-{length}"));
    let mut random = Random::new(seed);
    let mut out = BufWriter::new(File::create(&path).expect("a file can be made"));
    let mut buffer = vec![0; 1 << 16];
    let mut left = length;
    while left > 0 {
        let part = &mut buffer[..usize::try_from(left.min(1 << 16)).expect("at most 64 KiB")];
        random.fill(part);
        out.write_all(part).expect("the file can be written");
        left -= part.len() as u64;
    }
    out.flush().expect("the file can be written");
    path
}

/// Says where two contents differ, without printing them.
///
/// # Panics
/// They differ.
#[track_caller]
pub fn assert_same(got: &[u8], want: &[u8], what: &str) {
    if got != want {
        let at = got.iter().zip(want).position(|(a, b)| a != b).unwrap_or(got.len().min(want.len()));
        panic!("{what}: {} bytes instead of {}, other from byte {at} on", got.len(), want.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_what_content_gives() {
        let directory = tempfile::tempdir().unwrap();
        for length in [0, 1, 7, 8, 65_535, 65_536, 200_001] {
            let path = file(directory.path(), 5, length);
            assert_same(&std::fs::read(path).unwrap(), &content(5, length), "file");
        }
        assert_ne!(content(1, 64), content(2, 64));
        assert_eq!(content(1, 64), content(1, 128)[..64]);
    }
}
