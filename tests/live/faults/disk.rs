//! A disk that fails at a chosen write, and what would be on it after a power cut: the directory as it was made durable.
//!
//! `disk.c`, compiled once, stands between the program and the kernel and sees every call, whoever makes it. An
//! undisturbed ceremony under `strace -f` counted the same: 103 fsyncs, 52 opens for writing, 51 writes, 44 renames,
//! 8 removals, 4 links and 3 directories (before the secrets lost their name in one rename and one fsync more).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::point::Kind;

/// What came before the first step.
const BEFORE: &str = "before the first step";

/// One directory, watched for one run.
pub struct Disk {
    root: PathBuf,
    store: TempDir,
}

/// One call of the program that changes or syncs something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The call and the path, such as `fsync checkpoint/secrets`.
    pub label: String,
    /// It was disturbed.
    pub disturbed: bool,
}

/// A file or a directory that is to be made again.
enum Node {
    File(u32, Vec<u8>),
    Directory(u32, BTreeMap<String, Node>),
}

impl Disk {
    /// Watches what is below `root`, which has no links on its way.
    pub fn at(root: &Path) -> Self {
        let store = tempfile::Builder::new().prefix("vb-disk-").tempdir();
        Self {
            root: root.canonicalize().expect("a directory"),
            store: store.expect("a directory"),
        }
    }

    /// The words before the program that disturb it there.
    pub fn through(&self, kind: Option<Kind>, number: usize) -> Vec<String> {
        let kind = match kind {
            Some(Kind::DiskFull) => "full",
            Some(Kind::ReadOnly) => "read-only",
            Some(Kind::ShortWrite) => "short",
            Some(Kind::ShortThenFull) => "short-full",
            Some(Kind::PowerCut | Kind::PowerCutNames) => "kill",
            Some(Kind::Panic) => "panic",
            _ => "none",
        };
        let text = |path: &Path| path.to_str().expect("a name in Unicode").to_owned();
        let (root, store) = (text(&self.root), text(self.store.path()));
        [
            text(program()),
            root,
            store,
            kind.into(),
            number.to_string(),
        ]
        .into()
    }

    fn trace(&self) -> String {
        let bytes = fs::read(self.store.path().join("trace")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What was written, in order.
    pub fn writes(&self) -> Vec<Write> {
        let trace = self.trace();
        let lines = trace.lines().filter(|line| !line.starts_with("0 "));
        let writes = lines.map(|line| {
            let (_, label) = line.split_once(' ').expect("a number and a label");
            let plain = label.strip_suffix(" !");
            Write {
                label: plain.unwrap_or(label).to_owned(),
                disturbed: plain.is_some(),
            }
        });
        writes.collect()
    }

    /// How many fsyncs of files and of directories each step took, in order, where the run said as events how far it is.
    pub fn syncs(&self) -> Vec<(String, usize, usize)> {
        let mut steps = vec![(BEFORE.to_owned(), 0, 0)];
        for line in self.trace().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let step = || {
                Some(
                    line.split_once(r#""step":""#)?
                        .1
                        .split_once('"')?
                        .0
                        .to_owned(),
                )
            };
            let last = steps.last_mut().expect("there is one");
            match words.get(1) {
                Some(&"say") if line.contains(r#""event":"step-started""#) => {
                    steps.push((step().expect("its name"), 0, 0));
                }
                Some(&"fsync") => last.1 += 1,
                Some(&"fsync-directory") => last.2 += 1,
                _ => {}
            }
        }
        steps
    }

    /// What a power cut leaves: contents as of the last fsync, and names as of their directory's, or all names as they are.
    pub fn cut_power(&self, names_as_they_are: bool) {
        let inode = fs::metadata(&self.root).expect("it is there").ino();
        let left = if names_as_they_are {
            self.present(&self.root)
        } else {
            self.synced(inode)
        };
        for entry in fs::read_dir(&self.root).expect("it is there") {
            let path = entry.expect("an entry").path();
            let gone = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            gone.expect("it can be removed");
        }
        make(&self.root, &left);
    }

    fn content(&self, inode: u64) -> Vec<u8> {
        // A file that was never synced is empty.
        fs::read(self.store.path().join(format!("file-{inode}"))).unwrap_or_default()
    }

    fn synced(&self, directory: u64) -> BTreeMap<String, Node> {
        let list = fs::read_to_string(self.store.path().join(format!("dir-{directory}")));
        let entry = |line: &str| {
            let words: Vec<_> = line.splitn(4, ' ').collect();
            let [inode, kind, mode, name] = words[..] else {
                panic!("an entry: {line}");
            };
            let inode = inode.parse().expect("a number");
            let mode = u32::from_str_radix(mode, 8).expect("a mode");
            let node = match kind {
                "d" => Node::Directory(mode, self.synced(inode)),
                _ => Node::File(mode, self.content(inode)),
            };
            (name.to_owned(), node)
        };
        list.unwrap_or_default().lines().map(entry).collect()
    }

    fn present(&self, directory: &Path) -> BTreeMap<String, Node> {
        let entries = fs::read_dir(directory).expect("a directory");
        let node = |entry: fs::DirEntry| {
            let found = entry.metadata().expect("it is there");
            let mode = found.permissions().mode() & 0o7777;
            let node = if found.is_dir() {
                Node::Directory(mode, self.present(&entry.path()))
            } else {
                Node::File(mode, self.content(found.ino()))
            };
            (entry.file_name().to_string_lossy().into_owned(), node)
        };
        entries
            .map(|entry| node(entry.expect("an entry")))
            .collect()
    }
}

fn make(directory: &Path, nodes: &BTreeMap<String, Node>) {
    for (name, node) in nodes {
        let path = directory.join(name);
        match node {
            Node::File(mode, bytes) => {
                let mut options = fs::File::options();
                let file = options.write(true).create_new(true).mode(*mode).open(&path);
                std::io::Write::write_all(&mut file.expect("a file"), bytes).expect("written");
            }
            Node::Directory(mode, nodes) => {
                let made = fs::DirBuilder::new().mode(*mode).create(&path);
                made.expect("a directory");
                make(&path, nodes);
            }
        }
    }
}

/// `disk.c`, compiled once for all of this process; where Rust links, there is a `cc`.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let compile = || {
        let directory = tempfile::Builder::new().prefix("vb-disk-").tempdir();
        let directory = directory.expect("a directory");
        let path = directory.path().join("disk");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/faults/disk.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        let output = compiler.arg(&path).arg(source).output().expect("cc runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cc: {said}");
        (directory, path)
    };
    &PROGRAM.get_or_init(compile).1
}

#[test]
fn after_a_power_cut_only_what_was_synced_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let script = "
import os
def write(name, text, sync):
    with open(name, 'w') as file:
        file.write(text); file.flush()
        if sync: os.fsync(file.fileno())
write('old', 'new', False); write('synced', 'content', True); write('never', 'lost', False)
write('named', 'content', True); os.mkdir('in')
os.fsync(os.open('.', os.O_RDONLY))
write('unnamed', 'content', True); os.unlink('named'); os.rename('synced', 'in/other')
";
    let before = |names_as_they_are| {
        let disk = Disk::at(directory.path());
        let mut words = disk.through(None, 0);
        words.extend(["python3", "-c", script].map(str::to_owned));
        let mut command = Command::new(&words[0]);
        let status = command
            .args(&words[1..])
            .current_dir(directory.path())
            .status();
        assert!(status.expect("it runs").success());
        disk.cut_power(names_as_they_are);
    };
    let text = |name: &str| fs::read_to_string(path(name)).ok();
    fs::write(path("old"), "before").expect("written");
    before(false);
    assert_eq!(text("old").as_deref(), Some("before"));
    assert_eq!(text("synced").as_deref(), Some("content"));
    assert_eq!(text("never").as_deref(), Some(""));
    assert_eq!(text("named").as_deref(), Some("content"));
    assert_eq!((text("unnamed"), text("in/other")), (None, None));
    fs::remove_dir_all(path("in")).expect("removed");
    before(true);
    assert_eq!(text("unnamed").as_deref(), Some("content"));
    assert_eq!(text("in/other").as_deref(), Some("content"));
    assert_eq!((text("named"), text("synced")), (None, None));
}
