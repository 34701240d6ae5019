//! Small file systems, in a mount namespace that only their users are in: nothing is mounted for anybody else, and
//! nothing is left when the last process in it is gone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use super::scratch::Scratch;

const LIMIT: Duration = Duration::from_secs(10);
/// What shows a process the rest of the machine and one more file system.
const MOUNT: &str = r#"mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && exec sleep 600"#;
/// Entering the namespace takes the working directory away.
const GO_ON: &str = r#"cd "$0" && exec "$@""#;

/// A small file system over a directory, for what runs [through](Disk::through) it.
pub struct Disk {
    holder: Process,
    path: PathBuf,
    enter: Vec<String>,
    _scratch: Scratch,
}

impl Disk {
    /// Mounts one over `path`, as root or as root of a user namespace. The error says why neither is allowed here.
    pub fn over(path: &Path, options: &str) -> Result<Self, String> {
        std::fs::create_dir_all(path).expect("a directory");
        let as_user = ["--user", "--preserve-credentials"];
        Self::with("-m", &[], path, options)
            .or_else(|_| Self::with("-Urm", &as_user, path, options))
    }

    fn with(unshare: &str, enter: &[&str], path: &Path, options: &str) -> Result<Self, String> {
        let scratch = Scratch::new();
        let mut command = Command::new("unshare");
        command
            .args([unshare, "sh", "-c", MOUNT, "sh", options])
            .arg(path);
        let mut holder = Process::start(command, &scratch.file("mount.log"))
            .map_err(|error| format!("unshare: {error}"))?;
        let log = scratch.file("mount.log");
        let mounted = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("mounted"));
        holder.wait_until("a file system of our own", LIMIT, mounted)?;
        let mut words = vec!["nsenter".to_owned(), "--mount".to_owned()];
        words.extend(enter.iter().map(|word| (*word).to_owned()));
        words.extend(["--target".to_owned(), holder.id().to_string()]);
        Ok(Self {
            holder,
            path: path.to_owned(),
            enter: words,
            _scratch: scratch,
        })
    }

    /// The words before a command that make it see this file system, started in `directory`.
    pub fn through(&self, directory: &Path) -> Vec<String> {
        let go_on = ["sh", "-c", GO_ON, &directory.display().to_string()].map(str::to_owned);
        [self.enter.as_slice(), &go_on].concat()
    }

    /// A file on it, as a test sees it that is not in the namespace.
    pub fn file(&self, name: &str) -> PathBuf {
        let inside = self.path.strip_prefix("/").expect("an absolute path");
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(inside).join(name)
    }

    /// Mounts it anew with other options, such as `ro`.
    pub fn remount(&self, options: &str) {
        let mut command = Command::new(&self.enter[0]);
        command.args(&self.enter[1..]);
        command
            .args(["mount", "-o", &format!("remount,{options}")])
            .arg(&self.path);
        assert!(command.status().expect("nsenter").success());
    }
}
