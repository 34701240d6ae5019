//! A real OpenID provider on loopback, and people who sign in there.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, Stop};
use super::component::{installed, servers_directory};
use super::http::{Answer, HttpClient};
use super::process::{Process, free_port, start_on_free_ports};
use super::scratch::Scratch;

const START: Duration = Duration::from_secs(120);

/// The provider. Dropping it ends it.
#[derive(Debug)]
pub struct OpenIdProvider {
    process: Option<Process>,
    directory: Scratch,
    port: u16,
}

/// Who signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Of the organisation: verified address, `hd` example.com, group platform.
    Alice,
    /// Of nobody's organisation: a verified address elsewhere, no `hd`, in no group.
    Mallory,
}

impl Account {
    fn login(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Mallory => "mallory",
        }
    }
}

impl OpenIdProvider {
    /// Starts a provider whose client may be called back on any loopback port at `/oidc/callback`.
    pub fn start() -> Self {
        start_on_free_ports(|| {
            let (directory, port) = (Scratch::new(), free_port());
            let mut provider = Self {
                process: None,
                directory,
                port,
            };
            provider.try_start()?;
            Ok(provider)
        })
    }

    fn try_start(&mut self) -> Result<(), String> {
        let settings = json!({
            "port": self.port,
            "client_id": self.client_id(),
            "client_secret": self.client_secret(),
            "redirect_uris": ["http://127.0.0.1/oidc/callback", "http://localhost/oidc/callback"],
            "users": {
                "alice": { "email": "alice@example.com", "email_verified": true, "hd": "example.com", "groups": ["platform"] },
                "mallory": { "email": "mallory@example.org", "email_verified": true, "groups": [] },
            },
        });
        let settings = self.directory.write("settings.json", &settings.to_string());
        let mut command = Command::new("node");
        command
            .arg(servers_directory().join("oidc/provider.mjs"))
            .arg(installed("oidc-provider-9.13.3"))
            .arg(settings)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut process = Process::start(command, &self.directory.file("provider.log"))
            .map_err(|error| error.to_string())?;
        let client = HttpClient::default();
        let discovery = format!("{}/.well-known/openid-configuration", self.issuer());
        let ready = || {
            client
                .call("GET", &discovery, &[], None)
                .is_ok_and(|answer| answer.status == 200)
        };
        process.wait_until("an answer from the OpenID provider", START, ready)?;
        self.process = Some(process);
        Ok(())
    }

    /// The issuer, which is also the discovery address.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of the issuer.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The one client's id.
    pub fn client_id(&self) -> &'static str {
        "vault"
    }

    /// The one client's secret.
    pub fn client_secret(&self) -> &'static str {
        "the-client's-secret"
    }

    /// The process's id, while there is one.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Takes the provider down; address and accounts stay.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Brings a stopped provider back at its address, with new keys.
    pub fn restart(&mut self) {
        self.stop();
        self.try_start().unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Signs in at an authorization address and consents; returns the callback address that a browser would open
    /// next, which carries the code, or the provider's error.
    pub fn sign_in(&self, authorization_url: &str, account: Account) -> Result<String, String> {
        match self.browse(authorization_url, account, None)? {
            Stop::Left(callback) => Ok(callback),
            Stop::Page(page) => Err(format!("no redirect to the application but a page: {page}")),
        }
    }

    /// Signs in and opens the callback address, as a browser does; returns what the application shows.
    pub fn sign_in_and_deliver(
        &self,
        authorization_url: &str,
        account: Account,
    ) -> Result<Answer, String> {
        let callback = self.sign_in(authorization_url, account)?;
        HttpClient::default().call("GET", &callback, &[], None)
    }

    /// Signs in at the address that a device shows and confirms its code. The code may be part of the address.
    pub fn approve_device(
        &self,
        address: &str,
        code: Option<&str>,
        account: Account,
    ) -> Result<(), String> {
        match self.browse(address, account, code)? {
            Stop::Page(_) => Ok(()),
            Stop::Left(address) => Err(format!("led away to {address}")),
        }
    }

    fn browse(&self, address: &str, account: Account, code: Option<&str>) -> Result<Stop, String> {
        let mut filling = vec![("login", account.login()), ("password", "any")];
        filling.extend(code.map(|code| ("user_code", code)));
        Browser::at(&self.issuer()).walk(address, &filling)
    }
}
