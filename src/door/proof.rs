//! What an open door proves: who it is, and what it may and may not do, asked with its own token.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::door::grant::allowed;
use crate::door::model::{Door, Expectations};
use crate::door::{named, reason};
use crate::failure::Problem;
use crate::vault::{self, AuthResponse, Client};

/// Uses of a token that a break-glass drill needs at least: status, start, a share each, proof, cancel, revoke.
const FEWEST_USES: i64 = 40;
/// To whom `lookup-self` or `capabilities-self` is denied.
const HOW_TO_LOOK: &str = "token_no_default_policy is set and no policy gives these back: read on \
     auth/token/lookup-self, update on auth/token/revoke-self and sys/capabilities-self";

/// Public facts of a login that opened and kept its promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorProof {
    /// The name in the file.
    pub door: String,
    /// Mount path of the auth method.
    pub mount: String,
    /// Names the token, which is revoked, in the audit log.
    pub accessor: String,
    /// Who it is; empty when the server keeps no entity for it.
    pub entity_id: String,
    /// The server's name for it: `userpass-ada`.
    pub display_name: String,
    /// Policies of the token.
    pub policies: Vec<String>,
    /// Policies of its entity and groups.
    pub identity_policies: Vec<String>,
    /// Seconds left when it was looked at; 0 means without end.
    pub ttl: i64,
    /// Whether it survives the revocation of root.
    pub orphan: bool,
    /// `service` or `batch`.
    pub token_type: String,
    /// How often it can be used; 0 is without limit.
    pub num_uses: i64,
    /// Namespace it belongs to; empty for the root namespace.
    pub namespace: String,
    /// What the server says about each path of `can` and `cannot`.
    pub capabilities: BTreeMap<String, Vec<String>>,
}

/// Asserts `can` and `cannot` with the login's own token, and says who it is.
///
/// # Errors
/// All expectations that do not hold, in one error; or that the login may not look at itself.
pub async fn prove(
    client: &Client,
    door: &Door,
    session: &AuthResponse,
) -> Result<DoorProof, Problem> {
    look(client, door, session)
        .await
        .map_err(|cause| named(client, door, cause))
}

async fn look(client: &Client, door: &Door, session: &AuthResponse) -> Result<DoorProof, Problem> {
    let token = &session.token;
    let blind = |path| {
        move |error: vault::Error| match error.status() {
            Some(403) => Problem::new(
                Code::LoginPowersOther,
                format!("it may not look at itself ({path} is denied)"),
            )
            .advise(HOW_TO_LOOK),
            _ => reason::unknown(error),
        }
    };
    let info = vault::auth::token::lookup_self(client, token)
        .await
        .map_err(blind("auth/token/lookup-self"))?;
    let paths: BTreeSet<&str> = door
        .can
        .keys()
        .chain(door.cannot.keys())
        .map(String::as_str)
        .collect();
    let paths: Vec<&str> = paths.into_iter().collect();
    let capabilities = if paths.is_empty() {
        BTreeMap::new()
    } else {
        vault::policies::capabilities_self(client, token, &paths)
            .await
            .map_err(blind("sys/capabilities-self"))?
    };
    let unmet = unmet(&door.can, &door.cannot, &capabilities);
    if !unmet.is_empty() {
        return Err(Problem::new(
            Code::LoginPowersOther,
            format!("it opened, but {}", unmet.join("; ")),
        )
        .advise("change the policies of the role, or can and cannot of the login"));
    }
    Ok(DoorProof {
        door: door.name.clone(),
        mount: door.mount.clone(),
        accessor: info.accessor,
        entity_id: info.entity_id,
        display_name: info.display_name,
        policies: info.policies,
        identity_policies: info.identity_policies,
        ttl: info.ttl,
        orphan: info.orphan,
        token_type: info.token_type,
        num_uses: info.num_uses,
        namespace: info.namespace_path.unwrap_or_default(),
        capabilities,
    })
}

/// Every expectation that does not hold, each as half a sentence.
fn unmet(
    can: &Expectations,
    cannot: &Expectations,
    have: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let held = |path: &str, capability: &str| {
        let found = have.get(path).map(Vec::as_slice).unwrap_or_default();
        allowed(found, capability)
    };
    let each = |expectations: &Expectations, wanted: bool| {
        let mut wrong = Vec::new();
        for (path, capabilities) in expectations {
            let list: Vec<&str> = capabilities
                .iter()
                .map(String::as_str)
                .filter(|one| held(path, one) != wanted)
                .collect();
            if !list.is_empty() {
                let verb = if wanted { "may not" } else { "may" };
                wrong.push(format!("{verb} {} {path}", list.join(", ")));
            }
        }
        wrong
    };
    let mut all = each(can, true);
    all.extend(each(cannot, false));
    all
}

/// Whether a login is fit to bring root back, policies apart: it must outlive root, be revocable,
/// belong to the root namespace and last for the whole of a drill.
///
/// # Errors
/// All reasons why it is not.
pub fn fit_for_break_glass(proof: &DoorProof) -> Result<(), Vec<String>> {
    let mut unfit = Vec::new();
    if proof.token_type == "batch" || proof.accessor.is_empty() {
        unfit.push(
            "its tokens are batch tokens, which cannot be revoked: set token_type to service"
                .to_owned(),
        );
    }
    if !proof.namespace.is_empty() {
        unfit.push(format!(
            "it belongs to namespace {}, and root is generated in the root namespace only",
            proof.namespace
        ));
    }
    if proof.num_uses != 0 && proof.num_uses < FEWEST_USES {
        unfit.push(format!(
            "its tokens may run out in the middle of a quorum: {} uses left, 0 (no limit) or {FEWEST_USES} are needed (token_num_uses)",
            proof.num_uses
        ));
    }
    if !proof.orphan {
        unfit.push("its token is a child and dies with the token that made it".to_owned());
    }
    if unfit.is_empty() { Ok(()) } else { Err(unfit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(list: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        list.iter()
            .map(|(path, all)| {
                (
                    (*path).to_owned(),
                    all.iter().map(|one| (*one).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn all_of_can_and_none_of_cannot() {
        let can = paths(&[("a", &["read", "update"]), ("b", &["list"])]);
        let cannot = paths(&[("c", &["delete", "sudo"])]);
        let good = paths(&[
            ("a", &["update", "read", "list"]),
            ("b", &["root"]),
            ("c", &["deny"]),
        ]);
        assert!(unmet(&can, &cannot, &good).is_empty());
        let bad = paths(&[("a", &["read"]), ("b", &["deny"]), ("c", &["root"])]);
        assert_eq!(
            unmet(&can, &cannot, &bad),
            ["may not update a", "may not list b", "may delete, sudo c"]
        );
        assert_eq!(unmet(&can, &cannot, &BTreeMap::new()).len(), 2);
    }

    #[test]
    fn unfit_doors_say_all_their_reasons() {
        let fit = DoorProof {
            door: "ada".into(),
            mount: "userpass".into(),
            accessor: "a".into(),
            entity_id: "e".into(),
            display_name: "userpass-ada".into(),
            policies: vec![],
            identity_policies: vec![],
            ttl: 900,
            orphan: true,
            token_type: "service".into(),
            num_uses: 0,
            namespace: String::new(),
            capabilities: BTreeMap::new(),
        };
        assert_eq!(fit_for_break_glass(&fit), Ok(()));
        let unfit = DoorProof {
            token_type: "batch".into(),
            namespace: "team/".into(),
            num_uses: 3,
            orphan: false,
            ..fit
        };
        assert_eq!(fit_for_break_glass(&unfit).unwrap_err().len(), 4);
    }
}
