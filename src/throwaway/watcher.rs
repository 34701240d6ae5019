//! The processes between this program and a throwaway server: a watcher that ends the server and removes its directory once
//! whoever started it is gone, and between it and the server this program once more, which asks the kernel to be ended
//! with its parent and then becomes the server.
//!
//! Either is enough for most: the watcher sees the end of a pipe when the run is killed, the kernel ends the server when the
//! watcher is. A server with capabilities of its own loses the second, and is ended by whoever looks next.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use rustix::fs::Mode;
use rustix::process::{Signal, getppid, set_parent_process_death_signal, setsid};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use crate::code::Code;
use crate::disk;
use crate::event::Caller;
use crate::failure::{Exit, Failure};
use crate::throwaway::instance::{self, COMMAND, LOG, SERVER, WATCHER};
use crate::throwaway::owner::Owner;

/// This very program, also once its file was replaced by another one.
pub(super) const OURSELVES: &str = "/proc/self/exe";
/// Longest line about a process.
const LONGEST: u64 = 4096;
/// What a run tells its watcher, a byte each: the server outlives the run.
pub(super) const DETACH: u8 = b'd';
/// The directory stays when the server is ended.
pub(super) const KEEP: u8 = b'k';

/// Starts a server in this directory and stays until it ends, or until nobody needs it any more.
///
/// # Errors
/// It cannot be started.
pub async fn watch(
    directory: &Path,
    argv: &[OsString],
    caller: Caller<'_>,
) -> Result<Exit, Failure> {
    // Ctrl-C at the terminal is for the run; it ends the server in its own way.
    let _ = setsid();
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Failure::failed(Code::SystemFailed, format!("cannot {what}: {error}"))
    };
    let pipe = io::stdin().as_fd().try_clone_to_owned();
    let pipe = pipe.and_then(pipe::Receiver::from_owned_fd);
    let mut pipe = pipe.map_err(|error| failed("hear the run that needs the server", &error))?;
    record(directory, WATCHER, Owner::this())
        .map_err(|error| failed("say who watches the server", &error))?;
    let mut server = start(directory, argv)
        .and_then(|server| {
            let owner = server
                .id()
                .and_then(|id| Owner::of(i32::try_from(id).ok()?));
            // One that has ended already is nobody's.
            owner.map_or(Ok(()), |owner| record(directory, SERVER, Some(owner)))?;
            Ok(server)
        })
        .map_err(|error| failed("start the server", &error))?;
    let (mut needed, mut keep) = (true, false);
    let mut byte = [0];
    loop {
        tokio::select! {
            biased;
            _ = caller.interrupt.requested() => break,
            read = pipe.read(&mut byte), if needed => match read {
                Ok(1) if byte == [DETACH] => needed = false,
                Ok(1) => keep |= byte == [KEEP],
                _ => break,
            },
            _ = server.wait() => return Ok(Exit::Failed),
        }
    }
    // A command that outlived the run has nothing to work with any more.
    let command = disk::read(&directory.join(COMMAND), LONGEST).ok().flatten();
    let command = command.and_then(|text| Owner::parse(&String::from_utf8(text).ok()?));
    if let Some(command) = command {
        command.kill();
    }
    end(&mut server).await;
    if !keep {
        instance::remove(directory).map_err(|error| failed("remove the directory", &error))?;
    }
    Ok(Exit::Done)
}

fn record(directory: &Path, name: &str, owner: Option<Owner>) -> io::Result<()> {
    let owner = owner.ok_or(io::ErrorKind::NotFound)?;
    disk::replace(directory, name, owner.to_string().as_bytes())
}

fn start(directory: &Path, argv: &[OsString]) -> io::Result<Child> {
    let log = directory.join(LOG);
    disk::replace(directory, LOG, b"")?;
    let log = disk::writable(&log)?;
    through_ourselves(None, argv)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("TMPDIR", directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// There is nothing in it that a server would have to put in order first.
async fn end(server: &mut Child) {
    let id = server.id().and_then(|id| i32::try_from(id).ok());
    if let Some(owner) = id.and_then(Owner::of) {
        owner.kill();
    }
    let _ = server.wait().await;
}

/// A command that becomes `argv`: one that ends with this process, or one with the `mask` that its files are made with, whose
/// end is the watcher's to bring about, with that of all in its group.
pub(super) fn through_ourselves(mask: Option<u32>, argv: &[OsString]) -> Command {
    let mut command = Command::new(OURSELVES);
    command.args(["throwaway", "become"]);
    match mask {
        Some(mask) => command.arg("--umask").arg(mask.to_string()),
        None => {
            let this = rustix::process::getpid().as_raw_nonzero();
            command.arg("--parent").arg(this.to_string())
        }
    };
    command.arg("--").args(argv);
    command
}

/// Ends with `parent` from now on, where there is one, and becomes `argv`.
///
/// # Errors
/// It cannot be run, or the parent is gone.
pub fn become_another(parent: Option<i32>, mask: Option<u32>, argv: &[OsString]) -> Failure {
    let failed = |why: String| Failure::failed(Code::CommandFailed, why);
    if parent.is_some() {
        if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
            return failed(format!(
                "cannot end with the process that started this: {error}"
            ));
        }
        // It may have ended before the kernel was asked.
        if getppid().map(|id| id.as_raw_nonzero().get()) != parent {
            return failed("the process that started this is gone".into());
        }
    }
    if let Some(mask) = mask {
        rustix::process::umask(Mode::from_raw_mode(mask));
    }
    let Some((program, arguments)) = argv.split_first() else {
        return failed("nothing to run".into());
    };
    let error = std::process::Command::new(program).args(arguments).exec();
    failed(format!(
        "{} cannot be run: {error}",
        program.to_string_lossy()
    ))
}
