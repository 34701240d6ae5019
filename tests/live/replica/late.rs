//! A parameter store of which not every part knows at once what was written.

use std::collections::BTreeMap;

use super::*;

const NOT_FOUND: &str = r#"{"__type":"ParameterNotFound","message":""}"#;
const FAILED: &str = r#"{"__type":"InternalServerError","message":"try later"}"#;
const KIND: &str = "application/x-amz-json-1.1";
const READS: &str = "AmazonSSM.GetParameter ";
const LISTS: &str = "AmazonSSM.GetParametersByPath ";

/// What a store that is late knows.
#[derive(Default)]
struct Late {
    /// How often a name was read since it was written.
    reads: Mutex<BTreeMap<String, usize>>,
    /// Something was written since the last listing.
    news: Mutex<bool>,
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
            label if label.starts_with(READS) => {
                let Some(number) = reads.get_mut(&label[READS.len()..]) else {
                    return Action::Pass;
                };
                *number += 1;
                match *number {
                    1 | 3 => Action::Respond(400, KIND, NOT_FOUND.to_owned()),
                    _ => Action::Pass,
                }
            }
            label if label.starts_with(LISTS) && std::mem::take(&mut *news) => {
                Action::Respond(200, KIND, r#"{"Parameters":[]}"#.to_owned())
            }
            _ => Action::Pass,
        }
    }
}

/// A ceremony with a replica and a share in a store that is late, and answers so many of the first commits, which it
/// makes, with a failure.
fn late(server: &Server, failures: usize) -> (Ceremony, Proxy) {
    let mut ceremony = with_parameters(server);
    let alice = ceremony.ssm_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    let store = Arc::new(Late::default());
    let (late, faults) = (store.clone(), Faults::new());
    if failures > 0 {
        faults.up_to(failures, writes("commit-"), move |request: &RequestInfo| {
            late.rule(request);
            Action::DoAndRespond(500, KIND, FAILED.to_owned())
        });
    }
    faults.every("*", move |request: &RequestInfo| store.rule(request));
    let aws = before_aws(&mut ceremony, &faults);
    (ceremony, aws)
}

#[test]
fn what_is_not_seen_at_the_first_look_is_looked_for_again_and_all_of_it_is_deleted_in_the_end() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (ceremony, _aws) = late(&server, 0);
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
}

#[test]
fn a_commit_that_is_answered_with_a_failure_and_seen_late_counts_all_the_same() {
    require!(NEEDED);
    let server = Server::in_memory();
    // Retries and all.
    let (ceremony, _aws) = late(&server, 6);
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
}
