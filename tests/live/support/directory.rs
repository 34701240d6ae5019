//! A real LDAP directory on loopback, with people in it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::component::installed;
use super::process::{Process, free_port, is_listening, start_on_free_ports};
use super::scratch::Scratch;

const START: Duration = Duration::from_secs(20);
/// Where its people are.
const PEOPLE: &str = "ou=people,dc=example,dc=com";

/// The directory. Dropping it ends it.
#[derive(Debug)]
pub struct Directory {
    process: Option<Process>,
    directory: Scratch,
    port: u16,
}

impl Directory {
    /// Starts one that knows these people by their passwords.
    pub fn of(people: &[(&str, &str)]) -> Self {
        start_on_free_ports(|| {
            let (directory, port) = (Scratch::new(), free_port());
            let mut started = Self {
                process: None,
                directory,
                port,
            };
            started.try_start(people)?;
            Ok(started)
        })
    }

    fn try_start(&mut self, people: &[(&str, &str)]) -> Result<(), String> {
        let data = self.directory.file("data");
        std::fs::create_dir(&data).map_err(|error| error.to_string())?;
        let settings = format!(
            "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             database mdb\nsuffix \"dc=example,dc=com\"\ndirectory {}\n",
            data.display()
        );
        let settings = self.directory.write("slapd.conf", &settings);
        let mut entries = format!(
            "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n\n\
             dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n"
        );
        for (name, password) in people {
            entries.push_str(&format!(
                "\ndn: cn={name},{PEOPLE}\nobjectClass: person\ncn: {name}\nsn: {name}\nuserPassword: {password}\n"
            ));
        }
        let entries = self.directory.write("people.ldif", &entries);
        // One program, which does by its options what it is called by another name for.
        let mut fill = Command::new(program());
        fill.args(["-T", "add", "-f"])
            .arg(&settings)
            .arg("-l")
            .arg(&entries);
        let filled = fill.output().map_err(|error| error.to_string())?;
        if !filled.status.success() {
            return Err(String::from_utf8_lossy(&filled.stderr).into_owned());
        }
        let mut command = Command::new(program());
        // With -d it stays a child.
        command
            .arg("-f")
            .arg(&settings)
            .args(["-d", "0", "-h", &self.url()]);
        let log = self.directory.file("slapd.log");
        let mut process = Process::start(command, &log).map_err(|error| error.to_string())?;
        let port = self.port;
        process.wait_until("a directory that listens", START, || is_listening(port))?;
        self.process = Some(process);
        Ok(())
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Where its people are.
    pub fn people(&self) -> &'static str {
        PEOPLE
    }
}

fn program() -> PathBuf {
    installed("slapd")
}
