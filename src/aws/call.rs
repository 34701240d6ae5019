//! What a call to AWS was about, and the meaning of what AWS answers.

use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};

use crate::aws::{ATTEMPT, OPERATION, answers};
use crate::backend::{Error, Kind, causes, clean};
use crate::shell::ShellCommand;

/// How Secrets Manager says that its caller may not use the key, without the right that is missing.
const KMS_DENIES: &str = "Access to KMS is not allowed";
/// The rights at KMS that it needs to keep and to give a secret (AWS Secrets Manager: secret encryption and decryption).
const KMS_OF_A_SECRET: &str = "kms:GenerateDataKey and kms:Decrypt";

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
            "ParameterAlreadyExists" | "ResourceExistsException" => self.error(Kind::Taken),
            "ParameterNotFound" | "ResourceNotFoundException" => self.error(Kind::NotFound),
            // Of Secrets Manager: the key is away, disabled or of another kind.
            "EncryptionFailure" | "DecryptionFailure" => self.key_unusable("not usable"),
            "InvalidRequestException" if is_of_a_deletion(message) => {
                self.error(Kind::DeletionPending)
            }
            "InvalidKeyId" | "NotFoundException" => self
                .error(Kind::KeyNotFound(self.key.to_owned()))
                .advise(format!(
                    "correct the name of the key (checkpoint.key.kms, kms_key) or its region in the file, or make the key; those of this region: {}",
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
        let (action, resource) = match kms_right(&message) {
            Some(right) => right,
            None if message.contains(KMS_DENIES) => (KMS_OF_A_SECRET, self.key),
            None => (self.action, self.resource),
        };
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

/// Whether Secrets Manager refuses since the secret of this name is to be deleted: it has no code for that.
fn is_of_a_deletion(message: &str) -> bool {
    let says = |sign| message.contains(sign);
    says("scheduled for deletion") || says("marked for deletion") || says("marked deleted")
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
    fn secrets_manager_tells_of_kms_without_the_right_that_is_missing() {
        let call = Call {
            action: "secretsmanager:GetSecretValue",
            ..CALL
        };
        let error = call.answered("AccessDeniedException", "Access to KMS is not allowed");
        let advice = error.advice().unwrap();
        let expected = format!("allow {KMS_OF_A_SECRET} on arn:aws:kms:eu-central-1:");
        assert!(advice.starts_with(&expected), "{advice}");
        let error = call.answered("DecryptionFailure", "");
        assert!(error.advice().unwrap().starts_with("aws kms describe-key"));
    }

    #[test]
    fn a_secret_that_is_to_be_deleted_is_known_by_the_text() {
        for message in [
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ] {
            let error = CALL.answered("InvalidRequestException", message);
            assert!(matches!(error.kind(), Kind::DeletionPending), "{error}");
        }
        let error = CALL.answered("InvalidRequestException", "something else");
        assert!(matches!(error.kind(), Kind::Service { .. }), "{error}");
    }
}
