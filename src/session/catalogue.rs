//! What a server can mount: types of auth methods that it does not have, since OpenBao 2.7 took some out, which it has as plugins
//! only; and plugins of the file that it does not take.

use crate::code::Code;
use crate::config::{Config, Plugin};
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::sys::{Health, Product, release};
use crate::vault::{Client, Error, mounts, plugins, sys};

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
    let methods = methods.filter(|method| !registers(config, &method.auth_type));
    let named: Vec<_> = methods.map(|one| format!("auth/{}", one.path)).collect();
    (is_without && !named.is_empty()).then(|| {
        format!(
            "OpenBao {} has no built-in type for {}: without a plugin of that name in the server's own configuration, \
             or under plugins.auth of the file, apply stops as soon as it can ask, once the cluster is initialised",
            health.version,
            named.join(", ")
        )
    })
}

/// Whether the file brings the type of an auth method as a plugin.
fn registers(config: &Config, auth_type: &str) -> bool {
    let mut plugins = config.plugins.iter();
    plugins.any(|plugin| plugin.kind == "auth" && plugin.name == auth_type)
}

/// Holds that the server can register the plugins of the file: none is of a name that it has built in, which would change what
/// is mounted by that name, and there is no container where only Vault takes one.
///
/// # Errors
/// One is. Or the server cannot be asked which product it is.
pub(crate) async fn lets_register(
    config: &Config,
    client: &Client,
    listed: &[plugins::Plugin],
) -> Result<(), Failure> {
    let has = |plugin: &&Plugin| {
        let mut built_in = listed.iter().filter(|one| one.builtin);
        built_in.any(|one| one.kind == plugin.kind && one.name == plugin.name)
    };
    let taken = config.plugins.iter().filter(has).map(|plugin| {
        let text = format!(
            "plugins.{}.{} of the file: {} has a plugin of that name built in, in whose place it would be",
            plugin.kind,
            plugin.name,
            client.address()
        );
        Failure::refused(Code::FileContradicts, text)
            .advise("give it another name in the file, and its mounts that type; then run apply again")
    });
    let mut failures: Vec<_> = taken.collect();
    let mut images = config.plugins.iter().filter(|one| one.oci_image.is_some());
    if let Some(plugin) = images.next()
        && sys::health(client).await?.product == Product::OpenBao
    {
        let text = format!(
            "plugins.{}.{} of the file is a container, which OpenBao does not register over its API",
            plugin.kind, plugin.name
        );
        failures.push(Failure::refused(Code::NotOnThisServer, text).advise(
            "put its file into plugin_directory and name it as command; or declare the image in the configuration of every \
             node, and take the plugin out of the file",
        ));
    }
    Failure::check(failures)
}

/// Holds that the server can register the plugins of the file, and has the type of each auth method of the file.
///
/// # Errors
/// It cannot, or lacks one: nothing is mounted then. Or it cannot be asked.
pub(crate) async fn has_auth_types(
    config: &Config,
    client: &Client,
    token: &Token,
) -> Result<(), Failure> {
    if !config.plugins.is_empty() {
        let listed = plugins::catalogue(client, token).await?;
        lets_register(config, client, &listed).await?;
    }
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
    let lacks = lacks.filter(|method| !registers(config, &method.auth_type));
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
            "name a plugin of it under plugins.auth.{kind} in the file, or take auth.{} and its logins out of the file; then \
             run apply again",
            method.path
        ))
    });
    Failure::check(failures.collect())
}
