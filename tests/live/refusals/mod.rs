//! Bad input: a clear error with what to do, the exit code of the table, and nothing lost.

mod aws;
mod cluster;
mod custodians;
mod devices;
mod disk;
mod endless;
mod file;
mod later;
mod places;
mod replica;
mod shares;
mod tls;

use crate::ceremony::{Ceremony, Run, Server};

/// Refused before `sys/init`: the server is as it was, and no custodian holds anything.
#[track_caller]
pub fn nothing_was_written(server: &Server, ceremony: &Ceremony, run: &Run) {
    assert!(
        !server.api().initialised(),
        "the server was initialised\n{run}"
    );
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new(), "{run}");
    assert!(!ceremony.keeps_secrets(), "{run}");
}

/// A fresh server in memory and a ceremony whose holders were all proved.
pub fn before() -> (Server, Ceremony) {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    (server, ceremony)
}

/// Applies and holds that it was refused with this code, these texts, and before anything was written.
#[track_caller]
pub fn refused_before(server: &Server, ceremony: &Ceremony, code: i32, texts: &[&str]) -> Run {
    let run = ceremony.apply();
    run.exits(code).says(texts).says(&["what to do:"]);
    nothing_was_written(server, ceremony, &run);
    run
}
