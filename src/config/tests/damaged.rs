//! Damaged parts: they hide nothing of what is around them, and nothing follows from them.

use super::*;

/// A file with something wrong in every section, for the shape as well as for the rules.
const DAMAGED: &str = include_str!("damaged.yaml");

#[test]
fn all_problems_of_shape_and_all_of_the_rules_come_in_one_go() {
    problems_of(
        DAMAGED,
        &[
            "4:3: cluster.adress: unknown key `adress`; did you mean `address`?",
            "5:11: cluster.nodes[0]: plain `http` would show every secret to the network; it is only accepted to 127.0.0.1, ::1 and localhost",
            "5:47: cluster.nodes[2]: this node is in the list already",
            "5:60: cluster.nodes[3]: expected an address; put it in quotes",
            "7:9: cluster.tls.verify: unknown key `verify`; the keys here are `ca_cert`, `server_name`, `client_cert` and `client_key`",
            "10:14: init.threshold: the threshold is 3 and there are 2 shares: nobody could ever open the cluster",
            "11:3: init.sael: unknown key `sael`; did you mean `seal`?",
            "12:3: init.custodians: 3 custodians for 2 shares; every share needs one of its own",
            "13:38: init.custodians[0].age.recipient: expected an age recipient, which starts with `age1`; `age-keygen -y KEYFILE` shows it",
            "14:14: init.custodians[1].name: `custodians[0]` has this name already",
            "14:45: init.custodians[1].age.flie: unknown key `flie`; did you mean `file`?",
            "15:51: init.custodians[2].age.file: `custodians[0]` keeps its share there already; one would overwrite the other",
            "16:21: init.accept_unproved[0]: no custodian has this name",
            "17:20: checkpoint.path: expected some text; this is empty",
            "17:40: checkpoint.key.identity: expected text; put it in quotes",
            "19:3: audit.file: missing key `file_path` in `options`: a file device needs it",
            "21:12: audit.file.local: expected `true` or `false`",
            "22:24: audit.file.options.log_raw: `log_raw` writes every secret in clear, the root token and the recovery keys first",
            "22:36: audit.file.options.mode: an audit file is never executable",
            "23:21: audit.one.lokal: unknown key `lokal`; did you mean `local`?",
            "24:42: audit.two.options.file_path: `audit.one` writes to this file already",
            "26:3: secrets.sys: every server has this mount already",
            "26:26: secrets.sys.tune.default_lease_tll: unknown key `default_lease_tll`; did you mean `default_lease_ttl`?",
            "27:14: secrets.kv.type: expected text; put it in quotes",
            "27:35: secrets.kv.config.api_key: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "30:18: auth.oidc.description: expected text; put it in quotes",
            "31:5: auth.oidc.config: `oidc_client_id` and `oidc_client_secret` go together",
            "31:5: auth.oidc.config: exactly one of `oidc_discovery_url`, `jwks_url`, `jwks_pairs` and `jwt_validation_pubkeys` says where keys come from",
            "31:62: auth.oidc.config.jwks_pairs: expected a list",
            "33:7: auth.oidc.roles.machines: a role for JWTs needs `bound_audiences`, `bound_subject`, `bound_claims` or `token_bound_cidrs`",
            "33:46: auth.oidc.roles.machines.user_claim: expected text; put it in quotes",
            "34:7: auth.oidc.roles.people: missing key `allowed_redirect_uris`; for this program it is `[\"http://localhost:8250/oidc/callback\"]`",
            "34:35: auth.oidc.roles.people.token_policies: no login may have the policy `root`",
            "34:70: auth.oidc.roles.people.token_ttl: expected a time such as `30s`, `10m` or `1h30m`",
            "36:24: auth.userpass.tune.token_type: a break-glass login needs service tokens: a batch token has no \
             accessor and cannot be revoked",
            "36:54: auth.userpass.tune.max_lease_ttl: expected a time such as `30s`, `10m` or `1h30m`",
            "38:52: auth.userpass.users.ada.token_num_uses: the token of a break-glass login would run out in the \
             middle of a quorum; 0 (any number) or at least 10",
            "38:66: auth.userpass.users.ada.token_ttl: expected a time such as `30s`, `10m` or `1h30m`",
            "41:24: auth.approle.roles.one.token_ttl: expected a time such as `30s`, `10m` or `1h30m`",
            "42:25: auth.approle.roles.two.token_type: expected `default`, `service` or `batch`; did you mean `batch`?",
            "43:3: auth.\"//odd\": a path has no `/` in front, and neither `//` nor `..` in it",
            "43:17: auth.\"//odd\".type: expected text; put it in quotes",
            "45:3: policies.Operator: names of policies are lower case; the servers would change it",
            "45:23: policies.Operator.builtin: expected `auditor`",
            "46:18: policies.empty.rules: the policy is empty",
            "47:19: policies.missing.file: /etc/vault/policies/missing.hcl: cannot be read: no such file",
            "49:12: writes[0].path: an API path has neither `v1/` nor `/` in front, no `/` at the end, and neither `//` nor `..` in it",
            "49:23: writes[0].method: unknown key `method`; the keys here are `path`, `data`, `name`, `unmanaged_fields`, `hand_out` and `manage`",
            "49:53: writes[0].data.password: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "51:3: logins.ada: missing key `password`, which a login through `userpass` needs",
            "51:46: logins.ada.role: a login through `userpass` takes `username` and `password`",
            "51:61: logins.ada.can.sys[0]: expected `create`, `read`, `update`, `patch`, `delete`, `list` or `sudo`; did you mean `read`?",
            "51:74: logins.ada.can.a: the list is empty, so nothing would be checked",
            "51:91: logins.ada.cannot.sys: `read` stands in `can` for this path as well",
            "52:35: logins.eve.username: not one of the users of `auth.userpass` in this file; it has `ada`",
            "52:50: logins.eve.password: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "53:15: logins.bob.auth: no auth method of this file has this path; `auth` has `oidc`, `userpass`, `approle` and `//odd`",
            "53:34: logins.bob.username: expected text; put it in quotes",
            "54:47: logins.machine.with: the role takes a JWT: `with` is `{token_file: …}`, `{command: …}` or `{token_request: …}`",
            "54:61: logins.machine.can: expected a map",
            "55:38: logins.person.with: the role is for people (`role_type: oidc`); a JWT needs a role with `role_type: jwt`",
            "55:57: logins.person.with.token_file: expected text; put it in quotes",
            "59:40: logins.workload.with.token_request.api_server: plain `http` would show every secret to the network; it is only accepted to 127.0.0.1, ::1 and localhost",
            "59:59: logins.workload.with.token_request.audiense: unknown key `audiense`; did you mean `audience`?",
            "60:18: logins.backup.auth: a role id does not say which role it belongs to, so the break-glass policy could not be tied to one role; give the break-glass role an `approle` mount of its own, with one role",
            "60:36: logins.backup.role_id: expected text or a reference to a secret; put it in quotes",
            "61:15: break_glass.logins: root generation belongs to the root namespace, and so do its logins; leave `cluster.namespace` empty, or go without: `break_glass: {none: \"reason\"}`",
            "61:29: break_glass.logins[1]: no login of this file has this name",
            "61:37: break_glass.logins[2]: this login is in the list already",
            "61:50: break_glass.logins[4]: expected text; put it in quotes",
            "61:61: break_glass.drill: expected `before-revoke` or `later`",
            "62:14: revoke_root: expected `true` or `false`",
        ],
    );
}

/// Every place of a document, by its path.
fn places(node: &Node, path: &[String], into: &mut Vec<Vec<String>>) {
    let entries = node.entries().iter();
    let entries = entries.map(|entry| (entry.key.clone(), &entry.value));
    let items = node.items().iter().enumerate();
    let items = items.map(|(index, item)| (tree::step(index), item));
    for (step, inner) in entries.chain(items) {
        let path = [path, &[step]].concat();
        into.push(path.clone());
        places(inner, &path, into);
    }
}

fn tree_of(text: &str) -> Node {
    Documents::new(&env).read(text, 0).unwrap()
}

fn problems_of_rules(root: &Node, problems: Vec<Problem>) -> Vec<String> {
    let before = problems.len();
    let files = Files::new(Path::new("bootstrap.yaml"), Path::new("/etc/vault"));
    let mut reading = Reading::new(root, &files, problems);
    crate::config::rules::check(&mut reading);
    let found = reading.problems[before..].iter();
    found.map(ToString::to_string).collect()
}

#[test]
fn nothing_follows_from_a_value_that_is_damaged() {
    let mut tried = 0;
    for text in [SMALL, PRODUCTION, EXAMPLE] {
        let mut root = tree_of(text);
        let mut problems = Vec::new();
        check::check(&mut root, &SCHEMA, &mut problems);
        assert_eq!(problems, []);
        let mut all = Vec::new();
        places(&root, &[], &mut all);
        for path in all {
            let mut root = root.clone();
            node_at(&mut root, &path).kind = Kind::Unknown;
            let damage = Problem::new(
                Code::FileContradicts,
                Place::START,
                tree::shown(&path),
                "damaged",
            );
            assert_eq!(
                problems_of_rules(&root, vec![damage]),
                [] as [&str; 0],
                "{path:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
}

#[test]
fn nothing_follows_from_a_key_that_is_misspelt() {
    let mut tried = 0;
    for text in [SMALL, PRODUCTION, EXAMPLE] {
        let mut all = Vec::new();
        places(&tree_of(text), &[], &mut all);
        for path in all {
            let mut root = tree_of(text);
            let (key, around) = path.split_last().unwrap();
            let Kind::Map(entries) = &mut node_at(&mut root, around).kind else {
                continue;
            };
            let entry = entries.iter_mut().find(|entry| entry.key == *key).unwrap();
            entry.key.push_str("-misspelt");
            let mut problems = Vec::new();
            check::check(&mut root, &SCHEMA, &mut problems);
            // Where keys are names, another one is no misspelling.
            let unknown = |problem: &Problem| problem.text.starts_with("unknown key");
            if problems.iter().any(unknown) {
                assert_eq!(
                    problems_of_rules(&root, problems),
                    [] as [&str; 0],
                    "{path:?}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 150, "{tried}");
}

fn node_at<'n>(root: &'n mut Node, path: &[String]) -> &'n mut Node {
    path.iter().fold(root, |node, step| match &mut node.kind {
        Kind::Map(entries) => {
            let entry = entries.iter_mut().find(|entry| entry.key == *step);
            &mut entry.unwrap().value
        }
        Kind::List(items) => {
            let index: usize = step.trim_matches(['[', ']']).parse().unwrap();
            &mut items[index]
        }
        _ => panic!("{path:?}"),
    })
}
