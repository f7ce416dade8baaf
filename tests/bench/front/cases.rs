//! What is asked for, and how.

use std::time::{Duration, Instant};

use super::Sample;
use super::peers::Peer;
use crate::load::{BUCKET, Connection, Content, Contents, text};
use crate::transfer::{Artifact, Client};
use hallmark_tests::site::FULL;

/// The bucket whose artifacts Hallmark may serve without asking the store.
pub(super) const FRESH: &str = "fresh";

/// How many small objects downloads go round.
const OBJECTS: u64 = 64;

/// How many large ones.
const LARGE_OBJECTS: u64 = 4;

/// The largest artifact, bytes, and its parts.
const HUGE: u64 = 1 << 30;
const PART: u64 = 8 << 20;

/// Parts at a time.
const AT_ONCE: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Downloads the same few objects.
    Get,
    /// The same; Hallmark need not ask the store.
    GetFresh,
    /// Uploads under new keys if they are small, over the same keys if they are large.
    Put,
    /// Uploads one artifact in parts.
    Parts,
}

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) work: Work,
    pub(super) size: u64,
    connections: u64,
}

pub(super) const CASES: [Case; 8] = [
    Case { name: "GET 1 KiB", work: Work::Get, size: Contents::SMALL, connections: 16 },
    Case { name: "GET 1 KiB, fresh", work: Work::GetFresh, size: Contents::SMALL, connections: 16 },
    Case { name: "PUT 1 KiB", work: Work::Put, size: Contents::SMALL, connections: 16 },
    Case { name: "GET 64 MiB", work: Work::Get, size: Contents::LARGE, connections: 4 },
    Case { name: "GET 64 MiB, fresh", work: Work::GetFresh, size: Contents::LARGE, connections: 4 },
    Case { name: "PUT 64 MiB", work: Work::Put, size: Contents::LARGE, connections: 4 },
    Case { name: "GET 1 GiB", work: Work::Get, size: HUGE, connections: 1 },
    Case { name: "multipart 1 GiB", work: Work::Parts, size: HUGE, connections: 1 },
];

impl Case {
    pub(super) fn is_small(&self) -> bool {
        self.size == Contents::SMALL
    }
}

/// The largest artifact.
pub(super) async fn artifact() -> Artifact {
    Artifact::make(HUGE, PART).await
}

/// Makes the buckets, and the objects that are downloaded again and again.
pub(super) async fn prepare(peer: &Peer, contents: &Contents, artifact: &Artifact, only: &str) {
    for (bucket, work) in [(BUCKET, Work::Get), (FRESH, Work::GetFresh)] {
        let mut connection = Connection::open(peer.address(work), FULL).await;
        text(connection.send("PUT", &format!("/{bucket}"), None).await).await;
        for (size, count) in [(Contents::SMALL, OBJECTS), (Contents::LARGE, LARGE_OBJECTS)] {
            for number in 0..count {
                let target = format!("/{bucket}/{size}/hot-{number}");
                connection.put(&target, contents.of_size(size).payload()).await;
                // Where there are caches, they are warm.
                connection.get(&target, |_| ()).await;
            }
        }
    }
    let mut connection = Connection::open(peer.address(Work::Put), FULL).await;
    let wanted = |case: &Case| case.size == HUGE && case.name.contains(only) && peer.takes(case);
    if CASES.iter().any(wanted) {
        connection.put(&huge(), artifact.whole.payload(&artifact.sha256)).await;
    }
}

fn huge() -> String {
    format!("/{BUCKET}/{HUGE}/hot-0")
}

/// Puts a server under load.
pub(super) async fn run(
    peer: &Peer,
    case: &Case,
    round: usize,
    seconds: f64,
    contents: &Contents,
    artifact: &Artifact,
) -> Sample {
    let (began, before) = (Instant::now(), peer.cpu());
    let until = began + Duration::from_secs_f64(seconds);
    let requests = if case.size == HUGE {
        transfer(peer, case, artifact).await;
        1
    } else {
        let workers: Vec<_> = (0..case.connections)
            .map(|number| {
                let worker = Worker {
                    peer: peer.address(case.work),
                    bucket: if case.work == Work::GetFresh { FRESH } else { BUCKET },
                    work: case.work,
                    content: contents.of_size(case.size).clone(),
                    round,
                    number,
                };
                tokio::spawn(worker.work(until))
            })
            .collect();
        let mut done = 0;
        for worker in workers {
            done += worker.await.expect("a worker says why it failed");
        }
        done
    };
    let elapsed = began.elapsed().as_secs_f64();
    let requests = requests as f64;
    Sample { rate: requests / elapsed, cpu: (peer.cpu() - before).total() / requests }
}

/// The largest artifact once, in either direction.
async fn transfer(peer: &Peer, case: &Case, artifact: &Artifact) {
    if case.work == Work::Parts {
        let client = Client { address: peer.address(case.work), at_once: AT_ONCE };
        let sent = client.send_parts("parts", artifact).await;
        return client.complete(sent).await;
    }
    let mut connection = Connection::open(peer.address(case.work), FULL).await;
    let mut length = 0;
    connection.get(&huge(), |piece| length += piece.len() as u64).await;
    assert_eq!(length, HUGE, "it ended early");
}

/// One connection and what it asks for.
struct Worker {
    peer: std::net::SocketAddr,
    bucket: &'static str,
    work: Work,
    content: Content,
    round: usize,
    number: u64,
}

impl Worker {
    /// Asks until `until`, and at least once; returns how often.
    async fn work(self, until: Instant) -> u64 {
        let mut connection = Connection::open(self.peer, FULL).await;
        let mut done = 0;
        while done == 0 || Instant::now() < until {
            let target = self.target(done);
            if self.work == Work::Put {
                connection.put(&target, self.content.payload()).await;
            } else {
                let mut position = 0;
                connection.get(&target, |piece| self.content.check(&mut position, piece)).await;
                assert_eq!(position, self.content.len(), "{target} ended early");
            }
            done += 1;
        }
        done
    }

    fn target(&self, done: u64) -> String {
        let Self { bucket, round, number, content, .. } = self;
        let size = content.len() as u64;
        match (self.work, size == Contents::SMALL) {
            (Work::Put, true) => format!("/{bucket}/{size}/{round}-{number}-{done}"),
            (Work::Put, false) => format!("/{bucket}/{size}/put-{number}"),
            (_, true) => format!("/{bucket}/{size}/hot-{}", (done + number) % OBJECTS),
            (_, false) => format!("/{bucket}/{size}/hot-{}", number % LARGE_OBJECTS),
        }
    }
}
