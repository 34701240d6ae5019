//! From what was typed to the import of a cluster.

use crate::cli::{Global, Import, OutputForm, Source};
use crate::code::Code;
use crate::edge::token::TokenSource;
use crate::event::{Caller, Outcome};
use crate::failure::Failure;
use crate::import::{self, Connection, Options, bank_vaults};
use crate::session::Who;

pub(super) async fn import(
    global: &Global,
    typed: Import,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    if global.output == OutputForm::Json && typed.out.is_none() {
        return Err(Failure::usage(
            Code::InputWrong,
            "--output json tells what was found, and the configuration is no JSON",
        )
        .advise("name the file that it goes to: -o FILE"));
    }
    let connection = typed.address.map(|address| Connection {
        address,
        ca_cert: typed.ca_cert,
        server_name: typed.server_name,
        client_cert: typed.client_cert,
        client_key: typed.client_key,
        namespace: typed.namespace,
    });
    let connected = connection.as_ref().map(Connection::config).transpose()?;
    if let (Some(Source::BankVaults), Some(from)) = (typed.from, typed.source) {
        let options = bank_vaults::Options {
            from,
            cluster: connected,
            out: typed.out,
        };
        return bank_vaults::convert(&options, caller).await;
    }
    let config = match connected {
        Some(config) => config,
        None => super::load(global, caller).await.map_err(no_address)?,
    };
    let who = match (typed.login, typed.token_file) {
        (Some(name), _) => Who::Login(name),
        (None, Some(file)) => Who::Token(TokenSource::File(file)),
        (None, None) => Who::Token(TokenSource::Asked),
    };
    let options = Options {
        who,
        out: typed.out,
        sign_in_seconds: typed.sign_in.sign_in_timeout,
    };
    import::import(&config, &options, caller).await
}

/// Who has no configuration yet names the address.
fn no_address(failure: Failure) -> Failure {
    match failure.code() {
        Code::FileFailed => failure
            .advise("say where the cluster is: vault-bootstrap import --address https://vault.internal:8200"),
        _ => failure,
    }
}
