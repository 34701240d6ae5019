//! Shares back from their custodians, whoever of them answers.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::code::Code;
use crate::config::Config;
use crate::custodian::{Custodian, IdentityFile};
use crate::edge::custodians;
use crate::event::Caller;
use crate::failure::{Exit, Failure};
use crate::root_generation::Held;
use crate::shares::doubles::Doubles;
use crate::shares::fetch::{self, Ask};
use crate::shares::key_set;

/// What came back, and from whom nothing did.
#[derive(Default)]
pub(crate) struct Gathered {
    /// In the order of the file.
    pub(crate) held: Vec<Held>,
    /// Who give their shares from machines of their own, where that was asked for.
    pub(crate) elsewhere: Vec<String>,
    /// Who did not answer, and why.
    pub(crate) away: Vec<(String, Failure)>,
}

/// A custodian of the file, opened or not, and whether nobody must be asked for the share.
struct Candidate {
    name: String,
    custodian: Result<Custodian, Failure>,
    opens_here: bool,
}

/// Who asks for shares, and for which command.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) config: &'a Config,
    /// Files of identities that open shares of people.
    pub(crate) identities: &'a [PathBuf],
    /// Custodians that are not asked.
    pub(crate) without: &'a [String],
    /// Custodians that are asked only where the others are too few.
    pub(crate) last: &'a [String],
    /// Shares that are in hand already: whoever gives one of them gives nothing.
    pub(crate) held: &'a [Held],
    /// Every share is needed: the first that cannot be had ends the asking.
    pub(crate) every: bool,
    /// Whether holders give from machines of their own what cannot be opened here.
    pub(crate) holders: bool,
    pub(crate) caller: Caller<'a>,
    /// The command that can be given an identity, without `--identity`.
    pub(crate) verb: &'static str,
    /// Another way to give a share, where there is one.
    pub(crate) otherwise: &'a str,
}

impl Asking<'_> {
    /// Asks each custodian until `enough` have answered: machines first, then people. None of them is needed who
    /// cannot be had.
    ///
    /// # Errors
    /// The file's shares are no longer valid, an identity file cannot be read, or a question was interrupted.
    pub(crate) async fn gather(self, enough: usize) -> Result<Gathered, Failure> {
        self.gather_from(enough, enough).await
    }

    /// The same, and asks no person once there are `enough`; machines are asked for `at_most`, since some shares may
    /// be of no use.
    pub(crate) async fn gather_from(
        self,
        enough: usize,
        at_most: usize,
    ) -> Result<Gathered, Failure> {
        self.those_that_hold()?;
        let identities = fetch::identities(self.identities)?;
        let mut candidates = self.candidates(&identities).await;
        if self.every {
            let mut unopened = candidates
                .iter()
                .filter_map(|one| one.custodian.as_ref().err());
            Failure::check(unopened.by_ref().cloned().collect())?;
        }
        self.useless(&candidates, &identities).await;
        let order: Vec<String> = candidates.iter().map(|one| one.name.clone()).collect();
        candidates.sort_by_key(|one| (self.last.contains(&one.name), !one.opens_here));
        let mut gathered = self
            .ask_all(&candidates, &identities, (enough, at_most))
            .await?;
        let place = |name: &str| order.iter().position(|one| one == name);
        gathered.held.sort_by_key(|held| place(&held.name));
        gathered.elsewhere.sort_by_key(|name| place(name));
        Ok(gathered)
    }

    /// Says which identities open nothing here.
    async fn useless(self, candidates: &[Candidate], identities: &[IdentityFile]) {
        let custodians = candidates
            .iter()
            .filter_map(|one| one.custodian.as_ref().ok());
        for identity in fetch::useless(custodians, identities).await {
            let text = fetch::opens_none(identity);
            self.caller.events.warn(Code::IdentityWrong, text);
        }
    }

    /// Asks the candidates in their order.
    async fn ask_all(
        self,
        candidates: &[Candidate],
        identities: &[IdentityFile],
        (enough, at_most): (usize, usize),
    ) -> Result<Gathered, Failure> {
        let (with_holders, events) = (self.holders, self.caller.events);
        let mut gathered = Gathered::default();
        let mut doubles = Doubles::default();
        let mut queue: VecDeque<&Candidate> = candidates.iter().collect();
        while let Some(one) = queue.pop_front() {
            let Candidate {
                name, custodian, ..
            } = one;
            let person = custodian.is_ok() && !one.opens_here;
            let wanted = if one.opens_here { at_most } else { enough };
            if gathered.held.len() >= wanted && (person || !with_holders) {
                if with_holders {
                    gathered.elsewhere.push(name.clone());
                }
                continue;
            }
            let asked = match custodian {
                Ok(custodian) => {
                    let may_skip = !self.every || with_holders;
                    self.share(custodian, identities, may_skip).await
                }
                Err(failure) => Err(failure.clone()),
            };
            let known = (self.held, &mut gathered.held);
            match asked.and_then(|held| doubles.take(known, held, events)) {
                Ok(again) => {
                    if !again.contains(name) {
                        events.note(format!("{name} has answered"));
                    }
                    for name in again.iter().rev() {
                        if let Some(one) = candidates.iter().find(|one| one.name == *name) {
                            queue.push_front(one);
                        }
                    }
                }
                Err(failure) if matches!(failure.exit, Exit::Interrupted(_)) => {
                    return Err(failure);
                }
                // Whoever has nothing to type here may have it elsewhere.
                Err(failure) if person && with_holders => {
                    events.note(format!("{name} gives no share here: {failure}"));
                    gathered.elsewhere.push(name.clone());
                }
                Err(failure) if self.every => return Err(failure),
                Err(failure) => {
                    events.warn(failure.code(), format!("no share of {name}: {failure}"));
                    gathered.away.push((name.clone(), failure));
                }
            }
        }
        Ok(gathered)
    }

    /// How many custodians answer without anybody being asked.
    pub(crate) async fn opens_here(self) -> Result<usize, Failure> {
        let identities = fetch::identities(self.identities)?;
        let candidates = self.candidates(&identities).await;
        Ok(candidates.iter().filter(|one| one.opens_here).count())
    }

    /// The share of one custodian: the one named, or the only one that can be opened here.
    pub(crate) async fn own(self, wanted: Option<&str>) -> Result<Held, Failure> {
        self.those_that_hold()?;
        let identities = fetch::identities(self.identities)?;
        let mut candidates = self.candidates(&identities).await;
        let opened = candidates.iter().any(|one| one.opens_here);
        if wanted.is_none() && !opened && !identities.is_empty() {
            return Err(self.none_opens(&identities));
        }
        candidates.retain(|one| wanted.map_or(one.opens_here, |name| one.name == name));
        if candidates.len() != 1 {
            return Err(self.not_plain(wanted));
        }
        let custodian = candidates.remove(0).custodian?;
        self.share(&custodian, &identities, false).await
    }

    /// Nobody is asked for a share that is no longer valid, or without word that new ones are half made.
    fn those_that_hold(self) -> Result<(), Failure> {
        for finding in key_set::asked_for(self.config)? {
            self.caller.events.warn(finding.code(), finding.to_string());
        }
        Ok(())
    }

    /// Said instead of asking whose share it is.
    fn none_opens(self, identities: &[IdentityFile]) -> Failure {
        let said: Vec<_> = identities.iter().map(fetch::opens_none).collect();
        Failure::usage(Code::IdentityWrong, said.join("; ")).advise(
            "name the key of a holder with --identity; or to type the share: --custodian NAME without --identity",
        )
    }

    fn not_plain(self, wanted: Option<&str>) -> Failure {
        let names = self.config.init.custodians.iter();
        let names: Vec<_> = names.map(|one| one.name.as_str()).collect();
        let text = match wanted {
            Some(name) => format!("{} has no custodian {name}", self.config.file.display()),
            None => "cannot tell whose share to give".to_owned(),
        };
        Failure::usage(Code::NameUnknown, text)
            .advise(format!("name one of {} with --custodian", names.join(", ")))
    }

    /// The custodians of the file.
    async fn candidates(self, identities: &[IdentityFile]) -> Vec<Candidate> {
        let asked = self.config.init.custodians.iter();
        let asked = asked.filter(|one| !self.without.contains(&one.name));
        let opens = asked.map(|one| async move {
            let custodian = custodians::one(self.config, &one.name).await;
            let opens_here = match &custodian {
                Ok(custodian) => custodian.opens_with(identities).await,
                Err(_) => false,
            };
            Candidate {
                name: one.name.clone(),
                custodian,
                opens_here,
            }
        });
        futures::future::join_all(opens).await
    }

    async fn share(
        self,
        custodian: &Custodian,
        identities: &[IdentityFile],
        may_skip: bool,
    ) -> Result<Held, Failure> {
        let ask = Ask {
            config: self.config,
            verb: self.verb.into(),
            otherwise: self.otherwise,
            shares: self.config.init.shares,
            may_skip,
        };
        fetch::share(&ask, custodian, identities).await
    }
}

impl Gathered {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.held.iter().map(|held| held.name.as_str()).collect()
    }

    /// Holds that there are as many as are needed; nothing was started with fewer, so nothing is to be ended.
    ///
    /// # Errors
    /// Too few answered: each of the others with why.
    pub(crate) fn suffices(&self, needed: usize) -> Result<(), Failure> {
        let have = self.held.len() + self.elsewhere.len();
        if have >= needed {
            return Ok(());
        }
        let mut failures = vec![
            Failure::failed(Code::TooFewShares, format!(
                "only {have} of the {needed} shares needed are available; none was given to the server"
            ))
            .advise(
                "reach the holders below, or other holders, and run the same command again",
            ),
        ];
        for (name, failure) in &self.away {
            // Another holder may be had instead.
            let failure = failure.clone().softened();
            failures.push(failure.about(&format!("no share of {name}: ")));
        }
        Failure::check(failures)
    }
}
