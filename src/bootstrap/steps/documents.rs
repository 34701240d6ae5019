//! The steps whose promise is a list of documents: policies, roles and users, and any other API write.

use std::collections::{BTreeMap, BTreeSet};

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::config::accessors::{filled, named};
use crate::config::{Field, OfWrite, PolicySource};
use crate::desired::observation::Observation;
use crate::desired::{
    self, Document, Kind, Read, answers, auditor, grant, kind, privilege_escalation, resolve,
    unmanaged,
};
use crate::failure::Failure;
use crate::finding::{Detail, DocumentFinding, Finding};
use crate::session::Authority;
use crate::vault::mounts::list_auth;
use crate::vault::{self, Body, compare, policies, sys};

/// Policies of the file, the built-in ones, and the break-glass grant, which is always written.
pub(super) async fn observe_policies(view: &View<'_>) -> Result<Observation, Failure> {
    let product = sys::health(&view.client()).await?.product;
    let accessors = match accessors_of(view).await {
        Ok(accessors) => accessors,
        Err(error) if error.is_forbidden() => {
            let paths = vec!["sys/auth".to_owned()];
            return Ok(Observation::unknown(vec![Detail::MayNotRead { paths }]));
        }
        Err(error) => return Err(error.into()),
    };
    let accessor = |path: &str| accessors.get(path).cloned();
    let given = view.config.policies.iter().map(|entry| {
        let text = match &entry.source {
            PolicySource::Auditor => auditor::policy(view.config),
            PolicySource::Rules { text, .. } => filled(text, &accessor),
        };
        policy(&entry.name, text)
    });
    // At a cluster of somebody else's, without a break-glass login in the file, no grant is asked for.
    let ours = view.diary.adopted.is_none() || !view.config.doors().is_empty();
    let ours = ours.then(|| policy(grant::POLICY, grant::of(view.config, product)));
    let all = given.chain(ours).collect();
    let mut observation = desired::observe_with_missed(&view.documents(), all).await?;
    observation.findings.extend(unknown_policies(view).await?);
    if view.diary.handed_over() {
        let others = unmanaged::of_policies(&view.documents()).await?;
        observation.findings.extend(others.findings);
        observation.unmanaged = others.paths;
    }
    Ok(observation)
}

/// The accessors of all auth methods, by path, where a policy of the file asks for one.
async fn accessors_of(view: &View<'_>) -> Result<BTreeMap<String, String>, vault::Error> {
    let asks = |source: &PolicySource| matches!(source, PolicySource::Rules { text, .. } if !named(text).is_empty());
    if !view
        .config
        .policies
        .iter()
        .any(|policy| asks(&policy.source))
    {
        return Ok(BTreeMap::new());
    }
    let Ok(token) = view.token() else {
        return Ok(BTreeMap::new());
    };
    let methods = list_auth(&view.client(), token).await?;
    let accessors = methods.into_iter().filter_map(|(path, mount)| {
        let accessor = mount.fields["accessor"].as_str()?.to_owned();
        Some((path, accessor))
    });
    Ok(accessors.collect())
}

/// Policies that roles, users, groups and entities of the file have, and neither the file nor the server: nobody may do anything by them.
async fn unknown_policies(view: &View<'_>) -> Result<Vec<Finding>, Failure> {
    let fields = view.config.auth.iter().flat_map(|method| {
        let members = method.roles.iter().chain(&method.users);
        let field = grant::policies_field(&method.auth_type);
        members.filter_map(move |(_, fields)| fields.get(field))
    });
    let mut names: BTreeSet<String> = fields.flat_map(Field::strings).map(String::from).collect();
    let given = view.config.identity.policies();
    names.extend(given.map(|(_, policy)| policy.to_owned()));
    names.retain(|name| {
        let of_file = view.config.policies.iter().any(|entry| entry.name == *name);
        let of_server = matches!(name.as_str(), "default" | "root" | grant::POLICY);
        !of_file && !of_server && !name.contains("{{")
    });
    let mut findings = Vec::new();
    for name in names {
        match policies::read(&view.client(), view.token()?, &name).await {
            Ok(None) => findings.push(DocumentFinding::PolicyUnknown(name).into()),
            // One that is there, and one that this login may not read.
            Ok(Some(_)) => {}
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(findings)
}

/// Holds that the grant is the text that was written: a break-glass login with more than it could do anything.
pub(super) async fn grant_is_as_written(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let client = ceremony.client();
    let product = sys::health(&client).await?.product;
    let wanted = grant::of(ceremony.config, product);
    let found = policies::read(&client, ceremony.token()?, grant::POLICY).await?;
    if found.is_some_and(|found| compare::same_policy(&wanted, &found)) {
        return Ok(());
    }
    Err(Failure::refused(
        Code::StepDiffers,
        format!(
            "sys/policies/acl/{} is not what this run wrote",
            grant::POLICY
        ),
    )
    .advise("see in the audit log who wrote it, then run apply again: it is written anew"))
}

fn policy(name: &str, text: String) -> Document {
    let body = Body::map([("policy", text)]);
    Document {
        read: Read::Policy,
        ..Document::new(format!("sys/policies/acl/{name}"), body, kind::POLICY)
    }
}

/// Roles and users of the auth methods, each written whole: a field left out of a later write would be cleared by the
/// server, the break-glass grant among them. Then groups and entities.
pub(super) async fn observe_roles(view: &View<'_>) -> Result<Observation, Failure> {
    let mut wanted = desired::auth_roles::documents(view)?;
    let identity = desired::identity::wanted(&view.documents()).await?;
    wanted.extend(identity.documents);
    let named = wanted.iter().map(|one| one.path.clone());
    let written = view.config.writes.iter().map(|write| write.path.clone());
    let named: Vec<_> = named.chain(written).collect();
    let mut observation = desired::observe_with_missed(&view.documents(), wanted).await?;
    observation.findings.extend(identity.findings);
    if view.diary.handed_over() {
        let others = unmanaged::of_roles(&view.documents(), &named).await?;
        observation.findings.extend(others.findings);
        observation.unmanaged = others.paths;
        let others = unmanaged::of_identity(&view.documents()).await?;
        observation.findings.extend(others.findings);
        observation.unmanaged.extend(others.paths);
        observation.findings.extend(escalates(view).await?);
    }
    Ok(observation)
}

/// Whether whoever looks could make themselves root.
async fn escalates(view: &View<'_>) -> Result<Option<Finding>, Failure> {
    let Authority::Login(open) = &view.authority else {
        return Ok(None);
    };
    let (config, name) = (view.config, open.name.clone());
    let Some(login) = config.logins.iter().find(|one| one.name == name) else {
        return Ok(None);
    };
    let as_it = (login, &open.answer.token);
    let found = privilege_escalation::look(config, &view.client(), as_it).await?;
    Ok((!found.is_empty()).then_some(Finding::CanEscalate(name, found)))
}

/// Any other API write of the file, compared where it can be read back.
pub(super) async fn observe_writes(view: &View<'_>) -> Result<Observation, Failure> {
    let readable = |path: &str| Kind::of_path(view.config, path).is_read();
    let known = answers::known(view, view.memory, readable).await;
    let documents = view.config.writes.iter().map(|write| {
        let mut kind = Kind::of_path(view.config, &write.path);
        kind.initial &= write.manage != OfWrite::Values;
        let body = resolve::body(view, &write.data)?;
        let document = Document::new(write.path.clone(), body, kind);
        let document = Document {
            keeps: answers::kept(view.config, write),
            hands_out: write.hand_out.is_some(),
            named_only: write.manage == OfWrite::Named,
            ..document.leaving(&write.unmanaged_fields)
        };
        Ok(document.taking(answers::taken(view.config, write), &known))
    });
    let documents = documents.collect::<Result<_, Failure>>()?;
    desired::observe_writes(&view.documents(), documents).await
}
