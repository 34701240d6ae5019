//! Secrets of AWS Secrets Manager: their names, what it would refuse of those, and the requests that keep one.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::Tag;

use crate::aws::kms::KmsKey;
use crate::aws::{Aws, Call, Session};
use crate::backend::{Error, Kind};
use crate::secret::SecretText;
use crate::shell::ShellCommand;

/// The key of the account that Secrets Manager uses when none is named.
const ACCOUNT_KEY: &str = "alias/aws/secretsmanager";
/// Longest name (AWS Secrets Manager: `CreateSecret`, Name).
const LONGEST_NAME: usize = 512;

/// Secrets as they are reached with one set of settings.
pub(crate) struct Secrets {
    session: Session,
    client: Client,
    endpoint: Option<String>,
    key: KmsKey,
    /// Whether the key was named, or is the account's.
    key_is_named: bool,
    account: Option<String>,
}

/// A value to be kept, with the token that becomes the id of its version, and what it is in words.
pub(crate) struct NewVersion<'a> {
    pub(crate) value: &'a str,
    pub(crate) token: &'a str,
    pub(crate) what: &'a str,
}

/// A value with the version that it is.
pub(crate) struct Current {
    pub(crate) value: SecretText,
    pub(crate) version: Option<String>,
}

impl Secrets {
    /// `name` is a secret of those, for the text of a failure. The service is asked at `endpoint` where one is given; KMS is
    /// not.
    pub(crate) async fn open(
        name: &str,
        key: Option<&str>,
        (aws, endpoint): (&Aws, Option<&str>),
    ) -> Result<Self, Error> {
        check_name(name)?;
        let session = Session::of(aws, &address("?", name)).await?;
        let of_key = KmsKey::in_session(key.unwrap_or(ACCOUNT_KEY), session.clone()).await?;
        let account = session.account().await;
        let client = match endpoint {
            None => session.secrets.clone(),
            Some(url) => {
                let there = session.secrets.config().to_builder().endpoint_url(url);
                Client::from_conf(there.build())
            }
        };
        Ok(Self {
            account: account.or_else(|| of_key.facts().account.clone()),
            key: of_key,
            key_is_named: key.is_some(),
            endpoint: endpoint.map(str::to_owned),
            session,
            client,
        })
    }

    pub(crate) fn address(&self, name: &str) -> String {
        address(&self.session.region, name)
    }

    /// The account that they are in; `None` when AWS does not tell.
    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Their key.
    pub(crate) fn key(&self) -> &KmsKey {
        &self.key
    }

    /// A command of AWS's own tool about this secret, as it is reached here.
    pub(crate) fn command(&self, words: &'static str, name: &str) -> ShellCommand {
        let command = ShellCommand::new(words).and("--secret-id").with(name);
        let command = command.and("--region").with(&self.session.region);
        match &self.endpoint {
            Some(url) => command.and("--endpoint-url").with(url),
            None => command,
        }
    }

    /// Makes a secret that is not there. A request that is sent again has the same token, so that it makes no second one.
    pub(crate) async fn create(
        &self,
        name: &str,
        new: &NewVersion<'_>,
        tags: Vec<Tag>,
    ) -> Result<(), Error> {
        let request = self.client.create_secret().name(name);
        let request = request
            .client_request_token(new.token)
            .secret_string(new.value)
            .description(new.what)
            .set_kms_key_id(self.named_key())
            .set_tags(Some(tags));
        let answer = request.send().await;
        self.called(name, "secretsmanager:CreateSecret", answer)
            .map(drop)
    }

    /// Puts another version into a secret that is there, under the key of these: where none is named, it would keep its own.
    pub(crate) async fn update(&self, name: &str, new: &NewVersion<'_>) -> Result<(), Error> {
        let request = self.client.update_secret().secret_id(name);
        let request = request
            .client_request_token(new.token)
            .secret_string(new.value)
            .description(new.what)
            .kms_key_id(self.key.arn());
        let answer = request.send().await;
        self.called(name, "secretsmanager:UpdateSecret", answer)
            .map(drop)
    }

    /// The value of the version that is in use.
    pub(crate) async fn value(&self, name: &str) -> Result<Option<Current>, Error> {
        let answer = self.client.get_secret_value().secret_id(name).send().await;
        let answer = self.called(name, "secretsmanager:GetSecretValue", answer);
        let Some(answer) = if_there(answer)? else {
            return Ok(None);
        };
        let none = || {
            let kind = Kind::Damaged("Secrets Manager answered without a text");
            Error::new(self.address(name), kind)
        };
        Ok(Some(Current {
            value: SecretText::new(answer.secret_string.ok_or_else(none)?),
            version: answer.version_id,
        }))
    }

    /// What is known of it without its value, also where it is scheduled for deletion.
    pub(crate) async fn describe(&self, name: &str) -> Result<Option<DescribeSecretOutput>, Error> {
        let answer = self.client.describe_secret().secret_id(name).send().await;
        if_there(self.called(name, "secretsmanager:DescribeSecret", answer))
    }

    /// Deletes it at the end of the time in which it can be restored; one that is not there is no error.
    pub(crate) async fn schedule_deletion(&self, name: &str) -> Result<(), Error> {
        let answer = self.client.delete_secret().secret_id(name).send().await;
        if_there(self.called(name, "secretsmanager:DeleteSecret", answer)).map(drop)
    }

    /// Deletes it at once and for good; one that is not there is no error.
    pub(crate) async fn delete_at_once(&self, name: &str) -> Result<(), Error> {
        let request = self.client.delete_secret().secret_id(name);
        let answer = request.force_delete_without_recovery(true).send().await;
        if_there(self.called(name, "secretsmanager:DeleteSecret", answer)).map(drop)
    }

    /// Takes back that it was scheduled for deletion.
    pub(crate) async fn restore(&self, name: &str) -> Result<(), Error> {
        let answer = self.client.restore_secret().secret_id(name).send().await;
        self.called(name, "secretsmanager:RestoreSecret", answer)
            .map(drop)
    }

    pub(crate) async fn tag(&self, name: &str, tag: Tag) -> Result<(), Error> {
        let request = self.client.tag_resource().secret_id(name).tags(tag);
        let answer = request.send().await;
        self.called(name, "secretsmanager:TagResource", answer)
            .map(drop)
    }

    pub(crate) async fn untag(&self, name: &str, key: &str) -> Result<(), Error> {
        let request = self.client.untag_resource().secret_id(name).tag_keys(key);
        let answer = request.send().await;
        self.called(name, "secretsmanager:UntagResource", answer)
            .map(drop)
    }

    /// What came of a call about this secret.
    fn called<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        name: &str,
        action: &'static str,
        answer: Result<T, SdkError<E>>,
    ) -> Result<T, Error> {
        let (address, region) = (self.address(name), &self.session.region);
        let key = self.key.arn();
        let call = Call {
            address: &address,
            action,
            resource: &resource(region, key, self.account(), name),
            key,
            region,
        };
        answer.map_err(|error| self.advised(name, call.failed(&error)))
    }

    /// With what helps at this place.
    fn advised(&self, name: &str, error: Error) -> Error {
        match (error.kind(), &self.endpoint) {
            (Kind::DeletionPending, _) => {
                let restore = self.command("aws secretsmanager restore-secret", name);
                error.advise(format!(
                    "take that back and see what it is: {restore}; or name another secret in the file: nothing can have this \
                     name before the deletion is over"
                ))
            }
            (Kind::Unreachable(_) | Kind::TimedOut(_) | Kind::TooLarge(_), Some(url)) => error
                .advise(format!(
                    "check the network, the proxy (HTTPS_PROXY) and endpoint in the file, which is {url}, then run again"
                )),
            _ => error,
        }
    }

    /// The refusal of one that somebody has scheduled for deletion.
    pub(crate) fn deletion_pending(&self, name: &str) -> Error {
        let error = Error::new(self.address(name), Kind::DeletionPending);
        self.advised(name, error)
    }

    fn named_key(&self) -> Option<String> {
        self.key_is_named.then(|| self.key.arn().to_owned())
    }
}

/// What came of a call about a secret; `None` where there is none.
fn if_there<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error) if matches!(error.kind(), Kind::NotFound) => Ok(None),
        other => other.map(Some),
    }
}

/// `aws-secretsmanager://REGION/NAME`. A slash at the beginning belongs to the name: with it, it is another secret.
fn address(region: &str, name: &str) -> String {
    format!("aws-secretsmanager://{region}/{name}")
}

/// Refuses a name that Secrets Manager would refuse, before anything is asked.
fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    let wrong = if name.is_empty() || !name.chars().all(allowed) {
        "the name of a secret has letters, digits and / _ + = . @ - only, and is no ARN"
    } else if name.len() > LONGEST_NAME {
        "the name of the secret is too long: 512 letters at most"
    } else {
        return Ok(());
    };
    let kind = Kind::Misconfigured(wrong.to_owned());
    Err(Error::new(address("?", name), kind))
}

/// This secret and those beside it, as an IAM policy names them: AWS puts six letters behind each name.
fn resource(region: &str, key_arn: &str, account: Option<&str>, name: &str) -> String {
    let partition = key_arn.split(':').nth(1).unwrap_or("aws");
    let account = account.unwrap_or("*");
    let prefix = name.rfind('/').map_or("", |end| &name[..=end]);
    format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{prefix}*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_secrets_manager_would_refuse_is_refused_without_asking() {
        for good in ["vault/prod/alice", "/vault/alice", "a.b_c+d=e@f-g"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "x".repeat(513);
        let arn = "arn:aws:secretsmanager:r:1:secret:alice-AbCdEf";
        for bad in ["", "a b", "a:b", "é", arn, &long] {
            let error = check_name(bad).unwrap_err();
            assert!(matches!(error.kind(), Kind::Misconfigured(_)), "{bad}");
        }
    }

    #[test]
    fn a_permission_is_asked_for_the_share_and_its_trial_value_at_once() {
        let key = "arn:aws-cn:kms:cn-north-1:1:key/2";
        assert_eq!(
            resource("cn-north-1", key, Some("1"), "vault/prod/alice"),
            "arn:aws-cn:secretsmanager:cn-north-1:1:secret:vault/prod/*"
        );
        assert_eq!(
            resource("r", "arn:aws:kms:r:1:key/2", None, "alice"),
            "arn:aws:secretsmanager:r:*:secret:*"
        );
    }

    #[test]
    fn a_slash_at_the_beginning_is_part_of_the_name() {
        assert_ne!(address("r", "/a"), address("r", "a"));
    }
}
