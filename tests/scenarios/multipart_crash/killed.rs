//! Kill -9 of the real process while parts and Completes are under way: what was acknowledged is there, clients carry on
//! where they were, and nothing is left over in the end.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use hallmark_proxy::store::local::LocalStore;
use hallmark_proxy::store::{Store as _, Swept};
use hallmark_tests::data::{MIB, assert_same};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{Connection, Response};
use hallmark_tests::s3::{Client, Completed, Upload, completed, completion, etag_of_parts, object};
use hallmark_tests::sigv4::Request;

use super::scene::{BUCKET, distinct};

/// How many answers there are before the process is killed, in each of the rounds.
const ROUNDS: [usize; 8] = [2, 15, 40, 25, 60, 33, 80, 51];

/// So many clients, each with an upload at a time.
const CLIENTS: u64 = 5;
const UPLOADS: u64 = 24;

/// An upload from its beginning to its end, as its client knows it.
struct Job {
    key: String,
    parts: Vec<Vec<u8>>,
    upload: Option<Upload>,
    acknowledged: Vec<Completed>,
    /// It was asked to be completed, and there was no answer.
    asked: bool,
    /// It was completed.
    etag: Option<String>,
}

impl Job {
    fn new(client: u64, number: u64) -> Self {
        let seed = client * 1000 + number;
        let lengths: &[u64] = match (client, number % 4) {
            (0, _) => &[100],
            (1, _) => &[70_000],
            (_, 0) => &[5 * MIB, 5 * MIB + 3, 17],
            (_, 1) => &[5 * MIB + 1, 200_000],
            (_, _) => &[300_000],
        };
        let parts = lengths.iter().zip(seed * 10..).map(|(length, seed)| distinct(seed, *length).to_vec());
        let (key, parts) = (format!("{client}/{number}"), parts.collect());
        Self { key, parts, upload: None, acknowledged: Vec::new(), asked: false, etag: None }
    }

    fn is_over(&self) -> bool {
        self.etag.is_some()
    }

    /// Does what is to be done next. `false`: there is no answer.
    fn go_on(&mut self, client: &Client, connection: &mut Connection) -> bool {
        let request = |method, target: &str| client.request(method, target);
        let with = |request: Request, body: &[u8]| Request { body: body.to_vec(), ..request };
        let mut ask = |request| Some(client.send_on(connection, request)).filter(|answer| answer.status != 0);
        let Some(upload) = &self.upload else {
            let target = format!("{}?uploads", object(BUCKET, &self.key));
            let Some(answer) = ask(request("POST", &target)) else { return false };
            good(&answer);
            let (bucket, key) = (BUCKET.to_owned(), self.key.clone());
            self.upload =
                Some(Upload { client: client.clone(), bucket, key, id: answer.element("UploadId") });
            return true;
        };
        let sent = self.acknowledged.len();
        if let Some(part) = self.parts.get(sent) {
            let number = sent as u64 + 1;
            let target = upload.target(&format!("partNumber={number}"));
            let Some(answer) = ask(with(request("PUT", &target), part)) else { return false };
            good(&answer);
            self.acknowledged.push(Completed::new(number, answer.header("etag").unwrap()));
            return true;
        }
        self.asked = true;
        let document = completion(&self.acknowledged);
        let Some(answer) = ask(with(request("POST", &upload.target("")), document.as_bytes())) else {
            return false;
        };
        good(&answer);
        self.etag = Some(completed(&answer).unwrap());
        self.asked = false;
        true
    }

    /// What was acknowledged is there; what was asked for may be, and then all of it.
    fn check(&self, client: &Client, listed: &[String]) {
        let Some(upload) = &self.upload else { return };
        let (got, is_listed) = (client.get(BUCKET, &self.key), listed.contains(&upload.id));
        let parts: Vec<&[u8]> = self.parts.iter().map(Vec::as_slice).collect();
        if got.status == 200 {
            assert!(self.is_over() || self.asked, "{} was not completed", self.key);
            assert_same(&got.body, &parts.concat(), &self.key);
            let etag = format!("\"{}\"", etag_of_parts(&parts));
            assert_eq!(
                (got.header("etag"), got.header("x-hallmark-verified")),
                (Some(etag.as_str()), Some("seal"))
            );
        } else {
            assert_eq!((got.status, self.is_over()), (404, false), "{}: {}", self.key, got.text());
        }
        match (self.is_over(), self.asked) {
            (true, _) => assert!(!is_listed, "{} is listed and completed", self.key),
            (false, true) => {}
            (false, false) => {
                assert!(is_listed, "{} was begun and is not listed", self.key);
                let page = upload.through(client).parts("");
                let (numbers, etags) = (page.elements("PartNumber"), page.elements("ETag"));
                let there: Vec<_> = numbers.into_iter().zip(etags).collect();
                for part in &self.acknowledged {
                    let line = (part.number.to_string(), part.etag.clone());
                    assert!(there.contains(&line), "{}: part {} is lost: {there:?}", self.key, part.number);
                }
            }
        }
    }
}

#[track_caller]
fn good(answer: &Response) {
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// One client's work, until it is done or the process is gone.
fn work(jobs: &mut [Job], client: &Client, answers: &Sender<()>, stop: &AtomicBool) {
    let mut connection = Connection::open(client.address);
    for job in jobs {
        while !job.is_over() {
            let stopped = stop.load(Ordering::Acquire) || !job.go_on(client, &mut connection);
            // Nobody counts any more once the process is gone.
            if stopped || answers.send(()).is_err() {
                return;
            }
        }
    }
}

/// All clients at once; after so many answers the process is killed.
fn round(proxy: &mut Proxy, jobs: &mut [Vec<Job>], enough: Option<usize>) {
    let client = proxy.client();
    let (stop, (answers, answered)) = (AtomicBool::new(false), channel());
    std::thread::scope(|scope| {
        for jobs in jobs {
            let (client, answers, stop) = (&client, answers.clone(), &stop);
            scope.spawn(move || work(jobs, client, &answers, stop));
        }
        drop(answers);
        for (seen, ()) in (1..).zip(answered) {
            if Some(seen) == enough {
                proxy.kill();
                stop.store(true, Ordering::Release);
            }
        }
    });
}

#[test]
fn p6_killed_while_parts_and_completes_are_under_way() {
    let mut proxy = Proxy::start();
    proxy.client().create_bucket(BUCKET);
    let of = |client| (0..UPLOADS).map(|number| Job::new(client, number)).collect();
    let mut jobs: Vec<Vec<Job>> = (0..CLIENTS).map(of).collect();
    for enough in ROUNDS {
        round(&mut proxy, &mut jobs, Some(enough));
        proxy.restart();
        let (client, listed) = (proxy.client(), proxy.client().uploads(BUCKET, "").elements("UploadId"));
        jobs.iter().flatten().for_each(|job| job.check(&client, &listed));
    }
    assert!(jobs.iter().flatten().any(|job| !job.is_over()), "it was never killed in the middle");
    round(&mut proxy, &mut jobs, None);
    let client = proxy.client();
    let listed = client.uploads(BUCKET, "").elements("UploadId");
    for job in jobs.iter().flatten() {
        assert!(job.is_over(), "{} was not completed", job.key);
        job.check(&client, &listed);
    }
    // Each part has a file of its own.
    let parts: usize = jobs.iter().flatten().map(|job| job.parts.len()).sum();
    proxy.kill();
    assert_eq!(swept(proxy.site.path()), parts, "files, and parts");

    proxy.restart();
    let client = proxy.client();
    for job in jobs.iter().flatten() {
        assert_eq!(client.delete(BUCKET, &job.key).status, 204);
    }
    proxy.kill();
    assert_eq!(swept(proxy.site.path()), 0, "files of nothing");
}

/// How many files there are after a sweep.
fn swept(site: &Path) -> usize {
    let path = site.join("data");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = LocalStore::open(&path).unwrap();
        store.sweep(Duration::ZERO).await.unwrap();
        assert_eq!(store.sweep(Duration::ZERO).await.unwrap(), Swept::default());
    });
    let directories = std::fs::read_dir(path.join("bodies")).unwrap();
    directories.map(|directory| std::fs::read_dir(directory.unwrap().path()).unwrap().count()).sum()
}
