//! Credentials of a profile that the file names.

use aws_config::SdkConfig;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_ssm::config::{ProvideCredentials, SharedCredentialsProvider};

use crate::aws::answers;
use crate::aws::missing::CREDENTIALS_LOOKED_FOR;
use crate::backend::{Error, Kind, causes};

/// The credentials of this profile and no other: the default chain would take those of the environment first, and shares that
/// go to several accounts would all land in one.
pub(super) fn of(config: &SdkConfig, profile: &str) -> SdkConfig {
    let mut known = ProviderConfig::without_region().with_region(config.region().cloned());
    if let Some(client) = answers::bounded() {
        known = known.with_http_client(client);
    }
    let provider = ProfileFileCredentialsProvider::builder()
        .profile_name(profile)
        .configure(&known)
        .build();
    let provider = SharedCredentialsProvider::new(provider);
    config.to_builder().credentials_provider(provider).build()
}

/// A profile that is named and has none is told by its name: the service alone would say which chain was gone through.
pub(super) async fn has_some(config: &SdkConfig, name: &str, address: &str) -> Result<(), Error> {
    let Some(provider) = config.credentials_provider() else {
        return Ok(());
    };
    let found = tokio::time::timeout(CREDENTIALS_LOOKED_FOR, provider.provide_credentials());
    match found.await {
        Ok(Err(why)) => {
            let why = match causes(&why).pop() {
                Some(why) if !why.is_empty() => format!("the profile {name} gives none: {why}"),
                _ => format!("there is no profile {name}, or it gives none"),
            };
            let kind = Kind::Credentials(why);
            Err(Error::new(address, kind).advise(
                "make that profile in ~/.aws/config or ~/.aws/credentials, or correct profile in the file; without it the \
                 environment's credentials are taken; which there are: aws configure list-profiles",
            ))
        }
        // One that takes its time is asked again by whoever needs it.
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
