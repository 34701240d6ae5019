//! The files of a configuration: itself, and those that it includes.

use std::path::{Path, PathBuf};

use super::problem::{Place, Problem};

/// Each file by its number: the configuration itself is the first.
#[derive(Debug, Clone)]
pub(super) struct Files(Vec<Source>);

#[derive(Debug, Clone)]
struct Source {
    name: PathBuf,
    /// Where its relative paths start.
    directory: PathBuf,
}

impl Files {
    /// The configuration itself.
    pub(super) fn new(name: &Path, directory: &Path) -> Self {
        Self(vec![Source {
            name: name.to_owned(),
            directory: directory.to_owned(),
        }])
    }

    /// One more, and its number. Its relative paths start at its own directory.
    pub(super) fn add(&mut self, name: PathBuf) -> u16 {
        let directory = name.parent().unwrap_or(Path::new("")).to_owned();
        self.0.push(Source { name, directory });
        u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX)
    }

    /// The configuration itself.
    pub(super) fn main(&self) -> &Path {
        &self.0[0].name
    }

    /// Those that it includes.
    pub(super) fn included(&self) -> impl Iterator<Item = &Path> {
        self.0[1..].iter().map(|file| file.name.as_path())
    }

    /// Where the relative paths start that stand here.
    pub(super) fn directory(&self, place: Place) -> &Path {
        let file = self.0.get(usize::from(place.file));
        file.map_or(Path::new(""), |file| &file.directory)
    }

    /// `bootstrap.yaml:20`
    pub(super) fn line(&self, place: Place) -> String {
        let file = self.0.get(usize::from(place.file));
        let name = file.map(|file| file.name.display().to_string());
        format!("{}:{}", name.unwrap_or_default(), place.line)
    }
}

/// A problem with its file: the configuration itself, or one of those that it includes.
pub(super) fn located(file: &Path, included: &[PathBuf], problem: &Problem) -> String {
    let number = usize::from(problem.file);
    let included = number.checked_sub(1).and_then(|place| included.get(place));
    let name = included.map_or(file, PathBuf::as_path);
    format!("{}:{problem}", name.display())
}
