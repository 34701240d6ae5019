//! Servers that go with a command: what the command finds, and that nothing stays, whatever dies when.

mod command;
mod killed;
mod named;
mod own_file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Tool, ToolResult, component, eventually};

/// One server's program, and the tool as a pipeline has it: a directory for temporary files of its own.
pub struct Place {
    pub tool: Tool,
    pub server: PathBuf,
}

impl Place {
    /// With this component.
    pub fn with(name: &str) -> Self {
        Self {
            tool: Tool::new(),
            server: component(name).expect("it was required"),
        }
    }

    /// `throwaway --server PROGRAM` and these words.
    pub fn words<'w>(&'w self, more: &[&'w str]) -> Vec<&'w str> {
        let server = self.server.to_str().expect("a path");
        [&["throwaway", "--server", server], more].concat()
    }

    /// Runs that to its end.
    #[track_caller]
    pub fn run(&self, more: &[&str]) -> ToolResult {
        self.tool.run(&self.words(more))
    }

    /// Where temporary files are.
    pub fn temporary(&self) -> PathBuf {
        self.tool.home().join("tmp")
    }

    /// What is there.
    pub fn directories(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.temporary()).expect("a directory");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }

    /// Processes that have anything of here in their command line.
    pub fn processes(&self) -> Vec<(u32, String)> {
        processes_with(&self.temporary())
    }

    /// Nothing stays: neither a file nor a process.
    #[track_caller]
    pub fn is_clean(&self) {
        // A process that was killed is gone a moment later.
        let gone = eventually(Duration::from_secs(10), || self.processes().is_empty());
        assert!(gone, "{:?}", self.processes());
        assert_eq!(self.directories(), Vec::<PathBuf>::new());
    }
}

/// Ended ones that nobody waited for have no command line any more.
fn processes_with(path: &Path) -> Vec<(u32, String)> {
    let wanted = path.to_str().expect("a path");
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let found = entries.filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(wanted).then_some((id, line))
    });
    found.collect()
}
