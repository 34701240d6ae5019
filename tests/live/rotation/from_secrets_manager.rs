//! New shares where one is in AWS Secrets Manager, which keeps what was deleted for a while.

use super::*;
use crate::ceremony::killed_or_ended;
use crate::support::Sweep;

const SETUP: Setup = Setup::OpenBao272Static;

fn in_secrets_manager(server: &Server) -> (Rotation, String) {
    let carol = |ceremony: &mut Ceremony| ceremony.secretsmanager_custodian("carol");
    let rotation = Rotation::with(server, Some(carol));
    let name = format!("{}/carol", rotation.ceremony.prefix());
    (rotation, name)
}

#[test]
fn the_old_secret_is_scheduled_for_deletion_and_the_new_share_has_another_name() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let (rotation, name) = in_secrets_manager(&server);
    rotation.rotate().exits(0);
    rotation.is_done(&server, SETUP);
    let left = LocalStack::shared().secrets_under(&rotation.ceremony.prefix());
    let new = format!("{name}-g2");
    assert_eq!(left, [(name, true), (new, false)]);
}

/// Unverified shares are removed and made anew under one name, again and again.
#[test]
fn killed_at_any_request_to_secrets_manager_the_next_run_brings_it_to_its_end() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    for heard_at_even in [false, true] {
        let server = Server::in_memory();
        let (mut rotation, name) = in_secrets_manager(&server);
        let sweep = Sweep::new().heard_at_even(heard_at_even);
        let faults = Faults::new().every("secretsmanager.*", sweep.clone());
        let aws = faults.before(&LocalStack::shared().endpoint());
        let elsewhere = ("AWS_ENDPOINT_URL".into(), aws.address());
        rotation.ceremony.environment.push(elsewhere);
        let mut kills = 0;
        let last = loop {
            sweep.next_run();
            match killed_or_ended(rotation.start(), &[&aws]) {
                Some(run) => break run,
                None => kills += 1,
            }
            assert!(kills < 100, "it never comes to its end");
        };
        last.exits(0);
        assert!(kills > 6, "{kills} kills only");
        rotation.is_done(&server, SETUP);
        let left = LocalStack::shared().secrets_under(&rotation.ceremony.prefix());
        let new = format!("{name}-g2");
        assert_eq!(left, [(name, true), (new, false)]);
    }
}
