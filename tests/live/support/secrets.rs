//! Secrets Manager of LocalStack.

use super::localstack::{LocalStack, code};

impl LocalStack {
    /// The value of a secret, where there is one that is not scheduled for deletion.
    pub fn secret(&self, name: &str) -> Option<String> {
        let request = self.secrets.get_secret_value().secret_id(name);
        let found = self.runtime.block_on(request.send());
        let is_none = |error| {
            ["ResourceNotFoundException", "InvalidRequestException"].contains(&&*code(error))
        };
        if found.as_ref().is_err_and(is_none) {
            return None;
        }
        found.expect("the service answers").secret_string
    }

    /// Makes a secret that is not there.
    pub fn make_secret(&self, name: &str, value: &str) {
        let request = self.secrets.create_secret().name(name).secret_string(value);
        let made = self.runtime.block_on(request.send());
        made.expect("the name is free");
    }

    /// Puts another version into a secret, at this stage.
    pub fn put_version(&self, name: &str, value: &str, stage: &str) {
        let request = self.secrets.put_secret_value().secret_id(name);
        let request = request.secret_string(value).version_stages(stage);
        let put = self.runtime.block_on(request.send());
        put.expect("the secret is there");
    }

    /// Deletes a secret, so that it can be restored.
    pub fn schedule_deletion(&self, name: &str) {
        let request = self.secrets.delete_secret().secret_id(name);
        let deleted = self.runtime.block_on(request.send());
        deleted.expect("the secret is there");
    }

    /// Takes that back.
    pub fn restore_secret(&self, name: &str) {
        let request = self.secrets.restore_secret().secret_id(name);
        let restored = self.runtime.block_on(request.send());
        restored.expect("the secret is there");
    }

    /// Deletes a secret for good.
    pub fn delete_secret(&self, name: &str) {
        let request = self.secrets.delete_secret().secret_id(name);
        let request = request.force_delete_without_recovery(true);
        let deleted = self.runtime.block_on(request.send());
        deleted.expect("the secret is there");
    }

    /// The names of all secrets that begin so, sorted, each with whether it is scheduled for deletion.
    pub fn secrets_under(&self, prefix: &str) -> Vec<(String, bool)> {
        let request = self.secrets.list_secrets().include_planned_deletion(true);
        let pages = request.into_paginator().send();
        let pages = self
            .runtime
            .block_on(pages.collect::<Result<Vec<_>, _>>())
            .expect("the service answers");
        let all = pages
            .into_iter()
            .flat_map(|page| page.secret_list.unwrap_or_default());
        let mut found: Vec<_> = all
            .filter_map(|one| Some((one.name?, one.deleted_date.is_some())))
            .filter(|(name, _)| name.starts_with(prefix))
            .collect();
        found.sort();
        found
    }

    /// The tags of a secret, as `key=value`.
    pub fn secret_tags(&self, name: &str) -> Vec<String> {
        let request = self.secrets.describe_secret().secret_id(name);
        let found = self.runtime.block_on(request.send());
        let tags = found.expect("the secret is there").tags.unwrap_or_default();
        let text = |tag: &aws_sdk_secretsmanager::types::Tag| {
            format!(
                "{}={}",
                tag.key().unwrap_or_default(),
                tag.value().unwrap_or_default()
            )
        };
        tags.iter().map(text).collect()
    }
}
