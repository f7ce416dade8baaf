//! What the test wants to happen to requests, and which came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::answer::Answer;
use super::call::{Call, Which};
use super::hold::Barrier;
use super::mishap::Fault;

/// What is to happen, and what happened.
#[derive(Debug, Default)]
pub(super) struct Plan {
    calls: Vec<Call>,
    faults: Schedule<Fault>,
    lasting: Vec<(Which, Fault)>,
    before: Schedule<Barrier>,
    whole: Schedule<Barrier>,
    after: Schedule<Barrier>,
    recordings: Schedule<Recording>,
    under_way: usize,
    most_at_once: usize,
}

/// What is to happen to one request.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) fault: Option<Fault>,
    /// Before anything of it goes on.
    pub(super) before: Option<Barrier>,
    /// The same, when all of it has come.
    pub(super) whole: Option<Barrier>,
    /// When the store has answered.
    pub(super) after: Option<Barrier>,
    pub(super) recording: Option<Recording>,
}

/// An answer of the store that was kept, to be given again.
#[derive(Debug, Clone, Default)]
pub struct Recording(Arc<Mutex<Option<Answer>>>);

/// Things that each wait for one request.
#[derive(Debug)]
pub(super) struct Schedule<T>(Vec<(Which, T)>);

/// The plan, as the test and all connections have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Plan>>);

/// A request whose answer has not begun, until this is dropped.
pub(super) struct UnderWay(Shared);

impl Shared {
    pub(super) fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request, and tells what is to happen to it.
    pub(super) fn begin(&self, call: &Call) -> (Fate, UnderWay) {
        let mut plan = self.plan();
        plan.under_way += 1;
        plan.most_at_once = plan.most_at_once.max(plan.under_way);
        (plan.fate(call), UnderWay(self.clone()))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.plan().under_way -= 1;
    }
}

impl Plan {
    pub(super) fn once(&mut self, which: Which, fault: Fault) {
        self.faults.0.push((which, fault));
    }

    pub(super) fn always(&mut self, which: Which, fault: Fault) {
        self.lasting.push((which, fault));
    }

    pub(super) fn forget(&mut self) -> usize {
        self.lasting.clear();
        std::mem::take(&mut self.faults).0.len()
    }

    pub(super) fn hold(&mut self, which: Which, barrier: Barrier) {
        self.before.0.push((which, barrier));
    }

    pub(super) fn hold_whole(&mut self, which: Which, barrier: Barrier) {
        self.whole.0.push((which, barrier));
    }

    pub(super) fn hold_answer(&mut self, which: Which, barrier: Barrier) {
        self.after.0.push((which, barrier));
    }

    pub(super) fn record(&mut self, which: Which, recording: Recording) {
        self.recordings.0.push((which, recording));
    }

    pub(super) fn take_calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.most_at_once
    }

    fn fate(&mut self, call: &Call) -> Fate {
        self.calls.push(call.clone());
        let fault = self.faults.take(call);
        let lasting = self.lasting.iter_mut().filter(|(which, _)| which.fits(call));
        let lasting = lasting.filter_map(|(which, fault)| which.comes().then(|| fault.clone())).next();
        Fate {
            fault: fault.or(lasting),
            before: self.before.take(call),
            whole: self.whole.take(call),
            after: self.after.take(call),
            recording: self.recordings.take(call),
        }
    }
}

impl Recording {
    pub(super) fn keep(&self, answer: Answer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// What the store answered.
    ///
    /// # Panics
    /// The request has not come, or not been answered.
    #[track_caller]
    pub fn answer(&self) -> Answer {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        answer.expect("the request that was to be recorded was answered")
    }
}

impl Which {
    /// Counts a request that fits; says whether it is meant.
    fn comes(&mut self) -> bool {
        let meant = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        meant
    }
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Schedule<T> {
    /// The first that waits for this request; the others have seen it go by.
    fn take(&mut self, call: &Call) -> Option<T> {
        let at = self.0.iter().position(|(which, _)| which.skip == 0 && which.fits(call));
        let taken = at.map(|at| self.0.remove(at).1);
        for (which, _) in self.0.iter_mut().filter(|(which, _)| which.fits(call)) {
            which.comes();
        }
        taken
    }
}
