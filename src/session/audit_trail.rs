//! Whether what is asked of the server stands in its audit logs, where they can be read on this machine. A log that was
//! moved away, and of which the server was not told, goes on where nobody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::memmem;
use tokio::time::Instant;
use url::Url;

use crate::audit_log::AuditLog;
use crate::checkpoint::{Diary, now};
use crate::code::Code;
use crate::config::{AuditDevice, Config};
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::machine::{Machine, Thing};
use crate::plain_http::is_this_machine;
use crate::secret::Token;
use crate::session::{Cluster, Session};
use crate::step::Step;
use crate::vault::audit::{self, audit_hash};
use crate::vault::auth::token;
use crate::vault::{self, Client};

/// What the ceremony recorded of a device in whose log it found its marker.
pub(crate) const FOUND_IN_LOG: &str = "marker found in the log";
/// The same where its log could not be read.
const BY_ANSWER: &str = "by the server's answer alone";
/// Under which name it recorded that.
pub(crate) const PROVED: &str = "proved";
/// A local file gets its line before the request is answered; the rest is for network disks.
const LIMIT: Duration = Duration::from_secs(10);

/// An audit device of the file and its log on this machine.
pub(crate) struct DeviceLog {
    /// The path of the device.
    pub(crate) device: String,
    /// Its log.
    pub(crate) file: PathBuf,
    /// Or why nobody can look at it.
    pub(crate) log: Result<AuditLog, String>,
}

/// The logs of the file's devices on this machine. One of another machine is not among them.
pub(crate) fn logs(config: &Config) -> Vec<DeviceLog> {
    let log = |(device, file): (&AuditDevice, PathBuf)| {
        Some(DeviceLog {
            device: device.path.clone(),
            log: AuditLog::at(&file)
                .map_err(|error| error.to_string())
                .transpose()?,
            file,
        })
    };
    files(config).filter_map(log).collect()
}

/// The devices of the file that write one.
fn files(config: &Config) -> impl Iterator<Item = (&AuditDevice, PathBuf)> {
    let files = config.audit.iter();
    let files = files.filter(|device| device.device_type == "file");
    files.filter_map(|device| Some((device, option(device, "file_path")?.into())))
}

fn option<'d>(device: &'d AuditDevice, wanted: &str) -> Option<&'d str> {
    let mut options = device.options.iter();
    let (_, value) = options.find(|(name, _)| name == wanted)?;
    Some(value)
}

/// A device that writes somewhere else than the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// The path of the device.
    pub(crate) device: String,
    /// Where its log should be.
    pub(crate) file: PathBuf,
    /// The server.
    pub(crate) server: String,
}

impl From<Elsewhere> for Finding {
    fn from(
        Elsewhere {
            device,
            file,
            server,
        }: Elsewhere,
    ) -> Self {
        Self::AuditLogElsewhere(device, place(&file), server)
    }
}

/// A log, and whether it is there.
fn place(file: &Path) -> String {
    let shown = file.display();
    match AuditLog::at(file) {
        Ok(None) => format!("{shown}, a file that is not there"),
        _ => shown.to_string(),
    }
}

/// The logs in which requests of this run must stand, as they were before these are sent.
pub(crate) struct AuditTrail {
    server: String,
    logs: Vec<DeviceLog>,
    /// They were here once.
    gone: Vec<(String, PathBuf)>,
    /// Those in which something is expected and nobody can look here: the device, its log, and why.
    unread: Vec<(String, PathBuf, String)>,
}

impl AuditTrail {
    /// Looks where the logs are. Nothing is expected of a log that cannot be read here, or of which nothing says that it
    /// is the one of this very server: one on this machine is, and so is the one in which the ceremony found its marker.
    pub(crate) fn begin(config: &Config, diary: Option<&Diary>, client: &Client) -> Self {
        Self::begin_from(None, config, diary, client)
    }

    /// The same, from a machine that somebody has named: the server's own has its logs.
    fn begin_from(
        machine: Option<Machine>,
        config: &Config,
        diary: Option<&Diary>,
        client: &Client,
    ) -> Self {
        let server = client.address();
        let local = machine.is_some_and(|machine| machine.sees(Thing::AuditLog))
            || Url::parse(server).is_ok_and(|url| is_this_machine(&url));
        let proved = diary.map_or_else(BTreeMap::new, |diary| proved_at(diary, server));
        let is_proved = |device: &str| proved.get(device).is_some_and(|how| how == FOUND_IN_LOG);
        let whole = |device: &str| {
            let mut devices = config.audit.iter();
            let device = devices.find(|one| one.path == device);
            // One with a filter writes what it likes.
            device.is_some_and(|device| option(device, "filter").is_none())
        };
        let logs = logs(config).into_iter().filter(|one| {
            one.file.is_absolute() && whole(&one.device) && (local || is_proved(&one.device))
        });
        let logs: Vec<DeviceLog> = logs.collect();
        // A server of this machine keeps its log where the ceremony read it, whatever its port is now.
        let read_here = diary.map_or_else(BTreeSet::new, read_here);
        let was_here = |device: &str| is_proved(device) || (local && read_here.contains(device));
        let gone = files(config).filter(|(device, file)| {
            was_here(&device.path)
                && file.parent().is_some_and(Path::is_dir)
                && matches!(AuditLog::at(file), Ok(None))
        });
        let gone: Vec<_> = gone
            .map(|(device, file)| (device.path.clone(), file))
            .collect();
        let unread = files(config).filter_map(|(device, file)| {
            let path = device.path.clone();
            let here = logs.iter().find(|one| one.device == path);
            let is_gone = gone.iter().any(|(one, _)| *one == path);
            let why = match here.map(|one| &one.log) {
                Some(Ok(_)) => return None,
                Some(Err(why)) => why.clone(),
                None if is_gone || !whole(&path) => return None,
                None if !local => format!("{server} is not known to write to this machine"),
                None if !file.is_absolute() => {
                    "its path begins in the server's directory".to_owned()
                }
                None => "it is not on this machine".to_owned(),
            };
            Some((path, file, why))
        });
        Self {
            server: server.to_owned(),
            unread: unread.collect(),
            logs,
            gone,
        }
    }

    /// Whether there is any log to look into.
    pub(crate) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.gone.is_empty()
    }

    /// The devices whose log is not here any more.
    pub(crate) fn gone(&self) -> Vec<Elsewhere> {
        self.gone.iter().map(|one| self.elsewhere(one)).collect()
    }

    /// The devices in whose log a request does not come to stand that was answered. Without its id none can be looked for.
    pub(crate) async fn lacks(&self, request_id: &str, cluster: &Cluster<'_>) -> Vec<Elsewhere> {
        // What cannot be read says nothing.
        self.looked(request_id, cluster).await.elsewhere
    }

    async fn looked(&self, request_id: &str, cluster: &Cluster<'_>) -> Looked {
        let mut looked = Looked {
            elsewhere: self.gone(),
            unread: self.unread.iter().map(unread).collect(),
        };
        for DeviceLog { device, file, log } in &self.logs {
            let Ok(log) = log else { continue };
            let one = (device.clone(), file.clone());
            let why = if request_id.is_empty() {
                "the server gave its answer no id to look for".to_owned()
            } else {
                match written(log, request_id, cluster).await {
                    Ok(true) => continue,
                    Ok(false) => {
                        looked.elsewhere.push(self.elsewhere(&one));
                        continue;
                    }
                    Err(error) => error.to_string(),
                }
            };
            looked.unread.push(unread(&(one.0, one.1, why)));
        }
        looked
    }

    fn elsewhere(&self, (device, file): &(String, PathBuf)) -> Elsewhere {
        Elsewhere {
            device: device.clone(),
            file: file.clone(),
            server: self.server.clone(),
        }
    }
}

/// What a look at all logs found.
#[derive(Default)]
pub(crate) struct Looked {
    /// Devices that write somewhere else.
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// Logs that could not be looked at, and why.
    pub(crate) unread: Vec<Detail>,
}

fn unread((device, file, why): &(String, PathBuf, String)) -> Detail {
    Detail::AuditLog {
        device: device.clone(),
        file: file.display().to_string(),
        why: why.clone(),
    }
}

/// What the ceremony saw of each device, if that was at this server.
fn proved_at(diary: &Diary, server: &str) -> BTreeMap<String, String> {
    let node: Option<String> = diary.fact(Step::WaitUntilActive, "node");
    let proved = diary.fact(Step::Audit, PROVED);
    proved
        .filter(|_| node.as_deref() == Some(server))
        .unwrap_or_default()
}

/// The devices whose log the ceremony read on this machine, of a server that was on it too.
fn read_here(diary: &Diary) -> BTreeSet<String> {
    let node: Option<String> = diary.fact(Step::WaitUntilActive, "node");
    let node = node.and_then(|node| Url::parse(&node).ok());
    if !node.is_some_and(|node| is_this_machine(&node)) {
        return BTreeSet::new();
    }
    let proved: Option<BTreeMap<String, String>> = diary.fact(Step::Audit, PROVED);
    let proved = proved.unwrap_or_default().into_iter();
    let read = proved.filter(|(_, how)| how == FOUND_IN_LOG);
    read.map(|(device, _)| device).collect()
}

/// Whether this text comes to stand in a log, within the time that a network disk may take.
///
/// # Errors
/// It cannot be read here.
pub(crate) async fn written(log: &AuditLog, text: &str, cluster: &Cluster<'_>) -> io::Result<bool> {
    let wanted = memmem::Finder::new(text);
    let holds = |line: &[u8]| wanted.find(line).is_some();
    let started = Instant::now();
    loop {
        if log.has_written(holds)? {
            return Ok(true);
        }
        let what = format!("a line of this run in {}", log.file.display());
        let waited = cluster.wait(started, LIMIT, &what, "not there yet");
        if waited.await.is_err() {
            return Ok(false);
        }
    }
}

/// Looks whether one more request of this token comes to stand in every log that can be read here, on this machine.
///
/// # Errors
/// The server does not answer the token.
pub(crate) async fn look(
    session: &Session<'_>,
    (diary, machine): (&Diary, Option<Machine>),
    token: &Token,
) -> Result<Looked, vault::Error> {
    let client = session.client();
    let trail = AuditTrail::begin_from(machine, session.config, Some(diary), &client);
    if trail.is_empty() {
        return Ok(trail.looked("", &session.cluster).await);
    }
    let asked = token::lookup_self(&session.at_home(&client), token).await?;
    Ok(trail.looked(&asked.request_id, &session.cluster).await)
}

/// Sends a marker, asks for its HMAC and looks for that in the log where the log can be read from here.
pub(crate) async fn prove(
    session: &Session<'_>,
    device: &audit::AuditDevice,
) -> Result<&'static str, Failure> {
    let path = device.path.as_str();
    let file = device
        .options
        .get("file_path")
        .filter(|_| device.device_type == "file");
    let log = file.map(AuditLog::at).transpose();
    let marker = format!("vault-bootstrap marker {}", now());
    let hash = audit_hash(&session.client(), session.token()?, path, marker.as_str()).await?;
    let log = match log.map(Option::flatten) {
        Ok(Some(log)) => log,
        unread => {
            let why = unread.map_or_else(|error| format!(": {error}"), |_| String::new());
            session.note(format!(
                "{path}: its log cannot be read from here{why}; the server's answer stands alone"
            ));
            return Ok(BY_ANSWER);
        }
    };
    let file = log.file.display();
    match written(&log, &hash, &session.cluster).await {
        Ok(true) => {
            session.note(format!("{path}: the marker's HMAC was found in {file}"));
            Ok(FOUND_IN_LOG)
        }
        Ok(false) => {
            let server = session.client().address().to_owned();
            let (device, file) = (path.to_owned(), log.file.clone());
            let elsewhere = Elsewhere {
                device,
                file,
                server,
            };
            Err(refused(&elsewhere))
        }
        Err(error) => {
            session.note(format!("{path}: {file} cannot be read from here ({error})"));
            Ok(BY_ANSWER)
        }
    }
}

/// While root is valid, nothing goes on without its trail.
///
/// # Errors
/// A device writes somewhere else.
pub(crate) fn all_written(elsewhere: &[Elsewhere]) -> Result<(), Failure> {
    Failure::check(elsewhere.iter().map(refused).collect())
}

/// A device writes somewhere else, while root is valid.
pub(crate) fn refused(
    Elsewhere {
        device,
        file,
        server,
    }: &Elsewhere,
) -> Failure {
    let at = place(file);
    let file = file.display();
    Failure::refused(
        Code::AuditNotWritten,
        format!("audit device {device}: what this run asked of {server} is not in {at}"),
    )
    .advise(format!(
        "if the log was moved or deleted, the server still writes to the old one: send the server SIGHUP, or move it back; \
         else see that {file} is the log of this very server"
    ))
}
