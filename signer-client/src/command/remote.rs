//! The endpoint: where it is, who we are, and a client for it.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Credentials, ProvideCredentials, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_types::service_config::ServiceConfigKey;

use crate::command::args::RemoteArgs;
use crate::command::authorities;
use crate::command::failure::Failure;
use crate::command::service;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the request to the head of the answer. The endpoint may have to read and verify before it answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// A body may stand still so long. The endpoint releases bytes a MiB at a time, however slow its store is.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The slowest upload that is waited for, bytes a second.
const SLOWEST_UPLOAD: u64 = 32 << 10;
/// For the metadata service of a cloud machine, which on any other machine is not there.
const METADATA_SERVICE_TIMEOUT: Duration = Duration::from_secs(1);

/// The endpoint.
pub(crate) struct Remote {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
}

impl Remote {
    /// Finds endpoint, region and credentials; does not connect.
    pub(crate) async fn find(args: &RemoteArgs) -> Result<Self, Failure> {
        let config = load(args, authorities::http_client(args)?).await;
        // The endpoint first: without one, nobody needs to wait for credentials.
        let endpoint = endpoint(args, &config)?;
        let credentials = credentials(args, &config).await?;
        let config = aws_sdk_s3::config::Builder::from(&config)
            .endpoint_url(&endpoint)
            .credentials_provider(credentials)
            // The endpoint may be an address, and its certificate need not know every bucket.
            .force_path_style(true)
            .disable_s3_express_session_auth(true)
            // Digests are computed and compared here.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(ANSWER_TIMEOUT)
                    .build(),
            )
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().grace_period(STALL_TIMEOUT).build(),
            )
            .build();
        Ok(Self { client: Client::from_conf(config), endpoint })
    }
}

/// Settings for an upload of `size` bytes: the SDK's time to the answer counts the upload too.
pub(crate) fn upload_timeouts(size: u64) -> aws_sdk_s3::config::Builder {
    let limit = ANSWER_TIMEOUT + Duration::from_secs(size / SLOWEST_UPLOAD);
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(limit).build();
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts)
}

async fn load(args: &RemoteArgs, http_client: Option<SharedHttpClient>) -> SdkConfig {
    let mut profile = ProfileFileRegionProvider::builder();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).no_credentials();
    if let Some(name) = &args.profile {
        profile = profile.profile_name(name);
        loader = loader.profile_name(name);
    }
    if let Some(client) = http_client {
        loader = loader.http_client(client);
    }
    // Not the SDK's own chain: that one asks the metadata service of a cloud machine.
    let region = RegionProviderChain::first_try(args.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(Region::from_static("us-east-1"));
    loader.region(region).load().await
}

fn endpoint(args: &RemoteArgs, config: &SdkConfig) -> Result<String, Failure> {
    let for_s3 = || {
        let key =
            ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        config.service_config()?.load_config(key.build().ok()?)
    };
    let found =
        args.endpoint_url.clone().or_else(for_s3).or_else(|| config.endpoint_url().map(str::to_owned));
    let url = found.filter(|url| !url.is_empty()).ok_or_else(|| {
        Failure::usage("no endpoint is configured")
            .hint("set AWS_ENDPOINT_URL, or give --endpoint-url, for example http://127.0.0.1:9000")
    })?;
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    if authority.is_empty() || authority.contains('@') {
        // Not shown: there may be a password in it.
        return Err(Failure::usage("the endpoint's URL is not of the form http[s]://host[:port]"));
    }
    Ok(url)
}

/// Finds the credentials now, so that what is missing is told as such. They are for one command.
async fn credentials(args: &RemoteArgs, config: &SdkConfig) -> Result<Credentials, Failure> {
    let found = match &args.profile {
        // Who names a profile means it, whatever stands in the environment.
        Some(name) => {
            ProfileFileCredentialsProvider::builder().profile_name(name).build().provide_credentials().await
        }
        None => {
            let metadata_service = aws_config::imds::Client::builder()
                .connect_timeout(METADATA_SERVICE_TIMEOUT)
                .read_timeout(METADATA_SERVICE_TIMEOUT)
                .max_attempts(1)
                .build();
            let chain = DefaultCredentialsChain::builder()
                .region(config.region().cloned())
                .imds_client(metadata_service)
                .build()
                .await;
            chain.provide_credentials().await
        }
    };
    found.map_err(|error| {
        let which = args.profile.as_ref().map(|name| format!(" for profile `{name}`")).unwrap_or_default();
        let reason = service::innermost(&error);
        Failure::usage(format!("no credentials{which} were found (the last place that was asked says: {reason})")).hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE, or give --profile",
        )
    })
}
