//! What a configuration says, ready to use: addresses parsed, durations counted, paths resolved, choices as enums.
//!
//! Names follow the file, and the schema of the file is made from these types: what is said about a key here is what
//! `vault-bootstrap schema` prints. Nothing in it is a secret: secret values are references ([`SecretRef`]) that
//! [`crate::reference`] resolves when they are needed.

mod acceptance;
mod break_glass;
mod checkpoint;
mod cluster;
mod hand_out;
pub(in crate::config) mod identity;
mod init;
mod logins;
mod mfa;
mod mounts;
pub(in crate::config) mod plugins;
mod policies;
mod throwaway;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;

pub use acceptance::*;
pub use break_glass::*;
pub use checkpoint::*;
pub use cluster::*;
pub use hand_out::HandOut;
pub(super) use hand_out::secret_of;
pub use identity::*;
pub use init::*;
pub use logins::*;
pub use mfa::{Enforcement, Mfa, MfaMethod};
pub(super) use mounts::kv_version;
pub use mounts::*;
pub use plugins::Plugin;
pub(crate) use plugins::version_as_kept;
pub(super) use policies::read as policies;
pub use policies::{Policy, PolicySource};
pub use throwaway::{Instead, StandIn, Throwaway};

use super::auth_types::AuthSection;
use super::command_line::Typed;
use super::files::{self, Files};
use super::forms::{Named, Strings};
use super::problem::{DEFAULT_FILE, Place, Problem};
use super::section::At;
use super::sections;
use super::tree::Node;
use crate::hex;
use crate::shell::ShellCommand;

/// Takes a HashiCorp Vault or OpenBao cluster from uninitialised to handed over.
#[derive(Debug, Clone, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bootstrap.yaml of vault-bootstrap", transform = sections::add_to_schema)]
pub struct Config {
    /// Version of this format: 1.
    #[schemars(extend("const" = 1))]
    pub version: u32,
    /// Files whose `policies`, `auth`, `secrets`, `identity`, `writes` and `logins` are added to those here: paths, or
    /// patterns such as `teams/*.yaml`. Paths in them start at their own directory.
    #[schemars(with = "Option<Strings>")]
    pub include: Vec<PathBuf>,
    /// The servers and how they are reached.
    pub cluster: Cluster,
    /// Initialisation, and who keeps the shares of the recovery (or unseal) key.
    pub init: Init,
    /// The diary of the ceremony, with an encrypted part.
    pub checkpoint: Checkpoint,
    /// Audit devices by path. They come before everything else.
    #[schemars(with = "Named<AuditDevice>")]
    pub audit: Vec<AuditDevice>,
    /// Plugins of the catalogue, registered before anything is mounted.
    #[schemars(with = "Option<plugins::PluginSection>")]
    pub plugins: Vec<Plugin>,
    /// Secrets engines by path.
    #[schemars(with = "Named<sections::Engine>")]
    pub secrets: Vec<SecretsEngine>,
    /// Auth methods by path.
    #[schemars(with = "Option<AuthSection>")]
    pub auth: Vec<AuthMount>,
    /// ACL policies by name.
    #[schemars(with = "Option<policies::PolicySection>")]
    pub policies: Vec<Policy>,
    /// Groups and entities, with what auth methods call them.
    #[schemars(with = "Option<Identity>")]
    pub identity: Identity,
    /// Second factors, and who needs one to log in.
    #[schemars(with = "Option<Mfa>")]
    pub mfa: Mfa,
    /// Any other API writes, in this order, compared where they can be read back; before them what the sections of engines
    /// and of the server itself say.
    #[schemars(with = "Option<Vec<Write>>")]
    pub writes: Vec<Write>,
    /// Logins that must work before the root token is revoked, by name.
    #[schemars(with = "Named<logins::LoginKeys>")]
    pub logins: Vec<Login>,
    /// Emergency access: `{logins: [NAME, NAME]}`, or `{none: "reason"}` to go without at your own risk.
    pub break_glass: BreakGlass,
    /// Findings that are accepted, by code: no reason for exit 4 until that day.
    #[schemars(with = "Named<Acceptance>")]
    pub accept: Vec<(String, Acceptance)>,
    /// What `throwaway` does otherwise; no other command looks here.
    #[schemars(with = "Option<Throwaway>")]
    pub throwaway: Throwaway,
    /// Revoke the root token at the end; `false` also needs `--keep-root` on the command line.
    #[schemars(with = "Option<bool>")]
    pub revoke_root: bool,
    /// Where the configuration comes from, for messages and for commands to type. There may be no such file.
    #[serde(skip)]
    pub file: PathBuf,
    /// The directory that its relative paths started at.
    #[serde(skip)]
    pub directory: PathBuf,
    /// `sha256:HEX` of all that the file says, with what it includes and the rules of its policies. Comments and the form of the
    /// text are not in it, and secrets, which the file only refers to, neither.
    #[serde(skip)]
    pub digest: String,
    /// What is allowed and probably not meant.
    #[serde(skip)]
    pub warnings: Vec<Problem>,
    /// What was typed beside it.
    #[serde(skip)]
    pub typed: Typed,
}

/// What stands in [`Config::digest`].
fn digest(root: &Node, policies: &[Policy]) -> Option<String> {
    let rules = policies.iter().filter_map(|policy| match &policy.source {
        PolicySource::Rules { text, .. } => Some((policy.name.as_str(), text.as_str())),
        PolicySource::Auditor => None,
    });
    hex::digest_of_json(&(root, rules.collect::<Vec<_>>())).ok()
}

impl Config {
    /// The document `root`, in which neither the schema nor any rule found a problem.
    pub(super) fn read(
        root: &Node,
        files: &Files,
        policies: Vec<Policy>,
        warnings: Vec<Problem>,
    ) -> Option<Self> {
        let at = At::new(root, files);
        let auth = at.each("auth", AuthMount::read)?;
        let digest = digest(root, &policies)?;
        Some(Self {
            version: at.key("version")?,
            include: files.included().map(Path::to_owned).collect(),
            cluster: at.key::<Cluster>("cluster")?.plain(),
            init: at.key("init")?,
            checkpoint: at.key("checkpoint")?,
            audit: at.each("audit", AuditDevice::read)?,
            plugins: plugins::read(at)?,
            secrets: at.each("secrets", SecretsEngine::read)?,
            logins: at.each("logins", |name, at| Login::read(name, at, &auth))?,
            auth,
            policies,
            identity: at.key("identity")?,
            mfa: at.key("mfa")?,
            writes: [sections::writes(at)?, at.key("writes")?].concat(),
            break_glass: at.key("break_glass")?,
            accept: at.key("accept")?,
            throwaway: at.key("throwaway")?,
            revoke_root: at.key_or("revoke_root", || Some(true))?,
            file: files.main().to_owned(),
            directory: files.directory(Place::START).to_owned(),
            digest,
            warnings,
            typed: Typed::default(),
        })
    }

    /// A warning with the file that it stands in: `teams/a.yaml:3:5: …`
    pub fn located(&self, warning: &Problem) -> String {
        files::located(&self.file, &self.include, warning)
    }

    /// A command to type for this very file, such as `vault-bootstrap -c prod.yaml apply`, with what was typed now of
    /// that which it takes.
    pub fn command(&self, verb: impl Into<ShellCommand>) -> ShellCommand {
        let typed = Typed {
            // Whoever looks at such a file without having typed it is advised nothing that would be refused.
            keep_root: !self.revoke_root,
            ..self.typed.clone()
        };
        self.bare_command(typed.added_to(&verb.into()))
    }

    /// `apply` with what was typed now, once the file revokes root.
    pub(crate) fn apply_that_revokes(&self) -> ShellCommand {
        let typed = Typed {
            keep_root: false,
            ..self.typed.clone()
        };
        self.bare_command(typed.added_to(&"apply".into()))
    }

    /// The same with nothing of what was typed now.
    pub fn bare_command(&self, verb: impl Into<ShellCommand>) -> ShellCommand {
        let file = self.file.display();
        let program = if file.to_string() == DEFAULT_FILE {
            ShellCommand::new("vault-bootstrap")
        } else {
            ShellCommand::new("vault-bootstrap -c").with(file)
        };
        program.join(&verb.into())
    }

    /// What each holder types where the servers wait for their shares of a Shamir seal.
    pub(crate) fn unseal_command(&self) -> ShellCommand {
        if self.typed.identities.len() == 1 {
            return self.command("unseal");
        }
        // Of several it would not be plain whose share is meant.
        self.bare_command("unseal").and("--custodian NAME")
    }

    /// The auth method mounted at `path` (without slash at the end).
    pub fn auth_mount(&self, path: &str) -> Option<&AuthMount> {
        self.auth.iter().find(|mount| mount.path == path)
    }

    /// The login of this name.
    pub fn login(&self, name: &str) -> Option<&Login> {
        self.logins.iter().find(|login| login.name == name)
    }

    /// Whether the grant of the break-glass doors is for new shares as well.
    pub fn may_rotate(&self) -> bool {
        matches!(&self.break_glass, BreakGlass::Logins { rotation: true, .. })
    }

    /// The policy of this name.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// The logins that are break-glass doors, in the order of `break_glass.logins`.
    pub fn doors(&self) -> Vec<&Login> {
        match &self.break_glass {
            BreakGlass::Logins { names, .. } => {
                names.iter().filter_map(|name| self.login(name)).collect()
            }
            BreakGlass::None { .. } => Vec::new(),
        }
    }
}

/// The JSON Schema (draft 2020-12) of the file, with its definitions.
pub(super) fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Config>()
        .to_value()
}
