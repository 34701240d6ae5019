//! Directories that tests work in.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A fresh directory that goes with its value.
///
/// Shared servers are never dropped and a killed test binary drops nothing, so the directory's name carries the
/// id of its process, and the next test binary clears up behind those that are gone.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    pub fn new() -> Self {
        static CLEARED: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        CLEARED.call_once(|| clear(parent));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("live-{}-{number}", std::process::id()));
        // Left by an earlier process that had our id.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the build directory is writable");
        Self(path)
    }

    /// One for what lasts as long as the test binary, by the name that lets the next one clear it away.
    pub fn left_to_the_next() -> TempDir {
        let name = format!("live-{}-kept-", std::process::id());
        tempfile::Builder::new()
            .prefix(&name)
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("the build directory is writable")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it and returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, text).expect("the build directory is writable");
        path
    }
}

/// Copies all files below a directory, with their modes. What is no file and no directory is left out.
pub fn copy_below(from: &Path, to: &Path) {
    let mode = std::fs::metadata(from).expect("a directory").permissions();
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (kind, to) = (
            entry.file_type().expect("a kind"),
            to.join(entry.file_name()),
        );
        if kind.is_dir() {
            copy_below(&entry.path(), &to);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to).expect("a copy");
        }
    }
    std::fs::set_permissions(to, mode).expect("a directory");
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn clear(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix("live-")
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
