//! Every reference to a secret in a configuration, to be changed.

use crate::config::{Config, Field, Fields, Given, Login, LoginKind, SecretRef, TokenSource};

/// Hands every reference that is read before or while the server is configured to `change`.
pub(super) fn each(config: &mut Config, change: &mut dyn FnMut(&mut SecretRef)) {
    for plugin in &mut config.plugins {
        for (_, value) in &mut plugin.env {
            if let Given::Secret(reference) = value {
                change(reference);
            }
        }
    }
    for engine in &mut config.secrets {
        in_fields(&mut engine.config, change);
        in_fields(&mut engine.tune, change);
    }
    for method in &mut config.auth {
        in_fields(&mut method.config, change);
        in_fields(&mut method.tune, change);
        for (_, fields) in method.roles.iter_mut().chain(&mut method.users) {
            in_fields(fields, change);
        }
    }
    for method in &mut config.mfa.methods {
        in_fields(&mut method.fields, change);
    }
    for write in &mut config.writes {
        in_fields(&mut write.data, change);
    }
    for login in &mut config.logins {
        of_login(login, change);
    }
}

fn of_login(login: &mut Login, change: &mut dyn FnMut(&mut SecretRef)) {
    match &mut login.kind {
        LoginKind::Userpass { password, .. } | LoginKind::Ldap { password, .. } => change(password),
        LoginKind::Cert {
            certificate, key, ..
        } => {
            change(certificate);
            change(key);
        }
        LoginKind::AppRole { role_id, secret_id } => {
            if let Given::Secret(role_id) = role_id {
                change(role_id);
            }
            change(secret_id);
        }
        LoginKind::Jwt { with, .. } | LoginKind::Kubernetes { with, .. } => {
            if let TokenSource::TokenRequest(request) = with {
                let both = [&mut request.ca_cert, &mut request.credential];
                both.into_iter().flatten().for_each(change);
            }
        }
        LoginKind::Oidc { .. } => {}
    }
}

fn in_fields(fields: &mut Fields, change: &mut dyn FnMut(&mut SecretRef)) {
    for (_, field) in &mut fields.0 {
        in_field(field, change);
    }
}

/// The depth of fields is bounded by the reader of the file.
fn in_field(field: &mut Field, change: &mut dyn FnMut(&mut SecretRef)) {
    match field {
        Field::Secret(reference) => change(reference),
        Field::List(items) => items.iter_mut().for_each(|item| in_field(item, change)),
        Field::Map(fields) => in_fields(fields, change),
        Field::Null | Field::Bool(_) | Field::Number(_) | Field::String(_) | Field::Answer(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::edge::references::references;

    #[test]
    fn every_reference_that_the_ceremony_reads_is_handed_out() {
        let path = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/bootstrap.example.yaml"
        ));
        let env = |name: &str| (name == "OIDC_CLIENT_ID").then(|| "client".to_owned());
        let mut config = crate::config::load(path, &env).unwrap();
        // That of the connection is replaced as a whole.
        config.cluster.tls.ca_cert = None;
        let mut wanted: Vec<SecretRef> = references(&config).into_iter().cloned().collect();
        let mut found = Vec::new();
        each(&mut config, &mut |reference| found.push(reference.clone()));
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted);
        assert!(found.len() > 5);
    }
}
