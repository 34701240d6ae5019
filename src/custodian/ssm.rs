//! A share in a `SecureString` parameter of AWS Systems Manager, under a KMS key.
//!
//! Values are created and never overwritten; the only thing ever deleted is our own canary. What
//! came of a write is decided by reading, never by the answer to the write.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::primitives::DateTimeFormat;
use aws_sdk_ssm::types::{ParameterTier, ParameterType, Tag};

use super::aws::{Aws, Call, Session};
use super::error::{Error, Kind};
use super::kms::KmsKey;
use super::proof::{random_word, same};
use super::{CANARY, CanaryResult, Stored, share_from};
use crate::secret::{SecretText, Share};

/// The key of the account that SSM uses when none is named.
const ACCOUNT_KEY: &str = "alias/aws/ssm";
/// SSM may need a moment until a new parameter can be read.
const READ_BACK_TRIES: u32 = 5;
/// Pause before the second read-back; doubles each time.
const READ_BACK_PAUSE: Duration = Duration::from_millis(200);
/// Limits of a parameter name (AWS SSM: PutParameter, Name).
const LONGEST_NAME: usize = 1011;
const DEEPEST_NAME: usize = 15;

pub(super) struct Ssm {
    address: String,
    name: String,
    parameter: String,
    key: KmsKey,
    account: Option<String>,
    tags: Vec<Tag>,
    session: Session,
}

/// A parameter that was read.
struct Read {
    value: SecretText,
    stored: Stored,
}

impl Ssm {
    pub(super) async fn open(
        name: &str,
        parameter: &str,
        kms_key: Option<&str>,
        tags: &BTreeMap<String, String>,
        aws: &Aws,
    ) -> Result<Self, Error> {
        check_name(parameter)?;
        let tags = make_tags(parameter, tags)?;
        let session = Session::of(aws, &unresolved(parameter)).await?;
        let address = address(&session.region, parameter);
        let key = KmsKey::in_session(kms_key.unwrap_or(ACCOUNT_KEY), session.clone()).await?;
        Ok(Self {
            address,
            name: name.to_owned(),
            parameter: parameter.to_owned(),
            account: session
                .account()
                .await
                .or_else(|| key.facts().account.clone()),
            key,
            tags,
            session,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn trust_domain(&self) -> Vec<String> {
        let account = self.account.iter().map(|id| format!("AWS account {id}"));
        account
            .chain([format!("KMS key {}", self.key.arn())])
            .collect()
    }

    pub(super) fn proof_subject(&self) -> String {
        format!("{} under {}", self.address, self.key.arn())
    }

    pub(super) async fn facts(&self) -> Result<Option<Stored>, Error> {
        let found = self.get(&self.parameter, false).await?;
        Ok(found.map(|read| read.stored))
    }

    pub(super) async fn fetch(&self) -> Result<Share, Error> {
        let found = self.get(&self.parameter, true).await?;
        let read = found.ok_or_else(|| Error::new(&self.address, Kind::NotFound))?;
        Ok(share_from(read.value.expose()))
    }

    pub(super) async fn store(&self, share: &Share) -> Result<Stored, Error> {
        let what = format!("share of {} by vault-bootstrap", self.name);
        let failed = match self.put(&self.parameter, share.expose(), what).await {
            Ok(()) => None,
            Err(error) if error.is_uncertain() => Some(error),
            Err(error) => return Err(error),
        };
        let read = match (
            self.read_back(&self.parameter, failed.is_none()).await,
            failed,
        ) {
            (Ok(Some(read)), None) if is(&read, share.expose()) => read,
            (Ok(_), None) => return Err(self.error(Kind::Different)),
            // A put that seemed to fail and is there after all, or one of an earlier run.
            (Ok(Some(read)), Some(_)) if is(&read, share.expose()) => read,
            (Ok(Some(_)), Some(_)) => return Err(self.error(Kind::Taken)),
            (Err(cause), failed) if failed.as_ref().is_none_or(is_taken) => {
                return Err(self.error(Kind::Unreadable(Box::new(cause))));
            }
            (Ok(None) | Err(_), Some(error)) => return Err(error),
            (Err(cause), None) => return Err(cause),
        };
        Ok(read.stored)
    }

    pub(super) async fn canary(&self) -> Result<CanaryResult, Error> {
        self.key.usable().await?;
        self.round_trip(&random_word(&self.address)?).await
    }

    /// Creates `word` under a unique name beside the share, reads it back decrypted, deletes it.
    pub(super) async fn round_trip(&self, word: &SecretText) -> Result<CanaryResult, Error> {
        let name = sibling(&self.parameter, &random_word(&self.address)?);
        let place = address(&self.session.region, &name);
        let what = "canary of vault-bootstrap, may be deleted".to_owned();
        let put = self.put(&name, word.expose(), what).await;
        if let Err(error) = put {
            if error.is_uncertain() {
                self.delete(&name).await.ok();
            }
            return Err(error);
        }
        let read = self.read_back(&name, true).await;
        let deleted = self.delete(&name).await;
        let result = match read {
            Ok(Some(read)) if is(&read, word.expose()) => Ok(()),
            Ok(_) => Err(self.error(Kind::Different)),
            Err(cause) => Err(self.error(Kind::Unreadable(Box::new(cause)))),
        };
        let leftover = deleted.err().map(|error| {
            let region = &self.session.region;
            let why = error.kind();
            format!(
                "the canary {place} could not be deleted ({why}): \
                 aws ssm delete-parameter --name {name} --region {region}"
            )
        });
        match (result, leftover) {
            (Ok(()), leftover) => Ok(CanaryResult {
                warnings: leftover.into_iter().collect(),
            }),
            (Err(error), None) => Err(error),
            (Err(error), Some(leftover)) => Err(match error.advice() {
                Some(advice) => error.advise(format!("{advice}; {leftover}")),
                None => error.advise(leftover),
            }),
        }
    }

    async fn put(&self, name: &str, value: &str, what: String) -> Result<(), Error> {
        let place = address(&self.session.region, name);
        let call = call(&place, "ssm:PutParameter", Some(&self.key), &self.session);
        let request = self.session.ssm.put_parameter();
        let request = request
            .name(name)
            .value(value)
            .r#type(ParameterType::SecureString)
            .key_id(self.key.arn())
            .tier(ParameterTier::IntelligentTiering)
            .overwrite(false)
            .description(what)
            .set_tags(Some(self.tags.clone()));
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| call.failed(&error))
    }

    /// The second look. `expected` tries again for a while when nothing is there yet.
    async fn read_back(&self, name: &str, expected: bool) -> Result<Option<Read>, Error> {
        let mut pause = READ_BACK_PAUSE;
        for _ in 1..READ_BACK_TRIES {
            let found = self.get(name, true).await?;
            if found.is_some() || !expected {
                return Ok(found);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.get(name, true).await
    }

    async fn get(&self, name: &str, decrypted: bool) -> Result<Option<Read>, Error> {
        get(&self.session, Some(&self.key), name, decrypted).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let place = address(&self.session.region, name);
        let call = call(
            &place,
            "ssm:DeleteParameter",
            Some(&self.key),
            &self.session,
        );
        let answer = self.session.ssm.delete_parameter().name(name).send().await;
        answer.map(|_| ()).map_err(|error| call.failed(&error))
    }

    fn error(&self, kind: Kind) -> Error {
        Error::new(&self.address, kind)
    }
}

/// The decrypted value of any parameter, for a secret that the configuration refers to.
///
/// # Errors
/// [`Kind::NotFound`], denied, key disabled, unreachable, no region.
pub async fn read_secret(parameter: &str, aws: &Aws) -> Result<SecretText, Error> {
    check_name(parameter)?;
    let session = Session::of(aws, &unresolved(parameter)).await?;
    let found = get(&session, None, parameter, true).await?;
    let read = found.ok_or_else(|| {
        Error::new(address(&session.region, parameter), Kind::NotFound).advise(format!(
            "aws ssm get-parameter --name {parameter} --region {}",
            session.region
        ))
    })?;
    Ok(read.value)
}

async fn get(
    session: &Session,
    key: Option<&KmsKey>,
    name: &str,
    decrypted: bool,
) -> Result<Option<Read>, Error> {
    let place = address(&session.region, name);
    let call = call(&place, "ssm:GetParameter", key, session);
    let request = session.ssm.get_parameter().name(name);
    let answer = match request.with_decryption(decrypted).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = call.failed(&error);
            let absent = matches!(error.kind(), Kind::NotFound);
            return if absent { Ok(None) } else { Err(error) };
        }
    };
    let Some(parameter) = answer.parameter else {
        return Err(call.error(Kind::Damaged("SSM answered without a parameter")));
    };
    let date = parameter.last_modified_date;
    let date = date.and_then(|date| date.fmt(DateTimeFormat::DateTime).ok());
    Ok(Some(Read {
        value: SecretText::new(parameter.value.unwrap_or_default()),
        stored: Stored {
            address: place,
            version: Some(parameter.version),
            last_modified: date,
            digest: None,
        },
    }))
}

fn call<'a>(
    address: &'a str,
    action: &'static str,
    key: Option<&'a KmsKey>,
    session: &'a Session,
) -> Call<'a> {
    Call {
        address,
        action,
        resource: address,
        key: key.map_or("of this parameter", KmsKey::arn),
        region: &session.region,
    }
}

fn is(read: &Read, expected: &str) -> bool {
    same(read.value.expose().as_bytes(), expected.as_bytes())
}

fn is_taken(error: &Error) -> bool {
    matches!(error.kind(), Kind::Taken)
}

/// `aws-ssm://REGION/PARAMETER`.
fn address(region: &str, parameter: &str) -> String {
    format!("aws-ssm://{region}/{}", parameter.trim_start_matches('/'))
}

/// An address while the region is not known.
fn unresolved(parameter: &str) -> String {
    address("?", parameter)
}

/// A canary's name under the very prefix of `parameter`.
fn sibling(parameter: &str, word: &SecretText) -> String {
    let prefix = parameter.rfind('/').map_or("", |end| &parameter[..=end]);
    format!("{prefix}{CANARY}{}", word.expose())
}

/// Refuses a name that SSM would refuse, before anything is asked (AWS SSM: PutParameter, Name).
fn check_name(parameter: &str) -> Result<(), Error> {
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

fn make_tags(parameter: &str, tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, Error> {
    let ours = [("made-by", "vault-bootstrap")];
    let given = tags.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    let made = given
        .chain(ours)
        .map(|(k, v)| Tag::builder().key(k).value(v).build());
    made.collect::<Result<_, _>>().map_err(|_| {
        let kind = Kind::Misconfigured("a tag has a key and a value".to_owned());
        Error::new(unresolved(parameter), kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_stands_beside_the_share() {
        let word = SecretText::new("w".into());
        let names = ["/vault/prod/recovery-key-1", "/top", "bare"];
        let canaries = names.map(|name| sibling(name, &word));
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
    fn tags_say_who_made_the_parameter() {
        let given = BTreeMap::from([("cluster".to_owned(), "prod".to_owned())]);
        let tags = make_tags("/p", &given).unwrap();
        let pairs: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        assert_eq!(pairs, [("cluster", "prod"), ("made-by", "vault-bootstrap")]);
    }
}
