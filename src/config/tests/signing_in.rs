//! Sign-ins that could not begin, come back or end, said by the fields alone.

use super::{load_text, with};

#[test]
fn a_sign_in_that_could_not_end_is_said_by_its_fields_alone() {
    let method = r#"config: {oidc_discovery_url: "https://a", oidc_client_id: a, oidc_client_secret: {env: A}"#;
    let here = r#"allowed_redirect_uris: "http://localhost:8250/a""#;
    for (config, role, expected) in [
        (
            "",
            r#"allowed_redirect_uris: ["https://vault/ui", "http://localhost.evil/a", "http://127.0.0.2/a", "http://127.0.0.1:8200/ui/vault/auth/oidc/oidc/callback"]"#,
            "roles.r.allowed_redirect_uris: none of these leads the browser back",
        ),
        (
            "",
            "allowed_redirect_uris: []",
            "roles.r: missing key `allowed_redirect_uris`",
        ),
        (
            "",
            "callback_mode: device",
            "roles.r: missing key `allowed_redirect_uris`",
        ),
        (
            "",
            &format!("{here}, callback_mode: direct"),
            "roles.r.callback_mode: with `callback_mode: direct`",
        ),
        (
            &format!("{method}, oidc_response_mode: form_post}}, "),
            here,
            "config.oidc_response_mode: with `form_post`",
        ),
        (
            r#"config: {oidc_discovery_url: "https://a"}, "#,
            here,
            "config: missing keys `oidc_client_id`",
        ),
        (&format!("{method}}}, "), here, ""),
    ] {
        let roles = format!("roles: {{r: {{user_claim: a, bound_subject: x, {role}}}}}");
        let text = with(
            "  approle:\n",
            &format!("  oidc: {{{config}{roles}}}\n  approle:\n"),
        );
        let logins = if role.ends_with("device") {
            "  on-call: {auth: oidc, role: r, with: device}\n"
        } else {
            "  on-call: {auth: oidc, role: r, with: url}\n  deputy: {auth: oidc, role: r}\n"
        };
        let text = text.replace("\nlogins:\n", &format!("\nlogins:\n{logins}"));
        let found = load_text(&text).map(|_| ()).err().unwrap_or_default();
        let ours: Vec<_> = found
            .iter()
            .filter(|problem| !expected.is_empty() && problem.contains(expected))
            .collect();
        assert_eq!(found.len(), ours.len(), "{text}\n{found:#?}");
        assert_eq!(ours.is_empty(), expected.is_empty(), "{text}\n{found:#?}");
    }
}
