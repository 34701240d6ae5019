//! The server's API as a test asks it: beside the tool, with a token or without.

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};

/// No answer takes longer on a loopback address.
const LIMIT: Duration = Duration::from_secs(20);

/// One address and one token.
#[derive(Clone)]
pub struct Api {
    address: String,
    token: Option<String>,
}

/// Runs one future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("an event loop").block_on(future)
}

impl Api {
    /// Without a token.
    pub fn at(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            token: None,
        }
    }

    /// The same server with this token.
    pub fn with(&self, token: &str) -> Self {
        Self {
            address: self.address.clone(),
            token: Some(token.to_owned()),
        }
    }

    /// Logs in by userpass.
    pub fn log_in(&self, user: &str, password: &str) -> Self {
        let path = format!("auth/userpass/login/{user}");
        let (status, answer) = self.put(&path, &json!({ "password": password }));
        assert_eq!(status, 200, "{user} cannot log in: {answer}");
        self.with(answer["auth"]["client_token"].as_str().expect("a token"))
    }

    /// Status and body of a `GET`.
    pub fn get(&self, path: &str) -> (u16, Value) {
        self.send(reqwest::Method::GET, path, None)
    }

    /// The body of a `GET` that must succeed.
    pub fn read(&self, path: &str) -> Value {
        let (status, answer) = self.get(path);
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    /// Status and body of a `LIST`.
    pub fn list(&self, path: &str) -> (u16, Value) {
        self.get(&format!("{path}?list=true"))
    }

    /// Status and body of a write.
    pub fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(reqwest::Method::PUT, path, Some(body))
    }

    /// A write that must succeed.
    pub fn write(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.put(path, body);
        assert!(
            (200..300).contains(&status),
            "PUT {path}: {status} {answer}"
        );
        answer
    }

    /// Status of a `DELETE`.
    pub fn delete(&self, path: &str) -> u16 {
        self.send(reqwest::Method::DELETE, path, None).0
    }

    /// What the server itself says about being initialised.
    pub fn initialised(&self) -> bool {
        self.read("sys/init")["initialized"] == true
    }

    /// Every token's policies, by accessor, as an auditor may see them.
    pub fn policies_of_all_tokens(&self) -> Vec<(String, Vec<String>)> {
        let (status, answer) = self.list("auth/token/accessors");
        assert_eq!(status, 200, "{answer}");
        let accessors = answer["data"]["keys"].as_array().expect("keys").clone();
        let looks = accessors.into_iter().map(|accessor| {
            let (_, answer) = self.put(
                "auth/token/lookup-accessor",
                &json!({ "accessor": accessor }),
            );
            let policies = answer["data"]["policies"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let names = policies
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            (accessor.as_str().expect("an accessor").to_owned(), names)
        });
        looks.collect()
    }

    fn send(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}/v1/{path}", self.address);
        block_on(async {
            let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build();
            let mut request = client.expect("a client").request(method, &url);
            if let Some(token) = &self.token {
                request = request.header("X-Vault-Token", token);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request
                .send()
                .await
                .unwrap_or_else(|error| panic!("{url}: {error}"));
            let status = answer.status().as_u16();
            let text = answer.bytes().await.expect("a body");
            (status, serde_json::from_slice(&text).unwrap_or(Value::Null))
        })
    }
}
