//! Secrets engines and auth methods: a listing, a mount, its tuning, its config.
//!
//! A mount of another type under a declared path is never replaced: that is refused.

use std::collections::BTreeSet;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::desired::mount::{self, MountOfFile, OF_SERVERS};
use crate::desired::observation::Observation;
use crate::desired::plugins::{self, Plugins};
use crate::desired::{self, NOT_IN_FILE};
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::{Detail, DocumentFinding};
use crate::session::namespace;
use crate::step::Step;
use crate::vault;
use crate::vault::mounts::{Mounts, list_auth, list_mounts};

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
    let (wanted, plugins) = (
        mount::secrets(view.config),
        plugins::look(&view.documents()).await?,
    );
    if plugins.is_empty() && wanted.is_empty() && missed(view, "sys/mounts", &wanted).is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = list_mounts(&view.client(), view.token()?).await;
    observe(view, ("sys/mounts", plugins), listing, wanted).await
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
        ceremony.begin(Step::Secrets, paths)?;
    }
    let made = namespace::make(ceremony, missing).await?;
    if made.is_empty() {
        return apply((Step::Secrets, ceremony), observation).await;
    }
    let mut observation = observe_secrets(&ceremony.view(Step::Secrets)).await?;
    ceremony.remember(std::mem::take(&mut observation.learned))?;
    // Before anything is sent there.
    let pending = observation.pending.iter();
    let pending = pending.map(|one| one.document.path.clone());
    ceremony.begin(Step::Secrets, pending)?;
    let evidence = apply((Step::Secrets, ceremony), observation).await?;
    Ok(evidence.with("namespaces", made))
}

/// Auth methods and their `config`. Roles come after policies, in a step of their own.
pub(super) async fn observe_auth_methods(view: &View<'_>) -> Result<Observation, Failure> {
    let wanted = mount::auth_methods(view.config);
    if wanted.is_empty() && missed(view, "sys/auth", &wanted).is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = list_auth(&view.client(), view.token()?).await;
    observe(view, ("sys/auth", Plugins::default()), listing, wanted).await
}

/// Compares all mounts with the listing of `place`, and their tuning and config with what is there.
async fn observe(
    view: &View<'_>,
    (place, mut plugins): (&str, Plugins),
    listing: Result<Mounts, vault::Error>,
    wanted: Vec<MountOfFile<'_>>,
) -> Result<Observation, Failure> {
    let missed = missed(view, place, &wanted);
    let there = match listing {
        Ok(there) => there,
        Err(error) if error.is_forbidden() => {
            let paths = vec![place.to_owned()];
            return Ok(Observation::unknown(vec![Detail::MayNotRead { paths }]));
        }
        Err(error) => return Err(error.into()),
    };
    let mut documents = std::mem::take(&mut plugins.documents);
    let (mut refusals, mut left) = (Vec::new(), Vec::new());
    for mount in &wanted {
        let present = there.get(mount.path);
        refusals.extend(present.and_then(|present| mount.other_type(present)));
        documents.extend(mount.documents(view, present)?);
        if let Some(path) = config_taken_out(view, mount).filter(|_| present.is_some()) {
            match mount.emptied_config() {
                Some(emptied) => documents.push(emptied),
                None => left.push(DocumentFinding::NotInFile(path.to_owned()).into()),
            }
        }
    }
    Failure::check(refusals)?;
    let mut comparison = desired::observe(&view.documents(), documents).await?;
    for mount in &wanted {
        if mount.tune.is_empty() {
            // What the listing says of it stands under its own name.
            let tuning = mount.tuning();
            comparison.equal.retain(|path| *path != tuning);
        }
        if there.contains_key(mount.path) {
            comparison.equal.push(mount.mount_path.clone());
        }
    }
    let mut observation = comparison.into_observation();
    observation
        .findings
        .extend(plugins::not_reloaded(view.config, (&wanted, &there)));
    observation.findings.extend(left);
    let left = missed.iter().filter(|path| {
        let name = path.strip_prefix(place).unwrap_or(path);
        there.contains_key(name.trim_matches('/'))
    });
    let left = left.map(|path| DocumentFinding::NotInFile(path.clone()).into());
    observation.findings.extend(left);
    if view.diary.handed_over() {
        let others = there.iter().filter(|(path, mount)| {
            let of_server = OF_SERVERS.contains(&mount.mount_type.as_str());
            !of_server && !wanted.iter().any(|one| one.path == path.as_str())
        });
        observation.unmanaged = others.map(|(path, _)| format!("{place}/{path}")).collect();
    }
    if !missed.is_empty() {
        observation.evidence.set(NOT_IN_FILE, &missed);
    }
    plugins.add_to(&mut observation);
    Ok(observation)
}

/// Where the config of a mount is, of which the file once said something and says nothing any more, also among its `writes`.
fn config_taken_out<'m>(view: &View<'_>, mount: &'m MountOfFile<'_>) -> Option<&'m str> {
    let path = mount.config_left_out()?;
    let elsewhere = view.config.writes.iter().any(|write| write.path == path);
    (!elsewhere && view.memory.of(path).is_some()).then_some(path)
}

/// Mounts that the file once named and names no more.
fn missed(view: &View<'_>, place: &str, wanted: &[MountOfFile<'_>]) -> BTreeSet<String> {
    let mut missed = desired::named_before(&view.documents());
    missed.retain(|path| {
        let is_mount = path.starts_with(place) && !path.ends_with("/tune");
        is_mount && !wanted.iter().any(|mount| mount.mount_path == *path)
    });
    missed
}

/// Writes them, and remembers what the server made of them.
pub(super) async fn apply(
    (step, ceremony): (Step, &Ceremony<'_>),
    observation: Observation,
) -> Result<Evidence, Failure> {
    let begun = plugins::kept_until_reloaded(ceremony.config, &observation.pending);
    let written = mount::write(&ceremony.target(), observation.pending).await?;
    for text in begun {
        ceremony.warn(Code::StepDiffers, text);
    }
    listed_again(step, ceremony, &written.paths).await?;
    let evidence = observation.evidence.with("written", written.paths);
    for one in written.findings {
        ceremony.find(one);
    }
    Ok(evidence)
}

/// Remembers what the server made of the mounts that were written.
async fn listed_again(
    step: Step,
    ceremony: &Ceremony<'_>,
    written: &[String],
) -> Result<(), Failure> {
    let view = ceremony.view(step);
    let (there, wanted) = if step == Step::Secrets {
        let there = list_mounts(&view.client(), view.token()?).await?;
        (there, mount::secrets(view.config))
    } else {
        let there = list_auth(&view.client(), view.token()?).await?;
        (there, mount::auth_methods(view.config))
    };
    let mut records = Vec::new();
    for mount in wanted {
        let is_written = written.contains(&mount.mount_path) || written.contains(&mount.tuning());
        let present = there.get(mount.path).filter(|_| is_written);
        if let Some(present) = present {
            let document = mount.tuned(&view, Some(present.fields.clone()))?;
            records.push(desired::read_back(
                &ceremony.memory,
                &document,
                &present.fields,
            ));
        }
    }
    Ok(ceremony.memory.remember(records)?)
}
