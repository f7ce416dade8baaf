//! `tests/vectors`: what other tools say of an artifact.

use std::path::{Path, PathBuf};

/// Where they are, and the keys and roots that they need.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// An artifact, and what stands beside it, by the name of a vector such as `bundle/key`.
///
/// # Panics
/// There is none of the name, or it is no text.
#[track_caller]
pub fn read(name: &str) -> (Vec<u8>, Vec<u8>) {
    let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).expect("the vector is there");
    let (head, file) = text.split_once("\n---\n").expect("a vector has a head");
    let artifact =
        head.lines().find_map(|line| line.strip_prefix("artifact: ")).expect("it is about an artifact");
    let artifact: String = serde_json::from_str(artifact).expect("a JSON string");
    (artifact.into_bytes(), file.as_bytes().to_vec())
}
