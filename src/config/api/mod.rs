//! The servers' API: what the typed auth methods, their roles and the tuning of a mount take.
//!
//! Both products' fields (Vault `path_config.go`, `path_role.go` and `tokenutil`; OpenBao the same with its own
//! additions). Only their names, types and meaning matter here: the values travel as they stand in the file
//! ([`super::Fields`]), so that nothing is sent that nobody wrote. Other types take any field.
#![expect(dead_code, reason = "the types are read by the schema generator alone")]

mod fields;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::forms::{FreeFields, form};
pub(super) use fields::Tune;
use fields::{AppRole, KubernetesConfig, KubernetesRole, OidcConfig, OidcRole, User};

type Text = Option<String>;
type Flag = Option<bool>;

/// The servers add the slash at the end; here paths have none.
pub(super) fn mount_path(name: &str) -> String {
    name.trim_end_matches('/').to_owned()
}

/// The types with a model of their own.
pub(super) const TYPED: [&str; 5] = ["oidc", "jwt", "kubernetes", "approle", "userpass"];

macro_rules! mount {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct $name {
            /// Type of the auth method; by default its path.
            r#type: Text,
            /// Free text.
            description: Text,
            /// Tuning of the mount.
            tune: Option<Tune>,
            /// Not replicated.
            local: Flag,
            $($(#[$field_doc])* $field: $type,)*
        }
    };
}

mount! {
    /// People through an OpenID provider, or machines with a JWT.
    OidcMount {
        /// Fields for `auth/PATH/config`.
        config: Option<OidcConfig>,
        /// Roles by name.
        roles: Option<BTreeMap<String, OidcRole>>,
    }
}

mount! {
    /// Workloads with a service account.
    KubernetesMount {
        /// Fields for `auth/PATH/config`.
        config: Option<KubernetesConfig>,
        /// Roles by name.
        roles: Option<BTreeMap<String, KubernetesRole>>,
    }
}

mount! {
    /// Machines with a role id and a secret id.
    AppRoleMount {
        /// Roles by name.
        roles: Option<BTreeMap<String, AppRole>>,
    }
}

mount! {
    /// People with a password.
    UserpassMount {
        /// Users by name.
        users: Option<BTreeMap<String, User>>,
    }
}

mount! {
    /// An auth method of any other type, with the fields of its API.
    OtherMount {
        /// Fields for `auth/PATH/config`.
        config: Option<FreeFields>,
        /// Roles by name, for `auth/PATH/role/NAME`.
        roles: Option<BTreeMap<String, FreeFields>>,
        /// Users by name, for `auth/PATH/users/NAME`.
        users: Option<BTreeMap<String, FreeFields>>,
    }
}

form! {
    /// An auth method; `type` says which fields it takes.
    AuthMount, "AuthMount", |generator| by_type(generator, None)
}

form! {
    /// Auth methods by path; where `type` is missing it is the path.
    AuthSection, "AuthSection", |generator| {
        let mut properties = serde_json::Map::new();
        for auth_type in TYPED {
            let mount = by_type(generator, Some(auth_type));
            properties.insert(auth_type.to_owned(), mount.to_value());
        }
        let mount = generator.subschema_for::<AuthMount>();
        json_schema!({
            "description": "Auth methods by path; `type` is the path where it is missing.",
            "type": "object",
            "properties": properties,
            "additionalProperties": mount
        })
    }
}

/// `if type is … then … else …`; the type `default` is also meant by a mount without `type`.
fn by_type(generator: &mut SchemaGenerator, default: Option<&str>) -> Schema {
    let mut schema = generator.subschema_for::<OtherMount>().to_value();
    for auth_type in TYPED {
        let mount = match auth_type {
            "oidc" | "jwt" => generator.subschema_for::<OidcMount>(),
            "kubernetes" => generator.subschema_for::<KubernetesMount>(),
            "approle" => generator.subschema_for::<AppRoleMount>(),
            _ => generator.subschema_for::<UserpassMount>(),
        };
        let required = if default == Some(auth_type) {
            json!([])
        } else {
            json!(["type"])
        };
        schema = json!({
            "if": {"properties": {"type": {"const": auth_type}}, "required": required},
            "then": mount,
            "else": schema
        });
    }
    // `json!` above makes an object, which is what a schema is.
    Schema::try_from(schema).unwrap_or_default()
}
