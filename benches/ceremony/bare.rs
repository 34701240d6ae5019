//! The measure: one keep-alive client that sends given requests and does nothing else.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::Outcome;
use crate::fixture::{PASSWORD, Write1};
use crate::server::{Product, Server};

/// A server that is not active after that never will be.
const ACTIVE: Duration = Duration::from_secs(30);

/// The client, with a token once there is one.
pub(crate) struct Bare {
    http: reqwest::Client,
    address: String,
    pub(crate) token: Option<String>,
}

impl Bare {
    pub(crate) fn new(address: &str) -> Outcome<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            http,
            address: address.to_owned(),
            token: None,
        })
    }

    /// One request: status and whole answer.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: String,
    ) -> Outcome<(u16, Vec<u8>)> {
        let method = Method::from_bytes(method.as_bytes())?;
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        request = request.header("x-vault-request", "true");
        if let Some(token) = token {
            request = request.header("x-vault-token", token);
        }
        if !body.is_empty() {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }

    pub(crate) async fn succeed(&self, method: &str, path: &str, body: String) -> Outcome<Value> {
        let (status, answer) = self
            .send(method, &format!("/v1/{path}"), self.token.as_deref(), body)
            .await?;
        if !(200..300).contains(&status) {
            return Err(format!("{method} {path} was answered with {status}").into());
        }
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// From nothing to what the step `policies` finds: initialised, active, audited, mounted.
    pub(crate) async fn begin(&mut self, server: &Server) -> Outcome<()> {
        let kind = match server.product {
            Product::OpenBao => "recovery",
            Product::Vault => "secret",
        };
        let body = json!({format!("{kind}_shares"): 3, format!("{kind}_threshold"): 2});
        let keys = self.succeed("POST", "sys/init", body.to_string()).await?;
        self.token = keys["root_token"].as_str().map(str::to_owned);
        if server.product == Product::Vault {
            for key in keys["keys"].as_array().ok_or("no keys")?.iter().take(2) {
                self.succeed("POST", "sys/unseal", json!({"key": key}).to_string())
                    .await?;
            }
        }
        let begun = Instant::now();
        while self
            .send("GET", "/v1/sys/health", None, String::new())
            .await?
            .0
            != 200
        {
            if begun.elapsed() > ACTIVE {
                return Err("the server does not become active".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if server.product == Product::Vault {
            let options = json!({"file_path": server.audit_file()});
            let body = json!({"type": "file", "options": options});
            self.succeed("POST", "sys/audit/file", body.to_string())
                .await?;
        }
        let kv = json!({"type": "kv", "options": {"version": "2"}});
        self.succeed("POST", "sys/mounts/secret", kv.to_string())
            .await?;
        for method in ["approle", "userpass"] {
            self.succeed(
                "POST",
                &format!("sys/auth/{method}"),
                json!({"type": method}).to_string(),
            )
            .await?;
        }
        Ok(())
    }

    /// Logs in as the one who reads.
    pub(crate) async fn log_in(&mut self) -> Outcome<()> {
        self.log_in_as("audit-reader").await
    }

    /// Logs in as this user.
    pub(crate) async fn log_in_as(&mut self, user: &str) -> Outcome<()> {
        let body = json!({"password": PASSWORD}).to_string();
        let path = format!("auth/userpass/login/{user}");
        let answer = self.succeed("POST", &path, body).await?;
        self.token = answer["auth"]["client_token"].as_str().map(str::to_owned);
        Ok(())
    }

    /// All writes, so many at once; how long they took.
    pub(crate) async fn write(&self, writes: &[Write1], in_flight: usize) -> Outcome<Duration> {
        let bodies: Vec<_> = writes
            .iter()
            .map(|(path, body)| (path, body.to_string()))
            .collect();
        let begun = Instant::now();
        stream::iter(bodies)
            .map(|(path, body)| self.succeed("POST", path, body))
            .buffer_unordered(in_flight)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        Ok(begun.elapsed())
    }

    /// All reads, so many at once; how long they took.
    pub(crate) async fn read(&self, writes: &[Write1], in_flight: usize) -> Outcome<Duration> {
        let begun = Instant::now();
        stream::iter(writes)
            .map(|(path, _)| self.succeed("GET", path, String::new()))
            .buffer_unordered(in_flight)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        Ok(begun.elapsed())
    }
}
