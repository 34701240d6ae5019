//! Parameters below a path, as a place for small values. Deleting one takes its history with it.

use std::time::Duration;

use aws_sdk_ssm::types::ParameterTier;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::aws::Aws;
use crate::aws::parameter::{self, check_name, unresolved};
use crate::backend::{Error, Kind, patiently, retry};

/// What a standard parameter takes (AWS SSM: 4096 characters), as base64: in bytes.
pub(super) const LONGEST: usize = 4096 / 4 * 3;
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
    parameters: parameter::Parameters,
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
        let parameters = parameter::Parameters::open(path, key, aws).await?;
        Ok(Self {
            address: parameters.address(path),
            path: path.to_owned(),
            parameters,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn put(&self, name: &str, value: &[u8], replace: bool) -> Result<(), Error> {
        let name = self.full(name);
        let value = BASE64_STANDARD.encode(value);
        let put = async || {
            let put = self
                .parameters
                .put((&self.address, &name), &value, |request| {
                    request
                        .tier(ParameterTier::Standard)
                        .overwrite(replace)
                        .description("checkpoint of vault-bootstrap")
                });
            put.await
        };
        let again = |done: &Result<(), Error>| done.as_ref().is_err_and(is_later);
        retry((PATIENCE, PAUSE), again, put).await
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let name = self.full(name);
        let found = self.parameters.get((&self.address, &name), true).await?;
        let Some(parameter) = found else {
            return Ok(None);
        };
        let bytes = parameter.value.map(|text| BASE64_STANDARD.decode(text));
        match bytes {
            Some(Ok(bytes)) => Ok(Some(bytes)),
            _ => Err(self.damaged("a parameter there is not ours")),
        }
    }

    pub(super) async fn names(&self) -> Result<Vec<String>, Error> {
        let ssm = &self.parameters.session.ssm;
        // Ten are the most that it takes.
        let request = ssm
            .get_parameters_by_path()
            .path(&self.path)
            .max_results(10);
        let mut pages = request.into_paginator().send();
        let below = format!("{}/", self.path);
        let called = (self.address.as_str(), self.path.as_str());
        let mut names = Vec::new();
        for _ in 0..PAGES {
            let Some(page) = pages.next().await else {
                return Ok(names);
            };
            let page = self.parameters.listed(called, page)?;
            let parameters = page.parameters.unwrap_or_default().into_iter();
            let full = parameters.filter_map(|parameter| parameter.name);
            names.extend(full.filter_map(|name| name.strip_prefix(&below).map(str::to_owned)));
        }
        Err(self.damaged("more parameters are there than a checkpoint ever has"))
    }

    /// Deletes it with its history, and looks until it cannot be read.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let full = self.full(name);
        self.parameters.delete((&self.address, &full)).await?;
        let gone = async || Ok::<_, Error>(self.get(name).await?.is_none().then_some(()));
        if patiently(gone).await?.is_some() {
            return Ok(());
        }
        let why = format!("{full} can still be read after its deletion");
        Err(Error::new(&self.address, Kind::KeepsDeleted(why)))
    }

    fn damaged(&self, why: &'static str) -> Error {
        Error::new(&self.address, Kind::Damaged(why))
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

fn is_later(error: &Error) -> bool {
    matches!(error.kind(), Kind::Service { code, .. } if LATER.contains(&code.as_str()))
}
