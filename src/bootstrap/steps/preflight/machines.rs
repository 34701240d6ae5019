//! What keeps machines out and shows without the server: a token that is not to be had, and a Kubernetes API that tells
//! the server nothing. Nobody signs in for a ceremony that ends at one of them.

use futures::future::{join, join_all};

use crate::bootstrap::ceremony::Ceremony;
use crate::config::{AuthMount, Login};
use crate::door;
use crate::edge::doors;
use crate::failure::Failure;

/// Tries all of them.
pub(super) async fn try_all(ceremony: &Ceremony<'_>, failures: &mut Vec<Failure>) {
    let config = ceremony.config;
    let logins = config.logins.iter().filter(|login| !login.needs_a_person());
    let mounts = config
        .auth
        .iter()
        .filter(|mount| mount.auth_type == "kubernetes");
    let (fetched, reviewed) = join(
        join_all(logins.map(|login| fetch(ceremony, login))),
        join_all(mounts.map(|mount| review(ceremony, mount))),
    )
    .await;
    let all = fetched.into_iter().chain(reviewed);
    failures.extend(all.filter_map(Result::err));
}

async fn fetch(ceremony: &Ceremony<'_>, login: &Login) -> Result<(), Failure> {
    let of_login = |failure: Failure| failure.about(&format!("login {}: ", login.name));
    let door = doors::door(&ceremony.login_context(), login).map_err(of_login)?;
    Ok(door::has_credential(&door).await?)
}

async fn review(ceremony: &Ceremony<'_>, mount: &AuthMount) -> Result<(), Failure> {
    let path = format!("auth/{}/config", mount.path);
    let of_mount = |failure: Failure| failure.about(&format!("{path}: "));
    let reviewer = doors::reviewer(&ceremony.login_context(), mount).map_err(of_mount)?;
    let Some(reviewer) = reviewer else {
        return Ok(());
    };
    let tried = reviewer.may_review().await;
    let not_tried = tried.map_err(|problem| of_mount(problem.into()))?;
    if let Some(why) = not_tried {
        ceremony.note(format!(
            "{path}: the reviewer was not tried from here: {why}"
        ));
    }
    Ok(())
}
