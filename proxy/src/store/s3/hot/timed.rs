//! Connections that are made in time, or not at all: with all that it takes, the handshake of TLS included.
//!
//! Who gives up a request does not end the making of its connection: the client goes on with that, for the next request. So
//! it needs an end of its own, or hosts that accept connections and then are silent would gather them.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use tokio::time::timeout;
use tower_service::Service;

/// Why there is no connection.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// What makes connections, within this time.
#[derive(Debug, Clone)]
pub(super) struct Timed<C> {
    connector: C,
    time: Duration,
}

/// There is no connection yet.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
struct Late(Duration);

impl<C> Timed<C> {
    pub(super) fn new(connector: C, time: Duration) -> Self {
        Self { connector, time }
    }
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Error = Error>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, time) = (self.connector.call(to), self.time);
        Box::pin(async move { timeout(time, connecting).await.unwrap_or_else(|_| Err(Late(time).into())) })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Makes no connection, and never says so.
    struct Silent;

    impl Service<Uri> for Silent {
        type Response = Infallible;
        type Error = Error;
        type Future = std::future::Pending<Result<Infallible, Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Uri) -> Self::Future {
            std::future::pending()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_connection_is_made_for_ever() {
        let time = Duration::from_secs(3);
        let begun = tokio::time::Instant::now();
        let error = Timed::new(Silent, time).call(Uri::from_static("https://s3.test")).await.unwrap_err();
        assert!(error.is::<Late>(), "{error}");
        assert_eq!(begun.elapsed(), time);
    }
}
