//! The real program before a real store, with the fault proxy between the two.

use std::sync::Arc;
use std::time::Instant;

use hallmark_tests::fault::{Call, FaultProxy, Op, Which};
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::DEADLINE;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{Engine, Remote, Site};
use hallmark_tests::stores::{Account, STATE_BUCKET};

use super::action::{Action, Scene};

pub(crate) const BUCKET: &str = "artifacts";

/// Waits are short, and yet long enough for a store on a machine that has other things to do.
pub(crate) const IMPATIENT: &str = "connect_timeout = \"2s\"\nanswer_timeout = \"3s\"";

/// One instance over a store that can be made to fail.
pub(crate) struct Lab {
    pub(crate) fault: FaultProxy,
    pub(crate) proxy: Proxy,
    pub(crate) client: Client,
    pub(crate) account: Arc<Account>,
    scenes: usize,
}

impl Lab {
    pub(crate) fn new(account: Account) -> Self {
        Self::with(account, IMPATIENT)
    }

    /// With other lines for `[store]`.
    pub(crate) fn with(account: Account, lines: &str) -> Self {
        let fault = FaultProxy::start(account.address());
        let account = Arc::new(account);
        let proxy = Proxy::start_with(&options(&account, fault.endpoint(), lines));
        let client = proxy.client();
        client.create_bucket(BUCKET);
        let lab = Self { fault, proxy, client, account, scenes: 0 };
        lab.settle();
        lab
    }

    /// Waits until the instance has cleared up what it tried the store with, which it does when it serves already.
    fn settle(&self) {
        let (store, began) = (self.account.client(), Instant::now());
        while !store.keys(STATE_BUCKET, "scratch/probe/").is_empty() || self.fault.under_way() > 0 {
            assert!(began.elapsed() < DEADLINE, "what the store was tried with is never cleared up");
        }
        self.fault.take_calls();
    }

    /// Another instance of the deployment, which reaches the store itself.
    pub(crate) fn another(&self) -> Proxy {
        let site = Site::new(&options(&self.account, self.account.endpoint(), IMPATIENT));
        for name in ["seal.key", "ci.pub"] {
            std::fs::copy(self.proxy.site.path().join(name), site.path().join(name)).unwrap();
        }
        Proxy::start_at(site)
    }

    /// Starts the instance again.
    pub(crate) fn restart(&mut self) {
        self.proxy.restart();
        self.client = self.proxy.client();
        self.settle();
    }

    /// Prepares what an action needs, under a key that is used for nothing else.
    pub(crate) fn scene(&mut self, action: Action) -> Scene {
        self.scenes += 1;
        Scene::prepare(action, &self.client, self.scenes)
    }

    /// What an action asks of the store while its client waits, each call so that it can be meant.
    pub(crate) fn calls(&mut self, action: Action) -> Vec<(Call, Which)> {
        let scene = self.scene(action);
        self.fault.take_calls();
        let outcome = scene.act(&self.client);
        let calls = self.fault.take_calls();
        scene.assert_done(&outcome, &format!("{action:?} without faults"));
        let before = |at: usize, op: Op| calls[..at].iter().filter(|call| call.op == op).count();
        calls
            .iter()
            .enumerate()
            .map(|(at, call)| (call.clone(), call.op.after(before(at, call.op))))
            .collect()
    }
}

/// A deployment that reaches the account's store by this URL.
pub(crate) fn options(account: &Arc<Account>, endpoint: String, lines: &str) -> Options {
    let remote = Remote { account: Arc::clone(account), endpoint, lines: lines.to_owned() };
    Options { store: Engine::S3(remote), ..Options::default() }
}
