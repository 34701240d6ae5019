//! A mount of the file: what makes it, what tunes it, and its config.

use serde_json::Value;

use crate::code::Code;
use crate::config::{Config, Field, Fields, Manage};
use crate::desired::document::{Document, Pending, Read};
use crate::desired::kind::{self, Kind, Writing};
use crate::desired::resolve;
use crate::desired::view::CONCURRENCY;
use crate::desired::writing::{Target, Written, apply};
use crate::failure::Failure;
use crate::session::Session;
use crate::vault::Body;
use crate::vault::mounts::Mount;

/// Types of mounts that every server makes itself.
pub(crate) const OF_SERVERS: [&str; 8] = [
    "system",
    "cubbyhole",
    "identity",
    "token",
    "ns_system",
    "ns_cubbyhole",
    "ns_identity",
    "ns_token",
];

/// Which version of its plugin a mount runs.
pub(super) const PLUGIN_VERSION: &str = "plugin_version";

/// One mount of the file.
#[derive(Debug)]
pub(crate) struct MountOfFile<'a> {
    /// `sys/mounts/secret` or `sys/auth/oidc`.
    pub(crate) mount_path: String,
    /// `secret/config` or `auth/oidc/config`.
    config_path: String,
    /// What is known of such a config.
    config_kind: Kind,
    /// Path in the listing, without slash at the end.
    pub(crate) path: &'a str,
    pub(crate) mount_type: &'a str,
    description: &'a str,
    options: &'a [(String, String)],
    config: &'a Fields,
    pub(crate) tune: &'a Fields,
    local: bool,
    seal_wrap: bool,
    unmanaged: &'a [String],
    manage: Manage,
}

/// The secrets engines of the file.
pub(crate) fn secrets(config: &Config) -> Vec<MountOfFile<'_>> {
    let wanted = config.secrets.iter().map(|engine| MountOfFile {
        mount_path: format!("sys/mounts/{}", engine.path),
        config_path: format!("{}/config", engine.path),
        config_kind: Kind::of_path(config, &format!("{}/config", engine.path)),
        path: &engine.path,
        mount_type: &engine.engine_type,
        description: &engine.description,
        options: &engine.options,
        config: &engine.config,
        tune: &engine.tune,
        local: engine.local,
        seal_wrap: engine.seal_wrap,
        unmanaged: &engine.unmanaged_fields,
        manage: engine.manage,
    });
    wanted.collect()
}

/// The auth methods of the file.
pub(crate) fn auth_methods(config: &Config) -> Vec<MountOfFile<'_>> {
    let wanted = config.auth.iter().map(|method| MountOfFile {
        mount_path: format!("sys/auth/{}", method.path),
        config_path: format!("auth/{}/config", method.path),
        config_kind: Kind::auth_config(&method.auth_type),
        path: &method.path,
        mount_type: &method.auth_type,
        description: &method.description,
        options: &[],
        config: &method.config,
        tune: &method.tune,
        local: method.local,
        seal_wrap: false,
        unmanaged: &method.unmanaged_fields,
        manage: method.manage,
    });
    wanted.collect()
}

impl MountOfFile<'_> {
    /// Where it is tuned.
    pub(crate) fn tuning(&self) -> String {
        format!("{}/tune", self.mount_path)
    }

    /// What is wanted of it, where the server has it as `present`.
    pub(crate) fn documents(
        &self,
        session: &Session<'_>,
        present: Option<&Mount>,
    ) -> Result<Vec<Document>, Failure> {
        let mut documents = Vec::new();
        match present {
            // What it is given when it is mounted is not sent a second time.
            None => {
                documents.push(self.made());
                if !self.tune.is_empty() {
                    documents.push(self.tuned(session, None)?);
                }
            }
            Some(present) => {
                let fields = Some(present.fields.clone());
                documents.push(self.tuned(session, fields)?);
            }
        }
        if !self.config.is_empty() {
            let body = resolve::body(session, self.config)?;
            let document = Document::new(self.config_path.clone(), body, self.config_kind);
            documents.push(document.leaving(self.unmanaged).managed(self.manage));
        }
        Ok(documents)
    }

    /// Its config, where the file says nothing of that any more and a write can put back what it once said.
    pub(crate) fn emptied_config(&self) -> Option<Document> {
        let merges = self.config_kind.writing == Writing::Merges;
        merges.then(|| {
            let document = Document::emptied(self.config_path.clone(), self.config_kind);
            document.leaving(self.unmanaged).managed(self.manage)
        })
    }

    /// Where its config is, if the file says nothing of that, and that is not left to others.
    pub(crate) fn config_left_out(&self) -> Option<&str> {
        let whole = self.manage == Manage::Whole;
        (whole && self.config.is_empty()).then_some(&self.config_path)
    }

    /// All of a mount that can be changed later.
    pub(crate) fn tuned(
        &self,
        session: &Session<'_>,
        have: Option<Value>,
    ) -> Result<Document, Failure> {
        let mut body = match resolve::body(session, self.tune)? {
            Body::Map(tune) => tune,
            _ => Vec::new(),
        };
        if !self.description.is_empty() {
            body.push(("description".into(), self.description.into()));
        }
        add_options(&mut body, self.options);
        let document = Document::new(self.tuning(), Body::Map(body), kind::MOUNT);
        Ok(Document {
            read: Read::Known(have),
            ..document.leaving(self.unmanaged).managed(self.manage)
        })
    }

    /// What makes it.
    fn made(&self) -> Document {
        let mut body = vec![("type".to_owned(), Body::from(self.mount_type))];
        if !self.description.is_empty() {
            body.push(("description".into(), self.description.into()));
        }
        if !self.options.is_empty() {
            body.push(("options".into(), resolve::texts(self.options)));
        }
        // OpenBao takes it nowhere else, and mounts the newest version otherwise.
        if let Some(Field::String(version)) = self.tune.get(PLUGIN_VERSION) {
            let config = Body::map([(PLUGIN_VERSION, version.as_str())]);
            body.push(("config".into(), config));
        }
        for (name, set) in [("local", self.local), ("seal_wrap", self.seal_wrap)] {
            if set {
                body.push((name.into(), Body::Bool(true)));
            }
        }
        Document {
            read: Read::Known(None),
            ..Document::new(self.mount_path.clone(), Body::Map(body), kind::MOUNT)
        }
    }

    /// Why it cannot be there: another type is.
    pub(crate) fn other_type(&self, there: &Mount) -> Option<Failure> {
        let present = &there.mount_type;
        if present == self.mount_type {
            return None;
        }
        Some(
    Failure::refused(
        Code::MountTypeOther,
        format!(
            "{} is of type {}, the file says {}",
            self.mount_path, present, self.mount_type
        ),
    )
    .advise(
        "choose another path in the file, or remove the mount by hand; nothing is ever replaced",
    ))
    }
}

/// Writes plugins first, since a mount may be of one; then mounts, since a config needs its mount; then everything else.
///
/// # Errors
/// Writes that failed, of the first of these of which any did.
pub(crate) async fn write(target: &Target<'_>, pending: Vec<Pending>) -> Result<Written, Failure> {
    let is_plugin = |one: &Pending| matches!(one.document.read, Read::Catalogue(_));
    let is_mount = |one: &Pending| {
        let document = &one.document;
        matches!(document.read, Read::Known(None)) && !document.path.ends_with("/tune")
    };
    let (registered, rest): (Vec<_>, Vec<_>) = pending.into_iter().partition(is_plugin);
    let (mounts, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_mount);
    let mut written = apply(target, registered, CONCURRENCY).await?;
    written.extend(apply(target, mounts, CONCURRENCY).await?);
    written.extend(apply(target, rest, CONCURRENCY).await?);
    Ok(written)
}

/// The options of the mount beside those that its tuning names itself.
fn add_options(tune: &mut Vec<(String, Body)>, options: &[(String, String)]) {
    if options.is_empty() {
        return;
    }
    let tuned = tune.iter_mut().find(|(name, _)| name == "options");
    if let Some((_, Body::Map(tuned))) = tuned {
        for (name, value) in options {
            if !tuned.iter().any(|(there, _)| there == name) {
                tuned.push((name.clone(), value.clone().into()));
            }
        }
    } else {
        tune.retain(|(name, _)| name != "options");
        tune.push(("options".into(), resolve::texts(options)));
    }
}
