use super::*;
use crate::door::{Screen, Shown, Visit};
use crate::secret::SecretText;
use std::sync::Arc;
use std::time::Duration;

fn source() -> JwtSource {
    JwtSource::TokenFile("/t".into())
}

fn kubernetes() -> Kind {
    Kind::Kubernetes {
        role: "app".into(),
        jwt: source(),
        reviewer: None,
    }
}

fn oidc() -> Kind {
    Kind::Oidc(Visit {
        role: "operator".into(),
        screen: Screen::Url,
        redirect_uris: vec![],
        wait: Duration::from_secs(300),
        paste: || Box::pin(async { None }),
    })
}

fn read(kind: &Kind, status: u16, text: &str) -> Option<Problem> {
    refusal(kind, Some(status), &[text.to_owned()])
}

fn refusals(kind: &Kind, table: &[(u16, &str, Problem)]) {
    for (status, text, expected) in table {
        let found = read(kind, *status, text);
        assert_eq!(found.as_ref(), Some(expected), "{text}");
    }
}

fn no_role(name: &str) -> Problem {
    Problem::new(Code::LoginMisconfigured, format!("there is no role {name}"))
        .advise(ROLE_MISSING.2)
}

#[test]
fn each_known_answer_about_a_workload_has_its_sentence() {
    let user = Kind::Userpass {
        username: "ada".into(),
        password: Arc::new(SecretText::new("x".into())),
    };
    let user_table = [
        (400, "invalid username or password", plain(PASSWORD)),
        (403, "permission denied", plain(DENIED)),
    ];
    refusals(&user, &user_table);
    let audience = "invalid audience (aud) claim: audience claim found in JWT does not match any expected audience";
    let bare = "1 error occurred:\n\t* permission denied\n\n";
    let account = "service account name not authorized";
    let unwritten = "could not load backend configuration";
    let kubernetes_table = [
        (403, "permission denied", plain(TOKEN_REVIEW)),
        (403, bare, plain(TOKEN_REVIEW)),
        (403, account, plain(SERVICE_ACCOUNT)),
        (403, "namespace not authorized", plain(NAMESPACE)),
        (403, audience, plain(ITS_AUDIENCE)),
        (400, "invalid role name \"app\"", no_role("app")),
        (500, unwritten, plain(UNCONFIGURED)),
    ];
    refusals(&kubernetes(), &kubernetes_table);
}

#[test]
fn each_known_answer_about_a_directory_or_a_certificate_has_its_sentence() {
    use super::directory::{CERTIFICATE, DIRECTORY, DIRECTORY_AWAY, NO_CERTIFICATE};
    let user = Kind::Ldap {
        username: "ada".into(),
        password: Arc::new(SecretText::new("x".into())),
    };
    let away = "1 error occurred:\n\t* error connecting to host \"ldap://a\": LDAP Result Code 200";
    let away_vault = "ldap.(Client).Authenticate: failed to connect: 1 error occurred";
    let user_table = [
        (
            400,
            "ldap operation failed: failed to bind as user",
            plain(DIRECTORY),
        ),
        (400, "invalid credentials", plain(DIRECTORY)),
        (400, away, plain(DIRECTORY_AWAY)),
        (400, away_vault, plain(DIRECTORY_AWAY)),
        (500, away_vault, plain(DIRECTORY_AWAY)),
        (403, "permission denied", plain(DENIED)),
    ];
    refusals(&user, &user_table);
    let shown = Kind::Cert(Box::new(Shown {
        certificate: Vec::new(),
        key: Arc::new(SecretText::new("x".into())),
        role: Some("ci".into()),
        authorities: Vec::new(),
    }));
    let expired = "failed to verify client's certificate: x509: certificate has expired";
    let none_fits = "no chain matching all constraints could be found for this login certificate";
    let cert_table = [
        (400, "no client certificate found", plain(NO_CERTIFICATE)),
        (400, "tls connection required", plain(NO_CERTIFICATE)),
        (
            400,
            "invalid certificate or no client certificate supplied",
            plain(CERTIFICATE),
        ),
        (400, none_fits, plain(CERTIFICATE)),
        (
            500,
            expired,
            detailed(CERTIFICATE, "x509: certificate has expired"),
        ),
    ];
    refusals(&shown, &cert_table);
    assert_eq!(read(&shown, 500, "storage is gone"), None);
}

#[test]
fn each_known_answer_about_a_token_has_its_sentence() {
    let claims = |text: &str| detailed(LACKING_CLAIMS, text);
    let group = "claim \"groups\" does not match any associated bound claim values";
    let of_another = format!("error validating claims: {group}");
    let hd = "error validating claims: claim \"hd\" is missing";
    let hd_bao = "OpenBao login failed. error validating claims: claim \"hd\" is missing";
    let email = "OpenBao login failed. claim \"email\" not found in token";
    let state = "Vault login failed. Expired or missing OAuth state.";
    let away = "error decoding issuer response to device auth: unexpected end of JSON input;";
    let exchange = r#"Error exchanging oidc code: "unable: oauth2: \"invalid_client\" \"no\""."#;
    let told = r#"unable: oauth2: "invalid_client" "no""#;
    let missing = "role \"operator\" could not be found";
    let denied = "authorization failed: access_denied";
    let oidc_table = [
        (400, hd, claims("claim \"hd\" is missing")),
        (400, hd_bao, claims("claim \"hd\" is missing")),
        (400, email, claims("claim \"email\" not found in token")),
        (400, &of_another, detailed(SCOPED_CLAIMS, group)),
        (400, state, plain(STATE)),
        (
            400,
            "sub claim does not match bound subject",
            plain(SUBJECT_OF_A_PERSON),
        ),
        (400, missing, no_role("operator")),
        (400, exchange, detailed(EXCHANGE, told)),
        (400, denied, of_the_provider("access_denied", None)),
        (500, away, plain(PROVIDER_AWAY)),
    ];
    refusals(&oidc(), &oidc_table);
    let jwt = Kind::Jwt {
        role: "app".into(),
        jwt: source(),
    };
    let expired = "error validating token: invalid expiration time (exp) claim: token is expired";
    let issuer = "error validating token: invalid issuer (iss) claim";
    let unverified = detailed(UNVERIFIED, "invalid issuer (iss) claim");
    let audience = "error validating token: invalid audience (aud) claim";
    let subject = "error validating token: invalid subject (sub) claim";
    let number =
        "error validating claims: claim \"id\" does not match any associated bound claim values";
    let plain_claims = "claim \"id\" does not match any associated bound claim values";
    let jwt_table = [
        (400, number, detailed(CLAIMS, plain_claims)),
        (400, expired, plain(EXPIRED)),
        (400, issuer, unverified),
        (400, subject, plain(SUBJECT)),
        (400, audience, plain(AUDIENCE)),
    ];
    refusals(&jwt, &jwt_table);
}

#[test]
fn an_unknown_answer_keeps_the_servers_words() {
    assert_eq!(read(&oidc(), 400, "something new"), None);
    assert_eq!(read(&kubernetes(), 503, "Vault is sealed"), None);
    assert_eq!(refusal(&kubernetes(), None, &[]), None);
}
