//! Types of auth methods that the server does not have: OpenBao 2.7 took some out, which it has as plugins only.

use crate::code::Code;
use crate::config::Config;
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::sys::{Health, Product, release};
use crate::vault::{Client, Error, mounts};

/// Auth methods that OpenBao has not built in since this release (tried on 2.6.2, which lists them, and 2.7.2).
const NOT_BUILT_IN: [&str; 3] = ["kerberos", "ldap", "radius"];
const SINCE: (u32, u32, u32) = (2, 7, 0);

/// The auth methods of the file whose type is not built into this server, for whoever begins: before it is initialised it tells
/// nobody which plugins it has.
pub(crate) fn not_built_in(config: &Config, health: &Health) -> Option<String> {
    let is_without = health.product == Product::OpenBao
        && release(&health.version).is_some_and(|release| release >= SINCE);
    let methods = config.auth.iter();
    let methods = methods.filter(|method| NOT_BUILT_IN.contains(&method.auth_type.as_str()));
    let named: Vec<_> = methods.map(|one| format!("auth/{}", one.path)).collect();
    (is_without && !named.is_empty()).then(|| {
        format!(
            "OpenBao {} has no built-in type for {}: without a plugin of that name in the server's own configuration, \
             apply stops as soon as it can ask, once the cluster is initialised",
            health.version,
            named.join(", ")
        )
    })
}

/// Holds that the server has the type of each auth method of the file.
///
/// # Errors
/// It lacks one: nothing is mounted then. Or it cannot be asked.
pub(crate) async fn has_auth_types(
    config: &Config,
    client: &Client,
    token: &Token,
) -> Result<(), Failure> {
    if config.auth.is_empty() {
        return Ok(());
    }
    let known = match mounts::auth_types(client, token).await {
        Ok(known) => known,
        Err(error) if error.is_retryable() => return Err(error.into()),
        // A server that has no such list says it when it is asked to mount.
        Err(Error { .. }) => return Ok(()),
    };
    let lacks = config.auth.iter();
    let lacks = lacks.filter(|method| !known.is_empty() && !known.contains(&method.auth_type));
    let failures = lacks.map(|method| {
        let kind = &method.auth_type;
        Failure::refused(
            Code::NotOnThisServer,
            format!(
                "auth/{} is to be of type {kind}, which {} does not have: it has {}",
                method.path,
                client.address(),
                known.join(", ")
            ),
        )
        .advise(format!(
            "register a plugin {kind} in the configuration of every node and restart them, or take auth.{} and its logins \
             out of the file; then run apply again",
            method.path
        ))
    });
    Failure::check(failures.collect())
}
