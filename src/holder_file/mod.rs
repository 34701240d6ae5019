//! The small configuration of one holder: which cluster it is and how it is reached, who keeps the shares, and a login
//! that a holder can use. It passes the check as it is, and there is no secret in it.

mod entry;
mod logins;

use std::path::Path;

use crate::config::{Aws, Config, Custodian, CustodianKind, KubernetesCustodian, SecretRef, yaml};
use crate::edge::custodians::{name_of_file, numbered};
use crate::hex::file_name;
use crate::shell::ShellCommand;

/// A name that is longer is no name of a file.
const LONGEST_NAME: usize = 200;

/// What the file of a holder is called; `None` where their name makes none.
fn name(custodian: &str) -> Option<String> {
    let encoded = file_name(custodian);
    (encoded.len() <= LONGEST_NAME).then(|| format!("holder-{encoded}.yaml"))
}

/// Name and text of the file of each holder who is a person: nothing of them is secret.
pub(crate) fn all(config: &Config, cluster_id: Option<&str>) -> Vec<(String, String)> {
    let people = config.init.custodians.iter();
    let people = people.filter(|one| one.kind.is_a_persons());
    let file = |one: &Custodian| Some((name(&one.name)?, text(config, one, cluster_id)));
    people.filter_map(file).collect()
}

/// The file of `custodian`. Without the cluster's id it serves `unseal` and `custodian prove` alone.
pub(crate) fn text(config: &Config, custodian: &Custodian, cluster_id: Option<&str>) -> String {
    let custodians = config.init.custodians.iter();
    let custodians: String = custodians.map(|one| entry::of(config, one)).collect();
    let generation = match config.init.generation {
        1 => String::new(),
        later => format!("  generation: {later}\n"),
    };
    format!(
        "{}version: 1\n\n{}\ninit:\n  shares: {}\n  threshold: {}\n{generation}  custodians:\n{custodians}\n{}\n{}",
        head(config, custodian),
        cluster(config, cluster_id),
        config.init.shares,
        config.init.threshold,
        checkpoint(config),
        logins::section(config),
    )
}

/// For whom it is, and what must be there beside it.
fn head(config: &Config, custodian: &Custodian) -> String {
    let (name, cluster) = (yaml(&custodian.name), yaml(&config.cluster.name));
    let mut beside = Vec::new();
    let mut typed = ShellCommand::default();
    let own = |file: &Path| relative(config, &name_of_file(file, config.init.generation));
    match &custodian.kind {
        CustodianKind::Age(age) => {
            beside.push(format!(
                "{}: the share, as the ceremony stored it",
                own(&age.file)
            ));
            beside.push(format!(
                "the age identity of {}: --identity FILE",
                yaml(&age.recipient)
            ));
            typed = ShellCommand::new("--identity FILE");
        }
        CustodianKind::Kubernetes(kept) => {
            beside.extend(in_kubernetes(config, kept));
            typed = ShellCommand::new("--identity FILE");
        }
        CustodianKind::Pgp(pgp) => {
            beside.push(format!(
                "{}: the share, as the ceremony stored it",
                own(&pgp.file)
            ));
            let key = relative(config, &pgp.public_key);
            beside.push(format!(
                "{key}: the public PGP key; gpg here must have the secret one"
            ));
            typed = typed.and("--custodian").with(&custodian.name);
        }
        CustodianKind::Ssm(_) | CustodianKind::SecretsManager(_) => {
            beside.push("no share: AWS credentials that may read it there".to_owned());
            typed = typed.and("--custodian").with(&custodian.name);
        }
    }
    let tls = &config.cluster.tls;
    let certificates = [
        (&tls.ca_cert, "the authority of the server's certificate"),
        (
            &tls.client_cert,
            "the client certificate that the server asks for",
        ),
        (&tls.client_key, "its key"),
    ];
    for (reference, what) in certificates {
        if let Some(SecretRef::File(file)) = reference {
            beside.push(format!("{}: {what}", relative(config, file)));
        }
    }
    let beside: String = beside.iter().map(|line| format!("#   {line}\n")).collect();
    let program = ShellCommand::new("vault-bootstrap -c")
        .with(self::name(&custodian.name).unwrap_or_default());
    let submit = program.clone().and("share submit CODE").join(&typed);
    let unseal = program.and("unseal").join(&typed);
    format!(
        "# For {name}, a holder of the cluster {cluster}: what share submit, unseal and custodian prove need on the machine\n\
         # of {name}. There is no secret in it. Paths start at this file; there must be:\n#\n{beside}#\n\
         #   {submit}\n#   {unseal}\n"
    )
}

/// What the holder of a share in a Secret needs: it is fetched from there.
fn in_kubernetes(config: &Config, kept: &KubernetesCustodian) -> Vec<String> {
    let secret = numbered(&kept.secret, config.init.generation);
    let mut beside = vec![format!("no share: a token that may get secret {secret}")];
    let files = [
        (&kept.token_file, "that token"),
        (&kept.ca_cert, "the authority of the API server"),
    ];
    for (file, what) in files {
        let file = file.as_deref().map(|file| relative(config, file));
        beside.extend(file.map(|file| format!("{file}: {what}")));
    }
    if kept.token_file.is_none() {
        beside.push(
            "outside of that cluster: api_server, ca_cert and token_file, in a line of this file"
                .to_owned(),
        );
    }
    beside.push(format!(
        "the age identity of {}: --identity FILE",
        yaml(&kept.recipient)
    ));
    beside
}

fn cluster(config: &Config, id: Option<&str>) -> String {
    let cluster = &config.cluster;
    let address = |url: &url::Url| yaml(url.as_str().trim_end_matches('/'));
    let mut text = format!("cluster:\n  name: {}\n", yaml(&cluster.name));
    text.push_str(&match id {
        Some(id) => format!(
            "  id: {} # neither share nor password goes to another one\n",
            yaml(id)
        ),
        None => "  # id: …  # not known before the ceremony; share submit needs it\n".to_owned(),
    });
    text.push_str(&format!("  address: {}\n", address(&cluster.address)));
    if !cluster.nodes.is_empty() {
        let nodes: String = cluster
            .nodes
            .iter()
            .map(|node| format!("    - {}\n", address(node)))
            .collect();
        text.push_str(&format!("  nodes:\n{nodes}"));
    }
    let tls = &cluster.tls;
    let given = [
        (
            "ca_cert",
            tls.ca_cert.as_ref().map(|one| reference(config, one)),
        ),
        ("server_name", tls.server_name.as_deref().map(yaml)),
        (
            "client_cert",
            tls.client_cert.as_ref().map(|one| reference(config, one)),
        ),
        (
            "client_key",
            tls.client_key.as_ref().map(|one| reference(config, one)),
        ),
    ];
    text.push_str(&section("tls", given));
    let plain = &cluster.plain_http;
    let given = [
        ("server_uid", plain.server_uid.map(|uid| uid.to_string())),
        ("unchecked", plain.unchecked.then(|| "true".to_owned())),
    ];
    text.push_str(&section("plain_http", given));
    text
}

/// A section of `cluster`, where any of its keys is given.
fn section<const N: usize>(name: &str, given: [(&str, Option<String>); N]) -> String {
    let lines = given
        .into_iter()
        .filter_map(|(key, value)| Some(format!("    {key}: {}\n", value?)));
    let lines: String = lines.collect();
    if lines.is_empty() {
        return lines;
    }
    format!("  {name}:\n{lines}")
}

/// A place in AWS: its name, its key and more of its own, and how AWS is reached.
fn in_aws<const N: usize>(own: [(&str, Option<String>); N], aws: &Aws) -> String {
    let aws = [
        ("region", &aws.region),
        ("profile", &aws.profile),
        ("role_arn", &aws.role_arn),
    ];
    let aws = aws.map(|(key, value)| (key, value.as_deref().map(yaml)));
    map(own.into_iter().chain(aws))
}

fn map<'k>(given: impl IntoIterator<Item = (&'k str, Option<String>)>) -> String {
    let given = given
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}: {}", value?)));
    format!("{{{}}}", given.collect::<Vec<_>>().join(", "))
}

fn reference(config: &Config, reference: &SecretRef) -> String {
    match reference {
        SecretRef::File(file) => map([("file", Some(yaml(&relative(config, file))))]),
        SecretRef::Env(name) => map([("env", Some(yaml(name)))]),
        SecretRef::Prompt(text) => map([("prompt", Some(yaml(text)))]),
        SecretRef::Ssm { parameter, aws } => map([(
            "ssm",
            Some(in_aws([("parameter", Some(yaml(parameter)))], aws)),
        )]),
    }
}

/// A path as it is from the directory of the file on, where the holder has the same names.
fn relative(config: &Config, path: &Path) -> String {
    path.strip_prefix(&config.directory)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The schema wants one. Of the ceremony's own nothing is in it.
fn checkpoint(config: &Config) -> String {
    let path = config.checkpoint.path.strip_prefix(&config.directory);
    let path = path.ok().filter(|path| path.is_relative());
    let path = path.map_or_else(
        || "checkpoint".to_owned(),
        |path| path.display().to_string(),
    );
    format!(
        "# Of this machine; its key is not asked for by what a holder does.\n\
         checkpoint: {{path: {}, key: {{passphrase: {{prompt: passphrase of the checkpoint}}}}}}\n",
        yaml(&path)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::from_text;
    use crate::examples;

    fn read(text: &str, directory: &str) -> Config {
        let read = from_text(text, Path::new("x.yaml"), Path::new(directory), &|_| None);
        read.unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    fn of(config: &Config, name: &str, id: Option<&str>) -> (String, Config) {
        let mut custodians = config.init.custodians.iter();
        let custodian = custodians.find(|one| one.name == name).unwrap();
        let text = text(config, custodian, id);
        let read = read(&text, "");
        (text, read)
    }

    #[test]
    fn the_file_of_every_holder_of_every_example_passes_the_check() {
        let whole = include_str!("../../bootstrap.example.yaml").replace(":?", ":-");
        let texts = [
            examples::MINIMAL,
            examples::USERPASS,
            examples::OIDC,
            examples::KUBERNETES,
            examples::AWS,
            examples::LDAP,
            &whole,
        ];
        for text in texts {
            let config = read(text, "");
            for custodian in &config.init.custodians {
                let (text, read) = of(&config, &custodian.name, Some("c-1"));
                assert_eq!(read.cluster.id.as_deref(), Some("c-1"));
                assert_eq!(read.cluster.address, config.cluster.address);
                assert_eq!(read.cluster.nodes, config.cluster.nodes);
                assert_eq!(read.init.threshold, config.init.threshold);
                assert_eq!(read.doors().len(), config.doors().len(), "{text}");
                assert!(
                    read.warnings.iter().all(|one| one.path == "audit"),
                    "{:?}",
                    read.warnings
                );
            }
        }
    }

    #[test]
    fn it_names_what_must_lie_beside_it_and_asks_for_what_is_secret() {
        let given = examples::MINIMAL
            .replace("# tls:", "tls:")
            .replace("threshold: 2", "threshold: 2\n  generation: 3");
        let (text, read) = of(&super::tests::read(&given, "/etc/vb"), "bob", None);
        for line in [
            "#   shares/bob.g3.age: the share, as the ceremony stored it\n",
            "#   tls/ca.pem: the authority of the server's certificate\n",
            "#   vault-bootstrap -c holder-bob.yaml share submit CODE --identity FILE\n",
            "  # id: …",
            "    ca_cert: {file: tls/ca.pem}\n",
            "password: {prompt: \"password of ada\"}",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("keys/") && read.cluster.id.is_none());
    }

    #[test]
    fn a_login_that_only_a_machine_can_use_is_left_out() {
        let text = examples::KUBERNETES.replace("logins: [ada]", "logins: [payments, ada]");
        let (_, read) = of(&super::tests::read(&text, ""), "bob", None);
        assert_eq!(read.doors().len(), 1);
        let text = examples::LDAP.replace("logins: [ada,", "logins: [ci, ada,");
        let (text, read) = of(&super::tests::read(&text, ""), "bob", None);
        assert_eq!(read.doors().len(), 2);
        let asks = "ada: {auth: ldap, username: ada, password: {prompt: \"password of ada\"}}";
        assert!(text.contains(asks), "{text}");
        let text = examples::KUBERNETES.replace("logins: [ada]", "logins: [payments]");
        let (text, _) = of(&super::tests::read(&text, ""), "bob", None);
        assert!(text.contains("none: \"only machines"), "{text}");
    }

    #[test]
    fn no_name_leads_out_of_the_directory_or_out_of_its_line() {
        assert_eq!(name("bob").unwrap(), "holder-bob.yaml");
        assert_eq!(name("../a b%").unwrap(), "holder-..%2fa%20b%25.yaml");
        assert_eq!(name(&"ä".repeat(100)), None);
        let text = examples::MINIMAL
            .replace("name: first", "name: \"a\\nversion: 2\"")
            .replace("name: bob", "name: \"b\\nx: 1\"");
        let (_, read) = of(&super::tests::read(&text, ""), "b\nx: 1", None);
        assert_eq!(read.cluster.name, "a\nversion: 2");
    }
}
