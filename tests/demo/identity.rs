//! Makes an age identity for the demo: the key into a new file that only its owner reads, the public
//! side to stdout. People use `age-keygen`, which a fresh machine does not have.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use secrecy::ExposeSecret;

fn main() -> std::io::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .ok_or_else(|| std::io::Error::other("usage: demo-identity FILE"))?;
    let identity = age::x25519::Identity::generate();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", identity.to_string().expose_secret())?;
    writeln!(std::io::stdout(), "{}", identity.to_public())
}
