//! The server's API as a test asks it: beside the tool, with a token or without.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{VaultServer, eventually};

/// One server and one token.
#[derive(Clone)]
pub struct Api<'a> {
    server: &'a VaultServer,
    token: Option<String>,
}

impl<'a> Api<'a> {
    /// Without a token.
    pub fn of(server: &'a VaultServer) -> Self {
        Self {
            server,
            token: None,
        }
    }

    /// The same server with this token.
    pub fn with(&self, token: &str) -> Self {
        Self {
            server: self.server,
            token: Some(token.to_owned()),
        }
    }

    /// Logs in by userpass.
    #[track_caller]
    pub fn log_in(&self, user: &str, password: &str) -> Self {
        let path = format!("auth/userpass/login/{user}");
        let (status, answer) = self.put(&path, &json!({ "password": password }));
        assert_eq!(status, 200, "{user} cannot log in: {answer}");
        self.with(answer["auth"]["client_token"].as_str().expect("a token"))
    }

    /// Status and body of a `GET`.
    pub fn get(&self, path: &str) -> (u16, Value) {
        self.server.call("GET", path, self.token.as_deref(), None)
    }

    /// The body of a `GET` that must succeed.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        let (status, answer) = self.get(path);
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    /// Waits until this many seconds have passed by the server's own clock: what it lets end then has ended.
    #[track_caller]
    pub fn time_passes(&self, seconds: i64) {
        let clock = || self.read("sys/health")["server_time_utc"].as_i64();
        let until = clock().expect("a clock") + seconds;
        let limit = Duration::from_secs(60);
        assert!(eventually(limit, || clock() >= Some(until)), "time stood");
    }

    /// Status and body of a `LIST`.
    pub fn list(&self, path: &str) -> (u16, Value) {
        self.server.call("LIST", path, self.token.as_deref(), None)
    }

    /// Status and body of a write.
    pub fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.server
            .call("PUT", path, self.token.as_deref(), Some(body))
    }

    /// Deletes, and must succeed.
    #[track_caller]
    pub fn delete(&self, path: &str) {
        let (status, answer) = self
            .server
            .call("DELETE", path, self.token.as_deref(), None);
        assert_eq!(status, 204, "{path}: {answer}");
    }

    /// A write that must succeed.
    #[track_caller]
    pub fn write(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.put(path, body);
        assert!(
            (200..300).contains(&status),
            "PUT {path}: {status} {answer}"
        );
        answer
    }

    /// What the server itself says about being initialised.
    pub fn initialised(&self) -> bool {
        self.read("sys/init")["initialized"] == true
    }

    /// Accessors of all tokens with the policy `root`, as an auditor may look.
    #[track_caller]
    pub fn roots(&self) -> Vec<Value> {
        let (status, answer) = self.list("auth/token/accessors");
        assert_eq!(status, 200, "{answer}");
        let mut accessors = answer["data"]["keys"].as_array().expect("keys").clone();
        assert!(!accessors.is_empty());
        accessors.retain(|accessor| {
            let (_, answer) = self.put(
                "auth/token/lookup-accessor",
                &json!({ "accessor": accessor }),
            );
            let policies = answer["data"]["policies"].as_array();
            // One whose revocation was cut in the middle is listed and gone.
            policies.is_some_and(|names| names.contains(&json!("root")))
        });
        accessors
    }

    /// No token has the policy `root`.
    #[track_caller]
    pub fn no_root_is_left(&self) {
        assert_eq!(self.roots(), Vec::<Value>::new(), "root tokens are alive");
    }
}
