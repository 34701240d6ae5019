//! What a ceremony is made of in a test: a fresh directory with its `bootstrap.yaml`, identities and
//! passwords, the tool itself, and a look at what the server says afterwards.

mod api;
mod audit;
mod custody;
mod file;
mod proxy;
mod run;
mod server;

pub use custody::{looks_like_a_share, root_from_shares};
pub use file::{Ceremony, OPERATOR};
pub use proxy::{Fate, Proxy};
pub use run::Run;
pub use server::{Server, builder, declared};
