//! `break_glass`: emergency access.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::section::{At, Read, choices};

/// Emergency access.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum BreakGlass {
    /// The logins that get the grant to make a new root token with a quorum of shares.
    Logins {
        /// Names of `logins`; two on different auth methods are advised.
        #[serde(rename = "logins")]
        #[schemars(length(min = 1))]
        names: Vec<String>,
        /// When a root token is made of the shares as the custodians keep them: `before-revoke`, while root still lives,
        /// or `later`, which is a finding until then.
        #[schemars(with = "Option<Drill>")]
        drill: Drill,
        /// All of them may hang on one auth method: with that down, nobody gets in. A finding otherwise.
        #[schemars(with = "Option<bool>")]
        accept_one_auth_method: bool,
        /// Names of `logins` that may change policies, roles or identities, and so give themselves whatever they want. A
        /// finding otherwise.
        #[schemars(with = "Option<Vec<String>>")]
        accept_admins: Vec<String>,
        /// Lets these logins make new shares as well, together with a quorum of the old ones: for `recovery rotate`.
        #[schemars(with = "Option<bool>")]
        rotation: bool,
    },
    /// No emergency access, on purpose.
    None {
        /// Why; it stands in the report.
        #[serde(rename = "none")]
        #[schemars(length(min = 1))]
        reason: String,
    },
}

impl Read for BreakGlass {
    fn read(at: At) -> Option<Self> {
        if let Some(reason) = at.key("none")? {
            return Some(Self::None { reason });
        }
        Some(Self::Logins {
            names: at.key("logins")?,
            drill: at.key_or("drill", || Some(Drill::BeforeRevoke))?,
            accept_one_auth_method: at.key("accept_one_auth_method")?,
            accept_admins: at.key("accept_admins")?,
            rotation: at.key("rotation")?,
        })
    }
}

/// When the drill happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Drill {
    // While root still lives: root does not go before it passed.
    BeforeRevoke,
    // Not by `apply`: a finding.
    Later,
}

choices!(Drill);
