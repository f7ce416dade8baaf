//! The SDK's requests count like all others: each attempt takes a permit of the [`Limit`] that all requests to the store
//! share, and gives it back when the last byte of its answer was read.
//!
//! So a store that is stuck is asked no more than `max_requests` things at once, whatever they are, and whoever waits too
//! long for others is turned away ([`Cause::Shed`](super::error::Cause::Shed)) and not tried again.

use std::time::Duration;

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{ConfigBag, RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;

use super::super::hot::{Lasting, Limit};

/// A client of HTTP whose requests are counted.
#[derive(Debug)]
pub(in crate::store::s3) struct Counted {
    client: SharedHttpClient,
    limit: Limit,
    /// What is usually waited for an answer.
    usual: Duration,
}

/// A request was not made, since too many others were under way.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Shed(String);

/// The same for requests of the same settings.
#[derive(Debug)]
struct CountedConnector {
    connector: SharedHttpConnector,
    limit: Limit,
    lasting: Lasting,
}

impl Counted {
    /// Counts what `client` sends. What is waited for longer than is `usual` counts as lasting.
    pub(in crate::store::s3) fn new(client: SharedHttpClient, limit: Limit, usual: Duration) -> Self {
        Self { client, limit, usual }
    }
}

impl HttpClient for Counted {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let lasts = settings.read_timeout().is_none_or(|patience| patience > self.usual);
        SharedHttpConnector::new(CountedConnector {
            connector: self.client.http_connector(settings, components),
            limit: self.limit.clone(),
            lasting: if lasts { Lasting::Write } else { Lasting::Short },
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

impl HttpConnector for CountedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, limit, lasting) = (self.connector.clone(), self.limit.clone(), self.lasting);
        HttpConnectorFuture::new(async move {
            let permit = limit.enter(lasting).await.map_err(|error| {
                // Without a kind it is not tried again: others wait, too.
                ConnectorError::other(Shed(error.message).into(), None)
            })?;
            let mut answer = connector.call(request).await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            *answer.body_mut() = SdkBody::from_body_1_x(body.map_frame(move |frame| {
                // Held by what is done to each piece, until the body is dropped.
                let _held = &permit;
                frame
            }));
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::http::HttpResponse;
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use aws_smithy_runtime_api::http::StatusCode;

    use super::super::error::{Cause, Failure};
    use super::*;

    /// Answers at once, with a body that never ends.
    #[derive(Debug)]
    struct Endless;

    impl HttpConnector for Endless {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let body = http_body_util::StreamBody::new(futures_util::stream::pending::<
                Result<http_body::Frame<bytes::Bytes>, std::io::Error>,
            >());
            let body = SdkBody::from_body_1_x(body);
            HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::try_from(200).unwrap(), body)))
        }
    }

    fn counted(limit: &Limit) -> CountedConnector {
        let connector = SharedHttpConnector::new(Endless);
        CountedConnector { connector, limit: limit.clone(), lasting: Lasting::Short }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_until_it_was_read() {
        let limit = Limit::new(5);
        let _others =
            (limit.enter(Lasting::Short).await.unwrap(), limit.enter(Lasting::Short).await.unwrap());
        let connector = counted(&limit);
        let one = connector.call(HttpRequest::empty()).await.unwrap();
        let _two = connector.call(HttpRequest::empty()).await.unwrap();
        limit.enter(Lasting::Short).await.unwrap_err();
        connector.call(HttpRequest::empty()).await.unwrap_err();
        drop(one);
        limit.enter(Lasting::Short).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_turned_away_is_told_so_at_once() {
        let limit = Limit::new(5);
        let mut held = Vec::new();
        while let Ok(permit) = limit.enter(Lasting::Short).await {
            held.push(permit);
        }
        let endless = http_client_fn(|_, _| SharedHttpConnector::new(Endless));
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .http_client(Counted::new(endless, limit, Duration::from_secs(1)))
            .build();
        let asked = aws_sdk_s3::Client::from_conf(config).list_buckets().send().await;
        let failure = Failure::of("ListBuckets", &asked.unwrap_err());
        assert_eq!(failure.cause, Cause::Shed);
    }
}
