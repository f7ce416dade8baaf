//! One call from its beginning to its answer, with what was planned for it.

use std::future::pending;

use hallmark_proxy::store::{
    Committed, Deleted, DeletedBucket, GetError, Pin, PutError, StageId, StoreError, StoreFault,
};

use super::call::{Call, Mishap};
use super::gate::Barrier;
use super::stages::stage_id;
use super::{Contents, MemoryStore, planned};

/// A call that is under way.
pub(super) struct Turn<'a> {
    store: &'a MemoryStore,
    /// What goes wrong with it, if that is still to come.
    pub(super) mishap: Option<Mishap>,
    after: Option<Barrier>,
}

/// How a call says that the store failed.
pub(super) trait Failure {
    /// Nothing was done.
    fn nothing_done(error: StoreError) -> Self;
    /// It is not known what was done.
    fn perhaps_done(error: StoreError) -> Self;
    /// A condition does not hold, where there can be one.
    fn refused() -> Self;
}

/// What a write answers.
pub(super) trait Outcome {
    /// As if it had been done.
    fn pretended(contents: &mut Contents) -> Self;
}

impl MemoryStore {
    /// Begins a call. By now it is noted; what is to happen before its work has happened.
    pub(super) async fn turn<E: Failure>(&self, call: Call, name: &str) -> Result<Turn<'_>, E> {
        let fate = self.contents().fate(call, name);
        for deed in fate.deeds {
            deed.run(self);
        }
        if let Some(barrier) = fate.before {
            barrier.pass().await;
        }
        match fate.mishap {
            Some(Mishap::Fails(fault)) => Err(E::nothing_done(planned(fault))),
            Some(Mishap::NeverAnswers) => pending().await,
            mishap => Ok(Turn { store: self, mishap, after: fate.after }),
        }
    }
}

impl Turn<'_> {
    /// Does the work of a write, and answers.
    pub(super) async fn write<T: Outcome, E: Failure>(
        self,
        work: impl FnOnce(&mut Contents) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = match self.mishap {
            Some(Mishap::FailsAtCommit(fault)) => Err(E::nothing_done(planned(fault))),
            Some(Mishap::Pretends) => Ok(T::pretended(&mut self.store.contents())),
            Some(Mishap::PersistsAndFails(fault)) => {
                let done = work(&mut self.store.contents());
                done.and_then(|_| Err(E::perhaps_done(planned(fault))))
            }
            Some(Mishap::PersistsAndRefuses) => {
                let done = work(&mut self.store.contents());
                done.and_then(|_| Err(E::refused()))
            }
            Some(_) | None => work(&mut self.store.contents()),
        };
        self.answer(done).await
    }

    /// Does the work of a call that changes nothing, and answers.
    pub(super) async fn read<T, E: Failure>(
        self,
        work: impl FnOnce(&mut Contents) -> Result<T, E>,
    ) -> Result<T, E> {
        let found = match self.mishap {
            Some(Mishap::FailsAtCommit(fault) | Mishap::PersistsAndFails(fault)) => {
                Err(E::nothing_done(planned(fault)))
            }
            Some(_) | None => work(&mut self.store.contents()),
        };
        self.answer(found).await
    }

    async fn answer<T>(self, answer: T) -> T {
        if let Some(barrier) = self.after {
            barrier.pass().await;
        }
        match self.mishap {
            Some(Mishap::PersistsAndNeverAnswers) => pending().await,
            Some(_) | None => answer,
        }
    }
}

impl Failure for StoreError {
    fn nothing_done(error: StoreError) -> Self {
        error
    }

    fn perhaps_done(error: StoreError) -> Self {
        error
    }

    fn refused() -> Self {
        planned(StoreFault::Unavailable)
    }
}

impl Failure for GetError {
    fn nothing_done(error: StoreError) -> Self {
        Self::Store(error)
    }

    fn perhaps_done(error: StoreError) -> Self {
        Self::Store(error)
    }

    fn refused() -> Self {
        Self::Changed
    }
}

impl Failure for PutError {
    fn nothing_done(error: StoreError) -> Self {
        Self::NotStored(error)
    }

    fn perhaps_done(error: StoreError) -> Self {
        Self::Unknown(error)
    }

    fn refused() -> Self {
        Self::GuardFailed
    }
}

impl Outcome for Committed {
    fn pretended(contents: &mut Contents) -> Self {
        Self { pin: contents.pin(), version: None }
    }
}

impl Outcome for Deleted {
    fn pretended(_: &mut Contents) -> Self {
        Self::default()
    }
}

impl Outcome for DeletedBucket {
    fn pretended(_: &mut Contents) -> Self {
        Self::Deleted
    }
}

impl Outcome for Pin {
    fn pretended(contents: &mut Contents) -> Self {
        contents.pin()
    }
}

impl Outcome for StageId {
    fn pretended(contents: &mut Contents) -> Self {
        stage_id(contents.number())
    }
}

/// A bucket is new.
impl Outcome for bool {
    fn pretended(_: &mut Contents) -> Self {
        true
    }
}

impl Outcome for () {
    fn pretended(_: &mut Contents) -> Self {}
}
