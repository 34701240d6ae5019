//! Every rule with a file that breaks it.

use super::{edited, load_text, refused, with};

const BROKEN: &str = r#"
- policies:
+ writes: [{path: sys/policies/acl/Vault-Bootstrap-Break-Glass, data: {policy: x}}]
+ policies:
> 19:17: writes[0].path: `policies` writes this path; put it there
- policies:
+ writes: [{path: auth/approle/role/backup/policies, data: {token_policies: x}}]
+ policies:
> 19:17: writes[0].path: `auth.approle` writes this path; put it there
- {token_ttl: 20m}
+ {token_ttl: 1d12h}
> 18:27: auth.approle.roles.backup.token_ttl: no server reads this time; write `36h`
- policies:
+ secrets: {pki: {type: pki, roles: {web: {max_ttl: 30d12h}}}, kv: {type: kv}}
+ writes: [{path: kv/a, data: {ttl: 1d12h}}]
+ policies:
> 19:51: secrets.pki.roles.web.max_ttl: no server reads this time; write `732h`
- policies:
+ writes: [{path: ssh/roles/a, data: {ttl: 1d1h}}]
+ policies:
> 19:42: writes[0].data.ttl: no server reads this time; write `25h`
-       backup: {token_ttl: 20m}
+       backup: {token_ttl: 20m}
+       other: {}
> 24:18: logins.backup.auth: a role id does not say which role it belongs to
- {token_ttl: 20m}
+ {token_type: batch}
> 18:28: auth.approle.roles.backup.token_type: a break-glass login needs service tokens
- policies:
+ secrets: {kv: {type: kv-v2, options: {version: "1"}}}
+ policies:
> 19:48: secrets.kv.options.version: `kv-v2` is `kv` with `version: "2"`
- policies:
+ secrets: {kv: {type: kv-v1, tune: {options: {version: "2"}}}}
+ policies:
> 19:55: secrets.kv.tune.options.version: `kv-v1` is `kv` with `version: "1"`
- policies:
+ secrets: {kv: {type: kv, options: {version: v2}}}
+ policies:
> 19:45: secrets.kv.options.version: expected "1" or "2", the versions of `kv`
- policies:
+ secrets: {kv: {type: kv, options: {version: 2}}}
+ policies:
> 19:45: secrets.kv.options.version: expected text or `true` or `false`; put it in quotes
- "http://127.0.0.1:8200"
+ "http://vault:8200"
> 2:31: cluster.address: plain `http` would show
- "http://127.0.0.1:8200"
+ "https://ada:pw@vault"
> 2:31: cluster.address: an address carries no user
- "http://127.0.0.1:8200"
+ "https://vault?x"
> 2:31: cluster.address: an address carries no `?`
- "http://127.0.0.1:8200"
+ "vault:8200"
> 2:31: cluster.address: the address must start with
- logins:
-   ada: {auth: userpass, username: ada, password: {file: /run/secrets/ada}}
-   backup: {auth: approle, role_id: abc, secret_id: {env: SECRET_ID}}
- break_glass: {logins: [ada, backup]}
+ break_glass: {none: a cluster for an afternoon}
> 21:1: break_glass: root is to be revoked, and nobody could log in afterwards
- "http://127.0.0.1:8200"
+ "https://vault:8200/v1/"
> 2:31: cluster.address: leave `/v1` out
- "http://127.0.0.1:8200"
+ "https://a", nodes: ["https://b/prefix/v1"]
> 2:52: cluster.nodes[0]: leave `/v1` out
-       backup: {token_ttl: 20m}
+       team/backup: {token_ttl: 20m}
> 18:7: auth.approle.roles."team/backup": the servers have no path for `team/backup`
-       backup: {token_ttl: 20m}
+       ben@example.com: {token_ttl: 20m}
> 18:7: auth.approle.roles."ben@example.com": the servers have no path for
-       ada: {password: {file: /run/secrets/ada}, token_ttl: 15m}
+       ada: {password: {file: /run/secrets/ada}, token_ttl: 15m, manage: named}
> 15:73: auth.userpass.users.ada.manage: the login `ada` comes in here, so all of it is the file's
-       backup: {token_ttl: 20m}
+       backup: {token_ttl: 20m, manage: named}
> 18:40: auth.approle.roles.backup.manage: the login `backup` comes in here, so all of it is the file's
- policies:
+   ldap: {config: {url: "ldap://a"}, roles: {staff: {policies: [reader], manage: named}}}
+ policies:
> 19:81: auth.ldap.roles.staff.manage: a write of roles of `ldap` resets what it does not name, or may
- policies:
+   cert: {roles: {staff: {token_policies: [reader], manage: all}}}
+ policies:
> 19:60: auth.cert.roles.staff.manage: expected `named`
- policies:
+   jwt: {manage: named, config: {jwks_url: "https://a"}}
+ policies:
> 19:17: auth.jwt.manage: a write of this `config` resets what it does not name, or may
- policies:
+ secrets: {pki: {type: pki, config: {default_lease_ttl: 168h}}}
+ policies:
> 19:28: secrets.pki.config: pki has no path `config` of its own
- policies:
-   reader: {rules: 'path "a" { capabilities = ["read"] }'}
- logins:
+   kubernetes: {config: {kubernetes_host: "https://k"}, roles: {app: {bound_service_account_names: [app], bound_service_account_namespaces: [ci]}}}
+ policies:
+   reader: {rules: 'path "a" { capabilities = ["read"] }'}
+ logins:
+   app: {auth: kubernetes, role: app, with: {token_request: {api_server: "https://k", service_account: app, expiration: 9m59s}}}
> 23:120: logins.app.with.token_request.expiration: Kubernetes makes no token for less than 10m
- policies:
+ writes: [{path: a/b, data: {csr: {from_write: request.csr}}}, {path: a/c, name: request, data: {x: 1}}]
+ policies:
> 19:47: writes[0].data.csr.from_write: no entry of `writes` before this one has the name `request`
- policies:
+ writes: [{path: a/c, name: request, data: {x: 1}}, {path: a/b, data: {csr: {from_write: reqest.csr}}}]
+ policies:
> 19:89: writes[1].data.csr.from_write: no entry of `writes` before this one has the name `reqest`; did you mean `request`?
- policies:
+ writes: [{path: a/c, name: request, data: {x: 1}}, {path: a/b, data: {key: {from_write: request.private_key}}}]
+ policies:
> 19:89: writes[1].data.key.from_write: `private_key` may be a secret, or is no field of an answer
- policies:
+ writes: [{path: a/c, name: request, data: {x: 1}}, {path: a/b, name: request, data: {csr: {from_write: csr}}}]
+ policies:
> 19:70: writes[1].name: `writes[0]` has this name already
- policies:
+ secrets: {x: {type: aws-like, config: {a: {from_write: b.id}}}}
+ policies:
> 19:56: secrets.x.config.a.from_write: values that the server makes go to later entries of `writes` only
- break_glass: {logins: [ada, backup]}
+ break_glass: {logins: [ada, backup]}
+ accept: {open-endpont: {reason: x, until: 2027-03-31}}
> 25:10: accept.open-endpont: no finding has the code `open-endpont`; did you mean `open-endpoint`?
- break_glass: {logins: [ada, backup]}
+ break_glass: {logins: [ada, backup]}
+ accept: {open-endpoint: {reason: x, until: 2027-02-30}}
> 25:44: accept.open-endpoint.until: expected a day such as `2027-03-31`
- "http://127.0.0.1:8200"
+ "https://a", nodes: ["https://b", "https://b"]
> 2:65: cluster.nodes[1]: this node
- threshold: 2
+ threshold: 3
> 5:14: init.threshold: the threshold is 3 and there are 2 shares
- threshold: 2
+ threshold: 1
> 5:14: init.threshold: with several shares
- threshold: 2
+ threshold: 0
> 5:14: init.threshold: expected a number from 1 to 255
- shares: 2
+ shares: 256
> 4:11: init.shares: expected a number from 1 to 255
- shares: 2
+ shares: 3
> 6:3: init.custodians: 2 custodians for 3 shares
- name: bob
+ name: alice
> 8:14: init.custodians[1].name: `custodians[0]` has this name already
- shares/bob.age
+ shares/alice.age
> 8:51: init.custodians[1].age.file: `custodians[0]` keeps its share there
- threshold: 2
+ threshold: 2
+   accept_unproved: [eve]
> 6:21: init.accept_unproved[0]: no custodian has this name
- threshold: 2
+ threshold: 2
+   accept_one_trust_domain: [eve]
> 6:29: init.accept_one_trust_domain[0]: no custodian has this name
- age1bob
+ AGE-SECRET-KEY-1
> 8:36: init.custodians[1].age.recipient: expected an age recipient
- age: {recipient: age1bob, file: shares/bob.age}
+ age: {recipient: age1bob, file: b}, ssm: {parameter: /p}
> 8:7: init.custodians[1]: only one of `ssm`, `secretsmanager`, `age`, `pgp` and `kubernetes`
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {kms_key: alias/bob}
> 8:35: init.custodians[1].secretsmanager: missing key `name`
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {name: vault/bob, kms_key_id: alias/bob}
> 8:53: init.custodians[1].secretsmanager.kms_key_id: unknown key `kms_key_id`
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {name: "arn:aws:secretsmanager:eu-1:1:secret:bob-AbCdEf"}
> 8:42: init.custodians[1].secretsmanager.name: expected the name of a secret, no ARN
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {name: vault/bob share}
> 8:42: init.custodians[1].secretsmanager.name: expected the name of a secret
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {name: ""}
> 8:42: init.custodians[1].secretsmanager.name: expected
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {name: vault/bob, endpoint: "http://vpce.example.com"}
> 8:63: init.custodians[1].secretsmanager.endpoint: plain `http`
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {name: vault/bob, endpoint: vpce}
> 8:63: init.custodians[1].secretsmanager.endpoint: not an address
- age: {recipient: age1bob, file: shares/bob.age}
+ secretsmanager: {name: vault/bob, tags: [a]}
> 8:59: init.custodians[1].secretsmanager.tags: expected
- age: {recipient: age1bob, file: shares/bob.age}
+ kubernetes: {secret: bob, recipient: age1bob}
> 8:40: init.custodians[1].kubernetes.secret: expected `NAMESPACE/NAME` of a Secret
- age: {recipient: age1bob, file: shares/bob.age}
+ kubernetes: {secret: vault/Bob, recipient: age1bob}
> 8:40: init.custodians[1].kubernetes.secret: expected `NAMESPACE/NAME` of a Secret
- age: {recipient: age1bob, file: shares/bob.age}
+ kubernetes: {secret: vault/bob, recipient: AGE-SECRET-KEY-1}
> 8:62: init.custodians[1].kubernetes.recipient: expected an age recipient
- age: {recipient: age1bob, file: shares/bob.age}
+ kubernetes: {secret: vault/bob, recipient: age1bob, api_server: "http://k8s:6443"}
> 8:83: init.custodians[1].kubernetes.api_server: plain `http`
- age: {recipient: age1bob, file: shares/bob.age}
+ pgp: {public_key: bob.asc, fingerprint: 231C 511E 00EF 17C4, file: b}
> 8:59: init.custodians[1].pgp.fingerprint: expected the whole fingerprint
- age: {recipient: age1bob, file: shares/bob.age}
+ pgp: {public_key: bob.asc, file: shares/alice.age}
> 8:52: init.custodians[1].pgp.file: `custodians[0]` keeps its share there
- file_path: /var/log/audit.log
+ log_raw: true, file_path: /a
> 11:41: audit.file.options.log_raw: `log_raw` writes every secret
- file_path: /var/log/audit.log
+ file_path: /a, mode: "0755"
> 11:53: audit.file.options.mode: an audit file is never executable
- file_path: /var/log/audit.log
+ file_path: /a, mode: 0600
> 11:53: audit.file.options.mode: a number with a leading zero
- options: {file_path: /var/log/audit.log}
+ options: {}
> 11:3: audit.file: missing key `file_path`
- options: {file_path: /var/log/audit.log}}
+ options: {file_path: /a}}
+   two: {type: file, options: {file_path: /a}}
> 12:42: audit.two.options.file_path: `audit.file` writes to this file
-   reader:
+   root:
> 20:3: policies.root: the policy `root`
-   reader:
+   vault-bootstrap-break-glass:
> 20:3: policies.vault-bootstrap-break-glass: this name belongs
- {rules: 'path "a" { capabilities = ["read"] }'}
+ {builtin: admin}
> 20:21: policies.reader.builtin: expected `auditor`
- token_ttl: 15m
+ token_policies: root
> 15:65: auth.userpass.users.ada.token_policies: no login may have
- token_ttl: 15m
+ token_type: batch
> 15:61: auth.userpass.users.ada.token_type: a break-glass login needs service tokens
-   userpass:
+   userpass:
+     tune: {token_type: default-batch}
> 14:24: auth.userpass.tune.token_type: a break-glass login needs
- token_ttl: 15m
+ token_num_uses: 3
> 15:65: auth.userpass.users.ada.token_num_uses: the token of a break-glass login
- name: lab
+ name: lab, namespace: team
> 24:15: break_glass.logins: root generation belongs to the root namespace
- {password: {file: /run/secrets/ada}, token_ttl: 15m}
+ {token_ttl: 15m}
> 15:12: auth.userpass.users.ada: one of `password` and `password_hash` is missing
- username: ada
+ username: eve
> 22:35: logins.ada.username: not one of the users of `auth.userpass` in this file; it has `ada`
- username: ada, password
+ password
> 22:3: logins.ada: missing key `username`, which a login through `userpass` needs
- username: ada
+ username: ada, role: x
> 22:46: logins.ada.role: a login through `userpass` takes `username` and `password`
- password: {file: /run/secrets/ada}}
-   backup
+ password: {file: /run/secrets/ada}, can: {sys: [reed]}}
+   backup
> 22:88: logins.ada.can.sys[0]: expected `create`, `read`, `update`, `patch`, `delete`, `list` or `sudo`; did you mean `read`?
- password: {file: /run/secrets/ada}}
-   backup
+ password: {file: /run/secrets/ada}, can: {sys: [read]}, cannot: {sys: [read]}}
+   backup
> 22:105: logins.ada.cannot.sys: `read` stands in `can`
- logins: [ada, backup]
+ logins: [ada, eve]
> 24:29: break_glass.logins[1]: no login of this file
- logins: [ada, backup]
+ logins: [ada, ada]
> 24:29: break_glass.logins[1]: this login is in the list
- logins: [ada, backup]
+ logins: []
> 24:23: break_glass.logins: the list is empty
- logins: [ada, backup]
+ none: ""
> 24:21: break_glass.none: expected some text
- policies:
+ writes: [{path: /v1/sys/x, data: {a: 1}}]
+ policies:
> 19:17: writes[0].path: an API path has neither
- policies:
+ writes: [{path: kv/x, data: {data: {password: hunter2}}}]
+ policies:
> 19:47: writes[0].data.data.password: secret values are references
- policies:
+ secrets: {sys: {type: kv}}
+ policies:
> 19:11: secrets.sys: every server has this mount
-   approle:
+   jwt: {roles: {r: {role_type: jwt, user_claim: a}}}
+   approle:
> 16:17: auth.jwt.roles.r: a role for JWTs needs
-   approle:
+   oidc: {roles: {r: {user_claim: a, bound_subject: x}}}
+   approle:
> 16:18: auth.oidc.roles.r: missing key `allowed_redirect_uris`
-   approle:
+   oidc: {config: {bound_issuer: a}}
+   approle:
> 16:10: auth.oidc.config: exactly one of
-   approle:
+   kubernetes: {roles: {r: {audience: a}}}
+   approle:
> 16:27: auth.kubernetes.roles.r: missing key `bound_service_account_names`
-   approle:
+   kube: {type: kubernetes, roles: {r: {audiense: a, bound_service_account_names: a}}}
+   approle:
> 16:40: auth.kube.roles.r.audiense: unknown key `audiense`; did you mean `audience`?
"#;

const DOUBTFUL: &str = "
- logins: [ada, backup]
+ logins: [ada]
> 24:15: break_glass.logins: all break-glass logins depend on one auth method
- token_ttl: 15m
+ token_policies: [reader, nobody]
> 15:49: auth.userpass.users.ada.token_policies: the policy `nobody` is not in this file
- audit:
-   file: {type: file, options: {file_path: /var/log/audit.log}}
- 
+ 
> 1:1: audit: no audit device
-   approle:
+   oidc: {roles: {r: {user_claim: a, allowed_redirect_uris: [x]}}}
+   approle:
> 16:18: auth.oidc.roles.r: no `bound_claims`
-   approle:
+   oidc: {roles: {r: {user_claim: a, oidc_scopes: [profile], bound_claims: {/email: a, name: b}, allowed_redirect_uris: [x]}}}
+   approle:
> 16:18: auth.oidc.roles.r: the claim `email` comes with the scope `email`
";

#[test]
fn every_rule_finds_its_case() {
    for (text, expected) in edited(BROKEN) {
        let found = load_text(&text).map(|_| ()).expect_err(expected);
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}\n{found:#?}"
        );
        assert!(
            !found.iter().any(|problem| problem.contains("hunter2")),
            "{found:?}"
        );
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    for (text, expected) in edited(DOUBTFUL) {
        let warnings = load_text(&text).unwrap().warnings;
        let found: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{expected}\n{found:#?}"
        );
    }
}

#[test]
fn a_policy_that_a_claim_names_and_a_time_in_parts_are_taken_as_they_stand() {
    let role = r#"jwt:
    config: {jwks_url: "https://a"}
    roles:
      a: {role_type: jwt, user_claim: sub, bound_audiences: vault, token_ttl: 1.5h,
          token_policies: ["team-{{sub}}"], token_policies_template_claims: true}
  userpass:"#;
    let config = load_text(&with("userpass:", role)).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn a_misspelt_key_is_one_problem_and_not_a_missing_one_as_well() {
    let misspelt = with("threshold: 2", "treshold: 2");
    let found = refused(&misspelt);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("did you mean `threshold`?"), "{found:#?}");
}
