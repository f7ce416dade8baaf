//! Several instances of one deployment over one store: they share its files, and nothing else.

use std::sync::Arc;

use hallmark_proxy::store::Store;

use crate::inprocess::InProcess;
use crate::s3::Client;
use crate::site::{Options, Site};

/// Instances that die when the test says so, or with this value.
pub struct Instances {
    site: Arc<Site>,
    /// `None`: it is dead.
    running: Vec<Option<InProcess>>,
}

impl Instances {
    /// Starts so many of a new deployment.
    pub fn start(number: usize, store: &Arc<dyn Store>) -> Self {
        Self::start_at(Arc::new(Site::new(&Options::default())), number, store)
    }

    /// Starts so many of the deployment whose files these are.
    pub fn start_at(site: Arc<Site>, number: usize, store: &Arc<dyn Store>) -> Self {
        let start = |_| Some(InProcess::start_at(Arc::clone(&site), Arc::clone(store)));
        Self { running: (0..number).map(start).collect(), site }
    }

    /// The files.
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The client that may do everything, of one instance.
    ///
    /// # Panics
    /// That one is dead.
    #[track_caller]
    pub fn client(&self, number: usize) -> Client {
        self.running[number].as_ref().expect("the instance is running").client()
    }

    /// Stops an instance where it is: what it was doing is never finished. Of its calls to the store, those that the
    /// store has not got to yet are not made either.
    pub fn kill(&mut self, number: usize) {
        self.running[number] = None;
    }

    /// Starts an instance again, which remembers nothing; one that runs is killed.
    pub fn restart(&mut self, number: usize, store: &Arc<dyn Store>) {
        self.kill(number);
        self.running[number] = Some(InProcess::start_at(Arc::clone(&self.site), Arc::clone(store)));
    }
}
