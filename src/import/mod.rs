//! `import`: a configuration of a cluster that is there. It reads and writes nothing on the server; neither what shows a
//! secret when it is read, nor what makes one.

mod auth;
pub mod bank_vaults;
mod defaults;
mod factors;
mod fields;
mod file;
mod found;
mod frame;
mod out;
mod plugins;
mod reader;
mod secrets;
mod system;
mod yaml;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::code::Code;
use crate::config::{Config, Login, Problems, from_value};
use crate::edge::cluster::{certificates_of, client};
use crate::event::{Caller, Event, Imported, Outcome, Told};
use crate::failure::{Exit, Failure, Problem};
use crate::import::found::{Found, file_of};
use crate::import::frame::Head;
use crate::import::out::SAID;
use crate::import::reader::Reader;
use crate::secret::Token;
use crate::session::unavailable::Advised;
use crate::session::{Cluster, OpenLogin, Who, given};
use crate::shell::ShellCommand;
use crate::vault::{Client, Health, sys};

/// What was typed.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who reads.
    pub who: Who,
    /// Where the file goes that must not be there yet; else it is printed.
    pub out: Option<PathBuf>,
    /// How long a person is waited for who signs in, in seconds.
    pub sign_in_seconds: u64,
}

/// Where the cluster is, if no configuration says it.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Its address.
    pub address: String,
    /// PEM of the authorities to trust.
    pub ca_cert: Option<PathBuf>,
    /// The name to expect in its certificate.
    pub server_name: Option<String>,
    /// PEM of our certificate.
    pub client_cert: Option<PathBuf>,
    /// PEM of its key.
    pub client_key: Option<PathBuf>,
    /// The namespace to read.
    pub namespace: Option<String>,
}

impl Connection {
    /// As a configuration that says nothing else.
    ///
    /// # Errors
    /// The address is none that is taken.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut cluster = Map::from_iter([
            ("name".to_owned(), json!(self.name())),
            ("address".to_owned(), json!(self.address)),
        ]);
        let mut tls = Map::new();
        for (name, file) in [
            ("ca_cert", &self.ca_cert),
            ("client_cert", &self.client_cert),
            ("client_key", &self.client_key),
        ] {
            if let Some(file) = file {
                tls.insert(name.to_owned(), json!({"file": file.display().to_string()}));
            }
        }
        if let Some(name) = &self.server_name {
            tls.insert("server_name".to_owned(), json!(name));
        }
        if !tls.is_empty() {
            cluster.insert("tls".to_owned(), Value::Object(tls));
        }
        if let Some(namespace) = &self.namespace {
            cluster.insert("namespace".to_owned(), json!(namespace));
        }
        let custodian = json!({"name": "a", "age": {"recipient": "age1-of-a", "file": "a.age"}});
        let value = json!({
            "version": 1, "cluster": cluster, "checkpoint": {"path": "a", "key": {"passphrase": {"prompt": "a"}}},
            "init": {"shares": 1, "threshold": 1, "custodians": [custodian]},
            "break_glass": {"none": "it is only read"}, "revoke_root": false
        });
        from_value(&value, Path::new("bootstrap.yaml"), Path::new(""))
            .map_err(|problems| refused(&problems))
    }

    fn name(&self) -> String {
        let url = url::Url::parse(&self.address).ok();
        let host = url.and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_else(|| "imported".to_owned())
    }
}

/// What was typed stands in no file.
fn refused(problems: &Problems) -> Failure {
    let all = problems.list.iter();
    let all = all.map(|one| {
        Problem::new(one.code, format!("{}: {}", one.path, one.text))
            .advise("correct what was typed: vault-bootstrap import --help")
    });
    Failure::with(Exit::Usage, all.collect())
}

/// Reads a cluster and says it as a configuration.
///
/// # Errors
/// The cluster cannot be asked, is another one than the configuration says, the login does not open, or the file is there.
pub async fn import(
    config: &Config,
    options: &Options,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    if let Some(out) = &options.out {
        out::is_free(out)?;
    }
    let reading = Box::pin(read(config, options, caller));
    let (imported, text) = caller.unless_stopped(reading).await?;
    if let Some(out) = &options.out {
        out::write(out, &text)?;
    }
    for (kind, all) in [
        ("to be filled", &imported.to_fill),
        ("not carried over", &imported.left_out),
    ] {
        for one in all.iter().take(SAID) {
            caller.events.note(format!("{kind}: {one}"));
        }
        out::more(kind, all.len(), caller);
    }
    for one in imported.unseen.iter().take(SAID) {
        let text = format!("not seen, so that it is not known what is there: {one}");
        caller.events.warn(Code::NotSeen, text);
    }
    out::more("not seen", imported.unseen.len(), caller);
    let exit = if imported.unseen.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    };
    let file = options.out.clone();
    let text = file.is_none().then_some(text);
    let imported = Imported {
        file,
        text,
        ..imported
    };
    Ok(Outcome {
        exit,
        last: Some(Event::Imported(Box::new(imported))),
    })
}

async fn read(
    config: &Config,
    options: &Options,
    caller: Caller<'_>,
) -> Result<(Imported, String), Failure> {
    let mut failures = Vec::new();
    let mut resolved = certificates_of(config, &mut failures).await;
    Failure::check(failures)?;
    let advised = Advised {
        again: config.bare_command(ShellCommand::new("import")),
        unseal: config.unseal_command(),
    };
    let cluster = Cluster::new(
        client(config, &resolved)?,
        config.cluster.id.clone(),
        (config.cluster.timeouts.active, advised),
        caller.events,
    );
    // No token goes to a node before it has said which cluster it is of.
    let health = cluster.find_active().await?;
    let client = cluster.client();
    let login = match &options.who {
        Who::Login(name) => {
            let login = login(config, name)?;
            let known = (config, options.sign_in_seconds);
            let all = [login];
            Some(OpenLogin::first(known, &client, &all, &mut resolved, caller.events).await?)
        }
        Who::Token(_) => None,
    };
    let typed = match &options.who {
        Who::Login(_) => None,
        Who::Token(source) => Some(given(source, &client, caller).await?),
    };
    let token = login.as_ref().map(OpenLogin::token).or(typed.as_ref());
    let result = match token {
        Some(token) => Box::pin(all(config, (&client, token), &health)).await,
        None => Err(Failure::failed(Code::Unexpected, "nobody reads")),
    };
    if let Some(login) = login {
        login.end(&client, caller.events).await;
    }
    result
}

fn login<'c>(config: &'c Config, name: &str) -> Result<&'c Login, Failure> {
    config.login(name).ok_or_else(|| {
        let text = format!("{} has no login {name}", config.file.display());
        Failure::usage(Code::NameUnknown, text).advise("name one of its logins, or type a token")
    })
}

/// A file of nothing would say that there is nothing.
fn nothing_seen(client: &Client) -> Failure {
    let text = format!(
        "{} refused all that was asked (403): the token is not valid, or may read nothing; no file was written",
        client.address()
    );
    Failure::failed(Code::ServerDenied, text).advise(
        "give a token that is valid, whole and of this cluster: it may have expired, been revoked or mistyped; and whose \
         policies let it read sys/mounts, sys/auth and sys/policies/acl",
    )
}

/// All that can be read, and the file of it.
async fn all(
    config: &Config,
    (client, token): (&Client, &Token),
    health: &Health,
) -> Result<(Imported, String), Failure> {
    let reader = Reader::new(client.clone(), token);
    let mut found = Found::default();
    if config.cluster.namespace.is_none() {
        system::audit(&reader, &mut found).await?;
        plugins::read(&reader, &mut found).await?;
    }
    secrets::read(&reader, &mut found).await?;
    let accessors = auth::read(&reader, &mut found).await?;
    system::policies(&reader, &mut found, &accessors).await?;
    system::documents(&reader, &mut found).await?;
    system::identity(&reader, &mut found).await?;
    let namespace = config.cluster.namespace.as_deref().unwrap_or_default();
    factors::read(&reader, &mut found, (namespace, &accessors)).await?;
    if reader.saw_nothing() {
        return Err(nothing_seen(client));
    }
    let unseen = reader.into_unseen();
    let seal = sys::seal_status(client).await?;
    let server = format!("{} {}", health.product.name(), health.version);
    let head = Head {
        config,
        server: &server,
        cluster_id: health.cluster_id.as_deref(),
        seal: &seal,
        unseen: &unseen,
    };
    let text = file::text(&head, &mut found)?;
    let to_fill = found.to_fill.iter().map(|one| {
        let file = file_of(&one.path, &one.field);
        Told::new(&one.path, format!("{}, {file}", one.field))
    });
    let imported = Imported {
        cluster: config.cluster.name.clone(),
        address: client.address().to_owned(),
        server,
        file: None,
        entries: found.entries(),
        to_fill: to_fill.collect(),
        left_out: found.left_out,
        unseen,
        text: None,
    };
    Ok((imported, text))
}
