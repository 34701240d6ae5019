//! A path resolved name by name: no link that another user may have laid leads us anywhere.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, Stat, fstat, fstatfs, openat,
    readlinkat, statat,
};
use rustix::io::Errno;

use crate::disk::trust::User;

/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

/// A link that is not followed: it is another user's, in a directory that others may write to.
#[derive(Debug, thiserror::Error)]
#[error("{} is a link that another user has laid", .0.display())]
pub(crate) struct ForeignLink(pub(crate) PathBuf);

/// What is done about a link that is the last name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// Followed as any other.
    Follow,
    /// What is found is the link.
    Keep,
}

/// Where a path leads to, with the directory held open.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The directory of the last name. Good for names below it, not for reading.
    pub(crate) directory: OwnedFd,
    /// The last name; `.` for the directory itself.
    pub(crate) name: OsString,
    /// The path without links.
    pub(crate) path: PathBuf,
    /// What has that name, if anything has.
    pub(crate) found: Option<Stat>,
    /// A file that this process has open already, such as `/dev/fd/3`: the name is a link of the kernel.
    pub(crate) handed: bool,
    /// A directory above the last name is missing.
    pub(crate) is_far: bool,
    /// Every directory on the way.
    pub(crate) above: Vec<(PathBuf, Stat)>,
}

impl Resolved {
    /// Opens what was found, without waiting for anybody.
    pub(crate) fn open(&self, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        if self.is_far {
            return Err(Errno::NOENT.into());
        }
        let follow = if self.handed {
            OFlags::empty()
        } else {
            OFlags::NOFOLLOW
        };
        let always = OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = openat(&self.directory, &self.name, flags | always | follow, mode);
        Ok(opened?)
    }
}

/// Resolves `path`. A relative one starts at the working directory, which is not asked how it was come by.
///
/// # Errors
/// A link on the way is another user's ([`ForeignLink`]), or the system refuses. A missing name is none.
pub(crate) fn resolve(path: &Path, last: Last) -> io::Result<Resolved> {
    Walker::begin(path)?.finish(last)
}

/// The kind of what was found.
pub(crate) fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

enum Part {
    Root,
    Up,
    Name(OsString),
}

fn parts(path: &Path) -> impl DoubleEndedIterator<Item = Part> {
    path.components().filter_map(|part| match part {
        Component::RootDir => Some(Part::Root),
        Component::ParentDir => Some(Part::Up),
        Component::Normal(name) => Some(Part::Name(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    })
}

struct Walker {
    user: User,
    directory: OwnedFd,
    path: PathBuf,
    above: Vec<(PathBuf, Stat)>,
    left: VecDeque<Part>,
    links: usize,
}

impl Walker {
    fn begin(path: &Path) -> io::Result<Self> {
        if path.as_os_str().is_empty() {
            return Err(Errno::NOENT.into());
        }
        let (name, begin) = if path.is_absolute() {
            ("/", PathBuf::from("/"))
        } else {
            let here = std::env::current_dir();
            (".", here.unwrap_or_else(|_| PathBuf::from(".")))
        };
        let mut walker = Self {
            user: User::current(),
            directory: directory(CWD, OsStr::new(name), OFlags::empty())?,
            path: begin,
            above: Vec::new(),
            left: parts(path).collect(),
            links: 0,
        };
        walker.entered()?;
        Ok(walker)
    }

    fn finish(mut self, last: Last) -> io::Result<Resolved> {
        while let Some(part) = self.left.pop_front() {
            match part {
                Part::Root if self.path == Path::new("/") => {}
                Part::Root => {
                    self.path = PathBuf::from("/");
                    self.enter(OsStr::new("/"), OFlags::NOFOLLOW)?;
                }
                Part::Up => {
                    self.path.pop();
                    self.enter(OsStr::new(".."), OFlags::NOFOLLOW)?;
                }
                Part::Name(name) => {
                    let found = match statat(&self.directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
                        Err(Errno::NOENT) => return Ok(self.at(name, None)),
                        found => found?,
                    };
                    let is_last = self.left.is_empty();
                    match kind(&found) {
                        FileType::Symlink if is_last && last == Last::Keep => {
                            return Ok(self.at(name, Some(found)));
                        }
                        FileType::Symlink => {
                            if let Some(handed) = self.link(&name, &found)? {
                                return Ok(self.handed(name, handed));
                            }
                        }
                        _ if is_last => return Ok(self.at(name, Some(found))),
                        _ => {
                            self.path.push(&name);
                            self.enter(&name, OFlags::NOFOLLOW)?;
                        }
                    }
                }
            }
        }
        // The last directory itself, which is not above itself.
        let found = self.above.pop().map(|(_, found)| found);
        let mut whole = self.at(OsString::new(), found);
        whole.name.push(".");
        Ok(whole)
    }

    /// Follows a link, or refuses to. What the last one stands for, where it is the kernel's.
    fn link(&mut self, name: &OsStr, link: &Stat) -> io::Result<Option<Stat>> {
        let around = fstat(&self.directory)?;
        if self.user.others_may_write(&self.path, &around) && !self.user.trusts(link.st_uid) {
            return Err(io::Error::other(ForeignLink(self.path.join(name))));
        }
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        // What such a link says is no path: `pipe:[4711]`.
        if fstatfs(&self.directory)?.f_type == PROC_SUPER_MAGIC {
            if self.left.is_empty() {
                return Ok(Some(statat(&self.directory, name, AtFlags::empty())?));
            }
            self.path.push(name);
            self.enter(name, OFlags::empty())?;
            return Ok(None);
        }
        let target = readlinkat(&self.directory, name, Vec::new())?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        for part in parts(&target).rev() {
            self.left.push_front(part);
        }
        Ok(None)
    }

    fn enter(&mut self, name: &OsStr, follow: OFlags) -> io::Result<()> {
        self.directory = directory(&self.directory, name, follow)?;
        self.entered()
    }

    fn entered(&mut self) -> io::Result<()> {
        let found = fstat(&self.directory)?;
        self.above.push((self.path.clone(), found));
        Ok(())
    }

    fn at(self, name: OsString, found: Option<Stat>) -> Resolved {
        let mut path = self.path;
        if !name.is_empty() {
            path.push(&name);
        }
        Resolved {
            directory: self.directory,
            is_far: !self.left.is_empty(),
            name,
            path,
            found,
            handed: false,
            above: self.above,
        }
    }

    fn handed(self, name: OsString, found: Stat) -> Resolved {
        Resolved {
            handed: true,
            ..self.at(name, Some(found))
        }
    }
}

fn directory(at: impl std::os::fd::AsFd, name: &OsStr, follow: OFlags) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | follow;
    Ok(openat(at, name, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        (directory, root)
    }

    #[test]
    fn a_path_ends_where_the_system_would_end_it() {
        let (_held, root) = place();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/file"), "x").unwrap();
        symlink("a", root.join("link")).unwrap();
        symlink(root.join("link/b"), root.join("far")).unwrap();
        for path in [
            "a/file",
            "link/file",
            "far/../file",
            "./a/./b",
            "far",
            "link/b/..",
        ] {
            let path = root.join(path);
            let found = resolve(&path, Last::Follow).unwrap();
            assert_eq!(found.path, path.canonicalize().unwrap(), "{path:?}");
            assert!(found.found.is_some() && !found.handed && !found.is_far);
        }
        let link = resolve(&root.join("far"), Last::Keep).unwrap();
        assert_eq!(kind(&link.found.unwrap()), FileType::Symlink);
        assert_eq!(
            resolve(Path::new("/"), Last::Follow).unwrap().path,
            Path::new("/")
        );
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_missing_above_it() {
        let (_held, root) = place();
        symlink("nowhere", root.join("dangling")).unwrap();
        for (path, is_far) in [("x", false), ("dangling", false), ("x/y", true)] {
            let found = resolve(&root.join(path), Last::Follow).unwrap();
            assert!(found.found.is_none(), "{path}");
            assert_eq!(found.is_far, is_far, "{path}");
        }
    }

    #[test]
    fn links_without_an_end_and_files_in_the_way_are_errors() {
        let (_held, root) = place();
        symlink("loop", root.join("loop")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        let error = |path: &str| resolve(&root.join(path), Last::Follow).unwrap_err();
        assert_eq!(error("loop").kind(), Errno::LOOP.kind());
        assert_eq!(error("file/x").kind(), Errno::NOTDIR.kind());
    }

    #[test]
    fn a_file_that_is_open_already_is_known_as_such() {
        let (_held, root) = place();
        fs::write(root.join("file"), "x").unwrap();
        let open = fs::File::open(root.join("file")).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&open);
        for path in [
            format!("/dev/fd/{number}"),
            format!("/proc/self/fd/{number}"),
        ] {
            let found = resolve(Path::new(&path), Last::Follow).unwrap();
            assert!(found.handed, "{path}");
            assert_eq!(kind(&found.found.unwrap()), FileType::RegularFile);
        }
    }

    /// Needs root, who alone gives files away; `tests/live/others.rs` holds it with users that are real.
    #[test]
    fn a_link_of_another_user_where_others_may_write_is_not_followed() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (_held, root) = place();
        fs::write(root.join("file"), "x").unwrap();
        let link = root.join("link");
        symlink("file", &link).unwrap();
        for (mode, owner, followed) in [
            (0o1777, 0, true),
            (0o1777, 47_110, false),
            (0o770, 47_110, false), // others may be of the group of root
            (0o777, 47_110, false),
            (0o755, 47_110, true),
        ] {
            fs::set_permissions(&root, fs::Permissions::from_mode(mode)).unwrap();
            std::os::unix::fs::lchown(&link, Some(owner), None).unwrap();
            let found = resolve(&link, Last::Follow);
            assert_eq!(found.is_ok(), followed, "{mode:o} {owner}: {found:?}");
            if let Err(error) = found {
                assert!(
                    error
                        .to_string()
                        .ends_with("link is a link that another user has laid")
                );
            }
        }
    }
}
