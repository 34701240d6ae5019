//! The logins in the file of a holder: those of break-glass that a person can use.

use std::collections::BTreeMap;

use super::map;
use crate::config::{BreakGlass, Config, Field, Fields, Given, Login, LoginKind, OidcFlow, yaml};

/// What the check and the sign-in need of a role for people; what else it has is between the administrator and the server.
const OF_A_ROLE: [&str; 7] = [
    "role_type",
    "user_claim",
    "bound_claims",
    "bound_subject",
    "oidc_scopes",
    "callback_mode",
    "allowed_redirect_uris",
];
/// What an auth method is, and its roles or users by name.
type Mount<'a> = (&'a str, &'static str, Vec<String>);

/// The break-glass logins that a person can use, with what of their auth methods the check needs.
pub(super) fn section(config: &Config) -> String {
    let mut mounts: BTreeMap<&str, Mount<'_>> = BTreeMap::new();
    let (mut lines, mut names) = (String::new(), Vec::new());
    for login in config.doors() {
        let Some((given, kind, member)) = usable(config, login) else {
            continue;
        };
        let auth_type = config
            .auth_mount(&login.auth)
            .map_or("", |mount| &mount.auth_type);
        let (_, _, members) = mounts
            .entry(&login.auth)
            .or_insert((auth_type, kind, Vec::new()));
        if !members.contains(&member) {
            members.push(member);
        }
        lines.push_str(&format!(
            "  {}: {{auth: {}, {given}}}\n",
            yaml(&login.name),
            yaml(&login.auth)
        ));
        names.push(yaml(&login.name));
    }
    if names.is_empty() {
        return without_logins(config);
    }
    let one = if mounts.len() == 1 {
        ", accept_one_auth_method: true"
    } else {
        ""
    };
    let mounts: String = mounts
        .into_iter()
        .map(|(path, (auth_type, kind, members))| {
            let members: String = members
                .iter()
                .map(|member| format!("      {member}\n"))
                .collect();
            format!(
                "  {}:\n    type: {}\n    {kind}:\n{members}",
                yaml(path),
                yaml(auth_type)
            )
        })
        .collect();
    format!(
        "# share submit logs in: whoever cannot use the first login names another one with --login.\n\
         auth:\n{mounts}\nlogins:\n{lines}\nbreak_glass: {{logins: [{}]{one}}}\n",
        names.join(", ")
    )
}

fn without_logins(config: &Config) -> String {
    let reason = match &config.break_glass {
        BreakGlass::None { reason } => reason.clone(),
        BreakGlass::Logins { .. } => {
            "only machines can use the break-glass logins of this cluster".to_owned()
        }
    };
    format!(
        "# share submit needs a break-glass login, and there is none that a person can use.\nbreak_glass: {{none: {}}}\nrevoke_root: false # with no login the check asks for that\n",
        yaml(&reason)
    )
}

/// The keys of a login, of which kind its member of the auth method is, and that member; nothing where only a machine can
/// use it. What is secret is asked for: where the operator has it is of no use to a holder.
fn usable(config: &Config, login: &Login) -> Option<(String, &'static str, String)> {
    let asked = |what: &str| map([("prompt", Some(yaml(&format!("{what} of {}", login.name))))]);
    let mount = config.auth_mount(&login.auth)?;
    Some(match &login.kind {
        LoginKind::Userpass { username, .. } => {
            let password = asked("password");
            let given = format!("username: {}, password: {password}", yaml(username));
            (
                given,
                "users",
                format!("{}: {{password: {password}}}", yaml(username)),
            )
        }
        LoginKind::Ldap { username, .. } => {
            let password = asked("password");
            let given = format!("username: {}, password: {password}", yaml(username));
            (given, "users", format!("{}: {{}}", yaml(username)))
        }
        LoginKind::AppRole { role_id, .. } => {
            let role_id = match role_id {
                Given::Plain(text) => yaml(text),
                Given::Secret(_) => asked("role id"),
            };
            let given = format!("role_id: {role_id}, secret_id: {}", asked("secret id"));
            let (role, _) = mount.roles.first()?;
            (given, "roles", format!("{}: {{}}", yaml(role)))
        }
        LoginKind::Oidc { role, with } => {
            let with = match with {
                OidcFlow::Browser => "browser",
                OidcFlow::Url => "url",
                OidcFlow::Device => "device",
            };
            let fields = mount.role(role)?;
            let given = format!("role: {}, with: {with}", yaml(role));
            (
                given,
                "roles",
                format!("{}: {}", yaml(role), of_a_role(fields)),
            )
        }
        LoginKind::Jwt { .. } | LoginKind::Kubernetes { .. } | LoginKind::Cert { .. } => {
            return None;
        }
    })
}

fn of_a_role(fields: &Fields) -> String {
    map(OF_A_ROLE.map(|name| (name, fields.get(name).and_then(field))))
}

/// A value of the servers' API; nothing of one that is a secret.
fn field(value: &Field) -> Option<String> {
    Some(match value {
        Field::Null => "null".to_owned(),
        Field::Bool(value) => value.to_string(),
        Field::Number(value) => value.to_string(),
        Field::String(text) => yaml(text),
        Field::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(field).collect();
            format!("[{}]", items?.join(", "))
        }
        Field::Map(fields) => {
            let entry =
                |(key, value): &(String, Field)| Some(format!("{}: {}", yaml(key), field(value)?));
            let entries: Option<Vec<_>> = fields.iter().map(entry).collect();
            format!("{{{}}}", entries?.join(", "))
        }
        Field::Secret(_) | Field::Answer(_) => return None,
    })
}
