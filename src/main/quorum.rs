//! Dispatch of the commands around a quorum of shares.

use std::path::{Path, PathBuf};

use vault_bootstrap::break_glass::{self, event::Event as Moment};
use vault_bootstrap::cli::{
    BreakGlass, Global, LoginChoice, Quorum, Rehearse, ShareOf, Unseal, WithHolders,
};
use vault_bootstrap::config::Typed;
use vault_bootstrap::failure::{Exit, Failure};
use vault_bootstrap::interrupt::Interrupt;
use vault_bootstrap::report::Report;
use vault_bootstrap::signing;

use super::{Ended, Last, load, stoppable};

pub(super) async fn rehearse(
    global: &Global,
    typed: Rehearse,
    report: &Report,
) -> Result<Ended, Failure> {
    let mut config = load(global)?;
    let interrupt = Interrupt::default();
    let tell = |moment| report.moment(&moment);
    let options = break_glass::Options {
        holders: typed.holders.holders_elsewhere,
        ..of_a_quorum(typed.quorum)
    };
    config.typed = typed_as(&options);
    let rehearsing = break_glass::rehearse(&config, &options, (&interrupt, &tell));
    let ended = Box::pin(stoppable(&interrupt, rehearsing)).await?;
    Ok(Ended {
        exit: ended.exit,
        last: Some(Last::Moment(ended.last)),
    })
}

pub(super) async fn break_glass(
    global: &Global,
    typed: BreakGlass,
    report: &Report,
) -> Result<Ended, Failure> {
    let (quorum, finish, work) = match typed.with_holders {
        Some(WithHolders::Finish {
            encoded,
            wait,
            work,
            quorum,
        }) => (quorum, Some((encoded, wait)), work),
        Some(other) => return with_holders(global, other, report).await,
        None => (typed.quorum, None, typed.work),
    };
    let mut config = load(global)?;
    let interrupt = Interrupt::default();
    report.leave_stdout();
    let tell = |moment| report.moment(&moment);
    let command = break_glass::Command {
        argv: work.command,
        reason: typed.reason.unwrap_or_default(),
        max_age: work.max_age,
        env: work.env,
    };
    let (options, told) = (of_a_quorum(quorum), (&interrupt, &tell as &dyn Fn(Moment)));
    config.typed = Typed {
        reason: Some(command.reason.clone()).filter(|reason| !reason.is_empty()),
        env: command.env,
        works: !command.argv.is_empty(),
        ..typed_as(&options)
    };
    let breaking = async {
        match &finish {
            None => break_glass::break_glass(&config, &options, &command, told).await,
            Some((encoded, wait)) => {
                let taken_up = (encoded.as_deref(), *wait, &command);
                Box::pin(break_glass::finish(&config, &options, taken_up, told)).await
            }
        }
    };
    let ended = Box::pin(stoppable(&interrupt, breaking)).await?;
    Ok(Ended {
        exit: ended.exit,
        last: Some(Last::Moment(ended.last)),
    })
}

/// The short commands around an attempt with several holders.
async fn with_holders(
    global: &Global,
    typed: WithHolders,
    report: &Report,
) -> Result<Ended, Failure> {
    let mut config = load(global)?;
    let interrupt = Interrupt::default();
    config.typed.login = match &typed {
        WithHolders::Start { login, .. }
        | WithHolders::Progress { login }
        | WithHolders::Cancel { login, .. } => login.login.clone(),
        WithHolders::Finish { .. } => None,
    };
    let tell = |moment| report.moment(&moment);
    let told = (&interrupt, &tell as &dyn Fn(Moment));
    let working = async {
        match typed {
            WithHolders::Start { reason, login } => {
                break_glass::start(&config, &as_login(login), &reason, told).await
            }
            WithHolders::Progress { login } => {
                break_glass::progress(&config, &as_login(login), told).await
            }
            WithHolders::Cancel { nonce, login } => {
                let nonce = nonce.as_deref();
                break_glass::cancel(&config, &as_login(login), nonce, told).await
            }
            WithHolders::Finish { .. } => Err(Failure::usage("finish runs a command")),
        }
    };
    let last = Box::pin(stoppable(&interrupt, working)).await?;
    Ok(Ended {
        exit: Exit::Done,
        last: Some(Last::Moment(last)),
    })
}

pub(super) async fn submit(
    global: &Global,
    typed: ShareOf,
    report: &Report,
) -> Result<Ended, Failure> {
    let ShareOf::Submit {
        code,
        custodian,
        identity,
        login,
    } = typed;
    let mut config = load(global)?;
    let interrupt = Interrupt::default();
    let tell = |moment| report.moment(&moment);
    let options = break_glass::Options {
        identities: identity,
        ..as_login(login)
    };
    config.typed = typed_as(&options);
    let what = (code.as_str(), custodian.as_deref());
    let submitting = break_glass::submit(&config, &options, what, (&interrupt, &tell));
    let last = Box::pin(stoppable(&interrupt, submitting)).await?;
    Ok(Ended {
        exit: Exit::Done,
        last: Some(Last::Moment(last)),
    })
}

pub(super) async fn unseal(
    global: &Global,
    typed: Unseal,
    report: &Report,
) -> Result<Ended, Failure> {
    let mut config = load(global)?;
    let interrupt = Interrupt::default();
    let tell = |moment| report.moment(&moment);
    let options = break_glass::Options {
        identities: typed.identity,
        ..break_glass::Options::default()
    };
    config.typed = typed_as(&options);
    let custodian = typed.custodian.as_deref();
    let unsealing = break_glass::unseal(&config, &options, custodian, (&interrupt, &tell));
    let last = Box::pin(stoppable(&interrupt, unsealing)).await?;
    Ok(Ended {
        exit: Exit::Done,
        last: Some(Last::Moment(last)),
    })
}

/// For commands that are advised.
fn typed_as(options: &break_glass::Options) -> Typed {
    Typed {
        identities: options.identities.clone(),
        holders: options.holders,
        login: options.login.clone(),
        ..Typed::default()
    }
}

fn as_login(typed: LoginChoice) -> break_glass::Options {
    break_glass::Options {
        sign_in_seconds: typed.sign_in_timeout,
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
    file: &Path,
    key: &Path,
    signature: Option<PathBuf>,
    report: &Report,
) -> Result<(), Failure> {
    let signature = signature.unwrap_or_else(|| {
        let mut name = file.as_os_str().to_owned();
        name.push(".minisig");
        name.into()
    });
    let comment = signing::verify(file, &signature, key)?;
    let facts = serde_json::json!({"version": 1, "verified": file, "comment": comment});
    let text = format!("{} is what was signed: {comment}", file.display());
    report.result(&text, &facts);
    Ok(())
}
