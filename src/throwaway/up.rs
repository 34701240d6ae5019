//! Servers that outlive the run that started them, by name: up, down, which there are, and how to reach one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::code::Code;
use crate::disk;
use crate::event::Caller;
use crate::failure::Failure;
use crate::shell::ShellCommand;
use crate::throwaway::cleaning;
use crate::throwaway::environment::{self, Form};
use crate::throwaway::instance::{EXPORTS, Instance, State, UP, temporary, unwritable};

/// What a command needs, once the server is up.
pub(super) const ENVIRONMENT: &str = "environment.json";
/// How long another run may hold what is held for the time of one look.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried meanwhile.
const EVERY: Duration = Duration::from_millis(20);
/// Longest name.
const LONGEST: usize = 64;

/// What came of a name.
#[derive(Debug)]
pub(super) enum Claimed {
    /// It is ours.
    Ours,
    /// It is up already.
    There(Instance),
}

/// Makes `name` the one of `instance`, unless another has it.
pub(super) async fn claim(instance: &Instance, name: &str) -> Result<Claimed, Failure> {
    check(name)?;
    // Two runs that looked at the same time would both find nobody.
    let _held = hold().await?;
    match find(name) {
        Some(other) if is_ready(&other) => Ok(Claimed::There(other)),
        Some(other) => Err(Failure::refused(
            Code::AnotherRun,
            format!(
                "another run is starting a throwaway server {name}: process {}",
                other.owner().id()
            ),
        )
        .advise(format!(
            "once that has ended: {}",
            ShellCommand::new("vault-bootstrap throwaway up").with(name)
        ))),
        None => instance.write(UP, name).map(|_| Claimed::Ours),
    }
}

async fn hold() -> Result<disk::Held, Failure> {
    let above = temporary();
    let until = Instant::now() + PATIENCE;
    loop {
        let held = disk::Held::open(&above);
        let locked = held.and_then(|held| Ok(held.try_lock()?.then_some(held)));
        match locked.map_err(|error| unwritable(&above, &error))? {
            Some(held) => return Ok(held),
            None if Instant::now() >= until => {
                return Err(Failure::failed(
                    Code::AnotherRun,
                    format!("another program holds a lock on {}", above.display()),
                )
                .advise("name another directory for temporary files in TMPDIR"));
            }
            None => sleep(EVERY).await,
        }
    }
}

/// It is a word of a command and of messages.
fn check(name: &str) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !name.is_empty() && name.len() <= LONGEST && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Failure::usage(
        Code::InputWrong,
        "the name of a throwaway server is 1 to 64 letters, digits and ._-",
    ))
}

/// Whether its run has come to its end.
fn is_ready(instance: &Instance) -> bool {
    instance.file(ENVIRONMENT).exists()
}

/// The one of this machine that has this name.
fn find(name: &str) -> Option<Instance> {
    let mut all = Instance::all().into_iter();
    all.find(|one| one.state() == State::Alive && one.name().as_deref() == Some(name))
}

fn unknown(name: &str) -> Failure {
    Failure::usage(
        Code::NameUnknown,
        format!("no throwaway server {name} is up here"),
    )
    .advise(format!(
        "see which there are: {}; or start it: {}",
        ShellCommand::new("vault-bootstrap throwaway list"),
        ShellCommand::new("vault-bootstrap throwaway up").with(name)
    ))
}

/// How to reach the server of this name; `masked` where a person reads along.
///
/// # Errors
/// There is none.
pub fn env(name: &str, form: Form, masked: bool) -> Result<Zeroizing<String>, Failure> {
    let by_word = || {
        let mut all = Instance::all().into_iter();
        all.find(|one| one.state() == State::Alive && one.word() == name)
    };
    let instance = find(name).or_else(by_word).ok_or_else(|| unknown(name))?;
    if !is_ready(&instance) {
        let starts = format!("the throwaway server {name} is not up yet");
        return Err(Failure::failed(Code::AnotherRun, starts).advise("try again in a moment"));
    }
    environment_of(&instance, form, masked).ok_or_else(|| unknown(name))
}

/// Writes how to reach a server that is up already to a file, as [`export`] does.
pub(super) fn export_of(instance: &Instance, to: (&Path, Form)) -> Result<(), Failure> {
    let file = std::path::absolute(to.0).unwrap_or_else(|_| to.0.to_owned());
    let written = instance.read(EXPORTS).unwrap_or_default();
    if file.exists() && written.lines().any(|line| Path::new(line) == file) {
        return Ok(());
    }
    let text = Zeroizing::new(instance.read(ENVIRONMENT).unwrap_or_default());
    match environment::read(&text) {
        Some(variables) => export(instance, &variables, to),
        None => Err(unknown(instance.word())),
    }
}

/// Holds that such a file can be written, before anything is there.
pub(super) fn can_be_exported((file, form): (&Path, Form)) -> Result<(), Failure> {
    let above = disk::above(file);
    let wrong = if !above.is_dir() {
        format!("{} is no directory", above.display())
    } else if file.is_dir() {
        format!("{} is a directory", file.display())
    } else if form != Form::Github && file.exists() {
        return Err(there_already(file));
    } else if access(above, Access::WRITE_OK).is_err() {
        format!("nothing can be written in {}", above.display())
    } else {
        return Ok(());
    };
    Err(Failure::usage(Code::FileFailed, wrong)
        .advise("name another file with --export, in a directory of your own"))
}

fn there_already(file: &Path) -> Failure {
    let text = format!("{} is there already", file.display());
    Failure::usage(Code::FileFailed, text).advise("remove it, or name another file with --export")
}

fn environment_of(instance: &Instance, form: Form, masked: bool) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(instance.read(ENVIRONMENT)?);
    let variables = environment::read(&text)?;
    Some(environment::text(&variables, form, masked))
}

/// Writes how to reach the server to a file, which goes with the server; to one that is there already, as that of GitHub
/// Actions is, it is added.
pub(super) fn export(
    instance: &Instance,
    variables: &[environment::Variable],
    (file, form): (&Path, Form),
) -> Result<(), Failure> {
    let text = environment::text(variables, form, false);
    let failed = |error: std::io::Error| unwritable(file, &error);
    if form == Form::Github && file.exists() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        return disk::append(disk::above(file), &name, text.as_bytes()).map_err(failed);
    }
    match disk::create(file, text.as_bytes()) {
        Ok(true) => {}
        Ok(false) => {
            return Err(there_already(file));
        }
        Err((_, error)) => return Err(failed(error)),
    }
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut all = instance.read(EXPORTS).unwrap_or_default();
    all.push_str(&format!("{}\n", absolute.display()));
    instance.write(EXPORTS, &all).map(drop)
}

/// Ends the server of this name, or of this word of `list`, and removes all that it has. One of another machine only if that
/// is meant: whether it is in use cannot be seen here.
///
/// # Errors
/// There is none, or it is of another machine.
pub async fn down(name: &str, force: bool, caller: Caller<'_>) -> Result<(), Failure> {
    cleaning::sweep(caller.events).await;
    let mut all = Instance::all().into_iter();
    let meant = |one: &Instance| one.name().as_deref() == Some(name) || one.word() == name;
    let Some(instance) = all.find(meant) else {
        return Err(unknown(name));
    };
    match instance.state() {
        State::Elsewhere if !force => Err(Failure::refused(
            Code::AnotherRun,
            format!(
                "{} is of another machine, of an earlier start of this one, or of another container",
                instance.path().display()
            ),
        )
        .advise(format!(
            "remove it if nobody uses it any more: {}",
            ShellCommand::new("vault-bootstrap throwaway down").with(name).and("--force")
        ))),
        _ => {
            cleaning::remove(&instance, caller.events).await;
            Ok(())
        }
    }
}

/// One line for each that is here.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Listed {
    /// Its name, or the word that `down` takes where it has none.
    pub name: String,
    /// `up`, `starting`, `in use`, `kept` or `elsewhere`.
    pub state: &'static str,
    /// Its directory.
    pub directory: PathBuf,
}

/// All of this user's; what nobody needs is removed before.
pub async fn list(caller: Caller<'_>) -> Vec<Listed> {
    cleaning::sweep(caller.events).await;
    let listed = |instance: Instance| Listed {
        state: match (instance.state(), instance.name()) {
            (State::Elsewhere, _) => "elsewhere",
            (State::Kept | State::Left, _) => "kept",
            (State::Alive, Some(_)) if is_ready(&instance) => "up",
            (State::Alive, Some(_)) => "starting",
            (State::Alive, None) => "in use",
        },
        name: instance
            .name()
            .unwrap_or_else(|| instance.word().to_owned()),
        directory: instance.path().to_owned(),
    };
    Instance::all().into_iter().map(listed).collect()
}
