//! Where the shares of one file go: each to a place of its own, and none into the checkpoint's directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::code::Code;
use crate::custodian::Custodian;
use crate::failure::Failure;

/// Two custodians at one place, or one where this program writes its own files over it.
pub(crate) fn apart(custodians: &[Custodian], checkpoint: &Path, failures: &mut Vec<Failure>) {
    let own = checkpoint
        .canonicalize()
        .unwrap_or_else(|_| checkpoint.to_owned());
    let mut taken: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for custodian in custodians {
        let (name, place) = (custodian.name(), custodian.place());
        if place.starts_with(&own) {
            failures.push(
                Failure::usage(Code::SharePlaceConflict, format!(
                    "custodian {name}: {} is in the checkpoint's directory, where the report and others \
                     of its files would replace the share",
                    custodian.address()
                ))
                .advise("name a file outside checkpoint.path"),
            );
        }
        if let Some(other) = taken.insert(place, name) {
            failures.push(
                Failure::usage(
                    Code::SharePlaceConflict,
                    format!(
                        "custodians {other} and {name} keep their shares at one place: {}",
                        custodian.address()
                    ),
                )
                .advise("give each custodian a place of its own in the file"),
            );
        }
    }
}
