//! Instances of one deployment, and a client that goes to another one when one does not answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{DEADLINE, End, Response};
use hallmark_tests::s3::Client;
use hallmark_tests::site::{Engine, FULL, Options, Remote, Site};
use hallmark_tests::stores::Account;

pub(super) const BUCKET: &str = "artifacts";

/// Instances that run.
pub(super) struct Fleet {
    pub(super) proxies: Vec<Proxy>,
}

/// Where instances are reached now; one that is being restarted still stands here.
#[derive(Clone)]
pub(super) struct Addresses {
    known: Arc<Mutex<Vec<SocketAddr>>>,
    next: Arc<AtomicUsize>,
}

impl Fleet {
    /// Starts so many over an account, with the usual bucket in it.
    pub(super) fn start(number: usize, account: Account) -> Self {
        let remote = Remote::new(account);
        let remote = Remote { lines: "connect_timeout = \"2s\"".to_owned(), ..remote };
        let options = Options { store: Engine::S3(remote), ..Options::default() };
        let site = Arc::new(Site::new(&options));
        let proxies = std::thread::scope(|scope| {
            let start = |_| {
                let site = Arc::clone(&site);
                scope.spawn(move || Proxy::start_at(site))
            };
            // All at once: each finds out by itself what the store can do.
            let starting: Vec<_> = (0..number).map(start).collect();
            starting.into_iter().map(|one| one.join().expect("it starts")).collect()
        });
        let fleet = Self { proxies };
        fleet.client(0).create_bucket(BUCKET);
        fleet
    }

    /// The client that may do everything, of one instance.
    pub(super) fn client(&self, number: usize) -> Client {
        self.proxies[number].client()
    }

    pub(super) fn clients(&self) -> Vec<Client> {
        self.proxies.iter().map(Proxy::client).collect()
    }

    pub(super) fn addresses(&self) -> Addresses {
        let known = self.proxies.iter().map(Proxy::address).collect();
        Addresses { known: Arc::new(Mutex::new(known)), next: Arc::default() }
    }

    /// Kills an instance and starts it again, which then listens elsewhere.
    pub(super) fn restart(&mut self, number: usize, addresses: &Addresses) {
        self.proxies[number].restart();
        addresses.set(number, self.proxies[number].address());
    }
}

impl Addresses {
    fn set(&self, number: usize, address: SocketAddr) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)[number] = address;
    }

    /// A client of the instance whose turn it is.
    fn client(&self) -> Client {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let address = known[self.next.fetch_add(1, Ordering::Relaxed) % known.len()];
        Site::client(address, FULL)
    }

    /// Asks one instance after the other until one answers, other than that it cannot at the moment.
    ///
    /// # Panics
    /// None ever does.
    #[track_caller]
    pub(super) fn ask(&self, what: &str, ask: impl Fn(&Client) -> Response) -> Response {
        let began = Instant::now();
        loop {
            let response = ask(&self.client());
            // An instance may go away before its answer, or in it.
            if response.status > 0 && response.end == End::Complete && !matches!(response.status, 500..) {
                return response;
            }
            assert!(began.elapsed() < 2 * DEADLINE, "{what} is never answered");
            std::thread::yield_now();
        }
    }
}
