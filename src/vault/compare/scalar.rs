//! Single values: durations, numbers, addresses, certificates.

use std::borrow::Cow;

use serde_json::Number;

use crate::vault::http::Body;

const NANOS: i128 = 1_000_000_000;

pub(super) fn seconds_of(body: &Body) -> Option<i64> {
    match body {
        Body::Number(number) => seconds(&plain(number)),
        Body::String(text) => seconds(text),
        _ => None,
    }
}

/// `30` is seconds; else a sequence such as `1h30m`, `1.5h`, `500ms`, or days alone, `7d`. Whole seconds, as
/// the servers keep them.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0);
    }
    if let Ok(plain) = text.parse::<i64>() {
        return Some(plain);
    }
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut total: i128 = 0;
    // Each turn takes at least one character.
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        total = total.checked_add(part(number, unit)?)?;
        rest = tail;
    }
    i64::try_from(sign * total / NANOS).ok()
}

fn part(number: &str, unit: &str) -> Option<i128> {
    let nanos = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS,
        "m" => 60 * NANOS,
        "h" => 3_600 * NANOS,
        "d" => 86_400 * NANOS,
        _ => return None,
    };
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let mut total = digits(before)?.checked_mul(nanos)?;
    let places = u32::try_from(after.len()).ok()?;
    total = total.checked_add(digits(after)?.checked_mul(nanos)? / 10_i128.checked_pow(places)?)?;
    Some(total)
}

fn digits(text: &str) -> Option<i128> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

/// As the servers' language prints a duration of whole seconds: `1h0m0s`, `5m0s`, `30s`. A field with such an
/// answer is a duration, whatever its name.
pub(super) fn is_go_duration(text: &str) -> bool {
    let Some(total) = seconds(text).filter(|_| text.ends_with('s')) else {
        return false;
    };
    let (sign, total) = (if total < 0 { "-" } else { "" }, total.unsigned_abs());
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    let printed = match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    };
    printed == text
}

/// `1` and `1.0` are the same.
pub(super) fn plain(number: &Number) -> String {
    let text = number.to_string();
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// A single host is kept without its prefix length.
pub(super) fn tidy_cidr(text: Cow<'_, str>) -> Cow<'_, str> {
    let trimmed = text.trim();
    let host = if trimmed.contains(':') {
        trimmed.strip_suffix("/128")
    } else {
        trimmed.strip_suffix("/32")
    };
    Cow::Owned(host.unwrap_or(trimmed).to_owned())
}

/// Line ends and blanks around a certificate or key mean nothing.
pub(super) fn tidy_pem(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains("-----BEGIN") {
        return text;
    }
    Cow::Owned(text.trim().replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_whole_seconds() {
        let table = [
            ("8h", Some(28_800)),
            ("90m", Some(5_400)),
            ("1h30m", Some(5_400)),
            ("1.5h", Some(5_400)),
            ("1h30m5.5s", Some(5_405)),
            ("7d", Some(604_800)),
            ("30", Some(30)),
            ("-1", Some(-1)),
            ("-1m", Some(-60)),
            ("500ms", Some(0)),
            ("1500ms", Some(1)),
            ("0", Some(0)),
            ("", Some(0)),
            ("h", None),
            (".h", None),
            ("8x", None),
            ("8h5", None),
            ("1.2.3h", None),
            ("eight", None),
            ("99999999999999999999999999999999999999999h", None),
        ];
        for (text, expected) in table {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }
}
