//! A token that the server could not have reviewed, of which it tells nothing but `permission denied`: what shows from
//! here when whom it asks is asked the same way.

use crate::failure::Problem;
use crate::kubernetes::Reviewer;

/// The problem, with what this machine finds out about the reviewer.
pub(super) async fn explain(reviewer: Option<&Reviewer>, problem: Problem) -> Problem {
    let Some(reviewer) = reviewer else {
        return problem;
    };
    in_words(reviewer, reviewer.may_review().await, problem)
}

fn in_words(
    reviewer: &Reviewer,
    tried: Result<Option<String>, Problem>,
    problem: Problem,
) -> Problem {
    let host = &reviewer.api_server;
    let same = "it is the same answer when this address is not in token_bound_cidrs of the role";
    let what = &problem.what;
    let (what, advice) = match tried {
        // What it says is wrong with the file, and its advice mends it.
        Err(found) => (format!("{what}; {found}"), found.advice.unwrap_or_default()),
        Ok(Some(why)) => (
            format!(
                "{what}; it asks kubernetes_host, {host}, which could not be tried from here: {why}"
            ),
            format!(
                "if that address is wrong, correct kubernetes_host; else start it, or let the server, not this machine, \
                 reach it; then see whether the reviewer (token_reviewer_jwt) has the role system:auth-delegator, and \
                 whether kubernetes_ca_cert is the API server's own; {same}"
            ),
        ),
        Ok(None) if reviewer.credential.is_some() => (
            format!(
                "{what}; from here its reviewer (token_reviewer_jwt of the file) may review at {host}"
            ),
            format!(
                "let the server, not this machine, reach {host}; see whether this token is of that cluster; {same}"
            ),
        ),
        Ok(None) => (
            format!("{what}; from here {host} is of the authority in kubernetes_ca_cert"),
            format!(
                "let the server, not this machine, reach {host}; without a token_reviewer_jwt at hand it is not known who \
                 asks: that account needs the role system:auth-delegator; {same}"
            ),
        ),
    };
    Problem {
        what,
        ..problem.advise(advice)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use url::Url;

    use super::*;
    use crate::code::Code;
    use crate::secret::SecretText;

    fn said(credential: bool, tried: Result<Option<String>, Problem>) -> Problem {
        let reviewer = Reviewer {
            api_server: Url::parse("https://k8s:6443").unwrap(),
            ca_cert: None,
            credential: credential.then(|| Arc::new(SecretText::new("a.b.c".into()))),
        };
        let problem = Problem::new(Code::LoginMisconfigured, "not reviewed");
        in_words(&reviewer, tried, problem)
    }

    #[test]
    fn what_is_wrong_with_the_reviewer_is_said_instead_of_what_may_be() {
        let ended = Problem::new(Code::KubernetesFailed, "it ended").advise("make a new one");
        let problem = said(true, Err(ended));
        assert_eq!(problem.what, "not reviewed; it ended");
        assert_eq!(problem.advice.as_deref(), Some("make a new one"));
        assert_eq!(problem.code, Code::LoginMisconfigured);
    }

    #[test]
    fn the_address_that_the_server_asks_is_named_with_what_happened_from_here() {
        for (credential, tried, parts) in [
            (
                true,
                Some("Connection refused"),
                [
                    "https://k8s:6443/, which could not be tried from here: Connection refused",
                    "correct kubernetes_host",
                ],
            ),
            (
                true,
                None,
                [
                    "may review at https://k8s:6443/",
                    "let the server, not this machine, reach https://k8s:6443/",
                ],
            ),
            (
                false,
                None,
                [
                    "https://k8s:6443/ is of the authority",
                    "system:auth-delegator",
                ],
            ),
        ] {
            let problem = said(credential, Ok(tried.map(str::to_owned)));
            assert!(problem.what.contains(parts[0]), "{}", problem.what);
            let advice = problem.advice.unwrap();
            assert!(advice.contains(parts[1]), "{advice}");
            assert!(
                advice.ends_with("token_bound_cidrs of the role"),
                "{advice}"
            );
        }
    }
}
