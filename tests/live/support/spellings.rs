//! How one secret may be written.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// How much of the end of a secret is looked for alone: memory that was given back and used again often keeps it.
pub(super) const TAIL: usize = 16;

/// The spellings of one secret that are looked for.
pub(super) fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let url: String = secret.iter().map(|byte| percent(*byte)).collect();
    let mut found = vec![
        ("it is", secret.to_owned()),
        ("HEX", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
        ("URL-encoded", url.clone().into_bytes()),
        (
            "URL-encoded in small letters",
            url.to_lowercase().into_bytes(),
        ),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        let json = Value::from(text).to_string();
        let json = &json[1..json.len() - 1];
        found.push(("JSON", json.into()));
        found.push(("JSON with \\/", json.replace('/', "\\/").into()));
        let escaped = json.replace('+', "\\u002b").replace('=', "\\u003d");
        found.push(("JSON with \\u", escaped.into()));
    }
    for before in 0..3 {
        found.push(("base64", base64_within(&STANDARD_NO_PAD, secret, before)));
        let url = base64_within(&URL_SAFE_NO_PAD, secret, before);
        found.push(("base64url", url));
    }
    if secret.len() >= 2 * TAIL {
        found.push(("its end", secret[secret.len() - TAIL..].to_owned()));
    }
    // Most are the same as another one.
    let mut seen: Vec<Vec<u8>> = Vec::new();
    found.retain(|(_, text)| {
        let new = !seen.contains(text);
        seen.push(text.clone());
        new
    });
    found
}

/// The 32 bytes that an age identity spells in Bech32.
pub(super) fn identity_bytes(secret: &[u8]) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let letters = secret.strip_prefix(b"AGE-SECRET-KEY-1")?;
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    // The last six are its checksum.
    for letter in &letters[..letters.len().checked_sub(6)?] {
        let five = LETTERS.iter().position(|known| known == letter)?;
        held = (held << 5 | u32::try_from(five).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    (bytes.len() == 32).then_some(bytes)
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// What base64 makes of a secret inside of something longer, `before` bytes after the last whole group; the
/// letters at both ends that its neighbours have a part in are left out.
fn base64_within(engine: &impl Engine, secret: &[u8], before: usize) -> Vec<u8> {
    let mut bytes = vec![0; before];
    bytes.extend(secret);
    let whole = bytes.len() * 8 / 6;
    let text = engine.encode(bytes).into_bytes();
    text[(before * 8).div_ceil(6)..whole].to_owned()
}
