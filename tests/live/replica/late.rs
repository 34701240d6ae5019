//! A parameter store of which not every part knows at once what was written.

use std::collections::BTreeMap;

use super::*;

const NOT_FOUND: &str = r#"{"__type":"ParameterNotFound","message":""}"#;
const FAILED: &str = r#"{"__type":"InternalServerError","message":"try later"}"#;
const KIND: &str = "application/x-amz-json-1.1";

/// What a store that is late knows.
#[derive(Default)]
struct Late {
    /// How often a name was read since it was written.
    reads: Mutex<BTreeMap<String, usize>>,
    /// Something was written since the last listing.
    news: Mutex<bool>,
    /// How many commits were answered with a failure.
    commits: AtomicUsize,
}

impl Late {
    /// The first read after a write finds nothing, the third neither, where something reads so often; the first listing
    /// shows nothing. Claims are left alone.
    fn rule(&self, request: &RequestInfo) -> Action {
        let mut reads = self.reads.lock().expect("ours");
        let mut news = self.news.lock().expect("ours");
        if let Some(name) = written(request).filter(|name| !name.contains("/claim-")) {
            reads.insert(name, 0);
            *news = true;
            return Action::Pass;
        }
        match request.label().as_str() {
            "AmazonSSM.GetParameter" => {
                let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                let name = body["Name"].as_str().expect("a name");
                let Some(number) = reads.get_mut(name) else {
                    return Action::Pass;
                };
                *number += 1;
                match *number {
                    1 | 3 => Action::Respond(400, KIND, NOT_FOUND.to_owned()),
                    _ => Action::Pass,
                }
            }
            "AmazonSSM.GetParametersByPath" if std::mem::take(&mut *news) => {
                Action::Respond(200, KIND, r#"{"Parameters":[]}"#.to_owned())
            }
            _ => Action::Pass,
        }
    }

    /// The same, and the first commits are made and answered with a failure, retries and all.
    fn failing(&self, request: &RequestInfo) -> Action {
        let action = self.rule(request);
        let commit = written(request).is_some_and(|name| name.contains("/commit-"));
        match commit && self.commits.fetch_add(1, Ordering::SeqCst) < 6 {
            true => Action::DoAndRespond(500, KIND, FAILED.to_owned()),
            false => action,
        }
    }
}

/// A ceremony with a replica and a share in a store that is late.
fn late(
    server: &Server,
    rule: impl Fn(&Late, &RequestInfo) -> Action + Send + Sync + 'static,
) -> (Ceremony, Proxy) {
    let mut ceremony = with_parameters(server);
    let alice = ceremony.ssm_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    let store = Late::default();
    let aws = before_aws(&mut ceremony, move |request| rule(&store, request));
    (ceremony, aws)
}

#[test]
fn what_is_not_seen_at_the_first_look_is_looked_for_again_and_all_of_it_is_deleted_in_the_end() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (ceremony, _aws) = late(&server, Late::rule);
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
}

#[test]
fn a_commit_that_is_answered_with_a_failure_and_seen_late_counts_all_the_same() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (ceremony, _aws) = late(&server, Late::failing);
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
}
