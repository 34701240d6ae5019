//! A secret that the server made, handed out to Secrets Manager.

use super::*;

const SECRET_ID: &str = "auth/approle/role/ci/secret-id";

#[test]
fn a_secret_gets_what_the_server_made_and_one_that_is_there_is_found_before_initialisation() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let aws = LocalStack::shared();
    ceremony.environment = aws.env();
    let name = format!("{}/ci", ceremony.prefix());
    let key = aws.kms_create_key();
    let place = json!({ "secretsmanager": { "name": name, "kms_key": key } });
    let entry: Value = json!({ "path": SECRET_ID, "data": {}, "hand_out": place });
    crate::handed_out::with_writes(&mut ceremony, &[entry]);
    aws.make_secret(&name, "precious");
    let there = format!("{SECRET_ID}: there is something at aws-secretsmanager://us-east-1/{name}");
    ceremony.apply().exits(3).says(&[&there]);
    aws.schedule_deletion(&name);
    ceremony
        .apply()
        .exits(3)
        .says(&[SECRET_ID, "is scheduled for deletion", "restore-secret"]);
    assert!(!server.api().initialised());
    aws.delete_secret(&name);
    ceremony.apply().exits(4);
    let secret_id = aws.secret(&name).expect("a secret");
    assert!(crate::handed_out::opens(&server, &secret_id));
    assert_eq!(left(&ceremony), [(name, false)]);
    // Once, and not again.
    ceremony.apply().exits(4);
    assert_eq!(left(&ceremony).len(), 1);
}
