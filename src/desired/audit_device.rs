//! An audit device beside what the file says of it.

use crate::config::AuditDevice as Wanted;
use crate::finding::Change;
use crate::vault::audit::AuditDevice;

/// The stanza of OpenBao's configuration for a device: one attribute a line, all values texts.
pub(crate) fn stanza(device: &Wanted) -> String {
    let mut text = format!("audit \"{}\" \"{}\" {{\n", device.device_type, device.path);
    if !device.description.is_empty() {
        text.push_str(&format!(
            "  description = {}\n",
            quoted(&device.description)
        ));
    }
    text.push_str("  options {\n");
    for (name, value) in &device.options {
        text.push_str(&format!("    {name} = {}\n", quoted(value)));
    }
    text.push_str("  }\n}");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn is_raw(device: &AuditDevice) -> bool {
    // The servers read truth values as Go does: `TRUE` and `T` are true as well.
    let is_true = |value: &String| ["true", "1", "t"].contains(&value.to_lowercase().as_str());
    device.options.get("log_raw").is_some_and(is_true)
}

pub(crate) fn log_of(device: &AuditDevice) -> &str {
    let file = device.options.get("file_path");
    file.map_or("its log", String::as_str)
}

pub(crate) fn differences(wanted: &Wanted, there: &AuditDevice) -> Vec<Change> {
    let differs = |name: &str, have: String, want: String| {
        (have != want).then(|| Change::Differs {
            field: name.to_owned(),
            have,
            want,
        })
    };
    let quoted = |text: &str| format!("{text:?}");
    let own = [
        differs(
            "type",
            there.device_type.clone(),
            wanted.device_type.clone(),
        ),
        // A file that says nothing of a description leaves it to the server's own configuration.
        differs(
            "description",
            quoted(&there.description),
            quoted(&wanted.description),
        )
        .filter(|_| !wanted.description.is_empty()),
        differs("local", there.local.to_string(), wanted.local.to_string()),
    ];
    let options = wanted.options.iter();
    let options = options.map(|(name, value)| match there.options.get(name) {
        Some(have) => differs(name, have.clone(), value.clone()),
        None => Some(Change::NotSet {
            field: name.clone(),
            want: value.clone(),
        }),
    });
    own.into_iter().chain(options).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            path: "file".into(),
            device_type: "file".into(),
            description: String::new(),
            options: vec![("file_path".into(), "/var/log/\"a\".log".into())],
            local: false,
        }
    }

    #[test]
    fn the_stanza_can_be_pasted() {
        assert_eq!(
            stanza(&wanted()),
            "audit \"file\" \"file\" {\n  options {\n    file_path = \"/var/log/\\\"a\\\".log\"\n  }\n}"
        );
    }

    #[test]
    fn a_device_that_differs_is_told_with_both_values() {
        let there = AuditDevice {
            path: "file/".into(),
            device_type: "socket".into(),
            description: String::new(),
            options: [("file_path".to_owned(), "/x".to_owned())].into(),
            local: false,
        };
        let lines = differences(&wanted(), &there);
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        let file = "file_path is /x, the file says /var/log/\"a\".log";
        assert_eq!(lines, ["type is socket, the file says file", file]);
    }
}
