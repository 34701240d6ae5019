//! Plain text of a YAML file: which type it has, what `${NAME}` in it stands for, and how long `1h30m` is.
//!
//! Types follow the core schema of YAML 1.2: `yes`, `no`, `on` and `off` are text. Values of the environment never
//! come back in a message.

use serde_json::Number;

/// What a plain scalar is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    /// `0600`: octal for some readers and six hundred for others.
    LeadingZero,
}

/// Tells the type of a plain scalar.
pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Plain::Text;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Plain::LeadingZero;
        }
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        return unsigned
            .parse::<u64>()
            .map(Number::from)
            .or_else(|_| unsigned.parse::<i64>().map(Number::from))
            .map_or(Plain::Text, Plain::Number);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return u64::from_str_radix(rest, radix)
                .map_or(Plain::Text, |number| Plain::Number(number.into()));
        }
    }
    let number = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    match text
        .parse::<f64>()
        .ok()
        .filter(|_| number)
        .and_then(Number::from_f64)
    {
        Some(float) => Plain::Number(float),
        None => Plain::Text,
    }
}

/// Fills in `${NAME}`, `${NAME:-default}` and `${NAME:?why}`. `None` when there is nothing to fill in.
///
/// # Errors
/// What is wrong with each of them, without any value.
pub(super) fn interpolate(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Vec<String>> {
    let mut rest = text;
    let mut filled = String::new();
    let mut problems = Vec::new();
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((body, behind)) = after.split_once('}') else {
            problems.push(
                "`${` without `}`; put the text in single quotes where it is meant as it stands"
                    .into(),
            );
            rest = "";
            break;
        };
        match variable(body, env) {
            Ok(value) => filled.push_str(&value),
            Err(problem) => problems.push(problem),
        }
        rest = behind;
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if filled.is_empty() && rest.len() == text.len() {
        return Ok(None);
    }
    filled.push_str(rest);
    Ok(Some(filled))
}

/// The value of what stands between the braces.
fn variable(body: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let end = body
        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .unwrap_or(body.len());
    let (name, operator) = body.split_at(end);
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(
            "`${…}` takes the name of an environment variable: letters, digits and `_`".into(),
        );
    }
    let value = env(name);
    let filled = value.clone().filter(|value| !value.is_empty());
    match (operator.get(..2), value) {
        (None, Some(value)) if operator.is_empty() => Ok(value),
        (None, None) if operator.is_empty() => Err(format!(
            "the environment variable `{name}` is not set; export it, or write `${{{name}:-default}}`"
        )),
        (Some(":-"), _) => Ok(filled.unwrap_or_else(|| operator[2..].to_owned())),
        (Some(":?"), _) => filled.ok_or_else(|| match operator[2..].trim() {
            "" => format!("the environment variable `{name}` is not set"),
            why => format!("the environment variable `{name}` is not set: {why}"),
        }),
        _ => Err(format!(
            "after `${{{name}` only `}}`, `:-default}}` or `:?why}}` can follow"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_the_type_of_yaml_1_2() {
        let number = |text: &str| Plain::Number(serde_json::from_str(text).unwrap());
        for (text, expected) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("true", Plain::Bool(true)),
            ("yes", Plain::Text),
            ("no", Plain::Text),
            ("on", Plain::Text),
            ("y", Plain::Text),
            ("0", number("0")),
            ("8200", number("8200")),
            ("-3", number("-3")),
            ("+3", number("3")),
            ("1.5", number("1.5")),
            ("1e3", number("1000.0")),
            ("0x1f", number("31")),
            ("0o17", number("15")),
            ("0600", Plain::LeadingZero),
            ("8h", Plain::Text),
            ("10.0.0.0/16", Plain::Text),
            ("2026-01-01", Plain::Text),
            ("1.21.1", Plain::Text),
            (".inf", Plain::Text),
            ("-", Plain::Text),
            ("99999999999999999999", Plain::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn variables_are_filled_in_and_their_absence_is_explained() {
        let env = |name: &str| match name {
            "HOST" => Some("vault.internal".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let found = |text| interpolate(text, &env).map_err(|problems| problems.join("; "));
        for (text, filled) in [
            ("https://vault", None),
            ("a $HOME and a $", None),
            ("https://${HOST}:8200", Some("https://vault.internal:8200")),
            ("${HOST}${HOST}", Some("vault.internalvault.internal")),
            ("${EMPTY}", Some("")),
            ("${NOPE:-}", Some("")),
            ("${NOPE:-a default}", Some("a default")),
            ("${EMPTY:-a default}", Some("a default")),
        ] {
            assert_eq!(found(text), Ok(filled.map(str::to_owned)), "{text}");
        }
        for (text, why) in [
            (
                "${NOPE}",
                "the environment variable `NOPE` is not set; export it, or write `${NOPE:-default}`",
            ),
            (
                "${NOPE:?ask Ada}",
                "the environment variable `NOPE` is not set: ask Ada",
            ),
            (
                "${EMPTY:?ask Ada}",
                "the environment variable `EMPTY` is not set: ask Ada",
            ),
            (
                "${HOST",
                "`${` without `}`; put the text in single quotes where it is meant as it stands",
            ),
            (
                "${1A}",
                "`${…}` takes the name of an environment variable: letters, digits and `_`",
            ),
            (
                "${HOST+x}",
                "after `${HOST` only `}`, `:-default}` or `:?why}` can follow",
            ),
        ] {
            assert_eq!(found(text), Err(why.to_owned()), "{text}");
        }
    }
}
