//! KMS and the parameter store on loopback, for custodians that a machine opens.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region};

use crate::Outcome;
use crate::children::{Running, Scratch};

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(60);
const REGION: &str = "us-east-1";

/// One that runs.
pub(crate) struct LocalStack {
    _running: Running,
    _directory: Scratch,
    endpoint: String,
}

impl LocalStack {
    /// Starts it with this Python and waits until it answers.
    pub(crate) async fn start(python: &Path) -> Outcome<Self> {
        let directory = Scratch::new()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let log = File::create(directory.path().join("localstack.log"))?;
        let mut command = Command::new(python);
        command
            .args(["-m", "localstack.runtime.main"])
            .current_dir(directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.path())
            .env("GATEWAY_SERVER", "hypercorn")
            .env("GATEWAY_LISTEN", &address)
            .env("LOCALSTACK_HOST", &address)
            .env("FILESYSTEM_ROOT", directory.path().join("files"))
            .env("DNS_ADDRESS", "0")
            .env("DISABLE_EVENTS", "1")
            .env("SKIP_SSL_CERT_DOWNLOAD", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let running = Running::start(&mut command)?;
        let stack = Self {
            _running: running,
            _directory: directory,
            endpoint: format!("http://{address}"),
        };
        let begun = Instant::now();
        let health = format!("{}/_localstack/health", stack.endpoint);
        while begun.elapsed() < START {
            if reqwest::get(&health)
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(stack);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("LocalStack does not answer".into())
    }

    /// The variables that lead a program here.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "AKIATEST"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    /// A client of the parameter store, ready to ask.
    pub(crate) fn parameters(&self) -> aws_sdk_ssm::Client {
        let config = aws_sdk_ssm::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&self.endpoint)
            .credentials_provider(Credentials::new("AKIATEST", "bench", None, None, "bench"));
        aws_sdk_ssm::Client::from_conf(config.build())
    }
}
