//! Whatever is read from outside may be anything: no panic, no memory without bound, no hang.
//!
//! Each test takes true texts, damages them in several places, and also makes up some of its own. Seconds among the
//! other tests; `make fuzz` gives each of them `FUZZ_SECONDS`. A case that failed once is kept in `saved/` and is
//! tried first from then on.

#![allow(
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout
)]

mod checkpoint;
mod config;
mod custodian;
mod feed;
mod responder;
mod server;
