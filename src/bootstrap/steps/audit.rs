//! Audit before anything worth auditing: enabled over the API where the product lets us, verified where
//! it is declared in the server's own configuration, and proved by a marker found in the log.
//!
//! A device that differs is a finding and is never deleted: a new one has a new salt, and for a moment
//! there would be none.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::audit_log::AuditLog;
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::options::Options;
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::config::AuditDevice as Wanted;
use crate::desired::audit_device::{differences, is_raw, log_of, stanza};
use crate::desired::observation::Observation;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::secret::Token;
use crate::session::Session;
use crate::step::decide::Recorded;
use crate::vault::Error;
use crate::vault::audit::{self, AuditDevice};

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let mut findings = Vec::new();
    let undeclared = view.config.audit.is_empty();
    let look = match look(view, view.token()?).await {
        Ok(look) => look,
        Err(error) if error.is_forbidden() => {
            findings.extend(undeclared.then_some(Finding::AuditDevicesUnseen));
            let paths = vec!["sys/audit".to_owned()];
            return Ok(Observation {
                findings,
                ..Observation::unknown(vec![Detail::MayNotRead { paths }])
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
    Ok(Observation { findings, ..found })
}

pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let before = look(ceremony, ceremony.token()?).await?;
    for wanted in &before.missing {
        enable(ceremony, wanted, &before.missing).await?;
    }
    let look = look(ceremony, ceremony.token()?).await?;
    let empty = !ceremony.diary().handed_over();
    for finding in judge(ceremony, (empty, ceremony.options), &look)? {
        ceremony.find(finding);
    }
    let mut proofs = BTreeMap::new();
    for device in &look.there {
        proofs.insert(device.path.clone(), prove(ceremony, device).await?);
    }
    Ok(Evidence::default()
        .with("devices", look.paths())
        .with("proved", proofs))
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
        "say in the file what the device is, or let a person add the right one under a new path and \
         remove the old one afterwards; then run apply again",
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
    let proofs = evidence.and_then(|facts| facts.get::<BTreeMap<String, String>>("proved"));
    let every = |proofs: BTreeMap<String, String>| {
        let mut devices = view.config.audit.iter();
        devices.all(|device| proofs.contains_key(&device.path))
    };
    proofs.is_some_and(every)
}

/// Sends a marker, asks for its HMAC and looks for that in the log where the log can be read from here.
async fn prove(ceremony: &Ceremony<'_>, device: &AuditDevice) -> Result<&'static str, Failure> {
    let path = device.path.as_str();
    let file = device
        .options
        .get("file_path")
        .filter(|_| device.device_type == "file");
    let log = file.map(AuditLog::at).transpose();
    let marker = format!("vault-bootstrap marker {}", crate::checkpoint::now());
    let hash =
        audit::audit_hash(&ceremony.client(), ceremony.token()?, path, marker.as_str()).await?;
    let log = match log.map(Option::flatten) {
        Ok(Some(log)) => log,
        unread => {
            let why = unread.map_or_else(|error| format!(": {error}"), |_| String::new());
            ceremony.note(format!(
                "{path}: its log cannot be read from here{why}; the server's answer stands alone"
            ));
            return Ok("by the server's answer alone");
        }
    };
    let (started, file) = (Instant::now(), log.file.display());
    loop {
        match log.since().and_then(|mut lines| lines.find(&hash)) {
            Ok(Some(_)) => {
                ceremony.note(format!("{path}: the marker's HMAC was found in {file}"));
                return Ok("marker found in the log");
            }
            Ok(None) => {}
            Err(error) => {
                ceremony.note(format!("{path}: {file} cannot be read from here ({error})"));
                return Ok("by the server's answer alone");
            }
        }
        let what = format!("the marker in {file}");
        ceremony
            .cluster
            .wait(started, MARKER_LIMIT, &what, "not there yet")
            .await
            .map_err(|failure| {
                let advice = format!("check that {file} is the log of this very server");
                Failure::refused(Code::AuditNotWritten, failure.to_string()).advise(advice)
            })?;
    }
}

/// A local file gets its line before the request is answered; the rest is for network disks.
const MARKER_LIMIT: Duration = Duration::from_secs(10);
