//! Audit before anything worth auditing: enabled over the API where the product lets us, verified where
//! it is declared in the server's own configuration, and proved by a marker found in the log.
//!
//! A device that differs is a finding and is never deleted: a new one has a new salt, and for a moment
//! there would be none.

use std::collections::BTreeMap;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::options::Options;
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::config::AuditDevice as Wanted;
use crate::desired::audit_device::{differences, is_raw, log_of, stanza};
use crate::desired::observation::Observation;
use crate::evidence::facts::{Evidence, NOT_RECHECKED};
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::secret::Token;
use crate::session::Session;
use crate::session::audit_trail::{self, AuditTrail, PROVED};
use crate::step::decide::Recorded;
use crate::vault::Error;
use crate::vault::audit::{self, AuditDevice};

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let (mut findings, unread) = elsewhere(view).await?;
    let undeclared = view.config.audit.is_empty();
    let look = match look(view, view.token()?).await {
        Ok(look) => look,
        Err(error) if error.is_forbidden() => {
            findings.extend(undeclared.then_some(Finding::AuditDevicesUnseen));
            let paths = vec!["sys/audit".to_owned()];
            let details = [vec![Detail::MayNotRead { paths }], unread].concat();
            return Ok(Observation {
                findings,
                ..Observation::unknown(details)
            });
        }
        Err(error) => return Err(error.into()),
    };
    if undeclared {
        let paths: Vec<String> = look.paths().into_iter().map(str::to_owned).collect();
        findings.push(if paths.is_empty() {
            Finding::NoAuditDevice
        } else {
            Finding::AuditDevicesUndeclared(paths)
        });
    }
    // A device that is not there writes nowhere.
    findings.retain(|found| {
        let mut missing = look.missing.iter();
        !matches!(found, Finding::AuditLogElsewhere(device, ..) if missing.any(|one| one.path == *device))
    });
    // A root that is kept on purpose outlives the hand-over, and from then on there is something to lose.
    let empty = !view.diary.handed_over();
    findings.extend(judge(view, (empty, view.options), &look)?);
    let create = |wanted: &&Wanted| Detail::create(format!("sys/audit/{}", wanted.path));
    let details = look.missing.iter().map(create).collect();
    let found = if !look.missing.is_empty() {
        if look.there.is_empty() {
            Observation {
                details,
                ..Observation::absent()
            }
        } else {
            Observation::partial(details)
        }
    } else if view.revokes_root() && view.recorded() == Recorded::Done {
        // The marker is sent anew.
        Observation::partial(Vec::new())
    } else if view.is_root() && !proved(view) {
        Observation::partial(vec![Detail::NoMarker])
    } else {
        Observation::present(Evidence::default().with("devices", look.paths()))
    };
    let (mut details, mut evidence) = (found.details, found.evidence);
    if !unread.is_empty() {
        let said: Vec<_> = unread.iter().map(ToString::to_string).collect();
        evidence.set(NOT_RECHECKED, said);
    }
    details.extend(unread);
    Ok(Observation {
        evidence,
        details,
        findings,
        ..found
    })
}

pub(super) async fn apply(
    ceremony: &mut Ceremony<'_>,
    observation: &Observation,
) -> Result<Evidence, Failure> {
    let mut before = look(ceremony, ceremony.token()?).await?;
    if !ceremony.is_root() {
        // What was left when it was shown is left.
        before.missing.retain(|wanted| {
            let create = Detail::create(format!("sys/audit/{}", wanted.path));
            observation.details.contains(&create)
        });
    }
    for wanted in &before.missing {
        enable(ceremony, wanted, &before.missing).await?;
    }
    let look = look(ceremony, ceremony.token()?).await?;
    let empty = !ceremony.diary().handed_over();
    for finding in judge(ceremony, (empty, ceremony.options), &look)? {
        ceremony.find(finding);
    }
    // A log that a run of before has read here, and that is gone, goes on elsewhere.
    let trail = AuditTrail::begin(ceremony.config, Some(&ceremony.diary()), &ceremony.client());
    audit_trail::all_written(&trail.gone())?;
    let mut proofs = BTreeMap::new();
    for device in &look.there {
        proofs.insert(
            device.path.clone(),
            audit_trail::prove(ceremony, device).await?,
        );
    }
    Ok(Evidence::default()
        .with("devices", look.paths())
        .with(PROVED, proofs))
}

/// Where no marker is sent any more: the logs that can be read here, and are without what is asked now; and where looking is
/// all that was asked for, those that cannot.
async fn elsewhere(view: &View<'_>) -> Result<(Vec<Finding>, Vec<Detail>), Failure> {
    if view.recorded() != Recorded::Done || view.revokes_root() {
        return Ok((Vec::new(), Vec::new()));
    }
    let check = view.options.check;
    let found = audit_trail::look(view, (&view.diary, check), view.token()?).await?;
    let findings = found.elsewhere.into_iter().map(Finding::from).collect();
    let unread = check.map_or_else(Vec::new, |_| found.unread);
    Ok((findings, unread))
}

/// The server's devices beside the file's.
struct Look<'a> {
    there: Vec<AuditDevice>,
    missing: Vec<&'a Wanted>,
    /// What is not as in the file.
    different: Vec<Detail>,
}

impl Look<'_> {
    fn paths(&self) -> Vec<&str> {
        let paths = self.there.iter().map(|device| device.path.as_str());
        paths.collect()
    }
}

async fn look<'a>(session: &Session<'a>, token: &Token) -> Result<Look<'a>, Error> {
    let there = audit::list_audit(&session.client(), token).await?;
    let (mut missing, mut different) = (Vec::new(), Vec::new());
    for wanted in &session.config.audit {
        let Some(device) = there.iter().find(|device| device.path == wanted.path) else {
            missing.push(wanted);
            continue;
        };
        let lines = differences(wanted, device).into_iter();
        different.extend(lines.map(|change| Detail::Document {
            path: format!("sys/audit/{}", wanted.path),
            change,
        }));
    }
    Ok(Look {
        there,
        missing,
        different,
    })
}

/// While root is valid, what is wrong with a device stops the ceremony; afterwards it is a finding.
fn judge(
    session: &Session<'_>,
    (empty, options): (bool, &Options),
    look: &Look<'_>,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if let Some(device) = look.there.iter().find(|device| is_raw(device)) {
        if session.is_root() && empty {
            return Err(raw_while_root_is_valid(session, options, device));
        }
        let (path, address) = (device.path.clone(), session.client().address().to_owned());
        let log = log_of(device).to_owned();
        findings.push(Finding::RawAuditLog(path, address, log));
    }
    if session.is_root() && !look.different.is_empty() {
        return Err(differs(&look.different));
    }
    findings.extend(look.different.iter().cloned().map(Finding::AuditDevice));
    Ok(findings)
}

/// Never deleted and never replaced by us: its log and the salt of its hashes would go with it.
fn differs(details: &[Detail]) -> Failure {
    let lines: Vec<_> = details.iter().map(ToString::to_string).collect();
    Failure::refused(Code::AuditDeviceDiffers, format!("an audit device differs from the file: {}", lines.join("; "))).advise(
        "say in the file what the device is; or correct it on the server, on OpenBao in the audit stanza of every node's \
         configuration, on Vault by a new device under a new path, and then remove the old one; then run apply again",
    )
}

async fn enable(
    ceremony: &Ceremony<'_>,
    wanted: &Wanted,
    missing: &[&Wanted],
) -> Result<(), Failure> {
    let device = AuditDevice {
        path: wanted.path.clone(),
        device_type: wanted.device_type.clone(),
        description: wanted.description.clone(),
        options: wanted.options.iter().cloned().collect(),
        local: wanted.local,
    };
    let Err(error) = audit::enable_audit(&ceremony.client(), ceremony.token()?, &device).await
    else {
        return Ok(());
    };
    // A server that takes no devices over its API says so with 400 (OpenBao 2.3.2 and later, unless
    // `unsafe_allow_api_audit_creation` is set).
    let declarative = error
        .messages()
        .iter()
        .any(|text| text.contains("declarative"));
    if declarative {
        return Err(stanza_needed(ceremony, missing));
    }
    let now = audit::list_audit(&ceremony.client(), ceremony.token()?).await?;
    if now.iter().any(|there| there.path == wanted.path) {
        return Ok(());
    }
    if error.is_retryable() {
        // Nobody knows who said that, the server or something before it: the step is looked at anew.
        return Err(error.into());
    }
    let advice = "see that the server's user may write there, or correct the device in the file; \
                  then run apply again";
    Err(Failure::refused(error.code(), error.to_string())
        .advise(error.advice().unwrap_or_else(|| advice.into())))
}

fn stanza_needed(ceremony: &Ceremony<'_>, missing: &[&Wanted]) -> Failure {
    let stanzas: Vec<String> = missing.iter().map(|device| stanza(device)).collect();
    Failure::refused(Code::AuditNeedsStanza, format!(
        "{} takes no audit devices over its API, and {} not declared in its configuration",
        ceremony.client().address(),
        if missing.len() == 1 { "one is" } else { "some are" },
    ))
    .advise(format!(
        "add this to the configuration of every node, reload it (SIGHUP), then run apply again:\n{}",
        stanzas.join("\n")
    ))
}

/// Everything that a raw device has seen stands in its file in clear: the root token for a start.
fn raw_while_root_is_valid(
    session: &Session<'_>,
    options: &Options,
    device: &AuditDevice,
) -> Failure {
    Failure::refused(Code::AuditLogRaw, format!(
        "audit device {} of {} has log_raw: the root token stands in {} in clear",
        device.path,
        session.client().address(),
        log_of(device)
    ))
    .advise(format!(
        "the cluster holds no data yet: stop it, remove log_raw from its configuration, destroy that file, \
         empty the storage, start it, then {} and {}",
        session.config.command("apply --abandon"),
        options.again(session.config)
    ))
}

fn proved(view: &View<'_>) -> bool {
    let evidence = view.evidence();
    let proofs = evidence.and_then(|facts| facts.get::<BTreeMap<String, String>>(PROVED));
    let every = |proofs: BTreeMap<String, String>| {
        let mut devices = view.config.audit.iter();
        devices.all(|device| proofs.contains_key(&device.path))
    };
    proofs.is_some_and(every)
}
