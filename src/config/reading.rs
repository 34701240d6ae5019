//! From the checked document to the types of [`super::model`], section by section and entry by entry.
//!
//! What has a problem already is left out here, so that the rest still gets its own problems reported.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use url::Url;

use super::model::{
    AuditDevice, AuthMount, Aws, BreakGlass, Capability, Checkpoint, CheckpointKey, Cluster,
    Custodian, CustodianKind, Field, Fields, Init, Policy, PolicySource, Seal, SecretRef,
    SecretsEngine, Timeouts, Tls, Write,
};
use super::problem::Problem;
use super::scalar;
use super::shape;
use super::tree::{Kind, Node, shown, step};

/// Longest file of a policy, in bytes.
const LONGEST_POLICY: u64 = 1 << 20;

/// The document on its way to the model.
pub(super) struct Reading<'a> {
    pub(super) root: &'a Node,
    /// Where relative paths start.
    directory: &'a Path,
    /// Places with a problem of shape, which are not read.
    broken: Vec<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(root: &'a Node, directory: &'a Path, problems: Vec<Problem>) -> Self {
        let broken = problems
            .iter()
            .map(|problem| problem.path.clone())
            .collect();
        Self {
            root,
            directory,
            broken,
            problems,
            warnings: Vec::new(),
        }
    }

    /// Adds a problem at `path`.
    pub(super) fn refuse(&mut self, path: &[&str], text: impl Into<String>) {
        let problem = self.located(path, text.into());
        self.problems.push(problem);
    }

    /// Adds a warning at `path`.
    pub(super) fn warn(&mut self, path: &[&str], text: impl Into<String>) {
        let problem = self.located(path, text.into());
        self.warnings.push(problem);
    }

    fn located(&self, path: &[&str], text: String) -> Problem {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let (line, column) = self.root.place(&path);
        Problem {
            line,
            column,
            path: shown(&path),
            text,
        }
    }

    /// True when nothing at or below `path` has a problem of shape.
    pub(super) fn sound(&self, path: &[&str]) -> bool {
        let path = shown(
            &path
                .iter()
                .map(|step| (*step).to_owned())
                .collect::<Vec<_>>(),
        );
        !self.broken.iter().any(|broken| {
            broken
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// The value at `path`, where it exists and is sound.
    fn node(&self, path: &[&str]) -> Option<&'a Node> {
        let mut node = self.root;
        for step in path {
            node = node.get(step)?;
        }
        self.sound(path).then_some(node)
    }

    /// The value at `path` as a `T`.
    pub(super) fn typed<T: DeserializeOwned>(&mut self, path: &[&str]) -> Option<T> {
        let node = self.node(path)?;
        match serde_json::from_value(node.value()) {
            Ok(value) => Some(value),
            Err(_) => {
                // The schema and the type come from one source, so only a number out of range ends here.
                self.refuse(path, "a value here is out of range");
                None
            }
        }
    }

    /// The sound entries of a section, with their names.
    pub(super) fn entries(&self, section: &str) -> Vec<(&'a str, &'a Node)> {
        let entries = self
            .root
            .get(section)
            .map(Node::entries)
            .unwrap_or_default();
        entries
            .iter()
            .filter(|entry| self.sound(&[section, &entry.key]))
            .map(|entry| (entry.key.as_str(), &entry.value))
            .collect()
    }

    /// The names in a section, those with problems among them.
    pub(super) fn names(&self, section: &str) -> Vec<&'a str> {
        let entries = self
            .root
            .get(section)
            .map(Node::entries)
            .unwrap_or_default();
        entries.iter().map(|entry| entry.key.as_str()).collect()
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    pub(super) fn cluster(&mut self) -> Option<Cluster> {
        let cluster: shape::Cluster = self.typed(&["cluster"])?;
        let tls = cluster.tls.unwrap_or_default();
        let times = cluster.timeouts.unwrap_or_default();
        let default = Timeouts::default();
        Some(Cluster {
            name: cluster.name,
            address: url(&cluster.address)?,
            nodes: cluster
                .nodes
                .unwrap_or_default()
                .iter()
                .filter_map(url)
                .collect(),
            tls: Tls {
                ca_cert: tls.ca_cert.map(|given| self.certificate(given)),
                server_name: tls.server_name,
                client_cert: tls.client_cert.map(|given| self.certificate(given)),
                client_key: tls.client_key.map(|given| self.reference(given)),
            },
            namespace: cluster
                .namespace
                .map(|name| name.trim_matches('/').to_owned())
                .filter(|name| !name.is_empty()),
            timeouts: Timeouts {
                request: span(times.request.as_ref()).unwrap_or(default.request),
                init: span(times.init.as_ref()).unwrap_or(default.init),
                active: span(times.active.as_ref()).unwrap_or(default.active),
            },
        })
    }

    pub(super) fn init(&mut self) -> Option<Init> {
        let init: shape::Init = self.typed(&["init"])?;
        let custodians = init
            .custodians
            .into_iter()
            .filter_map(|custodian| self.custodian(custodian))
            .collect();
        Some(Init {
            shares: init.shares,
            threshold: init.threshold,
            seal: init.seal.map(|seal| match seal {
                shape::Seal::Auto => Seal::Auto,
                shape::Seal::Shamir => Seal::Shamir,
            }),
            custodians,
            accept_unproved: init.accept_unproved.unwrap_or_default(),
        })
    }

    fn custodian(&self, custodian: shape::Custodian) -> Option<Custodian> {
        let kind = match (custodian.ssm, custodian.age) {
            (Some(ssm), None) => CustodianKind::Ssm {
                parameter: ssm.parameter,
                kms_key: ssm.kms_key,
                tags: ssm.tags.unwrap_or_default().into_iter().collect(),
                aws: Aws {
                    region: ssm.region,
                    profile: ssm.profile,
                    role_arn: ssm.role_arn,
                },
            },
            (None, Some(age)) => CustodianKind::Age {
                recipient: age.recipient,
                file: self.path(&age.file),
            },
            _ => return None,
        };
        Some(Custodian {
            name: custodian.name,
            kind,
        })
    }

    pub(super) fn checkpoint(&mut self) -> Option<Checkpoint> {
        let checkpoint: shape::Checkpoint = self.typed(&["checkpoint"])?;
        let key = match checkpoint.key {
            shape::CheckpointKey::Kms(shape::KmsKey::Key(key)) => CheckpointKey::Kms {
                key,
                aws: Aws::default(),
            },
            shape::CheckpointKey::Kms(shape::KmsKey::More(more)) => CheckpointKey::Kms {
                key: more.key,
                aws: Aws {
                    region: more.region,
                    profile: more.profile,
                    role_arn: more.role_arn,
                },
            },
            shape::CheckpointKey::Identity(file) => CheckpointKey::Identity(self.path(&file)),
            shape::CheckpointKey::Passphrase(reference) => {
                CheckpointKey::Passphrase(self.reference(reference))
            }
        };
        Some(Checkpoint {
            path: self.path(&checkpoint.path),
            key,
        })
    }

    pub(super) fn audit(&mut self) -> Vec<AuditDevice> {
        let names: Vec<&str> = self
            .entries("audit")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut devices = Vec::new();
        for name in names {
            let Some(device) = self.typed::<shape::AuditDevice>(&["audit", name]) else {
                continue;
            };
            devices.push(AuditDevice {
                path: mount_path(name),
                device_type: device.r#type,
                description: device.description.unwrap_or_default(),
                options: options(device.options),
                local: device.local.unwrap_or_default(),
            });
        }
        devices
    }

    pub(super) fn secrets(&mut self) -> Vec<SecretsEngine> {
        let entries = self.entries("secrets");
        let mut engines = Vec::new();
        for (name, node) in entries {
            engines.push(SecretsEngine {
                path: mount_path(name),
                engine_type: text(node, "type"),
                description: text(node, "description"),
                options: options(
                    self.typed(&["secrets", name, "options"])
                        .unwrap_or_default(),
                ),
                config: self.fields(node.get("config")),
                tune: self.fields(node.get("tune")),
                local: flag(node, "local"),
                seal_wrap: flag(node, "seal_wrap"),
            });
        }
        engines
    }

    pub(super) fn auth(&self) -> Vec<AuthMount> {
        let mount = |(name, node): (&str, &Node)| AuthMount {
            path: mount_path(name),
            auth_type: node
                .get("type")
                .and_then(Node::text)
                .unwrap_or(name)
                .to_owned(),
            description: text(node, "description"),
            config: self.fields(node.get("config")),
            tune: self.fields(node.get("tune")),
            roles: self.collection(node.get("roles")),
            users: self.collection(node.get("users")),
            local: flag(node, "local"),
        };
        self.entries("auth").into_iter().map(mount).collect()
    }

    fn collection(&self, node: Option<&Node>) -> Vec<(String, Fields)> {
        let entries = node.map(Node::entries).unwrap_or_default();
        entries
            .iter()
            .map(|entry| (entry.key.clone(), self.fields(Some(&entry.value))))
            .collect()
    }

    pub(super) fn policies(&mut self) -> Vec<Policy> {
        let names: Vec<&str> = self
            .entries("policies")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut policies = Vec::new();
        for name in names {
            let source = match self.typed::<shape::Policy>(&["policies", name]) {
                Some(shape::Policy::Builtin(shape::Builtin::Auditor)) => PolicySource::Auditor,
                Some(shape::Policy::Rules(text)) => PolicySource::Rules { text, file: None },
                Some(shape::Policy::File(file)) => {
                    let file = self.path(&file);
                    match policy_text(&file) {
                        Ok(text) => PolicySource::Rules {
                            text,
                            file: Some(file),
                        },
                        Err(problem) => {
                            self.refuse(
                                &["policies", name, "file"],
                                format!("{}: {problem}", file.display()),
                            );
                            continue;
                        }
                    }
                }
                None => continue,
            };
            policies.push(Policy {
                name: name.to_owned(),
                source,
            });
        }
        policies
    }

    pub(super) fn writes(&self) -> Vec<Write> {
        let items = self.root.get("writes").map(Node::items).unwrap_or_default();
        let sound = items
            .iter()
            .enumerate()
            .filter(|(index, _)| self.sound(&["writes", &step(*index)]));
        sound
            .map(|(_, node)| Write {
                path: text(node, "path"),
                data: self.fields(node.get("data")),
            })
            .collect()
    }

    pub(super) fn break_glass(&mut self) -> Option<BreakGlass> {
        Some(match self.typed(&["break_glass"])? {
            shape::BreakGlass::Logins(doors) => BreakGlass::Logins(doors.logins),
            shape::BreakGlass::None(none) => BreakGlass::None { reason: none.none },
        })
    }

    /// The fields of a map, in order.
    fn fields(&self, node: Option<&Node>) -> Fields {
        let entries = node.map(Node::entries).unwrap_or_default();
        Fields(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), self.field(&entry.value)))
                .collect(),
        )
    }

    fn field(&self, node: &Node) -> Field {
        match &node.kind {
            Kind::Null | Kind::Unknown => Field::Null,
            Kind::Bool(value) => Field::Bool(*value),
            Kind::Number(number) => Field::Number(number.clone()),
            Kind::Text(text) | Kind::Filled(text) => Field::String(text.clone()),
            Kind::List(items) => Field::List(items.iter().map(|item| self.field(item)).collect()),
            Kind::Map(_) if node.reference => match serde_json::from_value(node.value()) {
                Ok(reference) => Field::Secret(self.reference(reference)),
                Err(_) => Field::Null,
            },
            Kind::Map(_) => Field::Map(self.fields(Some(node))),
        }
    }

    pub(super) fn reference(&self, reference: shape::SecretRef) -> SecretRef {
        match reference {
            shape::SecretRef::File(file) => SecretRef::File(self.path(&file)),
            shape::SecretRef::Env(name) => SecretRef::Env(name),
            shape::SecretRef::Prompt(text) => SecretRef::Prompt(text),
            shape::SecretRef::Ssm(shape::Parameter::Name(parameter)) => SecretRef::Ssm {
                parameter,
                aws: Aws::default(),
            },
            shape::SecretRef::Ssm(shape::Parameter::More(more)) => SecretRef::Ssm {
                parameter: more.parameter,
                aws: Aws {
                    region: more.region,
                    profile: more.profile,
                    role_arn: more.role_arn,
                },
            },
        }
    }

    pub(super) fn certificate(&self, given: shape::PathOrReference) -> SecretRef {
        match given {
            shape::PathOrReference::Path(path) => SecretRef::File(self.path(&path)),
            shape::PathOrReference::Reference(reference) => self.reference(reference),
        }
    }
}

pub(super) fn url(address: &shape::Address) -> Option<Url> {
    Url::parse(&address.0).ok()
}

pub(super) fn span(span: Option<&shape::Span>) -> Option<std::time::Duration> {
    span.and_then(|span| scalar::duration(&span.0))
}

pub(super) fn capability(capability: shape::Capability) -> Capability {
    match capability {
        shape::Capability::Create => Capability::Create,
        shape::Capability::Read => Capability::Read,
        shape::Capability::Update => Capability::Update,
        shape::Capability::Patch => Capability::Patch,
        shape::Capability::Delete => Capability::Delete,
        shape::Capability::List => Capability::List,
        shape::Capability::Sudo => Capability::Sudo,
    }
}

/// The servers add the slash at the end; here paths have none.
pub(super) fn mount_path(name: &str) -> String {
    name.trim_end_matches('/').to_owned()
}

fn options(options: Option<BTreeMap<String, shape::Setting>>) -> Vec<(String, String)> {
    let text = |setting| match setting {
        shape::Setting::Text(text) => text,
        shape::Setting::Flag(flag) => flag.to_string(),
    };
    options
        .unwrap_or_default()
        .into_iter()
        .map(|(name, setting)| (name, text(setting)))
        .collect()
}

fn text(node: &Node, key: &str) -> String {
    node.get(key)
        .and_then(Node::text)
        .unwrap_or_default()
        .to_owned()
}

fn flag(node: &Node, key: &str) -> bool {
    matches!(
        node.get(key).map(|value| &value.kind),
        Some(Kind::Bool(true))
    )
}

fn policy_text(file: &Path) -> Result<String, String> {
    let open = File::open(file).map_err(|error| format!("cannot be read: {}", error.kind()))?;
    let mut text = String::new();
    let read = open.take(LONGEST_POLICY + 1).read_to_string(&mut text);
    let length = read.map_err(|error| format!("cannot be read: {}", error.kind()))?;
    if length as u64 > LONGEST_POLICY {
        return Err(format!("longer than {LONGEST_POLICY} bytes"));
    }
    Ok(text)
}
