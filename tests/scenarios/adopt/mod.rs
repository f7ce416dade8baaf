//! New seals for what is in the store already: only for what somebody else than the store vouches for.

mod command;
mod foreign;
mod interrupted;
mod resealed;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hallmark_config::{Config, SignerName};
use hallmark_proxy::adopt::{Campaign, Event, Lists, Summary, below, run};
use hallmark_proxy::gate::{Deed, OldContents, OldHeaders, Order, Voucher, Writing};
use hallmark_proxy::store::Store;
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::sha256_hex;
use hallmark_tests::site::{FULL, Options, READER, Site};

/// Its rule asks for a signature by `ci`.
const RULED: &str = "ruled";
/// It has no rule.
const FREE: &str = "free";
const HEADER: &str = "x-amz-meta-hallmark-signature";
const SEAL: &str = "x-amz-meta-hallmark";

const ADOPT: Order = Order {
    deed: Deed::Adopt,
    headers: OldHeaders::Dropped,
    contents: OldContents::Proven,
    writing: Writing::Real,
};
const RESEAL: Order = Order { deed: Deed::Reseal, ..ADOPT };

struct Lab {
    site: Arc<Site>,
    store: Arc<MemoryStore>,
    proxy: InProcess,
}

/// What became of objects: by whom they were vouched for, or with which code they were not.
type Outcome = BTreeMap<String, String>;

impl Lab {
    /// With this rule for all of `ruled`.
    fn new(rule: &str) -> Self {
        let tables = format!(
            "[buckets.{RULED}]\nrules = [{{ prefix = \"\", signatures = \"required\", {rule} }}]\n\
             [buckets.{FREE}]\n"
        );
        let site = Arc::new(Site::new(&Options { tables, ..Options::default() }));
        site.add_release_role();
        let store = Arc::new(MemoryStore::new());
        let proxy = InProcess::start_at(Arc::clone(&site), Arc::clone(&store) as Arc<dyn Store>);
        for bucket in [RULED, FREE] {
            proxy.client().create_bucket(bucket);
        }
        Self { site, store, proxy }
    }

    fn client(&self) -> Client {
        Site::client(self.proxy.address(), FULL)
    }

    fn reader(&self) -> Client {
        Site::client(self.proxy.address(), READER)
    }

    /// Something that came into the store without Hallmark, with these headers.
    fn foreign(&self, bucket: &str, key: &str, body: &[u8], headers: &[(&str, &str)]) {
        let headers: Vec<_> = [("content-type", "text/html")].iter().chain(headers).copied().collect();
        // Not its bytes: some the proxy would not take.
        let put = self.client().put_with(FREE, "elsewhere", b"-", &headers);
        assert_eq!(put.status, 200, "{}", put.text());
        let mut object = self.store.object(FREE, "elsewhere");
        object.attributes.hallmark = None;
        object.bytes = body.to_vec().into();
        self.store.place(bucket, key, object);
        self.store.remove(FREE, "elsewhere");
    }

    /// The deployment under a configuration that was changed.
    fn changed(self, edit: impl FnOnce(String) -> String) -> Self {
        let Self { site, store, proxy } = self;
        drop(proxy);
        site.edit_config(edit);
        let proxy = InProcess::start_at(Arc::clone(&site), Arc::clone(&store) as Arc<dyn Store>);
        Self { site, store, proxy }
    }

    fn list(&self, name: &str, lines: &[(&str, &[u8])]) -> PathBuf {
        let line = |(name, body): &(&str, &[u8])| format!("{}  {name}\n", sha256_hex(body));
        let path = self.site.path().join(name);
        std::fs::write(&path, lines.iter().map(line).collect::<String>()).unwrap();
        path
    }

    fn do_it(&self, at: &str, order: Order) -> (Summary, Outcome) {
        self.do_it_with(at, order, &Lists::default())
    }

    fn do_it_with(&self, at: &str, order: Order, lists: &Lists) -> (Summary, Outcome) {
        let config = Config::load(&self.site.config_file()).unwrap();
        let below = below(at).unwrap();
        let outcome = Mutex::new(Outcome::new());
        let tell = |event: Event<'_>| {
            let (name, what) = match event {
                Event::Read(_) => return,
                Event::Sealed(name, Voucher::Signers(signers)) => {
                    (name, signers.iter().map(SignerName::as_str).collect::<Vec<_>>().join(","))
                }
                Event::Sealed(name, voucher) => (name, format!("{voucher:?}")),
                Event::Problem(name, problem) => (name, problem.code.clone()),
                Event::Unreachable(_) | Event::MoreUnreachable(_) => {
                    panic!("no store in memory has such keys")
                }
            };
            let before = outcome.lock().unwrap().insert(name.key.as_str().to_owned(), what);
            assert_eq!(before, None, "{name} is told twice");
        };
        let campaign = Campaign { below: &below, order, lists, rate: None };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let summary = runtime.block_on(run(&config, store, &campaign, &tell)).unwrap();
        (summary, outcome.into_inner().unwrap())
    }
}

fn outcome(lines: &[(&str, &str)]) -> Outcome {
    lines.iter().map(|(key, what)| ((*key).to_owned(), (*what).to_owned())).collect()
}

/// What stands in a field of the seal that an answer shows.
fn field(response: &Response, name: &str) -> String {
    let seal = response.header(SEAL).expect("it is sealed");
    let field = seal.split(' ').find_map(|field| field.strip_prefix(&format!("{name}=")));
    field.expect("a seal has the field").to_owned()
}
