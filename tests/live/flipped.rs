//! One bit of what is encrypted is another one: nobody goes on with it, and it stays as it was found.

use std::path::Path;

use serde_json::json;

use crate::break_glass::rehearse;
use crate::ceremony::{Ceremony, Server, handed_over};
use crate::support::require;

/// This many places, spread over the whole file.
const PLACES: usize = 16;

/// Each copy of this file has one bit that is another one.
fn flipped(file: &Path) -> impl Iterator<Item = (usize, Vec<u8>)> + use<> {
    let bytes = std::fs::read(file).expect("a file");
    // Room that is kept for what is to come holds zeros, and nobody reads them.
    let last = bytes.iter().rposition(|&byte| byte != 0).expect("content");
    (0..PLACES).map(move |number| {
        let place = number * last / (PLACES - 1);
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        (place, bytes)
    })
}

#[test]
fn a_bit_of_the_kept_secrets_stops_the_ceremony_wherever_it_is() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let rules = ceremony.file["policies"]["operator"].clone();
    let wrong = json!({ "rules": "path \"x\" { policy = \"nope\" }" });
    ceremony.set("/policies/operator", wrong);
    ceremony.apply().exits(1);
    ceremony.set("/policies/operator", rules);
    let file = ceremony.path("checkpoint/secrets");
    let sound = std::fs::read(&file).expect("the secrets");
    for (place, bytes) in flipped(&file) {
        std::fs::write(&file, &bytes).expect("the bit");
        let run = ceremony.apply();
        assert!([1, 3].contains(&run.code), "byte {place}: {run}");
        run.shows_no_token();
        let after = std::fs::read(&file).expect("the secrets");
        assert!(after == bytes, "byte {place}: it was written to");
    }
    std::fs::write(&file, sound).expect("the secrets");
    ceremony.apply().exits(4);
}

#[test]
fn a_bit_of_a_share_makes_no_root_token_wherever_it_is() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let file = ceremony.custody().file("alice");
    let sound = std::fs::read(&file).expect("the share");
    for (place, bytes) in flipped(&file) {
        std::fs::write(&file, &bytes).expect("the bit");
        let run = rehearse(&ceremony);
        assert_ne!(run.code, 0, "byte {place}: {run}");
        run.says(&["alice"]).shows_no_token();
        let after = std::fs::read(&file).expect("the share");
        assert!(after == bytes, "byte {place}: it was written to");
    }
    std::fs::write(&file, sound).expect("the share");
    rehearse(&ceremony).exits(0);
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
}
