//! Memory with many connections, and how long a start takes.

use std::time::{Duration, Instant};

use hallmark_tests::site::FULL;

use crate::load::{BUCKET, Connection, Contents, text};
use crate::server::{Leaves, Server};

/// Connections that ask nothing after their first request.
const IDLE: usize = 1000;
/// Connections that ask all the time.
const ACTIVE: usize = 256;

/// How long those ask.
const LOAD: Duration = Duration::from_secs(5);

/// Measures a server that was just started.
pub(super) async fn measure(origin: &Server) -> String {
    let mut server = Server::in_front(origin.address(), Leaves::Small);
    let began = Instant::now();
    server.restart();
    let start = began.elapsed().as_secs_f64();
    let target = format!("/{BUCKET}/idle");
    let mut connection = Connection::open(server.address(), FULL).await;
    connection.put(&target, Contents::make().of_size(Contents::SMALL).payload()).await;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let mut connection = Connection::open(server.address(), FULL).await;
        text(connection.send("GET", &target, None).await).await;
        idle.push(connection);
    }
    let resting = server.memory("VmRSS");
    let until = Instant::now() + LOAD;
    let workers: Vec<_> = (0..ACTIVE)
        .map(|_| {
            let (address, target) = (server.address(), target.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(address, FULL).await;
                while Instant::now() < until {
                    connection.get(&target, |_| ()).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("a worker says why it failed");
    }
    let peak = server.memory("VmHWM");
    format!(
        "From the start of the process, keys and configuration made before, to the first connection: {start:.2} s \
         (goal: under 1 s). Resident memory with {IDLE} idle connections {resting:.0} MiB, and its peak with {ACTIVE} \
         active ones beside them {peak:.0} MiB (goal: under 256 MiB).\n"
    )
}
