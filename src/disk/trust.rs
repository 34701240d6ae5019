//! Whose a path is, up to the root: what another user may change or move away is not ours to trust.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FileType, Stat, StatVfsMountFlags, access};
use rustix::process::{getegid, geteuid, getgroups};

use crate::disk::path::{ForeignLink, Last, kind, resolve};
use crate::shell::ShellCommand;

const ROOT: u32 = 0;
const EVERYBODY_WRITES: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// The user of this process, and whom they trust.
#[derive(Debug, Clone)]
pub(crate) struct User {
    id: u32,
    groups: Vec<u32>,
    /// Of `/`. Whoever has that has everything; in a user namespace it is not root.
    system: u32,
}

impl User {
    pub(crate) fn current() -> Self {
        let mut groups: Vec<u32> = getgroups()
            .unwrap_or_default()
            .into_iter()
            .map(rustix::process::Gid::as_raw)
            .collect();
        groups.push(getegid().as_raw());
        Self {
            id: geteuid().as_raw(),
            groups,
            system: rustix::fs::stat("/").map_or(ROOT, |found| found.st_uid),
        }
    }

    /// Root, and ourselves.
    pub(crate) fn trusts(&self, owner: u32) -> bool {
        [ROOT, self.id, self.system].contains(&owner)
    }

    /// Whether anybody else may put names into this directory at `path`, sticky or not.
    pub(crate) fn others_may_write(&self, path: &Path, directory: &Stat) -> bool {
        !self.trusts(directory.st_uid)
            || directory.st_mode & EVERYBODY_WRITES != 0
            || self.group_may_write(directory)
            || by_a_list(path, directory)
    }

    /// A group of the number of its user is theirs alone, as most systems make it.
    fn group_may_write(&self, found: &Stat) -> bool {
        // The group of root has others in many images, whom root never put there.
        let own =
            found.st_gid == self.id && found.st_gid != ROOT && self.groups.contains(&found.st_gid);
        found.st_mode & GROUP_WRITES != 0 && !own
    }

    fn doubt(&self, path: &Path, found: &Stat) -> Option<Doubt> {
        let path = path.to_owned();
        if !self.trusts(found.st_uid) {
            return Some(Doubt::Owner(path, found.st_uid));
        }
        // Names in it are safe: each is judged by its own owner.
        if kind(found) == FileType::Directory && found.st_mode & STICKY != 0 {
            return None;
        }
        if found.st_mode & EVERYBODY_WRITES != 0 {
            return Some(Doubt::Everybody(path));
        }
        let group = found.st_gid;
        if by_a_list(&path, found) {
            return Some(Doubt::List(path));
        }
        let doubt = if self.groups.contains(&group) {
            Doubt::OwnGroup(path, group)
        } else {
            Doubt::Group(path, group)
        };
        self.group_may_write(found).then_some(doubt)
    }
}

/// Why something on the way to a file is not ours to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It belongs to another user, of this number.
    Owner(PathBuf, u32),
    /// Every user may write to it.
    Everybody(PathBuf),
    /// A group that is not ours may write to it.
    Group(PathBuf, u32),
    /// A group may write to it that we are in: meant, as a volume of Kubernetes with `fsGroup` is.
    OwnGroup(PathBuf, u32),
    /// It has an access control list by which others may write to it.
    List(PathBuf),
    /// It is a link that another user has laid.
    Link(PathBuf),
    /// The way to it cannot be looked at, and why.
    Unseen(PathBuf, String),
}

/// Whether an access control list (`man 5 acl`) may let others write. Beside one the bits of the group say what anybody in
/// it may do at most.
fn by_a_list(path: &Path, found: &Stat) -> bool {
    let length = || rustix::fs::getxattr_query(path, "system.posix_acl_access");
    found.st_mode & GROUP_WRITES != 0 && length().is_ok_and(|length| length > 0)
}

impl Doubt {
    /// Whether somebody made it so on purpose: nothing is refused for it.
    pub(crate) fn is_meant(&self) -> bool {
        matches!(self, Self::OwnGroup(..))
    }

    /// Modes let nobody write where all of it is read-only, as a volume of a ConfigMap is that Kubernetes mounts with 0777.
    fn may_be_used(&self) -> bool {
        match self {
            Self::Everybody(path)
            | Self::Group(path, _)
            | Self::OwnGroup(path, _)
            | Self::List(path) => {
                let mounted = rustix::fs::statvfs(path);
                !mounted.is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
            }
            Self::Owner(..) | Self::Link(_) | Self::Unseen(..) => true,
        }
    }

    /// What to type about it, or to do.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Owner(path, _) => format!(
                "name a place below directories of root and your own, and move there what you need; or, if nobody else \
                 needs it: {}",
                ShellCommand::new("chown")
                    .with(geteuid().as_raw())
                    .with(path.display())
            ),
            Self::Everybody(path) => ShellCommand::new("chmod o-w").with(path.display()).into(),
            Self::Group(path, _) | Self::OwnGroup(path, _) => {
                ShellCommand::new("chmod g-w").with(path.display()).into()
            }
            Self::List(path) => ShellCommand::new("setfacl -b").with(path.display()).into(),
            Self::Link(path) | Self::Unseen(path, _) => {
                let look = ShellCommand::new("ls -l").with(path.display());
                format!("see whose it is: {look}")
            }
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(path, user) => {
                write!(formatter, "{} belongs to user {user}", path.display())
            }
            Self::Everybody(path) => {
                write!(formatter, "every user may write to {}", path.display())
            }
            Self::Group(path, group) | Self::OwnGroup(path, group) => {
                write!(formatter, "group {group} may write to {}", path.display())
            }
            Self::List(path) => write!(
                formatter,
                "others may write to {} by its access control list",
                path.display()
            ),
            Self::Link(path) => ForeignLink(path.clone()).fmt(formatter),
            Self::Unseen(path, why) => {
                write!(
                    formatter,
                    "the way to {} cannot be looked at: {why}",
                    path.display()
                )
            }
        }
    }
}

/// All that is to be doubted from `/` down to `path`, which may be missing yet. A file that this process was handed
/// open is not judged: whoever started it did that.
///
/// # Errors
/// The way cannot be looked at.
pub(crate) fn doubts(path: &Path) -> io::Result<Vec<Doubt>> {
    let found = match resolve(&std::path::absolute(path)?, Last::Follow) {
        Err(error) => return laid_by_another(error).map(|link| vec![link]),
        Ok(found) => found,
    };
    let user = User::current();
    let last = found.found.as_ref().filter(|_| !found.handed);
    let above = found.above.iter().map(|(path, found)| (path, found));
    let all = above.chain(last.map(|last| (&found.path, last)));
    let doubts = all.filter_map(|(path, found)| user.doubt(path, found));
    Ok(doubts.filter(Doubt::may_be_used).collect())
}

/// The first reason not to rely on `path`. A group of our own that may write there is none: it is told elsewhere, as
/// a finding.
///
/// # Errors
/// The way cannot be looked at.
pub(crate) fn refusal(path: &Path) -> io::Result<Option<Doubt>> {
    Ok(doubts(path)?.into_iter().find(|doubt| !doubt.is_meant()))
}

/// Where a program of this name is, and the first reason not to run it. `None` where there is none, which is for whoever
/// starts it to say, or none to doubt. One that nobody can look at is to be doubted.
pub(crate) fn program(name: &OsStr) -> Option<(PathBuf, Doubt)> {
    let found = found(name)?;
    let doubt = match refusal(&found) {
        Ok(doubt) => doubt?,
        Err(why) => Doubt::Unseen(found.clone(), why.to_string()),
    };
    Some((found, doubt))
}

/// Whether there is a program of this name, or at this path, that we may run.
pub(crate) fn can_be_run(name: &OsStr) -> bool {
    found(name).is_some_and(|file| is_a_program(&file))
}

/// Where it is: a path as it was given, a name by `PATH`.
pub(crate) fn found(name: &OsStr) -> Option<PathBuf> {
    let name = Path::new(name);
    if name.components().count() > 1 || name.is_absolute() {
        return Some(name.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    let mut all = std::env::split_paths(&path).map(|directory| directory.join(name));
    all.find(|file| is_a_program(file))
}

fn is_a_program(file: &Path) -> bool {
    access(file, Access::EXEC_OK).is_ok() && file.is_file()
}

fn laid_by_another(error: io::Error) -> io::Result<Doubt> {
    let link = error.get_ref().and_then(|inner| inner.downcast_ref());
    match link {
        Some(ForeignLink(path)) => Ok(Doubt::Link(path.clone())),
        None => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    const OTHER: u32 = 47_110;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        (directory, root)
    }

    #[test]
    fn a_directory_above_that_everybody_may_write_to_is_doubted_and_a_sticky_one_is_not() {
        let (_held, root) = place();
        let (middle, file) = (root.join("m"), root.join("m/file"));
        fs::create_dir(&middle).unwrap();
        fs::write(&file, "x").unwrap();
        set(&file, 0o600);
        for (mode, expected) in [
            (0o755, None),
            (0o1777, None),
            (0o777, Some(Doubt::Everybody(middle.clone()))),
        ] {
            set(&middle, mode);
            assert_eq!(refusal(&file).unwrap(), expected, "{mode:o}");
            let missing = middle.join("not/yet");
            assert_eq!(refusal(&missing).unwrap(), expected, "{mode:o}");
        }
        set(&middle, 0o755);
        set(&file, 0o622);
        assert_eq!(refusal(&file).unwrap(), Some(Doubt::Everybody(file)));
    }

    #[test]
    fn a_link_leads_to_the_doubts_of_both_sides() {
        let (_held, root) = place();
        for name in ["open", "closed"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        set(&root.join("open"), 0o777);
        fs::write(root.join("closed/file"), "x").unwrap();
        symlink("../closed/file", root.join("open/link")).unwrap();
        symlink("../open", root.join("closed/link")).unwrap();
        let open = Some(Doubt::Everybody(root.join("open")));
        assert_eq!(refusal(&root.join("open/link")).unwrap(), open);
        assert_eq!(refusal(&root.join("closed/link")).unwrap(), open);
        assert_eq!(refusal(&root.join("closed/file")).unwrap(), None);
    }

    #[test]
    fn owners_and_groups_are_told_apart() {
        let user = User {
            id: 1000,
            groups: vec![1000, 2000],
            system: 0,
        };
        let path = PathBuf::from("/x");
        let mut found = rustix::fs::stat("/").unwrap();
        let mut doubt = |owner: u32, group: u32, mode: u32| {
            (found.st_uid, found.st_gid) = (owner, group);
            found.st_mode = 0o040_000 | mode;
            user.doubt(&path, &found)
        };
        assert_eq!(doubt(0, 0, 0o755), None);
        assert_eq!(doubt(1000, 1000, 0o775), None, "a group of theirs alone");
        let own = Some(Doubt::OwnGroup(path.clone(), 2000));
        assert_eq!(doubt(0, 2000, 0o2775), own, "as Kubernetes makes it");
        assert_eq!(doubt(0, 7, 0o775), Some(Doubt::Group(path.clone(), 7)));
        let theirs = Some(Doubt::Owner(path.clone(), OTHER));
        assert_eq!(doubt(OTHER, 0, 0o755), theirs);
        assert_eq!(doubt(OTHER, 0, 0o1777), theirs, "who may move all names");
        assert_eq!(doubt(0, 2000, 0o1777), None);
    }

    /// As `setfacl -m u:47110:rwx` writes it: version, then tag, rights and number of each entry.
    #[test]
    fn an_access_control_list_that_lets_others_write_is_doubted() {
        let (_held, root) = place();
        let entries: [(u16, u16, u32); 5] = [
            (0x01, 7, u32::MAX),
            (0x02, 7, OTHER),
            (0x04, 5, u32::MAX),
            (0x10, 7, u32::MAX),
            (0x20, 5, u32::MAX),
        ];
        let mut list = 2u32.to_le_bytes().to_vec();
        for (tag, rights, number) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(rights.to_le_bytes());
            list.extend(number.to_le_bytes());
        }
        let name = "system.posix_acl_access";
        let flags = rustix::fs::XattrFlags::empty();
        match rustix::fs::setxattr(&root, name, &list, flags) {
            // A file system without them has nothing to be doubted.
            Err(rustix::io::Errno::OPNOTSUPP) => return,
            set => set.unwrap(),
        }
        let listed = Doubt::List(root.clone());
        assert_eq!(refusal(&root.join("x")).unwrap(), Some(listed.clone()));
        assert!(listed.to_string().contains("access control list"));
        assert!(listed.advice().starts_with("setfacl -b "));
        // A link in it may be anybody's in the list, though the group is theirs alone.
        let user = User {
            id: 1000,
            groups: vec![1000],
            system: 0,
        };
        let mut found = rustix::fs::stat(&root).unwrap();
        (found.st_uid, found.st_gid) = (1000, 1000);
        found.st_mode = 0o040_770;
        assert!(user.others_may_write(&root, &found));
        let (_held, without) = place();
        assert!(!user.others_may_write(&without, &found));
    }

    #[test]
    fn a_program_that_nobody_can_look_at_is_doubted_and_one_that_is_not_there_is_left_to_who_starts_it()
     {
        let (_held, root) = place();
        let file = root.join("file");
        fs::write(&file, "x").unwrap();
        let below = file.join("program");
        let (at, doubt) = program(below.as_os_str()).expect("a doubt");
        assert_eq!(at, below);
        assert!(doubt.to_string().contains("cannot be looked at"), "{doubt}");
        assert_eq!(program(root.join("missing").as_os_str()), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_type() {
        let path = PathBuf::from("/srv/x");
        let said = |doubt: Doubt| (doubt.to_string(), doubt.advice());
        let (what, advice) = said(Doubt::Everybody(path.clone()));
        assert_eq!(what, "every user may write to /srv/x");
        assert_eq!(advice, "chmod o-w /srv/x");
        let (what, advice) = said(Doubt::Owner(path, OTHER));
        assert_eq!(what, "/srv/x belongs to user 47110");
        assert!(advice.contains("chown ") && advice.ends_with(" /srv/x"));
    }
}
