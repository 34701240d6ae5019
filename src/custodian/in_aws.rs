//! A share, or another secret, that AWS keeps for a machine: in a parameter or in Secrets Manager.
//!
//! Values are created and never overwritten; deleted are our own canaries, and shares that open nothing. What
//! came of a write is decided by reading, never by the answer to the write.

use crate::aws::parameter::sibling;
use crate::backend::{Error, Kind, patiently, retry};
use crate::code::{Code, Reported};
use crate::custodian::secretsmanager::SecretsManager;
use crate::custodian::ssm::Ssm;
use crate::custodian::text::{random_word, same, share_from};
use crate::custodian::{Prepared, Stored, TrustDomain};
use crate::secret::{SecretText, Share};
use crate::shell::ShellCommand;

/// How often a trial value is made anew where the one before is on its way out, and the first pause.
const TRIALS: (u32, std::time::Duration) = (5, std::time::Duration::from_millis(250));

/// One place of AWS for one value.
pub(super) struct InAws {
    address: String,
    name: String,
    at: String,
    service: Service,
}

/// What keeps it.
pub(super) enum Service {
    Ssm(Ssm),
    SecretsManager(SecretsManager),
}

/// A value to be written, what it is in words, and the mark that it is known by.
pub(super) struct New<'a> {
    pub(super) value: &'a str,
    pub(super) what: String,
    pub(super) mark: Option<&'a str>,
}

/// A value that was read.
pub(super) struct Read {
    pub(super) value: SecretText,
    pub(super) stored: Stored,
}

/// The same asked of either service.
macro_rules! either {
    ($place:expr, $service:ident => $asked:expr) => {
        match &$place.service {
            Service::Ssm($service) => $asked,
            Service::SecretsManager($service) => $asked,
        }
    };
}

impl InAws {
    /// What is called `name` in the file is kept under the name `at`.
    pub(super) fn of(name: &str, at: &str, service: Service) -> Self {
        let mut place = Self {
            address: String::new(),
            name: name.to_owned(),
            at: at.to_owned(),
            service,
        };
        place.address = place.address_of(at);
        place
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Two profiles or a region said twice lead to one place.
    pub(super) fn place(&self) -> String {
        let account = either!(self, service => service.account()).unwrap_or_default();
        format!("{account} {}", self.address)
    }

    pub(super) fn trust_domain(&self) -> Vec<TrustDomain> {
        let account = either!(self, service => service.account()).into_iter();
        let account = account.map(|id| format!("AWS account {id}"));
        let key = format!("KMS key {}", self.key_arn());
        account.chain([key]).map(TrustDomain::Machines).collect()
    }

    pub(super) fn proof_subject(&self) -> String {
        format!("{} under {}", self.address, self.key_arn())
    }

    /// What shows the share without this program.
    pub(super) fn read_command(&self) -> ShellCommand {
        either!(self, service => service.read_command(&self.at))
    }

    pub(super) async fn facts(&self) -> Result<Option<Stored>, Error> {
        either!(self, service => service.facts(&self.at).await)
    }

    pub(super) async fn is_taken(&self) -> Result<bool, Error> {
        either!(self, service => service.is_taken(&self.at).await)
    }

    /// The same of what was stored there: only what is not seen several times is gone.
    pub(super) async fn facts_again(&self) -> Result<Option<Stored>, Error> {
        patiently(async || self.facts().await).await
    }

    pub(super) async fn fetch(&self) -> Result<Share, Error> {
        let found = self.found().await?;
        let value = found.ok_or_else(|| Error::new(&self.address, Kind::NotFound))?;
        Ok(share_from(value.expose()))
    }

    pub(super) async fn store(&self, share: &Share, prepared: &Prepared) -> Result<Stored, Error> {
        let new = New {
            value: share.expose(),
            what: format!("share of {} by vault-bootstrap", self.name),
            mark: prepared.mark.as_deref(),
        };
        self.create(&self.at, new).await
    }

    /// Keeps another secret there, which nothing is yet.
    pub(super) async fn keep(&self, secret: &SecretText) -> Result<(), Error> {
        let new = New {
            value: secret.expose(),
            what: format!("{}, handed out by vault-bootstrap", self.name),
            mark: None,
        };
        self.create(&self.at, new).await.map(drop)
    }

    /// What is there, whoever put it there.
    pub(super) async fn found(&self) -> Result<Option<SecretText>, Error> {
        either!(self, service => service.value(&self.at).await)
    }

    /// Whether the share was stored in this attempt.
    pub(super) async fn bears(&self, mark: &str) -> Result<bool, Error> {
        either!(self, service => service.bears(&self.at, mark).await)
    }

    pub(super) async fn remove(&self) -> Result<(), Error> {
        either!(self, service => service.remove(&self.at).await)
    }

    pub(super) async fn canary(&self, name: &str) -> Result<Vec<Reported>, Error> {
        either!(self, service => service.key_usable().await)?;
        let name = sibling(&self.at, name);
        let word = random_word(&self.address)?;
        match self.try_out(&name, &word).await {
            // The name is ours alone: a killed run did not come to deleting it.
            Err(error) if is_in_the_way(&error) => {
                self.delete(&name).await?;
                let still = |tried: &Result<_, Error>| tried.as_ref().is_err_and(is_in_the_way);
                retry(TRIALS, still, async || self.try_out(&name, &word).await).await
            }
            tried => tried,
        }
    }

    /// Creates `word` under a unique name beside the share, reads it back decrypted, deletes it.
    pub(super) async fn round_trip(&self, word: &SecretText) -> Result<Vec<Reported>, Error> {
        let name = sibling(&self.at, random_word(&self.address)?.expose());
        self.try_out(&name, word).await
    }

    async fn try_out(&self, name: &str, word: &SecretText) -> Result<Vec<Reported>, Error> {
        let what = "canary of vault-bootstrap, may be deleted".to_owned();
        let new = New {
            value: word.expose(),
            what,
            mark: None,
        };
        let created = self.create(name, new).await;
        let none_of_ours = |error: &Error| is_taken(error) || !error.may_have_written();
        if created.as_ref().is_err_and(none_of_ours) {
            return created.map(|_| Vec::new());
        }
        let leftover = match self.delete(name).await {
            Err(error) => {
                let (place, why) = (error.address(), error.kind());
                let delete = either!(self, service => service.delete_command(name));
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

    /// Creates a value and decides by a second look what came of it.
    async fn create(&self, name: &str, new: New<'_>) -> Result<Stored, Error> {
        let value = new.value;
        let failed = match either!(self, service => service.put(name, new).await) {
            Ok(()) => None,
            Err(error) if error.may_have_written() => Some(error),
            Err(error) => return Err(error),
        };
        let error = |kind| Error::new(self.address_of(name), kind);
        match (self.read_back(name).await, failed) {
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

    /// A look at what is or may be there: it is tried again for a while when nothing is seen yet.
    async fn read_back(&self, name: &str) -> Result<Option<Read>, Error> {
        patiently(async || either!(self, service => service.read(name).await)).await
    }

    /// Takes a trial value away for good.
    async fn delete(&self, name: &str) -> Result<(), Error> {
        either!(self, service => service.delete(name).await)
    }

    fn address_of(&self, name: &str) -> String {
        either!(self, service => service.address(name))
    }

    fn key_arn(&self) -> &str {
        either!(self, service => service.key_arn())
    }
}

fn is(read: &Read, expected: &str) -> bool {
    same(read.value.expose().as_bytes(), expected.as_bytes())
}

fn is_taken(error: &Error) -> bool {
    matches!(error.kind(), Kind::Taken)
}

/// Whether the name of a trial value is not free, or not yet.
fn is_in_the_way(error: &Error) -> bool {
    is_taken(error) || matches!(error.kind(), Kind::DeletionPending)
}
