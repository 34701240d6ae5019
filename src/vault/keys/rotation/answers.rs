//! What the server says about a share, old or new, and the new shares in its answers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::Share;
use crate::vault::http::field;
use crate::vault::http::{Error, Kind, Reply, null_is_empty};
use crate::vault::keys::rotation::{Given, NewShares, Verified};

/// The new shares in an answer, where it holds any.
#[derive(Deserialize)]
struct HandedOut {
    #[serde(default)]
    complete: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    keys_base64: Vec<Share>,
    #[serde(default)]
    verification_required: bool,
    #[serde(default, deserialize_with = "field::verification_nonce")]
    verification_nonce: String,
}

/// Whether the new shares are in effect now.
#[derive(Deserialize)]
pub(crate) struct Complete {
    #[serde(default)]
    pub(crate) complete: bool,
}

/// The new shares, where the answer holds them. Shares that nobody could use, or that are in effect already, are no
/// rotation of ours.
pub(crate) fn handed_out(reply: &Reply) -> Result<Option<NewShares>, Error> {
    let answer: HandedOut = reply.data()?;
    if !answer.complete {
        return Ok(None);
    }
    let fail = |what: &str| Err(reply.fail(Kind::Malformed(what.into())));
    if !answer.verification_required || answer.verification_nonce.is_empty() {
        return fail("it does not verify the new shares");
    }
    let shares = answer.keys_base64;
    for (place, share) in shares.iter().enumerate() {
        let bytes = STANDARD.decode(share.expose()).map(Zeroizing::new);
        let usable = bytes.is_ok_and(|bytes| !bytes.is_empty());
        let mut before = shares[..place].iter();
        if !usable || before.any(|other| other.expose() == share.expose()) {
            return fail("a new share is not usable");
        }
    }
    if shares.is_empty() {
        return fail("it holds no new shares");
    }
    Ok(Some(NewShares {
        shares,
        verification: answer.verification_nonce,
    }))
}

/// What the server says about an old share that it does not take. Its texts repeat the right nonce and are not kept.
pub(crate) fn refused(reply: &Reply) -> Option<Given> {
    let says = |text: &str| reply.refuses_with(text);
    if says("already been provided") {
        Some(Given::Twice)
    } else if says("incorrect nonce") || says("in progress") || says("already finished") {
        Some(Given::Gone)
    } else if says("does not match submitted values")
        || says("failed to compute")
        || says("failed to read root key: invalid key: failed to decrypt keys from storage")
    {
        Some(Given::Wrong)
    } else if says("key verification failed") || says("failed to read root key") {
        Some(Given::Undecided)
    } else if says("key is shorter") || says("key is longer") || says("valid hex or base64") {
        Some(Given::Unreadable)
    } else {
        None
    }
}

/// The same of a new one.
pub(crate) fn unverified(reply: &Reply) -> Option<Verified> {
    let says = |text: &str| reply.refuses_with(text);
    if says("incorrect nonce") || says("in progress") || says("configuration found") {
        Some(Verified::Gone)
    } else if says("verification failed")
        || says("already been provided")
        || says("failed to compute")
        || says("key is shorter")
        || says("key is longer")
    {
        Some(Verified::Wrong)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::http::reply::tests::json_reply;

    fn refusal(text: &str) -> Reply {
        let body = serde_json::json!({ "errors": [text] });
        json_reply(400, &body.to_string(), "sys/rekey/update")
    }

    fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
        let lines = table.trim().lines();
        lines.map(|line| line.trim().split_once(": ").expect(line))
    }

    fn taken(body: &str) -> Result<NewShares, Error> {
        let taken = handed_out(&json_reply(200, body, "sys/rekey/update"))?;
        Ok(taken.expect("it is complete"))
    }

    /// What is meant, and the text that says it.
    const OF_OLD_SHARES: &str = "
        Gone: incorrect nonce supplied; nonce for this rekey operation is
        Gone: no rotation in progress
        Gone: rekey operation already finished; verification must be performed; nonce is
        Twice: given key has already been provided during this generation operation
        Wrong: recovery key verification failed: recovery key does not match submitted values
        Wrong: failed to read root key: invalid key: failed to decrypt keys from storage
        Undecided: recovery key verification failed: failed to decrypt encrypted stored keys: DisabledException
        Undecided: failed to read root key: context deadline exceeded
        Unreadable: 'key' must be a valid hex or base64 string
    ";

    #[test]
    fn what_each_server_says_of_a_share_is_understood_and_its_nonce_is_not_kept() {
        let nonce = "6a863d3e-9a16-bc88-ede0-1bf0ac153ff6";
        for (meaning, text) in rows(OF_OLD_SHARES) {
            let reply = refusal(&format!("{text} {nonce}"));
            assert_eq!(format!("{:?}", refused(&reply).unwrap()), meaning, "{text}");
            assert!(!format!("{}", reply.refusal()).contains(nonce));
        }
        assert!(refused(&refusal("permission denied")).is_none());
    }

    const OF_NEW_SHARES: &str = "
        Gone: incorrect nonce supplied; nonce for this verify operation is
        Gone: no rekey in progress
        Gone: no rotation configuration found
        Wrong: rekey verification failed; incorrect key shares supplied
        Wrong: failed to compute key for verification: duplicate part detected
    ";

    #[test]
    fn what_each_server_says_of_a_share_given_back_is_understood() {
        for (meaning, text) in rows(OF_NEW_SHARES) {
            let found = unverified(&refusal(text)).map(|found| format!("{found:?}"));
            assert_eq!(found.as_deref(), Some(meaning), "{text}");
        }
    }

    #[test]
    fn new_shares_are_taken_in_both_forms_and_only_if_they_are_to_be_verified() {
        let bare = r#"{"complete":true,"keys":["00","01"],"keys_base64":["AA==","AQ=="],
            "verification_required":true,"verification_nonce":"v"}"#;
        let enveloped = format!(r#"{{"request_id":"r","data":{bare}}}"#);
        for body in [bare, &enveloped] {
            let new = taken(body).unwrap();
            assert_eq!(new.shares[1].expose(), "AQ==");
            assert_eq!(new.verification, "v");
        }
        for broken in [
            bare.replace("\"verification_required\":true,", ""),
            bare.replace("\"v\"", "\"\""),
            bare.replace("AQ==", "AA=="),
            bare.replace("AQ==", "-----"),
            bare.replace(r#"["AA==","AQ=="]"#, "[]"),
        ] {
            let error = taken(&broken).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("AA=="), "{error}");
        }
    }
}
