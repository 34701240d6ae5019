//! Parts of the sentences that say a finding.

use jiff::Timestamp;

use crate::finding::detail::Detail;
use crate::shell::ShellCommand;
use crate::span;
use crate::step::Step;
use crate::vault::auth::scan::Found;

/// It is kept for later runs, so it names no file of this one.
pub(super) const ROTATED: &str = "once break-glass has been rehearsed, rotate the shares with verification: copy the file \
to OLD.yaml, write init.generation one higher in the file, then recovery rotate --from OLD.yaml";

/// What was not seen is not said to differ.
pub(super) fn against_the_file(step: Step, detail: &Detail) -> String {
    let name = step.name();
    if detail.is_unseen() {
        format!("{name}: {detail}")
    } else {
        format!("{name} differs from the file: {detail}")
    }
}

pub(super) fn files_of_this_machine(names: &[String]) -> String {
    let (shares, are, bring) = match names.len() {
        1 => ("share", "is a file", "it to its holder"),
        _ => ("shares", "are files", "them to their holders"),
    };
    let names = names.join(", ");
    format!(
        "the {shares} of {names} {are} of this machine, which the replica does not keep: bring {bring}, or use ssm"
    )
}

pub(super) fn one_trust_domain(domains: &[String], names: &[String], threshold: u32) -> String {
    let (domains, held, names) = (domains.join(" with "), names.len(), names.join(", "));
    let so = if u32::try_from(held).is_ok_and(|held| held < threshold) {
        "one holder counts more than once".to_owned()
    } else {
        format!("{threshold} are a quorum")
    };
    format!(
        "{domains} opens {held} of the shares ({names}), and {so}; if that is meant: init.accept_one_trust_domain: [{names}]"
    )
}

pub(super) fn apart(theirs: Timestamp, ours: Timestamp) -> String {
    let apart = theirs.duration_since(ours);
    let side = if apart.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    // To the minute, where a second tells nothing.
    let seconds = match apart.unsigned_abs().as_secs() {
        few @ 0..600 => few,
        many => many / 60 * 60,
    };
    format!("{} {side}", span::of_seconds(seconds))
}

/// To the second, as in the report.
pub(super) fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A root token that is valid, where the checkpoint has one.
pub(super) fn of_the_checkpoint(found: &Found, again: &ShellCommand) -> String {
    format!(
        "a root token is valid: {}; the checkpoint here keeps one of the ceremony that is not revoked yet: do not revoke \
         this by hand, go on with the ceremony first: {again}",
        found.line()
    )
}

/// What to do about a share that is not where it was stored, wherever that is said.
pub(crate) const GONE: &str = "restore it there (first see that directory, or region and account, are the right ones), or make new shares (recovery \
     rotate)";
/// The same, while there may be no new shares.
pub(super) const RESTORE: &str =
    "restore it there (first see that directory, or region and account, are the right ones)";

/// What makes new shares in the place of one that is lost: a quorum of the others, and only after the hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewShares {
    /// Nothing yet, and the others are a quorum.
    NotYet,
    /// Nothing: no quorum is left, and the ceremony has not come to its end.
    TooFewYet,
    /// The others do.
    Rotation,
    /// Nothing: no quorum is left.
    TooFew,
}

impl NewShares {
    /// Of a ceremony that is handed over or not, of whose shares enough are left or not.
    pub(crate) fn of(handed_over: bool, enough: bool) -> Self {
        match (handed_over, enough) {
            (false, true) => Self::NotYet,
            (false, false) => Self::TooFewYet,
            (true, true) => Self::Rotation,
            (true, false) => Self::TooFew,
        }
    }
}

/// What else may be done about a share that is gone.
pub(super) fn new_shares(by: NewShares) -> &'static str {
    match by {
        NewShares::NotYet => "",
        NewShares::TooFewYet => "; no quorum is left where they were stored",
        NewShares::Rotation => ", or make new shares (recovery rotate)",
        NewShares::TooFew => {
            "; fewer than a quorum are left where they were stored, which make neither a root token nor new shares: if it \
             is lost for good, move the data to a new cluster while this one is unsealed"
        }
    }
}

/// A login of the file, or whoever's token was given.
pub(super) fn who_looks(login: Option<&str>) -> String {
    match login {
        Some(name) => format!("the login {name}"),
        None => "the token that was given".to_owned(),
    }
}

/// Who may be tried where a login may not, and what writes it where there is nobody else.
pub(super) fn in_its_place(others: &[String], break_glass: &ShellCommand) -> String {
    if others.is_empty() {
        return format!(
            "no policy of the file lets another login by its role or user; write it by break-glass: {break_glass}"
        );
    }
    format!(
        "by the file another login may: apply --login NAME ({}); or write it by break-glass: {break_glass}",
        others.join(", ")
    )
}

/// Who may be tried where a login may not delete, and how it is deleted where there is nobody else.
pub(super) fn deletes_in_its_place(others: &[String]) -> String {
    if others.is_empty() {
        return "; no other login of the file can be tried: delete it with break-glass".to_owned();
    }
    format!(
        "; another login can be tried: apply --prune … --login NAME ({})",
        others.join(", ")
    )
}

/// What ends that something is used.
pub(super) fn take_out_there(users: &[String]) -> String {
    let mut users = users.iter();
    let enforcement = users.find(|path| path.starts_with("identity/mfa/login-enforcement/"));
    match enforcement {
        // No run deletes one: those whom it is about would need no second factor any more.
        Some(path) => format!(
            "take it out there first; an enforcement that is not in the file any more you delete yourself (on OpenBao with \
             bao): {}",
            ShellCommand::new("vault delete").with(path)
        ),
        None => "take it out there first".to_owned(),
    }
}

/// What deletes such a document, where it was made here; of what no run deletes, where it is found.
pub(super) fn pruned(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let kind = match parts[..] {
        ["sys", "policies", "acl", ..] => "policies",
        ["sys", "quotas", "rate-limit" | "lease-count", _] => "quotas",
        ["identity", "group" | "entity", "name", _, "alias", ..] => "aliases",
        ["identity", "group", ..] => "groups",
        ["identity", "entity", ..] => "entities",
        ["auth", .., "users", _] => "users",
        ["auth", .., "role" | "roles" | "certs" | "groups", _] => "roles",
        ["identity", "mfa", "method", of_type, _] => {
            let list = ShellCommand::new("vault list -detailed")
                .with(format!("identity/mfa/method/{of_type}"));
            return format!(" (by its id there; on OpenBao with bao: {list})");
        }
        _ => return String::new(),
    };
    format!("; what was made here: apply --prune {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clocks_that_are_apart_are_told_with_both_times() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let apart = |ours, theirs| {
            Finding::ClocksApart("http://a".into(), at(theirs), at(ours)).to_string()
        };
        assert_eq!(
            apart(7_260, 0),
            "the clock of http://a (1970-01-01T00:00:00Z) is 2h1m behind this machine's \
             (1970-01-01T02:01:00Z), which the times in this report are of"
        );
        let ahead = apart(0, 90);
        assert!(
            ahead.contains("is 1m30s ahead of this machine's"),
            "{ahead}"
        );
    }

    #[test]
    fn before_the_hand_over_nobody_is_told_to_rotate() {
        let gone = |handed_over, enough| {
            let by = NewShares::of(handed_over, enough);
            Finding::ShareGone("/a".into(), "bob".into(), by).to_string()
        };
        let restore = format!("the share of bob is not at /a, where it was stored: {RESTORE}");
        assert!(gone(true, true).ends_with(GONE));
        assert_eq!(gone(false, true), restore);
        let too_few = format!("{restore}; no quorum is left where they were stored");
        assert_eq!(gone(false, false), too_few);
        assert!(gone(true, true).contains("recovery rotate"));
        assert!(gone(true, false).contains("fewer than a quorum"));
    }

    #[test]
    fn who_may_not_write_is_told_who_else_can_be_tried() {
        let command = ShellCommand::new("vault-bootstrap break-glass");
        let said = in_its_place(&texts(&["admin", "ada"]), &command);
        assert!(said.contains("apply --login NAME (admin, ada)"), "{said}");
        assert!(
            said.ends_with("by break-glass: vault-bootstrap break-glass"),
            "{said}"
        );
        let said = in_its_place(&[], &command);
        assert!(
            said.starts_with("no policy of the file lets another login "),
            "{said}"
        );
    }

    #[test]
    fn what_can_be_deleted_is_told_with_what_deletes_it() {
        for (path, kind) in [
            ("sys/policies/acl/a", "policies"),
            ("auth/team/userpass/users/a", "users"),
            ("auth/approle/role/a", "roles"),
            ("identity/group/name/a/alias", "aliases"),
            ("identity/entity/name/a", "entities"),
        ] {
            assert!(
                pruned(path).ends_with(&format!("apply --prune {kind}")),
                "{path}"
            );
        }
        for path in [
            "sys/mounts/kv",
            "auth/oidc/config",
            "auth/approle/role/a/role-id",
        ] {
            assert_eq!(pruned(path), "", "{path}");
        }
    }

    #[test]
    fn one_share_and_many_are_told_in_their_own_grammar() {
        let files = |names| Finding::SharesAreFiles(texts(names)).to_string();
        let not_kept = "of this machine, which the replica does not keep: bring";
        let one = format!("the share of a is a file {not_kept} it to its holder, or use ssm");
        assert_eq!(files(&["a"]), one);
        let many =
            format!("the shares of a, b are files {not_kept} them to their holders, or use ssm");
        assert_eq!(files(&["a", "b"]), many);
    }
}
