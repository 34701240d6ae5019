//! Names of SSM parameters: their addresses, their canaries, and what SSM would refuse. Pure.

use crate::backend::{CANARY, Error, Kind};

/// Limits of a parameter name (AWS SSM: PutParameter, Name).
const LONGEST_NAME: usize = 1011;
const DEEPEST_NAME: usize = 15;

/// `aws-ssm://REGION/PARAMETER`.
pub(crate) fn address(region: &str, parameter: &str) -> String {
    format!("aws-ssm://{region}/{}", parameter.trim_start_matches('/'))
}

/// An address while the region is not known.
pub(crate) fn unresolved(parameter: &str) -> String {
    address("?", parameter)
}

/// A canary's name under the very prefix of `parameter`.
pub(crate) fn sibling(parameter: &str, word: &str) -> String {
    let prefix = parameter.rfind('/').map_or("", |end| &parameter[..=end]);
    format!("{prefix}{CANARY}{word}")
}

/// Refuses a name that SSM would refuse, before anything is asked (AWS SSM: PutParameter, Name).
pub(crate) fn check_name(parameter: &str) -> Result<(), Error> {
    let wrong = |text: &str| {
        let address = unresolved(parameter);
        Err(Error::new(address, Kind::Misconfigured(text.to_owned())))
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let segments: Vec<&str> = parameter.trim_start_matches('/').split('/').collect();
    let reserved = segments.first().map(|first| first.to_ascii_lowercase());
    if !parameter.chars().all(allowed) {
        return wrong("a parameter name has letters, digits and _ . - / only");
    }
    if segments.iter().any(|segment| segment.is_empty()) || parameter.starts_with("//") {
        return wrong("a parameter name has no empty part");
    }
    if segments.len() > 1 && !parameter.starts_with('/') {
        return wrong("a parameter name with / starts with /");
    }
    if segments.len() > DEEPEST_NAME || parameter.len() > LONGEST_NAME {
        return wrong("the parameter name is too long: 15 levels, 1011 letters at most");
    }
    if reserved.is_some_and(|first| first.starts_with("aws") || first.starts_with("ssm")) {
        return wrong("a parameter name does not start with aws or ssm");
    }
    Ok(())
}

/// The parameters beside `parameter` as an IAM policy names them.
pub(crate) fn resource(
    region: &str,
    key_arn: Option<&str>,
    account: Option<&str>,
    parameter: &str,
) -> String {
    let partition = key_arn
        .and_then(|arn| arn.split(':').nth(1))
        .unwrap_or("aws");
    let account = account.unwrap_or("*");
    let bare = parameter.trim_start_matches('/');
    let prefix = bare.rfind('/').map_or("", |end| &bare[..=end]);
    format!("arn:{partition}:ssm:{region}:{account}:parameter/{prefix}*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_stands_beside_the_share() {
        let names = ["/vault/prod/recovery-key-1", "/top", "bare"];
        let canaries = names.map(|name| sibling(name, "w"));
        assert_eq!(
            canaries,
            [
                "/vault/prod/vault-bootstrap-canary-w",
                "/vault-bootstrap-canary-w",
                "vault-bootstrap-canary-w"
            ]
        );
    }

    #[test]
    fn an_address_can_be_pasted() {
        assert_eq!(
            address("eu-central-1", "/vault/prod/recovery-key-1"),
            "aws-ssm://eu-central-1/vault/prod/recovery-key-1"
        );
    }

    #[test]
    fn a_name_that_ssm_would_refuse_is_refused_without_asking() {
        for good in ["/vault/prod/recovery-key-1", "bare", "/a.b/c_d"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let deep = "/x".repeat(16);
        for bad in [
            "", "/", "a/b", "/a//b", "/a/", "/a b", "//a", "/aws/x", "ssm-x", &deep,
        ] {
            let error = check_name(bad).unwrap_err();
            assert!(matches!(error.kind(), Kind::Misconfigured(_)), "{bad}");
        }
    }

    #[test]
    fn a_permission_is_asked_for_the_share_and_its_canary_at_once() {
        let key = "arn:aws-cn:kms:cn-north-1:1:key/2";
        assert_eq!(
            resource(
                "cn-north-1",
                Some(key),
                Some("1"),
                "/vault/prod/recovery-key-1"
            ),
            "arn:aws-cn:ssm:cn-north-1:1:parameter/vault/prod/*"
        );
        assert_eq!(
            resource("r", None, None, "bare"),
            "arn:aws:ssm:r:*:parameter/*"
        );
    }
}
