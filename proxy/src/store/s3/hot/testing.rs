//! Stores for tests: behind a URL, with keys of our own.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use hallmark_config::{Addressing, S3Store as Settings, StoreBucket, StoreCredentials};

use super::{Endpoint, Hot, KeySource, Keyring};
use crate::store::s3::S3Store;
use crate::store::s3::cold::Births;
use crate::store::s3::places::Places;
use crate::store::s3::probe::Findings;

/// Settings for a store at `url`.
pub(in crate::store::s3) fn settings(url: &str) -> Settings {
    Settings {
        endpoint: Some(url.to_owned()),
        region: Some("us-east-1".to_owned()),
        addressing: Addressing::Path,
        credentials: StoreCredentials::Chain { profile: None },
        ca_file: None,
        state_bucket: StoreBucket::parse("state-bucket").unwrap(),
        connect_timeout: Duration::from_secs(1),
        answer_timeout: Duration::from_secs(2),
        max_requests: 8,
        attempts: 3,
    }
}

/// The hot client for these settings, with these keys.
pub(in crate::store::s3) fn hot(settings: &Settings, id: &str, secret: &str) -> Hot {
    let keys = Credentials::new(id, secret, None, None, "test");
    let keyring = Keyring::new(KeySource::Chain(SharedCredentialsProvider::new(keys)));
    let endpoint = Endpoint::parse(settings.endpoint.as_deref().unwrap(), settings.addressing).unwrap();
    Hot::new(settings, endpoint, "us-east-1", None, Arc::new(keyring)).unwrap()
}

/// A store of which this is known; only its hot calls work.
pub(in crate::store::s3) fn store(hot: Hot, settings: &Settings, findings: Findings) -> S3Store {
    let config = aws_sdk_s3::Config::builder().behavior_version_latest().build();
    let places = Places::new(settings.state_bucket.clone(), &Default::default());
    S3Store {
        hot,
        sdk: aws_sdk_s3::Client::from_conf(config),
        places,
        found: OnceLock::from(findings),
        births: Births::default(),
    }
}
