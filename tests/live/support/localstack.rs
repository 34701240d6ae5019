//! The AWS services that custodians and seals need, on loopback: KMS, the parameter store and Secrets Manager.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use tokio::runtime::Runtime;

use super::component::installed;
use super::http::{HttpClient, runtime};
use super::process::{Process, free_port, start_on_free_ports};
use super::scratch::Scratch;

const START: Duration = Duration::from_secs(60);

/// One LocalStack for the whole test binary: it takes seconds to start and keys and names are cheap.
#[derive(Debug)]
pub struct LocalStack {
    process: Mutex<Process>,
    _directory: Scratch,
    port: u16,
    pub(super) runtime: Runtime,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    kms: aws_sdk_kms::Client,
    ssm: aws_sdk_ssm::Client,
}

impl LocalStack {
    /// The region that everything is in.
    pub const REGION: &str = "us-east-1";
    /// The access key, which is not checked.
    pub const ACCESS_KEY: &str = "AKIATEST";
    /// The secret key, which is not checked and is looked for like any other secret.
    pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/of-these-tests+alone";

    /// The instance that tests share, started at the first call. It ends with the test binary.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<LocalStack> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// An instance of one's own, for tests that stop it.
    pub fn start() -> Self {
        start_on_free_ports(Self::try_start)
    }

    fn try_start() -> Result<Self, String> {
        let directory = Scratch::new();
        let port = free_port();
        let command = server_command(directory.path(), port);
        let log = directory.path().join("localstack.log");
        let mut process = Process::start(command, &log).map_err(|error| error.to_string())?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let client = HttpClient::default();
        let health = format!("{endpoint}/_localstack/health");
        // Another one may have the port, answer for this one, and be gone a moment later.
        let is_up = || std::fs::read_to_string(&log).is_ok_and(|log| log.contains("Ready."));
        let ready = || {
            is_up()
                && client
                    .call("GET", &health, &[], None)
                    .is_ok_and(|answer| answer.status == 200)
        };
        process.wait_until("an answer from LocalStack", START, ready)?;
        let credentials = Credentials::new(Self::ACCESS_KEY, Self::SECRET_KEY, None, None, "tests");
        let kms = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(Self::REGION))
            .endpoint_url(&endpoint)
            .credentials_provider(credentials.clone())
            .build();
        let ssm = aws_sdk_ssm::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(Self::REGION))
            .endpoint_url(&endpoint)
            .credentials_provider(credentials.clone())
            .build();
        let secrets = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(Self::REGION))
            .endpoint_url(&endpoint)
            .credentials_provider(credentials)
            .build();
        Ok(Self {
            process: Mutex::new(process),
            _directory: directory,
            port,
            runtime: runtime(),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets),
            kms: aws_sdk_kms::Client::from_conf(kms),
            ssm: aws_sdk_ssm::Client::from_conf(ssm),
        })
    }

    /// The address of all services.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of all services.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .id()
    }

    /// The variables that lead a program here and nowhere else.
    pub fn env(&self) -> Vec<(String, String)> {
        let endpoint = self.endpoint();
        [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_REGION", Self::REGION),
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Makes an encryption key and returns its id.
    pub fn kms_create_key(&self) -> String {
        let created = self
            .runtime
            .block_on(self.kms.create_key().send())
            .expect("a key");
        created.key_metadata.expect("the key's description").key_id
    }

    /// Gives a key a name, which must start with `alias/`.
    pub fn kms_alias(&self, key: &str, alias: &str) {
        let request = self.kms.create_alias().target_key_id(key).alias_name(alias);
        self.runtime.block_on(request.send()).expect("an alias");
    }

    /// The full name (ARN) of a key.
    pub fn kms_arn(&self, key: &str) -> String {
        let described = self
            .runtime
            .block_on(self.kms.describe_key().key_id(key).send());
        let metadata = described.expect("the key is there").key_metadata;
        metadata.and_then(|key| key.arn).expect("a full name")
    }

    /// Makes a key refuse everything.
    pub fn kms_disable(&self, key: &str) {
        let request = self.kms.disable_key().key_id(key);
        self.runtime
            .block_on(request.send())
            .expect("the key is there");
    }

    /// Undoes [`kms_disable`](Self::kms_disable).
    pub fn kms_enable(&self, key: &str) {
        let request = self.kms.enable_key().key_id(key);
        self.runtime
            .block_on(request.send())
            .expect("the key is there");
    }

    /// Encrypts with a key; the error is the service's code.
    pub fn kms_encrypt(&self, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, String> {
        let request = self.kms.encrypt().key_id(key).plaintext(plaintext.into());
        let encrypted = self
            .runtime
            .block_on(request.send())
            .map_err(|error| code(&error))?;
        Ok(encrypted
            .ciphertext_blob
            .expect("a ciphertext")
            .into_inner())
    }

    /// Decrypts with a key; the error is the service's code.
    pub fn kms_decrypt(&self, key: &str, ciphertext: &[u8]) -> Result<Vec<u8>, String> {
        let request = self
            .kms
            .decrypt()
            .key_id(key)
            .ciphertext_blob(ciphertext.into());
        let decrypted = self
            .runtime
            .block_on(request.send())
            .map_err(|error| code(&error))?;
        Ok(decrypted.plaintext.expect("a plaintext").into_inner())
    }

    /// The decrypted value of a parameter, if there is one.
    pub fn ssm_get(&self, name: &str) -> Option<String> {
        let request = self.ssm.get_parameter().name(name).with_decryption(true);
        let found = self.runtime.block_on(request.send());
        if found
            .as_ref()
            .is_err_and(|error| code(error) == "ParameterNotFound")
        {
            return None;
        }
        found.expect("the parameter store answers").parameter?.value
    }

    /// Writes an encrypted parameter; without `overwrite` the error is `ParameterAlreadyExists` where there is one.
    pub fn ssm_put(&self, name: &str, value: &str, overwrite: bool) -> Result<(), String> {
        let request = self
            .ssm
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(aws_sdk_ssm::types::ParameterType::SecureString)
            .overwrite(overwrite);
        let put = self.runtime.block_on(request.send());
        put.map(drop).map_err(|error| code(&error))
    }

    /// Writes a parameter that is not encrypted.
    pub fn ssm_put_plain(&self, name: &str, value: &str) {
        let request = self.ssm.put_parameter().name(name).value(value);
        let request = request.r#type(aws_sdk_ssm::types::ParameterType::String);
        let put = self.runtime.block_on(request.send());
        put.expect("the parameter store takes it");
    }

    /// How many versions of a parameter there are, old ones among them.
    pub fn ssm_versions(&self, name: &str) -> usize {
        let request = self.ssm.get_parameter_history().name(name);
        let history = self.runtime.block_on(request.send());
        if history
            .as_ref()
            .is_err_and(|error| code(error) == "ParameterNotFound")
        {
            return 0;
        }
        let history = history.expect("the parameter store answers");
        history.parameters.unwrap_or_default().len()
    }

    /// Deletes a parameter.
    pub fn ssm_delete(&self, name: &str) {
        let request = self.ssm.delete_parameter().name(name);
        self.runtime
            .block_on(request.send())
            .expect("the parameter is there");
    }

    /// The names of all parameters below a path such as `/vault/production`, sorted.
    pub fn ssm_names_under(&self, path: &str) -> Vec<String> {
        let request = self.ssm.get_parameters_by_path().path(path).recursive(true);
        let pages = self
            .runtime
            .block_on(
                request
                    .into_paginator()
                    .send()
                    .collect::<Result<Vec<_>, _>>(),
            )
            .expect("the parameter store answers");
        let parameters = pages
            .into_iter()
            .flat_map(|page| page.parameters.unwrap_or_default());
        let mut names: Vec<String> = parameters.filter_map(|parameter| parameter.name).collect();
        names.sort();
        names
    }

    /// Ends the services: AWS is down from here on. Not for the shared instance.
    pub fn stop(&self) {
        self.process
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .stop();
    }
}

/// The service's code of an error, such as `DisabledException`.
pub(super) fn code<E, R>(error: &aws_sdk_kms::error::SdkError<E, R>) -> String
where
    E: aws_sdk_kms::error::ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    let code = error
        .as_service_error()
        .and_then(|error| error.meta().code());
    code.map_or_else(|| format!("{error:?}"), str::to_owned)
}

fn server_command(directory: &Path, port: u16) -> Command {
    let address = format!("127.0.0.1:{port}");
    let python: PathBuf = installed("localstack-4.9.2");
    let mut command = Command::new(python);
    command
        .args(["-m", "localstack.runtime.main"])
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        // The other gateway listens on all interfaces, whatever it is told.
        .env("GATEWAY_SERVER", "hypercorn")
        .env("GATEWAY_LISTEN", &address)
        .env("LOCALSTACK_HOST", &address)
        .env("FILESYSTEM_ROOT", directory.join("files"))
        // No name server, no telemetry, no certificate from the network.
        .env("DNS_ADDRESS", "0")
        .env("DISABLE_EVENTS", "1")
        .env("SKIP_SSL_CERT_DOWNLOAD", "1");
    command
}
