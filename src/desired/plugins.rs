//! Plugins of the file, in the server's catalogue: what is mounted may be one of them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::{Config, Field, Fields, Given, Plugin, version_as_kept};
use crate::desired::document::{Document, Pending, Read};
use crate::desired::kind::{self, Kind};
use crate::desired::mount::{MountOfFile, PLUGIN_VERSION};
use crate::desired::observation::Observation;
use crate::desired::resolve;
use crate::desired::unmanaged::unlisted;
use crate::desired::view::{NOT_IN_FILE, View, named_before};
use crate::disk::read;
use crate::failure::Failure;
use crate::finding::{Change, DocumentFinding, Finding};
use crate::hex::sha256;
use crate::memory::Memory;
use crate::memory::leaf::field_of;
use crate::printable::one_line;
use crate::session::{Session, catalogue};
use crate::shell::ShellCommand;
use crate::vault::Body;
use crate::vault::mounts::Mounts;
use crate::vault::plugins::{self, CATALOGUE};

/// Where a server tells its configuration.
const STATE: &str = "sys/config/state/sanitized";
/// Bytes of a plugin that is read here.
const LARGEST: u64 = 256 << 20;
/// A plugin: a write of it replaces the whole, and no answer has its environment.
pub(crate) const PLUGIN: Kind = kind::REPLACED;

/// What is wanted of plugins, and what stands beside it.
#[derive(Debug, Default)]
pub(crate) struct Plugins {
    /// The documents, to be written before any mount.
    pub(crate) documents: Vec<Document>,
    findings: Vec<Finding>,
    missed: BTreeSet<String>,
    unmanaged: Vec<String>,
}

/// Lists the catalogue, where the file says something of it or once did.
///
/// # Errors
/// The server has a plugin of the file built in, or takes no containers; or it does not answer.
pub(crate) async fn look(view: &View<'_>) -> Result<Plugins, Failure> {
    let wanted = &view.config.plugins;
    let mut missed = named_before(view);
    missed.retain(|path| {
        let named = wanted.iter().any(|one| one.path() == *path);
        let written = view.config.writes.iter().any(|one| one.path == *path);
        path.starts_with(CATALOGUE) && !named && !written
    });
    if wanted.is_empty() && missed.is_empty() {
        return Ok(Plugins::default());
    }
    let mut found = Plugins::default();
    let (client, token) = (view.client(), view.token()?);
    let listed = match plugins::catalogue(&client, token).await {
        Ok(listed) => {
            catalogue::lets_register(view.config, &client, &listed).await?;
            found.beside(view, &listed, missed);
            listed
        }
        Err(error) if error.is_forbidden() => {
            let unseen = missed.iter().cloned();
            let unseen = unseen.map(|path| DocumentFinding::NotInFileUnseen(path).into());
            found.findings.extend(unseen);
            if view.diary.handed_over() {
                found.findings.push(unlisted(CATALOGUE));
            }
            found.missed = missed;
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    for plugin in wanted {
        let version = version_of(view.memory, plugin, &listed);
        found.documents.push(document(view, plugin, version)?);
    }
    found.findings.extend(other_files(view).await);
    Ok(found)
}

/// In which version the catalogue has a plugin of the file. Of one that says itself which it is, the server writes that down
/// where the file says none; of several it is the one that was there after the last write.
fn version_of(memory: &Memory, plugin: &Plugin, listed: &[plugins::Plugin]) -> String {
    if let Some(version) = &plugin.version {
        return version.clone();
    }
    let path = plugin.path();
    let versions = listed
        .iter()
        .filter(|one| !one.builtin && path_of(one) == path)
        .map(|one| one.version.as_str());
    let versions: Vec<&str> = versions.collect();
    let known = memory.of(&path);
    let made = known.as_ref().and_then(|known| known.made.as_ref());
    let then = made.and_then(|made| made.shown("version")?.as_str());
    match (versions.as_slice(), then) {
        ([only], _) => (*only).to_owned(),
        (several, Some(then)) if several.contains(&then) => then.to_owned(),
        _ => String::new(),
    }
}

/// Where a plugin that is listed is read.
fn path_of(one: &plugins::Plugin) -> String {
    format!("{CATALOGUE}/{}/{}", one.kind, one.name)
}

impl Plugins {
    /// What the catalogue has and the file does not name.
    fn beside(&mut self, view: &View<'_>, listed: &[plugins::Plugin], missed: BTreeSet<String>) {
        let others = listed.iter().filter(|one| !one.builtin);
        let others: Vec<_> = others
            .filter(|one| {
                let same = |plugin: &&Plugin| plugin.path() == path_of(one);
                let mut named = view.config.plugins.iter().filter(same);
                !named.any(|plugin| version_of(view.memory, plugin, listed) == one.version)
            })
            .collect();
        for missed in missed {
            if others.iter().any(|one| path_of(one) == missed) {
                let left = DocumentFinding::NotInFile(missed.clone());
                self.findings.push(left.into());
            }
            self.missed.insert(missed);
        }
        if view.diary.handed_over() {
            let named = |one: &plugins::Plugin| match one.version.as_str() {
                "" => path_of(one),
                version => format!("{} {version}", path_of(one)),
            };
            self.unmanaged = others.into_iter().map(named).collect();
        }
    }

    /// Adds to what was observed of the mounts what stands beside the plugins.
    pub(crate) fn add_to(self, observation: &mut Observation) {
        observation.findings.extend(self.findings);
        observation.unmanaged.extend(self.unmanaged);
        if !self.missed.is_empty() {
            let known: Option<Vec<String>> = observation.evidence.get(NOT_IN_FILE);
            let all: BTreeSet<String> = known.into_iter().flatten().chain(self.missed).collect();
            observation.evidence.set(NOT_IN_FILE, &all);
        }
    }

    /// Whether there is nothing of them to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.missed.is_empty()
    }
}

/// Plugins whose file is on this machine, and is another one than the file says: a server takes that without a word, and does
/// not run it. Of a server elsewhere it says nothing.
async fn other_files(session: &Session<'_>) -> Vec<Finding> {
    let Ok(token) = session.token() else {
        return Vec::new();
    };
    let state = session.client().read(Some(token), STATE).await;
    // Who may not read it is told nothing: it is on the server's machine alone that this helps.
    let Ok(Some(state)) = state else {
        return Vec::new();
    };
    let directory = state["plugin_directory"].as_str().unwrap_or_default();
    let mut findings = Vec::new();
    for plugin in session
        .config
        .plugins
        .iter()
        .filter(|_| directory.starts_with('/'))
    {
        let Some(command) = &plugin.command else {
            continue;
        };
        let path = Path::new(directory).join(command);
        let file = path.clone();
        let digest = tokio::task::spawn_blocking(move || {
            read::bytes(&file, LARGEST).map(|all| sha256(&all))
        });
        if let Ok(Ok(found)) = digest.await
            && found != plugin.sha256
        {
            let (shown, command) = (path.display(), ShellCommand::new("sha256sum"));
            let other = DocumentFinding::PluginFileOther(
                plugin.path(),
                one_line(&shown.to_string()),
                found,
                command.with(&shown),
            );
            findings.push(other.into());
        }
    }
    findings
}

/// Mounts of plugins of the file that do not run what it says: what is registered anew leaves them as they are.
pub(crate) fn not_reloaded(
    config: &Config,
    (wanted, there): (&[MountOfFile<'_>], &Mounts),
) -> Vec<Finding> {
    let found = wanted.iter().filter_map(|mount| {
        let (kind, path) = match mount.mount_path.strip_prefix("sys/auth/") {
            Some(path) => ("auth", format!("auth/{path}/")),
            None => ("secret", format!("{}/", mount.path)),
        };
        let mut plugins = config.plugins.iter();
        let plugin = plugins.find(|one| one.kind == kind && one.name == mount.mount_type)?;
        let fields = &there.get(mount.path)?.fields;
        let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        let tuned = mount.tune.get(PLUGIN_VERSION).and_then(Field::as_str);
        let version = tuned
            .map(version_as_kept)
            .or_else(|| plugin.version.clone());
        let (runs, file) = (text("running_plugin_version"), text("running_sha256"));
        let same = version == plugin.version;
        let (runs, says) = if let Some(version) = version.filter(|version| runs != *version) {
            (runs, version)
        } else if same && !file.is_empty() && file != plugin.sha256 {
            (
                format!("the file {file}"),
                format!("the file {}", plugin.sha256),
            )
        } else {
            return None;
        };
        let runs = if runs.is_empty() {
            "no version".to_owned()
        } else {
            runs
        };
        let mounts = ShellCommand::new("vault plugin reload").set("-mounts=", path);
        let mount = mount.mount_path.clone();
        Some(DocumentFinding::PluginNotReloaded(mount, runs, says, mounts).into())
    });
    found.collect()
}

/// Plugins of which a write changes what no server shows of one that runs: what runs has what it began with, until somebody
/// reloads it. Each in a sentence.
pub(crate) fn kept_until_reloaded(config: &Config, pending: &[Pending]) -> Vec<String> {
    let begins_otherwise = |one: &&Pending| {
        matches!(one.document.read, Read::Catalogue(_)) && one.why.iter().any(changes_the_start)
    };
    let found = pending.iter().filter(begins_otherwise).map(|one| {
        let path = &one.document.path;
        let (kind, name) = path.rsplit_once('/').unwrap_or_default();
        let mounts: Vec<String> = if kind.ends_with("/auth") {
            let all = config.auth.iter().filter(|mount| mount.auth_type == name);
            all.map(|mount| format!("auth/{}/", mount.path)).collect()
        } else {
            let all = config.secrets.iter().filter(|mount| mount.engine_type == name);
            all.map(|mount| format!("{}/", mount.path)).collect()
        };
        let reload = if mounts.is_empty() {
            "reload whatever runs it".to_owned()
        } else {
            let command = ShellCommand::new("vault plugin reload").set("-mounts=", mounts.join(","));
            format!("reload it (on OpenBao with bao): {command}")
        };
        format!(
            "{path} is registered anew; what runs of it keeps the environment and arguments that it began with, which no server \
             shows; {reload}"
        )
    });
    found.collect()
}

/// Whether a change is of what a plugin begins with, and no server says of one that runs.
fn changes_the_start(change: &Change) -> bool {
    let (Change::Edited { field, .. }
    | Change::SecretEdited { field }
    | Change::Added { field, .. }
    | Change::TakenOut { field, .. }
    | Change::Differs { field, .. }
    | Change::SecretDiffers { field }
    | Change::Drifted { field, .. }
    | Change::HiddenDrift { field, .. }) = change
    else {
        return false;
    };
    ["env", "args"].contains(&field_of(field).as_str())
}

/// What registers a plugin.
fn document(session: &Session<'_>, plugin: &Plugin, version: String) -> Result<Document, Failure> {
    let mut body = Vec::new();
    let texts = [
        ("command", plugin.command.as_ref()),
        ("sha256", Some(&plugin.sha256)),
        ("version", plugin.version.as_ref()),
        ("oci_image", plugin.oci_image.as_ref()),
        ("runtime", plugin.runtime.as_ref()),
    ];
    for (name, text) in texts {
        body.extend(text.map(|text| (name.to_owned(), Body::String(text.clone()))));
    }
    if !plugin.args.is_empty() {
        let args = plugin.args.iter().cloned().map(Body::String);
        body.push(("args".to_owned(), Body::List(args.collect())));
    }
    if let Body::Map(env) = resolve::body(session, &environment(plugin))?
        && !env.is_empty()
    {
        let env = env
            .iter()
            .map(|(name, value)| Body::assigned(name, value))
            .collect();
        body.push(("env".to_owned(), Body::List(env)));
    }
    Ok(Document {
        read: Read::Catalogue(version),
        ..Document::new(plugin.path(), Body::Map(body), PLUGIN)
    })
}

fn environment(plugin: &Plugin) -> Fields {
    let fields = plugin.env.iter().map(|(name, value)| {
        let field = match value {
            Given::Plain(text) => Field::String(text.clone()),
            Given::Secret(reference) => Field::Secret(reference.clone()),
        };
        (name.clone(), field)
    });
    Fields(fields.collect())
}
