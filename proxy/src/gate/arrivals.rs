//! Who comes first for an object, and who comes while that one is being served.
//!
//! Where leaves are kept, those who come later wait a little for the first, and then find in memory what it read, or
//! follow its flight. Each still asks the store for itself what stands there: what the first one was told is from before
//! they came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::name::ObjectName;
use crate::store::VersionId;

/// How long those who come later wait. No longer than their clients would in any case.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is wanted: of which object, from which leaf on.
type Wanted = (ObjectName, Option<VersionId>, u64);

/// Those who came first and have not read anything yet. Locked for moments.
#[derive(Default, Clone)]
pub(super) struct Arrivals(Arc<Mutex<HashMap<Wanted, watch::Receiver<()>>>>);

/// One who came first. Who came later waits until this is dropped.
pub(super) struct Arrival {
    arrivals: Arc<Mutex<HashMap<Wanted, watch::Receiver<()>>>>,
    wanted: Wanted,
    _told: watch::Sender<()>,
}

/// Whether somebody was there before.
pub(super) enum Turn {
    /// Nobody.
    First(Arrival),
    /// Somebody was.
    Later(Before),
}

/// Somebody who came before.
pub(super) struct Before(watch::Receiver<()>);

impl Arrivals {
    /// Comes for an object, from leaf `first` on.
    pub(super) fn come(&self, name: &ObjectName, version: Option<&VersionId>, first: u64) -> Turn {
        let wanted = (name.clone(), version.cloned(), first);
        let mut arrivals = lock(&self.0);
        if let Some(before) = arrivals.get(&wanted) {
            return Turn::Later(Before(before.clone()));
        }
        let (told, wait) = watch::channel(());
        arrivals.insert(wanted.clone(), wait);
        Turn::First(Arrival { arrivals: Arc::clone(&self.0), wanted, _told: told })
    }
}

impl Before {
    /// Waits until that one has read the first leaf, has failed, or is gone; but not for long.
    pub(super) async fn wait(mut self) {
        // Nothing is ever sent: the end of the channel is what is waited for.
        let _ = tokio::time::timeout(PATIENCE, self.0.changed()).await;
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        lock(&self.arrivals).remove(&self.wanted);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is locked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::name::{BucketName, ObjectKey};

    #[tokio::test(start_paused = true)]
    async fn who_comes_later_waits_for_the_first_but_not_for_long() {
        let arrivals = Arrivals::default();
        let name = |key| ObjectName {
            bucket: BucketName::parse("bucket").unwrap(),
            key: ObjectKey::parse(key).unwrap(),
        };
        let (a, b) = (name("a"), name("b"));
        let Turn::First(first) = arrivals.come(&a, None, 0) else { panic!("nobody was there") };
        assert!(matches!(arrivals.come(&b, None, 0), Turn::First(_)), "another object");
        assert!(matches!(arrivals.come(&a, Some(&VersionId::null()), 0), Turn::First(_)), "another version");
        assert!(matches!(arrivals.come(&a, None, 1), Turn::First(_)), "from another leaf on");
        let later = || match arrivals.come(&a, None, 0) {
            Turn::Later(before) => before,
            Turn::First(_) => panic!("somebody was there"),
        };
        let began = Instant::now();
        later().wait().await;
        assert_eq!(began.elapsed(), PATIENCE);

        let (one, other) = (later(), later());
        let waiting = tokio::spawn(async move { tokio::join!(one.wait(), other.wait()) });
        tokio::task::yield_now().await;
        drop(first);
        waiting.await.unwrap();
        assert_eq!(began.elapsed(), PATIENCE, "not a moment longer");
        assert!(matches!(arrivals.come(&a, None, 0), Turn::First(_)));
    }
}
