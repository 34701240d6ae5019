//! One loaded AWS configuration per distinct settings, and the meaning of what AWS answers.
//!
//! Credentials come from the default chain of AWS, from a profile, or through a role. Outputs of the
//! SDK are never printed.

pub(crate) mod answers;
pub mod kms;
mod missing;
pub(crate) mod parameter;
mod profile;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::OnceCell;

use crate::backend::{Error, Kind, causes, clean};
use crate::shell::ShellCommand;

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

/// What a call was about, for the text of its failure.
pub(crate) struct Call<'a> {
    /// Where, for example `aws-ssm://eu-central-1/vault/prod/recovery-key-1`.
    pub(crate) address: &'a str,
    /// The IAM action, for example `ssm:PutParameter`.
    pub(crate) action: &'static str,
    /// What the action is asked on, as an ARN where it is known.
    pub(crate) resource: &'a str,
    /// The KMS key that takes part.
    pub(crate) key: &'a str,
    /// The region of the call.
    pub(crate) region: &'a str,
}

impl Call<'_> {
    /// The failure of this call. The answer's text is kept only for refusals that name a permission.
    pub(crate) fn failed<E, R>(&self, error: &SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        match error {
            SdkError::TimeoutError(_) => self.error(Kind::TimedOut(OPERATION)),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                self.error(Kind::TimedOut(ATTEMPT))
            }
            SdkError::ServiceError(_) | SdkError::ResponseError(_) => match error.code() {
                Some(code) => self.answered(code, error.message().unwrap_or_default()),
                None => self.error(Kind::Unreachable("the answer is not one of AWS".into())),
            },
            other => {
                let causes = causes(other);
                let credentials = |text: &String| text.to_lowercase().contains("credential");
                // The innermost causes say what happened; the outer ones, where in the SDK.
                let innermost = |count| causes[causes.len().saturating_sub(count)..].join(": ");
                self.error(if causes.iter().any(credentials) {
                    Kind::Credentials(innermost(1))
                } else if let Some(most) = answers::too_large(other) {
                    Kind::TooLarge(most)
                } else {
                    Kind::Unreachable(innermost(2))
                })
            }
        }
    }

    /// The failure behind a code of AWS, with its text where that names a permission.
    pub(crate) fn answered(&self, code: &str, message: &str) -> Error {
        // SSM passes a refusal of KMS on under codes of its own, with the KMS code in the text.
        let unusable = [
            "DisabledException",
            "KMSInvalidStateException",
            "is disabled",
        ]
        .iter()
        .any(|sign| code == *sign || message.contains(sign));
        if unusable || code == "KeyUnavailableException" {
            let pending = message.contains("pending deletion");
            return self.key_unusable(if pending {
                "PendingDeletion"
            } else {
                "Disabled"
            });
        }
        match code {
            "AccessDeniedException" | "AccessDenied" => self.denied(message),
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "IncompleteSignature"
            | "MissingAuthenticationToken" => self.error(Kind::Credentials(clean(code))),
            "ParameterAlreadyExists" => self.error(Kind::Taken),
            "ParameterNotFound" => self.error(Kind::NotFound),
            "InvalidKeyId" | "NotFoundException" => self
                .error(Kind::KeyNotFound(self.key.to_owned()))
                .advise(format!(
                    "correct the name of the key (checkpoint.key.kms or kms_key) or its region in the file, or make the key; those of this region: {}",
                    ShellCommand::new("aws kms list-aliases --region").with(self.region)
                )),
            "InvalidCiphertextException" | "IncorrectKeyException" => self.error(Kind::Damaged(
                "not encrypted with this KMS key, or for another purpose",
            )),
            other => self.error(Kind::Service {
                action: self.action.to_owned(),
                code: clean(other),
            }),
        }
    }

    /// The failure of a key that exists and is not `Enabled`, with the command that enables it.
    pub(crate) fn key_unusable(&self, state: &str) -> Error {
        let (key, region) = (self.key, self.region);
        let about = |words| {
            let command = ShellCommand::new(words).and("--key-id").with(key);
            command.and("--region").with(region)
        };
        let enable = about("aws kms enable-key");
        let advice = match state {
            "PendingDeletion" => about("aws kms cancel-key-deletion").then(&enable),
            "Disabled" => enable,
            _ => about("aws kms describe-key"),
        };
        self.error(Kind::KeyDisabled {
            key: key.to_owned(),
            state: state.to_owned(),
        })
        .advise(advice)
    }

    fn denied(&self, message: &str) -> Error {
        let message = match clean(message) {
            empty if empty.is_empty() => "AWS gives no reason".to_owned(),
            text => text,
        };
        // SSM and S3 pass on what KMS denies: another right, on another thing.
        let (action, resource) = kms_right(&message).unwrap_or((self.action, self.resource));
        let advice = format!(
            "allow {action} on {resource} to the caller that `aws sts get-caller-identity` shows"
        );
        let denied = Kind::Denied {
            action: action.to_owned(),
            message: message.clone(),
        };
        self.error(denied).advise(advice)
    }

    pub(crate) fn error(&self, kind: Kind) -> Error {
        Error::new(self.address, kind)
    }
}

/// The right at KMS that AWS names in a refusal, and the key.
fn kms_right(message: &str) -> Option<(&str, &str)> {
    let word = |before| {
        let rest = message.split(before).nth(1)?;
        rest.split([' ', ',']).next()
    };
    let action = word(" perform: ").filter(|action| action.starts_with("kms:"))?;
    let key = word(" on resource: ").filter(|key| key.starts_with("arn:"));
    let plain = |text: &str| text.chars().all(|letter| letter.is_ascii_graphic());
    (plain(action)).then_some((action, key.filter(|key| plain(key)).unwrap_or("its key")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call<'static> = Call {
        address: "aws-ssm://eu-central-1/vault/prod/recovery-key-1",
        action: "ssm:PutParameter",
        resource: "/vault/prod/recovery-key-1",
        key: "arn:aws:kms:eu-central-1:111122223333:key/1",
        region: "eu-central-1",
    };

    #[test]
    fn a_disabled_key_is_named_with_the_command_that_enables_it() {
        let direct = CALL.answered("DisabledException", "");
        let wrapped = CALL.answered(
            "InvalidKeyId",
            "key is disabled (Service: AWSKMS; Error Code: DisabledException)",
        );
        for error in [direct, wrapped] {
            assert!(matches!(error.kind(), Kind::KeyDisabled { .. }), "{error}");
            let advice = error.advice().unwrap();
            assert!(
                advice.starts_with("aws kms enable-key --key-id arn:aws:kms:"),
                "{advice}"
            );
        }
    }

    #[test]
    fn a_validation_message_that_may_quote_the_value_is_not_repeated() {
        let error = CALL.answered("ValidationException", "Value 'hunter2' at 'value' failed");
        assert!(!format!("{error} {error:?} {:?}", error.advice()).contains("hunter2"));
    }

    #[test]
    fn a_denial_says_who_lacks_which_permission() {
        let error = CALL.answered("AccessDeniedException", "User: arn:x is not authorized");
        assert_eq!(
            error.to_string(),
            "aws-ssm://eu-central-1/vault/prod/recovery-key-1: ssm:PutParameter is denied: \
             User: arn:x is not authorized"
        );
        assert!(
            error
                .advice()
                .unwrap()
                .contains("allow ssm:PutParameter on /vault/prod")
        );
    }

    #[test]
    fn a_denial_of_kms_is_not_mended_by_a_right_at_ssm() {
        let message = "User: arn:aws:iam::1:user/ada is not authorized to perform: kms:Decrypt on resource: \
                       arn:aws:kms:r:1:key/2 because no identity-based policy allows the kms:Decrypt action";
        let error = CALL.answered("AccessDeniedException", message);
        let advice = error.advice().unwrap();
        let expected = "allow kms:Decrypt on arn:aws:kms:r:1:key/2 to the caller";
        assert!(advice.starts_with(expected), "{advice}");
        assert!(
            error.to_string().contains(": kms:Decrypt is denied: "),
            "{error}"
        );
    }

    #[test]
    fn an_arn_knows_its_account_and_region() {
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1";
        assert_eq!(account_of(arn).as_deref(), Some("111122223333"));
        assert_eq!(region_of(arn).as_deref(), Some("eu-central-1"));
        assert_eq!(region_of("alias/vault"), None);
    }
}
