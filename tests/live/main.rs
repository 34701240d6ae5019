//! Real servers, real ceremonies: the binary from outside, and what the servers say afterwards.

mod ceremony;
mod doors;
mod happy;
mod killed;
mod output;
mod refusals;
mod second_run;
mod servers;
mod support;
