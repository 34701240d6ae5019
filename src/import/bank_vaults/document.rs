//! The configuration within its file: which of several documents it is, and where in a resource of the operator it stands.

use crate::config::Foreign;

/// Its sections.
pub(super) const SECTIONS: [&str; 9] = [
    "audit",
    "auth",
    "group-aliases",
    "groups",
    "plugins",
    "policies",
    "purgeUnmanagedConfig",
    "secrets",
    "startupSecrets",
];
/// What a resource says about itself, and not about the servers.
const OF_RESOURCES: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// What the file has beside the configuration: a line, what stands there, and what it is.
pub(super) type Beside = (u32, String, &'static str);

/// Whether a line says anything.
fn says(line: &str) -> bool {
    let bare = line.trim();
    !bare.is_empty() && !bare.starts_with('#') && bare != "---" && bare != "..."
}

/// Whether nothing is said.
pub(super) fn is_empty(text: &str) -> bool {
    !text.lines().any(says)
}

/// The text with all documents but one emptied, so that lines stay where they are; and the line of each that is not read.
///
/// # Errors
/// The line of a document of which nobody knows whether it is meant.
pub(super) fn one_of(text: &str) -> Result<(String, Vec<u32>), u32> {
    let mut documents: Vec<(usize, Vec<&str>)> = vec![(1, Vec::new())];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_end();
        if bare == "---" || line.starts_with("--- ") {
            documents.push((number + 1, Vec::new()));
        }
        if let Some((_, lines)) = documents.last_mut() {
            lines.push(line);
        }
    }
    let says = |(_, lines): &(usize, Vec<&str>)| lines.iter().any(|line| says(line));
    let is_vault = |(_, lines): &(usize, Vec<&str>)| {
        let words = |line: &&str| line.split('#').next().map(str::trim_end) == Some("kind: Vault");
        lines.iter().any(words)
    };
    let full: Vec<bool> = documents.iter().map(says).collect();
    let mut chosen: Vec<usize> = (0..documents.len()).filter(|at| full[*at]).collect();
    if chosen.len() > 1 {
        let second = documents[chosen[1]].0;
        chosen.retain(|at| is_vault(&documents[*at]));
        if chosen.len() != 1 {
            return Err(u32::try_from(second).unwrap_or(u32::MAX));
        }
    }
    let (mut kept, mut others) = (String::with_capacity(text.len()), Vec::new());
    for (at, (line, lines)) in documents.iter().enumerate() {
        let is_chosen = chosen.first().is_none_or(|chosen| *chosen == at);
        if full[at] && !is_chosen {
            others.push(u32::try_from(*line).unwrap_or(u32::MAX));
        }
        for line in lines {
            let emptied = if line.ends_with('\n') { "\n" } else { "" };
            kept.push_str(if is_chosen { line } else { emptied });
        }
    }
    Ok((kept, others))
}

/// The configuration in a document, and what stands beside it.
pub(super) fn within(root: &Foreign) -> Option<(&Foreign, Vec<Beside>)> {
    let mut beside = Vec::new();
    let mut others = |map: &Foreign, prefix: &str, own: &str| {
        for (key, line, _) in map.entries() {
            if key == own || (prefix.is_empty() && OF_RESOURCES.contains(&key.as_str())) {
                continue;
            }
            let what = "it is about how servers are run, and not about what is in them";
            beside.push((*line, format!("{prefix}{key}"), what));
        }
    };
    if let Some(spec) = root.get("spec")
        && let Some(found) = spec.get("externalConfig")
    {
        others(root, "", "spec");
        others(spec, "spec.", "externalConfig");
        return Some((found, beside));
    }
    if let Some(found) = root.get("externalConfig") {
        others(root, "", "externalConfig");
        return Some((found, beside));
    }
    let has_section = SECTIONS.iter().any(|section| root.get(section).is_some());
    has_section.then_some((root, beside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_documents_the_resource_of_the_operator_is_read_and_its_lines_stay() {
        let text = "kind: Service\na: 1\n---\n# b\nkind: Vault # c\nspec: {}\n---\n\n";
        let (kept, others) = one_of(text).expect("one");
        assert_eq!(kept, "\n\n---\n# b\nkind: Vault # c\nspec: {}\n\n\n");
        assert_eq!(others, [1]);
        assert_eq!(one_of("---\na: 1\n---\n").expect("one").0, "---\na: 1\n\n");
        assert_eq!(one_of("a: 1\n---\nb: 2\n"), Err(2));
        assert_eq!(
            one_of("kind: Vault\n---\nkind: Vault\n"),
            Err(2),
            "two of them"
        );
        // A line in a text is none of these.
        let text = "a: |\n  ---\n  kind: Vault\n";
        assert_eq!(one_of(text).expect("one").0, text);
        assert_eq!(one_of("").expect("nothing").0, "");
    }
}
