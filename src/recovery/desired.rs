//! What the two files say of each other: found without asking anybody.

use crate::checkpoint::{self, Diary};
use crate::code::Code;
use crate::config::{BreakGlass, Config};
use crate::desired::grant;
use crate::failure::Failure;
use crate::shell::ShellCommand;
use crate::step::Step;
use crate::vault::Product;

/// The verb, as it is typed for these two files.
pub fn verb(old: &Config) -> ShellCommand {
    ShellCommand::new("recovery rotate --from").with(old.file.display())
}

/// Holds that the file asks for something that can be had, by a login that may.
pub(super) fn check(config: &Config, old: &Config) -> Result<(), Failure> {
    let (file, from) = (config.file.display(), old.file.display());
    let mut failures = Vec::new();
    let (before, wanted) = (old.init.generation, config.init.generation);
    if wanted <= before {
        failures.push(
            Failure::usage(Code::KeySetOther, format!(
                "{file} asks for generation {wanted} of the shares, and {from} has generation {before}"
            ))
            .advise(earlier_or_later(config, old)),
        );
    }
    if config.cluster.name != old.cluster.name || config.checkpoint.path != old.checkpoint.path {
        failures.push(
            Failure::usage(
                Code::FileContradicts,
                format!("{file} and {from} are about two clusters"),
            )
            .advise("cluster.name and checkpoint.path must be the same in both"),
        );
    }
    failures.extend(without_the_grant(config));
    Failure::check(failures)
}

/// Which of the two is the wrong one, as far as the checkpoint knows what is in effect.
fn earlier_or_later(config: &Config, old: &Config) -> String {
    let (file, before) = (config.file.display(), old.init.generation);
    let diary = checkpoint::read_diary(&config.checkpoint.path);
    let asked = diary.ok().flatten().and_then(|diary| diary.asked);
    if let Some(holds) = asked.map(|asked| asked.generation)
        && before > holds
    {
        return format!(
            "--from must be the file as it was before the rotation (generation {holds}, which is in effect by the \
             checkpoint), and -c is the one with the new generation"
        );
    }
    let write = format!("in {file}, under init, write generation: {}", before + 1);
    let whole = |config: &Config| std::fs::canonicalize(&config.file).ok();
    match (whole(config), whole(old)) {
        (Some(one), Some(other)) if one == other => format!(
            "-c and --from are the same file, and --from must be the file as it was before the rotation: copy it first \
             ({}), then {write}; then: {}",
            ShellCommand::new("cp").with(&file).and("OLD.yaml"),
            config.command("recovery rotate --from OLD.yaml")
        ),
        _ => write,
    }
}

/// `apply` writes it while root is valid; afterwards an administrator does, and needs no other run of ours to learn what.
fn how_to_grant(config: &Config) -> String {
    let diary = checkpoint::read_diary(&config.checkpoint.path);
    let handed_over = diary.ok().flatten().filter(Diary::handed_over);
    let product = handed_over.and_then(|diary| {
        let seen: String = diary.fact(Step::WaitUntilActive, "product")?;
        let mut known = [Product::OpenBao, Product::Vault].into_iter();
        known.find(|product| product.name() == seen)
    });
    match product {
        None => format!(
            "under break_glass write rotation: true, then let the grant be written: {}",
            config.command("apply")
        ),
        Some(product) => format!(
            "under break_glass write rotation: true; the cluster is handed over, so {}",
            grant::by_hand(config, product, config.cluster.address.as_str())
        ),
    }
}

fn without_the_grant(config: &Config) -> Option<Failure> {
    let file = config.file.display();
    match &config.break_glass {
        BreakGlass::Logins { rotation: true, .. } => None,
        BreakGlass::Logins { .. } => Some(
            Failure::usage(
                Code::GrantMissing,
                format!("{file} lets no login make new shares"),
            )
            .advise(how_to_grant(config)),
        ),
        BreakGlass::None { .. } => Some(
            Failure::usage(
                Code::NoLogin,
                format!("{file} has no break-glass login, and only such a one may make new shares"),
            )
            .advise("name one under break_glass.logins, with rotation: true"),
        ),
    }
}
