//! Work that goes on whoever is still waiting for it, and that a server which stops waits for.

use std::future::Future;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Tasks that outlive the requests which they came by. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Background(watch::Sender<usize>);

/// One of them.
struct Task(watch::Sender<usize>);

impl Default for Background {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Background {
    /// Has `work` done by a task of its own.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.send_modify(|tasks| *tasks += 1);
        let task = Task(self.0.clone());
        tokio::spawn(async move {
            // Dropped with the future, however that ends.
            let _task = task;
            work.await
        })
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until none is.
    pub async fn finished(&self) {
        // The sender is here, so the channel stays open.
        let _ = self.0.subscribe().wait_for(|tasks| *tasks == 0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.send_modify(|tasks| *tasks = tasks.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_is_over_when_its_last_task_is_however_that_ended() {
        let background = Background::default();
        background.finished().await;
        let (go, wait) = oneshot::channel::<()>();
        let work = background.spawn(async { drop(wait.await) });
        let panics = background.spawn(async { panic!("planned") });
        let endless = background.spawn(std::future::pending::<()>());
        assert_eq!(background.count(), 3);
        panics.await.unwrap_err();
        endless.abort();
        endless.await.unwrap_err();
        assert_eq!(background.count(), 1);
        go.send(()).unwrap();
        background.finished().await;
        work.await.unwrap();
    }
}
