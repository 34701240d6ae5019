//! Secrets engines and auth methods: a listing, a mount, its tuning, its config.
//!
//! A mount of another type under a declared path is never replaced: that is refused.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::namespace;
use crate::bootstrap::view::View;
use crate::checkpoint::begun;
use crate::code::Code;
use crate::config::Fields;
use crate::desired::observation::Observation;
use crate::desired::{self, CONCURRENCY, Document, Pending, Read, resolve};
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::Detail;
use crate::step::Step;
use crate::vault::mounts::{Mounts, list_auth, list_mounts};
use crate::vault::{self, Body};

/// One mount of the file.
struct Wanted<'a> {
    /// `sys/mounts/secret` or `sys/auth/oidc`.
    mount_path: String,
    /// `secret/config` or `auth/oidc/config`.
    config_path: String,
    /// Path in the listing, without slash at the end.
    path: &'a str,
    mount_type: &'a str,
    description: &'a str,
    options: &'a [(String, String)],
    config: &'a Fields,
    tune: &'a Fields,
    local: bool,
    seal_wrap: bool,
}

/// Secrets engines as in the file; before them the namespace that they are in.
pub(super) async fn observe_secrets(view: &View<'_>) -> Result<Observation, Failure> {
    let missing = namespace::missing(view).await?;
    if !missing.is_empty() {
        return Ok(Observation {
            details: missing
                .iter()
                .map(|(_, name)| Detail::create(format!("sys/namespaces/{name}")))
                .collect(),
            ..Observation::absent()
        });
    }
    if view.config.secrets.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = list_mounts(&view.client(), view.token()?).await;
    let wanted = view.config.secrets.iter().map(|engine| Wanted {
        mount_path: format!("sys/mounts/{}", engine.path),
        config_path: format!("{}/config", engine.path),
        path: &engine.path,
        mount_type: &engine.engine_type,
        description: &engine.description,
        options: &engine.options,
        config: &engine.config,
        tune: &engine.tune,
        local: engine.local,
        seal_wrap: engine.seal_wrap,
    });
    observe(view, "sys/mounts", listing, wanted.collect()).await
}

/// The namespace first: nothing can be seen in it before.
pub(super) async fn apply_secrets(
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<Evidence, Failure> {
    let missing = namespace::missing(ceremony).await?;
    if !missing.is_empty() {
        let paths = missing.iter();
        let paths = paths.map(|(_, name)| format!("sys/namespaces/{name}"));
        begun::record(&ceremony.records, Step::Secrets, paths)?;
    }
    let made = namespace::make(ceremony, missing).await?;
    if made.is_empty() {
        return apply((Step::Secrets, ceremony), observation).await;
    }
    let mut observation = observe_secrets(&ceremony.view(Step::Secrets)).await?;
    ceremony.remember(std::mem::take(&mut observation.learned));
    // Before anything is sent there.
    let pending = observation.pending.iter();
    let pending = pending.map(|one| one.document.path.clone());
    begun::record(&ceremony.records, Step::Secrets, pending)?;
    let evidence = apply((Step::Secrets, ceremony), observation).await?;
    Ok(evidence.with("namespaces", made))
}

/// Auth methods and their `config`. Roles come after policies, in a step of their own.
pub(super) async fn observe_auth_methods(view: &View<'_>) -> Result<Observation, Failure> {
    if view.config.auth.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = list_auth(&view.client(), view.token()?).await;
    let wanted = view.config.auth.iter().map(|method| Wanted {
        mount_path: format!("sys/auth/{}", method.path),
        config_path: format!("auth/{}/config", method.path),
        path: &method.path,
        mount_type: &method.auth_type,
        description: &method.description,
        options: &[],
        config: &method.config,
        tune: &method.tune,
        local: method.local,
        seal_wrap: false,
    });
    observe(view, "sys/auth", listing, wanted.collect()).await
}

/// Compares all mounts with the listing of `place`, and their tuning and config with what is there.
async fn observe(
    view: &View<'_>,
    place: &str,
    listing: Result<Mounts, vault::Error>,
    wanted: Vec<Wanted<'_>>,
) -> Result<Observation, Failure> {
    let there = match listing {
        Ok(there) => there,
        Err(error) if error.is_forbidden() => {
            let paths = vec![place.to_owned()];
            return Ok(Observation::unknown(vec![Detail::MayNotRead { paths }]));
        }
        Err(error) => return Err(error.into()),
    };
    let mut documents = Vec::new();
    let mut refusals = Vec::new();
    for mount in &wanted {
        let present = there.get(mount.path).map(String::as_str);
        if let Some(present) = present.filter(|present| *present != mount.mount_type) {
            refusals.push(other_type(mount, present));
        }
        documents.extend(documents_of(view, mount, present)?);
    }
    Failure::check(refusals)?;
    let mut comparison = desired::observe(&view.documents(), documents).await?;
    comparison.equal.extend(
        wanted
            .iter()
            .filter(|mount| there.contains_key(mount.path))
            .map(|m| m.mount_path.clone()),
    );
    Ok(comparison.into_observation())
}

/// Mounts first, since a config needs its mount; then everything else.
pub(super) async fn apply(
    (step, ceremony): (Step, &Ceremony<'_>),
    observation: Observation,
) -> Result<Evidence, Failure> {
    let (mounts, rest): (Vec<Pending>, Vec<Pending>) = observation
        .pending
        .into_iter()
        .partition(|p| matches!(p.document.read, Read::Known(_)));
    let target = ceremony.target(step);
    let mut written = desired::apply(&target, mounts, CONCURRENCY).await?;
    written.extend(desired::apply(&target, rest, CONCURRENCY).await?);
    Ok(observation.evidence.with("written", written))
}

fn documents_of(
    view: &View<'_>,
    mount: &Wanted<'_>,
    present: Option<&str>,
) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    let Body::Map(mut tune) = resolve::body(view, mount.tune)? else {
        return Ok(documents);
    };
    if present.is_none() {
        documents.push(mount_document(mount));
    } else {
        // What was given when mounting can only be changed by tuning.
        if !mount.description.is_empty() {
            tune.push(("description".into(), mount.description.into()));
        }
        add_options(&mut tune, mount.options);
    }
    if !tune.is_empty() {
        let path = format!("{}/tune", mount.mount_path);
        documents.push(Document {
            path,
            body: Body::Map(tune),
            read: Read::Tune,
            known: false,
        });
    }
    if !mount.config.is_empty() {
        let body = resolve::body(view, mount.config)?;
        documents.push(Document::new(mount.config_path.clone(), body));
    }
    Ok(documents)
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

fn mount_document(mount: &Wanted<'_>) -> Document {
    let mut body = vec![("type".to_owned(), Body::from(mount.mount_type))];
    if !mount.description.is_empty() {
        body.push(("description".into(), mount.description.into()));
    }
    if !mount.options.is_empty() {
        body.push(("options".into(), resolve::texts(mount.options)));
    }
    for (name, set) in [("local", mount.local), ("seal_wrap", mount.seal_wrap)] {
        if set {
            body.push((name.into(), Body::Bool(true)));
        }
    }
    Document {
        path: mount.mount_path.clone(),
        body: Body::Map(body),
        read: Read::Known(None),
        known: true,
    }
}

fn other_type(mount: &Wanted<'_>, present: &str) -> Failure {
    Failure::refused(
        Code::MountTypeOther,
        format!(
            "{} is of type {}, the file says {}",
            mount.mount_path, present, mount.mount_type
        ),
    )
    .advise(
        "choose another path in the file, or remove the mount by hand; nothing is ever replaced",
    )
}
