//! The words for what a look found.

use std::fmt::{Display, Formatter, Result};

use crate::desired::Change;
use crate::desired::observation::Detail;

impl Display for Change {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Create => write!(formatter, "create"),
            Self::Differs {
                field,
                have: Some(have),
                want: Some(want),
            } => write!(formatter, "{field} is {have}, the file says {want}"),
            Self::Differs { field, .. } => {
                write!(formatter, "{field} differs (a secret, not shown)")
            }
            Self::NotRemembered { what } => {
                write!(formatter, "{what} is not known to be the same as last time")
            }
        }
    }
}

impl Display for Detail {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Document { path, change } => write!(formatter, "{path}: {change}"),
            Self::MayNotRead { paths } => {
                let first = paths.first().map_or("", String::as_str);
                write!(formatter, "this login may not read {first}")?;
                match paths.len() {
                    0 | 1 => Ok(()),
                    many => write!(formatter, " and {} more", many - 1),
                }
            }
            Self::SecretNotHere { path, fields } => {
                let fields = fields.join(", ");
                write!(
                    formatter,
                    "{fields} of {path}: the file's secret is not here"
                )
            }
            Self::Custodian { error } => write!(formatter, "{error}"),
            Self::NoMarker => write!(formatter, "no marker was found in the log yet"),
            Self::NoLogin => write!(formatter, "there is no login to look with"),
            Self::LoginsNotTried => write!(formatter, "logins are not tried again"),
            Self::NoDrill => write!(
                formatter,
                "no drill is held after the hand-over: vault-bootstrap rehearse holds one"
            ),
            Self::SharesMissing => write!(
                formatter,
                "shares are missing and no longer in the checkpoint"
            ),
            Self::RootTokensFound => {
                write!(formatter, "there are root tokens that are still valid")
            }
            Self::MayNotListAccessors => write!(formatter, "this login may not list accessors"),
            Self::SeeFindings => write!(formatter, "see the findings"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_login_may_not_read_is_said_by_name() {
        let said = |paths: &[&str]| {
            let paths = paths.iter().map(ToString::to_string).collect();
            Detail::MayNotRead { paths }.to_string()
        };
        assert_eq!(said(&["sys/a"]), "this login may not read sys/a");
        assert_eq!(
            said(&["sys/a", "sys/b", "sys/c"]),
            "this login may not read sys/a and 2 more"
        );
    }
}
