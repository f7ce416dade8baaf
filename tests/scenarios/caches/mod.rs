//! What is kept in memory: what it saves, and that it never serves what should not be served.

mod calls;
mod changes;
mod model;
mod sharing;
mod trust;

use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{Options, Site};

const BUCKET: &str = "artifacts";
/// What is read of it may be as old as a test can last.
const FRESH: &str = "fresh";
const KEY: &str = "build/app.tar";

struct Lab {
    proxy: InProcess,
    store: Arc<MemoryStore>,
    client: Client,
}

impl Lab {
    fn new() -> Self {
        Self::with("")
    }

    /// With these lines in the table of caches.
    fn with(cache: &str) -> Self {
        let store = Arc::new(MemoryStore::new());
        let lab = Self::over(Site::new(&options(cache)), &store);
        for bucket in [BUCKET, FRESH] {
            lab.client.create_bucket(bucket);
        }
        store.take_calls();
        lab
    }

    fn over(site: Site, store: &Arc<MemoryStore>) -> Self {
        let proxy = InProcess::start_at(site, Arc::clone(store) as Arc<dyn Store>);
        let client = proxy.client();
        Self { proxy, store: Arc::clone(store), client }
    }

    /// Another instance of the same deployment: it shares the store and nothing else.
    fn another(&self) -> Self {
        let site = Site::new(&options(""));
        for name in ["seal.key", "ci.pub", "state.secret"] {
            std::fs::copy(self.proxy.site.path().join(name), site.path().join(name)).unwrap();
        }
        Self::over(site, &self.store)
    }

    #[track_caller]
    fn put(&self, bucket: &str, body: &[u8], headers: &[(&str, &str)]) {
        let put = self.client.put_with(bucket, KEY, body, headers);
        assert_eq!(put.status, 200, "{}", put.text());
        self.store.take_calls();
    }

    /// Which calls of the store `request` makes.
    #[track_caller]
    fn calls(&self, what: &str, expected: &[Call], request: impl FnOnce(&Client) -> Response) -> Response {
        self.store.take_calls();
        let response = request(&self.client);
        assert_eq!(self.store.take_calls(), expected, "{what}: {}", response.status);
        response
    }

    /// Downloads, and asserts what comes and which calls that takes.
    #[track_caller]
    fn get(&self, bucket: &str, what: &str, expected: &[Call], body: &[u8]) {
        let got = self.calls(what, expected, |client| client.get(bucket, KEY));
        assert_eq!((got.status, got.body == body), (200, true), "{what}: {}", got.body.len());
    }
}

fn options(cache: &str) -> Options {
    let tables = format!("[buckets.{FRESH}]\nfreshness = \"5m\"\n");
    Options { cache: cache.to_owned(), tables, ..Options::default() }
}
