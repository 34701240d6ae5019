//! Every field of every kind of document: changed once on the server, and corrected once in the file. Each change is seen,
//! written and gone in the run after, and nothing else is.

mod auth;
mod corrected;
mod document;
mod drifts;
mod engines;
mod others;
mod system;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Run, Server};
use crate::remembered::root;
use crate::support::{OpenIdProvider, Setup};
use document::Document;

/// What has to be found.
type Places = BTreeSet<(String, String)>;

/// More changes than these are made in further documents of the same kind, beside the first.
const ROUNDS: usize = 11;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Root, which is kept.
    Root,
    /// A login, after the hand-over.
    Login,
}

/// One cluster with a document of each kind.
struct Cluster {
    writer: Writer,
    server: Server,
    ceremony: Ceremony,
    documents: Vec<Document>,
    /// What is not as it has to be: all of it is told at the end.
    problems: RefCell<Vec<String>>,
    /// Whom the `oidc` method asks; it has to live as long as the server.
    _provider: OpenIdProvider,
}

/// All kinds of documents of this product.
fn documents(setup: Setup, issuer: &str) -> Vec<Document> {
    let mut all = auth::documents(setup, issuer);
    all.extend(engines::documents(setup));
    all.extend(system::documents());
    all.extend(others::documents(setup));
    let mut place = 0;
    while let Some(document) = all.get_mut(place) {
        let rest = document.rest(ROUNDS);
        all.extend(rest);
        place += 1;
    }
    all
}

/// The mounts that they are in.
fn mount(setup: Setup, ceremony: &mut Ceremony) {
    let mut engines = vec!["transit", "pki", "ssh", "database"];
    if !setup.is_openbao() {
        engines.push("aws");
    }
    engines.extend(others::ENGINES);
    for engine in engines {
        ceremony.set(&format!("/secrets/{engine}"), json!({ "type": engine }));
    }
    ceremony
        .set("/secrets/kv1", json!({ "type": "kv" }))
        .set("/auth/cert", json!({ "type": "cert" }));
    if setup != Setup::OpenBao272Static {
        for mount in ["ldap", "ldap-ldap", "ldap-ldap-ldap"] {
            ceremony.set(&format!("/auth/{mount}"), json!({ "type": "ldap" }));
        }
    }
}

/// A login that may do anything.
pub(crate) fn administered(ceremony: &mut Ceremony) {
    ceremony.password("admin");
    let password = json!({ "file": "admin.password" });
    let may =
        "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"list\", \"sudo\"] }";
    ceremony
        .set("/policies/admin", json!({ "rules": may }))
        .set(
            "/auth/userpass/users/admin",
            json!({ "password": password, "token_policies": ["admin"], "token_ttl": "15m" }),
        )
        .set(
            "/logins/admin",
            json!({ "auth": "userpass", "username": "admin", "password": password }),
        )
        .set("/break_glass/accept_admins", json!(["admin"]));
}

impl Cluster {
    /// Written once, and found as it was written.
    fn start(setup: Setup, writer: Writer) -> Self {
        let provider = OpenIdProvider::start();
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        match writer {
            Writer::Root => drop(ceremony.set("/revoke_root", json!(false))),
            Writer::Login => administered(&mut ceremony),
        }
        ceremony.password("mutant");
        ceremony.write("client.secret", provider.client_secret());
        mount(setup, &mut ceremony);
        let mut documents = documents(setup, &provider.issuer());
        let mut writes = Vec::new();
        for document in &mut documents {
            document.enter(&mut ceremony, &mut writes);
        }
        ceremony.set("/writes", Value::Array(writes));
        let cluster = Self {
            writer,
            server,
            ceremony,
            documents,
            problems: RefCell::default(),
            _provider: provider,
        };
        cluster.first();
        cluster.finds("at the start", &Places::new());
        cluster.writes("at the start", &[]);
        cluster
    }

    fn root(&self) -> Api<'_> {
        root(&self.server, &self.ceremony)
    }

    fn first(&self) {
        match self.writer {
            Writer::Root => self.apply().exits(4),
            Writer::Login => self.ceremony.apply().exits(4),
        };
    }

    fn apply(&self) -> Run {
        self.ceremony.run(match self.writer {
            Writer::Root => &["apply", "--yes", "--keep-root"],
            Writer::Login => &["apply", "--yes", "--login", "admin", "--allow-widening"],
        })
    }

    fn problem(&self, when: &str, text: String) {
        self.problems.borrow_mut().push(format!("{when}: {text}"));
    }

    /// A plan names exactly these fields.
    fn finds(&self, when: &str, expected: &Places) {
        let run = self.ceremony.run(match self.writer {
            Writer::Root => &["plan", "--output", "json"],
            Writer::Login => &["plan", "--login", "admin", "--output", "json"],
        });
        let plan = run.events().pop().expect("a plan");
        let steps = plan["steps"].as_array().expect("steps").iter();
        let items = steps.flat_map(|step| step["items"].as_array().expect("items"));
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let of_documents = items.filter(|item| item["path"].is_string());
        let found: Places = of_documents
            .map(|item| match text(item, "change").as_str() {
                "policy-differs" => (text(item, "path"), "policy".to_owned()),
                _ => (text(item, "path"), as_sent(top(&text(item, "field")))),
            })
            .collect();
        // The auditor does not read what is stored.
        let all = self.writer == Writer::Login;
        let read = |(path, _): &&(String, String)| all || !path.contains("stored");
        for (path, field) in expected.difference(&found).filter(read) {
            self.problem(when, format!("not seen: {path} {field}"));
        }
        for (path, field) in found.difference(expected) {
            self.problem(when, format!("invented: {path} {field}"));
        }
    }

    /// A run writes exactly these documents.
    fn writes(&self, when: &str, paths: &[String]) {
        let log = self.server.audit().after_this();
        let run = self.apply();
        let written: BTreeSet<_> = log.writes().into_iter().collect();
        let expected = paths.iter().map(|path| format!("update {path}"));
        let expected: BTreeSet<_> = expected.collect();
        for path in expected.difference(&written) {
            self.problem(when, format!("not written: {path}"));
        }
        for path in written.difference(&expected) {
            self.problem(when, format!("written for nothing: {path}"));
        }
        let stays = ["[not-put-back]", "differs from the file"];
        let told = run.stdout.lines();
        for line in told.filter(|line| stays.iter().any(|words| line.contains(words))) {
            self.problem(when, line.to_owned());
        }
        if run.code != 4 {
            self.problem(when, run.to_string());
        }
    }

    /// Nothing is other than it has to be.
    fn ends(&self, count: usize, cases: &str) {
        let problems = self.problems.borrow();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        println!("{:?}: {count} {cases}", self.server.setup());
        assert!(count >= 120, "{count} {cases}");
    }
}

/// The name that a field has where it is written.
fn as_sent(field: String) -> String {
    field.replace(
        "root_credentials_rotate_statements",
        "root_rotation_statements",
    )
}

/// The field of the document itself.
fn top(place: &str) -> String {
    place.split('.').next().unwrap_or_default().to_owned()
}
