//! GnuPG as a child process: keys are looked at and encrypted to in a home that is made for it and goes with it;
//! decrypting is done with the user's own keys and agent.
//!
//! What is secret goes through pipes only, never through arguments, the environment or a file. The environment is
//! built anew, so that nothing that this process was given reaches gpg.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use zeroize::Zeroizing;

use crate::child::captured::{self, Bounds, Ended, Fault};
use crate::disk::{self, trust};
use crate::screen;
use crate::span;

/// Looking at a key and encrypting to it take milliseconds.
const TIME: Duration = Duration::from_secs(30);
/// Decrypting may wait for a person: a passphrase, the PIN of a card.
const TIME_FOR_A_PERSON: Duration = Duration::from_secs(120);
/// More than any public key, with all that others have signed.
pub(crate) const LARGEST_KEY: usize = 1024 * 1024;
/// More than any encrypted share.
const LARGEST_MESSAGE: usize = 64 * 1024;
/// Of what it says on the way.
const LARGEST_COMPLAINT: usize = 16 * 1024;
/// Beginning of a line for programs.
const STATUS: &str = "[GNUPG:] ";

/// What gpg must know of a user's own home, and of the screen on which their agent asks them.
const OWN: [&str; 12] = [
    "PATH",
    "HOME",
    "GNUPGHOME",
    "GPG_TTY",
    "TERM",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "PINENTRY_USER_DATA",
    "TMPDIR",
];

/// Why gpg gave nothing.
#[derive(Debug)]
pub(crate) enum Why {
    /// There is no gpg.
    Missing,
    /// It was not done; a line for people.
    Failed(String),
    /// Nothing here opens the message: no secret key, or its passphrase was not given; what gpg said of it.
    NoKey(Option<String>),
    /// It is not a message that was encrypted, or not as it was written.
    Damaged,
}

/// The records of all keys in these bytes, armoured or not.
pub(crate) async fn look(keys: &[u8]) -> Result<String, Why> {
    let home = home()?;
    let asked = in_home(&home, &["--with-colons", "--show-keys"]);
    let ended = run(asked, keys, (TIME, LARGEST_KEY)).await?;
    if says(&ended, "NODATA") {
        return Ok(String::new());
    }
    succeeded(&ended)?;
    Ok(String::from_utf8_lossy(&ended.printed).into_owned())
}

/// The one key in these bytes as the servers want it: in binary.
pub(crate) async fn binary(key: &[u8]) -> Result<Vec<u8>, Why> {
    let home = home()?;
    let asked = in_home(&home, &["--import-options", "import-export", "--import"]);
    let ended = run(asked, key, (TIME, LARGEST_KEY)).await?;
    succeeded(&ended)?;
    Ok(ended.printed.to_vec())
}

/// An armoured message that only the holder of this key reads.
pub(crate) async fn encrypt(key: &[u8], plain: &[u8]) -> Result<String, Why> {
    let home = home()?;
    let file = home.path().join("key");
    disk::create(&file, key).map_err(|(_, error)| no_home(&error))?;
    let mut asked = in_home(&home, &["--trust-model", "always", "--armor", "--encrypt"]);
    asked.arg("--recipient-file").arg(&file);
    let ended = run(asked, plain, (TIME, LARGEST_MESSAGE)).await?;
    succeeded(&ended)?;
    let armored = String::from_utf8(ended.printed.to_vec());
    armored.map_err(|_| Why::Failed("gpg printed something else than text".into()))
}

/// What a message says, with the user's own keys. Their agent may ask them for a passphrase.
pub(crate) async fn decrypt(message: &[u8]) -> Result<Zeroizing<Vec<u8>>, Why> {
    // It would make one, and an agent for it.
    let Some(home) = own_home().filter(|home| home.is_dir()) else {
        return Err(Why::NoKey(None));
    };
    ours_alone(&home, "GNUPGHOME")?;
    let asked = gpg(&["--decrypt"]);
    let _lent = screen::lend();
    let ended = run(asked, message, (TIME_FOR_A_PERSON, LARGEST_MESSAGE)).await?;
    let done = ended.status.success();
    // A message that was only signed is printed as well.
    if done && says(&ended, "DECRYPTION_OKAY") {
        return Ok(ended.printed);
    }
    if done || says(&ended, "NODATA") || says(&ended, "BADMDC") {
        return Err(Why::Damaged);
    }
    if says(&ended, "NO_SECKEY") || says(&ended, "ERROR pkdecrypt_failed") {
        return Err(Why::NoKey(last_words(&ended)));
    }
    Err(refusal(&ended))
}

/// Where the user's keys are.
fn own_home() -> Option<PathBuf> {
    let given = std::env::var_os("GNUPGHOME").filter(|home| !home.is_empty());
    let usual = || Some(Path::new(&std::env::var_os("HOME")?).join(".gnupg"));
    given.map(PathBuf::from).or_else(usual)
}

fn home() -> Result<tempfile::TempDir, Why> {
    ours_alone(&std::env::temp_dir(), "TMPDIR")?;
    let private = std::fs::Permissions::from_mode(0o700);
    let mut home = tempfile::Builder::new();
    let home = home.prefix("vault-bootstrap-gpg-").permissions(private);
    home.tempdir().map_err(|error| no_home(&error))
}

/// Whoever may move a home of gpg away puts another one in its place: other keys, another agent.
fn ours_alone(directory: &Path, name: &str) -> Result<(), Why> {
    let failed = |why: String| {
        Why::Failed(format!(
            "{name} {} is not safe for gpg: {why}",
            directory.display()
        ))
    };
    match trust::refusal(directory) {
        Ok(None) => Ok(()),
        Ok(Some(doubt)) => Err(failed(format!("{doubt}: {}", doubt.advice()))),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn no_home(error: &std::io::Error) -> Why {
    let place = std::env::temp_dir();
    let (place, why) = (place.display(), error.kind());
    Why::Failed(format!("gpg needs a directory in {place} (TMPDIR): {why}"))
}

/// Nobody's configuration and nobody's agent.
fn in_home(home: &tempfile::TempDir, words: &[&str]) -> Command {
    let own = ["--no-options", "--no-autostart"];
    let mut command = gpg(&[&own[..], words].concat());
    command.env("GNUPGHOME", home.path());
    command
}

fn gpg(words: &[&str]) -> Command {
    let own = OWN
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new("gpg");
    command
        .args(["--batch", "--no-tty", "--status-fd", "2"])
        .args(words)
        .env_clear()
        .envs(own)
        .env("LC_ALL", "C");
    command
}

async fn run(
    command: Command,
    input: &[u8],
    (time, most): (Duration, usize),
) -> Result<Ended, Why> {
    let bounds = Bounds {
        time,
        printed: most,
        complaint: LARGEST_COMPLAINT,
    };
    let ended = captured::run(command, Some(input), bounds).await;
    ended.map_err(|fault| match fault {
        Fault::Start(error) if error.kind() == ErrorKind::NotFound => Why::Missing,
        Fault::Start(error) => Why::Failed(format!("gpg: {error}")),
        Fault::Untrusted(what, advice) => Why::Failed(format!("{what}: {advice}")),
        Fault::TimedOut => Why::Failed(format!("gpg was ended after {}", span::text(time))),
        Fault::TooMuch => Why::Failed(format!("gpg printed more than {} KiB", most / 1024)),
    })
}

fn succeeded(ended: &Ended) -> Result<(), Why> {
    if ended.status.success() {
        return Ok(());
    }
    Err(refusal(ended))
}

/// Whether a line for programs begins with this.
fn says(ended: &Ended, what: &str) -> bool {
    let said = String::from_utf8_lossy(&ended.complaint);
    said.lines().any(|line| {
        let rest = line
            .strip_prefix(STATUS)
            .and_then(|line| line.strip_prefix(what));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// The last thing that it said to people: what came before it led there.
fn refusal(ended: &Ended) -> Why {
    let said = last_words(ended);
    Why::Failed(said.unwrap_or_else(|| format!("gpg failed ({})", ended.status)))
}

fn last_words(ended: &Ended) -> Option<String> {
    let said = String::from_utf8_lossy(&ended.complaint);
    let last = said.lines().rfind(|line| !line.starts_with(STATUS))?;
    captured::first_line(last.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn ended(complaint: &str) -> Ended {
        Ended {
            status: std::process::ExitStatus::from_raw(2 << 8),
            printed: Zeroizing::default(),
            complaint: complaint.as_bytes().to_vec(),
        }
    }

    #[test]
    fn lines_for_programs_are_told_from_those_for_people() {
        let ended = ended(
            "gpg: NODATA 1\n[GNUPG:] NO_SECKEY 55D3\ngpg: decryption failed: No secret key\n[GNUPG:] END\n",
        );
        assert!(says(&ended, "NO_SECKEY") && says(&ended, "END"));
        assert!(!says(&ended, "NODATA") && !says(&ended, "NO_SEC"));
        let Why::Failed(said) = refusal(&ended) else {
            panic!("it failed");
        };
        assert_eq!(said, "gpg: decryption failed: No secret key");
    }

    #[test]
    fn nothing_of_this_process_but_what_gpg_needs_reaches_it() {
        let command = gpg(&["--decrypt"]);
        let names = command.as_std().get_envs().map(|(name, _)| name);
        for name in names {
            assert!(
                OWN.iter().any(|own| *own == name) || name == "LC_ALL",
                "{name:?}"
            );
        }
        let words: Vec<_> = command.as_std().get_args().collect();
        assert_eq!(
            words,
            ["--batch", "--no-tty", "--status-fd", "2", "--decrypt"]
        );
    }
}
