//! The real servers that tests run against, the program under test, and the means to disturb them.
//!
//! Nothing here knows the library: tests meet the program as an operator does. Nothing here installs anything
//! either; `tests/servers/install` does, and a test whose component is missing passes and is named at the end of
//! the run, unless `REQUIRE_ALL=1` is set.

// Each piece serves some of the tests only.
#![allow(dead_code, unused_imports)]

mod browser;
mod bucket;
mod by_hand;
mod canaries;
mod certificates;
mod component;
mod directory;
mod disk;
mod dump;
mod endless;
mod faults;
mod gpg;
mod http;
mod kubernetes;
mod listening;
mod localstack;
mod openid;
mod process;
mod proxy;
mod round_robin;
mod scratch;
mod screen;
mod secrets;
mod skipped;
mod spellings;
mod squatter;
mod sweep;
mod terminal;
mod tls_front;
mod tool;
mod users;
mod vault_config;
mod vault_server;

pub use bucket::Bucket;
pub use by_hand::Initialised;
pub use canaries::{Canaries, Find, Search};
pub use certificates::{Authority, Certificate};
pub use component::{available, component};
pub use directory::Directory;
pub use disk::Disk;
pub use dump::{Dump, cannot_dump};
pub use endless::Endless;
pub use faults::{Faults, Gate, fits};
pub use gpg::Gpg;
pub use http::{Answer, HttpClient};
pub use kubernetes::Kubernetes;
pub use localstack::LocalStack;
pub use openid::{Account, OpenIdProvider};
pub use process::{Process, eventually, free_port, is_gone, is_listening};
pub use proxy::{Action, Change, Proxy, RequestInfo};
pub use round_robin::RoundRobin;
pub use scratch::{Scratch, copy_below};
pub use screen::seen;
pub use skipped::skip;
pub use squatter::Squatter;
pub use sweep::Sweep;
pub use terminal::Terminal;
pub use tls_front::TlsFront;
pub use tool::{Running, Tool, ToolResult};
pub(crate) use users::require_root;
pub use users::{
    OPERATOR, OTHER, as_user, directory_of, give, give_all, is_root, named_pipe, set_mode,
    through_user,
};
pub use vault_config::{DeclaredAudit, Seal, ServerBuilder, Setup, Tls};
pub use vault_server::VaultServer;

/// Leaves the test, saying why, where one of the listed components is not installed.
macro_rules! require {
    ($components:expr) => {
        if !$crate::support::available(&$components) {
            return;
        }
    };
}
pub(crate) use require;
