//! A plan in a file: `apply --plan` writes what it shows and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checkpoint::Diary;
use crate::code::Code;
use crate::config::Config;
use crate::desired::observation::Observation;
use crate::desired::resolve::texts;
use crate::desired::to_be_sent;
use crate::event::{Plan, PlannedStep};
use crate::failure::Failure;
use crate::memory::Memory;
use crate::memory::form::Form;
use crate::shell::ShellCommand;
use crate::step::Step;
use crate::vault::Body;

/// Form of the file.
const VERSION: u32 = 2;

/// What was planned to be written after the hand-over, and what it was planned on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedPlan {
    version: u32,
    /// Release of this program that made it.
    program: String,
    /// `cluster.name` of the file.
    cluster: String,
    /// Id of the cluster.
    cluster_id: Option<String>,
    /// The login that looked, and that is to write.
    pub(crate) login: String,
    /// Whether documents that nothing here remembers having written are overwritten.
    pub(crate) adopt_documents: bool,
    /// Each step with what of it is to be written, as `plan` shows it.
    steps: Value,
    /// What is to be sent, by path: plain values in clear, others as digests under the key of the memory.
    documents: BTreeMap<String, Form>,
    /// Of a ceremony that has not come to its end: what it was planned on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ceremony: Option<Ground>,
}

/// What a ceremony was planned on. The later steps stand on what its earlier ones make, so no file holds what they send: the
/// file says it, and secrets are what its references stand for when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ground {
    /// Digest of all that the file says.
    file: String,
    /// Where the server is.
    address: String,
    /// What the server said of itself.
    server: String,
}

impl Ground {
    fn of(config: &Config, plan: &Plan) -> Self {
        Self {
            file: config.digest.clone(),
            address: plan.address.clone(),
            server: plan.server.clone(),
        }
    }
}

impl SavedPlan {
    /// Of what was found at the steps, as it is shown.
    pub(crate) fn of(
        (config, diary): (&Config, &Diary),
        (login, adopt_documents): (&str, bool),
        shown: &[PlannedStep],
        documents: BTreeMap<String, Form>,
    ) -> Self {
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: config.cluster.name.clone(),
            cluster_id: diary.cluster.cluster_id.clone(),
            login: login.to_owned(),
            adopt_documents,
            steps: as_value(shown),
            documents,
            ceremony: None,
        }
    }

    /// Of a ceremony that is to be held, or to go on as root.
    pub(crate) fn of_ceremony(config: &Config, plan: &Plan) -> Self {
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: config.cluster.name.clone(),
            cluster_id: None,
            login: String::new(),
            adopt_documents: false,
            steps: as_value(&plan.steps),
            documents: BTreeMap::new(),
            ceremony: Some(Ground::of(config, plan)),
        }
    }

    /// Whether it is of a ceremony that had not come to its end.
    pub(crate) fn is_of_ceremony(&self) -> bool {
        self.ceremony.is_some()
    }

    /// Holds that the ceremony is still to be held as it was planned, by a plan that was made just now.
    ///
    /// # Errors
    /// The file or the server is another one by now.
    pub(crate) fn holds_ceremony(&self, config: &Config, now: &Plan) -> Result<(), Failure> {
        let Some(then) = &self.ceremony else {
            return Ok(());
        };
        let ground = Ground::of(config, now);
        let other = |what: &str, then: &str, now: &str| {
            (then != now).then(|| format!("{what} was {then}, and is {now}"))
        };
        let file = (then.file != ground.file).then(|| {
            let file = config.file.display();
            format!("{file}, or what it includes, says something else")
        });
        let found = [
            other("the cluster", &self.cluster, &config.cluster.name),
            other("the address", &then.address, &ground.address),
            other("the server", &then.server, &ground.server),
            file,
        ];
        let mut found: Vec<String> = found.into_iter().flatten().collect();
        if found.is_empty() && self.steps != as_value(&now.steps) {
            found.push("what is to be done is not the same any more".to_owned());
        }
        if found.is_empty() {
            return Ok(());
        }
        Err(Failure::refused(
            Code::PlanOutdated,
            format!(
                "the file or the server is another one than when the plan was made: {}; nothing was written",
                found.join("; ")
            ),
        )
        .advise(format!(
            "make the plan anew: {}",
            config.command("plan -o FILE")
        )))
    }

    /// As it stands in a file.
    pub(crate) fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// From a file's text.
    ///
    /// # Errors
    /// It is no plan, or one of another release.
    pub(crate) fn read(text: &[u8], file: &str) -> Result<Self, Failure> {
        let other = |why: String| {
            let text = format!("{file} is no plan that this release can carry out: {why}");
            Failure::usage(Code::PlanOutdated, text)
                .advise("make it anew: vault-bootstrap plan -o FILE")
        };
        let form: Head = serde_json::from_slice(text).map_err(|error| other(error.to_string()))?;
        if form.version != VERSION || form.program != env!("CARGO_PKG_VERSION") {
            return Err(other(format!("it is of release {}", form.program)));
        }
        serde_json::from_slice(text).map_err(|error| other(error.to_string()))
    }

    /// Holds that it was made for this cluster.
    ///
    /// # Errors
    /// It was made for another one.
    pub(crate) fn fits(&self, config: &Config, diary: &Diary) -> Result<(), Failure> {
        let same =
            self.cluster == config.cluster.name && self.cluster_id == diary.cluster.cluster_id;
        if same {
            return Ok(());
        }
        let id = self.cluster_id.as_deref().unwrap_or("?");
        Err(Failure::refused(
            Code::PlanOutdated,
            format!("the plan is for the cluster {} ({id})", self.cluster),
        )
        .advise("name the file of that cluster with -c, or make a plan for this one: plan -o FILE"))
    }

    /// What makes one like it.
    fn plan_anew(&self) -> ShellCommand {
        let plan = ShellCommand::new("plan -o FILE --login").with(&self.login);
        if self.adopt_documents {
            plan.and("--adopt-documents")
        } else {
            plan
        }
    }

    /// Holds that nothing could be put in the place of a value that it names: where the key of the memory is not at hand, secrets
    /// have no digest.
    ///
    /// # Errors
    /// The documents of which something is not known.
    pub(crate) fn is_whole(&self, config: &Config) -> Result<(), Failure> {
        let unknown = self.documents.iter().filter(|(_, form)| !form.is_whole());
        let paths: Vec<_> = unknown.map(|(path, _)| path.as_str()).collect();
        if paths.is_empty() {
            return Ok(());
        }
        Err(Failure::refused(
            Code::PlanOutdated,
            format!(
                "no plan can hold what is to be sent to {}: a secret, or the checkpoint's key, is not at hand",
                paths.join(", ")
            ),
        )
        .advise(format!(
            "plan where checkpoint.key and the secrets can be used, or write it without a file: {}",
            config.command("apply")
        )))
    }

    /// Holds that what is to be written now is what was planned.
    ///
    /// # Errors
    /// The file or the server is another one by now.
    pub(crate) fn holds(
        &self,
        config: &Config,
        shown: &[PlannedStep],
        documents: &BTreeMap<String, Form>,
    ) -> Result<(), Failure> {
        self.is_whole(config)?;
        let now = as_value(shown);
        if self.steps == now && self.documents == *documents {
            return Ok(());
        }
        let (then, now) = (items_of(&self.steps), items_of(&now));
        let only = |one: &BTreeSet<String>, other: &BTreeSet<String>, words: &str| {
            let texts: Vec<_> = one.difference(other).cloned().collect();
            (!texts.is_empty()).then(|| format!("{words}: {}", texts.join("; ")))
        };
        let parts = [
            only(&then, &now, "planned, and not so any more"),
            only(&now, &then, "not planned"),
        ];
        let all: BTreeSet<&String> = self.documents.keys().chain(documents.keys()).collect();
        let others = all
            .into_iter()
            .filter(|path| self.documents.get(*path) != documents.get(*path));
        let others: Vec<_> = others.map(String::as_str).collect();
        let values = format!("another value is to be sent to {}", others.join(", "));
        let parts = parts.into_iter().flatten();
        let parts = parts.chain((!others.is_empty()).then_some(values));
        let what = parts.collect::<Vec<_>>().join("; ");
        Err(Failure::refused(
            Code::PlanOutdated,
            format!("the file or the server is another one than when the plan was made: {what}; nothing was written"),
        )
        .advise(format!(
            "make the plan anew: {}",
            config.command(self.plan_anew())
        )))
    }
}

/// What is looked at before the rest.
#[derive(Deserialize)]
struct Head {
    version: u32,
    program: String,
}

/// What is to be sent of these observations, by path.
pub(crate) fn documents(
    (config, memory): (&Config, &Memory),
    found: &[(Step, &Observation)],
    is_left: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, Form> {
    let pending = found.iter().flat_map(|(_, found)| &found.pending);
    let written = pending.filter(|pending| !is_left(&pending.document.path));
    let forms = written.map(|pending| {
        let path = pending.document.path.clone();
        (path, to_be_sent(memory, pending))
    });
    // Devices are no documents that are read back.
    let audit = found.iter().any(|(step, _)| *step == Step::Audit);
    let devices = config.audit.iter().filter(|_| audit).map(|device| {
        let options = texts(&device.options);
        let body = Body::map([
            ("type", Body::from(device.device_type.as_str())),
            ("description", Body::from(device.description.as_str())),
            ("local", Body::Bool(device.local)),
            ("options", options),
        ]);
        (format!("sys/audit/{}", device.path), Form::in_clear(&body))
    });
    forms.chain(devices).collect()
}

fn as_value(steps: &[PlannedStep]) -> Value {
    serde_json::to_value(steps).unwrap_or_default()
}

fn items_of(steps: &Value) -> BTreeSet<String> {
    let steps = steps.as_array().into_iter().flatten();
    let items = steps.flat_map(|step| step["items"].as_array().into_iter().flatten());
    let texts = items.filter_map(|item| item["text"].as_str());
    texts.map(str::to_owned).collect()
}
