//! What an operator would do by hand: initialise, unseal, and wait for a server to find its place.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::process::eventually;
use super::vault_config::Seal;
use super::vault_server::VaultServer;

const ELECTION: Duration = Duration::from_secs(60);

/// What initialising by hand gave.
#[derive(Debug, Clone)]
pub struct Initialised {
    /// The first root token.
    pub root_token: String,
    /// The unseal keys or recovery keys, base64; three, of which two suffice.
    pub shares: Vec<String>,
}

impl VaultServer {
    /// Initialises with three shares, two of which suffice, and waits until the server works.
    pub fn init_by_hand(&self) -> Initialised {
        let shamir = self.builder.seal == Seal::Shamir;
        let kind = if shamir { "secret" } else { "recovery" };
        let body = json!({ format!("{kind}_shares"): 3, format!("{kind}_threshold"): 2 });
        let answer = self.must_put("sys/init", None, body);
        let shares = if shamir {
            &answer["keys_base64"]
        } else {
            &answer["recovery_keys_base64"]
        };
        let initialised = Initialised {
            root_token: answer["root_token"]
                .as_str()
                .expect("a root token")
                .to_owned(),
            shares: strings(shares),
        };
        if shamir {
            self.unseal_by_hand(&initialised.shares[..2]);
        }
        self.wait_active();
        initialised
    }

    /// Hands in key shares, base64, until the server is open.
    pub fn unseal_by_hand(&self, shares: &[String]) {
        for share in shares {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(share)
                .expect("base64");
            let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            self.must_put("sys/unseal", None, json!({ "key": hexadecimal }));
        }
        assert!(!self.is_sealed(), "still sealed");
    }

    /// Whether the server is sealed; an uninitialised one is.
    pub fn is_sealed(&self) -> bool {
        self.get("sys/seal-status", None).1["sealed"] == true
    }

    /// Waits until this node is the active one.
    #[track_caller]
    pub fn wait_active(&self) {
        let active = || self.get("sys/health", None).0 == 200;
        assert!(
            eventually(ELECTION, active),
            "never active:\n{}",
            self.log()
        );
    }

    /// Waits until this node follows the active one.
    #[track_caller]
    pub fn wait_standby(&self) {
        let standby = || {
            let (status, leader) = self.get("sys/leader", None);
            let known = leader["leader_address"]
                .as_str()
                .is_some_and(|address| !address.is_empty());
            status == 200 && known && leader["is_self"] == false && !self.is_sealed()
        };
        assert!(
            eventually(ELECTION, standby),
            "never a standby:\n{}",
            self.log()
        );
    }

    /// Waits until the cluster has this many voters, and makes that soon: by default a new member has no vote for
    /// its first ten seconds, and without a majority of voters nobody takes over.
    #[track_caller]
    pub fn wait_voters(&self, token: &str, number: usize) {
        let soon = json!({ "server_stabilization_time": "1s" });
        self.must_put("sys/storage/raft/autopilot/configuration", token, soon);
        let voters = || {
            let (_, raft) = self.get("sys/storage/raft/configuration", token);
            let members = raft["data"]["config"]["servers"].as_array();
            let votes = |members: &Vec<Value>| {
                members
                    .iter()
                    .filter(|member| member["voter"] == true)
                    .count()
            };
            members.is_some_and(|members| votes(members) == number)
        };
        assert!(
            eventually(ELECTION, voters),
            "never {number} voters:\n{}",
            self.log()
        );
    }
}

fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().expect("a list").iter();
    items
        .map(|item| item.as_str().expect("a string").to_owned())
        .collect()
}
