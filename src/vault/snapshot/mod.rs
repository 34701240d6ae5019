//! What a server has by which somebody gets in or may do something, as far as it can be listed: read twice, it shows what
//! changed in between. Of each document it holds a digest and nothing else: whatever one says, a key that the server reads
//! out included, is not in it.
//!
//! What could not be looked at stands beside it, and is never taken for the same or for gone.

mod auth_methods;
mod contents;
mod difference;
mod identity;
mod item;
mod reader;
mod undo;

pub use contents::take;
pub use difference::{Change, Difference, differences};
pub use item::{Item, Kind, Snapshot, Unseen};
