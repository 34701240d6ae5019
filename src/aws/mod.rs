//! One loaded AWS configuration per distinct settings.
//!
//! Credentials come from the default chain of AWS, from a profile, or through a role. Outputs of the
//! SDK are never printed.

pub(crate) mod answers;
mod call;
pub mod kms;
mod missing;
pub(crate) mod parameter;
mod profile;
pub(crate) mod secret;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use tokio::sync::OnceCell;

use crate::backend::Error;

pub(crate) use call::Call;

/// Everything one call may take, retries included.
const OPERATION: Duration = Duration::from_secs(30);
/// One attempt of a call.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// Attempts of one call, the first included.
const ATTEMPTS: u32 = 3;
/// Names another place for S3 alone, as with any AWS tool.
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
/// The name under which CloudTrail shows an assumed role.
const ROLE_SESSION: &str = "vault-bootstrap";

/// How to reach AWS; what is left out comes from the environment, as with any AWS tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Aws {
    /// For example `eu-central-1`.
    pub region: Option<String>,
    /// A profile of `~/.aws/config`.
    pub profile: Option<String>,
    /// A role to assume with the credentials found.
    pub role_arn: Option<String>,
}

thread_local! {
    // Per thread, because connections belong to the runtime that opened them.
    static SESSIONS: RefCell<HashMap<Aws, Arc<OnceCell<Session>>>> = RefCell::default();
}

/// The clients of one set of settings; cheap to clone, connections are shared.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) region: String,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) credentials: Option<aws_sdk_ssm::config::SharedCredentialsProvider>,
    endpoint: Option<String>,
    sts: aws_sdk_sts::Client,
    role_account: Option<String>,
    account: Arc<OnceCell<Option<String>>>,
}

impl Session {
    /// The session of `aws`, loaded once; `address` is where an error is said to be.
    pub(crate) async fn of(aws: &Aws, address: &str) -> Result<Self, Error> {
        let cell = SESSIONS.with_borrow_mut(|all| all.entry(aws.clone()).or_default().clone());
        cell.get_or_try_init(|| load(aws, address)).await.cloned()
    }

    /// Where S3 is, without a slash at the end.
    pub(crate) fn s3_endpoint(&self) -> String {
        let region = &self.region;
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let usual = || format!("https://s3.{region}.amazonaws.com{china}");
        let endpoint = self.endpoint.clone().unwrap_or_else(usual);
        endpoint.trim_end_matches('/').to_owned()
    }

    /// The account of these credentials; `None` when AWS does not tell.
    pub(crate) async fn account(&self) -> Option<String> {
        if self.role_account.is_some() {
            return self.role_account.clone();
        }
        let ask = || async {
            let answer = self.sts.get_caller_identity().send().await.ok();
            answer.and_then(|identity| identity.account)
        };
        self.account.get_or_init(ask).await.clone()
    }
}

/// Forgets every session. Credentials go with the last clone of theirs, and are looked for anew next time.
pub(crate) fn forget_credentials() {
    SESSIONS.with_borrow_mut(HashMap::clear);
}

async fn load(aws: &Aws, address: &str) -> Result<Session, Error> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts);
    // Credentials are fetched with it too, wherever they come from.
    if let Some(client) = answers::bounded() {
        loader = loader.http_client(client);
    }
    if let Some(region) = &aws.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &aws.profile {
        loader = loader.profile_name(profile);
    }
    let mut config = loader.load().await;
    let Some(region) = config.region().map(ToString::to_string) else {
        return Err(missing::no_region(&config, address).await);
    };
    if let Some(profile) = &aws.profile {
        config = profile::of(&config, profile);
        profile::has_some(&config, profile, address).await?;
    }
    if let Some(role) = &aws.role_arn {
        config = assume(&config, role).await;
    }
    Ok(Session {
        region,
        ssm: aws_sdk_ssm::Client::new(&config),
        kms: aws_sdk_kms::Client::new(&config),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
        credentials: config.credentials_provider(),
        endpoint: std::env::var(S3_ENDPOINT)
            .ok()
            .or_else(|| config.endpoint_url().map(str::to_owned)),
        sts: aws_sdk_sts::Client::new(&config),
        role_account: aws.role_arn.as_deref().and_then(account_of),
        account: Arc::default(),
    })
}

async fn assume(config: &SdkConfig, role: &str) -> SdkConfig {
    let provider = aws_config::sts::AssumeRoleProvider::builder(role)
        .session_name(ROLE_SESSION)
        .configure(config)
        .build()
        .await;
    let provider = aws_sdk_ssm::config::SharedCredentialsProvider::new(provider);
    config.to_builder().credentials_provider(provider).build()
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
}

/// The region in an ARN.
pub(crate) fn region_of(arn: &str) -> Option<String> {
    let mut parts = arn.split(':');
    let region = (parts.next()? == "arn").then(|| parts.nth(2)).flatten()?;
    (!region.is_empty()).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_knows_its_account_and_region() {
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1";
        assert_eq!(account_of(arn).as_deref(), Some("111122223333"));
        assert_eq!(region_of(arn).as_deref(), Some("eu-central-1"));
        assert_eq!(region_of("alias/vault"), None);
    }
}
