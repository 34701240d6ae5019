//! Rules between the keys of the file that no schema can say. Each rule is a function with its name.
//!
//! Only what is certain is refused; what is probably a mistake is a warning. A rule reads what it needs through
//! [`Reading`], and is silent where that is damaged: the damage is reported already, and what would follow from it
//! is nobody's mistake. Nothing here asks a server.

mod access;
mod answers;
mod auth;
mod cluster;
mod directories;
mod hand_out;
mod identity;
mod logins;
mod managing;
mod mfa;
mod mounts;
mod names;
mod people;
mod plugins;
mod spellings;

pub(super) use access::unfit_policy_name;
pub(crate) use mounts::is_secret;

use super::reading::Reading;

type Rule = fn(&mut Reading);

const RULES: [Rule; 71] = [
    cluster::plain_http_stays_on_this_machine,
    cluster::nodes_are_different,
    cluster::threshold_fits_the_shares,
    cluster::every_share_has_a_custodian,
    cluster::custodians_are_different,
    cluster::accepted_custodians_exist,
    cluster::recipients_are_public,
    cluster::secrets_of_kubernetes_have_names,
    cluster::secrets_of_aws_have_names,
    cluster::fingerprints_are_whole,
    mounts::mount_paths_are_plain,
    mounts::versions_of_kv_agree,
    mounts::audit_files_are_different,
    mounts::audit_options_keep_secrets,
    plugins::names_are_plain_and_free,
    plugins::files_are_named_with_their_digest,
    plugins::versions_are_whole,
    plugins::catalogue_is_of_the_cluster,
    access::policy_names_are_free,
    access::policies_of_tokens_exist,
    access::oidc_is_complete,
    access::roles_of_people_are_bound,
    people::browsers_come_back_here,
    people::sign_ins_can_begin_and_end,
    people::claims_have_their_scopes,
    directories::directories_are_complete,
    directories::directories_are_asked_in_secret,
    directories::members_of_directories_have_policies,
    directories::certificates_can_be_shown,
    directories::roles_of_certificates_have_an_authority,
    identity::names_are_different,
    identity::policies_of_identities_exist,
    identity::types_of_groups_fit,
    identity::aliases_are_different,
    identity::members_of_groups_exist,
    mfa::names_fit_the_servers,
    mfa::enforcements_have_their_section,
    mfa::values_are_those_of_the_servers,
    mfa::enforcements_name_what_is_there,
    mfa::logins_stay_open,
    managing::doors_are_managed_whole,
    managing::what_is_not_named_can_be_left,
    mounts::secrets_are_references,
    mounts::write_paths_are_plain,
    mounts::writes_keep_to_themselves,
    mounts::names_of_sections_are_plain,
    answers::names_of_writes_are_different,
    answers::answers_come_from_before,
    hand_out::handed_out_are_secrets_that_stay,
    hand_out::wrapped_for_a_time,
    hand_out::handed_out_once_and_apart,
    hand_out::wrapped_answers_are_taken_by_nobody,
    spellings::types_are_those_of_the_servers,
    spellings::fields_have_their_present_names,
    spellings::write_paths_are_those_of_the_servers,
    spellings::values_with_versions_stand_in_data,
    spellings::capabilities_are_of_paths_that_are_asked,
    logins::auth_methods_exist,
    logins::capabilities_say_something,
    logins::keys_fit_the_auth_method,
    logins::members_exist_and_fit,
    logins::tokens_live_long_enough,
    logins::somebody_can_log_in_without_root,
    names::addresses_end_before_the_api,
    names::members_have_names_of_a_path,
    names::configurations_have_their_place,
    names::times_are_those_of_the_servers,
    names::accepted_codes_exist,
    access::doors_exist,
    access::doors_can_open,
    access::shares_can_be_renewed,
];

/// Holds the document against all rules.
pub(super) fn check(reading: &mut Reading) {
    for rule in RULES {
        rule(reading);
    }
}
