//! The page that keeps the figures.

use std::path::Path;

use time::OffsetDateTime;

/// Writes `RESULTS.md` beside the sources.
pub(crate) fn write(speed: &str, memory: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/RESULTS.md");
    let page = page(speed, memory);
    std::fs::write(&path, &page).expect("the results can be written");
    print!("{page}");
}

/// Processors that may be used.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn page(speed: &str, memory: &str) -> String {
    let date = OffsetDateTime::now_utc().date();
    let (cores, architecture, system) = (cores(), std::env::consts::ARCH, std::env::consts::OS);
    let sha = if has_sha() { "with" } else { "without" };
    format!(
        "# What it costs\n\n\
         Written by `tests/bench/run` on {date}. Machine: {cores} cores, shared with the client that makes the load and \
         with other work; {architecture} {sha} SHA instructions, {system}. Figures differ from machine to machine and \
         from run to run: the ratios say more.\n\n\
         ## Speed\n\n\
         Signed requests over plain HTTP on loopback, connections kept open: 16 for 1 KiB, 4 for 64 MiB. Medians of \
         rounds in which the servers take turns. `Hallmark` is `hallmark-proxy` with the embedded store, as it is by \
         default: it hashes, seals, and has every upload on disk (fsync) before it answers. `bare` is a hyper server \
         that forgets uploads and answers downloads from memory; `nginx` stands before it with large buffers, and its \
         processor time is that of both. Neither checks or keeps anything.\n\n\
         `first time` downloads objects whose seal this process has not seen yet, so that it must verify the \
         signature.\n\n\
         {speed}\n\
         ## Memory\n\n\
         {memory}"
    )
}

fn has_sha() -> bool {
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    known.split_whitespace().any(|flag| flag == "sha_ni" || flag == "sha2")
}
