//! The servers' API: what the typed auth methods, their roles and the tuning of a mount take.
//!
//! Both products' fields (Vault `path_config.go`, `path_role.go` and `tokenutil`; OpenBao the same with its own
//! additions). Only their names, types and meaning matter here: the values travel as they stand in the file
//! ([`super::Fields`]), so that nothing is sent that nobody wrote. Other types take any field.
#![expect(dead_code, reason = "the types are read by the schema generator alone")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::forms::{Address, FreeField, FreeFields, Leeway, ManageNamed, Strings, Ttl, form};
use super::values::{Given, SecretRef};

type Count = Option<u64>;
type Flag = Option<bool>;
type Many = Option<Strings>;
type Text = Option<String>;
type Times = Option<Ttl>;

/// The servers add the slash at the end; here paths have none.
pub(super) fn mount_path(name: &str) -> String {
    name.trim_end_matches('/').to_owned()
}

/// Where an approle role keeps the id that its alias is called by.
pub(crate) fn role_id_path(mount: &str, role: &str) -> String {
    format!("auth/{}/role/{role}/role-id", mount_path(mount))
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
            /// Fields of the mount and its config that change by themselves, or by another tool: they are not compared.
            unmanaged_fields: Option<Vec<String>>,
            /// `named`: of the mount and its config, only the fields that the file names are compared and written.
            manage: Option<ManageNamed>,
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

/// Configuration of `oidc` and `jwt`; a write replaces all of it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct OidcConfig {
    /// The issuer, exactly as the provider writes it, without `.well-known`.
    oidc_discovery_url: Text,
    /// PEM of the authority of the discovery URL.
    oidc_discovery_ca_pem: Option<Given>,
    /// The client registered at the provider.
    oidc_client_id: Text,
    /// Its secret, as a reference.
    oidc_client_secret: Option<SecretRef>,
    /// `query` or `form_post`.
    oidc_response_mode: Text,
    /// `code`, `id_token`.
    oidc_response_types: Many,
    /// The role of logins that name none.
    default_role: Text,
    /// PEM public keys that verify JWTs without a provider.
    jwt_validation_pubkeys: Option<Vec<Given>>,
    /// Algorithms of signatures.
    jwt_supported_algs: Many,
    /// Address of a JSON web key set.
    jwks_url: Text,
    /// PEM of the authority of that address.
    jwks_ca_pem: Option<Given>,
    /// Several key sets, each with its authority (Vault).
    jwks_pairs: Option<Vec<FreeField>>,
    /// The issuer that JWTs must name.
    bound_issuer: Text,
    /// Extras for one provider.
    provider_config: Option<FreeFields>,
    /// Keep the namespace in the state parameter.
    namespace_in_state: Flag,
    /// Critical extensions of certificates to accept (Vault).
    unsupported_critical_cert_extensions: Many,
    /// Other server names to accept (OpenBao).
    override_allowed_server_names: Many,
    /// Do not ask for the keys while writing (OpenBao).
    skip_jwks_validation: Flag,
}

/// A role of `oidc` or `jwt`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct OidcRole {
    /// `oidc` (a person with a browser) or `jwt` (a machine with a token).
    #[schemars(extend("enum" = ["oidc", "jwt", null]))]
    role_type: Text,
    /// The claim that names the user.
    user_claim: String,
    /// The claim is a JSON pointer.
    user_claim_json_pointer: Flag,
    /// The claim with the groups.
    groups_claim: Text,
    /// Audiences to accept.
    bound_audiences: Many,
    /// The subject to accept.
    bound_subject: Text,
    /// Claims that must have this value, or one of these values. Without them every user of the provider gets in.
    bound_claims: Option<BTreeMap<String, Value>>,
    /// How claims are compared.
    #[schemars(extend("enum" = ["string", "glob", null]))]
    bound_claims_type: Text,
    /// Claims to keep as metadata of the token.
    claim_mappings: Option<BTreeMap<String, String>>,
    /// Where the provider may send the browser back to; this program listens on localhost.
    allowed_redirect_uris: Many,
    /// Scopes to ask for; `openid` comes by itself.
    oidc_scopes: Many,
    /// Log tokens of the provider; for a test system at most.
    verbose_oidc_logging: Flag,
    /// Longest time since the provider saw the user.
    max_age: Times,
    /// Tolerance for `exp`.
    expiration_leeway: Option<Leeway>,
    /// Tolerance for `nbf`.
    not_before_leeway: Option<Leeway>,
    /// Tolerance for clocks.
    clock_skew_leeway: Option<Leeway>,
    /// `client`, `direct` or `device` (OpenBao).
    #[schemars(extend("enum" = ["client", "direct", "device", null]))]
    callback_mode: Text,
    /// Seconds between polls (OpenBao).
    poll_interval: Times,
    /// No confirmation page (OpenBao).
    oidc_disable_confirmation: Flag,
    /// Names in `token_policies` are templates over claims (OpenBao).
    token_policies_template_claims: Flag,
    /// Tokens of the provider to keep as metadata (OpenBao).
    oauth2_metadata: Many,
    #[serde(flatten)]
    token: TokenFields,
}

/// Configuration of `kubernetes`; a write replaces all of it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct KubernetesConfig {
    /// Address of the API server, as the server reaches it.
    kubernetes_host: Address,
    /// PEM of its authority; by default that of the server's own pod.
    kubernetes_ca_cert: Option<Given>,
    /// JWT for token reviews, as a reference; by default that of the server's own pod.
    token_reviewer_jwt: Option<SecretRef>,
    /// PEM public keys that verify service account tokens.
    pem_keys: Option<Vec<Given>>,
    /// The issuer that tokens must name.
    issuer: Text,
    /// Do not check the issuer; true by default.
    disable_iss_validation: Flag,
    /// Do not use the authority and the token of the server's own pod.
    disable_local_ca_jwt: Flag,
    /// Annotations of the service account become metadata (Vault).
    use_annotations_as_alias_metadata: Flag,
}

/// A role of `kubernetes`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct KubernetesRole {
    /// Service accounts that get in.
    bound_service_account_names: Strings,
    /// Their namespaces.
    bound_service_account_namespaces: Many,
    /// Or namespaces by label.
    bound_service_account_namespace_selector: Text,
    /// Audience that the token must name.
    audience: Text,
    /// What names the entity.
    #[schemars(extend("enum" = ["serviceaccount_uid", "serviceaccount_name", null]))]
    alias_name_source: Text,
    #[serde(flatten)]
    token: TokenFields,
}

/// A role of `approle`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct AppRole {
    /// The role id, instead of one that the server makes.
    role_id: Option<Given>,
    /// Ask for a secret id; true by default.
    bind_secret_id: Flag,
    /// Networks that a secret id may be used from.
    secret_id_bound_cidrs: Many,
    /// Uses of a secret id.
    secret_id_num_uses: Count,
    /// Life of a secret id.
    secret_id_ttl: Times,
    /// Secret ids are not replicated.
    local_secret_ids: Flag,
    #[serde(flatten)]
    token: TokenFields,
}

/// A user of `userpass`: a `password`, or a `password_hash`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["password"]}, {"required": ["password_hash"]}]))]
struct User {
    /// The password, as a reference.
    password: Option<SecretRef>,
    /// Its bcrypt hash, as a reference (Vault).
    password_hash: Option<SecretRef>,
    #[serde(flatten)]
    token: TokenFields,
}

/// What the token of a login is like.
#[derive(JsonSchema)]
struct TokenFields {
    /// Policies of the token.
    token_policies: Many,
    /// Life of the token.
    token_ttl: Times,
    /// Longest life with renewals.
    token_max_ttl: Times,
    /// Longest life, whatever else is said.
    token_explicit_max_ttl: Times,
    /// Renewable for ever, in these steps.
    token_period: Times,
    /// Networks that the token may be used from.
    token_bound_cidrs: Many,
    /// Without the policy `default`.
    token_no_default_policy: Flag,
    /// Number of requests; 0 for any.
    token_num_uses: Count,
    /// `service` (in storage, revocable), `batch` (not), or the default of the mount.
    #[schemars(extend("enum" = ["", "default", "service", "batch", null]))]
    token_type: Text,
    /// Only from the address of the login (OpenBao).
    token_strictly_bind_ip: Flag,
    /// `named`: only the fields that the file names are compared and written; the others are left to another tool.
    manage: Option<ManageNamed>,
    /// Metadata of the alias (Vault).
    alias_metadata: Option<BTreeMap<String, String>>,
}

/// Tuning of a mount; only what is named is changed.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tune {
    /// Life of leases and tokens that name none.
    default_lease_ttl: Times,
    /// Longest life.
    max_lease_ttl: Times,
    /// Shown to those who are not logged in.
    #[schemars(extend("enum" = ["", "hidden", "unauth", null]))]
    listing_visibility: Text,
    /// Type of tokens that name none.
    #[schemars(extend("enum" = ["default-service", "default-batch", "service", "batch", null]))]
    token_type: Text,
    /// Keys of requests that the audit log shows in clear.
    audit_non_hmac_request_keys: Many,
    /// Keys of answers that the audit log shows in clear.
    audit_non_hmac_response_keys: Many,
    /// Request headers for the plugin.
    passthrough_request_headers: Many,
    /// Headers that the plugin may answer with.
    allowed_response_headers: Many,
    /// Version of the plugin.
    plugin_version: Text,
    /// Lock-out of users after failed logins (Vault).
    user_lockout_config: Option<FreeFields>,
    /// Options of the mount.
    options: Option<BTreeMap<String, String>>,
}
