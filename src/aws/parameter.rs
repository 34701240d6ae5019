//! SSM parameters: their names, what SSM would refuse of those, and the requests that keep one.

use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder;
use aws_sdk_ssm::types::{Parameter, ParameterType};

use crate::aws::kms::KmsKey;
use crate::aws::{Aws, Call, Session};
use crate::backend::{CANARY, Error, Kind};

/// The key of the account that SSM uses when none is named.
const ACCOUNT_KEY: &str = "alias/aws/ssm";

/// Limits of a parameter name (AWS SSM: PutParameter, Name).
const LONGEST_NAME: usize = 1011;
const DEEPEST_NAME: usize = 15;

/// Parameters as they are reached with one set of settings.
pub(crate) struct Parameters {
    pub(crate) session: Session,
    /// What they are encrypted with; none where they are only read.
    key: Option<KmsKey>,
    account: Option<String>,
}

impl Parameters {
    /// `name` is a parameter of those, for the text of a failure.
    pub(crate) async fn open(name: &str, key: Option<&str>, aws: &Aws) -> Result<Self, Error> {
        let only_read = Self::to_read(name, aws).await?;
        let session = only_read.session.clone();
        let key = KmsKey::in_session(key.unwrap_or(ACCOUNT_KEY), session).await?;
        let account = only_read.session.account().await;
        Ok(Self {
            account: account.or_else(|| key.facts().account.clone()),
            key: Some(key),
            ..only_read
        })
    }

    /// Without a key of their own.
    pub(crate) async fn to_read(name: &str, aws: &Aws) -> Result<Self, Error> {
        Ok(Self {
            session: Session::of(aws, &unresolved(name)).await?,
            key: None,
            account: None,
        })
    }

    pub(crate) fn address(&self, name: &str) -> String {
        address(&self.session.region, name)
    }

    /// The account that they are in; `None` when AWS does not tell.
    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The ARN of their key.
    pub(crate) fn key_arn(&self) -> &str {
        let key = self.key.as_ref();
        key.map_or("KEY-OF-THE-PARAMETER", KmsKey::arn)
    }

    /// Asks KMS again, and refuses a key that is not enabled.
    pub(crate) async fn key_usable(&self) -> Result<(), Error> {
        match &self.key {
            Some(key) => key.usable().await,
            None => Ok(()),
        }
    }

    /// Writes a `SecureString`. `rest` says what else it is to be.
    pub(crate) async fn put(
        &self,
        (address, name): (&str, &str),
        value: &str,
        rest: impl FnOnce(PutParameterFluentBuilder) -> PutParameterFluentBuilder,
    ) -> Result<(), Error> {
        let request = self.session.ssm.put_parameter().name(name).value(value);
        let request = request
            .r#type(ParameterType::SecureString)
            .key_id(self.key_arn());
        let answer = rest(request).send().await;
        self.called((address, name), "ssm:PutParameter", answer)
            .map(drop)
    }

    pub(crate) async fn get(
        &self,
        (address, name): (&str, &str),
        decrypted: bool,
    ) -> Result<Option<Parameter>, Error> {
        let request = self.session.ssm.get_parameter().name(name);
        let answer = request.with_decryption(decrypted).send().await;
        let answer = self.called((address, name), "ssm:GetParameter", answer);
        let Some(answer) = if_there(answer)? else {
            return Ok(None);
        };
        let none = || Error::new(address, Kind::Damaged("SSM answered without a parameter"));
        answer.parameter.map(Some).ok_or_else(none)
    }

    /// Deletes it with its history; one that is not there is no error.
    pub(crate) async fn delete(&self, (address, name): (&str, &str)) -> Result<(), Error> {
        let answer = self.session.ssm.delete_parameter().name(name).send().await;
        if_there(self.called((address, name), "ssm:DeleteParameter", answer)).map(drop)
    }

    /// What came of a call about this parameter.
    pub(crate) fn called<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        (address, name): (&str, &str),
        action: &'static str,
        answer: Result<T, SdkError<E>>,
    ) -> Result<T, Error> {
        self.asked_on(&self.arn(&beside(name)), (address, action), answer)
    }

    /// What came of a listing of all parameters below this path, which is a right on the path itself.
    pub(crate) fn listed<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        (address, path): (&str, &str),
        answer: Result<T, SdkError<E>>,
    ) -> Result<T, Error> {
        let resource = below(&self.arn(path.trim_start_matches('/')));
        self.asked_on(&resource, (address, "ssm:GetParametersByPath"), answer)
    }

    fn asked_on<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        resource: &str,
        (address, action): (&str, &'static str),
        answer: Result<T, SdkError<E>>,
    ) -> Result<T, Error> {
        let call = Call {
            address,
            action,
            resource,
            key: self.key_arn(),
            region: &self.session.region,
        };
        answer.map_err(|error| call.failed(&error))
    }

    /// As an IAM policy names parameters of this region and account.
    fn arn(&self, parameters: &str) -> String {
        let key = self.key.as_ref().map(KmsKey::arn);
        resource(&self.session.region, key, self.account(), parameters)
    }
}

/// What came of a call about a parameter; `None` where there is none.
fn if_there<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error) if matches!(error.kind(), Kind::NotFound) => Ok(None),
        other => other.map(Some),
    }
}

/// `aws-ssm://REGION/PARAMETER`.
fn address(region: &str, parameter: &str) -> String {
    format!("aws-ssm://{region}/{}", parameter.trim_start_matches('/'))
}

/// An address while the region is not known.
pub(crate) fn unresolved(parameter: &str) -> String {
    address("?", parameter)
}

/// A canary's name under the very prefix of `parameter`.
pub(crate) fn sibling(parameter: &str, word: &str) -> String {
    let prefix = parameter.rfind('/').map_or("", |end| &parameter[..=end]);
    format!("{prefix}{CANARY}{word}")
}

/// Refuses a name that SSM would refuse, before anything is asked (AWS SSM: PutParameter, Name).
pub(crate) fn check_name(parameter: &str) -> Result<(), Error> {
    let wrong = |text: &str| {
        let address = unresolved(parameter);
        Err(Error::new(address, Kind::Misconfigured(text.to_owned())))
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let segments: Vec<&str> = parameter.trim_start_matches('/').split('/').collect();
    let reserved = segments.first().map(|first| first.to_ascii_lowercase());
    if !parameter.chars().all(allowed) {
        return wrong("a parameter name has letters, digits and _ . - / only");
    }
    if segments.iter().any(|segment| segment.is_empty()) || parameter.starts_with("//") {
        return wrong("a parameter name has no empty part");
    }
    if segments.len() > 1 && !parameter.starts_with('/') {
        return wrong("a parameter name with / starts with /");
    }
    if segments.len() > DEEPEST_NAME || parameter.len() > LONGEST_NAME {
        return wrong("the parameter name is too long: 15 levels, 1011 letters at most");
    }
    if reserved.is_some_and(|first| first.starts_with("aws") || first.starts_with("ssm")) {
        return wrong("a parameter name does not start with aws or ssm");
    }
    Ok(())
}

/// Parameters as an IAM policy names them.
fn resource(region: &str, key_arn: Option<&str>, account: Option<&str>, names: &str) -> String {
    let partition = key_arn
        .and_then(|arn| arn.split(':').nth(1))
        .unwrap_or("aws");
    let account = account.unwrap_or("*");
    format!("arn:{partition}:ssm:{region}:{account}:parameter/{names}")
}

/// A path and what is below it: a listing is asked for on the path itself, which no `/*` names.
fn below(path: &str) -> String {
    format!("{path} and {path}/*")
}

/// The parameters beside this one, as an IAM policy has them.
fn beside(parameter: &str) -> String {
    let bare = parameter.trim_start_matches('/');
    let prefix = bare.rfind('/').map_or("", |end| &bare[..=end]);
    format!("{prefix}*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_stands_beside_the_share() {
        let names = ["/vault/prod/recovery-key-1", "/top", "bare"];
        let canaries = names.map(|name| sibling(name, "w"));
        assert_eq!(
            canaries,
            [
                "/vault/prod/vault-bootstrap-canary-w",
                "/vault-bootstrap-canary-w",
                "vault-bootstrap-canary-w"
            ]
        );
    }

    #[test]
    fn an_address_can_be_pasted() {
        assert_eq!(
            address("eu-central-1", "/vault/prod/recovery-key-1"),
            "aws-ssm://eu-central-1/vault/prod/recovery-key-1"
        );
    }

    #[test]
    fn a_name_that_ssm_would_refuse_is_refused_without_asking() {
        for good in ["/vault/prod/recovery-key-1", "bare", "/a.b/c_d"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let deep = "/x".repeat(16);
        for bad in [
            "", "/", "a/b", "/a//b", "/a/", "/a b", "//a", "/aws/x", "ssm-x", &deep,
        ] {
            let error = check_name(bad).unwrap_err();
            assert!(matches!(error.kind(), Kind::Misconfigured(_)), "{bad}");
        }
    }

    #[test]
    fn a_permission_is_asked_for_the_share_and_its_canary_at_once() {
        let key = "arn:aws-cn:kms:cn-north-1:1:key/2";
        assert_eq!(
            resource(
                "cn-north-1",
                Some(key),
                Some("1"),
                &beside("/vault/prod/recovery-key-1")
            ),
            "arn:aws-cn:ssm:cn-north-1:1:parameter/vault/prod/*"
        );
        assert_eq!(
            resource("r", None, None, &beside("bare")),
            "arn:aws:ssm:r:*:parameter/*"
        );
    }

    #[test]
    fn a_listing_is_a_right_on_the_path_itself() {
        let path = resource("r", None, Some("1"), "vault/prod/checkpoint");
        let both = below(&path);
        let named = "arn:aws:ssm:r:1:parameter/vault/prod/checkpoint";
        assert_eq!(both, format!("{named} and {named}/*"));
    }
}
