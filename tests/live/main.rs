//! Real servers, real ceremonies: the binary from outside, and what the servers say afterwards.

mod ceremony;
mod happy;
mod refusals;
mod second_run;
