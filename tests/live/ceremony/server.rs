//! One OpenBao server on free loopback ports, for as long as the test holds it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::api::Api;
use super::audit::AuditLog;

/// Started, with an HTTP answer, within this time.
const LIMIT: Duration = Duration::from_secs(30);

/// A server of this test alone.
pub struct Server {
    directory: TempDir,
    address: String,
    child: Child,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

fn binary() -> PathBuf {
    let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/install");
    let output = Command::new(install)
        .args(["--path", "openbao-2.7.2"])
        .output()
        .expect("the installer");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

impl Server {
    /// OpenBao 2.7.2, static seal, declared audit, storage in memory.
    pub fn in_memory() -> Self {
        Self::start("storage \"inmem\" {}", Some(""))
    }

    /// The same, with these further options of the declared audit device; `None` declares none.
    pub fn with_audit(options: Option<&str>) -> Self {
        Self::start("storage \"inmem\" {}", options)
    }

    /// The same on disk, as one node of a raft cluster.
    pub fn on_disk() -> Self {
        Self::start("raft", Some(""))
    }

    fn start(storage: &str, audit: Option<&str>) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("vb-bao-")
            .tempdir()
            .expect("a directory");
        let place = directory.path().display().to_string();
        let (port, cluster) = (free_port(), free_port());
        let storage = if storage == "raft" {
            std::fs::create_dir(directory.path().join("data")).expect("a directory");
            format!(
                "storage \"raft\" {{\n  path = \"{place}/data\"\n  node_id = \"n1\"\n  performance_multiplier = \"1\"\n}}"
            )
        } else {
            storage.to_owned()
        };
        let audit = if let Some(options) = audit {
            format!(
                "audit \"file\" \"file\" {{\n  options {{\n    file_path = \"{place}/audit.log\"\n{options}  }}\n}}"
            )
        } else {
            String::new()
        };
        std::fs::write(directory.path().join("seal.key"), "ab".repeat(32)).expect("a key");
        let config = format!(
            "{storage}\nlistener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  cluster_address = \"127.0.0.1:{cluster}\"\n  tls_disable = true\n}}\n\
             seal \"static\" {{\n  current_key_id = \"k1\"\n  current_key = \"file://{place}/seal.key\"\n}}\n\
             api_addr = \"http://127.0.0.1:{port}\"\ncluster_addr = \"http://127.0.0.1:{cluster}\"\n{audit}\n"
        );
        let file = directory.path().join("server.hcl");
        std::fs::write(&file, config).expect("a configuration");
        let log = std::fs::File::create(directory.path().join("server.log")).expect("a log");
        let child = Command::new(binary())
            .arg("server")
            .arg(format!("-config={}", file.display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let server = Self {
            directory,
            address: format!("http://127.0.0.1:{port}"),
            child,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        let begun = Instant::now();
        let address = self.address.trim_start_matches("http://");
        while std::net::TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < LIMIT, "the server did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its API without a token.
    pub fn api(&self) -> Api {
        Api::at(&self.address)
    }

    /// What its audit log says.
    pub fn audit(&self) -> AuditLog {
        AuditLog::at(self.audit_log())
    }

    /// Path of the audit log.
    pub fn audit_log(&self) -> String {
        self.directory
            .path()
            .join("audit.log")
            .display()
            .to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
