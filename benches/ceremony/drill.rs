//! The drill with custodians in the parameter store, against nothing but its requests; and a whole rehearsal.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bare::Bare;
use crate::fixture;
use crate::localstack::LocalStack;
use crate::program::Program;
use crate::server::{Installed, Server};
use crate::table::{Row, Table, best};
use crate::{Outcome, say};

/// The quorums of three shares of which two open: each share is in one.
const QUORUMS: [[usize; 2]; 2] = [[0, 1], [0, 2]];

/// Each round on a fresh server: `apply` with its drill, the bare requests of one, and `rehearse`.
pub(crate) async fn measure(
    program: &Program,
    installed: &Installed,
    (python, rounds): (&Path, usize),
    table: &mut Table,
) -> Outcome<()> {
    let title = &installed.title;
    let stack = LocalStack::start(python).await?;
    let parameters = stack.parameters();
    let (mut ours, mut bare, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        say(&format!("{title}: the drill, round {round} of {rounds}"));
        let server = Server::start(installed)?;
        let prefix = format!("/bench/{round}");
        let directory = fixture::with_parameters(&server, &prefix)?;
        let run = program.apply_with(directory.path(), &stack.env())?;
        ours.push(run.of(&["drill"]));
        bare.push(requests(&server, &parameters, &prefix).await?);
        whole.push(program.rehearse(directory.path(), &stack.env())?);
    }
    let what = format!("{title}: the drill of apply, two quorums, ssm custodians");
    table.row(Row::at_most(what, best(&ours), best(&bare), 1.3));
    let milliseconds = best(&whole).as_secs_f64() * 1000.0;
    table.row(Row::below(
        "rehearse, from start to end",
        milliseconds,
        3000.0,
        "ms",
    ));
    Ok(())
}

/// What a drill cannot do without: shares, attempt, look, scan, end.
async fn requests(
    server: &Server,
    parameters: &aws_sdk_ssm::Client,
    prefix: &str,
) -> Outcome<Duration> {
    let mut client = Bare::new(&server.address())?;
    let begun = Instant::now();
    let rules = client
        .send("GET", "/v1/sys/generate-root/attempt", None, String::new())
        .await?;
    client.log_in_as("ada").await?;
    client
        .succeed("GET", "sys/generate-root-token/attempt", String::new())
        .await?;
    let login = client.token.clone();
    for quorum in QUORUMS {
        client.token.clone_from(&login);
        let root = made_of(&client, parameters, (prefix, quorum)).await?;
        client.token = Some(root);
        looked_at_and_ended(&client).await?;
    }
    client.token = login;
    client
        .succeed("POST", "auth/token/revoke-self", String::new())
        .await?;
    let took = begun.elapsed();
    if rules.0 != 405 {
        return Err(format!("sys/generate-root was answered with {}", rules.0).into());
    }
    Ok(took)
}

/// A root token of these shares.
pub(crate) async fn made_of(
    client: &Bare,
    parameters: &aws_sdk_ssm::Client,
    (prefix, quorum): (&str, [usize; 2]),
) -> Outcome<String> {
    let attempt = "sys/generate-root-token/attempt";
    let status = client.succeed("GET", attempt, String::new()).await?;
    let length = status["data"]["otp_length"].as_u64().ok_or("no length")?;
    let otp = "0".repeat(usize::try_from(length)?);
    let start = json!({ "otp": otp }).to_string();
    let started = client.succeed("POST", attempt, start).await?;
    let nonce = &started["data"]["nonce"];
    let mut root = None;
    for place in quorum {
        let name = format!("{prefix}/{place}");
        let asked = parameters.get_parameter().name(name).with_decryption(true);
        let found = asked.send().await?;
        let share = found
            .parameter()
            .and_then(|one| one.value())
            .ok_or("no share")?;
        let body = json!({ "nonce": nonce, "key": fixture::as_hex(share)? }).to_string();
        let given = client
            .succeed("POST", "sys/generate-root-token/update", body)
            .await?;
        let encoded = given["data"]["encoded_token"].as_str();
        root = encoded
            .map(|text| fixture::decoded(text, &otp))
            .transpose()?
            .or(root);
    }
    root.ok_or_else(|| "no token".into())
}

async fn looked_at_and_ended(client: &Bare) -> Outcome<()> {
    let own = "auth/token/lookup-self";
    client.succeed("GET", own, String::new()).await?;
    let accessors = client
        .succeed("LIST", "auth/token/accessors", String::new())
        .await?;
    for accessor in accessors["data"]["keys"].as_array().ok_or("no accessors")? {
        let body = json!({ "accessor": accessor }).to_string();
        client
            .succeed("POST", "auth/token/lookup-accessor", body)
            .await?;
    }
    client
        .succeed("POST", "auth/token/revoke-self", String::new())
        .await?;
    let token = client.token.as_deref();
    client
        .send("GET", &format!("/v1/{own}"), token, String::new())
        .await?;
    client
        .send("GET", "/v1/sys/health", None, String::new())
        .await?;
    Ok(())
}
