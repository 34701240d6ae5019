//! What is missing before AWS can be asked anything, all at once.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssm::config::ProvideCredentials;

use crate::backend::{CREDENTIALS, Error, Kind, causes};

/// Whoever has none is told so, and does not wait for the metadata of a machine that may be no machine of AWS.
const CREDENTIALS_LOOKED_FOR: Duration = Duration::from_secs(5);

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

/// A profile that is named and has none is told by its name: the service alone would say which chain was gone through.
pub(super) async fn profile(config: &SdkConfig, name: &str, address: &str) -> Result<(), Error> {
    let Some(provider) = config.credentials_provider() else {
        return Ok(());
    };
    let found = tokio::time::timeout(CREDENTIALS_LOOKED_FOR, provider.provide_credentials());
    match found.await {
        Ok(Err(why)) => {
            let why = causes(&why).pop().unwrap_or_default();
            let kind = Kind::Credentials(format!("the profile {name} gives none: {why}"));
            Err(Error::new(address, kind).advise(format!(
                "make that profile in ~/.aws/config or ~/.aws/credentials, or correct profile in the file; which there \
                 are: aws configure list-profiles; whose it is: aws sts get-caller-identity --profile {name}"
            )))
        }
        // One that takes its time is asked again by whoever needs it.
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
