//! Lengths of time, in the one spelling in which they are typed, stand in files and are printed: `90s` is `1m30s`.

use std::time::Duration;

/// Reads `30s`, `10m`, `1h30m`, `7d` or a number of seconds, as the servers do.
pub(crate) fn read(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let amount: u32 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            "d" => Duration::from_secs(86_400),
            _ => return None,
        };
        total = total.checked_add(unit.checked_mul(amount)?)?;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(total)
}

/// Whether both servers read this time: seconds, days alone (`7d`), or hours and what is shorter, also in parts (`1h30m`,
/// `1.5h`). Tried on OpenBao 2.6.2, 2.7.2 and Vault 1.21.1: none of them reads days beside anything else.
pub(crate) fn servers_read(text: &str) -> bool {
    let days = text.strip_suffix('d').unwrap_or(text);
    if !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let number =
            rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        let digits = &rest[..rest.len() - number.len()];
        let parts: Vec<&str> = digits.split('.').collect();
        if parts.concat().is_empty() || parts.len() > 2 {
            return false;
        }
        let unit = number.find(|letter: char| letter.is_ascii_digit() || letter == '.');
        let (unit, after) = number.split_at(unit.unwrap_or(number.len()));
        if !["ns", "us", "µs", "ms", "s", "m", "h"].contains(&unit) {
            return false;
        }
        rest = after;
    }
    !text.is_empty()
}

/// Writes it: hours, minutes and seconds without those that are none; what is below a second only where that is all.
pub(crate) fn text(time: Duration) -> String {
    if time.as_secs() == 0 && time.subsec_millis() > 0 {
        return format!("{}ms", time.subsec_millis());
    }
    of_seconds(time.as_secs())
}

/// The same of a number of seconds.
pub(crate) fn of_seconds(seconds: u64) -> String {
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let parts = parts.iter().filter(|(amount, _)| *amount > 0);
    let text: String = parts
        .map(|(amount, unit)| format!("{amount}{unit}"))
        .collect();
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_read_days_alone_and_parts_of_what_is_shorter() {
        for text in [
            "0", "900", "7d", "15m", "1h30m", "1.5h", ".5h", "1h1.5m", "500ms",
        ] {
            assert!(servers_read(text), "{text}");
        }
        for text in [
            "", "1d12h", "1.5d", "1h7d", "h", ".h", "1.2.3h", "15 m", "1w", "-1h", "1h30",
        ] {
            assert!(!servers_read(text), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (seconds, written) in [
            (0, "0s"),
            (1, "1s"),
            (59, "59s"),
            (60, "1m"),
            (90, "1m30s"),
            (300, "5m"),
            (3600, "1h"),
            (3601, "1h1s"),
            (5400, "1h30m"),
            (604_800, "168h"),
        ] {
            let time = Duration::from_secs(seconds);
            assert_eq!(text(time), written);
            assert_eq!(read(written), Some(time));
        }
        assert_eq!(text(Duration::from_millis(250)), "250ms");
        assert_eq!(text(Duration::from_millis(1250)), "1s");
    }

    #[test]
    fn what_is_no_length_of_time_is_not_read() {
        for (text, expected) in [
            ("30s", Some(30)),
            ("10m", Some(600)),
            ("1h30m", Some(5400)),
            ("7d", Some(604_800)),
            ("900", Some(900)),
            ("0", Some(0)),
            ("", None),
            ("thirty seconds", None),
            ("5 m", None),
            ("5 min", None),
            ("5x", None),
            ("h", None),
            ("-5m", None),
            ("5€", None),
            ("99999999999h", None),
        ] {
            assert_eq!(read(text), expected.map(Duration::from_secs), "{text}");
        }
    }
}
