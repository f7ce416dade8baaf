//! From settings to a store that can be spoken to.
//!
//! Two clients speak to it, the hot one and the SDK's. They share endpoint, region, authorities and credentials: all of it
//! is found here, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_s3::config::{
    IdentityCache, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use hallmark_config::{Addressing, Bucket, S3Store as Settings, StoreCredentials};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::S3Store;
use super::cold::{Births, BoundedAnswers, Counted, TooManyRequests};
use super::hot::{Endpoint, Hot, KeySource, Keyring, Keys, Limit, PATIENCE};
use super::places::Places;
use crate::name::BucketName;
use crate::store::StoreError;

/// The region that requests to an endpoint of one's own are signed for, where nothing names another.
const USUAL_REGION: Region = Region::from_static("us-east-1");

/// Why the store cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing names a region, and AWS has many.
    #[error("the region of the store is not known: set store.region, or AWS_REGION")]
    NoRegion,
    /// It is not a URL, or AWS has no endpoint in that region.
    #[error("the store's endpoint cannot be used: {0}")]
    Endpoint(String),
    /// The file with authorities cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    Authorities {
        /// Its name.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system has no authorities, or none that can be used.
    #[error("the system's certificate authorities cannot be used: {0}")]
    SystemAuthorities(String),
    /// There are no credentials.
    #[error("no credentials for the store: {0}")]
    Credentials(#[source] StoreError),
}

/// The authorities that are trusted in place of the system's.
pub(super) struct Authorities {
    /// As they stand in the file.
    pem: Vec<u8>,
    /// As rustls takes them.
    pub(super) roots: RootCertStore,
}

impl S3Store {
    /// Finds region and credentials, and makes the clients. Asks nothing of the store itself.
    ///
    /// # Errors
    /// There are no credentials or no region, or a file cannot be used.
    pub async fn connect(
        settings: &Settings,
        buckets: &BTreeMap<BucketName, Bucket>,
    ) -> Result<Self, ConnectError> {
        let authorities = settings.ca_file.as_deref().map(Authorities::read).transpose()?;
        let profile = match &settings.credentials {
            StoreCredentials::Chain { profile } => profile.as_deref(),
            // What the environment says is about other credentials.
            StoreCredentials::File { .. } => None,
        };
        let config = load(settings, profile).await;
        let region = config.region().cloned().ok_or(ConnectError::NoRegion)?;
        let url = match &settings.endpoint {
            Some(url) => url.clone(),
            None => of_aws(&config, &region).await?,
        };
        let endpoint = Endpoint::parse(&url, settings.addressing)
            .ok_or_else(|| ConnectError::Endpoint("it is not of the form http[s]://host[:port]".into()))?;
        let source = match &settings.credentials {
            StoreCredentials::Chain { .. } => KeySource::Chain(chain(profile, &region).await),
            StoreCredentials::File { path, profile } => {
                KeySource::File { path: path.clone(), profile: profile.clone() }
            }
        };
        let keyring = Arc::new(Keyring::new(source));
        keyring.current().await.map_err(ConnectError::Credentials)?;
        let limit = Limit::new(settings.max_requests);
        let http = http_client(settings, authorities.as_ref())?;
        let http = Counted::new(http, limit.clone(), settings.answer_timeout);
        let sdk = sdk(settings, &config, &url, http, &keyring);
        let hot = Hot::new(settings, endpoint, region.as_ref(), authorities, keyring, limit)?;
        let places = Places::new(settings.state_bucket.clone(), buckets);
        Ok(Self { hot, sdk, places, found: OnceLock::new(), births: Births::default() })
    }
}

impl Authorities {
    fn read(path: &Path) -> Result<Self, ConnectError> {
        let fault = |reason: String| ConnectError::Authorities { path: path.to_owned(), reason };
        let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        // The SDK's client panics on certificates that it cannot read: they are read here first.
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| fault(format!("not PEM: {error}")))?;
            roots.add(certificate).map_err(|error| fault(format!("not an authority: {error}")))?;
        }
        if roots.is_empty() {
            return Err(fault("there is no certificate in it".into()));
        }
        Ok(Self { pem, roots })
    }
}

/// What AWS tools find in environment and profile. Credentials are looked for apart.
async fn load(settings: &Settings, profile: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).no_credentials();
    if let Some(name) = profile {
        loader = loader.profile_name(name);
    }
    let named = settings.region.clone().map(Region::new);
    let mut of_profile = ProfileFileRegionProvider::builder();
    let mut of_machine = DefaultRegionChain::builder();
    if let Some(name) = profile {
        of_profile = of_profile.profile_name(name);
        of_machine = of_machine.profile_name(name);
    }
    let region = RegionProviderChain::first_try(named);
    let region = match settings.endpoint {
        None => region.or_else(of_machine.build()),
        // The machine's own region, which the metadata service of a cloud knows, says nothing about such a store.
        Some(_) => region
            .or_else(EnvironmentVariableRegionProvider::new())
            .or_else(of_profile.build())
            .or_else(USUAL_REGION),
    };
    loader.region(region).load().await
}

/// The URL of S3 in a region of AWS.
async fn of_aws(config: &SdkConfig, region: &Region) -> Result<String, ConnectError> {
    let params = Params::builder()
        .region(region.as_ref())
        .use_fips(config.use_fips().unwrap_or_default())
        .use_dual_stack(config.use_dual_stack().unwrap_or_default())
        .build()
        .map_err(|error| ConnectError::Endpoint(error.to_string()))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await;
    Ok(endpoint.map_err(|error| ConnectError::Endpoint(error.to_string()))?.url().to_owned())
}

async fn chain(profile: Option<&str>, region: &Region) -> SharedCredentialsProvider {
    match profile {
        // Who names a profile means it, whatever stands in the environment.
        Some(name) => SharedCredentialsProvider::new(
            ProfileFileCredentialsProvider::builder().profile_name(name).build(),
        ),
        None => SharedCredentialsProvider::new(
            DefaultCredentialsChain::builder().region(region.clone()).build().await,
        ),
    }
}

fn sdk(
    settings: &Settings,
    config: &SdkConfig,
    url: &str,
    http: Counted,
    keyring: &Arc<Keyring>,
) -> aws_sdk_s3::Client {
    let attempts = u32::try_from(settings.attempts).unwrap_or(u32::MAX);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.answer_timeout)
        // A turn, the answer, and then its body: these are documents.
        .operation_attempt_timeout(PATIENCE + settings.answer_timeout * 2)
        .build();
    let config = aws_sdk_s3::config::Builder::from(config)
        .endpoint_url(url)
        // The URL says it already.
        .use_fips(false)
        .use_dual_stack(false)
        .http_client(http)
        .credentials_provider(Keys(keyring.clone()))
        // The keyring is one.
        .identity_cache(IdentityCache::no_cache())
        .force_path_style(settings.addressing == Addressing::Path)
        .disable_s3_express_session_auth(true)
        .disable_multi_region_access_points(true)
        // No trailers, which not all stores take, and no checksums that are not asked for: digests are computed here.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .retry_classifier(TooManyRequests)
        .timeout_config(timeouts)
        // The timeouts above see to that.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(BoundedAnswers)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn http_client(
    settings: &Settings,
    authorities: Option<&Authorities>,
) -> Result<SharedHttpClient, ConnectError> {
    let builder = HttpClientBuilder::new()
        .pool_max_idle_per_host(settings.max_requests)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    let Some(authorities) = authorities else { return Ok(builder.build_https()) };
    let store = TrustStore::empty().with_pem_certificate(authorities.pem.clone());
    let context = TlsContext::builder().with_trust_store(store).build();
    let context = context.map_err(|error| ConnectError::SystemAuthorities(error.to_string()))?;
    Ok(builder.tls_context(context).build_https())
}
