//! A share in a `SecureString` parameter of AWS Systems Manager, under a KMS key.
//!
//! Values are created and never overwritten; deleted are our own canaries, and shares that open nothing. What
//! came of a write is decided by reading, never by the answer to the write.

use std::collections::BTreeMap;

use aws_sdk_ssm::primitives::DateTimeFormat;
use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};

use crate::aws::Aws;
use crate::aws::parameter::{Parameters, check_name, sibling, unresolved};
use crate::backend::{Error, Kind, patiently};
use crate::code::{Code, Reported};
use crate::custodian::text::{random_word, same, share_from};
use crate::custodian::{Prepared, Stored, TrustDomain};
use crate::secret::{SecretText, Share};
use crate::shell::ShellCommand;

/// The tag that says in which attempt a share was stored.
const MARK: &str = "vault-bootstrap-attempt";

pub(super) struct Ssm {
    address: String,
    name: String,
    parameter: String,
    tags: Vec<Tag>,
    parameters: Parameters,
}

/// A value to be written, what it is in words, and the mark that it is known by.
type New<'a> = (&'a str, String, Option<Tag>);

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
        let parameters = Parameters::open(parameter, kms_key, aws).await?;
        Ok(Self {
            address: parameters.address(parameter),
            name: name.to_owned(),
            parameter: parameter.to_owned(),
            tags,
            parameters,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Two profiles or a region said twice lead to one parameter.
    pub(super) fn place(&self) -> String {
        let account = self.parameters.account().unwrap_or_default();
        format!("{account} {}", self.address)
    }

    pub(super) fn trust_domain(&self) -> Vec<TrustDomain> {
        let account = self.parameters.account().into_iter();
        let account = account.map(|id| format!("AWS account {id}"));
        let key = format!("KMS key {}", self.parameters.key_arn());
        account.chain([key]).map(TrustDomain::Machines).collect()
    }

    pub(super) fn proof_subject(&self) -> String {
        format!("{} under {}", self.address, self.parameters.key_arn())
    }

    pub(super) async fn facts(&self) -> Result<Option<Stored>, Error> {
        let found = get(&self.parameters, &self.parameter, false).await?;
        Ok(found.map(|read| read.stored))
    }

    /// The same of what was stored there: only what is not seen several times is gone.
    pub(super) async fn facts_again(&self) -> Result<Option<Stored>, Error> {
        let found = self.read_back(&self.parameter, false).await?;
        Ok(found.map(|read| read.stored))
    }

    pub(super) async fn fetch(&self) -> Result<Share, Error> {
        let found = get(&self.parameters, &self.parameter, true).await?;
        let read = found.ok_or_else(|| Error::new(&self.address, Kind::NotFound))?;
        Ok(share_from(read.value.expose()))
    }

    pub(super) async fn store(&self, share: &Share, prepared: &Prepared) -> Result<Stored, Error> {
        let what = format!("share of {} by vault-bootstrap", self.name);
        let tag = |mark: &str| Tag::builder().key(MARK).value(mark).build();
        let mark = prepared.mark.as_deref().map(tag).and_then(Result::ok);
        let new = (share.expose(), what, mark);
        self.create(&self.parameter, new).await
    }

    /// Keeps another secret there, which nothing is yet.
    pub(super) async fn keep(&self, secret: &SecretText) -> Result<(), Error> {
        let what = format!("{}, handed out by vault-bootstrap", self.name);
        let kept = self.create(&self.parameter, (secret.expose(), what, None));
        kept.await.map(drop)
    }

    /// What is there, whoever put it there.
    pub(super) async fn found(&self) -> Result<Option<SecretText>, Error> {
        let found = get(&self.parameters, &self.parameter, true).await?;
        Ok(found.map(|read| read.value))
    }

    /// Whether the share was stored in this attempt.
    pub(super) async fn bears(&self, mark: &str) -> Result<bool, Error> {
        let request = self.parameters.session.ssm.list_tags_for_resource();
        let request = request
            .resource_type(ResourceTypeForTagging::Parameter)
            .resource_id(&self.parameter);
        let answer = request.send().await;
        let called = (self.address.as_str(), self.parameter.as_str());
        let answer = (self.parameters).called(called, "ssm:ListTagsForResource", answer)?;
        let ours = |tag: &Tag| tag.key() == MARK && tag.value() == mark;
        Ok(answer.tag_list().iter().any(ours))
    }

    pub(super) async fn remove(&self) -> Result<(), Error> {
        self.delete(&self.parameter).await
    }

    pub(super) async fn canary(&self, name: &str) -> Result<Vec<Reported>, Error> {
        self.parameters.key_usable().await?;
        let name = sibling(&self.parameter, name);
        let word = random_word(&self.address)?;
        match self.try_out(&name, &word).await {
            // The name is ours alone: a killed run did not come to deleting it.
            Err(error) if is_taken(&error) => {
                self.delete(&name).await?;
                self.try_out(&name, &word).await
            }
            tried => tried,
        }
    }

    /// Creates `word` under a unique name beside the share, reads it back decrypted, deletes it.
    pub(super) async fn round_trip(&self, word: &SecretText) -> Result<Vec<Reported>, Error> {
        let name = sibling(&self.parameter, random_word(&self.address)?.expose());
        self.try_out(&name, word).await
    }

    async fn try_out(&self, name: &str, word: &SecretText) -> Result<Vec<Reported>, Error> {
        let what = "canary of vault-bootstrap, may be deleted".to_owned();
        let created = self.create(name, (word.expose(), what, None)).await;
        let none_of_ours = |error: &Error| is_taken(error) || !error.may_have_written();
        if created.as_ref().is_err_and(none_of_ours) {
            return created.map(|_| Vec::new());
        }
        let leftover = match self.delete(name).await {
            Err(error) => {
                let (place, region) = (error.address(), &self.parameters.session.region);
                let why = error.kind();
                let delete = ShellCommand::new("aws ssm delete-parameter --name").with(name);
                let delete = delete.and("--region").with(region);
                vec![format!(
                    "the canary {place} could not be deleted ({why}): {delete}"
                )]
            }
            Ok(()) => Vec::new(),
        };
        match created {
            Ok(_) => Ok(leftover
                .into_iter()
                .map(|text| Reported::new(Code::CustodianDenied, text))
                .collect()),
            Err(error) => {
                let advice: Vec<_> = error.advice().into_iter().chain(leftover).collect();
                Err(match advice.join("; ") {
                    none if none.is_empty() => error,
                    advice => error.advise(advice),
                })
            }
        }
    }

    /// Creates a parameter and decides by a second look what came of it.
    async fn create(&self, name: &str, new: New<'_>) -> Result<Stored, Error> {
        let value = new.0;
        let failed = match self.put(name, new).await {
            Ok(()) => None,
            Err(error) if error.may_have_written() => Some(error),
            Err(error) => return Err(error),
        };
        let error = |kind| Error::new(self.parameters.address(name), kind);
        match (self.read_back(name, true).await, failed) {
            // Also a put that seemed to fail and is there after all, or one of an earlier run.
            (Ok(Some(read)), _) if is(&read, value) => Ok(read.stored),
            (Ok(Some(_)), None) => Err(error(Kind::Different)),
            (Ok(None), None) => Err(error(Kind::NotFound).advise(
                "it was written and is not to be seen yet: run the same command again, which looks once more",
            )),
            (Ok(Some(_)), Some(_)) => Err(error(Kind::Taken)),
            (Err(cause), failed) if failed.as_ref().is_none_or(is_taken) => {
                Err(error(Kind::Unreadable(Box::new(cause))))
            }
            (_, Some(failed)) => Err(failed),
            (Err(cause), None) => Err(cause),
        }
    }

    async fn put(&self, name: &str, (value, what, mark): New<'_>) -> Result<(), Error> {
        let tags = self.tags.iter().cloned().chain(mark).collect();
        let address = self.parameters.address(name);
        let put = self.parameters.put((&address, name), value, |request| {
            request
                .tier(ParameterTier::IntelligentTiering)
                .overwrite(false)
                .description(what)
                .set_tags(Some(tags))
        });
        put.await
    }

    /// A look at what is or may be there: it is tried again for a while when nothing is seen yet.
    async fn read_back(&self, name: &str, decrypted: bool) -> Result<Option<Read>, Error> {
        patiently(async || get(&self.parameters, name, decrypted).await).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let address = self.parameters.address(name);
        self.parameters.delete((&address, name)).await
    }
}

/// The decrypted value of any parameter, for a secret that the configuration refers to; and a doubt where it is kept
/// without encryption.
///
/// # Errors
/// [`Kind::NotFound`], denied, key disabled, unreachable, no region.
pub async fn read_secret(
    parameter: &str,
    aws: &Aws,
) -> Result<(SecretText, Option<String>), Error> {
    check_name(parameter)?;
    let parameters = Parameters::to_read(parameter, aws).await?;
    let address = parameters.address(parameter);
    let region = &parameters.session.region;
    let found = parameters.get((&address, parameter), true).await?;
    let found = found.ok_or_else(|| {
        let advice = format!(
            "make it: {} --value file://SECRET-FILE; or correct the name or region in the file",
            make_it(parameter, region)
        );
        Error::new(address.clone(), Kind::NotFound).advise(advice)
    })?;
    let plain = found.r#type != Some(ParameterType::SecureString);
    let doubt = plain.then(|| {
        format!(
            "{address}: it is no SecureString: whoever may read parameters reads it, and no KMS key is asked; delete it, \
             then make it anew: {} --value file://SECRET-FILE",
            make_it(parameter, region)
        )
    });
    Ok((SecretText::new(found.value.unwrap_or_default()), doubt))
}

/// The command but for the value, which is given by a file: an argument would be seen by other users.
fn make_it(parameter: &str, region: &str) -> ShellCommand {
    let command = ShellCommand::new("aws ssm put-parameter --type SecureString --name");
    command.with(parameter).and("--region").with(region)
}

async fn get(parameters: &Parameters, name: &str, decrypted: bool) -> Result<Option<Read>, Error> {
    let address = parameters.address(name);
    let Some(parameter) = parameters.get((&address, name), decrypted).await? else {
        return Ok(None);
    };
    let date = parameter.last_modified_date;
    let date = date.and_then(|date| date.fmt(DateTimeFormat::DateTime).ok());
    Ok(Some(Read {
        value: SecretText::new(parameter.value.unwrap_or_default()),
        stored: Stored {
            address,
            version: Some(parameter.version),
            last_modified: date,
            digest: None,
        },
    }))
}

fn is(read: &Read, expected: &str) -> bool {
    same(read.value.expose().as_bytes(), expected.as_bytes())
}

fn is_taken(error: &Error) -> bool {
    matches!(error.kind(), Kind::Taken)
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
    fn tags_say_who_made_the_parameter() {
        let given = BTreeMap::from([("cluster".to_owned(), "prod".to_owned())]);
        let tags = make_tags("/p", &given).unwrap();
        let pairs: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        assert_eq!(pairs, [("cluster", "prod"), ("made-by", "vault-bootstrap")]);
    }
}
