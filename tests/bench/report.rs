//! The page that keeps the figures.

use std::path::Path;

use time::OffsetDateTime;

/// What was measured, in Markdown.
pub(crate) struct Findings {
    pub(crate) front: String,
    pub(crate) speed: String,
    pub(crate) large: String,
    /// The same where no disk is in the way.
    pub(crate) large_in_memory: Option<String>,
    pub(crate) memory: String,
    /// The share of the processors that went to others.
    pub(crate) others: f64,
}

/// Writes `RESULTS.md` beside the sources.
pub(crate) fn write(findings: &Findings) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/RESULTS.md");
    let page = page(findings);
    std::fs::write(&path, &page).expect("the results can be written");
    print!("{page}");
}

/// Processors that may be used.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn page(Findings { front, speed, large, large_in_memory, memory, others }: &Findings) -> String {
    let others = others * 100.0;
    let in_memory = large_in_memory.as_ref().map_or_else(String::new, |large| {
        format!("The same with all directories on a file system in memory, so that no disk holds anybody up:\n\n{large}\n")
    });
    let date = OffsetDateTime::now_utc().date();
    let (cores, architecture, system) = (cores(), std::env::consts::ARCH, std::env::consts::OS);
    let sha = if has_sha() { "with" } else { "without" };
    format!(
        "# What it costs\n\n\
         Written by `tests/bench/run` on {date}. Machine: {cores} cores, shared with the client that makes the load and \
         with other work, which took {others:.0} % of the processors meanwhile; {architecture} {sha} SHA \
         instructions, {system}. Figures differ from machine to machine and \
         from run to run: the ratios say more.\n\n\
         ## Before an object store\n\n\
         Signed requests over plain HTTP on loopback, connections kept open: 16 for 1 KiB, 4 for 64 MiB, 1 for 1 GiB (10 for \
         its parts of 8 MiB). All stand before the same store in memory, which checks and hashes nothing; processor time is \
         each server\'s own, without the store\'s. `nginx` has large buffers. `fresh`: within `freshness`, leaves cached. `floor`: nginx\'s processor \
         time and that of the hashes and signatures that the work cannot do without, each measured alone. Medians of rounds in which the servers take turns.\n\n\
         {front}\n\
         ## Speed on the embedded store\n\n\
         Signed requests over plain HTTP on loopback, connections kept open: 16 for 1 KiB, 4 for 64 MiB. Medians of \
         rounds in which the servers take turns. `Hallmark` is `hallmark-proxy` with the embedded store, as it is by \
         default: it hashes, seals, and has every upload on disk (fsync) before it answers. `bare` is a hyper server \
         that forgets uploads and answers downloads from memory; `nginx` stands before it with large buffers, and its \
         processor time is that of both. Neither checks or keeps anything.\n\n\
         `first time` downloads objects whose seal this process has not seen yet, so that it must verify the \
         signature.\n\n\
         {speed}\n\
         ## Large artifacts\n\n\
         1 GiB by one PUT; in parts of 8 MiB, 10 at a time; and copied: by one CopyObject, and by UploadPartCopy of the \
         same parts, as `aws s3 mv` does. Signed requests over plain HTTP on loopback. `Hallmark` is as above. `the store \
         over HTTP` is the same embedded store behind a bare hyper server, which hands bodies to it as they come and \
         checks nothing; `the store alone` gets the same bytes within its own process, so its time is that of the store \
         and nothing else. Medians of rounds in which they take turns; processor time is that of the server process.\n\n\
         `multipart` ends at the process that took the parts in, and which hashed them on their way. `multipart, read \
         back`: the proxy is killed and started again before Complete, which then reads all parts from the store \
         (from the system\'s cache, mostly) and hashes them. Beside it stands what the store needs without the proxy, \
         which reads nothing back.\n\n\
         {large}\n\
         {in_memory}\
         ## Memory\n\n\
         {memory}"
    )
}

fn has_sha() -> bool {
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    known.split_whitespace().any(|flag| flag == "sha_ni" || flag == "sha2")
}
