//! `import --from bank-vaults`: the external configuration of bank-vaults, as a configuration of ours. It asks no server, and
//! fills in no template.

mod auth;
mod document;
mod engines;
mod made;
mod page;
mod secrets;
mod sections;
mod startup;
mod template;
mod values;

use std::path::{Path, PathBuf};

use crate::code::Code;
use crate::config::{Config, Foreign, Problems, foreign, foreign_text, yaml};
use crate::event::{Caller, Converted, Event, Outcome, Placed};
use crate::failure::{Exit, Failure, Problem};
use crate::import::bank_vaults::made::Made;
use crate::import::bank_vaults::template::{Templates, is_marked};
use crate::import::file;
use crate::import::found::file_of;
use crate::import::out::{self, SAID};

/// What it is called.
const SOURCE: &str = "bank-vaults";

/// What to do about a file that is none of it.
const NAME_ANOTHER: &str =
    "name the file that bank-vaults configure takes, or the Vault resource of its operator";

/// What was typed.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file of bank-vaults.
    pub from: PathBuf,
    /// The cluster, where it was typed.
    pub cluster: Option<Config>,
    /// Where the file goes that must not be there yet; else it is printed.
    pub out: Option<PathBuf>,
}

/// Reads a file of bank-vaults and says it as a configuration.
///
/// # Errors
/// The file cannot be read or is none of bank-vaults, or there is one where ours is to go.
pub async fn convert(options: &Options, caller: Caller<'_>) -> Result<Outcome, Failure> {
    if let Some(out) = &options.out {
        out::is_free(out)?;
    }
    let typed = options.clone();
    // Of a pipe it may be waited for: elsewhere, so that signals are heard.
    let working = tokio::task::spawn_blocking(move || converted(&typed));
    let failed =
        |error| Failure::failed(Code::Unexpected, format!("cannot read the file: {error}"));
    let converted = async { working.await.map_err(failed)? };
    let (converted, text) = caller.unless_stopped(converted).await?;
    if let Some(out) = &options.out {
        out::write(out, &text)?;
    }
    for one in converted.to_fill.iter().take(SAID) {
        caller.events.note(format!("to be filled: {one}"));
    }
    out::more("to be filled", converted.to_fill.len(), caller);
    for one in converted.left_out.iter().take(SAID) {
        let text = format!("not carried over: {one}");
        caller.events.warn(Code::NotCarriedOver, text);
    }
    out::more("not carried over", converted.left_out.len(), caller);
    let exit = if converted.left_out.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    };
    let text = options.out.is_none().then_some(text);
    let converted = Converted { text, ..converted };
    Ok(Outcome {
        exit,
        last: Some(Event::Converted(Box::new(converted))),
    })
}

fn converted(options: &Options) -> Result<(Converted, String), Failure> {
    let name = &options.from;
    let text = foreign_text(name).map_err(|problems| {
        let why = problems.list.first();
        let why = why.map(|why| (why.code, why.text.as_str()));
        let (code, why) = why.unwrap_or((Code::FileFailed, "cannot be read"));
        Failure::usage(code, format!("{}: {why}", name.display())).advise(NAME_ANOTHER)
    })?;
    let (converted, text) = of_text(&text, name, options.cluster.as_ref())?;
    let file = options.out.clone();
    Ok((Converted { file, ..converted }, text))
}

/// The same of a text.
fn of_text(
    text: &str,
    name: &Path,
    cluster: Option<&Config>,
) -> Result<(Converted, String), Failure> {
    // Editors of another system begin a file with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (text, others) = document::one_of(text).map_err(|line| {
        let text = format!("{}:{line}: a second document starts here, and nobody knows which one is meant", name.display());
        Failure::usage(Code::FileNotYaml, text)
            .advise("give each in a file of its own; of several, a resource of kind Vault is taken if it is the only one")
    })?;
    let (text, templates) = Templates::put_aside(&text).map_err(|(line, why)| {
        Failure::usage(
            Code::FileNotYaml,
            format!("{}:{line}: {why}", name.display()),
        )
        .advise("give the file as it is once that template is filled in")
    })?;
    if document::is_empty(&text) {
        let text = format!("{} has nothing in it", name.display());
        return Err(Failure::usage(Code::InputWrong, text).advise(NAME_ANOTHER));
    }
    let root = foreign(&text, name).map_err(|problems| unread(&problems))?;
    let Some((found, beside)) = document::within(&root) else {
        let text = format!(
            "{} has no external configuration of bank-vaults: none of its sections stands in it, nor below externalConfig or \
             spec.externalConfig",
            name.display()
        );
        return Err(Failure::usage(Code::InputWrong, text).advise(NAME_ANOTHER));
    };
    let mut made = Made::new(templates);
    for line in others {
        made.leave(
            line,
            "a document",
            "another one of the file is the resource of kind Vault",
        );
    }
    for (line, place, why) in beside {
        made.leave(line, place, why);
    }
    sections_of(&mut made, found);
    let variables = made.variables.clone();
    let env = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let body = file::body(&mut made.found, &env)?;
    for one in std::mem::take(&mut made.found.left_out) {
        let line = made.line_of(&one.path);
        made.leave(line, one.path, one.why);
    }
    made.left.sort();
    made.left.dedup();
    finished(made, &body, (name, cluster))
}

fn finished(
    made: Made,
    body: &str,
    (name, cluster): (&Path, Option<&Config>),
) -> Result<(Converted, String), Failure> {
    let mut to_fill: Vec<Placed> = Vec::new();
    for one in &made.found.to_fill {
        let file = file_of(&one.path, &one.field);
        // What it belonged to may have been left out.
        if body.contains(&format!("file: {}}}", yaml(&file))) {
            let key = (one.path.clone(), one.field.clone());
            to_fill.push(Placed {
                line: made.secret_lines.get(&key).copied().unwrap_or_default(),
                path: one.path.clone(),
                what: format!("{}, {file}", one.field),
            });
        }
    }
    to_fill.sort();
    to_fill.dedup();
    let converted = Converted {
        from: SOURCE.to_owned(),
        source: name.to_owned(),
        file: None,
        entries: made.found.entries(),
        to_fill,
        left_out: made.left,
        text: None,
    };
    let text = page::text(&converted, body, cluster);
    if is_marked(&text) {
        return Err(Failure::failed(
            Code::Unexpected,
            "a template was not said in any way",
        ));
    }
    Ok((converted, text))
}

fn sections_of(made: &mut Made, found: &Foreign) {
    made.only(found, "the configuration", &document::SECTIONS);
    let section = |name: &str| found.get(name);
    let methods = section("auth").map(auth::paths).unwrap_or_default();
    let engines = section("secrets")
        .map(engines::versions)
        .unwrap_or_default();
    if let Some(found) = section("audit") {
        sections::audit(made, found);
    }
    if let Some(found) = section("plugins") {
        sections::plugins(made, found);
    }
    if let Some(found) = section("secrets") {
        engines::read(made, found);
    }
    if let Some(found) = section("auth") {
        auth::read(made, found);
    }
    if let Some(found) = section("policies") {
        sections::policies(made, found, &methods);
    }
    if let Some(found) = section("groups") {
        sections::groups(made, found);
    }
    if let Some(found) = section("group-aliases") {
        sections::aliases(made, found, &methods);
    }
    if let Some(found) = section("startupSecrets") {
        startup::read(made, found, &engines);
    }
    if let Some(found) = section("purgeUnmanagedConfig") {
        sections::purge(made, found);
    }
}

/// All that is wrong with the file.
fn unread(problems: &Problems) -> Failure {
    let located =
        |problem: &crate::config::Problem| Problem::new(problem.code, problems.located(problem));
    let mut list: Vec<_> = problems.list.iter().map(located).collect();
    if let Some(last) = list.last_mut() {
        last.advice =
            Some("correct the lines above, or name another file; no server was asked".to_owned());
    }
    Failure::with(Exit::Usage, list)
}

#[cfg(test)]
mod tests;
