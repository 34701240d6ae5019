//! The sections of the file, one function each, read from a document that no rule refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::config::model::{
    AuditDevice, AuthMount, Aws, BreakGlass, Checkpoint, CheckpointKey, Cluster, Custodian,
    CustodianKind, Drill, Fields, Init, Policy, PolicySource, Recovery, Replica, ReplicaKind, Seal,
    SecretsEngine, Timeouts, Tls, Write,
};
use crate::config::reading::{Reading, mount_path, span, url};
use crate::config::shape;
use crate::config::tree::{Kind, Node};

/// Longest file of a policy, in bytes.
const LONGEST_POLICY: u64 = 1 << 20;

impl Reading<'_> {
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
            id: cluster.id,
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
            recovery: init.recovery.map(|recovery| match recovery {
                shape::Recovery::TwoPhase => Recovery::TwoPhase,
                shape::Recovery::AtInit => Recovery::AtInit,
            }),
            generation: init.generation.unwrap_or(1),
            custodians,
            accept_unproved: init.accept_unproved.unwrap_or_default(),
        })
    }

    fn custodian(&self, custodian: shape::Custodian) -> Option<Custodian> {
        let kind = match (custodian.ssm, custodian.age, custodian.pgp) {
            (Some(ssm), None, None) => CustodianKind::Ssm {
                parameter: ssm.parameter,
                kms_key: ssm.kms_key,
                tags: ssm.tags.unwrap_or_default().into_iter().collect(),
                aws: Aws {
                    region: ssm.region,
                    profile: ssm.profile,
                    role_arn: ssm.role_arn,
                },
            },
            (None, Some(age), None) => CustodianKind::Age {
                recipient: age.recipient,
                file: self.path(&age.file),
            },
            (None, None, Some(pgp)) => CustodianKind::Pgp {
                public_key: self.path(&pgp.public_key),
                fingerprint: pgp.fingerprint,
                file: self.path(&pgp.file),
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
            replica: checkpoint.replica.map(replica),
        })
    }

    pub(super) fn audit(&mut self) -> Vec<AuditDevice> {
        let mut devices = Vec::new();
        for (name, _) in self.entries("audit") {
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
        let mut engines = Vec::new();
        for (name, node) in self.entries("secrets") {
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

    /// The policies, those from files among them. What is wrong with a text is found here, so that each file is
    /// read once.
    pub(super) fn policies(&mut self) -> Vec<Policy> {
        let mut policies = Vec::new();
        for (name, _) in self.entries("policies") {
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
            if let PolicySource::Rules { text, file } = &source
                && text.trim().is_empty()
            {
                let key = if file.is_some() { "file" } else { "rules" };
                self.refuse(&["policies", name, key], "the policy is empty");
            }
            policies.push(Policy {
                name: name.to_owned(),
                source,
            });
        }
        policies
    }

    pub(super) fn writes(&self) -> Vec<Write> {
        let items = self.root.get("writes").map(Node::items).unwrap_or_default();
        items
            .iter()
            .map(|node| Write {
                path: text(node, "path"),
                data: self.fields(node.get("data")),
            })
            .collect()
    }

    pub(super) fn break_glass(&mut self) -> Option<BreakGlass> {
        Some(match self.typed(&["break_glass"])? {
            shape::BreakGlass::Logins(doors) => BreakGlass::Logins {
                names: doors.logins,
                drill: match doors.drill {
                    None | Some(shape::Drill::BeforeRevoke) => Drill::BeforeRevoke,
                    Some(shape::Drill::Later) => Drill::Later,
                },
                accept_one_auth_method: doors.accept_one_auth_method.unwrap_or(false),
                accept_admins: doors.accept_admins.unwrap_or_default(),
                rotation: doors.rotation.unwrap_or_default(),
            },
            shape::BreakGlass::None(none) => BreakGlass::None { reason: none.none },
        })
    }
}

fn replica(replica: shape::Replica) -> Replica {
    match replica {
        shape::Replica::Ssm(ssm) => Replica {
            kind: ReplicaKind::Ssm {
                parameter: ssm.parameter,
            },
            kms_key: ssm.kms_key,
            aws: Aws {
                region: ssm.region,
                profile: ssm.profile,
                role_arn: ssm.role_arn,
            },
        },
        shape::Replica::S3(s3) => Replica {
            kind: ReplicaKind::S3 {
                bucket: s3.bucket,
                prefix: s3.prefix,
            },
            kms_key: s3.kms_key,
            aws: Aws {
                region: s3.region,
                profile: s3.profile,
                role_arn: s3.role_arn,
            },
        },
    }
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
    let open =
        File::open(file).map_err(|error| format!("cannot be read: {}", in_words(error.kind())))?;
    let mut text = String::new();
    let read = open.take(LONGEST_POLICY + 1).read_to_string(&mut text);
    let length = read.map_err(|error| format!("cannot be read: {}", in_words(error.kind())))?;
    if length as u64 > LONGEST_POLICY {
        return Err(format!("longer than {LONGEST_POLICY} bytes"));
    }
    Ok(text)
}

/// What the system says, as everybody knows it from a shell.
pub(crate) fn in_words(kind: std::io::ErrorKind) -> String {
    match kind {
        std::io::ErrorKind::NotFound => "no such file".into(),
        kind => kind.to_string(),
    }
}
