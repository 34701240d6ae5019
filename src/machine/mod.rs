//! From which machine a cluster is looked at, and what that machine should see: one table. What it need not see lies on
//! another one; it is counted apart, and it is said where it is seen.

use schemars::JsonSchema;
use serde::Serialize;

/// From where somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// An operator's: what people have is at hand.
    Operator,
    /// A pipeline's: neither what people have nor what the server has.
    Pipeline,
    /// The server's own.
    Server,
}

/// What may lie on one machine and not on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Thing {
    /// The log that an audit device writes to the server's disk.
    AuditLog,
    /// A share with its custodian.
    CustodiansShare,
    /// What a reference of the file stands for.
    Secret,
    /// The record of a rehearsal, with its evidence.
    Rehearsal,
    /// The checkpoint of the ceremony.
    Checkpoint,
}

/// What it means where something was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unseen {
    /// A finding: this machine should see it.
    Found,
    /// It lies on another machine.
    Apart,
}

/// What was not seen, since it lies on another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Apart {
    /// What kind of thing it is.
    pub thing: Thing,
    /// Which, in words.
    pub what: String,
    /// On which machine it is seen, in words.
    pub on: String,
    /// The command that looks there, as it can be pasted.
    pub look: String,
}

impl Machine {
    /// Whether it is a finding where this machine does not see such a thing.
    pub(crate) fn sees(self, thing: Thing) -> bool {
        self.unseen(thing) == Unseen::Found
    }

    #[rustfmt::skip]
    fn unseen(self, thing: Thing) -> Unseen {
        use Unseen::{Apart, Found};
        //                   operator, pipeline, server
        let [operator, pipeline, server] = match thing {
            Thing::AuditLog        => [Apart, Apart, Found],
            Thing::CustodiansShare => [Found, Apart, Apart],
            Thing::Secret          => [Found, Apart, Apart],
            Thing::Rehearsal       => [Found, Apart, Apart],
            // Without it nobody knows what was done.
            Thing::Checkpoint      => [Found, Found, Found],
        };
        match self {
            Self::Operator => operator,
            Self::Pipeline => pipeline,
            Self::Server => server,
        }
    }
}

impl Thing {
    /// On which machine it is seen, and what is typed there, without the name of the program.
    pub(crate) fn is_seen(self) -> (&'static str, &'static str) {
        match self {
            Self::AuditLog => ("the server's own machine", "apply --check --from server"),
            Self::CustodiansShare | Self::Secret | Self::Checkpoint => {
                ("the operator's machine", "apply --check --from operator")
            }
            Self::Rehearsal => ("the machine where it was rehearsed", "status"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINES: [Machine; 3] = [Machine::Operator, Machine::Pipeline, Machine::Server];

    #[test]
    fn each_machine_should_see_what_is_its_own_and_each_cell_of_the_table_is_meant() {
        use Thing::{AuditLog, Checkpoint, CustodiansShare, Rehearsal, Secret};
        for (thing, finding) in [
            (AuditLog, [false, false, true]),
            (CustodiansShare, [true, false, false]),
            (Secret, [true, false, false]),
            (Rehearsal, [true, false, false]),
            (Checkpoint, [true, true, true]),
        ] {
            assert_eq!(MACHINES.map(|one| one.sees(thing)), finding, "{thing:?}");
            // What some machine need not see, the one that is named does.
            let (_, typed) = thing.is_seen();
            if typed.ends_with("--from server") {
                assert!(Machine::Server.sees(thing), "{thing:?}");
            } else {
                assert!(Machine::Operator.sees(thing), "{thing:?}");
            }
        }
    }
}
