//! A real server on loopback with an empty raft store, started for one measurement and ended after it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::children::{Running, Scratch};

/// How long a server may take until it answers anything.
const START: Duration = Duration::from_secs(20);

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// Static seal, audit declared in its configuration, since its API refuses to create one.
    OpenBao,
    /// Shamir seal, audit enabled over the API.
    Vault,
}

/// An installed server.
#[derive(Clone)]
pub(crate) struct Installed {
    pub(crate) product: Product,
    /// As in the table: `OpenBao 2.7.2`.
    pub(crate) title: String,
    pub(crate) binary: PathBuf,
}

/// A server that runs.
pub(crate) struct Server {
    _running: Running,
    directory: Scratch,
    pub(crate) port: u16,
    pub(crate) product: Product,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) fn start(installed: &Installed) -> Outcome<Self> {
        let directory = Scratch::new()?;
        let ports = free_ports()?;
        let file = directory.path().join("server.hcl");
        fs::create_dir(directory.path().join("data"))?;
        fs::write(directory.path().join("seal.key"), "6b".repeat(32))?;
        fs::write(
            &file,
            configuration(installed.product, directory.path(), ports),
        )?;
        let log = File::create(directory.path().join("server.log"))?;
        let mut command = Command::new(&installed.binary);
        command.arg("server").arg("-config").arg(&file);
        // Nothing of the person's own set-up.
        command
            .env_clear()
            .env("HOME", directory.path())
            .env("PATH", "/usr/bin:/bin");
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let running = Running::start(&mut command)?;
        let server = Self {
            _running: running,
            directory,
            port: ports[0],
            product: installed.product,
        };
        server.wait(&installed.title)?;
        Ok(server)
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where its audit device writes to.
    pub(crate) fn audit_file(&self) -> PathBuf {
        self.directory.path().join("audit.log")
    }

    fn wait(&self, title: &str) -> Outcome<()> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(3).collect();
        Err(format!("{title} did not start: {}", last.join(" | ")).into())
    }
}

/// Two ports that nobody listens on just now.
fn free_ports() -> Outcome<[u16; 2]> {
    let listeners = [
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    ];
    Ok([
        listeners[0].local_addr()?.port(),
        listeners[1].local_addr()?.port(),
    ])
}

fn configuration(product: Product, directory: &Path, [api, cluster]: [u16; 2]) -> String {
    let own = directory.display();
    let common = format!(
        r#"storage "raft" {{
  path = "{own}/data"
  node_id = "n1"
  performance_multiplier = "1"
}}
listener "tcp" {{
  address = "127.0.0.1:{api}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
api_addr = "http://127.0.0.1:{api}"
cluster_addr = "http://127.0.0.1:{cluster}"
"#
    );
    match product {
        Product::Vault => format!("{common}disable_mlock = true\n"),
        Product::OpenBao => format!(
            r#"{common}seal "static" {{
  current_key_id = "k1"
  current_key = "file://{own}/seal.key"
}}
audit "file" "file" {{
  options {{
    file_path = "{own}/audit.log"
  }}
}}
"#
        ),
    }
}
