//! Logins of the file: which kind each one is, by the type of its auth method. Read from a document that no rule
//! refused, so that every key is there that its type needs.

use crate::config::model::{
    AuthMount, Capability, Given, Login, LoginKind, OidcFlow, TokenRequest, TokenSource,
};
use crate::config::reading::{Reading, capability, mount_path, span, url};
use crate::config::shape;

type Named<T> = Option<std::collections::BTreeMap<String, T>>;

impl Reading<'_> {
    /// All logins, through the auth methods that were read.
    pub(super) fn logins(&mut self, mounts: &[AuthMount]) -> Option<Vec<Login>> {
        let mut logins = Vec::new();
        for (name, _) in self.entries("logins") {
            let login: shape::Login = self.typed(&["logins", name])?;
            let auth = mount_path(&login.auth);
            let mount = mounts.iter().find(|mount| mount.path == auth)?;
            logins.push(Login {
                name: name.to_owned(),
                auth,
                can: capabilities(&login.can),
                cannot: capabilities(&login.cannot),
                kind: self.kind(login, &mount.auth_type)?,
            });
        }
        Some(logins)
    }

    fn kind(&self, login: shape::Login, auth_type: &str) -> Option<LoginKind> {
        Some(match auth_type {
            "userpass" => LoginKind::Userpass {
                username: login.username?,
                password: self.reference(login.password?),
            },
            "approle" => LoginKind::AppRole {
                role_id: match login.role_id? {
                    shape::TextOrReference::Text(text) => Given::Plain(text),
                    shape::TextOrReference::Reference(reference) => {
                        Given::Secret(self.reference(reference))
                    }
                },
                secret_id: self.reference(login.secret_id?),
            },
            _ => {
                let role = login.role?;
                match login.with {
                    Some(shape::With::Token(source)) => {
                        let with = self.token_source(source);
                        if auth_type == "kubernetes" {
                            LoginKind::Kubernetes { role, with }
                        } else {
                            LoginKind::Jwt { role, with }
                        }
                    }
                    Some(shape::With::Flow(flow)) => LoginKind::Oidc {
                        role,
                        with: oidc_flow(flow),
                    },
                    None => LoginKind::Oidc {
                        role,
                        with: OidcFlow::Browser,
                    },
                }
            }
        })
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

fn oidc_flow(flow: shape::Flow) -> OidcFlow {
    match flow {
        shape::Flow::Browser => OidcFlow::Browser,
        shape::Flow::Url => OidcFlow::Url,
        shape::Flow::Device => OidcFlow::Device,
    }
}

fn capabilities(given: &Named<Vec<shape::Capability>>) -> Vec<(String, Vec<Capability>)> {
    let all = given.iter().flatten();
    all.map(|(path, list)| (path.clone(), list.iter().copied().map(capability).collect()))
        .collect()
}
