//! Logins of the file: which kind each one is, by its auth method and by the keys it has.

use super::check::list;
use super::model::{
    AuthMount, Capability, Field, Fields, Given, Login, LoginKind, OidcFlow, TokenRequest,
    TokenSource,
};
use super::reading::{Reading, capability, mount_path, span, url};
use super::shape;

/// Types of auth methods that a login can use.
const TYPES: [&str; 5] = ["userpass", "approle", "jwt", "kubernetes", "oidc"];

type Named<T> = Option<std::collections::BTreeMap<String, T>>;

impl Reading<'_> {
    /// All sound logins whose auth method is sound as well.
    pub(super) fn logins(&mut self, mounts: &[AuthMount]) -> Vec<Login> {
        let names: Vec<&str> = self
            .entries("logins")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut logins = Vec::new();
        for name in names {
            let Some(login) = self.typed::<shape::Login>(&["logins", name]) else {
                continue;
            };
            let auth = mount_path(&login.auth);
            let Some(mount) = mounts.iter().find(|mount| mount.path == auth) else {
                self.no_such_mount(name, &auth);
                continue;
            };
            let (can, cannot) = (
                self.capabilities(name, "can", &login.can),
                self.capabilities(name, "cannot", &login.cannot),
            );
            self.contradictions(name, &can, &cannot);
            if let Some(kind) = self.kind(name, login, mount) {
                logins.push(Login {
                    name: name.to_owned(),
                    auth,
                    kind,
                    can,
                    cannot,
                });
            }
        }
        logins
    }

    fn no_such_mount(&mut self, name: &str, auth: &str) {
        let mounts = self.names("auth");
        if mounts.iter().any(|mount| mount_path(mount) == auth) {
            return; // The auth method has problems of its own, which are reported there.
        }
        let known = list(mounts.iter().map(|mount| format!("`{mount}`")), "and");
        let known = if known.is_empty() {
            "`auth` is empty".into()
        } else {
            format!("`auth` has {known}")
        };
        self.refuse(
            &["logins", name, "auth"],
            format!("no auth method of this file has this path; {known}"),
        );
    }

    fn capabilities(
        &mut self,
        name: &str,
        key: &str,
        given: &Named<Vec<shape::Capability>>,
    ) -> Vec<(String, Vec<Capability>)> {
        let mut all = Vec::new();
        for (path, capabilities) in given.iter().flatten() {
            if capabilities.is_empty() {
                self.refuse(
                    &["logins", name, key, path],
                    "the list is empty, so nothing would be checked",
                );
            }
            if path.starts_with('/') || path.starts_with("v1/") || path.is_empty() {
                self.refuse(
                    &["logins", name, key, path],
                    "an API path has no `/` in front and no `v1/`",
                );
            }
            all.push((
                path.clone(),
                capabilities.iter().copied().map(capability).collect(),
            ));
        }
        all
    }

    fn contradictions(
        &mut self,
        name: &str,
        can: &[(String, Vec<Capability>)],
        cannot: &[(String, Vec<Capability>)],
    ) {
        for (path, denied) in cannot {
            let allowed = can
                .iter()
                .find(|(other, _)| other == path)
                .map(|(_, list)| list.as_slice())
                .unwrap_or_default();
            if let Some(both) = denied
                .iter()
                .find(|capability| allowed.contains(capability))
            {
                self.refuse(
                    &["logins", name, "cannot", path],
                    format!("`{both}` stands in `can` for this path as well"),
                );
            }
        }
    }

    fn kind(&mut self, name: &str, login: shape::Login, mount: &AuthMount) -> Option<LoginKind> {
        let given = keys(&login);
        let takes: &[&str] = match mount.auth_type.as_str() {
            "userpass" => &["username", "password"],
            "approle" => &["role_id", "secret_id"],
            "kubernetes" | "jwt" | "oidc" => &["role", "with"],
            _ => {
                let known = list(TYPES.iter().map(|name| format!("`{name}`")), "or");
                self.refuse(&["logins", name, "auth"], format!("this program logs in through {known}, not through an auth method of this type"));
                return None;
            }
        };
        let before = self.problems.len();
        for key in given.iter().filter(|key| !takes.contains(key)) {
            let takes = list(takes.iter().map(|key| format!("`{key}`")), "and");
            self.refuse(
                &["logins", name, key],
                format!("a login through `{}` takes {takes}", mount.auth_type),
            );
        }
        for key in takes
            .iter()
            .filter(|key| !given.contains(key) && (**key != "with" || mount.auth_type != "oidc"))
        {
            self.refuse(
                &["logins", name],
                format!(
                    "missing key `{key}`, which a login through `{}` needs",
                    mount.auth_type
                ),
            );
        }
        if self.problems.len() > before {
            return None;
        }
        match mount.auth_type.as_str() {
            "userpass" => self.userpass(name, login, mount),
            "approle" => Some(LoginKind::AppRole {
                role_id: match login.role_id? {
                    shape::TextOrReference::Text(text) => Given::Plain(text),
                    shape::TextOrReference::Reference(reference) => {
                        Given::Secret(self.reference(reference))
                    }
                },
                secret_id: self.reference(login.secret_id?),
            }),
            _ => self.role(name, login, mount),
        }
    }

    fn userpass(
        &mut self,
        name: &str,
        login: shape::Login,
        mount: &AuthMount,
    ) -> Option<LoginKind> {
        let username = login.username?;
        self.member(
            &["logins", name, "username"],
            "users",
            &username,
            &mount.users,
            &mount.path,
        );
        Some(LoginKind::Userpass {
            username,
            password: self.reference(login.password?),
        })
    }

    fn role(&mut self, name: &str, login: shape::Login, mount: &AuthMount) -> Option<LoginKind> {
        let role = login.role?;
        let fields = self.member(
            &["logins", name, "role"],
            "roles",
            &role,
            &mount.roles,
            &mount.path,
        )?;
        let setting = |key: &str| fields.get(key).and_then(Field::as_str);
        let for_people = mount.auth_type != "kubernetes" && setting("role_type") != Some("jwt");
        match login.with {
            Some(shape::With::Token(_)) if for_people => {
                self.refuse(&["logins", name, "with"], "the role is for people (`role_type: oidc`); a JWT needs a role with `role_type: jwt`");
                None
            }
            Some(shape::With::Flow(_)) | None if !for_people => {
                self.refuse(&["logins", name, "with"], "the role takes a JWT: `with` is `{token_file: …}`, `{command: …}` or `{token_request: …}`");
                None
            }
            Some(shape::With::Token(source)) => {
                let with = self.token_source(source);
                Some(if mount.auth_type == "kubernetes" {
                    LoginKind::Kubernetes { role, with }
                } else {
                    LoginKind::Jwt { role, with }
                })
            }
            flow => {
                let with = match flow {
                    Some(shape::With::Flow(shape::Flow::Url)) => OidcFlow::Url,
                    Some(shape::With::Flow(shape::Flow::Device)) => OidcFlow::Device,
                    _ => OidcFlow::Browser,
                };
                if (with == OidcFlow::Device) != (setting("callback_mode") == Some("device")) {
                    self.refuse(
                        &["logins", name, "with"],
                        "`with: device` and `callback_mode: device` of the role go together",
                    );
                }
                Some(LoginKind::Oidc { role, with })
            }
        }
    }

    /// The role or user that a login names.
    fn member<'m>(
        &mut self,
        path: &[&str],
        kind: &str,
        wanted: &str,
        members: &'m [(String, Fields)],
        mount: &str,
    ) -> Option<&'m Fields> {
        let found = members.iter().find(|(name, _)| name == wanted);
        if found.is_none() {
            let known = list(members.iter().map(|(name, _)| format!("`{name}`")), "and");
            let known = if known.is_empty() {
                "it has none".into()
            } else {
                format!("it has {known}")
            };
            self.refuse(
                path,
                format!("not one of the {kind} of `auth.{mount}` in this file; {known}"),
            );
        }
        found.map(|(_, fields)| fields)
    }

    fn token_source(&self, source: shape::TokenSource) -> TokenSource {
        match source {
            shape::TokenSource::TokenFile(file) => TokenSource::TokenFile(self.path(&file)),
            shape::TokenSource::Command(command) => TokenSource::Command(command.0),
            shape::TokenSource::TokenRequest(request) => TokenSource::TokenRequest(TokenRequest {
                api_server: request.api_server.as_ref().and_then(url),
                ca_cert: request.ca_cert.map(|given| self.certificate(given)),
                credential: request.credential.map(|given| self.reference(given)),
                namespace: request.namespace,
                service_account: request.service_account,
                audience: request.audience,
                expiration: span(request.expiration.as_ref()),
            }),
        }
    }
}

/// The keys of a login that belong to one type or another.
fn keys(login: &shape::Login) -> Vec<&'static str> {
    [
        ("role", login.role.is_some()),
        ("with", login.with.is_some()),
        ("username", login.username.is_some()),
        ("password", login.password.is_some()),
        ("role_id", login.role_id.is_some()),
        ("secret_id", login.secret_id.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect()
}
