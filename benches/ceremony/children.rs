//! Child processes, each ended by its own process id: when its owner is dropped, when this program
//! panics, and when a person or a machine stops it. Never by name.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// What must not outlive us.
static LEFT_BEHIND: Mutex<LeftBehind> = Mutex::new(LeftBehind {
    running: Vec::new(),
    directories: Vec::new(),
});

struct LeftBehind {
    running: Vec<Pid>,
    directories: Vec<PathBuf>,
}

/// A running child.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it and remembers it.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Self> {
        let mut left = LEFT_BEHIND
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let child = command.spawn()?;
        left.running.extend(pid_of(&child));
        Ok(Self(child))
    }

    /// The process itself.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Waited for while the list is held: an id that somebody else got meanwhile is never signalled.
        let mut left = LEFT_BEHIND
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = self.0.kill();
        let _ = self.0.wait();
        let gone = pid_of(&self.0);
        left.running.retain(|pid| Some(*pid) != gone);
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// A directory of our own that goes when we go.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> std::io::Result<Self> {
        let path = tempfile::Builder::new()
            .prefix("vault-bootstrap-bench-")
            .tempdir()?
            .keep();
        let mut left = LEFT_BEHIND
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        left.directories.push(path.clone());
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// From now on nothing outlives us, however we end (but by SIGKILL).
pub(crate) fn watch() -> std::io::Result<()> {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |why| {
        usual(why);
        end_all();
    }));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || {
        let code = runtime.block_on(stopped()).unwrap_or(1);
        end_all();
        std::process::exit(code);
    });
    Ok(())
}

async fn stopped() -> std::io::Result<i32> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupted.recv() => 130,
        _ = terminated.recv() => 143,
        _ = hung_up.recv() => 129,
    })
}

/// The list may be held by whoever panicked: then its children end with their owners.
fn end_all() {
    let Ok(left) = LEFT_BEHIND.try_lock() else {
        return;
    };
    for pid in &left.running {
        let _ = kill_process(*pid, Signal::KILL);
    }
    for directory in &left.directories {
        let _ = std::fs::remove_dir_all(directory);
    }
}
