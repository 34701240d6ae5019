//! `throwaway`: what is other where a server of one machine stands for the cluster for a while.

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::config::forms::{Address, FreeFields, Named};
use crate::config::section::{choices, section};
use crate::config::values::Fields;

section! {
    /// What `throwaway` does otherwise than `apply`, which does not look here.
    pub struct Throwaway {
        /// Auth methods whose system is not on every machine, by path: what stands there instead.
        #[schemars(with = "Named<Instead>")]
        pub auth: Vec<(String, Instead)>,
        /// First values of `kv`, for tests, by the path that `kv put` takes, such as `secret/production/stripe`.
        #[schemars(with = "Named<FreeFields>")]
        pub seed: Vec<(String, Fields)>,
    }
}

section! {
    /// What stands in the place of a system: `endpoint` or `stand_in`.
    #[schemars(extend("oneOf" = [{"required": ["endpoint"]}, {"required": ["stand_in"]}]))]
    pub struct Instead {
        /// The address of another such system, which is there.
        #[schemars(with = "Option<Address>")]
        pub endpoint: Option<Url>,
        /// `userpass`: each role becomes a user of its name with the same policies, and a random password.
        pub stand_in: Option<StandIn>,
    }
}

/// An auth method that needs no system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StandIn {
    /// Names and passwords that the server keeps itself.
    Userpass,
}

choices!(StandIn);
