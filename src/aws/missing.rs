//! What is missing before AWS can be asked anything, all at once.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssm::config::ProvideCredentials;

use crate::backend::{CREDENTIALS, Error, Kind};

/// Whoever has none is told so, and does not wait for the metadata of a machine that may be no machine of AWS.
pub(super) const CREDENTIALS_LOOKED_FOR: Duration = Duration::from_secs(5);

/// Said together with missing credentials: whoever sets the one would only learn of the other next.
pub(super) async fn no_region(config: &SdkConfig, address: &str) -> Error {
    let error = Error::new(address, Kind::NoRegion);
    let provider = config.credentials_provider();
    let found = async {
        match provider {
            Some(provider) => provider.provide_credentials().await.is_ok(),
            None => false,
        }
    };
    if tokio::time::timeout(CREDENTIALS_LOOKED_FOR, found)
        .await
        .unwrap_or(false)
    {
        return error;
    }
    let region = error.advice().unwrap_or_default();
    error.advise(format!(
        "{region}; there are no credentials either: {CREDENTIALS}"
    ))
}
