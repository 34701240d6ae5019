//! What `rehearse` and `break-glass` tell while they run: plain data, rendered by `report`.

use serde::Serialize;

/// Version of these events, one a line with `--output json`.
pub const VERSION: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run begins.
    Begin {
        /// `rehearse` or `break-glass`.
        command: &'static str,
        /// Name of the cluster.
        cluster: String,
        /// Its address.
        address: String,
    },
    /// Something worth a line.
    Note {
        /// The line.
        text: String,
    },
    /// A person should know.
    Warning {
        /// The line.
        text: String,
    },
    /// A person is asked to go somewhere. Never a secret: the URL is useless without the listener.
    SignIn {
        /// Which login.
        login: String,
        /// Where to go.
        url: String,
        /// What to type there, in device mode.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// How long it is waited for.
        seconds: u64,
    },
    /// The run came to its end.
    End {
        /// In a sentence.
        text: String,
        /// What is not as it should be.
        findings: Vec<String>,
        /// Where the evidence is.
        evidence: String,
        /// Of the command that ran, where one did.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u8>,
    },
}
