//! What the test wants to happen to calls, and what did happen.

use std::fmt;

use super::call::{Call, Mishap, Which};
use super::gate::{Barrier, Gate};
use super::{Contents, MemoryStore};

/// What is to happen, and what happened.
#[derive(Debug, Default)]
pub(super) struct Plan {
    calls: Vec<(Call, String)>,
    bytes_read: u64,
    bytes_written: u64,
    mishaps: Schedule<Mishap>,
    lasting: Vec<(Which, Mishap)>,
    before: Schedule<Barrier>,
    after: Schedule<Barrier>,
    deeds: Schedule<Deed>,
    due: Vec<(u64, Deed)>,
}

/// What is to happen to one call.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) mishap: Option<Mishap>,
    pub(super) before: Option<Barrier>,
    pub(super) after: Option<Barrier>,
    pub(super) deeds: Vec<Deed>,
}

/// Things that each wait for one call.
#[derive(Debug)]
struct Schedule<T>(Vec<(Which, T)>);

/// What a test does to the store at its moment.
pub(super) struct Deed(Box<dyn FnOnce(&MemoryStore) + Send>);

/// What tests plan, and ask afterwards.
impl MemoryStore {
    /// Makes a call go wrong. Several for the same call: one after the other.
    pub fn go_wrong(&self, which: impl Into<Which>, mishap: Mishap) {
        self.contents().plan.mishaps.add(which.into(), mishap);
    }

    /// Makes all such calls go wrong from then on.
    pub fn keep_going_wrong(&self, which: impl Into<Which>, mishap: Mishap) {
        self.contents().plan.lasting.push((which.into(), mishap));
    }

    /// From now on nothing goes wrong that was to.
    pub fn forget_mishaps(&self) {
        let plan = &mut self.contents().plan;
        plan.mishaps = Schedule::default();
        plan.lasting.clear();
    }

    /// Holds a call up before it does anything.
    pub fn hold(&self, which: impl Into<Which>) -> Gate {
        let (gate, barrier) = Gate::new();
        self.contents().plan.before.add(which.into(), barrier);
        gate
    }

    /// Holds a call up that has done its work, before it says so.
    pub fn hold_answer(&self, which: impl Into<Which>) -> Gate {
        let (gate, barrier) = Gate::new();
        self.contents().plan.after.add(which.into(), barrier);
        gate
    }

    /// Does something to the store before a call does its work (and before a gate holds it).
    pub fn before(&self, which: impl Into<Which>, deed: impl FnOnce(&Self) + Send + 'static) {
        self.contents().plan.deeds.add(which.into(), Deed(Box::new(deed)));
    }

    /// Does something to the store when so many more bytes have left it, and before the next one does.
    pub fn after_bytes(&self, bytes: u64, deed: impl FnOnce(&Self) + Send + 'static) {
        let plan = &mut self.contents().plan;
        plan.due.push((plan.bytes_read + bytes, Deed(Box::new(deed))));
    }

    /// The calls since this was asked last.
    pub fn take_calls(&self) -> Vec<Call> {
        self.take_named_calls().into_iter().map(|(call, _)| call).collect()
    }

    /// The calls since this was asked last, with the names that [`Call::naming`] speaks of.
    pub fn take_named_calls(&self) -> Vec<(Call, String)> {
        std::mem::take(&mut self.contents().plan.calls)
    }

    /// How many bytes of objects and stages have left the store.
    pub fn bytes_read(&self) -> u64 {
        self.contents().plan.bytes_read
    }

    /// How many bytes of objects and parts have come into the store, kept or not.
    pub fn bytes_written(&self) -> u64 {
        self.contents().plan.bytes_written
    }

    /// Does what is due by the bytes that have left.
    pub(super) fn do_what_is_due(&self) {
        // One at a time: a deed may look at the store, and so runs without the lock.
        loop {
            let due = self.contents().plan.next_due();
            let Some(deed) = due else { break };
            deed.run(self);
        }
    }
}

impl Contents {
    /// Notes a call, and tells what is to happen to it.
    pub(super) fn fate(&mut self, call: Call, name: &str) -> Fate {
        let plan = &mut self.plan;
        plan.calls.push((call, name.to_owned()));
        let lasting = plan.lasting.iter_mut().filter(|(which, _)| which.fits(call, name));
        let lasting = lasting.filter_map(|(which, mishap)| which.comes().then_some(*mishap)).next();
        let mishap = plan.mishaps.take(call, name).or(lasting);
        let deeds = std::iter::from_fn(|| plan.deeds.take_due(call, name)).collect();
        plan.deeds.count(call, name);
        let (before, after) = (plan.before.take(call, name), plan.after.take(call, name));
        Fate { mishap, before, after, deeds }
    }

    pub(super) fn came(&mut self, bytes: u64) {
        self.plan.bytes_written += bytes;
    }

    pub(super) fn left(&mut self, bytes: u64) {
        self.plan.bytes_read += bytes;
    }

    /// How many bytes may leave until something is due.
    pub(super) fn undisturbed(&self) -> u64 {
        let due = self.plan.due.iter().map(|(at, _)| at.saturating_sub(self.plan.bytes_read));
        due.min().unwrap_or(u64::MAX)
    }
}

impl Plan {
    fn next_due(&mut self) -> Option<Deed> {
        let at = self.due.iter().position(|(at, _)| *at <= self.bytes_read)?;
        Some(self.due.remove(at).1)
    }
}

impl Which {
    /// Counts a call that fits; says whether it is meant.
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
    fn add(&mut self, which: Which, what: T) {
        self.0.push((which, what));
    }

    /// The first that waits for this call; the others have seen it go by.
    fn take(&mut self, call: Call, name: &str) -> Option<T> {
        let taken = self.take_due(call, name);
        self.count(call, name);
        taken
    }

    fn take_due(&mut self, call: Call, name: &str) -> Option<T> {
        let at = self.0.iter().position(|(which, _)| which.skip == 0 && which.fits(call, name))?;
        Some(self.0.remove(at).1)
    }

    fn count(&mut self, call: Call, name: &str) {
        for (which, _) in self.0.iter_mut().filter(|(which, _)| which.fits(call, name)) {
            which.comes();
        }
    }
}

impl Deed {
    pub(super) fn run(self, store: &MemoryStore) {
        (self.0)(store);
    }
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deed")
    }
}
