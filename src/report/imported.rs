//! What `import` came to.

use crate::event::Imported;
use crate::shell::ShellCommand;

/// The file, or where it is.
pub(super) fn text(found: &Imported) -> String {
    match (&found.text, &found.file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => format!(
            "{} has what was read of {}: {} {}\n",
            file.display(),
            found.server,
            found.entries,
            if found.entries == 1 {
                "entry"
            } else {
                "entries"
            }
        ),
        (None, None) => String::new(),
    }
}

/// What is to be done with a file that was written.
pub(super) fn advice(made: &Imported) -> Option<(String, String)> {
    let file = made.file.as_ref()?;
    let command = ShellCommand::new("vault-bootstrap -c").with(file.display());
    let text = "write into it what no server tells, which stands at its end; then:".to_owned();
    Some((text, format!("    {command} plan --login NAME\n")))
}
