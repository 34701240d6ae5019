//! Groups and entities of the file, what auth methods call them, and whose logins need a second factor.
//!
//! The servers know them by ids, the file by names: answers are compared in the file's words, and what is sent gets its ids
//! when it is sent. An alias is a document of its own below what it belongs to, since it is changed by its own id: a second
//! write of its name is refused by the servers, or takes it away from somebody else (measured on OpenBao 2.6.2 and 2.7.2 and
//! Vault 1.21.1).

mod alias;
mod answers;
mod documents;
pub(crate) mod mfa;
pub(crate) mod missed;
mod paths;
mod server;
mod writing;

use crate::config::makes_root::way_to_root;
use crate::config::{BreakGlass, Config, PolicySource};
use crate::desired::identity::answers::{Alias, accessors};
use crate::desired::identity::documents::{Wanted, of};
use crate::desired::identity::paths::{is_mfa, parts};
use crate::desired::identity::server::Server;
use crate::desired::view::View;
use crate::failure::Failure;
use crate::finding::{DocumentFinding, Finding};

pub(crate) use paths::{ENFORCEMENTS, is_identity};
pub(crate) use writing::apply;

/// Looks at the groups and entities of the file, and at its second factors. Changes nothing.
///
/// # Errors
/// The server does not answer as such servers do, a group or second factor is of another type, or an alias cannot be given to who is to have it.
pub(crate) async fn wanted(view: &View<'_>) -> Result<Wanted, Failure> {
    if view.config.identity.is_empty() && view.config.mfa.is_empty() {
        return Ok(Wanted::default());
    }
    let server = Server::look(view).await?;
    mfa::ourselves::stay_out(view, &server).await?;
    let mut wanted = of(view, &server)?;
    wanted.findings.extend(make_root(view.config));
    Ok(wanted)
}

/// Whoever is made root by a policy of the file that a group or entity of the file gives them.
fn make_root(config: &Config) -> Vec<Finding> {
    let accepted: &[String] = match &config.break_glass {
        BreakGlass::Logins { accept_admins, .. } => accept_admins,
        BreakGlass::None { .. } => &[],
    };
    let given = config.identity.policies();
    let given = given.filter(|(name, _)| !accepted.iter().any(|one| one == name));
    let found = given.filter_map(|(name, policy)| match &config.policy(policy)?.source {
        PolicySource::Rules { text, .. } => {
            let rule = way_to_root(text)?;
            let (name, policy) = (name.to_owned(), policy.to_owned());
            Some(DocumentFinding::GivesRoot(name, policy, rule).into())
        }
        PolicySource::Auditor => None,
    });
    found.collect()
}

/// Whether the server still has what the file once named, and names no more.
///
/// # Errors
/// The server does not answer as such servers do.
pub(crate) async fn is_there(view: &View<'_>, path: &str) -> Result<Option<bool>, Failure> {
    if is_mfa(path) {
        return mfa::seen::is_there(view, path).await;
    }
    let Some((owner, below)) = parts(path) else {
        return Ok(Some(false));
    };
    let answer = match view.client().read(Some(view.token()?), &owner).await {
        Ok(answer) => answer,
        Err(error) if error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(answer) = answer else {
        return Ok(Some(false));
    };
    let Some(below) = below else {
        return Ok(Some(true));
    };
    let mut aliases = Alias::all_of(&answer);
    if let Some((_, method)) = below.split_once('/') {
        let Some(accessors) = accessors(view).await? else {
            return Ok(None);
        };
        let accessor = accessors.get(method);
        aliases.retain(|one| accessor.is_some_and(|accessor| one.accessor == *accessor));
    }
    Ok(Some(!aliases.is_empty()))
}
