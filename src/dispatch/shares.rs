//! Dispatch of the commands around a quorum of shares.

use std::path::{Path, PathBuf};

use super::load;
use crate::break_glass;
use crate::cli::{
    BreakGlass, Global, LoginChoice, OwnShare, Quorum, Rehearse, ShareOf, WithHolders,
};
use crate::code::Code;
use crate::config::Typed;
use crate::event::{Caller, Event, Outcome, Verified};
use crate::evidence::signing;
use crate::evidence::verification::{self, SignedRun};
use crate::failure::{Exit, Failure};
use crate::report::Report;

pub(super) async fn rehearse(
    global: &Global,
    typed: Rehearse,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let mut config = load(global, caller).await?;
    let options = break_glass::Options {
        holders: typed.holders.holders_elsewhere,
        ..of_a_quorum(typed.quorum)
    };
    config.typed = typed_as(&options);
    break_glass::rehearse(&config, &options, caller).await
}

pub(super) async fn break_glass(
    global: &Global,
    typed: BreakGlass,
    (report, caller): (&Report, Caller<'_>),
) -> Result<Outcome, Failure> {
    let (quorum, finish, work) = match typed.with_holders {
        Some(WithHolders::Finish {
            encoded,
            wait,
            work,
            quorum,
        }) => (quorum, Some((encoded, wait)), work),
        Some(other) => return with_holders(global, other, caller).await,
        None => (typed.quorum, None, typed.work),
    };
    let mut config = load(global, caller).await?;
    report.leave_stdout();
    let command = break_glass::Command {
        argv: work.command,
        reason: typed.reason.unwrap_or_default(),
        max_age: work.max_age,
        env: work.env,
        expect: work.expect,
    };
    let options = of_a_quorum(quorum);
    config.typed = Typed {
        reason: Some(command.reason.clone()).filter(|reason| !reason.is_empty()),
        env: command.env,
        expect: command.expect.clone(),
        works: !command.argv.is_empty(),
        ..typed_as(&options)
    };
    match &finish {
        None => break_glass::break_glass(&config, &options, &command, caller).await,
        Some((encoded, wait)) => {
            let taken_up = (encoded.as_deref(), *wait, &command);
            break_glass::finish(&config, &options, taken_up, caller).await
        }
    }
}

/// The short commands around an attempt with several holders.
async fn with_holders(
    global: &Global,
    typed: WithHolders,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let mut config = load(global, caller).await?;
    config.typed.login = match &typed {
        WithHolders::Start { login, .. }
        | WithHolders::Progress { login }
        | WithHolders::Cancel { login, .. } => login.login.clone(),
        WithHolders::Finish { .. } => None,
    };
    let last = match typed {
        WithHolders::Start { reason, login } => {
            break_glass::start(&config, &as_login(login), &reason, caller).await
        }
        WithHolders::Progress { login } => {
            break_glass::progress(&config, &as_login(login), caller).await
        }
        WithHolders::Cancel { nonce, login } => {
            let nonce = nonce.as_deref();
            break_glass::cancel(&config, &as_login(login), nonce, caller).await
        }
        WithHolders::Finish { .. } => {
            Err(Failure::usage(Code::InputWrong, "finish runs a command"))
        }
    };
    Ok(Outcome::done(last?))
}

pub(super) async fn submit(
    global: &Global,
    typed: ShareOf,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let ShareOf::Submit {
        code,
        share,
        yes,
        login,
    } = typed;
    let mut config = load(global, caller).await?;
    let options = break_glass::Options {
        identities: share.identity,
        yes,
        ..as_login(login)
    };
    config.typed = typed_as(&options);
    let what = (code.as_str(), share.custodian.as_deref());
    let done = break_glass::submit(&config, &options, what, caller);
    Ok(Outcome::done(done.await?))
}

pub(super) async fn unseal(
    global: &Global,
    typed: OwnShare,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let mut config = load(global, caller).await?;
    let options = break_glass::Options {
        identities: typed.identity,
        ..break_glass::Options::default()
    };
    config.typed = typed_as(&options);
    let custodian = typed.custodian.as_deref();
    let done = break_glass::unseal(&config, &options, custodian, caller);
    Ok(Outcome::done(caller.unless_stopped(done).await?))
}

/// For commands that are advised.
fn typed_as(options: &break_glass::Options) -> Typed {
    Typed {
        identities: options.identities.clone(),
        holders: options.holders,
        login: options.login.clone(),
        sign_key: options.sign_key.clone(),
        ..Typed::default()
    }
}

fn as_login(typed: LoginChoice) -> break_glass::Options {
    break_glass::Options {
        sign_in_seconds: typed.sign_in.sign_in_timeout,
        login: typed.login,
        ..break_glass::Options::default()
    }
}

fn of_a_quorum(typed: Quorum) -> break_glass::Options {
    break_glass::Options {
        identities: typed.identity,
        sign_key: typed.sign_key,
        without: typed.without,
        ..as_login(typed.login)
    }
}

pub(super) fn verify(
    file: PathBuf,
    key: &Path,
    signature: Option<PathBuf>,
) -> Result<Outcome, Failure> {
    let signature = signature.unwrap_or_else(|| {
        let mut name = file.as_os_str().to_owned();
        name.push(".minisig");
        name.into()
    });
    let (text, comment) = signing::verify(&file, &signature, key)?;
    let SignedRun {
        kind,
        cluster,
        began,
        ended,
        findings,
    } = verification::signed_run(&file, &text, &comment)?;
    let exit = Exit::of_findings(&findings);
    let last = Some(Event::Verified(Verified {
        file,
        comment,
        kind,
        cluster,
        began,
        ended,
        findings,
    }));
    Ok(Outcome { exit, last })
}
