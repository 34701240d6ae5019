//! What `rehearse` and `break-glass` tell while they run: plain data, rendered by `report`.

use serde::Serialize;

pub use crate::root_generation::Invitation;

/// Version of these events, one a line with `--output json`.
pub const VERSION: u32 = 1;

/// A node and its Shamir seal.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// As the file has it.
    pub address: String,
    /// Whether it is sealed still.
    pub sealed: bool,
    /// Shares that it has towards the next unsealing.
    pub given: u32,
    /// Shares that it needs.
    pub required: u32,
}

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
    /// An attempt waits for its holders.
    Started {
        /// What they are told.
        code: String,
        /// The end of it, to be compared by telephone.
        spoken: String,
        /// The cluster's id, which stands in every holder's own file.
        cluster_id: String,
        /// How many shares it needs.
        required: u32,
    },
    /// An attempt of this run waits for holders elsewhere.
    Holders(Invitation),
    /// How far the attempt of the server is.
    Progress {
        /// Whether there is one.
        started: bool,
        /// Shares that it has.
        given: u32,
        /// Shares that it needs.
        required: u32,
        /// Names it.
        nonce: String,
    },
    /// The attempt that was started here is ended.
    Cancelled {},
    /// A share counts.
    Given {
        /// Whose.
        custodian: String,
        /// Shares that the attempt has now.
        given: u32,
        /// Shares that it needs.
        required: u32,
    },
    /// A share was the last one.
    Complete {
        /// Whose.
        custodian: String,
        /// The token under the starter's pad, of no use to anybody else.
        encoded: String,
    },
    /// A share was given to the nodes that were sealed.
    Unsealed {
        /// Each listed node now.
        nodes: Vec<Node>,
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
