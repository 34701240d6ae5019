//! What is mounted: audit devices, secrets engines and auth methods; and `writes`, for whatever else the API takes.

use schemars::JsonSchema;

use crate::config::auth_types::{TYPED, Tune, mount_path};
use crate::config::forms::{FreeFields, ManageNamed, ManageWrite, Named, Setting};
use crate::config::model::hand_out::{HandOut, secret_of};
use crate::config::section::{At, Read, section};
use crate::config::sections::config_is_elsewhere;
use crate::config::values::{Field, Fields};
use crate::span;

/// An audit device.
#[derive(Debug, Clone, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditDevice {
    /// Without slash at the end.
    #[serde(skip)]
    pub path: String,
    /// `file`, `syslog` or `socket`.
    #[serde(rename = "type")]
    pub device_type: String,
    /// Free text.
    #[schemars(with = "Option<String>")]
    pub description: String,
    /// Options of the device; the servers keep them as text.
    #[schemars(with = "Named<Setting>")]
    pub options: Vec<(String, String)>,
    /// Not replicated.
    #[schemars(with = "Option<bool>")]
    pub local: bool,
}

impl AuditDevice {
    pub(super) fn read(name: &str, at: At) -> Option<Self> {
        Some(Self {
            path: mount_path(name),
            device_type: at.key("type")?,
            description: description(at)?,
            options: at.key("options")?,
            local: at.key("local")?,
        })
    }
}

/// A secrets engine.
#[derive(Debug, Clone, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretsEngine {
    /// Without slash at the end.
    #[serde(skip)]
    pub path: String,
    /// `kv` (or `kv-v2`, which is `kv` with `version: "2"`), `pki`, `transit`, …
    #[serde(rename = "type")]
    pub engine_type: String,
    /// Free text.
    #[schemars(with = "Option<String>")]
    pub description: String,
    /// Options of the mount, such as `version: "2"` of `kv`.
    #[schemars(with = "Named<Setting>")]
    pub options: Vec<(String, String)>,
    /// Fields for `PATH/config`. Of a type that keeps them elsewhere they are among `writes`.
    #[schemars(with = "Option<FreeFields>")]
    pub config: Fields,
    /// Tuning of the mount.
    #[schemars(with = "Option<Tune>")]
    pub tune: Fields,
    /// Not replicated.
    #[schemars(with = "Option<bool>")]
    pub local: bool,
    /// Wrapped by the seal, where the product can.
    #[schemars(with = "Option<bool>")]
    pub seal_wrap: bool,
    /// Fields of the mount and its config that change by themselves, or by another tool: they are not compared.
    #[schemars(with = "Option<Vec<String>>")]
    pub unmanaged_fields: Vec<String>,
    /// `named`: of the mount and its config, only the fields that the file names are compared and written.
    #[schemars(with = "Option<ManageNamed>")]
    pub manage: Manage,
}

impl SecretsEngine {
    pub(super) fn read(name: &str, at: At) -> Option<Self> {
        let (engine_type, version) = listed_type(at.key("type")?);
        let mut options: Vec<(String, String)> = at.key("options")?;
        let given = options.iter().any(|(name, _)| name == "version");
        let version = version.filter(|_| !given);
        options.extend(version.map(|version| ("version".to_owned(), version.to_owned())));
        let elsewhere = config_is_elsewhere(&engine_type);
        Some(Self {
            path: mount_path(name),
            engine_type,
            description: description(at)?,
            options,
            config: if elsewhere {
                Fields::absent()?
            } else {
                at.key("config")?
            },
            tune: at.key("tune")?,
            local: at.key("local")?,
            seal_wrap: at.key("seal_wrap")?,
            unmanaged_fields: at.key("unmanaged_fields")?,
            manage: at.key("manage")?,
        })
    }
}

/// How much of a document is the file's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manage {
    /// All of it: what the file does not name is as it was after the last write.
    #[default]
    Whole,
    /// What the file names: the rest is left to another tool.
    Named,
}

impl Read for Manage {
    fn read(at: At) -> Option<Self> {
        (at.node.text() == Some("named")).then_some(Self::Named)
    }

    fn absent() -> Option<Self> {
        Some(Self::Whole)
    }
}

/// How much of an entry of `writes` is the file's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OfWrite {
    /// All of it, but of values of `kv` no more than the first.
    #[default]
    Whole,
    /// All of it, values of `kv` too.
    Values,
    /// What it names: the rest is left to another tool.
    Named,
}

impl Read for OfWrite {
    fn read(at: At) -> Option<Self> {
        if at.node.text() == Some("named") {
            return Some(Self::Named);
        }
        Some(if bool::read(at)? {
            Self::Values
        } else {
            Self::Whole
        })
    }

    fn absent() -> Option<Self> {
        Some(Self::Whole)
    }
}

/// The type that the servers list for this one, and the `version` that goes with it: they take `kv-v2` and `kv-v1`, and
/// make `kv` of both.
fn listed_type(written: String) -> (String, Option<&'static str>) {
    match kv_version(&written) {
        Some(version) => ("kv".to_owned(), Some(version)),
        None => (written, None),
    }
}

/// The version that is part of the name of a type.
pub(in crate::config) fn kv_version(written: &str) -> Option<&'static str> {
    match written {
        "kv-v1" => Some("1"),
        "kv-v2" => Some("2"),
        _ => None,
    }
}

/// One entry of `auth`. What its type takes stands in `api`.
#[derive(Debug, Clone)]
pub struct AuthMount {
    /// Path, without slash at the end.
    pub path: String,
    /// Type; the path where the file does not say.
    pub auth_type: String,
    /// Free text.
    pub description: String,
    /// Fields for `auth/PATH/config`.
    pub config: Fields,
    /// Fields for `sys/auth/PATH/tune`.
    pub tune: Fields,
    /// Fields of each role, in the order of the file.
    pub roles: Vec<(String, Fields)>,
    /// Fields of each user, in the order of the file.
    pub users: Vec<(String, Fields)>,
    /// Not replicated.
    pub local: bool,
    /// Fields of the mount and its config that are not compared.
    pub unmanaged_fields: Vec<String>,
    /// How much of the mount and its config is the file's.
    pub manage: Manage,
    /// Roles and users of which only what the file names is the file's: `roles` or `users`, and the name.
    named: Vec<(&'static str, String)>,
}

/// The key beside the fields of a role or user that says how much of it is the file's. No field of any API.
const MANAGE: &str = "manage";

impl AuthMount {
    pub(super) fn read(name: &str, at: At) -> Option<Self> {
        let mut named = Vec::new();
        let mut members = |kind| {
            let mut all: Vec<(String, Fields)> =
                at.each(kind, |name, at| Some((name.to_owned(), at.read()?)))?;
            for (name, fields) in &mut all {
                if fields
                    .get(MANAGE)
                    .is_some_and(|value| *value != Field::Null)
                {
                    named.push((kind, name.clone()));
                }
                fields.0.retain(|(field, _)| field != MANAGE);
            }
            Some(all)
        };
        let (roles, users) = (members("roles")?, members("users")?);
        Some(Self {
            path: mount_path(name),
            auth_type: at.key_or("type", || Some(name.to_owned()))?,
            description: description(at)?,
            config: at.key("config")?,
            tune: at.key("tune")?,
            roles,
            users,
            local: at.key("local")?,
            unmanaged_fields: at.key("unmanaged_fields")?,
            manage: at.key("manage")?,
            named,
        })
    }

    /// How much of a role or user is the file's; `kind` is `roles` or `users`.
    pub fn manage_of(&self, kind: &str, name: &str) -> Manage {
        let mut named = self.named.iter();
        if named.any(|(of, its)| *of == kind && its == name) {
            Manage::Named
        } else {
            Manage::Whole
        }
    }

    /// Whether the fields of its roles and users are those of a type that this program knows.
    pub fn has_known_fields(&self) -> bool {
        TYPED.contains(&self.auth_type.as_str())
    }

    /// The role of this name.
    pub fn role(&self, name: &str) -> Option<&Fields> {
        named(&self.roles, name)
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&Fields> {
        named(&self.users, name)
    }
}

/// The servers keep these names in lower case.
fn named<'a>(members: &'a [(String, Fields)], name: &str) -> Option<&'a Fields> {
    let mut members = members.iter();
    let found = members.find(|(member, _)| member.eq_ignore_ascii_case(name));
    found.map(|(_, fields)| fields)
}

fn description(at: At) -> Option<String> {
    at.key_or("description", || Some(String::new()))
}

section! {
    /// One API write.
    pub struct Write {
        /// API path without `/v1/`.
        #[schemars(length(min = 1))]
        pub path: String,
        /// The body. `{from_write: NAME.FIELD}` in it is what the server answers to an entry before.
        #[schemars(with = "FreeFields")]
        pub data: Fields,
        /// By what later entries take values of its answer: `{from_write: NAME.FIELD}`.
        pub name: Option<String>,
        /// Fields of the server's answer that change by themselves, or by another tool: they are not compared.
        #[schemars(with = "Option<Vec<String>>")]
        pub unmanaged_fields: Vec<String>,
        /// Where secrets of its answer go, once: the entry is then done once, and again only with `--again PATH`.
        pub hand_out: Option<HandOut>,
        /// `true`, for data of `kv`: it is compared, and written, after hand-over too; otherwise it is a first value.
        /// `named`: only the fields that are named here are compared and written.
        #[schemars(with = "Option<ManageWrite>")]
        pub manage: OfWrite,
    }
}

impl Write {
    /// An entry of a section that knows its path.
    pub(in crate::config) fn of_section(path: String, data: Fields) -> Self {
        Self {
            path,
            data,
            name: None,
            unmanaged_fields: Vec::new(),
            manage: OfWrite::default(),
            hand_out: None,
        }
    }

    /// The fields of its answer that are handed out; none where the whole is, wrapped.
    pub(crate) fn handed_out_fields(&self) -> Vec<String> {
        let Some(hand_out) = &self.hand_out else {
            return Vec::new();
        };
        if hand_out.wrap.is_some() || !hand_out.fields.is_empty() {
            return hand_out.fields.clone();
        }
        let known = secret_of(&self.path).into_iter();
        known.map(str::to_owned).collect()
    }

    /// What is handed out where, in words.
    pub(crate) fn handed_out(&self) -> Option<(String, String)> {
        let to = self.hand_out.as_ref()?;
        let what = match to.wrap {
            Some(time) => format!("its answer, wrapped for {},", span::text(time)),
            None => format!("its {}", self.handed_out_fields().join(" and ")),
        };
        Some((what, to.to_string()))
    }
}
