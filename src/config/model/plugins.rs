//! Plugins: programs that the servers run as parts of themselves, and know by their catalogue.

use schemars::JsonSchema;

use crate::config::forms::{Named, form};
use crate::config::section::At;
use crate::config::values::{Given, SecretRef};

/// What a plugin can be, as the servers' paths call it.
pub(in crate::config) const KINDS: [&str; 3] = ["secret", "auth", "database"];

/// A program in the `plugin_directory` of every node.
#[derive(Debug, Clone, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// `secret`, `auth` or `database`.
    #[serde(skip)]
    pub kind: &'static str,
    /// The type of the mounts, or of the connections, that it serves.
    #[serde(skip)]
    pub name: String,
    /// Its file: a name in the `plugin_directory`, and no path.
    pub command: Option<String>,
    /// SHA-256 of that file, or of the image, in 64 hex digits.
    pub sha256: String,
    /// Its version, such as `v1.2.3`: several stand in the catalogue beside each other.
    pub version: Option<String>,
    /// Its arguments.
    #[schemars(with = "Option<Vec<String>>")]
    pub args: Vec<String>,
    /// Its environment, which no server shows again.
    #[schemars(with = "Named<Given>")]
    pub env: Vec<(String, Given)>,
    /// The image of a container, in the place of `command` (Vault).
    pub oci_image: Option<String>,
    /// The runtime of that container, which the server knows (Vault).
    pub runtime: Option<String>,
}

/// Plugins by what they are, and by name.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by the schema generator alone")]
struct PluginsByKind {
    /// Secrets engines.
    secret: Named<Plugin>,
    /// Auth methods.
    auth: Named<Plugin>,
    /// Databases, for connections of the engine `database`.
    database: Named<Plugin>,
}

form! {
    /// The section of plugins.
    PluginSection, "PluginSection", |generator| generator.subschema_for::<PluginsByKind>()
}

/// A version as the servers keep it, which take it without its letter too.
pub(crate) fn version_as_kept(version: &str) -> String {
    format!("v{}", version.trim_start_matches('v'))
}

/// The plugins of the section, in the order in which the kinds are named here.
pub(super) fn read(at: At) -> Option<Vec<Plugin>> {
    let mut all = Vec::new();
    let Some(section) = at.node.get("plugins") else {
        return Some(all);
    };
    let at = at.to(section);
    for kind in KINDS {
        all.extend(at.each(kind, |name, at| Plugin::read(kind, name, at))?);
    }
    Some(all)
}

impl Plugin {
    fn read(kind: &'static str, name: &str, at: At) -> Option<Self> {
        let sha256: String = at.key("sha256")?;
        let version: Option<String> = at.key("version")?;
        Some(Self {
            kind,
            name: name.to_owned(),
            command: at.key("command")?,
            // As the servers keep both.
            sha256: sha256.to_ascii_lowercase(),
            version: version.as_deref().map(version_as_kept),
            args: at.key("args")?,
            env: at.key("env")?,
            oci_image: at.key("oci_image")?,
            runtime: at.key("runtime")?,
        })
    }

    /// Where it stands in the catalogue.
    pub fn path(&self) -> String {
        format!("sys/plugins/catalog/{}/{}", self.kind, self.name)
    }

    /// What of its environment is elsewhere.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.env.iter().filter_map(|(_, value)| match value {
            Given::Secret(reference) => Some(reference),
            Given::Plain(_) => None,
        })
    }
}
