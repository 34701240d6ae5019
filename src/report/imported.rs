//! What `import` came to.

use crate::event::{Converted, Imported};
use crate::shell::ShellCommand;

/// The file, or where it is.
pub(super) fn text(found: &Imported) -> String {
    match (&found.text, &found.file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => format!(
            "{} has what was read of {}: {}\n",
            file.display(),
            found.server,
            counted(found.entries)
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

/// The file that was made of another program's, or where it is.
pub(super) fn text_of_converted(made: &Converted) -> String {
    match (&made.text, &made.file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => format!(
            "{} has what {} says: {}\n",
            file.display(),
            made.source.display(),
            counted(made.entries)
        ),
        (None, None) => String::new(),
    }
}

/// What is to be done with it.
pub(super) fn advice_on_converted(made: &Converted) -> Option<(String, String)> {
    let file = made.file.as_ref()?;
    let command = ShellCommand::new("vault-bootstrap -c").with(file.display());
    let text = "write into it what is missing, which stands at its end, and put each secret into its file; then:".to_owned();
    Some((text, format!("    {command} plan\n")))
}

fn counted(entries: usize) -> String {
    match entries {
        1 => "1 entry".to_owned(),
        more => format!("{more} entries"),
    }
}
