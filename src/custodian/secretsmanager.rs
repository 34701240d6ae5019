//! A share in a secret of AWS Secrets Manager, under a KMS key.
//!
//! The id of a version is the token that it was made with, which begins with what is made of the mark of the attempt: by
//! that a share is known as ours. One that opens nothing is not deleted at once: its deletion is scheduled, and the name
//! is used again by another version.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::Tag;

use crate::aws::Aws;
use crate::aws::secret::{NewVersion, Secrets};
use crate::backend::{Error, Kind, clean};
use crate::custodian::Stored;
use crate::custodian::in_aws::{InAws, New, Read, Service};
use crate::custodian::text::random_word;
use crate::hex;
use crate::secret::SecretText;
use crate::shell::ShellCommand;

/// The tag of a share that this program has removed, so that nobody takes it for one that somebody has deleted. Its value is
/// the version that was in use then: what somebody else has put there since is theirs.
const REMOVED: &str = "vault-bootstrap-removed";
/// The stage of the version that is in use.
const CURRENT: &str = "AWSCURRENT";
/// What is said of its versions where it is watched.
const VERSIONS: &str = "version";
/// So many versions, stages or regions are listed: a secret has 20 stages at most.
const MOST: usize = 20;
/// Letters of a token that are made of the mark.
const OF_THE_MARK: usize = 32;

/// Where a secret is reached, but for its name.
pub struct Reached<'a> {
    /// Account and region.
    pub aws: &'a Aws,
    /// The service at another address than AWS says.
    pub endpoint: Option<&'a str>,
}

/// Secrets with the tags of what is kept there.
pub(super) struct SecretsManager {
    tags: BTreeMap<String, String>,
    secrets: Secrets,
}

impl SecretsManager {
    pub(super) async fn open(
        name: &str,
        (secret, kms_key): (&str, Option<&str>),
        tags: &BTreeMap<String, String>,
        at: Reached<'_>,
    ) -> Result<InAws, Error> {
        let secrets = Secrets::open(secret, kms_key, (at.aws, at.endpoint)).await?;
        let mut tags = tags.clone();
        tags.insert("made-by".to_owned(), "vault-bootstrap".to_owned());
        let service = Service::SecretsManager(Self { tags, secrets });
        Ok(InAws::of(name, secret, service))
    }

    pub(super) fn address(&self, name: &str) -> String {
        self.secrets.address(name)
    }

    pub(super) fn account(&self) -> Option<&str> {
        self.secrets.account()
    }

    pub(super) fn key_arn(&self) -> &str {
        self.secrets.key().arn()
    }

    pub(super) async fn key_usable(&self) -> Result<(), Error> {
        self.secrets.key().usable().await
    }

    pub(super) fn read_command(&self, name: &str) -> ShellCommand {
        let words = "aws secretsmanager get-secret-value --query SecretString --output text";
        self.secrets.command(words, name)
    }

    pub(super) fn delete_command(&self, name: &str) -> ShellCommand {
        let words = "aws secretsmanager delete-secret --force-delete-without-recovery";
        self.secrets.command(words, name)
    }

    pub(super) async fn put(&self, name: &str, new: New<'_>) -> Result<(), Error> {
        let token = token(new.mark, &self.address(name))?;
        let version = NewVersion {
            value: new.value,
            token: &token,
            what: &new.what,
        };
        let tags = self.tags.iter().map(|(key, value)| tag(key, value));
        let created = self.secrets.create(name, &version, tags.collect()).await;
        match created {
            // What is handed out never brings back what was removed; a share that was never in effect may be made anew.
            Err(error) if matches!(error.kind(), Kind::DeletionPending) && new.mark.is_some() => {
                let found = self.secrets.describe(name).await?;
                match found.filter(is_removed) {
                    Some(_) => self.put_again(name, &version).await,
                    None => Err(error),
                }
            }
            created => created,
        }
    }

    /// Puts another version into a secret that this program has removed. Until that is there, the secret is known as one
    /// that may be removed.
    async fn put_again(&self, name: &str, version: &NewVersion<'_>) -> Result<(), Error> {
        self.secrets.restore(name).await?;
        let updated = self.secrets.update(name, version).await;
        let found = self.secrets.describe(name).await?;
        let is_there = found
            .as_ref()
            .and_then(current)
            .is_some_and(|current| current == version.token);
        if is_there {
            return self.secrets.untag(name, REMOVED).await;
        }
        updated.and(Err(Error::new(self.address(name), Kind::Different)))
    }

    /// Whether the name is free for what was never there.
    pub(super) async fn is_taken(&self, name: &str) -> Result<bool, Error> {
        match self.secrets.describe(name).await? {
            Some(found) if found.deleted_date.is_some() => Err(self.secrets.deletion_pending(name)),
            found => Ok(found.is_some()),
        }
    }

    /// `None` also where this program has removed it: then it can be used again.
    pub(super) async fn facts(&self, name: &str) -> Result<Option<Stored>, Error> {
        let found = self.secrets.describe(name).await?;
        match found.filter(|found| !is_removed(found)) {
            None => Ok(None),
            Some(found) if found.deleted_date.is_some() => Err(self.secrets.deletion_pending(name)),
            Some(found) => Ok(Some(Stored {
                address: self.address(name),
                watched: watched(&found),
                ..Stored::default()
            })),
        }
    }

    pub(super) async fn value(&self, name: &str) -> Result<Option<SecretText>, Error> {
        let found = self.secrets.value(name).await?;
        Ok(found.map(|found| found.value))
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<Read>, Error> {
        let Some(found) = self.secrets.value(name).await? else {
            return Ok(None);
        };
        let Some(stored) = self.facts(name).await? else {
            return Ok(None);
        };
        let in_use = |version: String| format!("{} [{CURRENT}]", clean(&version));
        let versions = stored.watched.get(VERSIONS);
        let is_it = |version: String| versions.is_some_and(|all| all.contains(&version));
        // Another version came between the two looks.
        if !found.version.map(in_use).is_some_and(is_it) {
            return Err(Error::new(stored.address, Kind::Different));
        }
        Ok(Some(Read {
            value: found.value,
            stored,
        }))
    }

    pub(super) async fn bears(&self, name: &str, mark: &str) -> Result<bool, Error> {
        let found = self.secrets.describe(name).await?;
        Ok(found.is_some_and(|found| {
            let ours = beginning(mark);
            is_as_removed(&found) || current(&found).is_some_and(|id| id.starts_with(&ours))
        }))
    }

    /// It can be restored for as long as AWS keeps it: 30 days.
    pub(super) async fn remove(&self, name: &str) -> Result<(), Error> {
        let found = self.secrets.describe(name).await?;
        let Some(found) = found.filter(|found| !is_removed(found)) else {
            return Ok(());
        };
        let in_use = current(&found).map_or("none", String::as_str);
        self.secrets.tag(name, tag(REMOVED, in_use)).await?;
        self.secrets.schedule_deletion(name).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        self.secrets.delete_at_once(name).await
    }
}

/// What would be another one, had somebody replaced, changed or copied it.
fn watched(found: &DescribeSecretOutput) -> BTreeMap<String, String> {
    let stages = |(version, stages): (&String, &Vec<String>)| {
        let mut stages: Vec<_> = stages.iter().take(MOST).map(|one| clean(one)).collect();
        stages.sort();
        format!("{} [{}]", clean(version), stages.join(", "))
    };
    // One without a stage is nobody's any more, and goes when AWS wants.
    let versions = found.version_ids_to_stages.iter().flatten();
    let versions = versions.filter(|(_, stages)| !stages.is_empty());
    let mut versions: Vec<_> = versions.map(stages).collect();
    versions.sort_by_key(|version| (!version.contains(CURRENT), version.clone()));
    let replicas = found.replication_status().iter();
    let mut replicas: Vec<_> = replicas.filter_map(|one| one.region().map(clean)).collect();
    replicas.sort_unstable();
    let rotation = found.rotation_enabled == Some(true);
    let key = found.kms_key_id().map(clean);
    [
        (VERSIONS, listed(&versions)),
        ("KMS key", key.unwrap_or_else(|| "the account's".to_owned())),
        ("replica", listed(&replicas)),
        ("rotation", if rotation { "on" } else { "off" }.to_owned()),
    ]
    .map(|(fact, is)| (fact.to_owned(), is))
    .into()
}

/// What AWS named, as far as anybody reads it.
fn listed(all: &[String]) -> String {
    let shown = all[..all.len().min(MOST)].join(", ");
    match all.len().saturating_sub(MOST) {
        0 if all.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The version that is in use.
fn current(found: &DescribeSecretOutput) -> Option<&String> {
    let mut versions = found.version_ids_to_stages.iter().flatten();
    let in_use = versions.find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
    in_use.map(|(version, _)| version)
}

/// Whether this program has removed it, and it is on its way out.
fn is_removed(found: &DescribeSecretOutput) -> bool {
    found.deleted_date.is_some() && removed_version(found).is_some()
}

/// Whether it still has what this program has removed, on its way out or brought back for another version.
fn is_as_removed(found: &DescribeSecretOutput) -> bool {
    removed_version(found).is_some_and(|then| current(found).is_none_or(|now| now == then))
}

fn removed_version(found: &DescribeSecretOutput) -> Option<&str> {
    let mut tags = found.tags().iter();
    let tag = tags.find(|tag| tag.key() == Some(REMOVED));
    tag?.value()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// A token that no other request has, of at most 64 letters.
fn token(mark: Option<&str>, address: &str) -> Result<String, Error> {
    let word = random_word(address)?;
    let ours = match mark {
        Some(mark) => beginning(mark),
        None => random_word(address)?.expose().to_owned(),
    };
    Ok(format!("{ours}-{}", word.expose()))
}

/// What a token begins with that was made in the attempt of this mark.
fn beginning(mark: &str) -> String {
    let digest = hex::digest(mark.as_bytes());
    let digits = digest.trim_start_matches("sha256:");
    digits.chars().take(OF_THE_MARK).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(versions: &[(&str, &str)]) -> DescribeSecretOutput {
        let mut made = DescribeSecretOutput::builder();
        for (version, stage) in versions {
            made = made.version_ids_to_stages(*version, vec![(*stage).to_owned()]);
        }
        made.build()
    }

    #[test]
    fn a_token_is_one_that_secrets_manager_takes_and_says_whose_attempt_it_was() {
        let made = |mark| token(mark, "x").unwrap();
        for one in [made(None), made(Some("")), made(Some("k3mfq-0x9pa"))] {
            assert!((32..=64).contains(&one.len()), "{one}");
        }
        assert!(made(Some("a")).starts_with(&beginning("a")));
        assert!(!made(Some("b")).starts_with(&beginning("a")));
        assert_ne!(made(Some("a")), made(Some("a")));
    }

    #[test]
    fn the_version_in_use_is_said_first_and_each_with_its_stages() {
        let found = with(&[("a", "AWSPREVIOUS"), ("b", CURRENT)]);
        assert_eq!(
            watched(&found)["version"],
            "b [AWSCURRENT], a [AWSPREVIOUS]"
        );
        assert_eq!(current(&found).unwrap(), "b");
        assert_eq!(watched(&with(&[]))["version"], "none");
        let forgotten = with(&[("b", CURRENT)]);
        let mut with_one = forgotten.clone();
        let versions = with_one.version_ids_to_stages.as_mut().unwrap();
        versions.insert("a".to_owned(), Vec::new());
        assert_eq!(watched(&with_one), watched(&forgotten));
    }

    #[test]
    fn only_what_has_our_tag_and_is_on_its_way_out_can_be_used_again() {
        let date = aws_sdk_secretsmanager::primitives::DateTime::from_secs(0);
        let made = |ours: bool, deleted: bool| {
            DescribeSecretOutput::builder()
                .set_tags(ours.then(|| vec![tag(REMOVED, "a")]))
                .set_deleted_date(deleted.then_some(date))
                .build()
        };
        assert!(is_removed(&made(true, true)));
        assert!(!is_removed(&made(true, false)) && !is_removed(&made(false, true)));
    }

    #[test]
    fn what_somebody_has_put_into_a_secret_that_was_removed_is_theirs() {
        let holds = |version: &str| {
            let mut found = with(&[(version, CURRENT)]);
            found.tags = Some(vec![tag(REMOVED, "a")]);
            is_as_removed(&found)
        };
        assert!(holds("a") && !holds("b"));
        assert!(!is_as_removed(&with(&[("a", CURRENT)])));
    }
}
