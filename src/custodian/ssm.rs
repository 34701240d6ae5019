//! A share in a `SecureString` parameter of AWS Systems Manager, under a KMS key.

use std::collections::BTreeMap;

use aws_sdk_ssm::primitives::DateTimeFormat;
use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};

use crate::aws::Aws;
use crate::aws::parameter::{Parameters, check_name, unresolved};
use crate::backend::{Error, Kind};
use crate::custodian::Stored;
use crate::custodian::in_aws::{InAws, New, Read, Service};
use crate::secret::SecretText;
use crate::shell::ShellCommand;

/// The tag that says in which attempt a share was stored.
const MARK: &str = "vault-bootstrap-attempt";

/// Parameters with the tags of what is kept there.
pub(super) struct Ssm {
    tags: Vec<Tag>,
    parameters: Parameters,
}

impl Ssm {
    pub(super) async fn open(
        name: &str,
        (parameter, kms_key): (&str, Option<&str>),
        tags: &BTreeMap<String, String>,
        aws: &Aws,
    ) -> Result<InAws, Error> {
        check_name(parameter)?;
        let tags = make_tags(parameter, tags)?;
        let parameters = Parameters::open(parameter, kms_key, aws).await?;
        let service = Service::Ssm(Self { tags, parameters });
        Ok(InAws::of(name, parameter, service))
    }

    pub(super) fn address(&self, name: &str) -> String {
        self.parameters.address(name)
    }

    pub(super) fn account(&self) -> Option<&str> {
        self.parameters.account()
    }

    pub(super) fn key_arn(&self) -> &str {
        self.parameters.key_arn()
    }

    pub(super) async fn key_usable(&self) -> Result<(), Error> {
        self.parameters.key_usable().await
    }

    pub(super) fn read_command(&self, name: &str) -> ShellCommand {
        self.command("aws ssm get-parameter --with-decryption", name)
    }

    pub(super) fn delete_command(&self, name: &str) -> ShellCommand {
        self.command("aws ssm delete-parameter", name)
    }

    fn command(&self, words: &'static str, name: &str) -> ShellCommand {
        let command = ShellCommand::new(words).and("--name").with(name);
        command
            .and("--region")
            .with(&self.parameters.session.region)
    }

    pub(super) async fn put(&self, name: &str, new: New<'_>) -> Result<(), Error> {
        let tag = |mark: &str| Tag::builder().key(MARK).value(mark).build();
        let mark = new.mark.map(tag).and_then(Result::ok);
        let tags = self.tags.iter().cloned().chain(mark).collect();
        let address = self.parameters.address(name);
        let put = self.parameters.put((&address, name), new.value, |request| {
            request
                .tier(ParameterTier::IntelligentTiering)
                .overwrite(false)
                .description(new.what)
                .set_tags(Some(tags))
        });
        put.await
    }

    pub(super) async fn is_taken(&self, name: &str) -> Result<bool, Error> {
        Ok(self.facts(name).await?.is_some())
    }

    pub(super) async fn facts(&self, name: &str) -> Result<Option<Stored>, Error> {
        let found = self.get(name, false).await?;
        Ok(found.map(|read| read.stored))
    }

    pub(super) async fn value(&self, name: &str) -> Result<Option<SecretText>, Error> {
        let found = self.get(name, true).await?;
        Ok(found.map(|read| read.value))
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<Read>, Error> {
        self.get(name, true).await
    }

    pub(super) async fn bears(&self, name: &str, mark: &str) -> Result<bool, Error> {
        let request = self.parameters.session.ssm.list_tags_for_resource();
        let request = request
            .resource_type(ResourceTypeForTagging::Parameter)
            .resource_id(name);
        let answer = request.send().await;
        let address = self.parameters.address(name);
        let called = (address.as_str(), name);
        let answer = (self.parameters).called(called, "ssm:ListTagsForResource", answer)?;
        let ours = |tag: &Tag| tag.key() == MARK && tag.value() == mark;
        Ok(answer.tag_list().iter().any(ours))
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), Error> {
        self.delete(name).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let address = self.parameters.address(name);
        self.parameters.delete((&address, name)).await
    }

    async fn get(&self, name: &str, decrypted: bool) -> Result<Option<Read>, Error> {
        let address = self.parameters.address(name);
        let Some(parameter) = self.parameters.get((&address, name), decrypted).await? else {
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
                ..Stored::default()
            },
        }))
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
