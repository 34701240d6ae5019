//! Shares back from their custodians, whoever of them answers.

use super::way::Inside;
use crate::custodian::{Custodian, IdentityFile};
use crate::edge::shares::{self, Ask};
use crate::failure::{Exit, Failure};
use crate::root_generation::Held;

/// What came back, and from whom nothing did.
pub(super) struct Gathered {
    /// In the order of the file.
    pub(super) held: Vec<Held>,
    /// Who did not answer, and why.
    pub(super) away: Vec<(String, String)>,
}

impl Gathered {
    pub(super) fn names(&self) -> Vec<&str> {
        self.held.iter().map(|held| held.name.as_str()).collect()
    }
}

/// Asks each custodian until `enough` have answered: machines first, then people. None of them is needed who cannot be
/// had, as long as `needed` can.
///
/// # Errors
/// Too few answered: each of the others with why. Or an interrupted question.
pub(super) async fn gather(
    way: &Inside<'_>,
    verb: &str,
    (enough, needed): (usize, usize),
) -> Result<Gathered, Failure> {
    let identities = shares::identities(&way.options.identities)?;
    let mut opened = way.custodians().await;
    let order: Vec<String> = opened.iter().map(|(name, _)| name.clone()).collect();
    opened.sort_by_key(|(_, one)| !one.as_ref().is_ok_and(|one| one.opens_with(&identities)));
    let (mut held, mut away) = (Vec::new(), Vec::<(String, Failure)>::new());
    for (name, custodian) in opened {
        if held.len() == enough {
            break;
        }
        let asked = match custodian {
            Ok(custodian) => one(way, verb, &custodian, &identities).await,
            Err(failure) => Err(failure),
        };
        match asked {
            Ok(share) => {
                way.note(format!("{name} has answered"));
                held.push(Held { name, share });
            }
            Err(failure) if matches!(failure.exit, Exit::Interrupted(_)) => return Err(failure),
            Err(failure) => {
                way.warn(format!("{name} does not answer: {failure}"));
                away.push((name, failure));
            }
        }
    }
    held.sort_by_key(|held| order.iter().position(|name| *name == held.name));
    if held.len() < needed {
        return Err(too_few(held.len(), needed, away));
    }
    let away = away.into_iter();
    let away = away.map(|(name, failure)| (name, failure.to_string()));
    Ok(Gathered {
        held,
        away: away.collect(),
    })
}

/// The share of one custodian.
///
/// # Errors
/// It cannot be had.
pub(super) async fn one(
    way: &Inside<'_>,
    verb: &str,
    custodian: &Custodian,
    identities: &[IdentityFile],
) -> Result<crate::secret::Share, Failure> {
    let ask = Ask {
        config: way.config,
        verb,
        otherwise: "",
    };
    shares::share(&ask, custodian, identities).await
}

/// Nothing was started: no attempt is to be ended.
fn too_few(have: usize, needed: usize, away: Vec<(String, Failure)>) -> Failure {
    let mut failures = vec![
        Failure::failed(format!(
            "{have} of the {needed} shares that a root token needs could be had; nothing was started"
        ))
        .advise("get hold of the keepers below, or of other keepers, and run the same command again"),
    ];
    for (name, mut failure) in away {
        for problem in &mut failure.problems {
            problem.what = format!("{name} does not answer: {}", problem.what);
        }
        // Another keeper may be had instead.
        failures.push(failure.softened());
    }
    Failure::all(failures).unwrap_or_else(|| Failure::failed("too few shares could be had"))
}
