//! Real servers, real ceremonies: the binary from outside, and what the servers say afterwards.

#![allow(
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod abandon;
mod accepted;
mod accessors;
mod acts;
mod addresses;
mod after_hand_over;
mod audit_elsewhere;
mod auditor;
mod badly;
mod break_glass;
mod ceremony;
mod certificates;
mod desktop;
mod diagnoses;
mod directories;
mod doors;
mod drill;
mod end_of_root;
mod events;
mod faults;
mod first_file;
mod flipped;
mod forgotten;
mod found_before;
mod handed_out;
mod happy;
mod holder_file;
mod hostile;
mod identity;
mod import;
mod in_secrets;
mod initialisation;
mod interrupted;
mod killed;
mod leader;
mod looked_from;
mod looking;
mod made_by_servers;
mod many_files;
mod memory;
mod moving;
mod mutations;
mod named_only;
mod namespaces;
mod nodes;
mod not_as_ours;
mod old_forms;
mod others;
mod output;
mod pages;
mod panicked;
mod passphrase;
mod pgp;
mod plan_files;
mod planned;
mod plugins;
mod profiles;
mod proxied;
mod pruned;
mod quiet;
mod random_edits;
mod references;
mod refusals;
mod remembered;
mod replica;
mod reported;
mod rotation;
mod second_run;
mod secrets_manager;
mod sections;
mod servers;
mod several_servers;
mod shares_looked_at;
mod signing_in;
mod squatters;
mod support;
mod surface;
mod taken_over;
mod terminal;
mod throwaway;
mod truthful;
mod two_phase;
mod unmanaged;
