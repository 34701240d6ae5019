//! Parameters below a path, as a place for small values. Deleting one takes its history with it.

use std::time::Duration;

use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::aws::kms::KmsKey;
use crate::aws::parameter::{address, check_name, resource, unresolved};
use crate::aws::{Aws, Call, Session};
use crate::backend::{Error, Kind};
use crate::replica::patience::patiently;

/// What a standard parameter takes (AWS SSM: 4096 characters), as base64: in bytes.
pub(super) const LONGEST: usize = 4096 / 4 * 3;
/// The key of the account that SSM uses when none is named.
const ACCOUNT_KEY: &str = "alias/aws/ssm";
/// SSM takes a few writes a second and account (AWS SSM: quotas), and says so to the others.
const PATIENCE: u32 = 7;
/// Pause after the first such answer; doubles each time.
const PAUSE: Duration = Duration::from_millis(250);
/// Answers that mean "later".
const LATER: [&str; 3] = [
    "ThrottlingException",
    "TooManyUpdates",
    "RequestLimitExceeded",
];
/// Pages of a listing, ten parameters each; a diary of 384 KB has about a hundred.
const PAGES: usize = 100;

pub(super) struct Parameters {
    address: String,
    path: String,
    key: KmsKey,
    account: Option<String>,
    session: Session,
}

impl Parameters {
    pub(super) async fn open(path: &str, key: Option<&str>, aws: &Aws) -> Result<Self, Error> {
        let path = path.trim_end_matches('/');
        check_name(path)?;
        // The longest name below it must fit as well.
        check_name(&format!("{path}/secrets-1000000-0123456789abcdef.100"))?;
        if !path.starts_with('/') {
            let text = "a path of parameters starts with /".to_owned();
            return Err(Error::new(unresolved(path), Kind::Misconfigured(text)));
        }
        let session = Session::of(aws, &unresolved(path)).await?;
        let key = KmsKey::in_session(key.unwrap_or(ACCOUNT_KEY), session.clone()).await?;
        let account = session.account().await;
        Ok(Self {
            address: address(&session.region, path),
            account: account.or_else(|| key.facts().account.clone()),
            path: path.to_owned(),
            key,
            session,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn put(&self, name: &str, value: &[u8], replace: bool) -> Result<(), Error> {
        let mut pause = PAUSE;
        for _ in 1..PATIENCE {
            match self.put_once(name, value, replace).await {
                Err(error) if is_later(&error) => tokio::time::sleep(pause).await,
                result => return result,
            }
            pause *= 2;
        }
        self.put_once(name, value, replace).await
    }

    async fn put_once(&self, name: &str, value: &[u8], replace: bool) -> Result<(), Error> {
        let request = self.session.ssm.put_parameter();
        let request = request
            .name(self.full(name))
            .value(BASE64_STANDARD.encode(value))
            .r#type(ParameterType::SecureString)
            .key_id(self.key.arn())
            .tier(ParameterTier::Standard)
            .overwrite(replace)
            .description("checkpoint of vault-bootstrap");
        let answer = request.send().await;
        self.called("ssm:PutParameter", |call| {
            answer.map(|_| ()).map_err(|error| call.failed(&error))
        })
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let request = self.session.ssm.get_parameter().name(self.full(name));
        let answer = request.with_decryption(true).send().await;
        let found = self.called("ssm:GetParameter", |call| {
            answer.map_err(|error| call.failed(&error))
        });
        let value = match found {
            Ok(answer) => answer.parameter.and_then(|parameter| parameter.value),
            Err(error) if matches!(error.kind(), Kind::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = value.and_then(|text| BASE64_STANDARD.decode(text).ok());
        let damaged = Kind::Damaged("a parameter there is not ours");
        bytes
            .map(Some)
            .ok_or_else(|| Error::new(&self.address, damaged))
    }

    pub(super) async fn names(&self) -> Result<Vec<String>, Error> {
        let request = self.session.ssm.get_parameters_by_path().path(&self.path);
        let mut pages = request.into_paginator().send();
        let below = format!("{}/", self.path);
        let mut names = Vec::new();
        for _ in 0..PAGES {
            let Some(page) = pages.next().await else {
                return Ok(names);
            };
            let page = self.called("ssm:GetParametersByPath", |call| {
                page.map_err(|error| call.failed(&error))
            })?;
            let parameters = page.parameters.unwrap_or_default().into_iter();
            let full = parameters.filter_map(|parameter| parameter.name);
            names.extend(full.filter_map(|name| name.strip_prefix(&below).map(str::to_owned)));
        }
        let crowded = Kind::Damaged("more parameters are there than a checkpoint ever has");
        Err(Error::new(&self.address, crowded))
    }

    /// Deletes it with its history, and looks until it cannot be read.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let request = self.session.ssm.delete_parameter().name(self.full(name));
        let answer = request.send().await;
        let deleted = self.called("ssm:DeleteParameter", |call| {
            answer.map(|_| ()).map_err(|error| call.failed(&error))
        });
        match deleted {
            Err(error) if !matches!(error.kind(), Kind::NotFound) => return Err(error),
            _ => {}
        }
        let gone = async || Ok::<_, Error>(self.get(name).await?.is_none().then_some(()));
        if patiently(gone).await?.is_some() {
            return Ok(());
        }
        let why = format!("{} can still be read after its deletion", self.full(name));
        Err(Error::new(&self.address, Kind::KeepsDeleted(why)))
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    fn called<T>(
        &self,
        action: &'static str,
        result: impl FnOnce(&Call<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (region, account) = (&self.session.region, self.account.as_deref());
        let below = self.full("");
        result(&Call {
            address: &self.address,
            action,
            resource: &resource(region, Some(self.key.arn()), account, &below),
            key: self.key.arn(),
            region,
        })
    }
}

fn is_later(error: &Error) -> bool {
    matches!(error.kind(), Kind::Service { code, .. } if LATER.contains(&code.as_str()))
}
