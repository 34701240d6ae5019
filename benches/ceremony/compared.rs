//! What a command of break-glass costs where there is much to compare: on a cluster with 1,000 policies and 2,000 tokens,
//! against reading both of them twice.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::bare::Bare;
use crate::drill::made_of;
use crate::fixture::{self, Amount, Write1};
use crate::localstack::LocalStack;
use crate::program::Program;
use crate::server::{Installed, Server};
use crate::table::{Row, Table, best};
use crate::{Outcome, say};

const AMOUNT: Amount = Amount {
    policies: 1000,
    roles: 0,
};
const TOKENS: usize = 2000;
/// The program's own number.
const IN_FLIGHT: usize = 16;
/// Whose parameters.
const PREFIX: &str = "/bench/compared";

/// The same command before and after the cluster has grown: what it takes longer is what the growth costs.
pub(crate) async fn measure(
    program: &Program,
    installed: &Installed,
    (python, rounds): (&Path, usize),
    table: &mut Table,
) -> Outcome<()> {
    let title = &installed.title;
    let stack = LocalStack::start(python).await?;
    let server = Server::start(installed)?;
    let directory = fixture::with_parameters(&server, PREFIX)?;
    program.apply_with(directory.path(), &stack.env())?;
    let command = ["break-glass", "--reason", "bench", "--", "/bin/true"];
    let (mut small, mut large, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        say(&format!("{title}: break-glass, round {round} of {rounds}"));
        small.push(program.timed(directory.path(), &stack.env(), &command)?);
    }
    let mut client = Bare::new(&server.address())?;
    client.log_in_as("ada").await?;
    let root = made_of(&client, &stack.parameters(), (PREFIX, [0, 1])).await?;
    client.token = Some(root);
    // Those of the ceremony stay as they are: one of them is the grant.
    let mut policies = AMOUNT.policies();
    policies.truncate(AMOUNT.policies);
    client.write(&policies, IN_FLIGHT).await?;
    let token = json!({"policies": ["default"], "ttl": "24h"});
    let tokens: Vec<Write1> = (0..TOKENS)
        .map(|_| ("auth/token/create-orphan".to_owned(), token.clone()))
        .collect();
    client.write(&tokens, IN_FLIGHT).await?;
    end(&client).await?;
    for round in 1..=rounds {
        say(&format!(
            "{title}: break-glass on a large cluster, round {round} of {rounds}"
        ));
        large.push(program.timed(directory.path(), &stack.env(), &command)?);
        // Another root token that is valid meanwhile is a finding.
        client.log_in_as("ada").await?;
        let root = made_of(&client, &stack.parameters(), (PREFIX, [0, 1])).await?;
        client.token = Some(root);
        bare.push(read(&client).await? + read(&client).await?);
        end(&client).await?;
    }
    let what = format!(
        "{title}: what break-glass takes longer with 1,000 policies and 2,000 tokens, against reading them twice"
    );
    let longer = best(&large).saturating_sub(best(&small));
    table.row(Row::at_most(what, longer, best(&bare), 1.2));
    Ok(())
}

async fn end(client: &Bare) -> Outcome<()> {
    let ended = client.succeed("POST", "auth/token/revoke-self", String::new());
    ended.await.map(drop)
}

/// All policies and tokens, so many at once.
async fn read(client: &Bare) -> Outcome<Duration> {
    let begun = Instant::now();
    let policies = listed(client, "sys/policies/acl").await?;
    let policies = policies
        .iter()
        .map(|name| ("GET", format!("sys/policies/acl/{name}"), String::new()));
    let accessors = listed(client, "auth/token/accessors").await?;
    let lookups = accessors.iter().map(|accessor| {
        let body = json!({ "accessor": accessor }).to_string();
        ("POST", "auth/token/lookup-accessor".to_owned(), body)
    });
    stream::iter(policies.chain(lookups))
        .map(|(method, path, body)| async move { client.succeed(method, &path, body).await })
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(begun.elapsed())
}

async fn listed(client: &Bare, path: &str) -> Outcome<Vec<String>> {
    let answer = client.succeed("LIST", path, String::new()).await?;
    let keys = answer["data"]["keys"].as_array().ok_or("no list")?;
    Ok(keys
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect())
}
