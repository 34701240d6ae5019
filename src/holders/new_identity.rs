//! `custodian new NAME -o FILE`: a key for a holder, or for the checkpoint, in a file that nobody else reads.

use std::path::Path;

use crate::checkpoint;
use crate::config::yaml;
use crate::custodian::IdentityFile;
use crate::event::NewIdentity;
use crate::failure::Failure;

/// Whose key is no custodian's.
const CHECKPOINT: &str = "checkpoint";

/// Makes the key; what is secret of it stays in the file.
///
/// # Errors
/// Something has that name already, others could change what is there, or it cannot be written.
pub fn new_identity(name: &str, file: &Path) -> Result<NewIdentity, Failure> {
    let made = IdentityFile::make(file, name, &checkpoint::now())?;
    let recipient = made.recipients().concat();
    let (section, entry) = if name == CHECKPOINT {
        let key = yaml(&file.display().to_string());
        ("checkpoint", format!("key: {{identity: {key}}}"))
    } else {
        let (name, share) = (yaml(name), yaml(&format!("shares/{name}.age")));
        let entry = format!("- {{name: {name}, age: {{recipient: {recipient}, file: {share}}}}}");
        ("init.custodians", entry)
    };
    Ok(NewIdentity {
        name: name.to_owned(),
        file: file.to_owned(),
        section,
        entry,
        recipient,
    })
}
